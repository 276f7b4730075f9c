"""Copies of orders that were lived through: the same rows, for somebody else, at another time."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, cast

from django.db.models import DateTimeField, F, Field, Model

from orders.demo.tables import Row, Sheet, Text, is_postgresql, line_maker, text
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
# Where they stand among a copy's texts: the number first, then the customer.
OWN = {**dict.fromkeys(OF_NUMBER, 0), **{name: n for n, name in enumerate(OF_CUSTOMER, start=1)}}
PLACES = {model: place for place, model in enumerate(PARTS)}

Place = tuple[int, int]  # a sheet, and which of an order's rows on it
Rows = Mapping[type[Model], Sequence[Model]]


@dataclass(frozen=True)
class Details:
    """What an entry of the history holds, and which ids of the order's other rows stand in it."""

    data: dict[str, Any]
    names: dict[str, Place]

    def text(self, firsts: Sequence[int]) -> Text:
        return text({**self.data, **{name: firsts[sheet] + n for name, (sheet, n) in self.names.items()}})


@dataclass(frozen=True)
class Original:
    """An order that was lived through, ready to be copied.

    A copy's texts are its number, its customer's, its ids, its moments, its details that hold ids.
    On PostgreSQL a row is a line with some of them filled in; on SQLite it is some of them, and of
    those that all copies share, picked. Both by C, since a million orders have seven million rows.
    """

    rows: list[list[Callable[[Sequence[Text]], Row]]]  # by sheet
    offsets: list[timedelta]  # its moments, since it was placed
    details: list[Details]
    shared: list[Text]  # none on PostgreSQL
    lasts: timedelta
    prepare_by: int | None  # which of the moments it is late from


def read(orders: Sequence[Order]) -> list[Original]:
    """Turn the rows of stored orders into originals."""
    found: dict[int, dict[type[Model], list[Model]]] = {order.pk: {} for order in orders}
    for model, path in PARTS.items():
        rows = model._default_manager.filter(**{f"{path}__in": list(found)})
        by_order = defaultdict(list)
        for row in rows.annotate(copied=F(path)).order_by("pk"):
            by_order[row.copied].append(row)
        for pk, of_order in found.items():
            of_order[model] = by_order[pk]
    return [Reader(rows).original() for rows in found.values()]


class Reader:
    """Reads one order; ``slots`` says where each of a copy's texts stands."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.order = cast(Order, rows[Order][0])
        self.history = cast(Sequence[HistoryEntry], rows[HistoryEntry])
        self.places: dict[tuple[Any, Any], Place] = {
            (model, row.pk): (PLACES[model], n) for model in PARTS for n, row in enumerate(rows[model])
        }
        self.offsets = list(dict.fromkeys(offset for row in self._all() for offset in self._offsets(row)))
        self.details = {entry.pk: found for entry in self.history if (found := self._details(entry)).names}
        self.slots: dict[Hashable, int] = {name: OWN[name] for name in ("number", *OF_CUSTOMER)}
        for slot in [*self.places.values(), *self.offsets, *(("details", pk) for pk in self.details)]:
            self.slots[slot] = len(self.slots)
        self.shared: list[Text] = []

    def original(self) -> Original:
        rows = [[self._picker(row) for row in self.rows[model]] for model in PARTS]
        late_from, placed_at = self.order.prepare_by, self.order.placed_at
        return Original(
            rows,
            self.offsets,
            list(self.details.values()),
            self.shared,
            lasts=max(entry.at for entry in self.history) - placed_at,
            prepare_by=None if late_from is None else self.offsets.index(late_from - placed_at),
        )

    def _all(self) -> list[Model]:
        return [row for model in PARTS for row in self.rows[model]]

    def _offsets(self, row: Model) -> list[timedelta]:
        moments = [getattr(row, field.attname) for field in _columns(row) if isinstance(field, DateTimeField)]
        return [moment - self.order.placed_at for moment in moments if moment is not None]

    def _details(self, entry: HistoryEntry) -> Details:
        named = {name: model for name, model in NAMED_IN_HISTORY.items() if name in entry.data}
        return Details(
            entry.data, {name: self.places[model, entry.data[name]] for name, model in named.items()}
        )

    def _picker(self, row: Model) -> Callable[[Sequence[Text]], Row]:
        columns = [self._text(row, field) for field in _columns(row)]
        if is_postgresql():
            return line_maker(columns)
        return itemgetter(*(each if isinstance(each, int) else self._shared(each) for each in columns))

    def _text(self, row: Model, field: "Field[Any, Any]") -> int | Text:
        """Where a copy's text of this column stands among its texts, or the one that all copies share."""
        value = getattr(row, field.attname)
        if row is self.order and field.attname in OWN:
            return OWN[field.attname]
        if place := self._place(field, value):
            return self.slots[place]
        if isinstance(field, DateTimeField) and value is not None:
            return self.slots[value - self.order.placed_at]
        if isinstance(row, HistoryEntry) and field.attname == "data" and row.pk in self.details:
            return self.slots["details", row.pk]
        return text(value)

    def _place(self, field: "Field[Any, Any]", value: Any) -> Place | None:
        """Where the row is whose id this column holds; None for what is no row of the order's."""
        model = field.related_model or (field.model if field.primary_key else None)
        return self.places.get((model, value)) if model else None

    def _shared(self, value: Text) -> int:
        if (slot := ("shared", value)) not in self.slots:
            self.slots[slot] = len(self.slots)
            self.shared.append(value)
        return self.slots[slot]


def _columns(row: Model) -> list["Field[Any, Any]"]:
    return list(row._meta.concrete_fields)


class Copier:
    """Writes copies on the sheets of all the tables they belong to."""

    def __init__(self) -> None:
        self.sheets = [Sheet(model) for model in PARTS]

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
        firsts: list[int] = []
        ids: list[Text] = []
        for sheet, rows in zip(self.sheets, original.rows, strict=True):
            firsts.append(first := sheet.take_ids(len(rows)))
            ids += map(str, range(first, first + len(rows)))
        details = [each.text(firsts) for each in original.details]
        texts = [number, *customer, *ids, *moments, *details, *original.shared]
        for sheet, rows in zip(self.sheets, original.rows, strict=True):
            sheet.rows += [row(texts) for row in rows]
        return firsts[PLACES[Order]]

    def taken(self) -> list[Callable[[], None]]:
        """Forget what was copied, and return what writes it, in this order."""
        return [sheet.taken() for sheet in self.sheets]
