"""Every form of the product with hostile values: never a 500, and nobody loses their session.

Forms are read from the pages of the URL configuration, so that a new one is tried without anybody
thinking of it; ``.ci/nightly`` puts each value into each field.
"""

import os

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.core.management.color import no_style
from django.db import connection
from django.urls import reverse

from orders.models import BulkJob, Customer, Delivery, ExchangeRate, Order
from orders.states import OrderStatus
from tests.factories import NOON, PASSWORD, make_member, make_order, make_source, make_user
from tests.hostile import HOSTILE, Form, forms_of, is_signed_in, send, tries
from tests.test_tenancy import OTHER_PAGES, PAGES, ROUTES, SHOP_PAGES, address, own_file
from tests.test_tenancy import shops as shops
from vendors.domain.team import _digest
from vendors.models import Invitation, Product, User
from vendors.roles import Role

pytestmark = pytest.mark.django_db
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SHOP = "/vendors/rucher-des-baux/"
SECRET = "an-invitation-whose-secret-we-know"
# Pages of the same address that look different in another state or place.
MORE_PAGES = [
    *("orders/1050/", "orders/1050/steps/reopen/", "orders/1051/", "orders/1051/steps/confirm/"),
    *("orders/1052/", "orders/?customer=zoe", "overview/?by=month", "products/?shelf=low"),
]
DOOR = ["login/", "password/reset/", "2fa/webauthn/login/"]
PERSONAL = [
    ROUTES[name]
    for name in OTHER_PAGES
    if name.startswith(("account_", "mfa_", "usersessions_")) and "(?P" not in ROUTES[name]
]
FRAME = ("/language/", "/accounts/logout/", "/admin/logout/")  # forms that stand on every page
# What forms send, and what lists, exports and papers read beside the fields of their forms.
SENT = [
    "version",
    "note",
    "next",
    "query",
    "name",
    "view",
    "action",
    "order",
    "units",
    "carrier",
    "shipped_on",
]
QUERY = ["sort", "cursor", "rows", "headers", "dialect", "stage", "late", "shipment", "by", "shelf", "next"]


@pytest.fixture(autouse=True)
def no_throttle(settings):
    cache.clear()
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def person(client, shops):
    """A browser in which the owner of our shop just typed the password; errors come as pages."""
    vendor, _neighbour = shops
    owner = make_member(vendor, email="anna@rucher.example")
    make_order(vendor, number="1050", status=OrderStatus.COMPLETED)
    make_order(vendor, number="1051", status=OrderStatus.ON_HOLD)
    make_order(vendor, number="1052", status=OrderStatus.FAILED)
    vendor.confirms_payments = True
    vendor.save()
    return enter(client, owner)


@pytest.fixture
def office(client, shops):
    """The same for a member of the staff who may do everything."""
    make_source().rotate_secret(at=NOON)
    Delivery.objects.create(source=make_source(), body=b"{}", headers={})
    ExchangeRate.objects.create(currency="GBP", on=NOON.date(), euros="1.15")
    return enter(client, make_user(is_staff=True, is_superuser=True))


def enter(client, user):
    """Sign in and type the password once more. Rows were made by number, which PostgreSQL does not count."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [BulkJob, Customer, Product]):
            cursor.execute(statement)
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.raise_request_exception = False
    assert is_signed_in(client)
    return client


def forms_on(client, page):
    """The forms of a page that are its own: not those of the frame."""
    response = client.get(page, follow=True)
    assert response.status_code < 500, page
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    forms = forms_of(response.content.decode()) if is_page else []
    return [form for form in forms if form.action not in FRAME]


def endure(client, page, form):
    """Send a form's tries to where it leads: each answer is a meant one, and the person stays signed in."""
    target = form.action.partition("#")[0] or page
    method = form.method if form.method == "post" else "get"
    for data in tries(form, thorough=THOROUGH):
        response = send(client, method, target, data)
        tried = (method, target, {name: str(value)[:60] for name, value in data.items()})
        assert response.status_code < 500, tried
        assert "a=b" not in str(response.headers), tried
        assert is_signed_in(client), tried


@pytest.mark.parametrize(
    ("name", "route"),
    # The invoice of these shops has no content that could be corrected: tests/test_corrections.py has.
    [(name, route) for name, route in PAGES if name != "orders:correct_invoice"],
)
def test_no_form_of_a_shop_breaks(person, name, route):
    own_file(User.objects.get(email="anna@rucher.example"), name)
    page = address(route, "rucher-des-baux", "1042")

    for form in forms_on(person, page):
        endure(person, page, form)


@pytest.mark.parametrize("page", MORE_PAGES)
def test_no_form_of_another_state_breaks(person, page):
    for form in forms_on(person, SHOP + page):
        endure(person, SHOP + page, form)


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_no_parameter_breaks_a_page(person, name, route):
    own_file(User.objects.get(email="anna@rucher.example"), name)
    page = address(route, "rucher-des-baux", "1042")

    endure(person, page, Form("get", page, dict.fromkeys(QUERY, "")))


@pytest.mark.parametrize(
    ("name", "route"), [(name, route) for name, route in PAGES if SHOP_PAGES[name][1] == "POST"]
)
def test_no_address_that_takes_a_form_breaks(person, name, route):
    """Also where no page of these states leads to it, and whatever fields are sent."""
    page = address(route, "rucher-des-baux", "1042")

    endure(person, page, Form("post", page, dict.fromkeys(SENT, "")))


@pytest.mark.parametrize("route", PERSONAL)
def test_no_form_of_an_account_breaks(person, route):
    for form in forms_on(person, f"/{route}"):
        endure(person, f"/{route}", form)


@pytest.mark.parametrize("action", FRAME[:2])
def test_no_form_of_the_frame_breaks(person, action):
    (form, *_same) = [
        form for form in forms_of(person.get(SHOP + "orders/").content.decode()) if form.action == action
    ]

    for data in tries(form, thorough=THOROUGH):
        assert send(person, "post", action, data).status_code < 500, data


@pytest.mark.parametrize("path", DOOR)
def test_no_form_of_the_door_breaks(client, db, path):
    client.raise_request_exception = False
    for form in forms_on(client, f"/accounts/{path}"):
        for data in tries(form, thorough=THOROUGH):
            response = send(client, "post", form.action or f"/accounts/{path}", data)
            assert response.status_code < 500, data


@pytest.mark.usefixtures("shops")
def test_no_form_of_an_invitation_breaks(client):
    Invitation.objects.filter(pk=900001).update(
        digest=_digest(SECRET), expires_at=NOON.replace(year=2099), role=Role.MANAGER
    )
    client.raise_request_exception = False
    page = f"/invitations/{SECRET}/"
    (form,) = forms_on(client, page)

    for data in tries(form, thorough=THOROUGH):
        assert send(client, "post", page, data).status_code < 500, data


MODELS = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]


def of_office(model, kind):
    """The address of a list, or of the first row, or of a new one; None where there is none."""
    found = next(m for m in admin.site._registry if f"{m._meta.app_label}_{m._meta.model_name}" == model)
    row = found._default_manager.order_by("pk").first()
    if kind != "change":
        return reverse(f"admin:{model}_{kind}")
    return reverse(f"admin:{model}_change", args=[row.pk]) if row else None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["changelist", "add", "change"])
@pytest.mark.parametrize("model", MODELS)
def test_no_form_of_the_office_breaks(office, model, kind):
    page = of_office(model, kind)
    for form in forms_on(office, page) if page else []:
        endure(office, page, form)


@pytest.mark.parametrize("model", MODELS)
def test_no_filter_of_the_office_breaks(office, model):
    found = admin.site._registry[
        next(m for m in admin.site._registry if f"{m._meta.app_label}_{m._meta.model_name}" == model)
    ]
    names = [name for name in found.list_filter if isinstance(name, str)]
    lookups = [f"{name}{ending}" for name in names for ending in ("", "__exact", "__gte", "__id__exact")]
    page = of_office(model, "changelist")

    endure(office, page, Form("get", page, dict.fromkeys(["q", "o", "p", "all", "pk__in", *lookups], "")))


def test_hostile_addresses_lead_nowhere(person):
    for value in HOSTILE:
        for page in ("orders/{}/", "customers/{}/", "orders/bulk/{}/", "orders/1042/steps/{}/"):
            from urllib.parse import quote

            response = send(person, "get", SHOP + page.format(quote(value, safe="")), {})
            assert response.status_code in (200, 301, 302, 404), (page, value[:40])

    assert Order.objects.count() == 5
