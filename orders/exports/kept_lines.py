"""The rows of an order's lines as they are kept, all in one text, and how a COPY makes a file of it.

The text is CSV but for marks: letters that no cell can hold, since each ends a line for some program
(``orders.exports.cells.one_line``). They stand for what is written otherwise in each kind of file, and
for what an order's steps change, so that a step leaves the text as it is.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Expression, F, Func, QuerySet, TextField, Value

from orders.exports.cells import Dialect, Kind, Row, guarded
from orders.exports.columns import LINE_COLUMNS
from orders.exports.copied import Copy, cell
from orders.models import Order

BETWEEN, POINT, END = "\x1c", "\x1d", "\x1e"  # become others byte by byte, after COPY
OF_ORDER, FEE = "\f", "\v"  # are gone before, and free for what COPY itself would put between cells
OPTIONS = f"DELIMITER E'\\x{ord(OF_ORDER):02x}', QUOTE E'\\x{ord(FEE):02x}'"
_OF_ORDER = LINE_COLUMNS[:3]  # its number, its day, its status
_KINDS = [column.kind for column in LINE_COLUMNS[3:]]
# The last nine cells of a row, from its VAT rate on: none has a quote inside. The fourth is its total.
_LAST = rf'"[^"]*"{BETWEEN}"[^"]*"{BETWEEN}"[^"]*"{BETWEEN}("[^"]*")((?:{BETWEEN}"[^"]*"){{4}}(?:{END}|$))'
_LAST_WITHOUT_VAT = rf'""{BETWEEN}\1{BETWEEN}"0{POINT}00"{BETWEEN}\1\2'


def kept(rows: Sequence[Row]) -> str:
    """Return the text of an order's rows; the name of the commission per order is None in them."""
    return END.join(map(_kept_row, rows))


def _kept_row(row: Row) -> str:
    cells = map(_kept_cell, _KINDS, row[len(_OF_ORDER) :])
    return BETWEEN.join([OF_ORDER, *(f'"{text}"' for text in cells)])


def _kept_cell(kind: Kind, value: Any) -> str:
    match kind:
        case Kind.TEXT:
            return FEE if value is None else _quoted(value)
        case Kind.WHOLE:
            return str(value)
        case _:
            return str(value).replace(".", POINT)


def _quoted(text: str) -> str:
    return guarded(text).replace('"', '""')


def copy_of_lines(orders: QuerySet[Order], dialect: Dialect, *, franchise: bool, fee_label: str) -> Copy:
    """Return how the rows of the lines are written; ``franchise``: where no VAT is charged."""
    text: Expression | F = F("figures__lines")
    if franchise:
        text = _made("regexp_replace", text, Value(_LAST), Value(_LAST_WITHOUT_VAT), Value("g"))
    text = _made("replace", text, Value(FEE), Value(_quoted(fee_label)))
    text = _made("replace", text, Value(OF_ORDER), _of_order(dialect))
    marks, others = BETWEEN + POINT + END, f"{dialect.delimiter}{dialect.decimal_mark}\n"
    byte_by_byte = bytes.maketrans(marks.encode(), others.encode())
    return Copy(orders.exclude(figures__lines=""), [text], OPTIONS, byte_by_byte)


def _of_order(dialect: Dialect) -> Func:
    number, placed_at, status = (cell(column, {}, dialect) for column in _OF_ORDER)
    between, quote = Value(f'"{BETWEEN}"'), Value('"')
    number = _made("replace", number, quote, Value('""'))
    return _made("concat", quote, number, between, placed_at, between, status, quote)


def _made(function: str, *arguments: Any) -> Func:
    return Func(*arguments, function=function, output_field=TextField())
