"""Every address, every outsider: nobody reaches another shop's orders."""

from decimal import Decimal

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from orders.domain.refunds import refund_order
from orders.models import BulkJob
from orders.states import OrderStatus
from tests.factories import NOON, make_document, make_member, make_order, make_product, make_user, make_vendor
from vendors.roles import PERMISSIONS, Permission, Role

pytestmark = pytest.mark.django_db

# Every address of a shop: the right it asks for, and the methods it takes.
SHOP_PAGES = {
    "orders:list": (Permission.VIEW_ORDERS, "GET"),
    "orders:customers": (Permission.VIEW_ORDERS, "GET"),
    "orders:set_aside": (Permission.VIEW_ORDERS, "GET"),
    "orders:detail": (Permission.VIEW_ORDERS, "GET"),
    "orders:validate": (Permission.FULFILL, "POST"),
    "orders:ship": (Permission.FULFILL, "POST"),
    "orders:ready": (Permission.FULFILL, "POST"),
    "orders:hand_over": (Permission.FULFILL, "POST"),
    "orders:refund": (Permission.MANAGE_ORDERS, "POST"),
    "orders:stop_and_refund": (Permission.MANAGE_ORDERS, "POST"),
    "orders:note": (Permission.FULFILL, "POST"),
    "orders:send_again": (Permission.FULFILL, "POST"),
    "orders:step": (Permission.MANAGE_ORDERS, "POST"),
    "orders:start_bulk": (Permission.VIEW_ORDERS, "POST"),
    "orders:bulk": (Permission.VIEW_ORDERS, "GET"),
    "orders:bulk_notes": (Permission.DELIVERY_NOTES, "GET"),
    "orders:bulk_originals": (Permission.VIEW_INVOICES, "GET"),
    "products:list": (Permission.VIEW_PRODUCTS, "GET"),
    "products:detail": (Permission.VIEW_PRODUCTS, "GET"),
    "products:count": (Permission.COUNT_STOCK, "POST"),
    "shop:settings": (Permission.MANAGE_SHOP, "GET"),
    "shop:mail_wishes": (Permission.VIEW_ORDERS, "GET"),
    "orders:export_csv": (Permission.EXPORT, "GET"),
    "orders:export_xlsx": (Permission.EXPORT, "GET"),
    "orders:invoice_pdf": (Permission.VIEW_INVOICES, "GET"),
    "orders:credit_note_pdf": (Permission.VIEW_INVOICES, "GET"),
    "orders:earlier_invoice_pdf": (Permission.VIEW_INVOICES, "GET"),
    "orders:buyer": (Permission.ISSUE_INVOICES, "GET"),
    "documents:list": (Permission.VIEW_INVOICES, "GET"),
    "shop:identity": (Permission.VIEW_IDENTITY, "GET"),
    "shop:mandate": (Permission.MANAGE_SHOP, "POST"),
    "orders:issue_invoice": (Permission.ISSUE_INVOICES, "POST"),
    "orders:delivery_note_pdf": (Permission.DELIVERY_NOTES, "GET"),
}
# Every other address, and why no shop's guard stands there.
OTHER_PAGES = {
    "home": "leads each person to their own shops",
    "choose_language": "a person's own choice",
    "woocommerce_webhook": "a storefront's deliveries: the signature is the guard",
    "woocommerce_webhook_bare": "the same, without the slash",
    "healthz": "says whether the database answers",
    "account_login": "the door",
    "account_logout": "the door",
    "account_inactive": "the door",
    "account_reset_password": "the door",
    "account_reset_password_done": "the door",
    "account_reset_password_from_key": "the door",
    "account_reset_password_from_key_done": "the door",
    "account_signup": "closed: leads to the door",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def named_urls(resolver=None, prefix="", namespace=""):
    """Every named pattern of the site: (name, route)."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                inner = f"{pattern.namespace}:" if pattern.namespace else namespace
                yield from named_urls(pattern, route, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}", route


def address(route, slug, number):
    route = (
        route.replace("<slug:slug>", slug).replace("<str:number>", number).replace("<slug:step>", "cancel")
    )
    route = route.replace("credit-notes/<str:document>", "credit-notes/RDB-A2026-000001")
    return "/" + route.replace("<str:document>", "RDB-F2026-000001").replace("<int:pk>", "1")


ROUTES = dict(named_urls())
PAGES = [(name, route) for name, route in ROUTES.items() if name in SHOP_PAGES]


@pytest.fixture
def shops(vendor):
    """Our shop with order 1042, and a neighbour with 2077."""
    neighbour = make_vendor("miel-et-cie")
    make_product(vendor, pk=1)
    BulkJob.objects.create(pk=1, vendor=vendor, asked_by=make_user(), action="validate", asked_at=NOON)
    order = make_order(vendor, number="1042", status=OrderStatus.PROCESSING, customer_name="Secret Customer")
    refund = refund_order(order, amount=Decimal("1.00"), by=None, at=NOON)
    make_document(order, corrects=make_document(order), refund=refund)
    make_order(neighbour, number="2077", status=OrderStatus.PROCESSING, customer_name="Neighbor Customer")
    return vendor, neighbour


def own_file(vendor, name):
    """Files belong to the person who asked for them: here, the member that the test signs in."""
    action = {"orders:bulk_notes": "notes", "orders:bulk_originals": "originals"}.get(name)
    if action:
        member = vendor.memberships.get().user
        BulkJob.objects.filter(pk=1).update(asked_by=member, action=action)


def ask(client, url, method):
    return client.generic(method, url)


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_every_address_is_listed():
    assert set(ROUTES) == set(SHOP_PAGES) | set(OTHER_PAGES)


@pytest.mark.parametrize(("name", "route"), PAGES)
@pytest.mark.parametrize("method", METHODS)
def test_a_visitor_is_sent_to_sign_in(client, shops, name, route, method):
    response = ask(client, address(route, "rucher-des-baux", "1042"), method)

    assert (response.status_code, response.headers.get("Location", "").split("?")[0]) in [
        (302, "/accounts/login/"),
        (405, ""),
    ]
    assert b"Secret Customer" not in body(response)


@pytest.mark.parametrize(("name", "route"), PAGES)
@pytest.mark.parametrize("number", ["1042", "2077", "9999"])
def test_a_stranger_finds_nothing(client_of, shops, name, route, number):
    client = client_of(make_user())

    response = ask(client, address(route, "rucher-des-baux", number), SHOP_PAGES[name][1])

    assert response.status_code == 404
    assert b"Secret Customer" not in body(response)


@pytest.mark.parametrize(("name", "route"), PAGES)
@pytest.mark.parametrize("role", Role.values)
def test_a_neighbor_finds_nothing_under_either_shop(client_of, shops, name, route, role):
    _ours, neighbour = shops
    client = client_of(make_member(neighbour, role))
    permission, method = SHOP_PAGES[name]

    under_ours = ask(client, address(route, "rucher-des-baux", "1042"), method)
    under_theirs = ask(client, address(route, "miel-et-cie", "1042"), method)

    assert under_ours.status_code == 404
    assert b"Secret Customer" not in body(under_ours) + body(under_theirs)
    if "<str:number>" in route or "<int:pk>" in route:
        assert under_theirs.status_code == (404 if permission in PERMISSIONS[role] else 403)


@pytest.mark.parametrize(("name", "route"), PAGES)
@pytest.mark.parametrize("role", Role.values)
def test_a_member_needs_the_permission(client_of, shops, name, route, role):
    vendor, _neighbour = shops
    client = client_of(make_member(vendor, role))
    permission, method = SHOP_PAGES[name]
    own_file(vendor, name)

    response = ask(client, address(route, "rucher-des-baux", "1042"), method)

    assert (response.status_code == 403) == (permission not in PERMISSIONS[role])
    assert response.status_code not in (404, 500)


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_a_closed_shop_has_no_pages(client_of, shops, name, route):
    vendor, _neighbour = shops
    client = client_of(make_member(vendor))
    vendor.is_active = False
    vendor.save()

    assert ask(client, address(route, "rucher-des-baux", "1042"), SHOP_PAGES[name][1]).status_code == 404


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_a_removed_member_finds_nothing_in_an_open_session(client_of, shops, name, route):
    vendor, _neighbour = shops
    user = make_member(vendor)
    client = client_of(user)
    user.memberships.all().delete()

    assert ask(client, address(route, "rucher-des-baux", "1042"), SHOP_PAGES[name][1]).status_code == 404


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_staff_of_the_marketplace_is_no_member(client_of, shops, name, route):
    client = client_of(make_user(is_staff=True, is_superuser=True))

    assert ask(client, address(route, "rucher-des-baux", "1042"), SHOP_PAGES[name][1]).status_code == 404


def test_an_order_that_is_not_there_and_a_foreign_one_look_the_same(client_of, shops):
    vendor, _neighbour = shops
    client = client_of(make_member(vendor))

    foreign = client.get("/vendors/rucher-des-baux/orders/2077/")
    missing = client.get("/vendors/rucher-des-baux/orders/9999/")

    assert foreign.content.replace(b"2077", b"") == missing.content.replace(b"9999", b"")


def test_the_admin_is_for_staff_alone(client_of, shops):
    vendor, _neighbour = shops
    client = client_of(make_member(vendor))

    assert client.get("/admin/orders/order/").status_code in (302, 403)
