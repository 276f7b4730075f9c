"""What the tests in a browser share: Chromium, a shop with something on every page, and axe."""

import os
import shutil

import pytest
from django.test import Client
from django.utils import timezone

from orders.domain.fulfillment import ready_for_pickup, ship
from orders.domain.notes import add_note
from orders.domain.refunds import refund_order
from orders.models import BulkAction, BulkItem, BulkJob
from orders.states import OrderStatus
from tests.factories import (
    NOON,
    make_customer,
    make_document,
    make_line,
    make_member,
    make_order,
    make_product,
    make_user,
    make_vendor,
)
from vendors.models import Invitation, Membership
from vendors.roles import Role

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in the tests' thread

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOCALES = {"fr": "fr-FR", "en": "en-GB"}
S = OrderStatus
_told = []


def tell(line):
    """Keep a figure for the end of the run."""
    _told.append(line)


def pytest_sessionfinish(session):
    """Of several processes each hands in what it kept."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = _told


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    _told.extend(getattr(node, "workeroutput", {}).get("told", []))


def pytest_terminal_summary(terminalreporter):
    if _told:
        terminalreporter.section("measured in the browser")
        for line in sorted(_told):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture
def shop(vendor, owner):
    """A shop with something on every page; order 1050 and on are one in each state."""
    customer = make_customer(vendor, "Bénédicte Roux", pk=1)
    soap = make_product(vendor, pk=1, name="Savon", stock=20)
    long = "Coffret découverte de savons surgras au miel de lavande"
    to_prepare = make_order(
        vendor,
        number="1042",
        status=S.PROCESSING,
        customer=customer,
        customer_name="Bénédicte Roux",
        placed_at=timezone.now(),
        lines=[
            make_line(soap, 2, details="Parfum: lavande"),
            make_line(make_product(vendor, name=long, sku="COF-DEC-LAV-500-2026")),
            make_line(None, kind="shipping"),
        ],
        customer_note="Laisser chez la gardienne",
    )
    refunded = make_order(vendor, number="1043", status=S.COMPLETED)
    refund = refund_order(refunded, amount=2, by=None, at=NOON)
    make_document(refunded, corrects=make_document(refunded), refund=refund)
    make_order(vendor, number="1044", status=S.FAILED)
    for n, status in enumerate(S):
        make_order(vendor, number=str(1050 + n), status=status, placed_at=timezone.now())
    _with_parcels(vendor)
    _with_team(vendor)
    _with_jobs(vendor, to_prepare)
    return vendor


def _with_parcels(vendor):
    soap = make_product(vendor, name="Tisane", stock=9)
    sent = make_order(vendor, number="1060", status=S.PROCESSING, lines=[(soap, 3)])
    line = sent.lines.get()
    ship(sent, units={line.pk: 1}, carrier="colissimo", tracking_number="6A1", by=None, at=NOON)
    add_note(sent, "Un mot pour l’équipe", for_customer=False, by=None, at=NOON)
    ready = make_order(vendor, number="1061", status=S.PROCESSING, shipping_method="Retrait en boutique")
    ready_for_pickup(ready, by=None, at=NOON)


def _with_team(vendor):
    Membership.objects.create(
        pk=900001, vendor=vendor, user=make_user("lea@rucher.example", name="Léa Petit"), role=Role.PREPARER
    )
    Invitation.objects.create(
        pk=900001, vendor=vendor, email="new@example.com", role="manager", invited_at=NOON, expires_at=NOON
    )
    make_member(vendor, Role.PREPARER, email="preparer@rucher.example")
    accountant = make_member(vendor, Role.ACCOUNTANT, email="accountant@rucher.example")
    accountant.memberships.create(vendor=make_vendor("second", name="Seconde Boutique"), role=Role.OWNER)


def _with_jobs(vendor, order):
    job = BulkJob.objects.create(
        pk=1, vendor=vendor, asked_by=make_user(), action="validate", asked_at=NOON, finished_at=NOON
    )
    for state in BulkItem.State:
        item = BulkItem(job=job, order=make_order(vendor, status=S.PROCESSING), state=state)
        item.save()
    validated = make_order(vendor, status=S.COMPLETED)
    job.items.create(order=validated, state=BulkItem.State.DONE, version=validated.version)
    owner = vendor.memberships.get(user__email="owner@rucher.example").user
    for pk, asked_at in ((2, timezone.now()), (3, NOON)):
        download = BulkJob(pk=pk, vendor=vendor, asked_by=owner, action=BulkAction.NOTES, asked_at=asked_at)
        download.finished_at = download.expires_at = NOON if pk == 3 else None
        download.save()
        download.items.create(order=order, state="done" if pk == 3 else "waiting")


@pytest.fixture
def person(new_context, live_server, shop, owner):
    """``person("owner", width=390, theme="dark", language="fr")``: a page of that person's browser.

    Nobody is signed in for "visitor". ``page.said`` is what the console said.
    """
    people = {"owner": owner.email, "preparer": "preparer@rucher.example"}
    people["accountant"] = "accountant@rucher.example"

    def open_page(who="owner", *, width=1440, height=900, theme="light", language="fr", **options):
        context = new_context(
            viewport={"width": width, "height": height},
            locale=LOCALES[language],
            color_scheme=theme,
            has_touch=width < 600,
            **options,
        )
        if who != "visitor":
            user = shop.memberships.get(user__email=people[who]).user
            client = Client()  # one a person: signing in with the same one ends the session before
            client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.site = live_server.url
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        return page

    return open_page


def expect(what):
    """Playwright's assertions on a page or a locator: they wait for what a script is still about to do."""
    from playwright.sync_api import expect as assertions

    assertions.set_options(timeout=10_000)
    return assertions(what)


def violations(page, tags=STANDARD):
    """What axe finds, as lines that name the rule and the element."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": {"type": "tag", "values": tags}}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]
