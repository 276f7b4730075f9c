"""Reading a stranger's JSON: every value with the path to it, one exception for all that is wrong."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import Enum

from marketplace.money import round_half_up
from orders.models import CannotTake, Problem

MOST_MONEY = Decimal("99999999.99")
MOST_ENTRIES = 1000  # of any list
HIGHEST_ID = 10**18
YEARS = range(2000, 2101)

NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
GAPS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# What neither a database nor an XML document takes: controls, and non-characters.
UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class PayloadError(CannotTake):
    """A payload that cannot be taken at its word."""


class Missing(Enum):
    MISSING = "missing"


@dataclass(frozen=True)
class Node:
    """A value of the payload and the path to it; every method raises PayloadError."""

    value: object
    path: str = ""

    def __getitem__(self, key: str) -> "Node":
        """Return the member ``key`` of an object; a missing one is an empty node."""
        if not isinstance(self.value, dict):
            raise self.error(Problem.NOT_OBJECT)
        path = f"{self.path}.{key}" if self.path else key
        return Node(self.value.get(key, Missing.MISSING), path)

    @property
    def is_empty(self) -> bool:
        return self.value is None or self.value is Missing.MISSING or self.value == ""

    @property
    def is_plain(self) -> bool:
        """Whether this is a text or a number."""
        return isinstance(self.value, str | int | float) and not isinstance(self.value, bool)

    def error(self, problem: Problem, **values: object) -> PayloadError:
        """Return the error to raise: ``problem`` and the value, or that there is none."""
        if self.value is Missing.MISSING:
            return PayloadError(self.path, Problem.MISSING)
        return PayloadError(self.path or "payload", problem, got=shown(self.value), **values)

    def optional(self) -> "Node":
        """Return an object, an empty one for null and for the empty list that PHP makes of it."""
        return Node({}, self.path) if self.is_empty or self.value == [] else self

    def entries(self) -> list["Node"]:
        """Return the elements of a list, none where there is no list."""
        if self.is_empty:
            return []
        if not isinstance(self.value, list):
            raise self.error(Problem.NOT_LIST)
        if len(self.value) > MOST_ENTRIES:
            raise PayloadError(self.path, Problem.TOO_LONG, most=MOST_ENTRIES, got=len(self.value))
        return [Node(value, f"{self.path}[{i}]") for i, value in enumerate(self.value)]

    def meta(self) -> dict[str, "Node"]:
        """Return the values of an object's ``meta_data`` by key, the first of equal keys."""
        values: dict[str, Node] = {}
        for entry in self["meta_data"].entries():
            values.setdefault(entry["key"].text(200), entry["value"])
        return values

    def text(self, limit: int) -> str:
        """Return plain text on one line, cut to ``limit`` characters; empty for null."""
        return cut(GAPS.sub(" ", self._plain()), limit)

    def paragraphs(self, limit: int) -> str:
        """Return plain text that may have several lines, cut to ``limit`` characters."""
        return cut(self._plain().replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "), limit)

    def _plain(self) -> str:
        if self.is_empty or self.value is False:  # PHP says false for what it does not know
            return ""
        if not self.is_plain:
            raise self.error(Problem.NOT_TEXT)
        if not isinstance(self.value, str):
            return shown(self.value)
        return ENTITY.sub(lambda entity: html.unescape(entity[0]), self.value)

    def number(self, *, least: Decimal, most: Decimal, wish: Problem = Problem.NOT_AMOUNT) -> Decimal:
        """Return a decimal number as sent, unrounded, of a number or its text."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.error(wish)
        if not isinstance(value, int):
            text = str(value).strip()
            if not NUMBER.fullmatch(text):
                raise self.error(wish)
            value = text
        number = Decimal(value)
        if number < least:
            raise self.error(Problem.TOO_SMALL, least=least)
        if number > most:
            raise self.error(Problem.TOO_LARGE, most=most)
        return number

    def amount(self, places: int, *, least: Decimal = -MOST_MONEY) -> Decimal:
        """Return an amount of money, rounded half up to the currency's ``places``."""
        return round_half_up(self.number(least=least, most=MOST_MONEY), places)

    def whole(self, *, least: int = 0, most: int = HIGHEST_ID) -> int:
        """Return a whole number, also where it is written as text or as 2.0."""
        number = self.number(least=Decimal(least), most=Decimal(most), wish=Problem.NOT_WHOLE)
        if number != number.to_integral_value():
            raise self.error(Problem.NOT_WHOLE)
        return int(number)

    def moment(self, zone: tzinfo = UTC) -> datetime | None:
        """Return a date and time in UTC; one that is written without an offset is of ``zone``."""
        if self.is_empty:
            return None
        try:
            moment = datetime.fromisoformat(self.text(40))
        except ValueError:
            raise self.error(Problem.NOT_DATE) from None
        if moment.year not in YEARS:
            raise self.error(Problem.YEAR, first=YEARS[0], last=YEARS[-1])
        return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)


def cut(text: str, limit: int) -> str:
    text = LONE_SURROGATE.sub("\ufffd", UNPRINTABLE.sub("", text)).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def shown(value: object) -> str:
    """Return a value as JSON writes it, in about 60 characters at most; a container by its kind."""
    if isinstance(value, str):
        return f'"{cut(GAPS.sub(" ", value[:200]), 60)}"'
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else "a number of more than 38 digits"
    if isinstance(value, float):
        return repr(value)
    return "a list" if isinstance(value, list) else "an object"


NOTHING = Node(None)


def id_or_nothing(node: Node) -> str:
    """Return an id as text; empty for 0, which WooCommerce says for nobody and nothing."""
    number = 0 if node.is_empty else node.whole()
    return str(number) if number else ""


def new_id(node: Node, seen: Mapping[str, object]) -> str:
    external_id = str(node.whole(least=1))
    if external_id in seen:
        raise node.error(Problem.REPEATED)
    return external_id
