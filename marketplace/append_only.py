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
    "orders_stockmovement",
    "marketplace_auditentry",
    "vendors_identitychange",
    "vendors_mandatestep",
]
# Of these, only the named columns are fixed: a movement outlives the order line that caused it.
FIXED = {"orders_stockmovement": ["product_id", "units", "cause", "at"]}
KEPT_DAYS = 180  # the audit may be thinned out, but never of younger rows
FORGETTABLE = {"marketplace_auditentry": "at"}  # table: the column that says how old a row is
COUNTERS = ["orders_documentseries"]  # a number only ever grows by one, a date never goes back
SAYS = "rows of this table are never changed nor deleted"
COUNTS = "this counter grows by one and is never set back nor deleted"
WRONG_STEP = (
    "NEW.last_number NOT IN (OLD.last_number, OLD.last_number + 1) "
    "OR NEW.last_issued_on < OLD.last_issued_on "
    "OR (OLD.last_issued_on IS NOT NULL AND NEW.last_issued_on IS NULL) "
    "OR NEW.vendor_id <> OLD.vendor_id OR NEW.kind <> OLD.kind OR NEW.year <> OLD.year"
)


@receiver(post_migrate)
def protect(using: str = "default", **kwargs: Any) -> None:
    """Put the triggers on every table of ``TABLES`` and ``COUNTERS`` that exists."""
    with connections[using].cursor() as cursor:
        existing = set(connections[using].introspection.table_names(cursor))
        for table in TABLES:
            if table in existing:
                for statement in _statements(connections[using].vendor, table):
                    cursor.execute(statement)
        for table in COUNTERS:
            if table in existing:
                for statement in _of_counter(connections[using].vendor, table):
                    cursor.execute(statement)


def release(using: str = "default") -> None:
    """Take the triggers off, so that a test database can be emptied."""
    with connections[using].cursor() as cursor:
        for table in [*TABLES, *COUNTERS]:
            if connections[using].vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_update")
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_delete")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}")


def _update_of(table: str) -> str:
    return f"UPDATE OF {', '.join(FIXED[table])}" if table in FIXED else "UPDATE"


def _statements(vendor: str, table: str) -> list[str]:
    column = FORGETTABLE.get(table)
    return _sqlite(table, column) if vendor == "sqlite" else _postgresql(table, column)


def _sqlite(table: str, column: str | None) -> list[str]:
    young = f"WHEN OLD.{column} > datetime('now', '-{KEPT_DAYS} days') " if column else ""
    return _renewed(table, SAYS, [("update", _update_of(table), ""), ("delete", "DELETE", young)])


def _renewed(table: str, says: str, triggers: list[tuple[str, str, str]]) -> list[str]:
    """Make triggers (name, event, condition) on SQLite anew, so that a change of their words arrives."""
    return [
        statement
        for word, event, condition in triggers
        for statement in (
            f"DROP TRIGGER IF EXISTS {table}_no_{word}",
            f"CREATE TRIGGER {table}_no_{word} BEFORE {event} ON {table} {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{says}'); END",
        )
    ]


def _postgresql(table: str, column: str | None) -> list[str]:
    function = f"comptoir_{table}_append_only" if column else "comptoir_append_only"
    old = (
        f"IF TG_OP = 'DELETE' AND OLD.{column} <= now() - interval '{KEPT_DAYS} days' "
        "THEN RETURN OLD; END IF; "
        if column
        else ""
    )
    return [
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {old}RAISE EXCEPTION '%: {SAYS}', TG_TABLE_NAME; END $$",
        f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}",
        f"CREATE TRIGGER {table}_append_only BEFORE {_update_of(table)} OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {function}()",
        *_no_truncate(table),
    ]


def _no_truncate(table: str) -> list[str]:
    return [
        "CREATE OR REPLACE FUNCTION comptoir_no_truncate() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '%: {SAYS}', TG_TABLE_NAME; END $$",
        f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION comptoir_no_truncate()",
    ]


def _of_counter(vendor: str, table: str) -> list[str]:
    if vendor == "sqlite":
        return _renewed(
            table, COUNTS, [("update", "UPDATE", f"WHEN {WRONG_STEP} "), ("delete", "DELETE", "")]
        )
    return [
        "CREATE OR REPLACE FUNCTION comptoir_counter() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF TG_OP = 'UPDATE' THEN IF ({WRONG_STEP}) IS NOT TRUE THEN RETURN NEW; END IF; END IF; "
        f"RAISE EXCEPTION '%: {COUNTS}', TG_TABLE_NAME; END $$",
        f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}",
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION comptoir_counter()",
        *_no_truncate(table),
    ]
