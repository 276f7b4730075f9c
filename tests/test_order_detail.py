from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders.domain.refunds import RefundedLine, refund_order
from orders.models import HistoryEntry, Order, Shipment, ShipmentLine
from orders.states import OrderStatus
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
    client = client_of(owner)

    with django_assert_num_queries(15):
        assert page(client, order).status_code == 200


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
    assert "changed meanwhile" in response.content.decode()


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
