"""Where an order is not what its storefront says: told on the order's page, with what to do."""

import html

import pytest
from django.utils import timezone

from orders.domain.fulfillment import ship
from orders.domain.transitions import validate
from orders.models import Answer, Order, ReportedOrder, Source, Trouble
from orders.states import OrderStatus
from tests.factories import NOON, make_document, make_member, make_order, make_source, make_vendor
from tests.recorded import body_of
from tests.test_deliveries import BASE, deliver, later
from vendors.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db) -> Source:
    return make_source()


@pytest.fixture
def told(source, vendor):
    """The body of a paid order that was taken."""
    source.vendors.create(external_id="2", vendor=vendor)
    payload = body_of(BASE, status="processing", refunds=[])
    deliver(source, payload)
    return payload


@pytest.fixture
def page(client_of, vendor):
    def text(order, role=Role.OWNER) -> str:
        client = client_of(make_member(vendor, role))
        return html.unescape(client.get(f"/vendors/{vendor.slug}/orders/{order.number}/").content.decode())

    return text


def test_where_all_agree_nothing_is_said(told, page):
    assert "do not say the same" not in page(Order.objects.get())


def test_an_address_that_changed_after_the_parcel_left(source, told, page):
    order = Order.objects.get()
    ship(order, by=None, at=timezone.now())

    deliver(source, later(told, shipping={**told["shipping"], "city": "Arles"}, customer_note="Vite"))

    text = page(order)
    assert "naturalconect has changed since a parcel left: customer’s message, delivery address." in text
    assert "write to the customer if the parcel may miss its way" in text
    assert "Arles" not in text


@pytest.mark.parametrize(("role", "shows"), [(Role.OWNER, True), (Role.PREPARER, False)])
def test_lines_that_cannot_follow(source, told, page, role, shows):
    order = Order.objects.get()
    make_document(order)
    gift = {"id": 77, "name": "Gift", "total": "3.00", "total_tax": "0.00", "taxes": []}
    total = f"{order.total + 3}"

    deliver(source, later(told, fee_lines=[gift], total=total))

    text = page(order, role)
    assert ("now has other lines" in text, "€" in text.partition("h-differences")[2][:400]) == (True, shows)
    assert "Settle the rest with the customer" in text


def test_a_state_that_only_stands_here_until_both_agree(source, told, page, owner):
    order = Order.objects.get()
    validate(order, by=owner, at=timezone.now())
    deliver(source, later(told, customer_note="Merci"))
    assert "naturalconect says “Processing”, here it is “Completed”." in page(order)

    ReportedOrder.objects.update(differences=[{"field": "status", "here": "x", "there": "completed"}])

    assert "do not say the same" not in page(order)


def test_a_state_on_its_way_to_the_storefront_is_no_difference(source, told, page):
    order = Order.objects.get()
    ReportedOrder.objects.update(differences=[{"field": "status", "here": "processing", "there": "pending"}])
    assert "do not say the same" in page(order)

    Answer.objects.create(
        order=order, kind="status", cause="x", status="processing", asked_at=NOON, next_try_at=NOON
    )

    assert "do not say the same" not in page(order)


def test_a_report_that_was_set_aside(source, told, page):
    deliver(source, later(told, status="wc-packed"))

    text = page(Order.objects.get())

    assert "reported something about this order that could not be read" in text
    assert "wc-packed" not in text


def test_another_shops_trouble_is_not_told(source, told, page, vendor):
    order = make_order(make_vendor(), source=source)
    ReportedOrder.objects.create(
        source=source, external_id="1", order=order, differences=[{"field": "lines"}]
    )

    assert "do not say the same" not in page(Order.objects.get(vendor=vendor))


@pytest.mark.parametrize(
    ("trouble", "kind", "state", "sentence"),
    [
        (Trouble.REFUSED, "status", "refused", "Do it at the storefront by hand, or send it again"),
        (Trouble.REFUSED, "refund", "refused", "Its amount is free again"),
        (Trouble.KEYS, "status", "waiting", "The marketplace has to mend the connection"),
        (Trouble.GONE, "status", "refused", "It was deleted there"),
        (Trouble.SILENT, "status", "given_up", "Do it at the storefront by hand"),
        (Trouble.SILENT, "status", "waiting", "It is tried again automatically."),
    ],
)
def test_what_a_storefront_did_not_take_says_what_to_do(vendor, page, trouble, kind, state, sentence):
    order = make_order(vendor, status=OrderStatus.PROCESSING)
    subject = {"status": "completed"} if kind == "status" else {"refund": make_refund(order)}
    Answer.objects.create(
        order=order,
        kind=kind,
        cause="x",
        state=state,
        trouble=trouble,
        asked_at=NOON,
        next_try_at=NOON,
        **subject,
    )

    assert sentence in page(order)


def make_refund(order):
    return order.refunds.create(amount=1, at=NOON, progress="failed", commission_given_back=0)
