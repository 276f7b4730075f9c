"""Every address of the office, every visitor without the right, by every method; and every form of the product from another site."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission as Right
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import URLResolver, get_resolver

from orders.models import DocumentSeries
from tests.factories import make_member, make_user
from tests.test_office_lists import one_more
from tests.test_tenancy import METHODS, OTHER_PAGES, PAGES, ROUTES, address
from tests.test_tenancy import shops as shops
from vendors.models import User, Vendor

pytestmark = pytest.mark.django_db
# What is not one of the five pages of a model, and what keeps it.
OWN_VIEWS = {
    "see_as_shop": "the right to change shops",
    "orders_source_rotate": "the right to change storefronts",
    "orders_source_replay": "the right to change storefronts",
    "auth_user_password_change": "the right to change people",
}
SITE = {
    "index": "shows what one has a right to",
    "login": "the door",
    "logout": "the door",
    "password_change": "leads to the account's page",
    "password_change_done": "a sentence",
    "autocomplete": "the right to look at the model",
    "jsi18n": "a catalogue of words",
    "view_on_site": "leads to an address of the row; no model has one",
    "app_list": "404 without a right in the app",
    None: "404",
}
FOR_ALL_STAFF = {name for name in SITE if name != "autocomplete"}


def office_urls():
    """Every pattern of the office: (name, route)."""
    [office] = [each for each in get_resolver().url_patterns if getattr(each, "namespace", "") == "admin"]

    def walk(resolver, prefix):
        for pattern in resolver.url_patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern, route)
            else:
                yield pattern.name, route

    return dict(walk(office, "/admin/"))


OFFICE = office_urls()
MODELS = {
    f"{page.opts.app_label}_{page.opts.model_name}": model for model, page in admin.site._registry.items()
}
ROW_OF = {"see_as_shop": Vendor, "auth_user_password_change": User}
STEPS = ("changelist", "add", "history", "delete", "change")
STANDARD = {f"{model}_{step}" for model in MODELS for step in STEPS} | {None}


def url_of(name, route):
    """An address that names a row which is there."""
    model = ROW_OF.get(name) or next(
        (row for label, row in MODELS.items() if str(name).startswith(f"{label}_")), None
    )
    rows = (model or ContentType)._base_manager
    key = str(rows.values_list("pk", flat=True).first() or 1)
    route = re.sub(r"<(path:object_id|int:pk|id|int:content_type_id|path:url)>", key, route)
    return re.sub(r"\^|\$|\(\?P<app_label>([^|)]+)[^)]*\)", r"\1", route).replace("<path:object_id>", key)


@pytest.fixture
def rows(vendor):
    one_more(1)
    DocumentSeries.objects.create(vendor=vendor, kind="F", year=2026)


def test_every_address_of_the_office_is_listed():
    assert set(OFFICE) - STANDARD == (set(OWN_VIEWS) | set(SITE)) - {None}


def refuses(client, person, name, route, methods=METHODS):
    """The answers that a person gets: {method: status}."""
    client.logout()
    if person:
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return {method: client.generic(method, url_of(name, route)).status_code for method in methods}


@pytest.mark.parametrize("who", ["anonymous", "member"])
def test_nobody_but_staff_comes_in_by_any_method(client, rows, vendor, who):
    person = make_member(vendor) if who == "member" else None

    let_in = {
        (name, method): status
        for name, route in OFFICE.items()
        if name not in ("login", "logout", "jsi18n")
        for method, status in refuses(client, person, name, route).items()
        if status not in (302, 403, 404)
    }

    assert let_in == {}


def test_staff_without_rights_comes_no_further_than_the_door(client, rows):
    person = make_user(is_staff=True)

    let_in = {
        (name, method): status
        for name, route in OFFICE.items()
        if name not in FOR_ALL_STAFF
        for method, status in refuses(client, person, name, route).items()
        if status not in (403, 405) and (name, method) != ("autocomplete", "OPTIONS")  # names methods
    }

    assert let_in == {}


def test_staff_that_may_only_look_changes_nothing(client_of, rows, everything):
    person = make_user(is_staff=True)
    person.user_permissions.set(Right.objects.filter(codename__startswith="view_"))
    browser = client_of(person)
    urls = {
        name: url_of(name, route)
        for name, route in OFFICE.items()
        if name not in SITE and not str(name).endswith(("changelist", "history"))
    }
    before = everything()

    answers = {name: browser.post(url).status_code for name, url in urls.items()}

    assert answers == dict.fromkeys(urls, 403)
    assert everything() == before


def strict(person):
    """A browser that asks for the token of forms, in which the person is signed in."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.mark.parametrize(("name", "route"), PAGES)
def test_no_page_of_a_shop_takes_a_form_from_another_site(shops, name, route):
    browser = strict(make_member(shops[0]))

    assert browser.post(address(route, shops[0].slug, "1042")).status_code == 403


def test_no_page_of_an_account_takes_a_form_from_another_site(shops):
    browser = strict(make_member(shops[0]))
    machines = {"woocommerce_webhook", "woocommerce_webhook_bare"}  # no cookie is read there
    routes = {name: ROUTES[name] for name in set(OTHER_PAGES) & set(ROUTES) - machines}

    answers = {
        name: browser.post(
            "/" + re.sub(r"\([^)]*\)|<[^>]+>", "1", route.replace("^", "").replace("$", ""))
        ).status_code
        for name, route in routes.items()
    }

    assert answers == dict.fromkeys(routes, 403)


def test_no_page_of_the_office_takes_a_form_from_another_site(rows):
    browser = strict(make_user(is_staff=True, is_superuser=True))

    answers = {name: browser.post(url_of(name, route)).status_code for name, route in OFFICE.items()}

    assert answers == dict.fromkeys(OFFICE, 403)
