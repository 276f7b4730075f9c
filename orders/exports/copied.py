"""Rows as PostgreSQL itself writes them: by COPY, through a pipe, the bytes of ``csv_bytes``.

What a cell holds is said once, in ``orders.exports.order_rows``: the columns that the database reads
are the same expressions, and what Python makes of an order stands in its figures
(``orders.exports.figures``). Here it is only said how a value is written. Rows of lines:
``orders.exports.kept_lines``.
"""

import os
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Case, Expression, F, Func, QuerySet, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from orders.exports.cells import Dialect, Kind, guarded
from orders.exports.columns import Column
from orders.exports.order_rows import FIGURES, READ
from orders.models import Order
from orders.states import OrderStatus, earnings_state

PIECE = 262_144  # bytes that go into the pipe at once: COPY and who takes its bytes seldom change over
NOTHING = Value("0.00")
# A shop's orders in their order, by the index that has it: nothing is sorted before the first byte.
BY_INDEX = {
    "enable_sort": "off",
    "enable_incremental_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "max_parallel_workers_per_gather": "0",
}


@dataclass(frozen=True)
class Copy:
    """What a COPY writes of which orders: cells, texts that are never NULL.

    ``options`` say how it divides them; ``others`` which bytes become others then (``bytes.translate``).
    """

    orders: QuerySet[Order]
    cells: Sequence[Expression]
    options: str
    others: bytes | None = None


def copy_of_orders(
    orders: QuerySet[Order],
    dialect: Dialect,
    *,
    franchise: bool,
    columns: Sequence[Column],
    status_labels: Mapping[str, str],
) -> Copy:
    """Return how a row per order is written; ``franchise``: where no VAT is charged."""
    made = {
        "status_label": _by_status({code: guarded(label) for code, label in status_labels.items()}),
        "earnings_state": _by_status({code: earnings_state(code).value for code in OrderStatus.values}),
        **(_without_vat() if franchise else {}),
    }
    cells = [cell(column, made, dialect) for column in columns]
    return Copy(orders, cells, f"DELIMITER '{dialect.delimiter}', FORCE_QUOTE *")


def _without_vat() -> dict[str, Any]:
    """The columns that are others where no VAT is charged: all of the order bears none."""
    amounts = {code for code in FIGURES if code.startswith(("base_", "vat_"))} | {"refunded_vat"}
    return {
        **dict.fromkeys(amounts, NOTHING),
        **dict.fromkeys(["total_excl_vat", "base_other"], F("figures__lines_total")),
    }


def cell(column: Column, made: Mapping[str, Any], dialect: Dialect) -> Any:
    """Return what is written into a column of the order's: what ``made`` says, else what the order does."""
    code = column.code
    if code in made:
        value = made[code]
    elif code in FIGURES:
        value = F(f"figures__{code}")
    else:
        value = F(read) if isinstance(read := READ[code], str) else read
    match column.kind:
        case Kind.MOMENT:
            moment = Func(value, Value(dialect.moment_for_sql), function="to_char", output_field=TextField())
            return Coalesce(moment, Value(""), output_field=TextField())
        case Kind.AMOUNT:
            text = value if code in FIGURES else Cast(value, TextField())
            if dialect.decimal_mark == ".":
                return text
            mark: list[Expression] = [Value("."), Value(dialect.decimal_mark)]
            return Func(text, *mark, function="replace", output_field=TextField())
        case Kind.TEXT if code in READ:
            return Coalesce(KeyTextTransform(code, "figures__cells"), value, output_field=TextField())
        case _:
            return Cast(value, TextField())


def _by_status(texts: Mapping[str, str]) -> Case:
    whens = [When(status=code, then=Value(text)) for code, text in texts.items()]
    return Case(*whens, default=Value(""), output_field=TextField())


def copied(copy: Copy, *, zone: str, are_many: bool) -> Generator[bytes, None, int]:
    """Yield the rows, those of the newest order first, in pieces; return how many there are.

    Works in the caller's transaction; whoever stops taking pieces must end that transaction.
    ``are_many``: of most of a shop's orders, so that it is best to go through them all by their date.
    """
    connection = connections[copy.orders.db]
    named = {f"cell_{place}": cell for place, cell in enumerate(copy.cells)}
    rows = copy.orders.order_by("-placed_at", "-pk").annotate(**named).values_list(*named)
    try:
        sql, parameters = rows.query.get_compiler(rows.db).as_sql()
    except EmptyResultSet:
        return 0
    wanted = {"TimeZone": zone, "jit": "off", **(BY_INDEX if are_many else {})}
    with connection.cursor() as cursor, _in_force(cursor, wanted), connection.wrap_database_errors:
        query = cursor.cursor.mogrify(sql, parameters).decode()
        statement = f"COPY ({query}) TO STDOUT WITH (FORMAT csv, {copy.options})"
        count = yield from _through_pipe(cursor.cursor, statement, copy.others)
    return count


@contextmanager
def _in_force(cursor: Any, wanted: Mapping[str, str]) -> Iterator[None]:
    """Let settings of the database be others until the block ends; where it breaks, the transaction does."""
    names = list(wanted)
    cursor.execute(f"SELECT {', '.join(['current_setting(%s)'] * len(names))}", names)
    usual = dict(zip(names, cursor.fetchone(), strict=True))
    _set(cursor, wanted)
    yield
    _set(cursor, usual)


def _set(cursor: Any, values: Mapping[str, str]) -> None:
    pairs = [part for pair in values.items() for part in pair]
    cursor.execute(f"SELECT {', '.join(['set_config(%s, %s, true)'] * len(values))}", pairs)


def _through_pipe(cursor: Any, statement: str, others: bytes | None) -> Generator[bytes, None, int]:
    """Run a COPY in a thread and yield what it writes, each line with CRLF at its end; return how many.

    No cell has a line end of its own. The thread has the connection for itself meanwhile.
    """
    reader, writer = (os.fdopen(end, mode, PIECE) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    copy, count = _Copying(cursor, statement, writer), 0
    copy.start()
    with reader:
        try:
            while piece := reader.read1(PIECE):  # type: ignore[attr-defined]
                lines = piece.translate(others) if others else piece
                count += lines.count(b"\n")
                yield lines.replace(b"\n", b"\r\n")
        except BaseException:
            copy.break_off()
            raise
        finally:
            reader.close()  # what the thread still writes has no taker
            copy.join()
    if copy.error is not None:
        raise copy.error
    return count


class _Copying(threading.Thread):
    """A COPY at work; ``error`` is there when it has ended by one."""

    def __init__(self, cursor: Any, statement: str, into: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.cursor, self.statement, self.into = cursor, statement, into
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with self.into:
                self.cursor.copy_expert(self.statement, self.into, PIECE)
        except BaseException as error:
            self.error = error

    def break_off(self) -> None:
        """Let the database stop; the transaction is void then."""
        if self.is_alive():
            self.cursor.connection.cancel()
