"""Pages by key: as quick at the end of a long list as at its start, and still while orders arrive.

A cursor says after (or before) which row a page begins; it holds the row's sort value and id,
so that rows of equal value are never shown twice nor skipped.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 25
MOMENTS = frozenset({"placed_at", "created_at"})
LARGEST = 2**63 - 1  # what the database's whole numbers hold


class BadCursor(Exception):
    """The cursor is of another list, or was made by hand."""

    def __init__(self) -> None:
        super().__init__(_("This page of the list cannot be found any more."))


@dataclass(frozen=True)
class Keyset:
    """A column to sort by; the id decides among equals, in the same direction."""

    column: str
    is_descending: bool

    @property
    def order_by(self) -> tuple[str, str]:
        sign = "-" if self.is_descending else ""
        return f"{sign}{self.column}", f"{sign}pk"

    def reversed(self) -> "Keyset":
        return Keyset(self.column, is_descending=not self.is_descending)

    def beyond(self, value: Any, pk: int) -> Q:
        """The rows after that one.

        The first bound says nothing new; it lets the database begin at the right place of
        the index (without it, it reads all that comes before).
        """
        side = "lt" if self.is_descending else "gt"
        return Q(**{f"{self.column}__{side}e": value}) & (
            Q(**{f"{self.column}__{side}": value}) | Q(**{f"pk__{side}": pk})
        )


@dataclass(frozen=True)
class Cursor:
    """A place in a sorted list: beside the row ``pk`` with its sort value, ``position`` rows in."""

    keyset: Keyset
    is_backward: bool
    value: datetime | Decimal | int
    pk: int
    position: int

    def __str__(self) -> str:
        value = (
            self.value.astimezone(UTC).isoformat() if isinstance(self.value, datetime) else str(self.value)
        )
        parts = [self.keyset.order_by[0], "<" if self.is_backward else ">", value, self.pk, self.position]
        return urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, keyset: Keyset) -> "Cursor":
        """Read what ``str`` wrote; raises BadCursor for anything else, and for a cursor of another order."""
        try:
            sort, side, value, pk, position = json.loads(
                urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            )
            if (sort, side in ("<", ">")) != (keyset.order_by[0], True):
                raise BadCursor
            return cls(keyset, side == "<", _read_value(keyset.column, value), _whole(pk), _whole(position))
        except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
            raise BadCursor from error


def _read_value(column: str, text: str) -> datetime | Decimal | int:
    if column in MOMENTS:
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() is None or not 1 < moment.year < 9999:
            raise BadCursor
        return moment
    if column == "number_value":
        return _whole(int(text))
    if not re.fullmatch(r"-?[0-9]{1,10}\.[0-9]{2}", text, re.ASCII):
        raise BadCursor
    return Decimal(text)


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise BadCursor
    return value


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, where they stand in it, and the cursors of its neighbors, empty at the ends."""

    rows: list[Row]
    first: int = 0
    previous: str = ""
    next: str = ""

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0


def paginate(
    orders: QuerySet[Row], keyset: Keyset, cursor: str, *, total: int, size: int = PAGE_SIZE
) -> Page[Row]:
    """Return the page of ``orders`` at ``cursor``, the first one where it is empty.

    ``total`` is the number of rows in all. Where the rows of a page have left the list
    meanwhile, the nearest page that has rows is returned. Raises BadCursor.
    """
    at = Cursor.read(cursor, keyset) if cursor else None
    if at is None:
        return _forward(orders, keyset, None, total, size)
    if at.is_backward:
        page = _backward(orders, keyset, at, total, size)
        return page if len(page.rows) == size else _forward(orders, keyset, None, total, size)
    page = _forward(orders, keyset, at, total, size)
    return page if page.rows else _backward(orders, keyset, None, total, size)


def _forward(orders: QuerySet[Row], keyset: Keyset, at: Cursor | None, total: int, size: int) -> Page[Row]:
    rows, has_more = _take(orders, keyset, at, size)
    return _page(
        rows,
        keyset,
        at.position + 1 if at else 1,
        has_previous=at is not None,
        has_next=has_more,
        total=total,
    )


def _backward(orders: QuerySet[Row], keyset: Keyset, at: Cursor | None, total: int, size: int) -> Page[Row]:
    rows, has_more = _take(orders, keyset.reversed(), at, size)
    end = at.position - 1 if at else total
    return _page(
        rows[::-1], keyset, end - len(rows) + 1, has_previous=has_more, has_next=at is not None, total=total
    )


def _take(orders: QuerySet[Row], keyset: Keyset, at: Cursor | None, size: int) -> tuple[list[Row], bool]:
    found = orders.filter(keyset.beyond(at.value, at.pk)) if at else orders
    rows = list(found.order_by(*keyset.order_by)[: size + 1])
    return rows[:size], len(rows) > size


def _page(
    rows: list[Row], keyset: Keyset, first: int, *, has_previous: bool, has_next: bool, total: int
) -> Page[Row]:
    """Name the places of a page; those carried in a cursor are mended where orders came or went meanwhile."""
    if not rows:
        return Page([])
    latest = total - len(rows)
    first = max(2, min(first, latest) if has_next else latest + 1) if has_previous else 1

    def beside(row: Row, position: int, *, is_backward: bool) -> str:
        return str(Cursor(keyset, is_backward, getattr(row, keyset.column), row.pk, position))

    return Page(
        rows,
        first,
        previous=beside(rows[0], first, is_backward=True) if has_previous else "",
        next=beside(rows[-1], first + len(rows) - 1, is_backward=False) if has_next else "",
    )
