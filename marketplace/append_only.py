"""Rows that are never changed nor deleted: triggers on both databases.

Made again after each migration, since SQLite rebuilds a table that changes.
"""

from typing import Any

from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver

TABLES = [
    "orders_historyentry",
    "orders_document",
    "vendors_identitychange",
    "vendors_mandatestep",
]
SAYS = "rows of this table are never changed nor deleted"


@receiver(post_migrate)
def protect(using: str = "default", **kwargs: Any) -> None:
    """Put the triggers on every table of ``TABLES`` that exists."""
    with connections[using].cursor() as cursor:
        existing = set(connections[using].introspection.table_names(cursor))
        for table in TABLES:
            if table in existing:
                for statement in _statements(connections[using].vendor, table):
                    cursor.execute(statement)


def release(using: str = "default") -> None:
    """Take the triggers off, so that a test database can be emptied."""
    with connections[using].cursor() as cursor:
        for table in TABLES:
            if connections[using].vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_update")
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_delete")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")


def _statements(vendor: str, table: str) -> list[str]:
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{word.lower()} BEFORE {word} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{SAYS}'); END"
            for word in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE OR REPLACE FUNCTION comptoir_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '%: {SAYS}', TG_TABLE_NAME; END $$",
        f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION comptoir_append_only()",
    ]
