"""Issuing an order's invoice: number, frozen snapshot, the original's bytes.

The rules are told in ``docs/rules/invoicing.md``.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from marketplace.formats import long_date
from orders.documents.delivery_note import has_nothing_to_deliver, still_says, what_is_said
from orders.documents.invoice import invoice_pdf
from orders.documents.invoice_snapshot import EURO, Supply, invoice_snapshot
from orders.documents.parties import identity_of
from orders.documents.snapshot import Snapshot
from orders.domain.credit_notes import invoice_of, is_of_the_team, issue_due, open_invoice
from orders.domain.history import By, record
from orders.domain.locking import lock
from orders.domain.originals import day_of, store, take_number
from orders.domain.rehearsal import papers_first
from orders.domain.supplies import date_of_supply as date_of_supply
from orders.models import DeliveryNote, Document, DocumentKind, ExchangeRate, HistoryKind, Order, Shipment
from orders.states import INVOICEABLE, OrderStatus, RefundState
from vendors.domain.identity import Missing, missing_parts
from vendors.domain.mandate import mandate_of
from vendors.models import Vendor

RATE_IS_GOOD_FOR = timedelta(days=7)  # no rate is published at week-ends and on holidays
logger = logging.getLogger(__name__)


class InvoiceRefused(Exception):
    """No invoice was issued and no number used; the message says why, ``code`` in a word."""

    code = "refused"


class NotInvoiceable(InvoiceRefused):
    """The order's state has no invoice."""

    code = "state"

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Order %(number)s is “%(status)s”, so no invoice can be issued for it.")
            % {"number": order.number, "status": order.get_status_display()}
        )


class WhollyRefunded(InvoiceRefused):
    """Nothing of the order is left to invoice."""

    code = "refunded"

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Order %(number)s was refunded in full before any invoice, so none is issued.")
            % {"number": order.number}
        )


class IdentityIncomplete(InvoiceRefused):
    """The shop's legal identity lacks what an invoice must say; ``missing`` lists it."""

    code = "identity"

    def __init__(self, vendor: Vendor, missing: Sequence[Missing]) -> None:
        self.missing = list(missing)
        self.shop = vendor.name
        super().__init__(self.sentence(get_text_list([str(part) for part in missing], _("and"))))

    def sentence(self, missing: str) -> str:
        """Return the message, with what is missing in the caller's words."""
        words = _("No invoice was issued. The legal identity of %(shop)s still lacks: %(missing)s.")
        return words % {"shop": self.shop, "missing": missing}


class MandateMissing(InvoiceRefused):
    """The marketplace may not issue in the name of a shop that has not accepted its mandate."""

    code = "mandate"

    def __init__(self, vendor: Vendor) -> None:
        super().__init__(
            _("%(shop)s has not accepted that the marketplace issues invoices in its name: none was issued.")
            % {"shop": vendor.name}
        )


class BeforeTheMandate(InvoiceRefused):
    """What was completed before the shop gave its mandate is invoiced by the shop, or was already."""

    code = "earlier"

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Order %(number)s was completed before %(shop)s accepted the mandate: no invoice was issued.")
            % {"number": order.number, "shop": order.vendor.name}
        )


class RateMissing(InvoiceRefused):
    """VAT must be stated in euros too (CGI annexe II art. 242 nonies A; directive 2006/112/EC art. 230)."""

    code = "rate"

    def __init__(self, order: Order, day: date) -> None:
        super().__init__(
            _(
                "Order %(number)s is in %(currency)s and its VAT must be stated in euros, but no exchange "
                "rate of %(day)s or the week before is known: no invoice was issued. The marketplace "
                "enters it."
            )
            % {"number": order.number, "currency": order.currency, "day": long_date(day)}
        )


@papers_first
@transaction.atomic
def issue_invoice(order: Order, *, by: By, at: datetime) -> Document:
    """Issue the invoice of an order: number, snapshot, PDF, history; all of it or nothing.

    Locks the order and the shop's series of the year. An order that has its invoice already
    gives that one back, unless a credit note took it back whole: then a new one is issued.
    Refunds from before get their credit notes in the same transaction, as far as their lines
    are known. Raises InvoiceRefused, and ``orders.documents.renderer.CannotRender`` where Pango
    is missing; no number is used then, nor when anything else fails before the caller's
    transaction ends.
    """
    lock(order)
    current = open_invoice(order)
    if current is None:
        current = _issue(order, invoice_of(order), by=by, at=at)
    issue_due(order, by=by, at=at)
    return current


def _issue(order: Order, replaces: Document | None, *, by: By, at: datetime) -> Document:
    supply, rate, in_its_name = _check(order, by=by, at=at)
    taken = take_number(order.vendor, DocumentKind.INVOICE, at)
    snapshot = invoice_snapshot(
        order,
        list(order.lines.all()),
        supply,
        number=taken.number,
        on=taken.on,
        rate=rate,
        mandate=in_its_name,
    )
    document = store(order, taken, snapshot, invoice_pdf, by=by, at=at, replaces=replaces)
    data = {"document": document.pk, "number": document.number}
    if replaces is not None:
        data["replaces"] = replaces.number
    record(order, HistoryKind.DOCUMENT, by=by, at=at, data=data)
    return document


def _check(order: Order, *, by: By, at: datetime) -> tuple[Supply, ExchangeRate | None, bool]:
    """Return supply, rate, and whether it is in the shop's name; raises InvoiceRefused."""
    in_its_name = _in_the_shops_name(order.vendor, by)
    supply = date_of_supply(order, at=at)
    day = day_of(order.vendor, supply.at or at)
    check_invoiceable(order, day)
    return supply, _rate(order, day), in_its_name


def check_invoiceable(order: Order, day: date) -> None:
    """Raise InvoiceRefused where no invoice can be issued for a supply of ``day``."""
    if not is_invoiceable(order):
        raise NotInvoiceable(order)
    if order.refund_state == RefundState.FULL:
        raise WhollyRefunded(order)
    if missing := missing_parts(identity_of(order.vendor), day):
        raise IdentityIncomplete(order.vendor, missing)


def is_invoiceable(order: Order) -> bool:
    """Say whether the order's state has an invoice: it is or was paid, or a business will pay it."""
    is_open = order.status == OrderStatus.ON_HOLD and order.is_for_business
    return order.status in INVOICEABLE or is_open


def is_left_to_invoice(order: Order) -> bool:
    """Say whether the order's state has an invoice, and something of the order was not refunded."""
    return is_invoiceable(order) and order.refund_state != RefundState.FULL


def issue_on_completion(
    order: Order, *, at: datetime, completed_at: datetime | None = None, is_history: bool = False
) -> list[Document]:
    """Issue the invoice of an order that is completed, where the shop wants it; return it with its notes.

    What stands against it holds back no step: the history says that none was issued, and why
    in a word. An order that comes in completed was so at ``completed_at``: before the mandate it
    was the shop's own to invoice, of which ``is_history`` says nothing. The caller holds the
    order's lock.
    """
    if not order.vendor.issues_on_completion or open_invoice(order):
        return []
    try:
        with transaction.atomic():
            mandate = mandate_of(order.vendor)
            if mandate is None:
                raise MandateMissing(order.vendor)
            if completed_at is not None and completed_at < mandate.at:
                raise BeforeTheMandate(order)
            invoice = issue_invoice(order, by=None, at=at)
            return [invoice, *invoice.corrections.order_by("pk")]
    except BeforeTheMandate as refusal:
        if not is_history:
            record(order, HistoryKind.DOCUMENT, by=None, at=at, data={"refused": refusal.code})
    except InvoiceRefused as refusal:
        record(order, HistoryKind.DOCUMENT, by=None, at=at, data={"refused": refusal.code})
    except Exception:
        logger.exception("The invoice of order %s could not be made.", order)
        record(order, HistoryKind.DOCUMENT, by=None, at=at, data={"refused": "render"})
    return []


def missing_identity(vendor: Vendor, on: date | None = None) -> list[Missing]:
    """Return what the shop's legal identity lacks for invoices about supplies of ``on``, or of today."""
    return missing_parts(identity_of(vendor), on or day_of(vendor, timezone.now()))


def proforma_pdf(order: Order, *, at: datetime) -> bytes:
    """Return what the invoice would say today, titled « Proforma »; uses no number, stores nothing.

    Raises ``orders.documents.renderer.CannotRender``.
    """
    return invoice_pdf(preview(order, at))


def preview(order: Order, at: datetime) -> Snapshot:
    """Return what the order's invoice would say today, without a number; stores nothing."""
    supply = date_of_supply(order)
    on = day_of(order.vendor, at)
    rate = _known_rate(order, day_of(order.vendor, supply.at or at))
    return invoice_snapshot(order, list(order.lines.all()), supply, number="", on=on, rate=rate)


class NothingToDeliver(Exception):
    """The order has no delivery note; the message says why."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Everything of order %(number)s was refunded before it left: there is nothing to deliver.")
            % {"number": order.number}
        )


@transaction.atomic
def delivery_note(order: Order, shipment: Shipment | None = None, *, at: datetime) -> DeliveryNote:
    """Return the delivery note of a parcel, or of the whole order, as it stands now.

    It is numbered when it is first asked for, and what it says is kept: once the order has come
    further, or an address has changed, the next one is another note with a number and date of
    its own. Locks the order and the shop's series, which may have gaps. Raises NothingToDeliver,
    and ValueError for another order's parcel.
    """
    if shipment is not None and shipment.order_id != order.pk:
        raise ValueError(f"Parcel {shipment} is not of order {order}.")
    lock(order)
    if has_nothing_to_deliver(order):
        raise NothingToDeliver(order)
    said = what_is_said(order, shipment, day_of(order.vendor, at))
    note = DeliveryNote.objects.filter(order=order, shipment=shipment).order_by("-pk").first()
    if note is None or (note.said and not still_says(note, said)):
        taken = take_number(order.vendor, DocumentKind.DELIVERY_NOTE, at)
        note = DeliveryNote(order=order, shipment=shipment, number=taken.number, dated_on=taken.on)
    if not note.said:
        note.said = said
        note.save()
    note.order, note.shipment = order, shipment
    return note


def _in_the_shops_name(vendor: Vendor, by: By) -> bool:
    """Say whether the marketplace issues, rather than a person of the shop; raises MandateMissing.

    Comptoir itself acts for the shop; where there is a mandate the document says so.
    """
    if is_of_the_team(vendor, by):
        return False
    if mandate_of(vendor) is not None:
        return True
    if by is not None:
        raise MandateMissing(vendor)
    return False


def _rate(order: Order, day: date) -> ExchangeRate | None:
    """Return the rate that gives the VAT in euros; None for euros. Raises RateMissing."""
    rate = _known_rate(order, day)
    if rate is None and order.currency != EURO:
        raise RateMissing(order, day)
    return rate


def _known_rate(order: Order, day: date) -> ExchangeRate | None:
    if order.currency == EURO:
        return None
    rates = ExchangeRate.objects.filter(currency=order.currency, on__lte=day, on__gt=day - RATE_IS_GOOD_FOR)
    return rates.order_by("-on").first()
