"""Stock as a ledger: every movement a row, unique per cause."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.orders import OrderLine
from vendors.models import Product


class StockMovement(models.Model):
    """Units that came to or left a product's shelf; a product's stock is the sum of its rows.

    ``cause`` names what moved them and is unique, so that a repeated cause moves nothing:
    ``change:<history id>:line:<id>``, ``refund:<id>:line:<id>``, ``count:<product id>:<n>``.
    """

    product = models.ForeignKey(Product, models.PROTECT, related_name="movements", verbose_name=_("product"))
    line = models.ForeignKey(
        OrderLine,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="movements",
        verbose_name=_("order line"),
    )
    cause = models.CharField(_("cause"), max_length=80, unique=True)
    units = models.IntegerField(_("units"))
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        indexes = [models.Index(fields=["product", "-at", "-id"], name="movement_by_product")]
        constraints = [models.CheckConstraint(condition=~Q(units=0), name="movement_moves")]

    def __str__(self) -> str:
        return f"{self.units:+d} {self.product}"
