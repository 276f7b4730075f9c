"""How PostgreSQL answers the office's lists, their searches and filters: by an index, whatever the tables' size."""

import html
import re

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.test_office_lists import LISTS, one_more
from tests.test_office_lists import office as office
from tests.test_plans import nodes, plan_of

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db, pytest.mark.slow]
ROWS = 30_000
MOST_READ = 12_000  # rows: a count that ends at 10,000, and a little more
# Tables that grow with the orders; shops and people are some thousand.
LARGE = [
    *("orders.order", "orders.historyentry", "orders.customer", "orders.document"),
    *("orders.delivery", "orders.reportedorder", "orders.refund", "orders.shipment", "orders.note"),
    *("orders.answer", "orders.exportlog", "orders.stockmovement", "vendors.product"),
    *("marketplace.outgoingemail", "marketplace.auditentry", "django_tasks_database.dbtaskresult"),
]
# What makes a copied row another one; the other columns are copied. Nine in ten are in their usual state.
OWN = {
    "id": "1000000 + n",
    **dict.fromkeys(["number", "external_id", "event", "cause", "to", "email", "sku"], "'x' || n"),
    **dict.fromkeys(["previous_hash", "chain_hash"], "lpad((100 + n)::text, 64, '0')"),
    **dict.fromkeys(
        ["placed_at", "received_at", "at", "created_at", "enqueued_at"], "{} - n * interval '1 hour'"
    ),
    "issued_on": "{} - n / 24",
    "sequence": "1000 + n",
    "refund_id": "NULL",  # a refund has one credit note
    "refund_state": "CASE WHEN n % 10 = 0 THEN {} ELSE 'none' END",
    "state": "CASE WHEN n % 10 = 0 THEN {} ELSE 'USUAL' END",
}
USUAL = {"orders.delivery": "applied", "orders.answer": "done", "marketplace.outgoingemail": "sent"}


def fill(label):
    """Copy a table's newest row ``ROWS`` times."""
    model = apps.get_model(label)
    table = model._meta.db_table
    names = {field.column: field for field in model._meta.concrete_fields}
    values = []
    for column, field in names.items():
        own = OWN.get(column, "{}")
        if column == "id" and field.get_internal_type() == "UUIDField":
            own = "gen_random_uuid()"
        if column == "state":
            own = own.replace("USUAL", USUAL[label])
        if column == "number" and field.get_internal_type() == "PositiveSmallIntegerField":
            own = "10 + n"
        if field.unique and field.is_relation:
            own = "NULL"
        values.append(own.format(f'"{column}"'))
    columns = ", ".join(f'"{column}"' for column in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} FROM "
            f"(SELECT * FROM {table} ORDER BY id DESC LIMIT 1) AS pattern, generate_series(1, {ROWS}) AS n"
        )
        cursor.execute(f"ANALYZE {table}")


def faults(sql):
    """What is wrong with the plan of a query, in words."""
    for node in nodes(plan_of(sql)):
        read = (node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)) * node.get(
            "Actual Loops", 1
        )
        if node.get("Relation Name") and read > MOST_READ:
            yield f"{node['Node Type']} reads {read} rows of {node['Relation Name']}"


def narrowed(page):
    """Every way that a list's page offers to narrow it."""
    return [html.unescape(link) for link in re.findall(r'href="(\?[^"]+)"', page)]


@pytest.mark.parametrize("path", [path for path in LISTS if path.replace("/", ".") in LARGE])
def test_each_list_is_answered_by_an_index(office, path):
    one_more(1)
    fill(path.replace("/", "."))
    start = office.get(f"/admin/{path}/").content.decode()

    found = {}
    for query in ["", "?q=1042", "?q=nobody@example.com", "?p=7", *narrowed(start)]:
        with CaptureQueriesContext(connection) as asked:
            assert office.get(f"/admin/{path}/{query}").status_code == 200
        for each in asked.captured_queries:
            if each["sql"].startswith("SELECT"):
                found |= {(query, fault): each["sql"][:200] for fault in faults(each["sql"])}

    assert found == {}
