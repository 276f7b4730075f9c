"""Issued originals: a number without gaps, the stored file, and the chain that holds them together.

The rules are told in ``docs/rules/invoicing.md``, "Numbers" and "Frozen".
"""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.core.files.base import ContentFile
from django.utils import timezone
from django.utils.translation import gettext as _

from orders.documents.parties import identity_of
from orders.documents.renderer import CannotRender
from orders.documents.snapshot import Snapshot
from orders.domain.history import By
from orders.domain.rehearsal import is_rehearsed, paper
from orders.models import Document, DocumentKind, DocumentSeries, Order, Refund
from orders.models.documents import document_storage
from vendors.models import User, Vendor

CLOCKS_DIFFER = timedelta(minutes=5)  # those of the marketplace's own machines, at most
FIRST = "0" * 64  # what stands in place of a chain hash before the first document of a series
logger = logging.getLogger(__name__)


class NotYet(ValueError):
    """A document of tomorrow would give its date to all that follow it in the series."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"No document is issued in the future: {at.isoformat()} is yet to come.")


class OriginalDamaged(Exception):
    """The stored original is gone, or is not the one that was issued."""


class OriginalUnreadable(Exception):
    """The storage does not give the original now; it may give it later."""

    def __init__(self, document: Document) -> None:
        super().__init__(
            _("The original of %(number)s cannot be read from the storage now. Try again later.")
            % {"number": document.number}
        )


class OriginalNotKept(CannotRender):
    """The storage did not take the original, so nothing was issued."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "The document could not be stored, so it was not issued and no number was used. "
                "Try again later."
            )
        )


@dataclass(frozen=True)
class Numbered:
    """A number taken from a series, with its date of issue in the shop's time zone."""

    kind: DocumentKind
    year: int
    sequence: int
    number: str
    on: date


def take_number(
    vendor: Vendor, kind: DocumentKind, at: datetime, *, prefix: str = "", not_before: date = date.min
) -> Numbered:
    """Take the next number of the shop's series for the year of ``at``, in the caller's transaction.

    The series' row stays locked until that transaction ends: rolled back, the number is free
    again, so numbers have no gap; and no date is before the one of the number before it, nor
    before ``not_before``, the date of what the document corrects. ``prefix`` stands in where the
    shop has none. Raises NotYet for a moment that is to come.
    """
    if at > timezone.now() + CLOCKS_DIFFER:
        raise NotYet(at)
    on = max(day_of(vendor, at), not_before)
    series = lock_series(vendor, kind, on)
    series.last_number += 1
    series.last_issued_on = max(on, series.last_issued_on or on)
    series.save(update_fields=["last_number", "last_issued_on"])
    return _numbered(series, prefix)


def lock_series(vendor: Vendor, kind: DocumentKind, on: date) -> DocumentSeries:
    """Lock the shop's series of the year of ``on`` until the transaction ends; one that is new is begun.

    Who locks both locks the invoices' before the credit notes', as ``issue_invoice`` does: two
    who wait for each other would both fail.
    """
    key = DocumentSeries.objects.get_or_create(vendor=vendor, kind=kind, year=on.year)[0].pk
    series = DocumentSeries.objects.select_for_update().get(pk=key)
    series.vendor = vendor
    return series


def _numbered(series: DocumentSeries, prefix: str) -> Numbered:
    kind, on = DocumentKind(series.kind), series.last_issued_on
    if on is None:
        raise ValueError("A number has a date.")
    prefix = identity_of(series.vendor).prefix or prefix
    number = f"{prefix}-{kind.value}{series.year}-{series.last_number:06d}".removeprefix("-")
    return Numbered(kind, series.year, series.last_number, number, on)


def store(
    order: Order,
    taken: Numbered,
    snapshot: Snapshot,
    render: Callable[[Snapshot], bytes],
    *,
    by: By,
    at: datetime,
    corrects: Document | None = None,
    replaces: Document | None = None,
    refund: Refund | None = None,
) -> Document:
    """Keep the original: the file first, so that a stored row always has one.

    The caller holds the lock of the series. A file that a broken transaction left behind is
    never written over: after a database was restored from an old copy, it may be the only
    original there is. Raises OriginalNotKept where the storage fails.
    """
    pdf = paper(render, snapshot)
    document = Document(
        vendor=order.vendor,
        order=order,
        corrects=corrects,
        replaces=replaces,
        refund=refund,
        kind=taken.kind,
        year=taken.year,
        sequence=taken.sequence,
        number=taken.number,
        issued_on=taken.on,
        issued_at=at,
        issued_by=by if isinstance(by, User) else None,
        total=Decimal(snapshot["totals"]["gross"]),
        currency=order.currency,
        snapshot=snapshot,
        sha256=hashlib.sha256(pdf).hexdigest(),
        previous_hash=_last_hash(order.vendor, taken),
    )
    document.chain_hash = chain_hash(document)
    if not is_rehearsed():
        name = f"{order.vendor_id}/{taken.kind.value}{taken.year}/{taken.number}.pdf"
        document.pdf.name = _kept(name, pdf)
    document.save()
    return document


def _kept(name: str, pdf: bytes) -> str:
    """Store an original's file; return the name that the storage gave it."""
    try:
        return document_storage().save(name, ContentFile(pdf))
    except Exception as error:  # each kind of storage has errors of its own
        logger.exception("The original %s could not be stored.", name)
        raise OriginalNotKept from error


def chain_hash(document: Document) -> str:
    """Return the hash that ties a document to the one before it, of all that must never change."""
    said = {
        "previous": document.previous_hash,
        "number": document.number,
        "issued_on": document.issued_on.isoformat(),
        "pdf": document.sha256,
        "snapshot": document.snapshot,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def original_pdf(document: Document) -> bytes:
    """Return the bytes as they were issued.

    Raises OriginalDamaged if they are not there any more, OriginalUnreadable where the storage fails.
    """
    try:
        with document_storage().open(document.pdf.name or "") as stored:
            pdf: bytes = stored.read()
    except FileNotFoundError as error:
        raise OriginalDamaged(
            _("The original of %(number)s is missing from the storage. Restore it from a backup.")
            % {"number": document.number}
        ) from error
    except Exception as error:  # each kind of storage has errors of its own
        logger.exception("The original of %s could not be read.", document.number)
        raise OriginalUnreadable(document) from error
    if hashlib.sha256(pdf).hexdigest() != document.sha256:
        raise OriginalDamaged(
            _("The stored file of %(number)s is not the one that was issued. Restore it from a backup.")
            % {"number": document.number}
        )
    return pdf


def day_of(vendor: Vendor, at: datetime) -> date:
    """Return the day of ``at`` in the shop's time zone."""
    return at.astimezone(ZoneInfo(vendor.time_zone)).date()


def _last_hash(vendor: Vendor, taken: Numbered) -> str:
    series = Document.objects.filter(vendor=vendor, kind=taken.kind, year=taken.year)
    return series.order_by("-sequence").values_list("chain_hash", flat=True).first() or FIRST
