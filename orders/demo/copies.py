"""Copies of orders that were lived through: the same rows, for somebody else, at another time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import DateTimeField, Field, Model

from orders.demo.tables import Row, Sheet, Text, text
from orders.models import (
    Customer,
    HistoryEntry,
    Note,
    Order,
    OrderFigures,
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
    OrderFigures: "order",
}
TABLES: Sequence[type[Model]] = [Customer, *PARTS, OrderNameStart]
NAMED_IN_HISTORY: Mapping[str, type[Model]] = {"refund": Refund, "shipment": Shipment}

OF_NUMBER = ("number", "external_id", "number_value")
OF_ADDRESS = ("name", "company", "address_1", "address_2", "postcode", "city", "country")
OF_CUSTOMER = (
    *("customer_id", "customer_name", "customer_email", "customer_phone"),
    *(f"billing_{part}" for part in OF_ADDRESS),
    *(f"shipping_{part}" for part in OF_ADDRESS),
)
PLACES = {model: place for place, model in enumerate(PARTS)}


def columns_of(model: type[Model]) -> list["Field[Any, Any]"]:
    """A table's columns; of the order's, those that each copy has of its own come first."""
    columns: list[Field[Any, Any]] = list(model._meta.concrete_fields)
    if model is not Order:
        return columns
    by_name = {column.attname: column for column in columns}
    own = [by_name[name] for name in (*OF_NUMBER, *OF_CUSTOMER)]
    return [*own, *(column for column in columns if column not in own)]


@dataclass(frozen=True)
class Pattern:
    """A row to copy: its texts, and which of them are the copy's own ids and moments.

    A ``Place`` is a sheet and which of an order's rows on it; ``data`` is the history's.
    """

    texts: Row
    ids: list[tuple[int, "Place"]]
    moments: list[tuple[int, int]]
    data: tuple[int, dict[str, Any], dict[str, "Place"]] | None


Place = tuple[int, int]


@dataclass(frozen=True)
class Original:
    """An order that was lived through, ready to be copied."""

    patterns: list[list[Pattern]]  # by sheet
    offsets: list[timedelta]  # its moments, since it was placed
    lasts: timedelta
    prepare_by: int | None  # which of the moments it is late from


def read(order: Order) -> Original:
    """Turn the rows of a stored order into patterns."""
    return Reader(order).original()


class Reader:
    """Reads one order."""

    def __init__(self, order: Order) -> None:
        self.rows = {
            model: list(model._default_manager.filter(**{path: order.pk}).order_by("pk"))
            for model, path in PARTS.items()
        }
        self.places: dict[tuple[Any, Any], Place] = {
            (model, row.pk): (PLACES[model], n)
            for model, rows in self.rows.items()
            for n, row in enumerate(rows)
        }
        self.placed_at = order.placed_at
        self.offsets: list[timedelta] = []

    def original(self) -> Original:
        patterns = [[self._pattern(row) for row in rows] for rows in self.rows.values()]
        order = cast(Order, self.rows[Order][0])
        history = cast(list[HistoryEntry], self.rows[HistoryEntry])
        return Original(
            patterns,
            self.offsets,
            lasts=max(entry.at for entry in history) - order.placed_at,
            prepare_by=None if order.prepare_by is None else self._moment(order.prepare_by),
        )

    def _pattern(self, row: Model) -> Pattern:
        pattern = Pattern([], [], [], self._data(row))
        for column, field in enumerate(columns_of(type(row))):
            value = getattr(row, field.attname)
            pattern.texts.append(text(value))
            if place := self._place(field, value):
                pattern.ids.append((column, place))
            elif isinstance(field, DateTimeField) and value is not None:
                pattern.moments.append((column, self._moment(value)))
        return pattern

    def _place(self, field: "Field[Any, Any]", value: Any) -> Place | None:
        """Where the row is whose id this column holds; None for what is no row of the order's."""
        model = field.related_model or (field.model if field.primary_key else None)
        return self.places.get((model, value)) if model else None

    def _moment(self, value: datetime) -> int:
        offset = value - self.placed_at
        if offset not in self.offsets:
            self.offsets.append(offset)
        return self.offsets.index(offset)

    def _data(self, row: Model) -> tuple[int, dict[str, Any], dict[str, Place]] | None:
        """The details of a history entry that hold ids of the order's other rows."""
        if not isinstance(row, HistoryEntry):
            return None
        names = {
            key: self.places[model, row.data[key]]
            for key, model in NAMED_IN_HISTORY.items()
            if key in row.data
        }
        column = [field.attname for field in columns_of(HistoryEntry)].index("data")
        return (column, row.data, names) if names else None


class Copier:
    """Writes copies on the sheets of all the tables they belong to."""

    def __init__(self) -> None:
        self.sheets = [Sheet(model, columns_of(model)) for model in PARTS]

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
            sheet.take_ids(len(rows)) for sheet, rows in zip(self.sheets, original.patterns, strict=True)
        ]
        for sheet, rows in zip(self.sheets, original.patterns, strict=True):
            for pattern in rows:
                sheet.rows.append(_row(pattern, firsts, moments))
        order = self.sheets[PLACES[Order]].rows[-1]
        order[: len(OF_NUMBER)] = [number] * len(OF_NUMBER)
        order[len(OF_NUMBER) : len(OF_NUMBER) + len(OF_CUSTOMER)] = customer
        return firsts[PLACES[Order]]

    def taken(self) -> list[Callable[[], None]]:
        """Forget what was copied, and return what writes it, in this order."""
        return [sheet.taken() for sheet in self.sheets]


def _row(pattern: Pattern, firsts: Sequence[int], moments: Sequence[Text]) -> Row:
    row = pattern.texts.copy()
    for column, (sheet, n) in pattern.ids:
        row[column] = str(firsts[sheet] + n)
    for column, n in pattern.moments:
        row[column] = moments[n]
    if pattern.data is not None:
        column, data, names = pattern.data
        row[column] = text({**data, **{key: firsts[sheet] + n for key, (sheet, n) in names.items()}})
    return row
