"""The rows of the order list: ready strings, so that the template only puts them in their places.

A page has 25 rows; addresses are worked out once a shop and words translated once a language, not once a row.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from urllib.parse import quote

from django.urls import reverse
from django.utils.http import RFC3986_SUBDELIMS
from django.utils.translation import gettext as _

from marketplace import formats
from marketplace.templatetags.display import icon, moment_by
from orders.domain.invoicing import is_invoiceable
from orders.models import Order
from orders.states import (
    DELIVERABLE,
    PARTLY_SHIPPED,
    EarningsState,
    OrderStatus,
    RefundState,
    Stage,
)

PLACE = "~number~"  # of the order's number in an address; no slug holds a tilde
PAGES = ("detail", "validate", "issue_invoice", "invoice_pdf", "delivery_note_pdf")


@dataclass(frozen=True, slots=True)
class Row:
    """An order as the list shows it to one person; what is not shown or not offered is empty."""

    key: int
    number: str
    version: int
    address: str
    validate_address: str
    issue_address: str
    invoice_address: str
    invoice_name: str
    invoice_drawing: str
    note_address: str
    note_name: str
    note_drawing: str
    says: dict[str, str]
    total: str
    total_before: str
    earnings: str
    is_expected: bool
    status: str
    status_label: str
    drawing: str
    stage: str
    late: str
    is_partly_refunded: bool
    needs_refund: bool
    customer: str
    is_guest: bool
    placed_at: str
    payment: str
    delivery: str
    town: str

    @property
    def has_tags(self) -> bool:
        return bool(self.stage or self.is_partly_refunded or self.needs_refund)


@cache
def row_words(_language: str | None) -> dict[str, str]:
    """What rows say and draw again and again, in the current language."""
    return {
        "instead_of": _("instead of"),
        "to_come": _("to come"),
        "none": _("none"),
        "gains": _("gains"),
        "refunded_in_part": _("Refunded in part"),
        "to_be_refunded": _("To be refunded"),
        "guest": _("guest"),
        "validate": _("Validate"),
        "view": _("View"),
        "payment": _("Payment"),
        "delivery": _("Delivery"),
        "town": _("Town"),
        "issue": _("Issue the invoice…"),
        "clock": icon("clock"),
        "eye": icon("eye"),
        "pen": icon("issue"),
    }


@dataclass(frozen=True, slots=True)
class Sayings:
    """What a row says of itself; ``papers`` and ``statuses`` with their drawings."""

    papers: dict[str, tuple[str, str]]
    statuses: dict[str, tuple[str, str]]
    stages: dict[str, str]
    partly_shipped: str
    sentences: dict[str, str]
    late: str


@cache
def _sayings(_language: str | None) -> Sayings:
    """Look up what rows say in the current language."""
    return Sayings(
        papers={
            "invoice": (_("Invoice"), icon("docs")),
            "proforma": (_("Proforma"), icon("proforma")),
            "delivery": (_("Delivery note"), icon("truck")),
            "pickup": (_("Pickup note"), icon("bag")),
        },
        statuses={status.value: (str(status.label), icon(f"st-{status.value}")) for status in OrderStatus},
        stages={"": "", **{stage.value: str(stage.label) for stage in Stage}},
        partly_shipped=str(PARTLY_SHIPPED),
        sentences={
            "select": _("Select order %(number)s"),
            "order": _("order %(number)s"),
            "of_order": _("of order %(number)s"),
        },
        late=_("%(days)s d late"),
    )


@lru_cache(maxsize=1000)
def _addresses(shop: str) -> dict[str, str]:
    """Where the pages of an order of the shop are, with PLACE for its number."""
    return {page: reverse(f"orders:{page}", args=[shop, PLACE]) for page in PAGES}


class RowMaker:
    """Makes the rows of one page, for one person of the shop ``shop`` (its slug)."""

    def __init__(
        self,
        shop: str,
        may: dict[str, bool],
        now: datetime,
        invoiced: Collection[int],
        guests: Collection[int] = (),
    ) -> None:
        self.may, self.now, self.invoiced, self.guests = may, now, invoiced, guests
        self.addresses, self.clock = _addresses(shop), formats.Clock(now)
        self.sayings = _sayings(self.clock.language)

    def row(self, order: Order) -> Row:
        """Return what the list shows of ``order``."""
        number, status = order.number, order.status
        quoted = quote(number, safe=RFC3986_SUBDELIMS + "/~:@")
        gains = order.earnings_state
        late_days = _days_late(order, self.now)
        sayings = self.sayings
        label, drawing = sayings.statuses[status]
        is_invoiced = order.pk in self.invoiced
        may_issue = (
            self.may["issue_invoices"]
            and not is_invoiced
            and is_invoiceable(order)
            and order.refund_state != RefundState.FULL
        )
        has_paper = is_invoiced or (status in DELIVERABLE and not may_issue)
        invoice_name, invoice_drawing = sayings.papers["invoice" if is_invoiced else "proforma"]
        note_name, note_drawing = sayings.papers["pickup" if order.is_pickup else "delivery"]

        def address(page: str, is_offered: bool) -> str:
            return self.addresses[page].replace(PLACE, quoted) if is_offered else ""

        return Row(
            key=order.pk,
            number=number,
            version=order.version,
            address=address("detail", True),
            validate_address=address("validate", self.may["fulfill"] and order.can_validate),
            issue_address=address("issue_invoice", may_issue),
            invoice_address=address("invoice_pdf", self.may["view_invoices"] and has_paper),
            invoice_name=invoice_name,
            invoice_drawing=invoice_drawing,
            note_address=address("delivery_note_pdf", self.may["delivery_notes"] and status in DELIVERABLE),
            note_name=note_name,
            note_drawing=note_drawing,
            says={name: text % {"number": number} for name, text in sayings.sentences.items()},
            **self._amounts(order, gains),
            is_expected=gains == EarningsState.EXPECTED,
            status=status,
            status_label=label,
            drawing=drawing,
            stage=sayings.partly_shipped if order.is_partly_shipped else sayings.stages[order.stage],
            late=sayings.late % {"days": late_days} if late_days else "",
            is_partly_refunded=order.refund_state == RefundState.PARTIAL,
            needs_refund=order.needs_refund,
            customer=order.customer_name or order.customer_email or "–",
            is_guest=order.pk in self.guests,
            placed_at=moment_by(self.clock, order.placed_at),
            payment=order.payment_title,
            delivery=order.shipping_method,
            town=order.shipping_city or order.billing_city,
        )

    def _amounts(self, order: Order, gains: EarningsState) -> dict[str, str]:
        if not self.may["view_amounts"]:
            return {"total": "", "total_before": "", "earnings": ""}
        return {
            "total": formats.money(order.net_total, order.currency),
            "total_before": formats.money(order.total, order.currency) if order.refunded_total else "",
            "earnings": formats.money(order.earnings, order.currency)
            if gains == EarningsState.EARNED
            else "",
        }


def _days_late(order: Order, now: datetime) -> int:
    """For how many days the order has been late, at least one; 0 where it is not."""
    if order.prepare_by is None or not order.is_late(now):
        return 0
    return max(1, (now - order.prepare_by).days)
