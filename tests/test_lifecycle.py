from decimal import Decimal

import pytest

from orders.domain.refunds import RefundedLine, refund_order
from orders.domain.transitions import change_status
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order, make_product

S = OrderStatus
pytestmark = pytest.mark.django_db


def walk(product, order, *steps):
    """Take the steps as the system and return the product's stock after each."""
    stocks = []
    for to in steps:
        change_status(order, to, by=order.source, at=NOON)
        product.refresh_from_db()
        stocks.append(product.stock)
    return stocks


@pytest.mark.parametrize(
    ("start", "steps", "stocks"),
    [
        (S.PENDING, [], []),
        (S.PENDING, [S.ON_HOLD, S.PROCESSING, S.COMPLETED], [7, 7, 7]),
        (S.PROCESSING, [S.CANCELLED], [10]),
        (S.PROCESSING, [S.CANCELLED, S.PROCESSING], [10, 7]),
        (S.PROCESSING, [S.FAILED, S.PROCESSING], [10, 7]),
        (S.CANCELLED, [S.CANCELLED], [10]),
    ],
)
def test_stock_follows_the_states_entered(vendor, start, steps, stocks):
    product = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(product, 3)], status=start)

    assert walk(product, order, *steps) == stocks


@pytest.mark.parametrize(("units_back", "stocks"), [(1, [8, 10]), (0, [7, 10])])
def test_a_refunded_unit_is_back_only_if_it_came_back(vendor, units_back, stocks):
    product = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(product, 3)], status=S.PROCESSING)
    line = order.lines.get()

    refund_order(order, lines={line.pk: RefundedLine(1, Decimal("12.00"), units_back)}, by=None, at=NOON)
    product.refresh_from_db()
    after_refund = product.stock

    assert [after_refund, *walk(product, order, S.CANCELLED)] == stocks


def test_gains_follow_a_refund(vendor):
    order = make_order(vendor, lines=[make_line(None, total="120.00")], status=S.PROCESSING)
    assert (order.commission, order.earnings) == (Decimal("10.00"), Decimal("110.00"))

    refund_order(order, amount=Decimal("60.00"), by=None, at=NOON)

    order.refresh_from_db()
    assert (order.commission_given_back, order.earnings) == (Decimal("5.00"), Decimal("55.00"))
