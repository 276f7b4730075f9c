"""The ticked orders as a file: the very rows of every export, in the very log."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.models import AuditEntry
from orders.models import BulkJob, ExportLog
from tests.factories import make_member, make_order, make_vendor
from vendors.roles import Role

pytestmark = pytest.mark.django_db
ORDERS = "/vendors/rucher-des-baux/orders/"


@pytest.fixture
def owned(client_of, owner):
    """The browser of the shop's owner."""
    return client_of(owner)


@pytest.fixture
def three(vendor):
    return [make_order(vendor, number=number) for number in ("2001", "2002", "2003")]


def ask(browser, action="export-csv", **fields):
    return browser.post(f"{ORDERS}bulk/", {"action": action, **fields})


def taken(response):
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_ticked_orders_are_the_file_that_their_filter_gives(owned, vendor, three, kind):
    of_one = owned.get(f"{ORDERS}export.{kind}?q=2002")

    of_ticked = ask(owned, f"export-{kind}", order=["2002"])

    assert of_ticked["Content-Disposition"] == of_one["Content-Disposition"]
    assert of_ticked["Content-Disposition"].endswith(f'-selection.{kind}"')
    assert of_ticked["Content-Type"] == of_one["Content-Type"]
    assert "no-store" in of_ticked["Cache-Control"]
    if kind == "csv":  # a workbook tells when it was made
        assert taken(of_ticked) == taken(of_one)


def test_only_the_ticked_orders_are_in_the_file(owned, three):
    rows = taken(ask(owned, order=["2003", "2001"])).decode().splitlines()

    assert len(rows) == 1 + 2
    assert not any("2002" in row for row in rows)


def test_no_order_of_a_neighbour_is_in_the_file(owned, three):
    make_order(make_vendor("miel-et-cie"), number="77", customer_name="Neighbour")

    assert b"Neighbour" not in taken(ask(owned, order=["77", "2001"]))


def test_who_took_how_many_ticked_orders_is_written_down(owned, owner, vendor, three):
    taken(ask(owned, order=["2001", "2003"]))
    ask(owned, "export-xlsx", order=["2001"])

    logged = ExportLog.objects.order_by("pk").values_list("vendor", "user", "format", "filters", "rows")
    assert list(logged) == [
        (vendor.pk, owner.pk, "csv orders strict labels", "ticked=2", 2),
        (vendor.pk, owner.pk, "xlsx orders labels", "ticked=1", None),
    ]
    entry = AuditEntry.objects.filter(kind="exported").earliest("id")
    assert entry.data == {"format": "csv orders strict labels", "filters": [], "ticked": True, "orders": 2}
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize(
    ("filters", "query"), [("", ""), ("status=completed&q=20", "?status=completed&q=20")]
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_all_of_the_list_is_the_lists_own_export(owned, vendor, kind, filters, query):
    make_order(vendor, number="2001", status="completed")

    response = ask(owned, f"export-{kind}", all="1", filters=filters)

    assert (response.status_code, response["Location"]) == (302, f"{ORDERS}export.{kind}{query}")


def test_no_tick_is_no_file(owned, three):
    response = ask(owned)

    assert response.status_code == 302
    assert not ExportLog.objects.exists()


def test_who_may_not_export_is_offered_no_file_and_gets_none(client_of, vendor, three):
    preparer = client_of(make_member(vendor, Role.PREPARER))

    assert 'value="export-csv"' not in preparer.get(ORDERS).content.decode()
    assert ask(preparer, order=["2001"]).status_code == 403
    assert ask(preparer, all="1", filters="").status_code == 403


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.ACCOUNTANT])
def test_the_bar_of_ticked_orders_offers_the_file(client_of, vendor, three, role):
    page = client_of(make_member(vendor, role)).get(ORDERS).content.decode()

    assert page.count('name="action" value="export-csv"') == 1
    assert page.count('name="action" value="export-xlsx"') == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_more_ticked_orders_ask_no_more_of_the_database(owned, three, kind):
    taken(ask(owned, f"export-{kind}", order=["2001"]))  # the first one works out what is kept for exports
    asked = []
    for numbers in (["2001"], ["2001", "2002", "2003"]):
        with CaptureQueriesContext(connection) as queries:
            taken(ask(owned, f"export-{kind}", order=numbers))
        asked.append(len(queries))

    assert asked[0] == asked[1]
