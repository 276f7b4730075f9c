"""What happened to an order, in order; append-only."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.models import AppendOnly, KeptForever
from orders.models.intake import Source
from orders.models.orders import Order
from orders.states import Actor, OrderStatus


class HistoryKind(models.TextChoices):
    """What an entry tells."""

    ARRIVED = "arrived", _("Order received")
    STATUS = "status", _("Status changed")
    STAGE = "stage", _("Stage changed")
    SHIPMENT = "shipment", _("Parcel shipped")
    REFUND = "refund", _("Refund")
    DOCUMENT = "document", _("Document issued")
    NOTE = "note", _("Note")
    CHANGED = "changed", _("Order changed at the storefront")
    MAIL = "mail", _("E-mail")


class AppendOnlyError(KeptForever):
    """The history of an order is only ever added to."""


class Note(models.Model):
    """Free text about an order; kept apart from the history so that it can be erased."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="notes", verbose_name=_("order"))
    text = models.TextField(_("text"))
    is_for_customer = models.BooleanField(_("for the customer"), default=False)
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )
    written_at = models.DateTimeField(_("written at"))
    external_id = models.CharField(_("storefront's id"), max_length=60, blank=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        constraints = [
            models.UniqueConstraint(
                fields=["order", "external_id"], condition=~Q(external_id=""), name="note_external_unique"
            )
        ]

    def __str__(self) -> str:
        return self.text[:60]


class HistoryEntry(AppendOnly):
    """One fact of an order's life: codes, ids and amounts only, no personal data.

    ``data`` holds what the kind needs, amounts as decimal strings. Rows are never changed
    nor deleted: refused here, by the admin and by triggers in the database.
    """

    refusal = AppendOnlyError
    never_changed = _("The history of an order is never changed.")
    never_deleted = _("The history of an order is never deleted.")

    order = models.ForeignKey(Order, models.PROTECT, related_name="history", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=10, choices=HistoryKind)
    at = models.DateTimeField(_("at"))
    actor = models.CharField(_("by"), max_length=6, choices=Actor)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    source = models.ForeignKey(
        Source, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("storefront")
    )
    old_status = models.CharField(_("from"), max_length=10, blank=True, choices=OrderStatus)
    new_status = models.CharField(_("to"), max_length=10, blank=True, choices=OrderStatus)
    note = models.ForeignKey(
        Note, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("note")
    )
    version = models.PositiveIntegerField(_("version of the order"), default=1)
    data = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        verbose_name = _("history entry")
        verbose_name_plural = _("history")
        indexes = [models.Index(fields=["order", "at", "id"], name="history_by_order")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=HistoryKind.values), name="history_kind_known"),
            models.CheckConstraint(condition=Q(actor__in=Actor.values), name="history_actor_known"),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.get_kind_display()}"


class StatusChangeManager(models.Manager["StatusChange"]):
    def get_queryset(self) -> models.QuerySet["StatusChange"]:
        return super().get_queryset().filter(kind=HistoryKind.STATUS)


class StatusChange(HistoryEntry):
    """An entry that tells of one step from a state to another."""

    objects: ClassVar[StatusChangeManager] = StatusChangeManager()

    class Meta:
        proxy = True
        verbose_name = _("status change")
        verbose_name_plural = _("status changes")
