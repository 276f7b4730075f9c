"""One at a time, on every machine that shares the database."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

_held: set[str] = set()


@contextmanager
def alone(name: str) -> Iterator[bool]:
    """Hold the lock of that name inside, and say whether it was free; a killed process leaves nothing locked.

    On PostgreSQL it is an advisory lock of the connection, so a pooler in between must be one of
    sessions. SQLite is on one machine: there it is a lock on a file in ``VAR_DIR``.
    """
    if name in _held:  # by this very process
        yield False
        return
    _held.add(name)
    try:
        yield from _in_the_database(name) if connection.vendor == "postgresql" else _in_a_file(name)
    finally:
        _held.discard(name)


def _in_the_database(name: str) -> Iterator[bool]:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        (is_free,) = cursor.fetchone()
    try:
        yield is_free
    finally:
        if is_free and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def _in_a_file(name: str) -> Iterator[bool]:
    folder = Path(settings.VAR_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
