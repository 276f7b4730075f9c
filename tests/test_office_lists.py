"""The office at a million orders: no list counts its table, and each costs the same whatever it shows.

How PostgreSQL answers them: ``tests/test_office_plans.py``.
"""

import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.models import AuditEntry
from orders.domain.fulfillment import ship
from orders.domain.refunds import refund_order
from orders.models import (
    Answer,
    BulkJob,
    Delivery,
    DeliveryNote,
    ExchangeRate,
    ExportLog,
    Note,
    ReconcileRun,
    ReportedOrder,
)
from orders.states import OrderStatus
from tests.factories import (
    NOON,
    make_customer,
    make_document,
    make_order,
    make_product,
    make_user,
    make_vendor,
)
from vendors.models import IdentityChange, Invitation, MandateStep, Membership, VatChange
from vendors.roles import Role

pytestmark = pytest.mark.django_db
LISTS = {
    f"{model._meta.app_label}/{model._meta.model_name}": page for model, page in admin.site._registry.items()
}

FEW = ("orders/source", "orders/documentseries")  # one row in this test; a handful ever


@pytest.fixture
def office(client_of):
    return client_of(make_user("staff@example.com", is_staff=True, is_superuser=True))


def one_more(n):
    """One more row of every list of the office, each with rows of its own around it."""
    vendor, person = make_vendor(), make_user()
    Membership.objects.create(vendor=vendor, user=person, role=Role.OWNER)
    product = make_product(vendor, stock=9)
    customer = make_customer(vendor)
    order = make_order(
        vendor, lines=[(product, 2)], customer=customer, status=OrderStatus.PROCESSING, announce=True
    )
    line = order.lines.get()
    shipment = ship(order, units={line.pk: 1}, by=person, at=NOON)
    refund = refund_order(order, amount=Decimal("1.00"), by=person, at=NOON)
    make_document(order, corrects=make_document(order), refund=refund)
    DeliveryNote.objects.create(order=order, shipment=shipment, number=f"BL-{n}", dated_on=NOON.date())
    Note.objects.create(order=order, text="x", written_at=NOON, written_by=person)
    Delivery.objects.create(source=order.source, order=order, vendor=vendor, body=b"{}", headers={})
    ReportedOrder.objects.create(source=order.source, external_id=f"r{n}", order=order)
    answer = {"order": order, "kind": "status", "status": "completed", "cause": f"c{n}"}
    Answer.objects.create(**answer, asked_at=NOON, next_try_at=NOON)
    ReconcileRun.objects.create(source=order.source, started_at=NOON, continued_at=NOON)
    ExportLog.objects.create(vendor=vendor, user=person, format="csv", at=NOON)
    ExchangeRate.objects.create(currency="GBP", on=NOON.date() - timedelta(days=n), euros="1.15")
    BulkJob.objects.create(vendor=vendor, asked_by=person, action="validate", asked_at=NOON)
    IdentityChange.objects.create(vendor=vendor, by=person, at=NOON, field="city")
    MandateStep.objects.create(vendor=vendor, by=person, at=NOON, version="1", is_accepted=True)
    VatChange.objects.create(identity=vendor.identity, starts_on=NOON.date(), regime="franchise")
    Invitation.objects.create(
        vendor=vendor, invited_by=person, role=Role.MANAGER, digest=f"{n}", invited_at=NOON, expires_at=NOON
    )
    AuditEntry.objects.create(kind="exported", user=person, vendor=vendor, subject="order:1")
    Authenticator.objects.create(user=person, type="totp", data={})
    UserSession.objects.create(user=person, ip="192.0.2.0", session_key=f"s{n}", user_agent="Firefox")
    Group.objects.create(name=f"group {n}")


def asked_for(office, path, **query):
    with CaptureQueriesContext(connection) as found:
        assert office.get(f"/admin/{path}/", query).status_code == 200
    return [each["sql"] for each in found.captured_queries]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_whatever_it_shows(office, path):
    model = apps.get_model(path.replace("/", "."))
    one_more(1)
    few, rows = len(asked_for(office, path)), model._base_manager.count()

    one_more(2)
    one_more(3)
    queries = asked_for(office, path)

    assert len(queries) == few
    assert model._base_manager.count() > rows or path in FEW
    counts = [sql for sql in queries if "COUNT(" in sql and "LIMIT 10000" not in sql]
    assert all("source_id" in sql for sql in counts)  # a storefront's figures, each by its index


@pytest.mark.parametrize("path", [path for path in LISTS if path not in FEW])
def test_no_list_is_sorted_by_what_has_no_index(office, path):
    page = LISTS[path]
    one_more(1)

    rows_asked_for = asked_for(office, path, o="2.3")[-1]

    assert page.sortable_by is None or rows_asked_for == asked_for(office, path)[-1]


def test_dates_are_narrowed_by_year_month_and_day(office):
    vendor = make_vendor()
    for day in (
        "2024-12-31T22:59:00Z",
        "2024-12-31T23:30:00Z",
        "2026-11-23T11:00:00Z",
    ):  # the second is 2025 in Paris
        make_order(vendor, number=day[:16], placed_at=datetime.fromisoformat(day))

    years = office.get("/admin/orders/order/").content.decode()
    found = {
        chosen: re.findall(r"20\d\d-\d\d-\d\dT\d\d:\d\d", shown(office, placed_at_in=chosen))
        for chosen in ("2024", "2025", "2025-01", "2025-01-01", "2026-11-24")
    }

    assert re.findall(r"placed_at_in=(\d{4})", years) == ["2026", "2025", "2024"]
    assert found == {
        "2024": ["2024-12-31T22:59"],
        "2025": ["2024-12-31T23:30"],
        "2025-01": ["2024-12-31T23:30"],
        "2025-01-01": ["2024-12-31T23:30"],
        "2026-11-24": [],
    }


def shown(office, **query):
    """The numbers in the rows of the list of orders."""
    page = office.get("/admin/orders/order/", query).content.decode()
    return " ".join(re.findall(r'class="field-number">.*?</th>', page))


@pytest.mark.parametrize("nonsense", ["x", "2026-13", "2026-02-30", "0001", "9999", "99999", "1-1-1-1", "-"])
def test_a_date_that_is_none_narrows_nothing(office, nonsense):
    make_order(make_vendor(), number="1042")

    assert "1042" in shown(office, placed_at_in=nonsense)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("orders/order", "1042"),
        ("orders/order", "camille@example.com"),
        ("orders/historyentry", "1042"),
        ("orders/customer", "zoe@example.com"),
        ("vendors/product", "SOAP-1"),
        ("vendors/invitation", "lea@example.com"),
    ],
)
def test_what_is_searched_exactly_is_found(office, path, words):
    vendor = make_vendor()
    make_order(
        vendor,
        number="1042",
        customer=make_customer(vendor, email="zoe@example.com"),
        lines=[(make_product(vendor, sku="SOAP-1"), 1)],
    )
    Invitation.objects.create(
        vendor=vendor, email="lea@example.com", role="owner", digest="1", invited_at=NOON, expires_at=NOON
    )

    assert "field-" in office.get(f"/admin/{path}/", {"q": f" {words} "}).content.decode()
    assert "field-" not in office.get(f"/admin/{path}/", {"q": "nobody"}).content.decode()
