"""Parcels."""

from urllib.parse import quote

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orders.models.orders import Order, OrderLine


class Carrier(models.TextChoices):
    COLISSIMO = "colissimo", "Colissimo"
    CHRONOPOST = "chronopost", "Chronopost"
    MONDIAL_RELAY = "mondial-relay", "Mondial Relay"
    UPS = "ups", "UPS"
    DHL = "dhl", "DHL"
    LA_POSTE = "la-poste", "La Poste"
    OTHER = "other", _("Other carrier")


TRACKING_PAGES = {
    Carrier.COLISSIMO: "https://www.laposte.fr/outils/suivre-vos-envois?code={}",
    Carrier.LA_POSTE: "https://www.laposte.fr/outils/suivre-vos-envois?code={}",
    Carrier.CHRONOPOST: "https://www.chronopost.fr/tracking-no-cms/suivi-page?listeNumerosLT={}",
    Carrier.MONDIAL_RELAY: "https://www.mondialrelay.fr/suivi-de-colis/?numeroExpedition={}",
    Carrier.UPS: "https://www.ups.com/track?loc=fr_FR&tracknum={}",
    Carrier.DHL: "https://www.dhl.com/fr-fr/home/tracking.html?tracking-id={}",
}


class Shipment(models.Model):
    """One parcel of an order, numbered from 1 within it."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="shipments", verbose_name=_("order"))
    number = models.PositiveSmallIntegerField(_("parcel"))
    carrier = models.CharField(_("carrier"), max_length=20, choices=Carrier, blank=True)
    tracking_number = models.CharField(_("tracking number"), max_length=60, blank=True)
    shipped_at = models.DateTimeField(_("shipped at"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="shipment_number_unique")]

    def __str__(self) -> str:
        return f"{self.order} / {self.number}"

    @property
    def tracking_url(self) -> str:
        """The carrier's page for this parcel, or empty."""
        page = TRACKING_PAGES.get(Carrier(self.carrier)) if self.carrier else None
        return page.format(quote(self.tracking_number, safe="")) if page and self.tracking_number else ""


class ShipmentLine(models.Model):
    """How many units of a line are in a parcel."""

    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="lines", verbose_name=_("parcel"))
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="shipped", verbose_name=_("order line"))
    units = models.PositiveIntegerField(_("units"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shipment", "line"], name="shipment_line_unique"),
            models.CheckConstraint(condition=Q(units__gte=1), name="shipment_line_units_positive"),
        ]
