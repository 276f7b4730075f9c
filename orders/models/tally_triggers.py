"""The triggers that keep the tally, on both databases; no writer of orders can forget it.

Why so, and what was measured: ``docs/decisions/0040-the-database-keeps-the-tally.md``.

PostgreSQL: each statement that writes orders, COPY too, adds rows of what it changed. Nobody waits
for anybody: rows are only added. Now and then a writer folds its shop's rows into those of
days and months; of several at once one does it, the others go on.

SQLite has one writer at a time: each order's change goes into the rows of its day and month.

Made again after migrations, since SQLite rebuilds a table that changes; where they had gone,
the tally is counted anew.
"""

from typing import Any

from django.apps import AppConfig
from django.db import connections, transaction

ORDERS, TALLY, SHOPS = "orders_order", "orders_tally", "vendors_vendor"
VISIBLE = "{o}.hidden_at IS NULL"  # what ``Order.objects.for_vendor`` says in SQL
FOLD_EVERY = 64  # new rows

GROUP = ("status", "stage", "refund_state", "currency")
AMOUNTS = {"total_cents": "total", "refunded_cents": "refunded_total", "earnings_cents": "earnings"}
SUMS = ("orders", *AMOUNTS)
KEY = ("vendor_id", "span", "day", *GROUP)
COLUMNS = ", ".join([*KEY, *SUMS])
READ = ("vendor_id", "placed_at", "hidden_at", *GROUP, *AMOUNTS.values())
ADD = ", ".join(f"{name} = {TALLY}.{name} + excluded.{name}" for name in SUMS)
ADDED = f"ON CONFLICT ({', '.join(KEY)}) WHERE NOT (span = 'new') DO UPDATE SET {ADD}"


def keep_tally(sender: AppConfig, using: str = "default", **_more: Any) -> None:
    """Put the triggers in place; where there were none, count every shop's orders."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        if not {ORDERS, TALLY, SHOPS} <= tables:
            if {ORDERS, SHOPS} <= tables:  # the tally's own migration was taken back
                release_tally(using=using)
            return
        if connection.vendor == "sqlite":
            if _sqlite_triggers(cursor) == SQLITE:
                return
            release_tally(using=using)
            for statement in SQLITE.values():
                cursor.execute(statement)
        else:
            cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname = ANY(%s)", [list(POSTGRESQL)])
            is_in_place = cursor.fetchone()[0] == len(POSTGRESQL)
            cursor.execute(FUNCTIONS)
            if is_in_place:
                return
            for name, (table, definition) in POSTGRESQL.items():
                cursor.execute(
                    f"DROP TRIGGER IF EXISTS {name} ON {table}; CREATE TRIGGER {name} {definition}"
                )
        cursor.execute(f"SELECT id FROM {SHOPS} ORDER BY id")
        for (shop,) in cursor.fetchall():
            count_tally(shop, using=using)


def make_way(sender: AppConfig, using: str = "default", plan: Any = (), **_more: Any) -> None:
    """Take SQLite's triggers off before migrations: it renames no table that a trigger names."""
    if plan and connections[using].vendor == "sqlite":
        release_tally(using=using)


def release_tally(using: str = "default") -> None:
    """Take the triggers off; ``keep_tally`` counts anew when it puts them back."""
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "sqlite":
            for name in _sqlite_triggers(cursor):
                cursor.execute(f"DROP TRIGGER {name}")
        else:
            for name, (table, _definition) in POSTGRESQL.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def count_tally(shop: int, using: str = "default") -> None:
    """Count the tally of the shop with this id anew; on PostgreSQL no writer waits for it.

    There the old rows go and the new ones come by one statement, hence by one state of the
    orders: what others write meanwhile is in rows that it does not see.
    """
    with connections[using].cursor() as cursor:
        if connections[using].vendor == "postgresql":
            cursor.execute("SELECT comptoir_count_tally(%s)", [shop])
            return
        cursor.execute(f"DELETE FROM {TALLY} WHERE vendor_id = %s", [shop])
        for span in ("day", "month"):
            cursor.execute(counted("sqlite", span, "v.id = %s"), [shop])


def counted(database: str, span: str, which: str) -> str:
    """SQL that counts the orders of the shops ``which`` into rows of this span."""
    sums = ", ".join(f"SUM({cents(database, f'o.{name}')})" for name in AMOUNTS.values())
    return (
        f"INSERT INTO {TALLY} ({COLUMNS}) "
        f"SELECT v.id, '{span}', {day(database, span)}, {_listed('o', GROUP)}, COUNT(*), {sums} "
        f"FROM {ORDERS} o JOIN {SHOPS} v ON v.id = o.vendor_id "
        f"WHERE {which} AND {VISIBLE.format(o='o')} GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )


def day(database: str, span: str = "day", order: str = "o") -> str:
    """SQL for the day, or the first one of the month, on which an order was placed in its shop."""
    if database == "sqlite":
        local = f"django_datetime_cast_date({order}.placed_at, v.time_zone, 'UTC')"
        return f"date({local}, 'start of month')" if span == "month" else local
    local = f"({order}.placed_at AT TIME ZONE v.time_zone)"
    return f"date_trunc('month', {local})::date" if span == "month" else f"{local}::date"


def cents(database: str, amount: str) -> str:
    if database == "sqlite":
        return f"CAST(ROUND({amount} * 100) AS INTEGER)"
    return f"({amount} * 100)::bigint"


def _listed(table: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{table}.{name}" for name in names)


# SQLite


def _sqlite_triggers(cursor: Any) -> dict[str, str]:
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'comptoir_tally_*'"
    )
    return dict(cursor.fetchall())


def _sqlite_change(row: str, sign: str) -> str:
    """Add an order's row (NEW or OLD) to its day and its month, or take it away."""
    amounts = ", ".join(f"{sign}{cents('sqlite', f'{row}.{name}')}" for name in AMOUNTS.values())
    return " ".join(
        f"INSERT INTO {TALLY} ({COLUMNS}) "
        f"SELECT v.id, '{span}', {day('sqlite', span, row)}, {_listed(row, GROUP)}, {sign}1, {amounts} "
        f"FROM {SHOPS} v WHERE v.id = {row}.vendor_id AND {VISIBLE.format(o=row)} {ADDED};"
        for span in ("day", "month")
    )


def _sqlite_trigger(name: str, event: str, body: str) -> tuple[str, str]:
    return name, f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END"


SQLITE = dict(
    [
        _sqlite_trigger("comptoir_tally_insert", f"INSERT ON {ORDERS}", _sqlite_change("NEW", "")),
        _sqlite_trigger("comptoir_tally_delete", f"DELETE ON {ORDERS}", _sqlite_change("OLD", "-")),
        _sqlite_trigger(
            "comptoir_tally_update",
            f"UPDATE OF {', '.join(READ)} ON {ORDERS}",
            _sqlite_change("OLD", "-") + " " + _sqlite_change("NEW", ""),
        ),
        _sqlite_trigger(
            "comptoir_tally_zone",
            f"UPDATE OF time_zone ON {SHOPS} WHEN OLD.time_zone <> NEW.time_zone",
            f"DELETE FROM {TALLY} WHERE vendor_id = NEW.id; "
            + "; ".join(counted("sqlite", span, "v.id = NEW.id") for span in ("day", "month"))
            + ";",
        ),
    ]
)


# PostgreSQL

_READ = ", ".join(READ)
_SIGNED = ", ".join(f"SUM(o.sign * {cents('postgresql', f'o.{name}')})" for name in AMOUNTS.values())
_OLD = f"SELECT -1 AS sign, {_READ} FROM old_orders"
_NEW = f"SELECT 1 AS sign, {_READ} FROM new_orders"
_REST = ", ".join([*GROUP, *SUMS])
_FOLDED = f"""
    SELECT vendor_id, span, day, {", ".join(GROUP)}, {", ".join(f"SUM({name})" for name in SUMS)}
    FROM (
        SELECT vendor_id, 'day' AS span, day, {_REST} FROM gone
        UNION ALL SELECT vendor_id, 'month', date_trunc('month', day)::date, {_REST} FROM gone
    ) AS spans
    GROUP BY 1, 2, 3, 4, 5, 6, 7"""


def _changed(rows: str) -> str:
    """Add rows of what a statement changed; remember the shops of every ``FOLD_EVERY``-th row."""
    return f"""
        WITH added AS (
            INSERT INTO {TALLY} ({COLUMNS})
            SELECT o.vendor_id, 'new', {day("postgresql")}, {_listed("o", GROUP)}, SUM(o.sign), {_SIGNED}
            FROM ({rows}) AS o JOIN {SHOPS} v ON v.id = o.vendor_id
            WHERE {VISIBLE.format(o="o")}
            GROUP BY 1, 2, 3, 4, 5, 6, 7
            HAVING SUM(o.sign) <> 0 OR SUM(o.sign * o.total) <> 0
                OR SUM(o.sign * o.refunded_total) <> 0 OR SUM(o.sign * o.earnings) <> 0
            RETURNING id, vendor_id
        )
        SELECT array_agg(DISTINCT vendor_id) INTO full_shops FROM added WHERE id % {FOLD_EVERY} = 0;"""


# A transaction that repeats its reads may not change what others changed since; it leaves folding to them.
FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION comptoir_fold_tally(shop bigint) RETURNS void LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM {TALLY} WHERE vendor_id = shop AND span = 'new' RETURNING *)
    INSERT INTO {TALLY} ({COLUMNS}) {_FOLDED} {ADDED};
$$;
CREATE OR REPLACE FUNCTION comptoir_tally_key(shop bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('comptoir tally', shop)
$$;
CREATE OR REPLACE FUNCTION comptoir_count_tally(shop bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(comptoir_tally_key(shop));
    WITH gone AS (DELETE FROM {TALLY} WHERE vendor_id = shop)
    {counted("postgresql", "new", "v.id = shop")};
    PERFORM comptoir_fold_tally(shop);
END $$;
CREATE OR REPLACE FUNCTION comptoir_tally() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    full_shops bigint[];
    shop bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN {_changed(_NEW)}
    ELSIF TG_OP = 'DELETE' THEN {_changed(_OLD)}
    ELSE {_changed(f"{_OLD} UNION ALL {_NEW}")}
    END IF;
    IF full_shops IS NOT NULL AND current_setting('transaction_isolation') = 'read committed' THEN
        FOREACH shop IN ARRAY full_shops LOOP
            IF pg_try_advisory_xact_lock(comptoir_tally_key(shop)) THEN
                PERFORM comptoir_fold_tally(shop);
            END IF;
        END LOOP;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION comptoir_tally_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE {ORDERS} IN SHARE ROW EXCLUSIVE MODE;
    PERFORM comptoir_count_tally(NEW.id);
    RETURN NULL;
END $$;
"""
_OF_STATEMENT = "FOR EACH STATEMENT EXECUTE FUNCTION comptoir_tally()"
POSTGRESQL = {
    "comptoir_tally_insert": (
        ORDERS,
        f"AFTER INSERT ON {ORDERS} REFERENCING NEW TABLE AS new_orders {_OF_STATEMENT}",
    ),
    "comptoir_tally_update": (
        ORDERS,
        f"AFTER UPDATE ON {ORDERS} REFERENCING OLD TABLE AS old_orders NEW TABLE AS new_orders "
        f"{_OF_STATEMENT}",
    ),
    "comptoir_tally_delete": (
        ORDERS,
        f"AFTER DELETE ON {ORDERS} REFERENCING OLD TABLE AS old_orders {_OF_STATEMENT}",
    ),
    "comptoir_tally_zone": (
        SHOPS,
        f"AFTER UPDATE OF time_zone ON {SHOPS} FOR EACH ROW "
        "WHEN (OLD.time_zone <> NEW.time_zone) EXECUTE FUNCTION comptoir_tally_zone()",
    ),
}
