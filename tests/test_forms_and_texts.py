"""Each form takes what it shows alone, and no text of anybody runs in any page of shops and office."""

import pytest
from django.contrib import admin

from orders.domain.refunds import refund_order
from orders.models import BulkJob, Delivery, DeliveryNote, ExportLog, Order, ReportedOrder, Shipment
from tests.factories import NOON, make_document, make_user, make_vendor
from tests.hostile import SCRIPT
from tests.test_attacks import poisoned as poisoned
from tests.test_tenancy import PAGES, SHOP_PAGES, address
from vendors.domain import team
from vendors.models import Invitation, LegalIdentity, Product, User, Vendor

pytestmark = pytest.mark.django_db
SHOP = "/vendors/rucher-des-baux"
FOREIGN = {
    "id": 1,
    "pk": 1,
    "vendor": 1,
    "is_staff": "on",
    "is_superuser": "on",
    "role": "owner",
    "version": 9,
}


def test_an_identity_keeps_its_shop(client_of, owner, vendor):
    other = make_vendor("miel-et-cie")
    before = LegalIdentity.objects.values().get(vendor=other)

    client_of(owner).post(
        f"{SHOP}/identity/", {"legal_name": "X", "vendor": other.pk, "id": before["id"], "pk": before["id"]}
    )

    assert LegalIdentity.objects.values().get(vendor=other) == before
    assert LegalIdentity.objects.filter(vendor=vendor).count() == 1


def test_a_buyers_form_changes_no_amount_and_no_state(client_of, owner, poisoned):
    before = Order.objects.values("status", "total", "vendor", "number", "commission").get()

    client_of(owner).post(
        f"{SHOP}/orders/1042/buyer/",
        {"name": "Zoé", "siren": "", "status": "completed", "total": "0", "number": "1", **FOREIGN},
    )

    assert Order.objects.values("status", "total", "vendor", "number", "commission").get() == before


def test_an_invitation_is_made_by_the_shop_alone(client_of, owner, vendor):
    client_of(owner).post(
        f"{SHOP}/team/invite/",
        {
            **FOREIGN,
            "email": "lea@example.com",
            "role": "preparer",
            "digest": "x",
            "accepted_at": "2026-01-01",
        },
    )

    found = Invitation.objects.get()
    assert (found.vendor, found.role, found.digest == "x", found.accepted_at) == (
        vendor,
        "preparer",
        False,
        None,
    )


def test_who_joins_becomes_what_was_offered(client, owner, vendor, monkeypatch):
    monkeypatch.setattr("vendors.domain.team.secrets.token_urlsafe", lambda n: "secret")
    team.invite(vendor, email="lea@example.com", role="preparer", by=owner, at=NOON)
    Invitation.objects.update(expires_at="2100-01-01T00:00Z")

    client.post(
        "/invitations/secret/",
        {**FOREIGN, "name": "Léa", "password": "une-belle-phrase", "email": "boss@example.com"},
    )

    lea = User.objects.get(email="lea@example.com")
    assert (lea.is_staff, lea.is_superuser, lea.memberships.get().role) == (False, False, "preparer")


def test_a_count_changes_no_price(client_of, owner, poisoned):
    product = Product.objects.get()
    before = Product.objects.values("price", "vendor", "name", "vat_rate").get()

    client_of(owner).post(
        f"{SHOP}/products/{product.pk}/count/", {**FOREIGN, "units": 3, "price": "0", "name": "x"}
    )

    assert Product.objects.values("price", "vendor", "name", "vat_rate").get() == before


@pytest.fixture
def everywhere(poisoned, owner, vendor):
    """The attack in what storefronts, shops and people write, wherever it is shown."""
    order, text = poisoned, SCRIPT
    Vendor.objects.update(name=text[:200], pickup_hours=text, pickup_address=text)
    User.objects.update(name=text[:200])
    owner.memberships.update(saved_views=[{"key": 1, "name": text[:60], "query": "late=1", "period": ""}])
    LegalIdentity.objects.update(legal_name=text[:200], city=text[:100], mediator=text[:200])
    refund_order(order, amount=1, by=owner, at=NOON, reason=text)
    Shipment.objects.create(order=order, number=1, tracking_number=text[:60], shipped_at=NOON)
    make_document(order, corrects=make_document(order, snapshot={"buyer": text}))
    DeliveryNote.objects.create(order=order, number="RDB-BL2026-000001", dated_on=NOON, said={"to": text})
    quarantined = {"state": "quarantined", "vendor": vendor, "order": order}
    Delivery.objects.create(
        source=order.source, body=text.encode(), headers={"x": text}, problem=text, **quarantined
    )
    ReportedOrder.objects.create(
        source=order.source, external_id="9", order=order, differences=[{"field": text}]
    )
    ExportLog.objects.create(vendor=vendor, user=owner, format="csv", filters=text)
    BulkJob.objects.create(vendor=vendor, asked_by=owner, action="validate", asked_at=NOON)
    return order


def runs(page):
    return b"<script>alert" in page or b"<img src=x" in page


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


FILES = (".pdf", ".zip", ".csv", ".xlsx")  # papers and tables: tests/test_attacks.py
READ = [each for each in PAGES if SHOP_PAGES[each[0]][1] == "GET" and not each[1].endswith(FILES)]


@pytest.mark.parametrize(("name", "route"), READ)
def test_no_text_of_anybody_runs_in_a_page(client_of, owner, everywhere, name, route):
    answer = client_of(owner).get(address(route, "rucher-des-baux", "1042"))

    assert not runs(body(answer))


@pytest.mark.parametrize("page", admin.site._registry.values(), ids=lambda page: page.opts.label)
def test_no_text_of_anybody_runs_in_the_office(client_of, everywhere, page):
    staff = client_of(make_user(is_staff=True, is_superuser=True))
    path = f"/admin/{page.opts.app_label}/{page.opts.model_name}/"
    rows = page.model._base_manager.values_list("pk", flat=True)

    answers = {each: staff.get(each) for each in [path, *(f"{path}{pk}/change/" for pk in rows)]}

    assert {each: answer.status_code for each, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert [each for each, answer in answers.items() if runs(answer.content)] == []
