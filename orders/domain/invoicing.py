"""Issuing: a number without gaps, a frozen snapshot, the original's bytes.

The rules are told in ``docs/rules/invoicing.md``.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from orders.documents.invoice import invoice_pdf
from orders.documents.parties import identity_of
from orders.documents.snapshot import Supply, invoice_snapshot
from orders.domain.history import By, record
from orders.domain.parcels import units_outstanding
from orders.domain.transitions import lock
from orders.models import (
    DeliveryNote,
    Document,
    DocumentKind,
    DocumentSeries,
    HistoryKind,
    Order,
    Shipment,
)
from orders.models.documents import document_storage
from orders.states import INVOICEABLE, OrderStatus
from vendors.models import LegalIdentity, User, Vendor

SIREN_DIGITS = 9
DELIVERED = frozenset({OrderStatus.COMPLETED, OrderStatus.REFUNDED})


class InvoiceRefused(Exception):
    """No invoice was issued and no number used; the message says why."""


class NotInvoiceable(InvoiceRefused):
    """The order's state has no invoice."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Order %(number)s is “%(status)s”, so no invoice can be issued for it.")
            % {"number": order.number, "status": order.get_status_display()}
        )


class IdentityIncomplete(InvoiceRefused):
    """The shop's legal identity lacks what an invoice must say; ``missing`` lists it."""

    def __init__(self, vendor: Vendor, missing: Sequence[str]) -> None:
        self.missing = list(missing)
        super().__init__(
            _("No invoice was issued. The legal identity of %(shop)s still lacks: %(missing)s.")
            % {"shop": vendor.name, "missing": get_text_list(self.missing, _("and"))}
        )


class OriginalDamaged(Exception):
    """The stored original is gone, or is not the one that was issued."""


@dataclass(frozen=True)
class Numbered:
    """A number taken from a series, with its date of issue in the shop's time zone."""

    year: int
    sequence: int
    number: str
    on: date


@transaction.atomic
def issue_invoice(order: Order, *, by: By, at: datetime) -> Document:
    """Issue the invoice of an order: number, snapshot, PDF, history; all of it or nothing.

    Locks the order and the shop's series of the year. An order that has its invoice already
    gives that one back. Raises NotInvoiceable, IdentityIncomplete, and
    ``orders.documents.renderer.CannotRender`` where Pango is missing; no number is used then,
    nor when anything else fails before the caller's transaction ends.
    """
    lock(order)
    if issued := invoice_of(order):
        return issued
    if order.status not in INVOICEABLE:
        raise NotInvoiceable(order)
    if missing := missing_identity(order.vendor):
        raise IdentityIncomplete(order.vendor, missing)
    taken = take_number(order.vendor, DocumentKind.INVOICE, at)
    snapshot = _snapshot(order, number=taken.number, on=taken.on)
    document = _store(order, taken, snapshot, by=by, at=at)
    data = {"document": document.pk, "number": document.number}
    record(order, HistoryKind.DOCUMENT, by=by, at=at, data=data)
    return document


def invoice_of(order: Order) -> Document | None:
    """Return the order's invoice, if it was issued."""
    return order.documents.filter(kind=DocumentKind.INVOICE).first()


def proforma_pdf(order: Order, *, at: datetime) -> bytes:
    """Return what the invoice would say today, titled « Proforma »; uses no number, stores nothing.

    Raises ``orders.documents.renderer.CannotRender``.
    """
    return invoice_pdf(_snapshot(order, number="", on=_day(order.vendor, at)))


def original_pdf(document: Document) -> bytes:
    """Return the bytes as they were issued; raises OriginalDamaged if they are not there any more."""
    try:
        with document_storage().open(document.pdf.name or "") as stored:
            pdf: bytes = stored.read()
    except FileNotFoundError as error:
        raise OriginalDamaged(
            _("The original of %(number)s is missing from the storage. Restore it from a backup.")
            % {"number": document.number}
        ) from error
    if hashlib.sha256(pdf).hexdigest() != document.sha256:
        raise OriginalDamaged(
            _("The stored file of %(number)s is not the one that was issued. Restore it from a backup.")
            % {"number": document.number}
        )
    return pdf


@transaction.atomic
def delivery_note(order: Order, shipment: Shipment | None = None, *, at: datetime) -> DeliveryNote:
    """Return the delivery note of a parcel, or of the whole order; numbered when it is first asked for.

    Locks the order and the shop's series, which may have gaps. Raises ValueError for another
    order's parcel.
    """
    if shipment is not None and shipment.order_id != order.pk:
        raise ValueError(f"Parcel {shipment} is not of order {order}.")
    lock(order)
    note = DeliveryNote.objects.filter(order=order, shipment=shipment).first()
    if note is None:
        taken = take_number(order.vendor, DocumentKind.DELIVERY_NOTE, at)
        note = DeliveryNote(number=taken.number, dated_on=taken.on)
        note.order, note.shipment = order, shipment
        note.save()
    note.order, note.shipment = order, shipment
    return note


def take_number(vendor: Vendor, kind: DocumentKind, at: datetime) -> Numbered:
    """Take the next number of the shop's series for the year of ``at``, in the caller's transaction.

    The series' row stays locked until that transaction ends: rolled back, the number is free
    again, so numbers have no gap; and no date is before the one of the number before it.
    """
    on = _day(vendor, at)
    key = DocumentSeries.objects.get_or_create(vendor=vendor, kind=kind, year=on.year)[0].pk
    series = DocumentSeries.objects.select_for_update().get(pk=key)
    series.last_number += 1
    series.last_issued_on = max(on, series.last_issued_on or on)
    series.save(update_fields=["last_number", "last_issued_on"])
    prefix = identity_of(vendor).prefix
    number = f"{prefix}-{kind.value}{on.year}-{series.last_number:06d}".removeprefix("-")
    return Numbered(on.year, series.last_number, number, series.last_issued_on)


def missing_identity(vendor: Vendor) -> list[str]:
    """Return what the shop's legal identity still lacks for invoices, each as a phrase; empty if nothing.

    Sources: CGI annexe II art. 242 nonies A; C. com. art. R123-237, R123-238, R526-27.
    """
    identity = identity_of(vendor)
    trader = identity.is_sole_trader
    address = [identity.address_1, identity.postcode, identity.city]
    has_form = bool(identity.legal_form.strip()) and identity.capital is not None
    needs_vat_number = not identity.is_franchise or bool(identity.vat_number)
    wanted = [
        (_("the legal name"), bool(identity.legal_name.strip())),
        (_("the legal form and the share capital, or that the seller is a sole trader"), trader or has_form),
        (_("the address with postcode and town"), all(part.strip() for part in address)),
        (_("a valid SIRET"), is_siret(identity.siret)),
        (_("the town of the trade register (RCS)"), trader or bool(identity.rcs_town.strip())),
        (_("a VAT number that belongs to the SIREN"), not needs_vat_number or has_vat_number(identity)),
        (_("the prefix of the numbers"), bool(re.fullmatch(r"[A-Z0-9]{1,12}", identity.prefix))),
    ]
    return [phrase for phrase, is_there in wanted if not is_there]


def is_siret(siret: str) -> bool:
    """Say whether these are 14 digits that pass Luhn's check, as their first nine (the SIREN) do."""
    return (
        bool(re.fullmatch(r"[0-9]{14}", siret)) and _passes_luhn(siret[:SIREN_DIGITS]) and _passes_luhn(siret)
    )


def has_vat_number(identity: LegalIdentity) -> bool:
    """Say whether the VAT number is FR, the SIREN's key, the SIREN: key = (12 + 3 × SIREN mod 97) mod 97."""
    if not identity.siren.isdecimal():
        return False
    key = (12 + 3 * (int(identity.siren) % 97)) % 97
    return "".join(identity.vat_number.split()).upper() == f"FR{key:02d}{identity.siren}"


def _passes_luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _snapshot(order: Order, *, number: str, on: date) -> dict[str, Any]:
    lines = list(order.lines.all())
    return invoice_snapshot(order, lines, date_of_supply(order), number=number, on=on)


def date_of_supply(order: Order) -> Supply:
    """Return when the order was supplied: its last parcel left, else it was completed, else paid.

    Before delivery the law has the date of payment stand in its place (CGI annexe II
    art. 242 nonies A, I, 10°); an order that is not paid has none.
    """
    last = order.shipments.order_by("-shipped_at").first()
    if last is not None and not units_outstanding(order):
        return Supply(last.shipped_at, is_delivery=True)
    if order.status in DELIVERED and order.completed_at:
        return Supply(order.completed_at, is_delivery=True)
    return Supply(order.paid_at if order.status in INVOICEABLE else None, is_delivery=False)


def _store(order: Order, taken: Numbered, snapshot: dict[str, Any], *, by: By, at: datetime) -> Document:
    """Keep the original: the file first, so that a stored row always has one.

    A file that a broken transaction left behind is never written over: after a database was
    restored from an old copy, it may be the only original there is.
    """
    pdf = invoice_pdf(snapshot)
    document = Document(
        vendor=order.vendor,
        order=order,
        kind=DocumentKind.INVOICE,
        year=taken.year,
        sequence=taken.sequence,
        number=taken.number,
        issued_on=taken.on,
        issued_at=at,
        issued_by=by if isinstance(by, User) else None,
        total=order.total,
        currency=order.currency,
        snapshot=snapshot,
        sha256=hashlib.sha256(pdf).hexdigest(),
    )
    name = f"{order.vendor_id}/{DocumentKind.INVOICE.value}{taken.year}/{taken.number}.pdf"
    document.pdf.name = document_storage().save(name, ContentFile(pdf))
    document.save()
    return document


def _day(vendor: Vendor, at: datetime) -> date:
    return at.astimezone(ZoneInfo(vendor.time_zone)).date()
