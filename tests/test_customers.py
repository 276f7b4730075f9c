"""Who buys from a shop: found, counted and added up; a preparer sees no amount."""

from datetime import timedelta
from decimal import Decimal

import pytest

from orders.domain.refunds import refund_order
from orders.states import OrderStatus
from tests.factories import NOON, make_customer, make_line, make_member, make_order, make_vendor
from vendors.roles import Role

S = OrderStatus
LIST = "/vendors/rucher-des-baux/customers/"
pytestmark = pytest.mark.django_db


def buy(vendor, customer, total="12.00", status=S.COMPLETED, **fields):
    lines = [make_line(None, total=total)]
    return make_order(
        vendor, customer=customer, customer_name=customer.name, status=status, lines=lines, **fields
    )


def found(client, query=""):
    return [buyer.customer.name for buyer in client.get(LIST + query).context["buyers"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Zoé N’Guyen", "Bénédicte Roux"]),
        ("?q=bene", ["Bénédicte Roux"]),
        ("?q=ROU", ["Bénédicte Roux"]),
        ("?q=zoe@", ["Zoé N’Guyen"]),
        ("?q=oux", []),
        ("?q=%00", ["Zoé N’Guyen", "Bénédicte Roux"]),
    ],
)
def test_customers_are_found_by_the_first_letters_of_any_word(client_of, owner, vendor, query, names):
    for n, name in enumerate(["Bénédicte Roux", "Zoé N’Guyen"]):
        email = "zoe@example.com" if n else "roux@example.com"
        customer = make_customer(vendor, name, email=email, created_at=NOON + timedelta(days=n))
        buy(vendor, customer)
    stranger = make_vendor("miel-et-cie")
    buy(stranger, make_customer(stranger, "Bénédicte Voisin"))

    assert found(client_of(owner), query) == names


def test_what_a_customer_spent_is_after_refunds_and_only_what_was_paid(client_of, owner, vendor):
    customer = make_customer(vendor)
    refund_order(buy(vendor, customer, "30.00"), amount=Decimal("5.00"), by=None, at=NOON)
    buy(vendor, customer, "7.00", status=S.PENDING)
    buy(vendor, customer, "9.00", currency="CHF", placed_at=NOON + timedelta(days=2))

    [buyer] = client_of(owner).get(LIST).context["buyers"]

    assert buyer.spent == {"EUR": Decimal("25.00"), "CHF": Decimal("9.00")}
    assert (buyer.orders, buyer.last_at) == (3, NOON + timedelta(days=2))


def test_a_customers_page_has_the_orders_of_this_shop_alone(client_of, owner, vendor):
    customer = make_customer(vendor, "Bénédicte Roux")
    buy(vendor, customer, number="1042")
    buy(vendor, make_customer(vendor, "Bénédicte Roux"), number="1043")

    page = client_of(owner).get(f"{LIST}{customer.pk}/")

    assert [order.number for order in page.context["page"].rows] == ["1042"]


@pytest.mark.parametrize("path", ["", "detail"])
def test_a_preparer_sees_customers_without_amounts(client_of, vendor, path):
    customer = make_customer(vendor, "Bénédicte Roux")
    buy(vendor, customer, "34.56")
    address = f"{LIST}{customer.pk}/" if path else LIST

    text = client_of(make_member(vendor, Role.PREPARER)).get(address).content.decode()

    assert "Bénédicte Roux" in text
    for sign in ("34.56", "€", "EUR", "Spent"):
        assert sign not in text


def test_a_page_that_is_gone_is_said(client_of, owner, vendor):
    buy(vendor, make_customer(vendor))

    response = client_of(owner).get(LIST + "?cursor=nonsense")

    assert response.status_code == 200
    assert "This page of the list cannot be found any more." in response.content.decode()


def test_pages_of_25_hold_every_customer_once(client_of, owner, vendor):
    for n in range(30):
        make_customer(vendor, f"Customer {n}", created_at=NOON)
    client = client_of(owner)

    first = client.get(LIST).context["page"]
    second = client.get(LIST, {"cursor": first.next}).context["page"]

    assert len({customer.pk for customer in [*first.rows, *second.rows]}) == 30
    assert second.next == ""


@pytest.mark.parametrize("rows", [1, 3])
def test_the_number_of_queries_does_not_depend_on_the_rows(
    client_of, owner, vendor, rows, django_assert_num_queries
):
    for n in range(rows):
        customer = make_customer(vendor, f"Customer {n}")
        for _ in range(rows):
            buy(vendor, customer)
    client = client_of(owner)

    with django_assert_num_queries(7):
        assert client.get(LIST).status_code == 200
    with django_assert_num_queries(7):
        assert client.get(f"{LIST}{customer.pk}/").status_code == 200
