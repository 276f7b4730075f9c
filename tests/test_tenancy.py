"""Every address, every outsider: nobody reaches another shop's orders."""

import re
from copy import deepcopy
from decimal import Decimal

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver

from orders.domain.refunds import refund_order
from orders.models import BulkJob, DeliveryNote, Shipment
from orders.states import OrderStatus
from tests.factories import (
    NOON,
    make_customer,
    make_document,
    make_member,
    make_order,
    make_product,
    make_user,
    make_vendor,
)
from vendors.access import SEEN
from vendors.models import Invitation, Membership
from vendors.roles import PERMISSIONS, Permission, Role

pytestmark = pytest.mark.django_db

# Every address of a shop: the right it asks for, and the methods it takes.
SHOP_PAGES = {
    "orders:list": (Permission.VIEW_ORDERS, "GET"),
    "orders:customers": (Permission.VIEW_ORDERS, "GET"),
    "orders:set_aside": (Permission.VIEW_ORDERS, "GET"),
    "orders:news": (Permission.VIEW_ORDERS, "GET"),
    "orders:detail": (Permission.VIEW_ORDERS, "GET"),
    "orders:validate": (Permission.FULFILL, "POST"),
    "orders:undo_validation": (Permission.MANAGE_ORDERS, "POST"),
    "mine:landing": (Permission.VIEW_ORDERS, "GET"),
    "mine:views": (Permission.VIEW_ORDERS, "GET"),
    "mine:change_view": (Permission.VIEW_ORDERS, "POST"),
    "mine:display": (Permission.VIEW_ORDERS, "POST"),
    "mine:keys": (Permission.VIEW_ORDERS, "GET"),
    "orders:ship": (Permission.FULFILL, "POST"),
    "orders:parcel": (Permission.FULFILL, "POST"),
    "orders:ready": (Permission.FULFILL, "POST"),
    "orders:hand_over": (Permission.FULFILL, "POST"),
    "orders:refund": (Permission.MANAGE_ORDERS, "POST"),
    "orders:stop_and_refund": (Permission.MANAGE_ORDERS, "POST"),
    "orders:note": (Permission.FULFILL, "POST"),
    "orders:send_again": (Permission.FULFILL, "POST"),
    "orders:step": (Permission.MANAGE_ORDERS, "POST"),
    "orders:start_bulk": (Permission.VIEW_ORDERS, "POST"),
    "orders:bulk": (Permission.VIEW_ORDERS, "GET"),
    "orders:undo_bulk": (Permission.MANAGE_ORDERS, "POST"),
    "orders:bulk_notes": (Permission.DELIVERY_NOTES, "GET"),
    "orders:bulk_originals": (Permission.VIEW_INVOICES, "GET"),
    "overview:page": (Permission.VIEW_ORDERS, "GET"),
    "customers:list": (Permission.VIEW_ORDERS, "GET"),
    "customers:detail": (Permission.VIEW_ORDERS, "GET"),
    "products:list": (Permission.VIEW_PRODUCTS, "GET"),
    "products:detail": (Permission.VIEW_PRODUCTS, "GET"),
    "products:count": (Permission.COUNT_STOCK, "POST"),
    "shop:settings": (Permission.MANAGE_SHOP, "GET"),
    "shop:mail_wishes": (Permission.VIEW_ORDERS, "GET"),
    "shop:team": (Permission.MANAGE_SHOP, "GET"),
    "shop:invite": (Permission.MANAGE_SHOP, "POST"),
    "shop:leave": (Permission.VIEW_ORDERS, "GET"),
    "shop:resend_invitation": (Permission.MANAGE_SHOP, "POST"),
    "shop:revoke_invitation": (Permission.MANAGE_SHOP, "POST"),
    "shop:change_role": (Permission.MANAGE_SHOP, "POST"),
    "shop:remove_member": (Permission.MANAGE_SHOP, "GET"),
    "orders:export_csv": (Permission.EXPORT, "GET"),
    "orders:export_xlsx": (Permission.EXPORT, "GET"),
    "orders:invoice_pdf": (Permission.VIEW_INVOICES, "GET"),
    "orders:credit_note_pdf": (Permission.VIEW_INVOICES, "GET"),
    "orders:earlier_invoice_pdf": (Permission.VIEW_INVOICES, "GET"),
    "orders:buyer": (Permission.ISSUE_INVOICES, "GET"),
    "orders:send_document": (Permission.ISSUE_INVOICES, "POST"),
    "orders:correct_invoice": (Permission.ISSUE_INVOICES, "GET"),
    "documents:list": (Permission.VIEW_INVOICES, "GET"),
    "documents:originals": (Permission.EXPORT, "POST"),
    "shop:identity": (Permission.VIEW_IDENTITY, "GET"),
    "shop:mandate": (Permission.MANAGE_SHOP, "POST"),
    "orders:issue_invoice": (Permission.ISSUE_INVOICES, "POST"),
    "orders:delivery_note_pdf": (Permission.DELIVERY_NOTES, "GET"),
    "orders:issued_note_pdf": (Permission.DELIVERY_NOTES, "GET"),
}
# Every other address, and why no shop's guard stands there.
OTHER_PAGES = {
    "home": "leads each person to their own shops",
    "choose_language": "a person's own choice",
    "invitation": "a secret link, bound to an address",
    "accessibility": "the same statement for everybody",
    "styleguide": "for developers, with DEBUG alone; of the person's own shop",
    "woocommerce_webhook": "a storefront's deliveries: the signature is the guard",
    "woocommerce_webhook_bare": "the same, without the slash",
    "healthz": "says whether the database answers",
    "account": "a person's own account",
    "account_login": "the door",
    "account_logout": "the door",
    "account_inactive": "the door",
    "account_reset_password": "the door",
    "account_reset_password_done": "the door",
    "account_reset_password_from_key": "the door",
    "account_reset_password_from_key_done": "the door",
    **dict.fromkeys(
        [
            "account_change_password",
            "account_reauthenticate",
            "account_email",
            "account_email_verification_sent",
            "account_confirm_email",
            "mfa_index",
            "mfa_authenticate",
            "mfa_reauthenticate",
            "mfa_activate_totp",
            "mfa_deactivate_totp",
            "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes",
            "mfa_download_recovery_codes",
            "mfa_list_webauthn",
            "mfa_add_webauthn",
            "mfa_reauthenticate_webauthn",
            "mfa_remove_webauthn",
            "mfa_edit_webauthn",
            "mfa_login_webauthn",
            "usersessions_list",
        ],
        "a person's own account: tests/test_second_factor.py",
    ),
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


# Rows whose address holds a number of their own; every other one is number 1.
KEYS = {
    "shop:change_role": 900001,
    "shop:remove_member": 900001,
    "shop:resend_invitation": 900001,
    "shop:revoke_invitation": 900001,
}
NAMES = {}


def address(route, slug, number):
    key = KEYS.get(NAMES.get(route), 1)
    route = (
        route.replace("<slug:slug>", slug).replace("<str:number>", number).replace("<slug:step>", "cancel")
    )
    route = route.replace("credit-notes/<str:document>", "credit-notes/RDB-A2026-000001")
    route = route.replace("delivery-notes/<str:document>", "delivery-notes/RDB-BL2026-000001")
    route = route.replace("<str:document>", "RDB-F2026-000001").replace("<int:parcel>", "1")
    return "/" + route.replace("<int:pk>", str(key))


ROUTES = dict(named_urls())
NAMES.update({route: name for name, route in ROUTES.items()})
PAGES = [(name, route) for name, route in ROUTES.items() if name in SHOP_PAGES]
names_a_row = re.compile(r"<(str:number|int:pk)>").search


@pytest.fixture
def shops(vendor):
    """Our shop with order 1042 and one row of each kind, and a neighbour with order 2077."""
    neighbour = make_vendor("miel-et-cie")
    make_product(vendor, pk=1)
    make_customer(vendor, SECRET, pk=1)
    BulkJob.objects.create(pk=1, vendor=vendor, asked_by=make_user(), action="validate", asked_at=NOON)
    Membership.objects.create(pk=900001, vendor=vendor, user=make_user(), role=Role.PREPARER)
    Invitation.objects.create(
        pk=900001, vendor=vendor, email="lea@example.com", role="preparer", invited_at=NOON, expires_at=NOON
    )
    order = make_order(vendor, number="1042", status=OrderStatus.PROCESSING, customer_name=SECRET)
    refund = refund_order(order, amount=Decimal("1.00"), by=None, at=NOON)
    make_document(order, corrects=make_document(order), refund=refund)
    Shipment.objects.create(order=order, number=1, shipped_at=NOON)
    DeliveryNote.objects.create(order=order, number="RDB-BL2026-000001", dated_on=NOON)
    make_order(neighbour, number="2077", status=OrderStatus.PROCESSING, customer_name="Neighbor Customer")
    return vendor, neighbour


def own_file(member, name):
    """Files and views belong to a person: here, to the member that the test signs in."""
    member.memberships.update(saved_views=[{"key": 1, "name": SECRET, "query": "late=1", "period": ""}])
    action = {"orders:bulk_notes": "notes", "orders:bulk_originals": "originals"}.get(name)
    if action:
        BulkJob.objects.filter(pk=1).update(asked_by=member, action=action)


SECRET = "Secret Customer"


def visitor(name, vendor, neighbour):
    """The person behind a column of the matrix; None for one who is not signed in."""
    kind, _, role = name.partition(" ")
    if kind == "anonymous":
        return None
    if kind == "stranger":
        return make_user()
    if kind == "staff":
        return make_user(is_staff=True)
    if kind == "superuser":
        return make_user(is_staff=True, is_superuser=True)
    if kind in ("neighbor", "under-own"):
        return make_member(neighbour, role)
    person = make_member(vendor, role or Role.OWNER)
    if kind == "removed":
        person.memberships.all().delete()
    return person


OUTSIDERS = [
    "stranger",
    *(f"neighbor {role}" for role in Role.values),
    "removed",
    "staff",
    "superuser",
]
MEMBERS = [f"member {role}" for role in Role.values]
# A neighbor who asks for our order's number under their own shop's address.
UNDER_OWN = [f"under-own {role}" for role in Role.values]
VISITORS = ["anonymous", *OUTSIDERS, *UNDER_OWN, *MEMBERS]


def ask(client, url, method):
    return client.generic(method, url)


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def answers(client, who, name, route, vendor, neighbour):
    """What a visitor of a shop's page gets for each method."""
    person = visitor(who, vendor, neighbour)
    if who.startswith("member"):
        own_file(person, name)
    slug = neighbour.slug if who.startswith("under-own") else vendor.slug
    return by_method(client, person, address(route, slug, "1042"))


def by_method(client, person, url):
    """What a person, or nobody, gets for each method: {method: (status, where it leads, what it says)}.

    Each answer is undone, so that the next method finds everything as it was.
    """
    if person:
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    cookies = deepcopy(client.cookies)
    found = {}
    for method in METHODS:
        client.cookies = deepcopy(cookies)
        with transaction.atomic():
            response = ask(client, url, method)
            found[method] = (response.status_code, response.headers.get("Location", ""), body(response))
            transaction.set_rollback(True)
    return found


def test_every_address_is_listed():
    assert set(ROUTES) == set(SHOP_PAGES) | set(OTHER_PAGES)


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_a_visitor_is_sent_to_sign_in_by_every_method(client, shops, name, route):
    found = answers(client, "anonymous", name, route, *shops)

    for method, (status, target, text) in found.items():
        assert (status, target.split("?")[0]) in [(302, "/accounts/login/"), (405, "")], method
        assert SECRET.encode() not in text
    assert found[SHOP_PAGES[name][1]][0] == 302


@pytest.mark.parametrize(("name", "route"), PAGES)
@pytest.mark.parametrize("who", OUTSIDERS)
def test_an_outsider_finds_nothing_by_any_method(client, shops, name, route, who):
    found = answers(client, who, name, route, *shops)

    assert {status for status, _target, _text in found.values()} <= {404, 405}
    assert found[SHOP_PAGES[name][1]][0] == 404
    assert not any(SECRET.encode() in text for _status, _target, text in found.values())


@pytest.mark.parametrize(("name", "route"), PAGES)
@pytest.mark.parametrize("role", Role.values)
def test_a_neighbor_finds_nothing_of_ours_under_their_own_shop(client, shops, name, route, role):
    found = answers(client, f"under-own {role}", name, route, *shops)
    permission, method = SHOP_PAGES[name]

    assert not any(SECRET.encode() in text for _status, _target, text in found.values())
    if names_a_row(route):
        assert found[method][0] == (404 if permission in PERMISSIONS[role] else 403)
        assert {status for status, _target, _text in found.values()} <= {404, 403, 405}


@pytest.mark.parametrize(("name", "route"), PAGES)
@pytest.mark.parametrize("role", Role.values)
def test_a_member_needs_the_permission_whatever_the_method(client, shops, name, route, role):
    found = answers(client, f"member {role}", name, route, *shops)
    permission, method = SHOP_PAGES[name]

    if permission in PERMISSIONS[role]:
        assert found[method][0] not in (403, 404, 405, 500)
    else:
        assert {status for status, _target, _text in found.values()} <= {403, 405}
        assert found[method][0] == 403
        assert not any(SECRET.encode() in text for _status, _target, text in found.values())


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_a_closed_shop_has_no_pages(client_of, shops, name, route):
    vendor, _neighbour = shops
    client = client_of(make_member(vendor))
    vendor.is_active = False
    vendor.save()

    assert ask(client, address(route, "rucher-des-baux", "1042"), SHOP_PAGES[name][1]).status_code == 404


@pytest.mark.parametrize(("name", "route"), [page for page in PAGES if names_a_row(page[1])])
@pytest.mark.parametrize("role", Role.values)
def test_a_foreign_row_and_a_missing_one_look_the_same(client_of, shops, name, route, role):
    """Under one's own shop: the neighbour's order, and one that nobody has."""
    _vendor, neighbour = shops
    client = client_of(make_member(neighbour, role))
    method = SHOP_PAGES[name][1]

    foreign = ask(client, address(route, "miel-et-cie", "1042"), method)
    path = address(route, "miel-et-cie", "9999").replace(
        str(KEYS.get(name, "/1/")), str(KEYS.get(name, "/7/"))
    )
    missing = ask(client, path, method)

    assert foreign.status_code == missing.status_code
    assert foreign.content.replace(b"1042", b"") == missing.content.replace(b"9999", b"")


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


@pytest.fixture
def support(client_of, shops):
    """The browser of a member of the staff who sees as our shop, by the office's own page."""
    client = client_of(make_user(is_staff=True, is_superuser=True))
    vendor, _neighbour = shops
    client.post(f"/admin/vendors/vendor/{vendor.pk}/see-as/", {"reason": "Ticket 7"})
    return client


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_support_that_sees_as_a_shop_changes_nothing_by_any_method(support, shops, everything, name, route):
    vendor, _neighbour = shops
    BulkJob.objects.filter(pk=1).update(action="notes" if name == "orders:bulk_notes" else "originals")
    before = everything()

    found = {
        method: ask(support, address(route, vendor.slug, "1042"), method).status_code for method in METHODS
    }

    assert everything() == before
    assert {found[method] for method in METHODS if method not in ("GET", "HEAD")} <= {403, 405}
    assert found["GET"] in ((200, 204, 302, 404, 405, 410) if SHOP_PAGES[name][0] in SEEN else (403, 405))


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_support_sees_no_page_of_another_shop(support, shops, name, route):
    found = {ask(support, address(route, "miel-et-cie", "2077"), method).status_code for method in METHODS}

    assert found <= {404, 405}
