"""Copies of orders that were lived through: the same rows, for somebody else, at another time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Field, ForeignKey, Model

from orders.demo.tables import Row, Sheet, Text, text
from orders.models import (
    Customer,
    HistoryEntry,
    Note,
    Order,
    OrderLine,
    OrderNameStart,
    Refund,
    RefundLine,
    Shipment,
    ShipmentLine,
)

# What belongs to an order, parents first, with the way to it.
PARTS: Mapping[type[Model], str] = {
    Order: "pk",
    OrderLine: "order",
    Note: "order",
    Refund: "order",
    RefundLine: "refund__order",
    Shipment: "order",
    ShipmentLine: "shipment__order",
    HistoryEntry: "order",
}
TABLES = [Customer, *PARTS, OrderNameStart]
NAMED_IN_HISTORY: Mapping[str, type[Model]] = {"refund": Refund, "shipment": Shipment}

OF_NUMBER = ("number", "external_id", "number_value")
OF_CUSTOMER = (
    "customer_id",
    "customer_name",
    "customer_email",
    "customer_phone",
    *(
        f"{kind}_{part}"
        for kind in ("billing", "shipping")
        for part in ("name", "company", "address_1", "address_2", "postcode", "city", "country")
    ),
)


def order_fields() -> list["Field[Any, Any]"]:
    """The order's columns, those that each copy has of its own first."""
    own = [
        Order._meta.get_field(name.removesuffix("_id") if name == "customer_id" else name)
        for name in (*OF_NUMBER, *OF_CUSTOMER)
    ]
    rest = [field for field in Order._meta.concrete_fields if field not in own]
    return [*own, *rest]  # type: ignore[list-item]


@dataclass(frozen=True)
class Pattern:
    """A row to copy: its texts, and which of them are ids or moments of the copy's own.

    ``ids`` are (column, sheet, which of that sheet's rows), ``moments`` (column, which of the
    order's moments), ``names`` (column, the history's data, ids in it).
    """

    texts: Row
    ids: list[tuple[int, int, int]]
    moments: list[tuple[int, int]]
    names: list[tuple[int, dict[str, Any], list[tuple[str, int, int]]]]


@dataclass(frozen=True)
class Original:
    """An order that was lived through, ready to be copied."""

    patterns: list[list[Pattern]]  # by sheet
    offsets: list[timedelta]  # its moments, since it was placed
    lasts: timedelta
    prepare_by: int | None  # which moment it is late from


class Copier:
    """Holds the sheets that copies are written on."""

    def __init__(self) -> None:
        self.sheets = [Sheet(model, order_fields() if model is Order else None) for model in PARTS]
        self.places = {model: place for place, model in enumerate(PARTS)}

    def read(self, order: Order) -> Original:
        """Turn the rows of a stored order into patterns."""
        found = {
            model: list(model._default_manager.filter(**{path: order.pk}).order_by("pk"))
            for model, path in PARTS.items()
        }
        which = {
            (model, row.pk): (self.places[model], n)
            for model, rows in found.items()
            for n, row in enumerate(rows)
        }
        offsets: list[timedelta] = []
        patterns = [
            [self._pattern(row, sheet.fields, which, offsets, order.placed_at) for row in found[model]]
            for model, sheet in zip(PARTS, self.sheets, strict=True)
        ]
        ends = [entry.at for entry in found[HistoryEntry]]
        late_from = order.prepare_by and offsets.index(order.prepare_by - order.placed_at)
        return Original(patterns, offsets, max(ends) - order.placed_at, late_from)

    def _pattern(
        self,
        row: Model,
        fields: Sequence["Field[Any, Any]"],
        which: Mapping[tuple[type[Model], Any], tuple[int, int]],
        offsets: list[timedelta],
        placed_at: datetime,
    ) -> Pattern:
        pattern = Pattern([], [], [], [])
        for column, field in enumerate(fields):
            value = getattr(row, field.attname)
            target = (
                type(row)
                if field.primary_key
                else field.related_model
                if isinstance(field, ForeignKey)
                else None
            )
            if target is not None and (target, value) in which:
                pattern.ids.append((column, *which[target, value]))  # type: ignore[index, arg-type]
            elif isinstance(field, DateTimeField) and value is not None:
                if value - placed_at not in offsets:
                    offsets.append(value - placed_at)
                pattern.moments.append((column, offsets.index(value - placed_at)))
            elif isinstance(row, HistoryEntry) and field.attname == "data":
                names = [
                    (key, *which[model, value[key]])
                    for key, model in NAMED_IN_HISTORY.items()
                    if key in value
                ]
                if names:
                    pattern.names.append((column, value, names))
            pattern.texts.append(text(value))
        return pattern

    def copy(
        self,
        original: Original,
        placed_at: datetime,
        number: str,
        customer: Sequence[Text],
        *,
        prepare_by: Text = None,
    ) -> int:
        """Add a copy, for ``customer`` (the texts of ``OF_CUSTOMER``); returns the order's id."""
        begin = placed_at.replace(tzinfo=None)  # UTC, as all of the demo's
        moments: list[Text] = [(begin + offset).isoformat(" ") for offset in original.offsets]
        if original.prepare_by is not None:
            moments[original.prepare_by] = prepare_by
        firsts = [
            sheet.take_ids(len(rows)) if rows else 0
            for sheet, rows in zip(self.sheets, original.patterns, strict=True)
        ]
        for sheet, rows in zip(self.sheets, original.patterns, strict=True):
            for pattern in rows:
                row = pattern.texts.copy()
                for column, place, n in pattern.ids:
                    row[column] = str(firsts[place] + n)
                for column, n in pattern.moments:
                    row[column] = moments[n]
                for column, data, names in pattern.names:
                    row[column] = text({**data, **{key: firsts[place] + n for key, place, n in names}})
                sheet.rows.append(row)
        order = self.sheets[0].rows[-1]
        order[0] = order[1] = order[2] = number
        order[len(OF_NUMBER) : len(OF_NUMBER) + len(OF_CUSTOMER)] = customer
        return firsts[0]

    def write(self) -> None:
        for sheet in self.sheets:
            if sheet.rows:
                sheet.write()
