"""Credit notes: one for every confirmed refund of an order that was invoiced.

The rules are told in ``docs/rules/invoicing.md``, "Credit notes".
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from orders.documents.credit_snapshot import Credit, Facts, credit_snapshot
from orders.documents.invoice import invoice_pdf
from orders.documents.legal_texts import LegalTexts, texts_on
from orders.documents.parties import identity_of, seller_of
from orders.documents.snapshot import Snapshot
from orders.domain.history import By, record
from orders.domain.originals import Numbered, day_of, store, take_number
from orders.models import Document, DocumentKind, HistoryKind, Order, Refund, RefundLine, RefundProgress
from orders.states import STOPPED
from vendors.domain.identity import missing_parts
from vendors.domain.mandate import mandate_of
from vendors.models import Membership, User, Vendor

ZERO = Decimal("0.00")
UNPAID = "Annulation de la commande"  # the reason that a note gives where nothing was paid
CORRECTION = "Correction de la facture"  # … and where a new invoice stands in its place
logger = logging.getLogger(__name__)


def invoice_of(order: Order) -> Document | None:
    """Return the order's invoice, if it was issued; of several the last, which replaces the others."""
    return order.documents.filter(kind=DocumentKind.INVOICE).order_by("-id").first()


def open_invoice(order: Order) -> Document | None:
    """Return the invoice that stands, on which a refund would be credited; None where there is none."""
    return order.documents.open_invoices().order_by("-id").first()


def has_due(order: Order) -> bool:
    """Say whether a credit note should have been issued and was not, because it could not be made."""
    if (invoice := open_invoice(order)) is None:
        return False
    next_refund = refunds_without_note(order, invoice).first()
    return (next_refund is not None and not next_refund.awaits_lines) or _is_to_take_back(order, invoice)


def _is_to_take_back(order: Order, invoice: Document) -> bool:
    """Say whether an open invoice will not be paid any more, and refunds did not use it up already."""
    if order.status not in STOPPED or order.paid_at is not None:
        return False
    return not is_used_up(invoice, Document.objects.filter(order_id=invoice.order_id, corrects=invoice))


def is_used_up(invoice: Document, notes: Iterable[Document]) -> bool:
    """Say whether the credit notes on an invoice, if there are any, leave nothing of it."""
    totals = [note.total for note in notes]
    return bool(totals) and sum(totals) >= invoice.total


def refunds_without_note(order: Order, invoice: Document) -> QuerySet[Refund]:
    """Return the confirmed refunds without a credit note on ``invoice``, oldest first.

    One of nothing needs none.
    """
    confirmed = order.refunds.filter(progress=RefundProgress.CONFIRMED, amount__gt=0)
    return confirmed.exclude(pk__in=_credited_on(invoice)).order_by("at", "id")


def _credited_on(invoice: Document) -> QuerySet[Document]:
    """The ids of the refunds that have their credit note on an invoice."""
    notes = Document.objects.filter(order_id=invoice.order_id, corrects=invoice, refund__isnull=False)
    return notes.values("refund")  # type: ignore[return-value]


def issue_due(order: Order, *, by: By, at: datetime) -> list[Document]:
    """Issue the credit notes of all refunds whose lines are known, oldest first; none without an invoice.

    An invoice whose order was stopped before it was paid is taken back whole. On one that was
    taken back nothing more is credited, whatever is refunded later. The caller holds the order's
    lock. A refund that still waits for its lines holds back those after it: notes are
    cumulative. Raises what rendering raises; no number is used then.
    """
    invoice = open_invoice(order)
    if invoice is None:
        return []
    issued = []
    for refund in refunds_without_note(order, invoice).select_related("reason"):
        if refund.awaits_lines:
            break
        issued.append(_issue(order, invoice, refund, by=by, at=at))
    if _is_to_take_back(order, invoice):
        issued.append(_take_back(order, invoice, by=by, at=at))
    return issued


def issue_due_if_possible(order: Order, *, by: By, at: datetime) -> list[Document]:
    """Issue as ``issue_due`` does; a document that cannot be made holds back neither refund nor step.

    It stays due: the order's page says so and offers to issue it.
    """
    try:
        with transaction.atomic():
            return issue_due(order, by=by, at=at)
    except Exception:
        logger.exception("The credit note of order %s could not be made and stays due.", order)
        return []


def _take_back(order: Order, invoice: Document, *, by: By, at: datetime) -> Document:
    return _write(order, invoice, _rest(invoice), reason=UNPAID, due=_still_due(invoice), by=by, at=at)


def take_back_to_correct(order: Order, invoice: Document, *, by: By, at: datetime) -> Document:
    """Credit what is left of an invoice, which the caller replaces by a new one in the same transaction.

    The caller holds the order's lock. Raises what rendering raises.
    """
    due = _still_due(invoice)
    return _write(
        order, invoice, _rest(invoice), reason=CORRECTION, due=due, is_correction=True, by=by, at=at
    )


def _still_due(invoice: Document) -> Decimal:
    """Return what stands as open on an invoice and its notes, whatever was paid since."""
    notes = Document.objects.filter(order_id=invoice.order_id, corrects=invoice)
    taken_back = sum((Decimal(note.snapshot["totals"]["due"]) for note in notes), ZERO)
    return Decimal(invoice.snapshot["totals"]["due"]) - taken_back


def _rest(invoice: Document) -> Credit:
    """Return all that no credit note took back of an invoice yet, by line position."""
    everything: dict[int, Decimal] = defaultdict(lambda: ZERO)
    units: dict[int, int] = {}
    for line in invoice.snapshot["lines"]:
        everything[line["position"]] += Decimal(line["gross"])
        units[line["position"]] = line["quantity"]
    credited = RefundLine.objects.filter(refund__in=_credited_on(invoice)).select_related("line")
    for part in credited:
        units[part.line.position] = units.get(part.line.position, 0) - part.units
    return Credit(everything, _by_position(credited), units)


def _issue(order: Order, invoice: Document, refund: Refund, *, by: By, at: datetime) -> Document:
    return _write(
        order,
        invoice,
        _credit(invoice, refund),
        reason=refund.reason.text if refund.reason else "",
        refund=refund,
        by=by,
        at=at,
    )


def _credit(invoice: Document, refund: Refund) -> Credit:
    """Return what is credited now and what was before on the same invoice, by line position."""
    before = _by_position(RefundLine.objects.filter(refund__in=_credited_on(invoice)))
    now = _by_position(refund.lines.all())
    units = {part.line.position: part.units for part in refund.lines.select_related("line")}
    until_now = {position: before[position] + now[position] for position in {*before, *now}}
    return Credit(until_now, before, units)


def _by_position(parts: QuerySet[RefundLine]) -> dict[int, Decimal]:
    sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for position, amount in parts.values_list("line__position", "amount"):
        sums[position] += amount
    return sums


def _write(
    order: Order,
    invoice: Document,
    credit: Credit,
    *,
    reason: str,
    refund: Refund | None = None,
    due: Decimal = ZERO,
    is_correction: bool = False,
    by: By,
    at: datetime,
) -> Document:
    said: Snapshot = invoice.snapshot
    taken = take_number(
        order.vendor,
        DocumentKind.CREDIT_NOTE,
        at,
        prefix=said["number"].rpartition("-F")[0],
        not_before=invoice.issued_on,
    )
    facts = _facts(order, said, taken, reason, refund, by)
    facts = replace(facts, due=due, is_correction=is_correction)
    snapshot = credit_snapshot(said, credit, facts)
    document = store(order, taken, snapshot, invoice_pdf, by=by, at=at, corrects=invoice, refund=refund)
    data = {"document": document.pk, "number": document.number, "corrects": invoice.number}
    record(order, HistoryKind.DOCUMENT, by=by, at=at, data=data)
    return document


def _facts(
    order: Order, invoice: Snapshot, taken: Numbered, reason: str, refund: Refund | None, by: By
) -> Facts:
    """Return who sells as of today, unless that is incomplete or another legal person than owed the VAT.

    The VAT regime stays the invoice's.
    """
    texts = texts_on(taken.on)
    franchise = invoice["seller"]["is_franchise"]
    seller = invoice["seller"]
    if is_of_todays_seller(order.vendor, invoice) and not missing_parts(identity_of(order.vendor), taken.on):
        seller = seller_of(order.vendor, texts, franchise=franchise)
    return Facts(
        number=taken.number,
        on=taken.on,
        texts=texts.as_json(),
        seller=seller,
        mandate=_mandate(order.vendor, texts, seller["name"], by),
        reason=reason,
        refunded_on=_refunded_on(refund, taken.on),
        is_spread=refund.is_spread if refund else False,
    )


def is_of_todays_seller(vendor: Vendor, invoice: Snapshot) -> bool:
    """Say whether no other legal person than the one that issued the invoice stands behind the shop."""
    return identity_of(vendor).siren in ("", invoice["seller"]["siren"])


def _refunded_on(refund: Refund | None, on: date) -> str:
    """Return the day of the refund, which is no later than the note, whatever a storefront's clock says."""
    return min(day_of(refund.order.vendor, refund.at), on).isoformat() if refund else ""


def _mandate(vendor: Vendor, texts: LegalTexts, seller: str, by: By) -> str:
    """Return that the marketplace makes the note in the shop's name, where it does and may.

    A note that must follow a refund is made without a mandate too; then nothing of one is said.
    """
    if is_of_the_team(vendor, by) or mandate_of(vendor) is None:
        return ""
    return texts.mandate_of_note.format(by=settings.MARKETPLACE_NAME, of=seller)


def is_of_the_team(vendor: Vendor, by: By) -> bool:
    """Say whether a person of the shop acts, rather than the marketplace, its storefront or Comptoir."""
    return isinstance(by, User) and Membership.objects.filter(user=by, vendor=vendor).exists()
