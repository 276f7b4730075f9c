"""One action asked for many orders, and what came of each."""

from typing import Self

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from orders.models.orders import Order
from orders.states import VALIDATE
from vendors.models import Vendor
from vendors.scope import OwnedByShop, ScopedQuerySet


class BulkAction(models.TextChoices):
    VALIDATE = "validate", _("Validate")
    SHIP = "ship", _("Mark shipped")
    INVOICE = "invoice", _("Issue invoices")
    NOTES = "notes", _("Delivery notes in one PDF")
    ORIGINALS = "originals", _("Invoices and credit notes as a ZIP")
    UNDO = "undo", _("Undo validations")


DOWNLOADS = frozenset({BulkAction.NOTES, BulkAction.ORIGINALS})


def download_storage() -> Storage:
    """Where files wait for those who asked for them: the setting STORAGES["downloads"]."""
    return storages["downloads"]


class BulkJob(OwnedByShop):
    """One action for a selection of orders; each order is its own piece of work.

    Some make a ``file``, for the person who asked and until ``expires_at``: of all that its orders
    have, or of the ``documents`` (their ids) that were chosen among those of its orders.
    """

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="bulk_jobs", verbose_name=_("shop"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    action = models.CharField(_("action"), max_length=10, choices=BulkAction)
    asked_at = models.DateTimeField(_("asked at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    file = models.FileField(_("file"), storage=download_storage, max_length=200, blank=True)
    documents = models.JSONField(_("documents"), null=True, blank=True)
    expires_at = models.DateTimeField(_("file kept until"), null=True, blank=True)

    objects = ScopedQuerySet["BulkJob"].as_manager()

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        indexes = [models.Index(fields=["vendor", "-asked_at"], name="bulk_job_by_vendor")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {timezone.localtime(self.asked_at):%Y-%m-%d %H:%M}"


class BulkItemQuerySet(models.QuerySet["BulkItem"]):
    def undoable(self) -> Self:
        """Validations that were done, and after which nothing else has happened to the order."""
        return self.filter(state=BulkItem.State.DONE, order__status=VALIDATE[1], version=F("order__version"))


class BulkItem(models.Model):
    """One order of a bulk action: waiting, done, or refused with its reason.

    ``version`` is the order's that a validation left, and that undoing it must find.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("bulk action", "To do")
        DONE = "done", _("Done")
        UNCHANGED = "unchanged", _("Done already")
        REFUSED = "refused", _("Refused")

    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="items", verbose_name=_("bulk action"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="+", verbose_name=_("order"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.WAITING)
    why = models.CharField(_("why"), max_length=500, blank=True)
    version = models.PositiveIntegerField(_("version of the order"), null=True, blank=True)

    objects = BulkItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("order of a bulk action")
        verbose_name_plural = _("orders of bulk actions")
        constraints = [
            models.UniqueConstraint(fields=["job", "order"], name="bulk_item_unique"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "done", "unchanged", "refused"]),
                name="bulk_item_state_known",
            ),
        ]
        indexes = [models.Index(fields=["job", "state", "id"], name="bulk_item_by_state")]

    @property
    def is_undoable(self) -> bool:
        """Whether ``undoable()`` finds this row; ``order`` is loaded."""
        is_done = self.state == self.State.DONE and self.version == self.order.version
        return is_done and self.order.status == VALIDATE[1]

    @property
    def status_since(self) -> str:
        """The order's status by now, in words, where it has left the one that a validation gave it."""
        is_left = self.version is not None and self.order.status != VALIDATE[1]
        return self.order.get_status_display() if is_left and self.state == self.State.DONE else ""
