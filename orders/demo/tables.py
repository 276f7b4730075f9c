"""Writing rows straight into tables, by the fastest way that the database at hand has.

Rows are made of texts, as COPY wants them and as SQLite's column types take them.
"""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from operator import itemgetter
from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.db.models import AutoField, Max, Model

Text = str | None
Row = str | Sequence[Text]  # a line of COPY's on PostgreSQL; on SQLite a text for each column

PIECE = 1 << 20  # characters that COPY takes at once: for each piece it waits for Python's other thread
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@cache
def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def null() -> Text:
    """What stands for NULL in a row."""
    return "\\N" if is_postgresql() else None


def text(value: Any) -> Text:
    """Return a column's value as the database reads it from a text."""
    if value is None:
        return null()
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, bool):
        value = int(value)
    return str(value).translate(_ESCAPES) if is_postgresql() else str(value)


def moment(value: datetime) -> str:
    """A time zone is not written: both databases are spoken to in UTC."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def row(texts: Sequence[Text]) -> Row:
    """Return the row of these texts, one for each column."""
    return "\t".join(map(str, texts)) if is_postgresql() else texts


def line_maker(columns: Sequence[int | Text]) -> Callable[[Sequence[Text]], Row]:
    """Return what fills texts into a line of COPY's; a column is where its text stands, or the text."""
    pick = itemgetter(*(column for column in columns if isinstance(column, int)))
    line = "\t".join("%s" if isinstance(each, int) else str(each).replace("%", "%%") for each in columns)
    return lambda texts: line % pick(texts)


class Sheet:
    """Rows of one model that are going to be written: of its columns, in their order."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.fields = model._meta.concrete_fields
        self.rows: list[Row] = []
        self.next_id = _next_id(model)

    def take_ids(self, count: int) -> int:
        """Reserve ``count`` ids in a row and return the first."""
        first = self.next_id
        self.next_id += count
        return first

    def write(self) -> None:
        """Write the rows, and forget them."""
        self.taken()()

    def taken(self) -> Callable[[], None]:
        """Forget the rows, and return what writes them over this thread's connection, in any thread."""
        rows, self.rows = self.rows, []
        if not rows:
            return lambda: None
        quoted = connection.ops.quote_name
        table = quoted(self.model._meta.db_table)
        columns = ", ".join(quoted(str(field.column)) for field in self.fields)
        if is_postgresql():
            return partial(_copy, connection.cursor(), f"COPY {table} ({columns}) FROM STDIN", rows)
        places = ", ".join(["%s"] * len(self.fields))
        insert = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - the model's own names
        return partial(connection.cursor().executemany, insert, rows)


def _copy(cursor: Any, statement: str, lines: Sequence[Any]) -> None:
    with cursor.db.wrap_database_errors:
        cursor.copy_expert(statement, io.StringIO("\n".join(lines)), size=PIECE)


def _next_id(model: type[Model]) -> int:
    """The first id that nobody has; on PostgreSQL the caller holds the table's lock."""
    if not isinstance(model._meta.pk, AutoField):  # its rows have the ids of others
        return 0
    highest = model._default_manager.aggregate(highest=Max("pk"))["highest"] or 0
    if not is_postgresql():
        return int(highest) + 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [model._meta.db_table])
        return int(max(cursor.fetchone()[0], highest + 1))


def lock(models: Sequence[type[Model]]) -> None:
    """Let nobody else write into the tables until the transaction ends."""
    if is_postgresql():  # SQLite's transaction is the only one that writes
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {', '.join(_tables(models))} IN SHARE ROW EXCLUSIVE MODE")


def settle_ids(models: Sequence[type[Model]]) -> None:
    """Let the database's own counters go on after the ids that were written."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(models)):
            cursor.execute(statement)


def analyze(models: Sequence[type[Model]]) -> None:
    """Let the planner see what the indexed columns now hold; autovacuum sees to the others soon."""
    with connection.cursor() as cursor:
        if not is_postgresql():  # which takes a shop's index for the shorter way otherwise
            cursor.execute("PRAGMA analysis_limit = 1000")
            cursor.execute("ANALYZE")
            return
        for model, table in zip(models, _tables(models), strict=True):
            cursor.execute(f"ANALYZE {table} ({', '.join(_indexed(cursor, model))})")


def _indexed(cursor: Any, model: type[Model]) -> set[str]:
    found = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
    columns = {name for each in found if each["index"] or each["unique"] for name in each["columns"]}
    return {connection.ops.quote_name(name) for name in columns}


def _tables(models: Sequence[type[Model]]) -> list[str]:
    return [connection.ops.quote_name(model._meta.db_table) for model in models]


# Indexes


@contextmanager
def without_indexes(models: Sequence[type[Model]]) -> Iterator[None]:
    """Take indexes, unique constraints and foreign keys off, and build them again at the end.

    Several times faster than keeping them up row by row. What the rows break is then found all
    the same, and the whole transaction fails.
    """
    with connection.cursor() as cursor:
        if is_postgresql():
            # ALTER TABLE refuses a table whose foreign keys are still to be checked.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        found = [pair for model in models for pair in _indexes(cursor, model._meta.db_table)]
        for drop, _create in found:
            cursor.execute(drop)
    yield
    with connection.cursor() as cursor:
        for _drop, create in found:
            cursor.execute(create)


def _indexes(cursor: Any, table: str) -> list[tuple[str, str]]:
    """Return ``(drop, create)`` for each index and constraint of a table but its primary key and checks."""
    quoted = connection.ops.quote_name
    if not is_postgresql():
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s AND sql IS NOT NULL",
            [table],
        )
        return [(f"DROP INDEX {quoted(name)}", sql) for name, sql in cursor.fetchall()]
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype IN ('f', 'u') ORDER BY contype DESC",
        [table],
    )
    alter = f"ALTER TABLE {quoted(table)}"
    constraints = [
        (f"{alter} DROP CONSTRAINT {quoted(name)}", f"{alter} ADD CONSTRAINT {quoted(name)} {definition}")
        for name, definition in cursor.fetchall()
    ]
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = %s::regclass AND NOT indisprimary "
        "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [table],
    )
    return constraints + [(f"DROP INDEX {name}", definition) for name, definition in cursor.fetchall()]


@contextmanager
def roomy_cache() -> Iterator[None]:
    """Give SQLite 256 MB to keep pages in, as long as much is written."""
    if is_postgresql():
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        usual = cursor.fetchone()[0]
        cursor.execute("PRAGMA cache_size = -262144")
        yield
        cursor.execute(f"PRAGMA cache_size = {int(usual)}")
