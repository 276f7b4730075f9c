"""Money given back."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.history import Note
from orders.models.intake import Source
from orders.models.orders import Order, OrderLine
from vendors.models import MONEY


class RefundProgress(models.TextChoices):
    """A refund that the storefront carries out is requested first; only a confirmed one counts."""

    REQUESTED = "requested", _("Requested")
    CONFIRMED = "confirmed", _("Confirmed")
    FAILED = "failed", _("Failed")


class Refund(models.Model):
    """An amount given back to the customer, incl. VAT.

    It is nothing where units came back without money, or where a free order was stopped.

    A requested refund reserves its amount; lines, stock, gains and state of the order follow
    when it is confirmed. A failed one keeps the storefront's ``answer``.
    ``is_spread`` says that the refund came without lines and was spread over what was left;
    ``awaits_lines`` that its lines can still be asked of the storefront: until they are in
    (``orders.domain.refund_lines.set_refund_lines``), no credit note is issued for it.
    """

    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds", verbose_name=_("order"))
    progress = models.CharField(
        _("progress"), max_length=9, choices=RefundProgress, default=RefundProgress.CONFIRMED
    )
    answer = models.CharField(_("storefront's answer"), max_length=500, blank=True)
    external_id = models.CharField(_("storefront's id"), max_length=60, blank=True)
    amount = models.DecimalField(_("amount incl. VAT"), **MONEY)
    commission_given_back = models.DecimalField(_("commission given back"), **MONEY)
    is_spread = models.BooleanField(_("spread over all lines"), default=False)
    awaits_lines = models.BooleanField(_("waits for its lines"), default=False)
    reason = models.ForeignKey(
        Note, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reason")
    )
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    source = models.ForeignKey(
        Source, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("storefront")
    )

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "external_id"], condition=~Q(external_id=""), name="refund_external_unique"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="refund_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(progress__in=RefundProgress.values), name="refund_progress_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} −{self.amount}"

    @property
    def minus(self) -> Decimal:
        """The amount as a term of a sum."""
        return -self.amount


class RefundLine(models.Model):
    """What a refund took from one line: units, amount incl. VAT, units back on the shelf."""

    refund = models.ForeignKey(Refund, models.PROTECT, related_name="lines", verbose_name=_("refund"))
    line = models.ForeignKey(
        OrderLine, models.PROTECT, related_name="refund_lines", verbose_name=_("order line")
    )
    units = models.PositiveIntegerField(_("units"), default=0)
    units_back = models.PositiveIntegerField(_("units back on the shelf"), default=0)
    amount = models.DecimalField(_("amount incl. VAT"), **MONEY)
    commission_given_back = models.DecimalField(_("commission given back"), **MONEY)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["refund", "line"], name="refund_line_unique")]
