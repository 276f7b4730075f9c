"""Where orders come from."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from vendors.models import Vendor


class Source(models.Model):
    """A storefront that reports orders; the marketplace's own door to ``change_status``."""

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("address"), max_length=80, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    confirms_refunds = models.BooleanField(
        _("carries out refunds itself"),
        default=False,
        help_text=_("A refund asked for here is then final only when the storefront reports it."),
    )

    class Meta:
        verbose_name = _("storefront")
        verbose_name_plural = _("storefronts")

    def __str__(self) -> str:
        return self.name


class SourceVendor(models.Model):
    """Which shop a storefront's vendor id stands for."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="vendors")
    external_id = models.CharField(_("storefront's vendor id"), max_length=60)
    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="source_vendors", verbose_name=_("shop"))

    class Meta:
        verbose_name = _("vendor of a storefront")
        verbose_name_plural = _("vendors of storefronts")
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="source_vendor_unique")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id} → {self.vendor}"
