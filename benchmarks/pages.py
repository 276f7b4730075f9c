"""The pages that are measured, and the goal of each."""

import time
from datetime import timedelta
from statistics import median
from tempfile import TemporaryFile
from typing import Any

from django.db import connection
from django.db.models import Count, F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from serve import Server

from orders.exports import order_rows
from orders.exports.cells import Kind
from orders.exports.columns import LINE_COLUMNS, ORDER_COLUMNS
from orders.exports.export import Export
from orders.exports.figures import settle_all
from orders.exports.options import Options
from orders.models import ExportLog, Order
from orders.paging import Cursor, Keyset
from orders.states import OrderStatus, Stage
from vendors.models import Membership, User, Vendor
from vendors.roles import Role

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
MEMORY_GOAL = 30.0  # MB
MOST_SHEET_ROWS = 30_000


def sizes() -> str:
    """How large the database and its largest shop are."""
    largest = shops()[0]
    orders, of_shop = Order.objects.count(), Order.objects.for_vendor(largest).count()
    return f"{orders:,} orders, {of_shop:,} in the largest shop, PostgreSQL"


def shops() -> list[Vendor]:
    """The demo's shops, the largest first."""
    return list(Vendor.objects.annotate(n=Count("orders")).order_by("-n"))


def measure(server: Server, rounds: int, line: Any) -> list[Any]:
    """Ask for every page ``rounds`` times, one after the other in each round."""
    shop, *_others, small = shops()
    owner = owner_of(shop)
    Membership.objects.get_or_create(vendor=small, user=owner, defaults={"role": Role.OWNER})
    client = Client()
    client.force_login(owner, backend=BACKEND)
    server.cookies["sessionid"] = client.cookies["sessionid"].value
    found = pages(shop)
    paths = {"bare": f"/bare/{shop.slug}/", **{what: path for what, (path, _goal) in found.items()}}
    paths["small shop"] = f"/vendors/{small.slug}/orders/"
    times = asked(server, paths, rounds)
    usual = median(times["bare"])
    lines = [
        line("the bare page", 1.0, 1.0, times=tuple(times["bare"]), queries=count(client, paths["bare"]))
    ]
    for what, (path, goal) in found.items():
        queries = count(client, path)
        lines.append(line(what, median(times[what]) / usual, goal, times=tuple(times[what]), queries=queries))
    lists = [each for each in lines if each.what.startswith("list")]
    lines.append(line("queries of a list page", max(each.queries for each in lists), 8, "queries"))
    growth = median(times["list, page 1"]) / median(times["small shop"])
    lines.append(line("growth from the smallest shop to the largest", growth, 1.2))
    lines.append(validations(server, shop, usual, rounds, line))
    return [*lines, *exports(server, shop, line)]


def owner_of(shop: Vendor) -> User:
    owners = Membership.objects.filter(vendor=shop, role=Role.OWNER)
    return User.objects.get(memberships=owners.first())


def asked(server: Server, paths: dict[str, str], rounds: int, *, warm_up: int = 3) -> dict[str, list[float]]:
    """Ask for each path in turn, round after round; the first ``warm_up`` rounds do not count."""
    times: dict[str, list[float]] = {what: [] for what in paths}
    for number in range(rounds + warm_up):
        for what, path in paths.items():
            answer = server.get(path)
            if answer.status != 200:
                raise SystemExit(f"{path} answers {answer.status}")
            if number >= warm_up:
                times[what].append(answer.seconds)
    return times


def pages(shop: Vendor) -> dict[str, tuple[str, float]]:
    """Each page's address and how many times the bare page it may take."""
    base, today = f"/vendors/{shop.slug}/orders/", timezone.localdate()
    orders = Order.objects.for_vendor(shop).order_by("-placed_at", "-pk")
    deep = orders[orders.count() * 3 // 4]
    cursor = Cursor(Keyset("placed_at", is_descending=True), False, deep.placed_at, deep.pk, 1000)
    month = today.replace(day=1)
    last_month = f"?placed_after={(month - timedelta(days=30)).replace(day=1)}&placed_before={month}"
    rare, common = prefix(shop, 5, 0.001), prefix(shop, 2, 0.01)
    return {
        "list, page 1": (base, 3),
        "list, deep page": (f"{base}?cursor={cursor}", 3),
        "list, one status": (f"{base}?status=completed", 3),
        "list, a date range": (base + last_month, 3),
        f"list, client {rare[0]}… ({rare[1]} hits)": (f"{base}?customer={rare[0]}", 3),
        f"list, client {common[0]}… ({common[1]} hits)": (f"{base}?customer={common[0]}", 6),
        "list, a number": (f"{base}?q={deep.number}", 3),
        "detail": (f"{base}{deep.number}/", 4),
        "figures of the overview, 18 months": (f"/figures/{shop.slug}/", 4),
    }


def prefix(shop: Vendor, letters: int, share: float) -> tuple[str, int]:
    """The beginning of a name, so long, whose hits are nearest to this share of the shop's orders."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substr(start, 1, %s), count(DISTINCT order_id) FROM orders_ordernamestart "
            "WHERE vendor_id = %s AND length(start) >= %s GROUP BY 1",
            [letters, shop.pk, letters],
        )
        found = [(start, hits) for start, hits in cursor.fetchall() if start.isalpha()]
    wanted = Order.objects.for_vendor(shop).count() * share
    return min(found, key=lambda pair: (abs(pair[1] - wanted), pair[0]))


def count(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return len(queries)


def validations(server: Server, shop: Vendor, usual: float, rounds: int, line: Any) -> Any:
    """Validate orders that wait, one a request."""
    base = f"/vendors/{shop.slug}/orders/"
    server.get(base)  # brings the cookie that a form needs
    waiting = Order.objects.for_vendor(shop).filter(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE)
    times = []
    for order in waiting.order_by("pk")[:rounds]:
        answer = server.post(f"{base}{order.number}/validate/", version=str(order.version))
        if answer.status != 302:
            raise SystemExit(f"validating {order.number} answers {answer.status}")
        times.append(answer.seconds)
    return line("validate one", median(times) / usual, 5, times=tuple(times))


TYPES = {Kind.WHOLE: "integer", Kind.MOMENT: "timestamptz"}  # of a table's columns; all others are text


class Nowhere:
    """A file that forgets what is written."""

    def write(self, _data: bytes) -> None:
        """Forget it."""


def table_of_orders(shop: Vendor, cursor: Any) -> None:
    """Make a table of just the file's columns, in its order.

    Its numbers and moments are those of the orders; what follows from lines, parcels and
    invoices is there already.
    """
    columns: dict[str, Any] = {}
    for column in ORDER_COLUMNS:
        read = order_rows.READ.get(column.code, f"figures__{column.code}")
        if column.code in ("status_label", "earnings_state"):
            read = "status"
        columns[f"cell_{len(columns)}"] = F(read) if isinstance(read, str) else read
    orders = Order.objects.for_vendor(shop).order_by("-placed_at", "-pk")
    sql, parameters = orders.annotate(**columns).values_list(*columns).query.sql_with_params()
    cursor.execute(f"CREATE UNLOGGED TABLE bench_columns AS {sql}", parameters)


def table_of_lines(shop: Vendor, cursor: Any) -> None:
    """Make the same of the file with a row per line: from the file itself."""
    columns = (f"{column.code} {TYPES.get(column.kind, 'text')}" for column in LINE_COLUMNS)
    cursor.execute(f"CREATE UNLOGGED TABLE bench_columns ({', '.join(columns)})")
    log = ExportLog.objects.create(vendor=shop, user=owner_of(shop), format="benchmark")
    export = Export(Order.objects.for_vendor(shop), Options("lines", "codes", "strict"), vendor=shop)
    with TemporaryFile() as file:
        file.writelines(export.csv(log))
        file.seek(0)
        cursor.cursor.copy_expert("COPY bench_columns FROM STDIN WITH (FORMAT csv, HEADER)", file)


TABLES = {"orders": table_of_orders, "lines": table_of_lines}


def copy(rows: str, shop: Vendor) -> float:
    """How long COPY takes for a table of just the columns of such a file; each field in quotes.

    Nothing is looked up, guarded or put into the shop's time zone.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_columns")
        TABLES[rows](shop, cursor)
        begun = time.perf_counter()
        cursor.cursor.copy_expert(
            "COPY bench_columns TO STDOUT WITH (FORMAT csv, FORCE_QUOTE *, NULL '')", Nowhere()
        )
        seconds = time.perf_counter() - begun
        cursor.execute("DROP TABLE bench_columns")
    return seconds


def exports(server: Server, shop: Vendor, line: Any) -> list[Any]:
    """The whole shop as CSV beside a bare COPY, and as a workbook."""
    base, orders = f"/vendors/{shop.slug}/orders/", Order.objects.for_vendor(shop)
    server.get(base + "export.csv?customer=zz")
    settle_all()  # the worker's part, of what was written before
    before = server.memory()[1]
    found = [
        *beside_copy(server, shop, line, "orders", "CSV, all columns"),
        *beside_copy(server, shop, line, "lines", "CSV, a row per line"),
        line("CSV, memory added", (server.memory()[0] - before) / 1000, MEMORY_GOAL, "MB"),
    ]
    rows = min(orders.count(), MOST_SHEET_ROWS)
    since = timezone.localdate(orders.order_by("-placed_at")[rows - 1].placed_at)
    before = server.memory()[1]
    answer = server.get(f"{base}export.xlsx?placed_after={since}", keep=False)
    grown = (server.memory()[0] - before) / 1000
    more = f"{rows / answer.seconds:,.0f} rows/s, some {rows:,}"
    return [*found, line("XLSX, memory added", grown, MEMORY_GOAL, "MB", more=more)]


def beside_copy(server: Server, shop: Vendor, line: Any, rows: str, what: str) -> list[Any]:
    """One kind of file; COPY and download take turns."""
    bare, answers = [], []
    for _time in range(3):
        bare.append(copy(rows, shop))
        answers.append(server.get(f"/vendors/{shop.slug}/orders/export.csv?rows={rows}", keep=False))
    answer = sorted(answers, key=lambda each: each.seconds)[1]
    count = ExportLog.objects.latest("pk").rows or 0
    return [
        line(
            f"{what}, beside COPY of a table of the same columns",
            median(bare) / answer.seconds,
            0.5,
            at_least=True,
            more=f"{count / answer.seconds:,.0f} rows/s; {answer.size / 1e6:.1f} MB",
        ),
        line(f"{what}, first byte", max(each.first for each in answers), 0.1, "s"),
    ]
