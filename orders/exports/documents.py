"""Issued documents as a ZIP: the originals, and a list of them for the books."""

import shutil
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import IO
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from orders.domain.originals import OriginalDamaged, OriginalUnreadable, original_pdf
from orders.exports.cells import EXCEL, Kind, Row
from orders.exports.columns import OTHER, RATES, Column, vat_of_rates
from orders.exports.csv_file import csv_bytes, first_bytes
from orders.models import Document, DocumentKind
from vendors.models import Vendor

ZERO = Decimal("0.00")
LIST = "documents.csv"
IN_MEMORY = 1_000_000  # bytes of the list before it goes to the disk
COLUMNS = [
    Column("number", gettext_lazy("Document no.")),
    Column("kind", gettext_lazy("Document")),
    Column("issued_on", gettext_lazy("Date of issue")),
    Column("customer", gettext_lazy("Customer")),
    Column("order_number", gettext_lazy("Order no.")),
    Column("corrects", gettext_lazy("Corrects")),
    Column("currency", gettext_lazy("Currency")),
    *vat_of_rates(),
    Column("net", gettext_lazy("Total net"), Kind.AMOUNT),
    Column("vat", gettext_lazy("Total VAT"), Kind.AMOUNT),
    Column("gross", gettext_lazy("Total incl. VAT"), Kind.AMOUNT),
    Column("vat_in_euros", gettext_lazy("VAT in euros"), Kind.AMOUNT),
    Column("original", gettext_lazy("Original")),
]


def write_zip(
    documents: QuerySet[Document],
    vendor: Vendor,
    file: IO[bytes],
    *,
    at: datetime,
    on_damage: Callable[[Document, str], object],
) -> None:
    """Write a ZIP into ``file``: each original, byte for byte, under its number, then their list.

    Credit notes are negative in the list, whose words are in the language that is active now. An
    original that is damaged or unreadable is named there instead, and told to ``on_damage`` with
    the reason. ``at`` is when the list is made. Constant memory.
    """
    zone = ZoneInfo(vendor.time_zone)
    by_number = documents.select_related("order", "corrects").defer("corrects__snapshot")
    header = [column.label for column in COLUMNS]
    with zipfile.ZipFile(file, "w") as archive, tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as table:
        table.write(first_bytes(header, EXCEL))
        for document in by_number.order_by("kind", "year", "sequence").iterator(chunk_size=100):
            row = _put(archive, document, zone, on_damage)
            table.writelines(csv_bytes(COLUMNS, [[row]], EXCEL, zone))
        table.seek(0)
        made_at = at.astimezone(zone).timetuple()[:6]
        with archive.open(zipfile.ZipInfo(LIST, date_time=made_at), "w") as listed:
            shutil.copyfileobj(table, listed)


def _put(
    archive: zipfile.ZipFile,
    document: Document,
    zone: ZoneInfo,
    on_damage: Callable[[Document, str], object],
) -> Row:
    """Put the original into the archive; return what the list says of it."""
    local = document.issued_at.astimezone(zone)
    try:
        pdf = original_pdf(document)
    except (OriginalDamaged, OriginalUnreadable) as damage:
        on_damage(document, str(damage))
        return _row(document, str(damage))
    archive.writestr(zipfile.ZipInfo(f"{document.number}.pdf", date_time=local.timetuple()[:6]), pdf)
    return _row(document, f"{document.number}.pdf")


def _row(document: Document, original: str) -> Row:
    """Return what the list says of a document; of one whose contents cannot be read, what its row says."""
    said = document.snapshot
    sign = -1 if document.kind == DocumentKind.CREDIT_NOTE else 1
    groups, totals = said.get("groups", []), said.get("totals", {})
    buyer = said.get("buyer", {}).get("lines", [""])
    net, vat = (str(sign * Decimal(totals[name])) if name in totals else "" for name in ("net", "vat"))
    euros = said.get("euros")
    return [
        document.number,
        str(document.get_kind_display()),
        document.issued_on.isoformat(),
        buyer[0],
        document.order.number,
        document.corrects.number if document.corrects else "",
        document.currency,
        *_per_rate(groups, sign),
        net,
        vat,
        str(sign * document.total),
        vat if document.currency == "EUR" else str(sign * Decimal(euros["vat"])) if euros else "",
        original,
    ]


def _per_rate(groups: list[dict[str, str | None]], sign: int) -> Iterator[str]:
    """Yield net and VAT of each rate that has columns, then of all others together."""
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for group in groups:
        code = RATES.get(Decimal(group["rate"]), OTHER) if group["rate"] is not None else OTHER
        sums[code][0] += sign * Decimal(group["net"] or 0)
        sums[code][1] += sign * Decimal(group["vat"] or 0)
    for code in [*RATES.values(), OTHER]:
        yield from map(str, sums[code])
