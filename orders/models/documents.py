"""Issued documents: numbered without gaps, frozen."""

import re
from typing import Any, NoReturn, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext_lazy as _

from orders.models.fulfillment import Shipment
from orders.models.orders import Order
from orders.models.refunds import Refund
from vendors.models import MONEY, Vendor
from vendors.scope import OwnedByShop, ScopedQuerySet


def document_storage() -> Storage:
    """Where the originals are kept: the setting STORAGES["documents"]."""
    return storages["documents"]


class DocumentKind(models.TextChoices):
    """The letter stands in the number: ``RDB-F2026-000042``."""

    INVOICE = "F", _("Invoice")
    CREDIT_NOTE = "A", _("Credit note")
    DELIVERY_NOTE = "BL", _("Delivery note")


class DocumentSeries(models.Model):
    """The counter of one shop, kind and year; its row is locked while a number is taken."""

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="document_series", verbose_name=_("shop"))
    kind = models.CharField(_("kind"), max_length=2, choices=DocumentKind)
    year = models.PositiveSmallIntegerField(_("year"))
    last_number = models.PositiveIntegerField(_("last number"), default=0)
    last_issued_on = models.DateField(_("date of the last"), null=True, blank=True)

    class Meta:
        verbose_name = _("document series")
        verbose_name_plural = _("document series")
        constraints = [
            models.UniqueConstraint(fields=["vendor", "kind", "year"], name="document_series_unique")
        ]

    def __str__(self) -> str:
        return f"{self.vendor} {self.kind}{self.year}"


class IssuedIsFrozen(Exception):
    """An issued document is neither changed nor deleted; a correction is another document."""


class FrozenFile(FieldFile):
    """The original's file: it is read, never deleted nor written over."""

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise IssuedIsFrozen(_("The file of %(name)s is stored by issuing alone.") % {"name": self.instance})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise IssuedIsFrozen(_("The file of %(name)s is never deleted.") % {"name": self.instance})


class FrozenFileField(models.FileField):
    """A file field whose file stays as it was issued; to the database an ordinary one."""

    attr_class = FrozenFile

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.FileField", args, kwargs


class DocumentQuerySet(ScopedQuerySet["Document"]):
    """Business words for documents."""

    def open_invoices(self) -> Self:
        """Keep the invoices that no credit note took back whole (one without a refund does)."""
        notes = Document.objects.filter(corrects=OuterRef("pk"), refund=None)
        return self.filter(~Exists(notes), kind=DocumentKind.INVOICE)


class Document(OwnedByShop):
    """A document as it was issued: ``snapshot`` is all it says, ``pdf`` the original's bytes.

    Never changed, never deleted. ``sha256`` is of the PDF's bytes. ``chain_hash`` is of number, date,
    snapshot, ``sha256`` and the chain hash of the document before it in the series
    (``previous_hash``, zeros for the first): whoever alters one document breaks the chain from
    there on. A credit note corrects an invoice, for one ``refund`` or, without, all that is left;
    its total is positive. An invoice ``replaces`` one that was taken back whole.
    """

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="documents", verbose_name=_("shop"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="documents", verbose_name=_("order"))
    corrects = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="corrections", verbose_name=_("corrects")
    )
    replaces = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="replaced_by",
        verbose_name=_("replaces"),
    )
    refund = models.ForeignKey(
        Refund, models.PROTECT, null=True, blank=True, related_name="credit_notes", verbose_name=_("refund")
    )
    kind = models.CharField(_("kind"), max_length=2, choices=DocumentKind)
    year = models.PositiveSmallIntegerField(_("year"))
    sequence = models.PositiveIntegerField(_("sequence"))
    number = models.CharField(_("number"), max_length=35)
    issued_on = models.DateField(_("date of issue"))
    issued_at = models.DateTimeField(_("issued at"))
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    total = models.DecimalField(_("total incl. VAT"), **MONEY)
    currency = models.CharField(_("currency"), max_length=3)
    snapshot = models.JSONField(_("what it says"))
    pdf = FrozenFileField(_("original"), storage=document_storage, max_length=200)
    sha256 = models.CharField("SHA-256", max_length=64)
    previous_hash = models.CharField(_("chain hash of the one before"), max_length=64, default="")
    chain_hash = models.CharField(_("chain hash"), max_length=64, default="")

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ["vendor", "kind", "year", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["vendor", "number"], name="document_number_unique"),
            models.UniqueConstraint(
                fields=["vendor", "kind", "year", "sequence"], name="document_sequence_unique"
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(kind="F", replaces=None),
                name="document_one_invoice_per_order",
            ),
            models.UniqueConstraint(
                fields=["vendor", "kind", "year", "previous_hash"], name="document_chain_has_no_fork"
            ),
            models.UniqueConstraint(fields=["refund", "corrects"], name="document_one_note_per_refund"),
            models.CheckConstraint(
                condition=~Q(previous_hash="") & ~Q(chain_hash=""), name="document_is_in_the_chain"
            ),
            models.CheckConstraint(
                condition=Q(kind="A", corrects__isnull=False)
                | (~Q(kind="A") & Q(corrects=None, refund=None)),
                name="document_credit_note_corrects",
            ),
        ]
        indexes = [
            models.Index(fields=["vendor", "-issued_at", "-id"], name="document_by_vendor"),
            models.Index(fields=["issued_on"], name="document_by_day"),
            models.Index(fields=["number"], name="document_by_number"),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the document; raises IssuedIsFrozen for one that is stored already."""
        if not self._state.adding:
            raise IssuedIsFrozen(
                _("Document %(number)s is issued and cannot be changed.") % {"number": self.number}
            )
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise IssuedIsFrozen(
            _("Document %(number)s is issued and cannot be deleted.") % {"number": self.number}
        )


class DeliveryNote(models.Model):
    """A delivery note of a parcel, or of the whole order: its number, its date and what it says.

    ``said`` is kept as it was when the note got its number, but forgotten with the order's personal data:
    then it is told anew, of what is left. When the order has come further there is a next note;
    the series may have gaps.
    """

    order = models.ForeignKey(Order, models.PROTECT, related_name="delivery_notes", verbose_name=_("order"))
    shipment = models.ForeignKey(
        Shipment, models.PROTECT, null=True, blank=True, related_name="delivery_notes"
    )
    number = models.CharField(_("number"), max_length=35)
    dated_on = models.DateField(_("date"))
    said = models.JSONField(_("what it says"), default=dict, blank=True)

    class Meta:
        verbose_name = _("delivery note")
        verbose_name_plural = _("delivery notes")
        indexes = [models.Index(fields=["number"], name="delivery_note_by_number")]

    def __str__(self) -> str:
        return self.number


class ExchangeRate(models.Model):
    """What one unit of a currency was worth in euros on a day, as the Banque de France publishes it."""

    currency = models.CharField(_("currency"), max_length=3)
    on = models.DateField(_("on"))
    euros = models.DecimalField(_("euros for one unit"), max_digits=14, decimal_places=8)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [
            models.UniqueConstraint(fields=["currency", "on"], name="exchange_rate_unique"),
            models.CheckConstraint(condition=Q(euros__gt=0), name="exchange_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.euros} EUR ({self.on})"

    def clean(self) -> None:
        """Refuse what is no code of a currency (ISO 4217: three letters), and the euro, which has no rate."""
        self.currency = self.currency.strip().upper()
        if not re.fullmatch(r"[A-Z]{3}", self.currency) or self.currency == "EUR":
            raise ValidationError(
                {"currency": _("A currency has a code of three letters, such as USD; euros have no rate.")}
            )
