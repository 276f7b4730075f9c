"""In a browser: no page breaks the content policy, and passkeys are added and used."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.urls import reverse

from tests.browser.conftest import IN_BROWSER
from tests.factories import NOON, PASSWORD, make_member, make_order, make_source, make_user
from tests.test_tenancy import OTHER_PAGES, PAGES, ROUTES, address
from tests.test_tenancy import shops as shops

pytest.importorskip("pytest_playwright")

pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True, reset_sequences=True)]
REPORT = """
document.addEventListener("securitypolicyviolation", event =>
  report(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
PERSONAL = [
    ROUTES[name]
    for name in OTHER_PAGES
    if name.startswith(("account_", "mfa_", "usersessions_")) and "<" not in ROUTES[name]
]


@pytest.fixture
def watched(new_context, live_server):
    """A browser's page that writes down what the content policy has refused: ``page.refused``."""
    context = new_context(locale="en-US", base_url=live_server.url)
    page = context.new_page()
    page.refused = []
    page.expose_function("report", lambda what: page.refused.append((page.url, what)))
    page.add_init_script(REPORT)
    return page


def sign_in(page, user):
    page.goto("/accounts/login/")
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", PASSWORD)
    page.click("form.stack [type=submit]")
    page.wait_for_url(lambda url: "/login/" not in url)


def look_at(page, paths):
    """Open each page that is one; files, and what only takes a form, are left out. Returns how many."""
    seen = 0
    for path in paths:
        answer = page.request.get(path)
        assert answer.status < 500 or answer.status == 503, path
        if answer.status not in (204, 405) and answer.headers.get("content-type", "").startswith("text/html"):
            page.goto(path, wait_until="networkidle")
            seen += 1
    return seen


def person(vendor):
    return make_member(vendor, email="anna@rucher.example")


def test_the_policy_is_watched(watched, shops):
    """A page that is made to break the policy stands in the report: an empty one means something."""
    watched.goto("/accounts/login/")
    watched.evaluate(
        "() => { const s = document.createElement('style'); s.textContent = 'p {}'; document.head.append(s); }"
    )
    watched.evaluate("() => { const i = new Image(); i.src = 'https://evil.example/x.png'; }")
    watched.wait_for_timeout(1000)

    assert [what.split()[0] for _url, what in watched.refused] == ["style-src-elem", "img-src"]


@pytest.mark.slow
def test_no_page_of_a_shop_or_an_account_breaks_the_policy(watched, shops):
    vendor, _neighbour = shops
    make_order(vendor, number="1050", status="completed")
    sign_in(watched, person(vendor))
    pages = [address(route, vendor.slug, "1042") for _name, route in PAGES]
    pages += [
        f"/vendors/{vendor.slug}/orders/{end}" for end in ("?customer=x", "1050/", "1050/steps/reopen/", "9/")
    ]

    seen = look_at(
        watched, [*pages, *(f"/{route}" for route in PERSONAL if "logout" not in route), "/accounts/logout/"]
    )

    print(f"{seen} pages of a shop and an account, {len(watched.refused)} violations")
    assert watched.refused == []
    assert seen > 40


@pytest.mark.slow
def test_no_page_of_the_office_breaks_the_policy(watched, shops):
    make_source().rotate_secret(at=NOON)
    staff = make_user(is_staff=True, is_superuser=True)
    sign_in(watched, staff)
    pages = ["/admin/", "/admin/password_change/", reverse("admin:app_list", args=["orders"])]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._base_manager.first()
        pages += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        pages += [reverse(f"{name}_{end}", args=[row.pk]) for end in ("change", "history", "delete") if row]

    seen = look_at(watched, pages)

    print(f"{seen} pages of the office, {len(watched.refused)} violations")
    assert watched.refused == []
    assert seen > 80


def with_virtual_key(page):
    """Give the browser a security key that says yes by itself, as a phone's passkey after a fingerprint."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    verified = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, **verified}})


def add_key_page(page):
    """Open the page that adds a key, which asks for the password first."""
    page.goto("/accounts/2fa/webauthn/add/")
    page.fill("[name=password]", PASSWORD)
    page.click("form:has([name=password]) [type=submit]")
    page.wait_for_url("**/webauthn/add/")


def test_a_passkey_is_added_and_signs_in_without_a_password(watched, shops):
    user = person(shops[0])
    with_virtual_key(watched)
    sign_in(watched, user)

    add_key_page(watched)
    watched.fill("[name=name]", "My phone")
    watched.check("[name=passwordless]")
    watched.click("#mfa_webauthn_add")
    watched.wait_for_url(lambda url: "/add/" not in url)
    key = Authenticator.objects.get(user=user, type="webauthn").wrap()
    watched.context.clear_cookies()
    watched.goto("/accounts/login/")
    watched.click("#passkey_login")
    watched.wait_for_url("**/vendors/rucher-des-baux/orders/")

    assert (key.name, key.is_passwordless) == ("My phone", True)
    assert watched.refused == []


def test_a_passkey_is_the_second_factor_after_a_password(watched, shops):
    user = person(shops[0])
    with_virtual_key(watched)
    sign_in(watched, user)
    add_key_page(watched)
    watched.fill("[name=name]", "My key")
    watched.click("#mfa_webauthn_add")
    watched.wait_for_url(lambda url: "/add/" not in url)
    watched.context.clear_cookies()

    sign_in(watched, user)
    assert "/2fa/authenticate/" in watched.url
    watched.goto("/vendors/rucher-des-baux/orders/")
    assert "/2fa/authenticate/" in watched.url  # the password alone opens nothing
    watched.click("#mfa_webauthn_authenticate")
    watched.wait_for_url("**/vendors/rucher-des-baux/orders/")
