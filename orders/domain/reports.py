"""Which of two reports about an order is the later one, and what a report says anew.

A storefront's deliveries come in any order and any number of times, and its date of the last
change is no version number. So reports are ranked by what they say, and never by when they came:
the result of any number of them is the same in whatever order. The rules are told in
``docs/rules/woocommerce-intake.md``, "Which report wins".
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from orders.domain.order_data import AddressData, OrderData
from orders.models import ReportedOrder, Source
from orders.states import OrderStatus

# From the first to the last state of an order's life: of two reports of one second, the later state wins.
LIFE = [
    OrderStatus.PENDING,
    OrderStatus.FAILED,
    OrderStatus.ON_HOLD,
    OrderStatus.PROCESSING,
    OrderStatus.COMPLETED,
    OrderStatus.CANCELLED,
    OrderStatus.REFUNDED,
]
HIDDEN = "hidden"  # the field of an order that a storefront deleted or restored
Rank = list[Any]


def lock_report(source: Source, external_id: str) -> ReportedOrder:
    """Lock what the storefront has told of one order, also where there is no such order yet."""
    locked = ReportedOrder.objects.select_for_update().filter(source=source, external_id=external_id)
    reported = locked.first()
    if reported is None:
        ReportedOrder.objects.bulk_create(
            [ReportedOrder(source=source, external_id=external_id)], ignore_conflicts=True
        )
        reported = locked.get()
    reported.source = source
    return reported


def rank_of(data: OrderData, *, is_final: bool = False) -> Rank:
    """Return what two reports are compared by: date of change, more refunds, dates, state, content.

    With ``is_final`` it was asked of the storefront, and beats deliveries of the same second.
    """
    return [
        _moment(data.modified_at),
        int(is_final),
        len(data.refunds),
        _moment(data.completed_at),
        _moment(data.paid_at),
        LIFE.index(data.status),
        digest(asdict(data)),
    ]


def is_tie(one: Rank, other: Rank) -> bool:
    """Say whether nothing but their content tells which of two reports is later.

    Neither does it that one was asked of the storefront: it may change again in the same second.
    """
    return one[:1] == other[:1] and one[2:] != other[2:]


def columns_of(data: OrderData) -> dict[str, Any]:
    """Return the plain columns of an order that a report fills, but for its state and dates."""
    return {
        "placed_at": data.placed_at,
        "basket_number": data.basket_number,
        "payment_method": data.payment_method,
        "payment_title": data.payment_title,
        "shipping_method": data.shipping_method,
        **buyer_of(data),
        **contact_of(data),
    }


def buyer_of(data: OrderData) -> dict[str, str]:
    """Return the numbers of a business that buys; an issued invoice says them for good."""
    return {"buyer_siren": data.buyer_siren, "buyer_vat_number": data.buyer_vat_number}


def contact_of(data: OrderData) -> dict[str, str]:
    """Return the columns that hold who bought, what they said, and where to send it."""
    return {
        "customer_note": data.customer_note,
        "customer_name": data.billing.name
        or data.billing.company
        or data.shipping.name
        or data.shipping.company,
        "customer_email": data.email,
        "customer_phone": data.phone,
        **_address("billing", data.billing),
        **_address("shipping", data.shipping),
    }


def _address(kind: str, address: AddressData) -> dict[str, str]:
    return {
        f"{kind}_{name}": getattr(address, name)
        for name in ("name", "company", "address_1", "address_2", "postcode", "city", "country")
    }


def digests_of(data: OrderData) -> dict[str, str]:
    """Return a digest per field: enough to see what a later report says anew, and no personal data."""
    columns: dict[str, Any] = {
        **columns_of(data),
        "number": data.number,
        "paid_at": data.paid_at,
        "completed_at": data.completed_at,
        "customer": [data.customer_external_id, data.email],
        "lines": [data.currency, data.total_tax, [_without_units_returned(line) for line in data.lines]],
    }
    return {"status": str(data.status), **{name: digest(value) for name, value in columns.items()}}


def differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    """Return the fields in which two reports differ."""
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


def _without_units_returned(line: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(line).items() if name != "units_returned"}


def digest(value: Any) -> str:
    """Return a short digest of a value, the same for the same content on every machine."""
    return hashlib.sha256(_canonical(value).encode("utf-8", "replace")).hexdigest()[:24]


def _canonical(value: Any) -> str:
    match value:
        case dict():
            return "{" + ",".join(f"{key}:{_canonical(value[key])}" for key in sorted(value)) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_canonical, value)) + "]"
        case datetime():
            return _moment(value)
        case Decimal():
            return format(value.normalize(), "f")
        case _:
            return repr(str(value)) if value is not None else "-"


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the latest of the dates that are known; None where none is."""
    return max((moment for moment in moments if moment is not None), default=None)
