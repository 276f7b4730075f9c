"""The triggers that say which orders' figures are no longer right; no writer can forget it.

PostgreSQL alone has them: there an export is a COPY. Whatever a file says of an order beyond the
order's own columns follows from its lines, its commission, its parcels and its invoice; and how a
text is written, from the text.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from typing import Any

from django.apps import AppConfig
from django.db import connections, transaction
from django.db.models import CharField, TextField

from orders.models.orders import Order

ORDERS, LINES = "orders_order", "orders_orderline"
SHIPMENTS, DOCUMENTS = "orders_shipment", "orders_document"
STALE, FIGURES = "orders_stalefigures", "orders_orderfigures"
TEXTS: list[str] = [
    str(field.column)
    for field in Order._meta.concrete_fields
    if isinstance(field, CharField | TextField) and not field.choices  # those are the program's own words
]
# What of a row of these tables the figures are made of.
READ: dict[str, list[str]] = {
    ORDERS: [*TEXTS, "commission", "commission_given_back", "commission_order_fee"],
    LINES: [
        *("order_id", "kind", "position", "sku", "name", "quantity", "taxes"),
        *("total_before_discount", "total", "refunded_total", "units_refunded"),
        *("commission", "commission_vat", "commission_given_back"),
    ],
    SHIPMENTS: ["order_id", "number", "tracking_number"],
    DOCUMENTS: ["order_id", "kind", "number"],
}
MARK = f"INSERT INTO {STALE} (vendor_id, order_id)"
FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION comptoir_stale_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {MARK} SELECT vendor_id, id FROM changed;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION comptoir_stale_parts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {MARK} SELECT DISTINCT o.vendor_id, o.id FROM changed JOIN {ORDERS} o ON o.id = changed.order_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION comptoir_stale_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {MARK} VALUES (NEW.vendor_id, NEW.id);
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION comptoir_stale_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {MARK} SELECT vendor_id, id FROM {ORDERS} WHERE id IN (OLD.order_id, NEW.order_id);
    RETURN NULL;
END $$;
"""


def _triggers() -> Iterator[tuple[str, str, str]]:
    """Yield each trigger's name, table and definition."""
    for table, columns in READ.items():
        name = f"comptoir_stale_{table.removeprefix('orders_')}"
        one, many = ("order", "orders") if table == ORDERS else ("part", "parts")
        changes = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
        yield (
            f"{name}_update",
            table,
            f"AFTER UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW WHEN ({changes}) "
            f"EXECUTE FUNCTION comptoir_stale_{one}()",
        )
        for event, rows in (("INSERT", "NEW"), ("DELETE", "OLD")):
            if (table, event) != (ORDERS, "DELETE"):
                yield (
                    f"{name}_{event.lower()}",
                    table,
                    f"AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION comptoir_stale_{many}()",
                )


TRIGGERS = list(_triggers())
RULES = 3  # of how figures are worked out; grows when one changes, so that all are worked out anew
VERSION = md5(repr((TRIGGERS, FUNCTIONS, RULES)).encode(), usedforsecurity=False).hexdigest()


def keep_figures(sender: AppConfig, using: str = "default", **_more: Any) -> None:
    """Put the triggers in place; where they were none, or others, every order's figures are stale."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if not {*READ, STALE, FIGURES} <= set(connection.introspection.table_names(cursor)):
            _release(cursor)  # the figures' own migration was taken back
            return
        if _version(cursor) == VERSION:
            return
        _release(cursor)
        cursor.execute(FUNCTIONS)
        for name, _table, definition in TRIGGERS:
            cursor.execute(f"CREATE TRIGGER {name} {definition}")
        cursor.execute(f"COMMENT ON FUNCTION comptoir_stale_orders() IS '{VERSION}'")
        cursor.execute(f"DELETE FROM {STALE}")
        cursor.execute(f"{MARK} SELECT vendor_id, id FROM {ORDERS}")


# Those of partitions are copies of their table's.
OURS = "FROM pg_trigger WHERE tgname LIKE 'comptoir_stale_%' AND tgparentid = 0"


def _release(cursor: Any) -> None:
    cursor.execute(f"SELECT tgname, tgrelid::regclass {OURS}")
    for name, table in cursor.fetchall():
        cursor.execute(f"DROP TRIGGER {name} ON {table}")


def _version(cursor: Any) -> str | None:
    """What the triggers in place were made of; None where one is missing."""
    cursor.execute(f"SELECT count(*) {OURS}")
    if cursor.fetchone()[0] != len(TRIGGERS):
        return None
    cursor.execute("SELECT obj_description(to_regproc('comptoir_stale_orders'), 'pg_proc')")
    found: str | None = cursor.fetchone()[0]
    return found


@contextmanager
def figures_come_along(using: str = "default") -> Iterator[None]:
    """Mark nothing as stale: inside, orders are written together with their figures.

    Locks the tables against other writers until the transaction ends.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        yield
        return
    _switch(connection, "DISABLE")
    yield
    _switch(connection, "ENABLE")


def _switch(connection: Any, how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # ALTER TABLE waits for no check to come
        for name, table, _definition in TRIGGERS:
            cursor.execute(f"ALTER TABLE {table} {how} TRIGGER {name}")
