"""How PostgreSQL answers each list: by an index, whatever the shop's size."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders.domain.overview import refunds_of_month
from orders.models import Order
from orders.paging import Cursor, Keyset
from tests.factories import NOON, make_customer, make_order, make_source, make_vendor
from vendors.models import Vendor

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db, pytest.mark.slow]
ORDERS = 100_000
LARGE = ("orders_order", "orders_ordernamestart", "orders_tally")
MOST_SORTED = 3_000  # rows
# By which index the rows of a page are found: nothing else is near it where few of many are asked for.
FOUND_BY = {
    "customer=zoe": "order_name_prefix",
    "customer=adele": "order_name_prefix",
    "customer=noe": "order_name_prefix",
    "q=1007": "order_number_prefix",
    "q=100777": "order_number_prefix",
    "status=refunded": "order_under_refunded_by_date",
    "late=1": "order_late",
}
QUERIES = [
    "",
    *(
        f"status={status}"
        for status in ("completed", "processing", "on-hold", "pending", "cancelled", "refunded", "failed")
    ),
    "stage=to_prepare",
    "late=1",
    "placed_after=2026-11-01&placed_before=2026-11-10",
    "placed_before=2026-10-10&status=completed",
    "customer=zoe",
    "customer=zoe&status=completed",
    "customer=zoe&sort=-total",
    "customer=adele",
    "customer=noe",
    "customer=adele&placed_after=2024-01-01&sort=earnings",
    "q=100777",
    "q=1007",
    "q=1007&status=completed",
    "status=refunded&sort=-total",
    "status=refunded&placed_before=2026-11-01",
    "status=refunded&customer=zoe",
    *(
        f"sort={sign}{column}"
        for column in ("number", "total", "earnings", "placed_at")
        for sign in ("", "-")
    ),
]


def fill(vendor, small):
    """Copies of one order: nine in ten of the large shop, some of each state; one in hundred of Zoé's.

    Adèle's is one old order; all of Noé's are old, which a planner cannot know: it expects them anywhere.
    """
    pattern = make_order(vendor, customer=make_customer(vendor), number="pattern")
    own = {
        "id": f"{pattern.pk} + n",
        "vendor_id": f"CASE WHEN n % 10 = 0 THEN {small.pk} ELSE {vendor.pk} END",
        "number": "(100000 + n)::text",
        "number_value": "100000 + n",
        "external_id": "n::text",
        "placed_at": "placed_at - n * interval '9 minutes'",
        "status": "(ARRAY['pending','on-hold','processing','cancelled','failed','completed'])"
        "[CASE WHEN n % 100 < 5 THEN n % 100 + 1 ELSE 6 END]",
        "stage": "CASE WHEN n % 100 = 2 THEN 'to_prepare' ELSE '' END",
        "prepare_by": f"CASE WHEN n % 300 = 2 THEN '{NOON - timedelta(days=9)}'::timestamptz END",
        "refund_state": "CASE WHEN n % 5000 = 99 THEN 'partial' ELSE 'none' END",
        "earnings": "(n * 7919 % 100000) / 100.0",
        "net_total": "(n * 7919 % 100000) / 100.0",
        "total": "(n * 7919 % 100000) / 100.0",
        "items_total": "(n * 7919 % 100000) / 100.0",
        "commission": "0",
    }
    columns = [field.column for field in Order._meta.concrete_fields]
    values = ", ".join(own.get(column, column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orders_order ({', '.join(columns)}) "
            f"SELECT {values} FROM orders_order, generate_series(1, {ORDERS}) AS n WHERE number = 'pattern'"
        )
        cursor.execute(
            "INSERT INTO orders_ordernamestart (order_id, vendor_id, start) SELECT id, vendor_id, "
            "CASE WHEN number = '199901' THEN 'adele' WHEN number_value > 199000 THEN 'noe' "
            "WHEN number_value % 100 = 57 OR refund_state = 'partial' THEN 'zoe' ELSE 'marie' END || id % 97 "
            "FROM orders_order"
        )
        cursor.execute("ANALYZE orders_order; ANALYZE orders_ordernamestart; ANALYZE orders_tally")


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def plan_of(sql):
    """How PostgreSQL answers a query, with the rows that it read."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def faults(plan):
    """What is wrong with the plan of a query, in words."""
    for node in nodes(plan):
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE:
            yield f"sequential scan of {node['Relation Name']}"
        if "Sort" in node["Node Type"] and node["Plans"][0]["Actual Rows"] > MOST_SORTED:
            yield f"sort of {node['Plans'][0]['Actual Rows']} rows"
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        if node.get("Relation Name") in LARGE and read > ORDERS / 10:
            yield f"{read} rows of {node['Relation Name']} read"


def test_each_list_is_answered_by_an_index(vendor, owner, client_of):
    fill(vendor, make_vendor())
    client, address = client_of(owner), reverse("orders:list", args=[vendor.slug])
    middle = Order.objects.for_vendor(vendor).order_by("-placed_at", "-pk")[ORDERS // 2]
    cursor = Cursor(Keyset("placed_at", is_descending=True), False, middle.placed_at, middle.pk, ORDERS // 2)

    found, used = {}, {}
    for query in [*QUERIES, f"cursor={cursor}"]:
        with CaptureQueriesContext(connection) as asked:
            page = client.get(f"{address}?{query}").content.decode()
        assert 'scope="row"' in page, query
        assert len(asked) <= 8, query
        for each in asked.captured_queries:
            if each["sql"].startswith("SELECT") and any(table in each["sql"] for table in LARGE):
                plan = plan_of(each["sql"])
                found.setdefault(query, []).extend(faults(plan))
                used.setdefault(query, set()).update(node.get("Index Name") for node in nodes(plan))

    assert {query: wrong for query, wrong in found.items() if wrong} == {}
    assert {query: index for query, index in FOUND_BY.items() if index not in used[query]} == {}
    assert Vendor.objects.count() == 2
    with CaptureQueriesContext(connection) as asked:
        refunds_of_month(vendor, NOON.date())
        Order.objects.filter(source=make_source(), external_id="77").first()
    plans = [plan_of(each["sql"]) for each in asked.captured_queries if "orders_order" in each["sql"]]
    indexes = {node.get("Index Name") for plan in plans for node in nodes(plan)}
    assert {"order_by_refund", "order_of_storefront"} <= indexes
