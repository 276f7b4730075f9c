"""One state of the database for a whole export, without standing in anybody's way."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, transaction

from marketplace.limits import unlimited


@contextmanager
def snapshot(using: str = "default") -> Iterator[None]:
    """Read one state of the database until the block ends, whatever others write meanwhile.

    An export reads orders, their lines and parcels in many queries, for as long as the download
    takes. Between two of them orders arrive, change their state or are refunded. Pages bounded by the
    highest id would leave new orders out, but would still mix an order's old totals with its
    new lines, and lose the order that leaves the filter. So it is one transaction:

    * PostgreSQL: REPEATABLE READ, READ ONLY. Takes no lock that a writer waits for.
    * SQLite: BEGIN DEFERRED instead of the project's IMMEDIATE, which would hold the only
      write lock for the whole download. In WAL mode a reader stops no writer; and since
      nothing is written here, the transaction never asks to become a writer.

    Inside a transaction of the caller its own state is read, and nothing is begun or ended.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        yield
        return
    with ExitStack() as until_the_end:
        with _deferred(connection):
            until_the_end.enter_context(transaction.atomic(using=using))
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            unlimited(connection)
        yield


@contextmanager
def _deferred(connection: Any) -> Iterator[None]:
    """Let a transaction that begins on SQLite take no lock before it needs one."""
    if connection.vendor != "sqlite":
        yield
        return
    usual, connection.transaction_mode = connection.transaction_mode, "DEFERRED"
    try:
        yield
    finally:
        connection.transaction_mode = usual
