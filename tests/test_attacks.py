"""What an attacker tries: each attack once over everything it concerns."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import models
from django.test import Client

from marketplace.models import OutgoingEmail
from orders.documents.delivery_note import delivery_note_pdf
from orders.domain.invoicing import delivery_note, proforma_pdf
from orders.models import Note, Order
from orders.states import OrderStatus
from tests.factories import NOON, make_customer, make_line, make_member, make_order, make_product, make_user
from tests.hostile import HOSTILE, SCRIPT
from tests.test_tenancy import PAGES, SHOP_PAGES, address
from tests.test_tenancy import shops as shops
from vendors.models import Vendor
from vendors.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]
SHOP = "/vendors/rucher-des-baux"
# Every text of an order that a storefront fills in; codes, numbers and the address that mails go to apart.
TEXTS = {
    field.name: field.max_length or 300
    for field in Order._meta.concrete_fields
    if isinstance(field, models.CharField | models.TextField)
    and not field.choices
    and field.name.startswith(("customer_", "billing_", "shipping_", "payment_"))
    and not field.name.endswith(("_country", "_email"))
}


@pytest.fixture
def poisoned(vendor):
    """An order whose every text is an attack."""
    product = make_product(vendor, name=SCRIPT, sku=SCRIPT[:100])
    line = make_line(product, 1, details=SCRIPT, name=SCRIPT, sku=SCRIPT[:100])
    short = {name: SCRIPT[:length] for name, length in TEXTS.items()}
    order = make_order(
        vendor,
        number="1042",
        lines=[line],
        status=OrderStatus.PROCESSING,
        customer=make_customer(vendor, SCRIPT),
        announce=True,
        **short,
    )
    Note.objects.create(order=order, text=SCRIPT, is_for_customer=True, written_at=NOON)
    return order


@pytest.mark.parametrize(
    "path",
    [
        "orders/",
        "orders/?customer=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&q=%3Cscript%3Ealert(1)%3C/script%3E",
        "orders/1042/",
        "orders/1042/ship/",
        "orders/1042/refund/",
        "orders/1042/steps/cancel/",
        "products/",
        "orders/customers/?customer=al",
    ],
)
def test_no_text_of_an_order_runs_in_a_page(client_of, owner, poisoned, path):
    response = client_of(owner).get(f"{SHOP}/{path}", follow=True)

    text = response.content.decode()
    assert "<script>alert" not in text
    assert "<img src=x" not in text


@pytest.mark.parametrize(
    "path", ["orders/order", "orders/order/{pk}/change", "orders/customer", "vendors/product"]
)
def test_no_text_of_an_order_runs_in_the_office(client_of, poisoned, path):
    staff = client_of(make_user(is_staff=True, is_superuser=True))

    text = staff.get(f"/admin/{path.format(pk=poisoned.pk)}/").content.decode()

    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_no_text_of_an_order_runs_in_a_mail_or_adds_a_header(owner, vendor, poisoned):
    make_order(
        vendor,
        number="1043",
        status=OrderStatus.PROCESSING,
        announce=True,
        customer_name="x\r\nBcc: evil@evil.example",
    )
    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)

    assert len(mail.outbox) >= 2
    for row in OutgoingEmail.objects.all():
        assert "<script>alert" not in row.html
        assert "<img src=x" not in row.html
    assert all("evil" not in str(message.message().items()) for message in mail.outbox)


def test_no_text_of_an_order_runs_in_a_document(poisoned, monkeypatch):
    seen = []
    capture = "orders.documents.renderer.html_to_pdf"
    monkeypatch.setattr(capture, lambda html, **options: seen.append(html) or b"%PDF")

    proforma_pdf(poisoned, at=NOON)
    delivery_note_pdf(delivery_note(poisoned, None, at=NOON))

    assert len(seen) == 2
    assert not any("<script>alert" in html or "<img src=x" in html for html in seen)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
@pytest.mark.parametrize("rows", ["orders", "lines"])
def test_no_text_of_an_order_is_a_formula_in_the_excel_csv(client_of, owner, vendor, rows, start):
    formula = f"{start}cmd|' /C calc'!A0"
    line = make_line(
        make_product(vendor, name=formula, sku=formula), 1, name=formula, sku=formula, details=formula
    )
    texts = {name: formula[:length] for name, length in TEXTS.items()}
    make_order(vendor, status=OrderStatus.PROCESSING, lines=[line], **texts)

    response = client_of(owner).get(f"{SHOP}/orders/export.csv?dialect=excel&rows={rows}")

    text = b"".join(response.streaming_content).decode("utf-8-sig")
    cells = [cell for row in csv.reader(text.splitlines(), delimiter=";") for cell in row]
    assert any("cmd|" in cell for cell in cells)
    assert [cell for cell in cells if cell[:1] in "=+-@\t\r" and "cmd" in cell] == []


@pytest.mark.parametrize(("name", "route"), [page for page in PAGES if SHOP_PAGES[page[0]][1] == "POST"])
def test_no_form_is_taken_from_another_site(shops, name, route):
    vendor, _neighbour = shops
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(vendor), backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.post(address(route, vendor.slug, "1042")).status_code == 403


@pytest.mark.parametrize("field", ["is_active", "commission_rate", "confirms_payments", "slug", "name"])
def test_a_form_takes_no_field_that_it_does_not_show(client_of, owner, vendor, field):
    before = Vendor.objects.values().get(pk=vendor.pk)

    client_of(owner).post(f"{SHOP}/settings/", {"late_after_days": 2, "low_stock_at": 3, field: "0"})

    assert Vendor.objects.values().get(pk=vendor.pk)[field] == before[field]


def test_nobody_makes_themselves_owner(client_of, vendor):
    user = make_member(vendor, Role.PREPARER)

    client_of(user).post(f"{SHOP}/my-mails/", {"role": "owner", "user": 1, "vendor": 1})

    assert user.memberships.get().role == "preparer"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
@pytest.mark.parametrize("path", ["/language/", f"{SHOP}/orders/1042/validate/", "/accounts/logout/"])
def test_nobody_is_sent_to_another_site(client_of, owner, vendor, path, target):
    make_order(vendor, number="1042", status=OrderStatus.PROCESSING)

    response = client_of(owner).post(path, {"next": target, "language": "fr"})

    assert "evil" not in response.headers.get("Location", "")
    assert "javascript" not in response.headers.get("Location", "")


@pytest.mark.parametrize(
    "number", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "1042%0d%0aSet-Cookie:a=b", "1042%00", "1042'"]
)
@pytest.mark.parametrize("page", ["", "invoice.pdf", "delivery-note.pdf"])
def test_an_orders_number_leads_nowhere_else(client_of, owner, poisoned, number, page):
    response = client_of(owner).get(f"{SHOP}/orders/{number}/{page}")

    assert response.status_code == 404
    assert "a=b" not in str(response.headers)


def test_a_number_of_the_storefront_adds_no_header(client_of, owner, vendor):
    number = 'A"\r\nX-Evil: 1;../é'
    make_order(vendor, number=number, status=OrderStatus.PROCESSING)
    from urllib.parse import quote

    response = client_of(owner).get(f"{SHOP}/orders/{quote(number, safe='')}/invoice.pdf")

    assert "X-Evil" not in response.headers
    assert "\n" not in response.headers.get("Content-Disposition", "")


QUERY = [
    "status",
    "placed_after",
    "placed_before",
    "customer",
    "q",
    "stage",
    "late",
    "sort",
    "cursor",
    "rows",
    "dialect",
]


@pytest.mark.parametrize("path", ["orders/", "orders/export.csv", "orders/customers/", "products/"])
def test_no_hostile_parameter_breaks_a_list(client_of, owner, poisoned, path):
    client = client_of(owner)
    client.raise_request_exception = False
    for name in QUERY:
        for value in HOSTILE:
            response = client.get(f"{SHOP}/{path}", {name: value})
            assert response.status_code < 500, (name, value[:40])


def test_every_answer_closes_what_no_page_uses(client_of, owner):
    headers = client_of(owner).get(f"{SHOP}/orders/").headers

    assert headers["Content-Security-Policy"].count("'self'") == 6
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, no-store"


def test_a_foreign_host_is_refused(client):
    assert client.get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400


def test_a_form_of_ten_thousand_fields_is_refused(client_of, owner):
    response = client_of(owner).post(f"{SHOP}/settings/", {f"f{n}": "x" for n in range(10_000)})

    assert response.status_code == 413


def settings_with(shown="SESSION_COOKIE_NAME", **environment):
    """What a start in production says: the last line of its output."""
    code = f"import django; django.setup(); from django.conf import settings as s; print(s.{shown})"
    started = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "DEBUG": "False",
            "ALLOWED_HOSTS": "example.test",
            **environment,
        },
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
    )
    return (started.stdout + started.stderr).strip().splitlines()[-1]


STRONG = "kZ8vQ2xW9mB4nC7rT1yU5iO3pL6jH0gF-dSaEqRwXzVbNmKlJhGf"


@pytest.mark.parametrize("key", ["short", "a" * 60, "django-insecure-" + STRONG, "change-me-" + STRONG])
def test_a_weak_secret_key_is_refused_in_production(key, tmp_path):
    assert "SECRET_KEY is weak" in settings_with(SECRET_KEY=key, VAR_DIR=str(tmp_path))


def test_a_strong_one_starts_with_host_bound_cookies(tmp_path):
    assert settings_with(SECRET_KEY=STRONG, VAR_DIR=str(tmp_path)) == "__Host-session"


def test_an_error_page_tells_nothing_of_the_form(client_of, owner, monkeypatch, caplog):
    def break_down(*args, **kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr("vendors.shop_views._edit", break_down)
    client = client_of(owner)
    client.raise_request_exception = False

    response = client.post(f"{SHOP}/settings/", {"pickup_address": "Secret Street 7"})

    assert response.status_code == 500
    assert "Secret Street" not in response.content.decode() + caplog.text
    assert Order.objects.count() == 0
