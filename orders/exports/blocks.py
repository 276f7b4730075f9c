"""Orders in blocks, newest first, and what belongs to a block: one query each, whatever it holds.

Rows are tuples, and amounts leave the database as text: neither model objects nor numbers
are made of what is only written down again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db.models import Expression, Func, QuerySet, TextField

from orders.models import Document, DocumentKind, Order, OrderLine, Shipment

BLOCK = 1000

Values = tuple[Any, ...]
UnderFranchise = Callable[[Collection[int]], Collection[int]]  # of orders' ids, those without VAT
amount = lru_cache(maxsize=16_384)(Decimal)  # prices come again and again: one object for each
_MODEL: Any = OrderLine


class AmountText(Func):
    """An amount as text, with a point and two decimals."""

    arity = 1
    output_field = TextField()
    template = "(%(expressions)s)::text"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="printf('%%%%.2f', %(expressions)s)", **more)


@dataclass(slots=True)
class Line:
    """What an export reads of an order line; what follows from it, the model says."""

    order_id: int
    kind: str
    sku: str
    name: str
    quantity: int
    units_refunded: int
    taxes: list[dict[str, str]]
    total_before_discount: Decimal
    total: Decimal
    refunded_total: Decimal
    commission: Decimal
    commission_vat: Decimal
    commission_given_back: Decimal

    vat_rates = _MODEL.vat_rates
    unit_price = _MODEL.unit_price
    discount = _MODEL.discount


_PLAIN = ["order_id", "kind", "sku", "name", "quantity", "units_refunded", "taxes"]
_AMOUNTS = [
    "total_before_discount",
    "total",
    "refunded_total",
    "commission",
    "commission_vat",
    "commission_given_back",
]


def in_blocks(orders: QuerySet[Order], *fields: str | Expression) -> Iterator[list[Values]]:
    """Yield the ids and ``fields`` of all orders, newest first, as lists of at most ``BLOCK``."""
    rows = orders.order_by("-placed_at", "-pk").values_list("pk", *fields).iterator(chunk_size=BLOCK)
    while block := list(islice(rows, BLOCK)):
        yield block


def lines_of(block: Sequence[Values]) -> dict[int, list[Line]]:
    """Return ``{order id: lines}``, in their order."""
    rows = (
        OrderLine.objects.filter(order_id__in=ids_of(block))
        .order_by("order_id", "position")
        .values_list(*_PLAIN, *map(AmountText, _AMOUNTS))
    )
    found: dict[int, list[Line]] = defaultdict(list)
    for row in rows.iterator(chunk_size=BLOCK):
        found[row[0]].append(Line(*row[: len(_PLAIN)], *map(amount, row[len(_PLAIN) :])))
    return found


def tracking_numbers_of(block: Sequence[Values]) -> dict[int, str]:
    """Return ``{order id: "6A123, 6A124"}`` for the orders whose parcels can be tracked."""
    parcels = (
        Shipment.objects.filter(order_id__in=ids_of(block))
        .exclude(tracking_number="")
        .order_by("order_id", "number")
        .values_list("order_id", "tracking_number")
    )
    found: dict[int, str] = {}
    for order_id, number in parcels:
        found[order_id] = f"{found[order_id]}, {number}" if order_id in found else number
    return found


def invoice_numbers_of(block: Sequence[Values]) -> dict[int, str]:
    """Return ``{order id: "RDB-F2026-000042"}`` for the orders that have an invoice."""
    invoices = Document.objects.filter(order_id__in=ids_of(block), kind=DocumentKind.INVOICE)
    return dict(invoices.values_list("order_id", "number"))


def ids_of(block: Sequence[Values]) -> list[int]:
    return [values[0] for values in block]
