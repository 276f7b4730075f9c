"""What every page keeps to."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client

from marketplace.logs import RefusalsInOneLine
from orders.states import OrderStatus
from tests.factories import make_member, make_order, make_vendor
from vendors.roles import Role

ROOT = Path(__file__).parent.parent
PAGES = [
    path
    for path in (ROOT / "templates").rglob("*.html")
    if path.parts[-2] not in ("emails", "email", "documents")
]
COLOR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_hold_no_inline_style_or_script(path):
    text = path.read_text(encoding="utf-8")

    assert not re.search(r'\sstyle="|<style|\son[a-z]+="|javascript:', text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


STYLE_SHEET = ROOT / "static" / "css" / "comptoir.css"
PART = re.compile(r"^/\* =+ (\d\. \w+) =+ \*/$", re.M)


def test_the_stylesheet_has_four_parts():
    assert PART.findall(STYLE_SHEET.read_text("utf-8")) == [
        "1. Tokens",
        "2. Elements",
        "3. Components",
        "4. Paper",
    ]


def test_only_the_tokens_name_a_color():
    _intro, _name, tokens, *parts = PART.split(STYLE_SHEET.read_text("utf-8"))
    rules = re.sub(r"/\*.*?\*/", "", re.sub(r'\[href="#[^"]*"\]', "", "".join(parts)), flags=re.S)

    assert COLOR.findall(rules) == []
    assert COLOR.search(tokens)


def test_nothing_is_fetched_from_another_host():
    for path in [*PAGES, *(ROOT / "static").rglob("*.css"), *(ROOT / "static").rglob("*.js")]:
        text = re.sub(r'xmlns="[^"]*"', "", path.read_text(encoding="utf-8"))
        assert not re.search(r"(?:src|href)=\"https?://|url\(\s*['\"]?https?:|@import", text), path


@pytest.mark.django_db
def test_the_policy_forbids_inline_code(client):
    policy = client.get("/accounts/login/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/nothing-here/", 404), ("/healthz", 200)])
def test_pages_for_everybody(client, path, status):
    assert client.get(path).status_code == status


@pytest.mark.django_db
def test_a_form_without_its_key_is_refused_in_words(vendor, owner):
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/accounts/login/", {"login": "x", "password": "y"})

    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()


@pytest.mark.django_db
def test_a_missing_page_speaks_french_to_the_french(client):
    text = client.get("/nothing-here/", headers={"accept-language": "fr"}).content.decode()

    assert "Il n’y a rien ici" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("contact", "shown"), [("aide@market.example", "aide@market.example"), ("", "comptoir@localhost")]
)
def test_the_accessibility_statement_says_where_to_write(client, settings, contact, shown):
    settings.CONTACT_EMAIL = contact

    text = client.get("/accessibility/").content.decode()

    assert f'href="mailto:{shown}"' in text
    assert "Défenseur des droits" in text


@pytest.mark.django_db
def test_every_page_leads_to_the_statement(client, client_of, owner):
    door = client.get("/accounts/login/").content.decode()
    shop = client_of(owner).get("/vendors/rucher-des-baux/my-mails/").content.decode()

    assert ('href="/accessibility/"' in door, 'href="/accessibility/"' in shop) == (True, True)


def failing(error):
    """A stand-in for a view's work that fails."""

    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SuspiciousOperation("odd"), 400, "This request was not understood"),
        (OperationalError("gone away"), 503, "Comptoir cannot answer just now"),
        (ZeroDivisionError(), 500, "Something went wrong on our side"),
    ],
)
def test_what_fails_is_said_in_words(client_of, owner, monkeypatch, error, status, words):
    client = client_of(owner)
    client.raise_request_exception = False
    monkeypatch.setattr("vendors.views.Vendor.objects.of", failing(error))

    response = client.get("/")

    assert response.status_code == status
    assert words in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "form",
    [
        {"login": "x" * 1_000_001},
        {f"field{n}": "" for n in range(1_001)},
        {f"file{n}": SimpleUploadedFile("a.txt", b"a") for n in range(6)},
    ],
    ids=["bytes", "fields", "files"],
)
def test_what_is_too_large_is_said_so(client, form):
    response = client.post("/accounts/login/", form)

    assert response.status_code == 413
    assert "This is too much at once" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["400.html", "413.html", "500.html", "503.html"])
def test_the_last_pages_ask_nobody(name, django_assert_num_queries, settings):
    from django.template.loader import render_to_string

    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

    with django_assert_num_queries(0):
        text = render_to_string(name)

    assert "/static/css/comptoir.css" in text


@pytest.mark.django_db
def test_a_role_that_may_not_is_told(client_of, vendor):
    response = client_of(make_member(vendor, Role.PREPARER)).get("/vendors/rucher-des-baux/settings/")

    assert response.status_code == 403
    assert "Your role does not allow this" in response.content.decode()


def frame_of(client, slug="rucher-des-baux"):
    """The column beside every page of the shop."""
    text = client.get(f"/vendors/{slug}/my-mails/").content.decode()
    return text.split("<header")[1].split("</header>")[0]


@pytest.mark.django_db
def test_the_frame_counts_what_is_to_be_prepared(client_of, owner, vendor):
    for status in (OrderStatus.PROCESSING, OrderStatus.PROCESSING, OrderStatus.COMPLETED):
        make_order(vendor, status=status)
    make_order(make_vendor(), status=OrderStatus.PROCESSING)

    assert '<b>2<span class="vh"> to prepare</span></b>' in frame_of(client_of(owner))


@pytest.mark.django_db
def test_a_frame_without_work_shows_no_number(client_of, owner):
    assert "to prepare" not in frame_of(client_of(owner))


@pytest.mark.django_db
@pytest.mark.parametrize(("others", "is_linked"), [(0, False), (1, True)])
def test_the_way_to_the_other_shops_is_shown_to_whom_has_some(client_of, owner, others, is_linked):
    for _ in range(others):
        owner.memberships.create(vendor=make_vendor(), role=Role.MANAGER)

    assert ("My shops" in frame_of(client_of(owner))) == is_linked


@pytest.mark.django_db
def test_a_closed_shop_is_no_other_shop(client_of, owner):
    owner.memberships.create(vendor=make_vendor(is_active=False), role=Role.MANAGER)

    assert "My shops" not in frame_of(client_of(owner))


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "is_shown"), [(Role.OWNER, True), (Role.PREPARER, False)])
def test_the_shops_settings_are_for_whom_may_change_them(client_of, vendor, role, is_shown):
    assert (
        "/vendors/rucher-des-baux/settings/" in frame_of(client_of(make_member(vendor, role)))
    ) == is_shown


@pytest.mark.django_db
@pytest.mark.parametrize("is_staff", [True, False])
def test_the_office_is_for_staff(client_of, vendor, is_staff):
    assert ('href="/admin/"' in frame_of(client_of(make_member(vendor, is_staff=is_staff)))) == is_staff


def test_every_drawing_is_in_the_sprite():
    drawn = set(
        re.findall(r'<symbol id="([\w-]+)"', (ROOT / "templates" / "_sprite.html").read_text("utf-8"))
    )
    named = {name for path in PAGES for name in re.findall(r'{% icon "([\w-]+)"', path.read_text("utf-8"))}

    assert named <= drawn
    assert {f"st-{status}" for status in OrderStatus.values} <= drawn


def test_every_drawing_is_used():
    sprite = (ROOT / "templates" / "_sprite.html").read_text("utf-8")
    code = [path for part in ("marketplace", "vendors", "orders") for path in (ROOT / part).rglob("*.py")]
    text = "".join(path.read_text("utf-8") for path in [*PAGES, *code])

    drawn = [name for name in re.findall(r'<symbol id="([\w-]+)"', sprite) if not name.startswith("st-")]

    assert [name for name in drawn if f'"{name}"' not in text.replace(f'id="{name}"', "")] == []


GLUED = re.compile(r"[+−-] ?{{[^}]*\|money")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_signs_of_amounts_come_from_the_formatter(path):
    assert GLUED.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize(("status", "is_kept"), [(403, False), (404, False), (500, True)])
def test_only_a_fault_of_ours_writes_a_traceback(status, is_kept):
    fault = (ValueError, ValueError("x"), None)
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "%s", ("/",), fault)
    record.status_code = status

    assert RefusalsInOneLine().filter(record)
    assert (record.exc_info is not None) == is_kept


def test_the_demo_shows_the_products_own_pages_and_development_works_without_variables():
    def flags(**variables):
        code = "from marketplace import settings as s; print(s.DEBUG, s.IS_AT_HOME, bool(s.SECRET_KEY))"
        environment = {"PATH": os.environ["PATH"], **variables}
        return subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=ROOT, text=True)

    assert flags() == "True True True\n"
    assert flags(DEMO="True") == "False True True\n"
    assert (
        flags(DEBUG="False", SECRET_KEY="kZ8vQ2xW9mB4nC7rT1yU5iO3pL6jH0gF-dSaEqRwXzVbNmKlJhGf")
        == "False False True\n"
    )
