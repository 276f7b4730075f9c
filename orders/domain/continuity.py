"""Whether the issued documents are whole: numbers without gaps, chains without breaks, files as issued."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils.translation import gettext as _

from orders.domain.originals import (
    FIRST,
    OriginalDamaged,
    OriginalUnreadable,
    chain_hash,
    original_pdf,
)
from orders.models import Document, DocumentKind, DocumentSeries
from orders.models.documents import document_storage
from vendors.models import Vendor

CHAINED = (DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)
BATCH = 500


@dataclass
class SeriesReport:
    """One series: its numbers, the gaps in them, and what is wrong with a document, in sentences."""

    shop: str
    kind: DocumentKind
    year: int
    first: str = ""
    last: str = ""
    count: int = 0
    gaps: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)  # files that no document names

    @property
    def is_whole(self) -> bool:
        return not self.gaps and not self.troubles


@dataclass(frozen=True)
class Continuity:
    """A series as its rows tell it, without reading a file: ``gaps`` is how many numbers are missing."""

    kind: DocumentKind
    year: int
    first: str
    last: str
    first_on: date | None
    last_on: date | None
    count: int
    gaps: int


def continuity_of(vendor: Vendor) -> list[Continuity]:
    """Return the shop's series, newest year first, in three queries."""
    series = (
        Document.objects.filter(vendor=vendor)
        .values("kind", "year")
        .annotate(
            n=Count("id"),
            low=Min("sequence"),
            high=Max("sequence"),
            first_on=Min("issued_on"),
            last_on=Max("issued_on"),
        )
    )
    taken = {
        (kind, year): last
        for kind, year, last in DocumentSeries.objects.filter(vendor=vendor, kind__in=CHAINED).values_list(
            "kind", "year", "last_number"
        )
    }
    wanted = [(row["kind"], row["year"], row["low"], row["high"]) for row in series]
    ends = _numbers_at_the_ends(vendor, wanted)
    found = [
        Continuity(
            kind=DocumentKind(row["kind"]),
            year=row["year"],
            first=ends[row["kind"], row["year"], row["low"]],
            last=ends[row["kind"], row["year"], row["high"]],
            first_on=row["first_on"],
            last_on=row["last_on"],
            count=row["n"],
            gaps=max(taken.get((row["kind"], row["year"]), 0), row["high"]) - row["n"],
        )
        for row in series
    ]
    known = {(one.kind, one.year) for one in found}
    found += [
        Continuity(
            DocumentKind(kind), year, first="", last="", first_on=None, last_on=None, count=0, gaps=last
        )
        for (kind, year), last in taken.items()
        if last and (kind, year) not in known
    ]
    return sorted(found, key=lambda one: (-one.year, CHAINED.index(one.kind)))


def _numbers_at_the_ends(
    vendor: Vendor, series: Sequence[tuple[str, int, int, int]]
) -> dict[tuple[str, int, int], str]:
    """Return the numbers of the first and the last document of each series."""
    wanted = Q(pk=None)
    for kind, year, low, high in series:
        wanted |= Q(kind=kind, year=year, sequence__in=[low, high])
    rows = Document.objects.filter(wanted, vendor=vendor).values_list("kind", "year", "sequence", "number")
    return {(kind, year, sequence): number for kind, year, sequence, number in rows}


def verify(on_document: Callable[[], object] = lambda: None) -> Iterator[SeriesReport]:
    """Yield a report of each series: every file is hashed again, every chain walked from its beginning.

    ``on_document`` is called after each document, for a progress bar. Constant memory.
    """
    for series in _all_series():
        yield _walk(series, on_document)


def _all_series() -> list[SeriesReport]:
    """Every series that has a counter or a document."""
    counters = DocumentSeries.objects.filter(kind__in=CHAINED).values_list("vendor", "kind", "year")
    documents = Document.objects.values_list("vendor", "kind", "year").order_by().distinct()
    names = dict(Vendor.objects.values_list("pk", "slug"))
    keys = sorted({*counters, *documents})
    return [SeriesReport(names[vendor], DocumentKind(kind), year) for vendor, kind, year in keys]


def _walk(report: SeriesReport, on_document: Callable[[], object]) -> SeriesReport:
    """Walk a series up to what it held when the walk began; what is issued meanwhile is no gap."""
    counter = DocumentSeries.objects.filter(
        vendor__slug=report.shop, kind=report.kind, year=report.year
    ).first()
    files = _files(report)
    documents = _documents(report)
    previous, sequence, day = FIRST, 0, date.min
    names: set[str | None] = set()
    for document in documents.iterator(chunk_size=BATCH):
        report.gaps += range(sequence + 1, document.sequence)
        report.troubles += _troubles(document, previous, day)
        report.first = report.first or document.number
        report.last, report.count = document.number, report.count + 1
        previous, sequence, day = document.chain_hash, document.sequence, document.issued_on
        names.add(document.pdf.name)
        on_document()
    report.strays = _strays(report, files, names)
    report.gaps += range(sequence + 1, (counter.last_number if counter else 0) + 1)
    return report


def _strays(report: SeriesReport, files: Iterable[str], names: Collection[str | None]) -> list[str]:
    """Return the files of a series that no document names: a broken transaction left them behind.

    One whose document is stored by now was being issued when the files were listed.
    """
    unnamed = [file for file in files if file not in names]
    by_now = (
        set(_documents(report).filter(pdf__in=unnamed).values_list("pdf", flat=True)) if unnamed else set()
    )
    return sorted(file for file in unnamed if file not in by_now)


def _files(report: SeriesReport) -> list[str]:
    """Return the files that the storage has for a series."""
    vendor = Vendor.objects.only("pk").get(slug=report.shop)
    folder = f"{vendor.pk}/{report.kind.value}{report.year}"
    try:
        _folders, files = document_storage().listdir(folder)
    except (OSError, NotImplementedError):  # it has no such folder, or cannot tell
        return []
    return [f"{folder}/{file}" for file in files]


def _documents(report: SeriesReport) -> QuerySet[Document]:
    mine = Document.objects.filter(vendor__slug=report.shop, kind=report.kind, year=report.year)
    return mine.select_related("order", "corrects").order_by("sequence")


def _troubles(document: Document, previous: str, day: date) -> list[str]:
    """Say what is wrong with a document, given the chain hash and the date of the one before it."""
    name = {"number": document.number}
    found = []
    try:
        original_pdf(document)
    except (OriginalDamaged, OriginalUnreadable) as damage:
        found.append(str(damage))
    if document.previous_hash != previous:
        found.append(_("%(number)s does not follow the document before it: the chain is broken.") % name)
    if document.chain_hash != chain_hash(document):
        found.append(_("What is stored of %(number)s is not what was issued.") % name)
    found += _contradictions(document)
    if document.issued_on < day:
        found.append(_("%(number)s is dated before the document before it.") % name)
    return found


def _contradictions(document: Document) -> list[str]:
    """Say where the row and what the document says differ; the row decides where it is served."""
    said = document.snapshot if isinstance(document.snapshot, dict) else {}
    totals = said.get("totals")
    is_note = document.kind == DocumentKind.CREDIT_NOTE
    number = f"{document.kind}{document.year}-{document.sequence:06d}"
    pairs = [
        (_amount(totals), document.total, _("The total of %(number)s is not the one that it says.")),
        (said.get("number"), document.number, _("%(number)s says another number.")),
        (document.number.endswith(number), True, _("%(number)s stands at another place of its series.")),
        (said.get("issued_on"), document.issued_on.isoformat(), _("%(number)s says another date.")),
        (
            document.issued_on.year,
            document.year,
            _("%(number)s is dated in another year than its series."),
        ),
        (said.get("order"), document.order.number, _("%(number)s says another order.")),
        (said.get("currency"), document.currency, _("%(number)s says another currency.")),
        (said.get("type_code"), "381" if is_note else "380", _("%(number)s says to be of another kind.")),
        (
            _corrected(said.get("corrects")),
            document.corrects.number if document.corrects else None,
            _("%(number)s says to correct another invoice."),
        ),
    ]
    return [sentence % {"number": document.number} for told, stored, sentence in pairs if told != stored]


def _corrected(corrects: object) -> object:
    """Return the number that a note says to correct; of another shape, something that is no number."""
    if isinstance(corrects, dict):
        return corrects.get("number")
    return [corrects] if corrects else None


def _amount(totals: object) -> Decimal | None:
    try:
        return Decimal(totals["gross"])  # type: ignore[index]
    except (TypeError, KeyError, ArithmeticError):
        return None
