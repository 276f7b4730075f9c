import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders.domain.fulfillment import ship
from orders.domain.refunds import RefundedLine, refund_order
from orders.models import Answer, Document, HistoryEntry, Order, Shipment, ShipmentLine
from orders.states import OrderStatus, Stage
from tests.factories import NOON, make_line, make_member, make_order, make_product
from vendors.roles import Role

S = OrderStatus
pytestmark = pytest.mark.django_db


@pytest.fixture
def order(vendor):
    return make_order(
        vendor,
        number="1042",
        status=S.PROCESSING,
        lines=[
            make_line(make_product(vendor, name="Miel"), 3, total="29.70"),
            make_line(None, kind="shipping", total="4.90"),
        ],
        customer_note="Laisser chez la gardienne",
    )


def page(client, order):
    return client.get(f"/vendors/rucher-des-baux/orders/{order.number}/")


def validate(client, order, **data):
    return client.post(f"/vendors/rucher-des-baux/orders/{order.number}/validate/", data)


def test_the_page_shows_what_the_vendor_needs(client_of, owner, order):
    text = page(client_of(owner), order).content.decode()

    for fact in [
        "Order 1042",
        "Miel",
        "Camille Lefèvre",
        "14 rue des Alouettes",
        "Laisser chez la gardienne",
        "€34.60",
    ]:
        assert fact in text


def test_gains_are_explained(client_of, owner, order):
    text = page(client_of(owner), order).content.decode()

    assert "10% of €24.75 excl. VAT = €2.48 (rate of the marketplace)" in text


def test_what_customers_write_is_never_markup(client_of, owner, vendor):
    order = make_order(
        vendor, customer_name="<script>alert(1)</script>", customer_note="<img src=x onerror=alert(1)>"
    )

    text = page(client_of(owner), order).content.decode()

    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_a_preparer_sees_no_amount(client_of, vendor, order):
    refund_order(order, amount=Decimal("5.00"), by=None, at=NOON, reason="Geste")

    text = page(client_of(make_member(vendor, Role.PREPARER)), order).content.decode()

    assert "Miel" in text
    for amount in ["€", "34.60", "29.70", "9.90", "24.75", "5.00", "EUR"]:
        assert amount not in text


@pytest.mark.parametrize("more", [1, 3])
def test_the_number_of_queries_does_not_grow(client_of, owner, vendor, django_assert_num_queries, more):
    products = [make_product(vendor) for _ in range(more)]
    order = make_order(vendor, status=S.PROCESSING, lines=[(product, 2) for product in products])
    for number in range(1, more + 1):
        shipment = Shipment.objects.create(order=order, number=number, shipped_at=NOON)
        ShipmentLine.objects.create(shipment=shipment, line=order.lines.first(), units=1)
        refund_order(
            order, lines={order.lines.first().pk: RefundedLine(0, Decimal("1.00"))}, by=None, at=NOON
        )
        Answer.objects.create(
            order=order, kind="status", status=S.COMPLETED, cause=str(number),
            asked_at=NOON, next_try_at=NOON, trouble="silent", answered_at=NOON,
        )  # fmt: skip
    Order.objects.filter(pk=order.pk).update(way="parcel")
    client = client_of(owner)

    with django_assert_num_queries(20):
        assert page(client, order).status_code == 200


def test_a_status_that_a_later_one_followed_is_no_trouble_any_more(client_of, owner, vendor):
    order = make_order(vendor, status=S.PROCESSING)
    for status, trouble, state in ((S.COMPLETED, "silent", "given_up"), (S.PROCESSING, "", "done")):
        Answer.objects.create(
            order=order, kind="status", status=status, cause=status, state=state,
            asked_at=NOON, next_try_at=NOON, trouble=trouble, answered_at=NOON,
        )  # fmt: skip
    text = page(client_of(owner), order).content.decode()
    Answer.objects.filter(state="done").delete()

    before = page(client_of(owner), order).content.decode()

    assert ("did not answer in time" in before, "did not answer in time" in text) == (True, False)


def test_validating_completes_the_order_and_says_so(client_of, owner, order):
    response = validate(client_of(owner), order, version=order.version)

    order.refresh_from_db()
    last = HistoryEntry.objects.filter(order=order).latest("id")
    assert response.status_code == 302
    assert order.status == S.COMPLETED
    assert (last.old_status, last.new_status, last.user) == (S.PROCESSING, S.COMPLETED, owner)


def test_validating_twice_has_one_effect(client_of, owner, order):
    client = client_of(owner)
    validate(client, order, version=order.version)
    validate(client, order, version=order.version)

    assert HistoryEntry.objects.filter(order=order, kind="status").count() == 1


def test_a_stale_form_changes_nothing(client_of, owner, order):
    version = order.version
    refund_order(order, amount=Decimal("1.00"), by=None, at=NOON)

    response = client_of(owner).post(
        f"/vendors/rucher-des-baux/orders/{order.number}/validate/", {"version": version}, follow=True
    )

    order.refresh_from_db()
    assert order.status == S.PROCESSING
    assert "is not what you saw any more" in response.content.decode()


@pytest.mark.parametrize("status", [S.PENDING, S.ON_HOLD, S.CANCELLED, S.REFUNDED, S.FAILED])
def test_only_a_processing_order_can_be_validated(client_of, owner, vendor, status):
    order = make_order(vendor, status=status)

    response = client_of(owner).post(f"/vendors/rucher-des-baux/orders/{order.number}/validate/", follow=True)

    order.refresh_from_db()
    assert order.status == status
    assert "nothing was changed" in response.content.decode()


def test_validating_leads_back_but_never_to_another_site(client_of, owner, order):
    response = validate(client_of(owner), order, next="https://evil.example/")

    assert response.headers["Location"] == "/vendors/rucher-des-baux/orders/1042/"


def test_a_late_order_is_marked(client_of, owner, order):
    Order.objects.filter(pk=order.pk).update(prepare_by=timezone.now() - timedelta(days=1))

    assert "Late" in page(client_of(owner), order).content.decode()


def test_a_shop_in_the_vat_franchise_sees_no_vat(client_of, owner, order, vendor):
    vendor.identity.vat_regime = "franchise"
    vendor.identity.save()

    response = page(client_of(owner), order)

    assert (response.context["total_vat"], response.context["total_net"]) == (0, order.total)


# Words of special cases


def test_an_order_that_came_to_nothing_speaks_of_no_payment_and_no_commission(client_of, owner, vendor):
    order = make_order(vendor, status=S.FAILED, lines=[(make_product(vendor, price="6.40"), 1)])

    text = page(client_of(owner), order).content.decode()

    assert "Total of the order" in text
    assert "to be paid by the customer" not in text
    assert "not paid yet" not in text
    assert "Commission" not in text


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (S.PROCESSING, "The order is paid; it is still to be prepared. Validating it ends it."),
        (S.REFUNDED, "The order was refunded in full."),
    ],
)
def test_the_order_says_where_it_stands(client_of, owner, vendor, status, sentence):
    order = make_order(vendor, status=S.PROCESSING, placed_at=timezone.now())
    if status == S.REFUNDED:
        refund_order(order, amount=order.total, by=None, at=NOON)

    assert page(client_of(owner), order).context["explanation"] == sentence


def test_a_partly_shipped_order_says_what_is_shipped_and_what_is_left(client_of, owner, vendor):
    lines = [(make_product(vendor, name="Mug"), 3), (make_product(vendor), 1), (make_product(vendor), 2)]
    order = make_order(vendor, status=S.PROCESSING, placed_at=timezone.now(), lines=lines)
    mugs, bowl, _plates = order.lines.all()
    ship(order, units={mugs.pk: 1, bowl.pk: 1}, by=None, at=timezone.now())

    response = page(client_of(owner), order)
    html = response.content.decode()

    assert [said for _line, said in response.context["lines"]] == [
        "1 shipped, 2 to ship",
        "1 shipped",
        "2 to ship",
    ]
    assert response.context["explanation"].startswith(
        "The order is paid and partly shipped: 4 units are still to be shipped."
    )
    assert (
        '<span class="tag">Partly shipped</span>' in html,
        "<small>1 shipped, 2 to ship</small>" in html,
    ) == (
        True,
        True,
    )
    assert re.search("Parcel 1<", html)


def test_units_whose_refund_is_asked_for_are_not_called_left(client_of, owner, vendor):
    order = make_order(vendor, status=S.PROCESSING, placed_at=timezone.now())
    ship(order, by=None, at=timezone.now())
    Order.objects.filter(pk=order.pk).update(stage=Stage.TO_PREPARE)

    assert page(client_of(owner), order).context["explanation"] == (
        "The order is paid and partly shipped; a refund of the rest is asked for."
    )


def test_variants_of_one_product_are_told_apart_in_a_parcel(client_of, owner, vendor):
    soap = make_product(vendor, name="Savon")
    lines = [make_line(soap, 2, details="Parfum: lavande"), make_line(soap, 1, details="Parfum: miel")]
    order = make_order(vendor, status=S.PROCESSING, lines=lines)
    shipment = Shipment.objects.create(order=order, number=1, shipped_at=NOON)
    for line in order.lines.all():
        ShipmentLine.objects.create(shipment=shipment, line=line, units=1)

    text = page(client_of(owner), order).content.decode()

    assert "1 × Savon (Parfum: lavande) · 1 × Savon (Parfum: miel)" in text


def test_an_address_abroad_names_its_country(client_of, owner, vendor):
    order = make_order(vendor, shipping_country="US")

    assert "<br>ÉTATS-UNIS</address>" in page(client_of(owner), order).content.decode()


@pytest.mark.parametrize(
    ("method", "name", "drawing"),
    [("Retrait en boutique", "Pickup note", "#bag"), ("Colissimo", "Delivery note", "#truck")],
)
def test_a_pickup_has_a_pickup_note(client_of, owner, vendor, method, name, drawing):
    order = make_order(vendor, status=S.PROCESSING, shipping_method=method)

    text = page(client_of(owner), order).content.decode()
    documents = text.split('id="h-docs"')[1].split("</section>")[0]

    assert f">{name}</a>" in "".join(line.strip() for line in documents.splitlines())
    assert f'href="{drawing}"' in documents


def test_one_mail_to_four_people_is_one_line(client_of, owner, vendor):
    for _ in range(3):
        make_member(vendor)
    order = make_order(vendor, status=S.PROCESSING, announce=True)

    events = page(client_of(owner), order).context["events"]

    [news] = [event for event in events if event.icon == "mail"]
    assert "4 people" in news.what
    assert len(news.people) == 4


def test_the_list_opens_a_page_that_asks_before_an_invoice_is_issued(client_of, owner, vendor):
    order = make_order(vendor, number="1042", status=S.PROCESSING)
    client = client_of(owner)

    text = client.get(f"/vendors/rucher-des-baux/orders/{order.number}/invoice/").content.decode()

    assert "An issued invoice has its number for good" in text
    assert not Document.objects.exists()


@pytest.mark.parametrize("status", [S.PENDING, S.CANCELLED])
def test_a_browser_gets_a_page_where_there_is_no_document(client_of, owner, vendor, status):
    order = make_order(vendor, number="1042", status=status)
    client = client_of(owner)
    address = f"/vendors/rucher-des-baux/orders/{order.number}/invoice.pdf"

    as_browser = client.get(address, headers={"accept": "text/html,application/xhtml+xml"})
    as_program = client.get(address)

    assert (as_browser.status_code, as_program.status_code) == (409, 409)
    assert "there is no document for it" in as_browser.content.decode()
    assert f'href="/vendors/rucher-des-baux/orders/{order.number}/"' in as_browser.content.decode()
    assert as_program.headers["Content-Type"] == "text/plain; charset=utf-8"
