"""How long a page may keep the database busy; on PostgreSQL, which can be told.

The web processes limit each statement of their connections to ``settings.PAGE_SECONDS``: one page
that asks too much must not hold up the others. Files may take as long as the person's connection
(``unlimited``); the worker and commands have no limit.
"""

from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created
from django.db.utils import OperationalError

QUERY_CANCELED = "57014"  # PostgreSQL's code, also of what an operator stopped


def limit_pages() -> None:
    """Limit what this process asks from now on; called where a web server starts."""
    connection_created.connect(_limit, dispatch_uid="marketplace.limits")


def _limit(connection: Any, **_more: Any) -> None:
    if connection.vendor == "postgresql" and settings.PAGE_SECONDS:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{settings.PAGE_SECONDS}s"])


def unlimited(connection: Any) -> None:
    """Lift the limit until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")


def took_too_long(error: OperationalError) -> bool:
    """Whether the database gave a statement up because of the limit."""
    return getattr(error.__cause__, "pgcode", "") == QUERY_CANCELED
