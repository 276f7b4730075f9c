"""What a number of deliveries came to, in a form that two runs can be compared by."""

import hashlib
import json
from collections import Counter
from typing import Any

from marketplace.models import OutgoingEmail
from orders.models import Order, ReportedOrder
from vendors.models import Product

State = dict[str, dict[str, Any]]
# Numbers of rows, and when things happened here: they say nothing of an order.
ROWS = {"id", "order", "source", "vendor", "customer", "product", "received_at", "version", "number_value"}
# What follows from the state of an order.
FOLLOWS = {
    "status": {"stage", "prepare_by", "paid_at", "completed_at", "held", "reported_at"},
    "completed_at": set(),
    "paid_at": {"prepare_by"},
}


def state(external_ids: list[str] | None = None) -> State:
    """Orders with lines and refunds, stock, and mails of new orders, by the storefront's ids."""
    orders = Order.objects.prefetch_related("lines", "refunds").order_by("external_id")
    if external_ids is not None:
        orders = orders.filter(external_id__in=external_ids)
    found: State = {order.external_id: _order(order) for order in orders}
    found["stock"] = {p.external_id: p.stock for p in Product.objects.exclude(stock=None)}
    return found


def _order(order: Order) -> dict[str, Any]:
    mails = OutgoingEmail.objects.filter(topic=f"order:{order.pk}", template="new_order")
    return {
        **_columns(order),
        "hidden": order.hidden_at is not None,
        "lines": [_columns(line) for line in order.lines.all()],
        "refunds": sorted((r.external_id, str(r.amount), str(r.at), r.progress) for r in order.refunds.all()),
        "mails": sorted(Counter(mails.values_list("to", flat=True)).items()),
    }


def _columns(row: Any) -> dict[str, Any]:
    names = [field.name for field in row._meta.fields if field.name not in ROWS | {"hidden_at"}]
    return {name: shown(getattr(row, name)) for name in names}


def shown(value: Any) -> str:
    """The value as text, the same on every database: PostgreSQL sorts the keys of what it keeps as JSON."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)


def undecidable() -> dict[str, set[str]]:
    """By order, the fields that no date decides, with what follows from them."""
    told = ReportedOrder.objects.exclude(undecidable=[])
    return {each.external_id: _with_what_follows(each.undecidable) for each in told}


def _with_what_follows(fields: list[str]) -> set[str]:
    return {name for field in fields for name in {field, *FOLLOWS.get(field, set())}}


def without(found: State, undecided: dict[str, set[str]]) -> State:
    """The state without the fields that are undecidable."""
    return {
        key: {name: value for name, value in values.items() if name not in undecided.get(key, set())}
        for key, values in found.items()
    }


def digest(found: State) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()[:16]
