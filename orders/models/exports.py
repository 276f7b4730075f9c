"""Who took which orders out."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from vendors.models import Vendor
from vendors.scope import OwnedByShop, ScopedQuerySet

NAMES_A_PERSON = frozenset({"customer"})  # filters whose value an export's row does not keep


class ExportLog(OwnedByShop):
    """One export: who, when, which filters, how many rows; ``rows`` stays empty for one broken off.

    ``filters`` is the query string, with ``*`` for what names a customer; ``ticked=2`` where two
    orders were ticked one by one.
    """

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="exports", verbose_name=_("shop"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("person")
    )
    at = models.DateTimeField(_("at"), auto_now_add=True)
    format = models.CharField(_("format"), max_length=30)
    filters = models.CharField(_("filters"), max_length=500, blank=True)
    rows = models.PositiveIntegerField(_("rows"), null=True, blank=True)

    objects = ScopedQuerySet["ExportLog"].as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.vendor} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"
