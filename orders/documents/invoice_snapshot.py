"""Taking the snapshot of an invoice, or of its preview, from the order as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from django.conf import settings

from marketplace.money import round_half_up
from orders.documents.exemptions import exemption_of
from orders.documents.legal_texts import LegalTexts, texts_on
from orders.documents.parties import buyer_of, delivery_address, identity_of, recipient_lines, seller_of
from orders.documents.snapshot import TEMPLATE, Euros, Group, Line, Seller, Snapshot, Terms, Totals
from orders.documents.vat import LinePart, VatGroup, decimals_of, group_parts, line_parts
from orders.models import ExchangeRate, LineKind, Order, OrderLine
from orders.states import INVOICEABLE
from vendors.models import LegalIdentity

ZERO = Decimal("0.00")
EURO = "EUR"

# UNTDID 4461, by the codes that WooCommerce and its payment plugins use.
PAYMENT_CODES = {
    "cheque": "20",
    "cod": "10",
    "bacs": "58",
    "paypal": "68",
    "ppcp-gateway": "68",
    "stripe_sepa": "59",
    "stripe_sepa_debit": "59",
}
CARDS = frozenset(
    {
        *("stripe", "stripe_cc", "woocommerce_payments", "mangopay", "payplug", "payplug_card", "lyra"),
        *("lyra_std", "systempay", "systempaystd", "payzen", "payzenstd", "ppcp-credit-card-gateway"),
        *("dokan-stripe-connect", "dokan_stripe_express", "dokan_mangopay", "card", "cb"),
    }
)


@dataclass(frozen=True)
class Supply:
    """When the goods or services were supplied: on delivery or, before it, when they were paid."""

    at: datetime | None
    is_delivery: bool


def invoice_snapshot(
    order: Order,
    lines: Sequence[OrderLine],
    supply: Supply,
    *,
    number: str,
    on: date,
    rate: ExchangeRate | None = None,
    mandate: bool = False,
) -> Snapshot:
    """Return what an invoice of ``order`` dated ``on`` says; without ``number`` it is a proforma.

    ``rate`` gives the amounts in euros of an order in another currency; with ``mandate`` the
    marketplace issues in the shop's name. The invoice is of the whole order: what was refunded
    is told by credit notes.
    """
    texts = texts_on(on)
    identity = identity_of(order.vendor)
    zone = ZoneInfo(order.vendor.time_zone)
    franchise = identity.is_franchise_on(supply.at.astimezone(zone).date() if supply.at else on)
    parts = line_parts(lines, franchise=franchise, currency=order.currency)
    groups = group_parts(parts)
    seller = seller_of(order.vendor, texts, franchise=franchise)
    buyer = buyer_of(order)
    delivery = [] if order.is_pickup else recipient_lines(order)
    is_paid = order.status in INVOICEABLE
    paid_on = min(_day(order.paid_at, zone), on.isoformat()) if is_paid else ""
    return {
        "template": TEMPLATE,
        "type_code": "380",
        "texts": texts.as_json(),
        "number": number,
        "issued_on": on.isoformat(),
        "marketplace": settings.MARKETPLACE_NAME,
        "mandate": texts.mandate.format(by=settings.MARKETPLACE_NAME, of=seller["name"]) if mandate else "",
        "seller": seller,
        "buyer": buyer,
        "delivery": delivery if delivery != buyer["lines"] else [],
        "delivered_to": delivery_address(order) if delivery else None,
        "is_delivered": bool(delivery),
        "collected_at": collected_at(order, seller),
        "operation": _operation(lines),
        "order": order.number,
        "placed_on": _day(order.placed_at, zone),
        "supplied_on": _day(supply.at, zone),
        "supply_is_delivery": supply.is_delivery,
        "is_paid": is_paid,
        "paid_on": paid_on,
        "due_on": paid_on or _due_on(order, identity, on),
        "payment": order.payment_title,
        "payment_code": payment_code(order, identity),
        "currency": order.currency,
        "decimals": decimals_of(lines, order.currency),
        "lines": [line_of(part, parts) for part in parts],
        "groups": [group_of(group) for group in groups],
        "exemption": exemption_of(order, parts, identity, texts),
        "totals": _totals(order, groups, lines),
        "euros": in_euros(groups, rate) if rate else None,
        "terms": terms_of(identity, texts) if order.is_for_business else None,
        "corrects": None,
        "reason": "",
        "refunded_on": "",
        "is_spread": False,
        "is_correction": False,
    }


def payment_code(order: Order, identity: LegalIdentity) -> str:
    """Return the payment's code of UNTDID 4461; "1" where it is not known.

    A transfer is named only where the shop's account is known: EN 16931 asks for both (BR-61).
    """
    method = order.payment_method.lower()
    code = "48" if method in CARDS else PAYMENT_CODES.get(method, "1")
    return "1" if is_by_transfer(order) and not identity.iban else code


def is_by_transfer(order: Order) -> bool:
    """Say whether the customer pays by transfer, whether or not the shop's account is known."""
    return PAYMENT_CODES.get(order.payment_method.lower()) == "58"


def terms_of(identity: LegalIdentity, texts: LegalTexts) -> Terms:
    """Return what a business is told of late and early payment (C. com. art. L441-9, L441-10, D441-5)."""
    return {
        "penalties": identity.penalty_terms.strip() or texts.penalties,
        "recovery": texts.recovery,
        "discount": identity.discount_terms.strip() or texts.no_discount,
    }


def line_of(part: LinePart, parts: Sequence[LinePart]) -> Line:
    """Return a line; the levies of a line over several rates stand with its first part."""
    line = part.line
    is_first = next(other for other in parts if other.line is line) is part
    levies = line.levies if is_first else []
    return {
        "position": line.position,
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
        "levies": [
            {"label": levy["label"], "rate": levy["rate"], "amount": levy["amount"]} for levy in levies
        ],
    }


def group_of(group: VatGroup) -> Group:
    return {
        "rate": None if group.rate is None else str(group.rate),
        "net": str(group.net),
        "vat": str(group.vat),
        "gross": str(group.gross),
    }


def in_euros(groups: Sequence[VatGroup], rate: ExchangeRate) -> Euros:
    """Return the amounts in euros (CGI art. 266, 1 bis): gross and VAT are converted, net is the rest."""
    converted = [
        VatGroup(group.rate, net=gross - vat, vat=vat, gross=gross)
        for group in groups
        for gross, vat in [(round_half_up(group.gross * rate.euros), round_half_up(group.vat * rate.euros))]
    ]
    return {
        "rate": str(rate.euros.normalize()),
        "rate_on": rate.on.isoformat(),
        "groups": [group_of(group) for group in converted],
        "net": str(sum((group.net for group in converted), ZERO)),
        "vat": str(sum((group.vat for group in converted), ZERO)),
        "gross": str(sum((group.gross for group in converted), ZERO)),
    }


def collected_at(order: Order, seller: Seller) -> list[str]:
    """Return where the customer fetches the goods, line by line; empty where they are sent."""
    if not order.is_pickup:
        return []
    return [line.strip() for line in order.vendor.pickup_address.splitlines() if line.strip()] or seller[
        "lines"
    ]


def _operation(lines: Sequence[OrderLine]) -> Literal["goods", "services"]:
    """Return the category of operation; shipping goes with the goods."""
    kinds = {line.kind for line in lines}
    return "goods" if LineKind.PRODUCT in kinds else "services"


def _due_on(order: Order, identity: LegalIdentity, on: date) -> str:
    """Return the last day to pay; a consumer pays at once."""
    days = identity.payment_days if order.is_for_business else 0
    return (on + timedelta(days=days)).isoformat()


def _totals(order: Order, groups: Sequence[VatGroup], lines: Sequence[OrderLine]) -> Totals:
    is_paid = order.status in INVOICEABLE
    return {
        "net": str(sum((group.net for group in groups), ZERO)),
        "vat": str(sum((group.vat for group in groups), ZERO)),
        "gross": str(sum((group.gross for group in groups), ZERO)),
        "discount": str(sum((line.discount for line in lines), ZERO)),
        "prepaid": str(order.total if is_paid else ZERO),
        "due": str(ZERO if is_paid else order.total),
    }


def _day(moment: datetime | None, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).date().isoformat() if moment else ""
