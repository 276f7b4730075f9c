"""Works out the figures of orders: what a COPY of them writes and no column of the order holds.

They are what the rows of a file are made of (``orders.exports.order_rows``, ``orders.exports.line_rows``),
stored. Triggers say which are missing or no longer right (``orders.models.figure_triggers``).
"""

from collections.abc import Collection

from django.db import connection, transaction
from django.utils import translation

from orders.exports.blocks import Values
from orders.exports.cells import guarded
from orders.exports.kept_lines import kept
from orders.exports.line_rows import LineRows
from orders.exports.order_rows import CODES, FIGURES, TEXTS, OrderRows
from orders.models import Order, OrderFigures, StaleFigures
from vendors.models import Vendor

AT_ONCE = 1000  # orders of one transaction
AT_FIRST = 500  # marks that are dealt with before an export begins
_PLACES = {code: place for place, code in enumerate(CODES)}
_STORED = [field.attname for field in OrderFigures._meta.concrete_fields if not field.primary_key]


def settle_all() -> int:
    """Work out every order's stale figures, shop by shop; return how many orders that were.

    A shop that somebody else is at is left to them.
    """
    stale = StaleFigures.objects.order_by("vendor").values_list("vendor", flat=True).distinct()
    settled = 0
    for vendor_id in list(stale):
        while count := settle(vendor_id):
            settled += count
    return settled


def is_stale(vendor: Vendor, using: str = "default") -> bool:
    """Whether the figures of some of the shop's orders are missing or no longer right."""
    return StaleFigures.objects.using(using).filter(vendor=vendor).exists()


@transaction.atomic
def settle(vendor_id: int, most: int = AT_ONCE) -> int:
    """Work out some of a shop's stale figures; return how many orders that were, 0 where none was left.

    One at a time per shop, so that of two the later has read the later state. What others write
    meanwhile has marks that are not seen here, and stay.
    """
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended('comptoir figures', %s))", [vendor_id]
        )
        if not cursor.fetchone()[0]:
            return 0
        marks, mark = connection.ops.quote_name(StaleFigures._meta.db_table), "id"
        cursor.execute(
            f"DELETE FROM {marks} WHERE {mark} IN "
            f"(SELECT {mark} FROM {marks} WHERE vendor_id = %s ORDER BY {mark} LIMIT %s) RETURNING order_id",
            [vendor_id, most],
        )
        ids = {pk for (pk,) in cursor.fetchall()}
    if ids:
        work_out(vendor_id, ids)
    return len(ids)


def work_out(vendor_id: int, ids: Collection[int]) -> None:
    """Store the figures of these orders of one shop as they now are; on PostgreSQL, which alone uses them."""
    if connection.vendor != "postgresql":
        return
    orders = Order.objects.filter(vendor=vendor_id, pk__in=ids)
    with translation.override("en"):  # no label is stored
        rows = OrderRows(under_franchise=lambda _ids: ())
    of_lines = LineRows(under_franchise=lambda _ids: (), is_labelled=False).by_order(orders)
    lines = {order_id: kept(own) for block in of_lines for order_id, own in block}
    for block in rows.all_values(orders):
        OrderFigures.objects.bulk_create(
            [_figures(values, lines[values[0]]) for values in block],
            update_conflicts=True,
            unique_fields=["order"],
            update_fields=_STORED,
        )


def _figures(values: Values, lines: str) -> OrderFigures:
    cells = {code: text for code in TEXTS if (text := guarded(str(value := values[_PLACES[code]]))) != value}
    made = {code: values[_PLACES[code]] for code in FIGURES}
    for code in ("items", "tracking_numbers", "invoice_number"):
        made[code] = guarded(str(made[code]))
    return OrderFigures(order_id=values[0], cells=cells or None, lines=lines, **made)
