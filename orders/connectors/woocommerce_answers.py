"""What WooCommerce is told, in its own words; touches no table but to read what is told.

Each function returns the body of a request. The rules and their sources are told in
docs/rules/storefront-answers.md.
"""

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from marketplace.formats import short_date
from marketplace.money import exponent, round_half_up
from orders.models import Carrier, Order, Refund, RefundLine, Shipment

TRACKING = "_wc_shipment_tracking_items"  # WooCommerce Shipment Tracking, and Advanced Shipment Tracking
MARKER = "_comptoir_refund"
SLACK = timedelta(minutes=10)  # two machines' clocks may differ
ZERO = Decimal(0)


def tracking_items(present: object, shipments: Iterable[Shipment]) -> list[Any]:
    """Return what the order's tracking meta should hold: what others put there, and our parcels."""
    ours = [_tracking_item(shipment) for shipment in shipments if shipment.tracking_number]
    ids = {item["tracking_id"] for item in ours}
    theirs = present if isinstance(present, list) else []
    return [item for item in theirs if not (isinstance(item, dict) and item.get("tracking_id") in ids)] + ours


def _tracking_item(shipment: Shipment) -> dict[str, str]:
    return {
        "tracking_provider": "",
        "custom_tracking_provider": _carrier(shipment),
        "custom_tracking_link": shipment.tracking_url,
        "tracking_number": shipment.tracking_number,
        "date_shipped": str(int(shipment.shipped_at.timestamp())),
        "tracking_id": f"comptoir-{shipment.pk}",
    }


def _carrier(shipment: Shipment) -> str:
    return str(Carrier(shipment.carrier).label) if shipment.carrier else ""


def meta_value(order: Mapping[str, Any], key: str) -> object:
    """Return the first value of the order's meta ``key``, None without."""
    entries = order.get("meta_data")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("key") == key:
            return entry.get("value")
    return None


def parcel_note(shipment: Shipment) -> str:
    """Return the sentence that the customer reads on the order, as Dokan writes one."""
    with translation.override(settings.LANGUAGE_CODE):
        values = {
            "number": shipment.number,
            "carrier": _carrier(shipment) or _("own means"),
            "tracking": shipment.tracking_number,
            "on": short_date(
                shipment.shipped_at.astimezone(ZoneInfo(shipment.order.vendor.time_zone)).date()
            ),
        }
        if not shipment.tracking_number:
            return _("Parcel %(number)s shipped by %(carrier)s on %(on)s.") % values
        text = _("Parcel %(number)s shipped by %(carrier)s on %(on)s, tracking number %(tracking)s.") % values
    return f"{text} {shipment.tracking_url}".strip()


def pickup_note(order: Order) -> str:
    """Return what the customer reads on the order once it waits in the shop: where, and when it is open."""
    shop = order.vendor
    with translation.override(settings.LANGUAGE_CODE):
        text = _("Your order %(number)s waits for you at %(shop)s.") % {
            "number": order.number,
            "shop": shop.name,
        }
    return "\n".join(part for part in (text, shop.pickup_address, shop.pickup_hours) if part)


def find_note(notes: Iterable[Any], text: str, *, since: datetime, known: set[str]) -> str | None:
    """Return the id of a note for the customer with this text, written since then and not known yet."""
    for note in notes:
        if not isinstance(note, dict) or str(note.get("id")) in known or not note.get("customer_note"):
            continue
        if _words(note.get("note")) == _words(text) and _is_since(note, since):
            return str(note["id"])
    return None


def _words(text: object) -> str:
    """The text as people read it: entities and the gaps between words do not count."""
    return " ".join(html.unescape(str(text)).split())


def _is_since(what: Mapping[str, Any], since: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(str(what.get("date_created_gmt"))).replace(tzinfo=UTC)
    except ValueError:
        return False
    return moment >= since - SLACK


def find_refund(
    refunds: Iterable[Any], refund: Refund, *, since: datetime | None, known: set[str]
) -> str | None:
    """Return the id of the storefront's refund that is ours: by its mark, else by what it says.

    The mark is written after the refund: one that was cut off between the two is known by
    amount and reason. That is asked only where we may have sent it: with ``since``.
    """
    others = [each for each in refunds if isinstance(each, dict) and str(each.get("id")) not in known]
    for each in others:
        if str(meta_value(each, MARKER)) == str(refund.pk):
            return str(each["id"])
    if since is None:
        return None
    for each in others:
        if _is_alike(each, refund) and _is_since(each, since):
            return str(each["id"])
    return None


def _is_alike(theirs: Mapping[str, Any], refund: Refund) -> bool:
    return (
        meta_value(theirs, MARKER) is None
        and _number(theirs.get("amount")) == refund.amount
        and _words(theirs.get("reason") or "") == _words(reason_of(refund))
    )


def reason_of(refund: Refund) -> str:
    return refund.reason.text if refund.reason else ""


def refund_body(
    refund: Refund, order: Mapping[str, Any], earlier: Iterable[Any], *, asks_gateway: bool
) -> dict[str, Any]:
    """Return the refund for ``POST /orders/<id>/refunds``.

    ``order`` and ``earlier`` are the storefront's order and refunds as they are now: its lines
    say which taxes an amount is made of, and what was refunded of each. A line that the
    storefront does not have (any more) is left out; the amount stays.
    """
    parts = [part for part in refund.lines.select_related("line") if part.line.external_id]
    comes_back = any(part.units_back for part in parts)
    lines, gone = _lines_by_id(order), _refunded_by_line(earlier)
    places = min(exponent(refund.order.currency), 2)
    return {
        "amount": str(refund.amount),
        "reason": reason_of(refund),
        "line_items": [
            _refund_line(part, lines[part.line.external_id], gone[part.line.external_id], comes_back, places)
            for part in parts
            if part.line.external_id in lines
        ],
        "api_refund": asks_gateway,
        "api_restock": comes_back,
        "meta_data": [{"key": MARKER, "value": str(refund.pk)}],
    }


def _refund_line(
    part: RefundLine, line: Mapping[str, Any], gone: Mapping[str, Decimal], comes_back: bool, places: int
) -> dict[str, Any]:
    """One line: the amount split into net and taxes as the line is, cumulatively to the cent.

    WooCommerce puts back either all refunded units or none: where any come back, the units
    that do are what is said to be refunded.
    """
    taxes = {tax["id"]: _number(tax.get("total")) for tax in _entries(line, "taxes") if tax.get("total")}
    whole = _number(line.get("total")) + sum(taxes.values(), ZERO)
    so_far = sum(gone.values(), ZERO) + part.amount
    shares = {}
    for tax, amount in taxes.items():
        wanted = round_half_up(so_far * amount / whole, places) if whole else ZERO
        shares[tax] = wanted - gone.get(str(tax), ZERO)
    return {
        "id": line["id"],
        "quantity": part.units_back if comes_back else part.units,
        "refund_total": str(part.amount - sum(shares.values(), ZERO)),
        "refund_tax": [{"id": tax, "refund_total": str(share)} for tax, share in shares.items()],
    }


def _lines_by_id(order: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    kinds = ("line_items", "shipping_lines", "fee_lines")
    return {str(line.get("id")): line for kind in kinds for line in _entries(order, kind)}


def _refunded_by_line(refunds: Iterable[Any]) -> defaultdict[str, dict[str, Decimal]]:
    """What was refunded of each line: net under ``""``, each tax under its id; all positive."""
    found: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for refund in refunds:
        for line in _lines_by_id(refund).values() if isinstance(refund, dict) else []:
            sums = found[str(meta_value(line, "_refunded_item_id"))]
            sums[""] = sums.get("", ZERO) - _number(line.get("total"))
            for tax in _entries(line, "taxes"):
                sums[str(tax.get("id"))] = sums.get(str(tax.get("id")), ZERO) - _number(tax.get("total"))
    return found


def _entries(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = value.get(key)
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _number(text: object) -> Decimal:
    try:
        number = Decimal(str(text or 0))
    except InvalidOperation:
        return ZERO
    return number if number.is_finite() else ZERO
