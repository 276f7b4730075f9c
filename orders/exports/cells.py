"""How one value is written: for any program, for Excel in French; and what no cell may hold.

The rules are told in ``docs/rules/csv-export.md``, "Two dialects" and "Formulas".
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import Enum, auto
from typing import Any

# What a row is made of before it is written: text, a whole number, an amount as "12.50", a moment.
Value = str | int | datetime | None
Row = Sequence[Value]
Writer = Callable[[Any], str]


class Kind(Enum):
    """What a column holds."""

    TEXT = auto()
    WHOLE = auto()
    AMOUNT = auto()  # a decimal number as text, with a point
    PERCENT = auto()  # the same, without a sign of percentage; or several, joined
    MOMENT = auto()


RISKY = frozenset("=+-@\t\r\n")
# After a sign, digits alone are a telephone number or an amount, and calculate nothing.
_DIGITS = re.compile(r"[+-][ .,]*[0-9][0-9 .,]*\Z")
# Every line end that some program knows (Unicode annex 14, str.splitlines).
_LINE_END = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


def one_line(text: str) -> str:
    """Return ``text`` with each line end turned into a space, so that a row stays one line."""
    return text if text.isprintable() else _LINE_END.sub(" ", text).replace("\0", "")


def guarded(text: str) -> str:
    """Return ``text`` with a leading ``'`` where a spreadsheet would calculate it, on one line."""
    text = text.replace("\0", "")
    if text and text[0] in RISKY and not _DIGITS.match(text):
        text = "'" + text
    return one_line(text)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written; ``mark`` stands before everything else.

    ``moment_for_sql`` says what ``moment`` does, in the words of PostgreSQL's ``to_char``.
    """

    delimiter: str
    mark: bytes
    decimal_mark: str
    moment: Callable[[datetime], str]
    moment_for_sql: str

    def writers(self, kinds: Iterable[Kind], zone: tzinfo) -> list[Writer | None]:
        """Return what writes each column; None where the value is written as it is."""
        return [self._writer(kind, zone) for kind in kinds]

    def _writer(self, kind: Kind, zone: tzinfo) -> Writer | None:
        match kind:
            case Kind.TEXT:
                return guarded
            case Kind.WHOLE:
                return str
            case Kind.MOMENT:
                return lambda value: self.moment(value.astimezone(zone)) if value else ""
            case _ if self.decimal_mark != ".":
                return lambda value: value.replace(".", self.decimal_mark)
            case _:
                return None


STRICT = Dialect(
    *(",", b"", "."), lambda local: local.isoformat(timespec="seconds"), 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM'
)
EXCEL = Dialect(*(";", b"\xef\xbb\xbf", ","), lambda local: f"{local:%d/%m/%Y %H:%M}", "DD/MM/YYYY HH24:MI")
