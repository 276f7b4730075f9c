"""Questions that pages ask again and again: Django writes their SQL once a process, not once a page.

It takes Django longer to write such a question than the database to answer it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet


@dataclass(frozen=True)
class Question:
    """The SQL of a query that was put together with stand-ins: values that nobody has."""

    sql: str
    parameters: tuple[Any, ...]

    @classmethod
    def of(cls, rows: QuerySet[Any, Any]) -> "Question":
        """Write the question that asks for ``rows``: names and figures, as of ``values()``."""
        return cls(*rows.query.sql_with_params())

    def ask(self, database: BaseDatabaseWrapper, meant: Mapping[Any, Any]) -> list[dict[str, Any]]:
        """Ask it with what is meant in the place of each stand-in.

        No row is checked for its shop (``vendors.scope``): the question itself must be narrowed to one.
        """
        told = {_told(database, stand_in): _told(database, value) for stand_in, value in meant.items()}
        with database.cursor() as cursor:
            cursor.execute(self.sql, [told.get(value, value) for value in self.parameters])
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_from(model: type[Model]) -> BaseDatabaseWrapper:
    """The database that rows of ``model`` are read from now."""
    return connections[router.db_for_read(model)]


def _told(database: BaseDatabaseWrapper, value: Any) -> Any:
    """A value as a parameter of this database's SQL."""
    if isinstance(value, datetime):
        return database.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return database.ops.adapt_datefield_value(value)
    return value
