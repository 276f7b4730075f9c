"""WooCommerce + Dokan: the body of an order, told as ``OrderData``.

Knows the foreign format and touches no table. Its rules are told in
``docs/rules/woocommerce-intake.md``. Everything here was written by a stranger: whatever JSON
a payload holds in whatever place, the only exception is PayloadError.
"""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from marketplace.money import exponent
from orders.connectors.buyer import buyer_numbers
from orders.connectors.lines import lines_of
from orders.connectors.payload import Node, PayloadError, cut, id_or_nothing, new_id, shown
from orders.domain.order_data import AddressData, LineData, OrderData, RefundData
from orders.models import Problem
from orders.states import OrderStatus

__all__ = ["PayloadError", "is_deletion", "is_gone", "parse_order", "vendor_id_of", "why_skipped"]

MULTI_VENDOR_BASKET = "multi-vendor-basket"
# WooCommerce takes the first away where a cancelled order's units go back; sub-orders have neither.
OFF_SHELF = {"_reduced_stock", "_restock_refunded_items"}
SKIPPED_STATUSES = frozenset({"checkout-draft", "auto-draft", "trash"})


def why_skipped(payload: object) -> str | None:
    """Return the code of the reason to leave a payload alone, None for one to parse; never raises.

    ``multi-vendor-basket`` for the parent of a basket, whose sub-orders are the shops' orders;
    ``checkout-draft``, ``auto-draft`` and ``trash`` for orders that are not yet, or no longer, any.
    """
    if not isinstance(payload, dict):
        return None
    meta = payload.get("meta_data")
    for entry in meta if isinstance(meta, list) else []:
        if isinstance(entry, dict) and entry.get("key") == "has_sub_order" and _is_true(entry.get("value")):
            return MULTI_VENDOR_BASKET
    status = payload.get("status")
    code = status.removeprefix("wc-") if isinstance(status, str) else ""
    return code if code in SKIPPED_STATUSES else None


def is_deletion(payload: object) -> bool:
    """Say whether this is all that is told of a deleted order: ``{"id": 7}``; never raises."""
    return isinstance(payload, dict) and set(payload) == {"id"}


def is_gone(payload: object) -> bool:
    """Say whether this is the error that stands for an order that is gone meanwhile; never raises."""
    return isinstance(payload, dict) and "id" not in payload and {"code", "message"} <= set(payload)


def vendor_id_of(payload: object) -> str:
    """Return the vendor's id, if it can be told, also of a payload that is refused; never raises."""
    try:
        return _vendor(Node(payload))[0]
    except PayloadError:
        return ""


def _is_true(value: object) -> bool:
    return value not in ("0", "no", "false") and bool(value)


def parse_order(
    payload: object, *, tax_kinds: Mapping[str, str] | None = None, time_zone: str = "UTC"
) -> OrderData:
    """Return the order that a webhook or the REST API sent, as decoded JSON.

    ``tax_kinds`` says of a tax, by its label or by its rate id as text, whether it is a "vat"
    or a "levy"; ``time_zone`` is the storefront's, for dates that it tells in local time alone.
    Σ (net + tax) of the lines is the total, to the cent. Ask ``why_skipped`` first.

    Raises PayloadError for whatever cannot be taken at its word.
    """
    order, zone = Node(payload), ZoneInfo(time_zone)
    external_id = str(order["id"].whole(least=1))
    status = _status(order["status"])
    currency = _currency(order["currency"])
    places = min(exponent(currency), 2)  # what the columns of amounts keep
    total = order["total"].amount(places, least=Decimal(0))
    lines = lines_of(order, total, places, tax_kinds or {})
    siren, vat_number = buyer_numbers(order)
    billing, shipping = order["billing"].optional(), order["shipping"].optional()
    vendor_external_id, vendor_name = _vendor(order)
    return OrderData(
        external_id=external_id,
        number=order["number"].text(40) or external_id,
        status=status,
        currency=currency,
        placed_at=_placed_at(order, zone),
        total=total,
        total_tax=_total_tax(order["total_tax"], lines, places),
        vendor_external_id=vendor_external_id,
        vendor_name=vendor_name,
        basket_number=id_or_nothing(order["parent_id"]),
        paid_at=_moment(order, "date_paid", zone),
        completed_at=_moment(order, "date_completed", zone),
        modified_at=_moment(order, "date_modified", zone),
        customer_external_id=id_or_nothing(order["customer_id"]),
        email=billing["email"].text(254),
        buyer_siren=siren,
        buyer_vat_number=vat_number,
        phone=billing["phone"].text(40) or shipping["phone"].text(40),
        billing=_address(billing),
        shipping=_address(shipping),
        payment_method=order["payment_method"].text(60),
        payment_title=order["payment_method_title"].text(200),
        shipping_method=_shipping_method(lines),
        customer_note=order["customer_note"].paragraphs(10_000),
        lines=tuple(lines),
        refunds=tuple(_refunds(order["refunds"], total, places)),
        is_off_shelf=any(OFF_SHELF & line.meta().keys() for line in order["line_items"].entries()),
    )


def _status(node: Node) -> OrderStatus:
    if node.is_empty:
        raise PayloadError(node.path, Problem.MISSING)
    code = node.text(40).removeprefix("wc-")
    if code not in OrderStatus.values:
        raise PayloadError(node.path, Problem.STATUS, got=shown(node.value))
    return OrderStatus(code)


def _currency(node: Node) -> str:
    if not isinstance(node.value, str) or not re.fullmatch("[A-Z]{3}", node.value):
        raise node.error(Problem.CURRENCY)
    return node.value


def _moment(order: Node, key: str, zone: tzinfo) -> datetime | None:
    """Return a date from its ``_gmt`` twin, else from itself, which is the storefront's local time."""
    return order[f"{key}_gmt"].moment() or order[key].moment(zone)


def _placed_at(order: Node, zone: tzinfo) -> datetime:
    placed_at = _moment(order, "date_created", zone)
    if placed_at is None:
        raise PayloadError("date_created_gmt", Problem.MISSING)
    return placed_at


def _total_tax(node: Node, lines: list[LineData], places: int) -> Decimal:
    if node.is_empty:
        return max(sum((line.tax for line in lines), Decimal(0)), Decimal(0))
    return node.amount(places, least=Decimal(0))


def _vendor(order: Node) -> tuple[str, str]:
    """Return the vendor's id and the name of the vendor's store, empty where Dokan names none."""
    named = {
        id_or_nothing(entry["value"])
        for entry in order["meta_data"].entries()
        if entry["key"].value == "_dokan_vendor_id"
    } - {""}
    if len(named) > 1:
        raise PayloadError("meta_data", Problem.VENDORS, got=", ".join(sorted(named)))
    store = order["store"].optional()
    vendor = named.pop() if named else id_or_nothing(store["id"])
    for candidate in (store, *order["stores"].entries()):
        if vendor and id_or_nothing(candidate["id"]) == vendor:
            return vendor, candidate["shop_name"].text(200) or candidate["name"].text(200)
    return vendor, ""


def _address(node: Node) -> AddressData:
    country = node["country"].text(40).upper()
    return AddressData(
        name=cut(f"{node['first_name'].text(200)} {node['last_name'].text(200)}", 200),
        company=node["company"].text(200),
        address_1=node["address_1"].text(200),
        address_2=node["address_2"].text(200),
        postcode=node["postcode"].text(20),
        city=node["city"].text(100),
        state=node["state"].text(100),
        country=country if re.fullmatch("[A-Z]{2}", country) else "",
    )


def _shipping_method(lines: list[LineData]) -> str:
    names = dict.fromkeys(line.name for line in lines if line.kind == "shipping" and line.name)
    return cut(", ".join(names), 200)


def _refunds(node: Node, total: Decimal, places: int) -> list[RefundData]:
    """Return the refunds that gave something back.

    Raises PayloadError if they repeat an id or add up to more than the order's ``total``.
    """
    refunds: dict[str, RefundData] = {}
    for entry in node.entries():
        external_id = new_id(entry["id"], refunds)
        amount = -entry["total"].amount(places)
        if amount < 0:
            raise entry["total"].error(Problem.POSITIVE)
        refunds[external_id] = RefundData(external_id, amount, entry["reason"].text(1000))
    refunded = sum((refund.amount for refund in refunds.values()), Decimal(0))
    if refunded > total:
        raise PayloadError(node.path, Problem.REFUNDS, got=refunded, total=total)
    return [refund for refund in refunds.values() if refund.amount]
