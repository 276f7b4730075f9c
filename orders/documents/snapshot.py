"""All that an invoice says, as JSON: taken once, at issue; the PDF is made of it alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from orders.documents.legal_texts import texts_on
from orders.documents.parties import buyer_lines, identity_of, recipient_lines, seller_of
from orders.documents.vat import LinePart, VatGroup, group_parts, line_parts
from orders.models import LineKind, Order, OrderLine
from orders.states import INVOICEABLE

TEMPLATE = "2026-11"  # of templates/documents/invoice.html; grows when what it says changes
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Supply:
    """When the goods or services were supplied: on delivery or, before it, when they were paid."""

    at: datetime | None
    is_delivery: bool


def invoice_snapshot(
    order: Order, lines: Sequence[OrderLine], supply: Supply, *, number: str, on: date
) -> dict[str, Any]:
    """Return what an invoice of ``order`` dated ``on`` says; without ``number`` it is a proforma.

    Dates are ISO, in the shop's time zone; amounts and rates are decimal strings, a rate null
    where the seller charges no VAT. The invoice is of the whole order: what was refunded is
    told by another document.
    """
    texts = texts_on(on)
    franchise = identity_of(order.vendor).is_franchise
    parts = line_parts(lines, franchise=franchise, currency=order.currency)
    groups = group_parts(parts)
    delivery = recipient_lines(order)
    return {
        "template": TEMPLATE,
        "texts": texts.as_json(),
        "number": number,
        "issued_on": on.isoformat(),
        "marketplace": settings.MARKETPLACE_NAME,
        "seller": seller_of(order.vendor, texts),
        "buyer": buyer_lines(order),
        "delivery": delivery if delivery != buyer_lines(order) else [],
        "is_delivered": bool(delivery),
        "operation": "goods" if any(line.kind == LineKind.PRODUCT for line in lines) else "services",
        **_order_facts(order, supply),
        "lines": [_line(part, parts) for part in parts],
        "groups": [_group(group) for group in groups],
        "totals": _totals(order, groups, lines),
    }


def _order_facts(order: Order, supply: Supply) -> dict[str, Any]:
    zone = ZoneInfo(order.vendor.time_zone)

    def day(moment: datetime | None) -> str:
        return moment.astimezone(zone).date().isoformat() if moment else ""

    is_paid = order.status in INVOICEABLE
    return {
        "order": order.number,
        "placed_on": day(order.placed_at),
        "supplied_on": day(supply.at),
        "supply_is_delivery": supply.is_delivery,
        "is_paid": is_paid,
        "paid_on": day(order.paid_at) if is_paid else "",
        "payment": order.payment_title,
        "currency": order.currency,
    }


def _line(part: LinePart, parts: Sequence[LinePart]) -> dict[str, Any]:
    line = part.line
    is_first = next(other for other in parts if other.line is line) is part
    return {
        "kind": line.kind,
        "name": line.name,
        "details": line.details,
        "sku": line.sku,
        "quantity": line.quantity,
        "unit_net": str(part.unit_net),
        "rate": None if part.rate is None else str(part.rate),
        "net": str(part.net),
        "gross": str(part.gross),
        "discount": str(part.discount),
        "is_share": part.is_share,
        "levies": [{"label": levy["label"], "amount": levy["amount"]} for levy in line.levies]
        if is_first
        else [],
    }


def _group(group: VatGroup) -> dict[str, Any]:
    return {
        "rate": None if group.rate is None else str(group.rate),
        "net": str(group.net),
        "vat": str(group.vat),
        "gross": str(group.gross),
    }


def _totals(order: Order, groups: Sequence[VatGroup], lines: Sequence[OrderLine]) -> dict[str, str]:
    due = ZERO if order.status in INVOICEABLE else order.total
    return {
        "net": str(sum((group.net for group in groups), ZERO)),
        "vat": str(sum((group.vat for group in groups), ZERO)),
        "gross": str(sum((group.gross for group in groups), ZERO)),
        "discount": str(sum((line.discount for line in lines), ZERO)),
        "due": str(due),
    }
