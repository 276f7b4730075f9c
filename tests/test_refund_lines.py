"""A refund that came without lines is put on the lines that it was for, once they are known."""

from decimal import Decimal

import pytest

from orders.domain.refund_lines import set_refund_lines
from orders.domain.refunds import RefundedLine, RefundRefused, refund_order
from orders.models import Order, Refund
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order, make_product

pytestmark = pytest.mark.django_db
FIVE = Decimal("5.00")


@pytest.fixture
def order(vendor) -> Order:
    lines = [make_line(make_product(vendor, stock=10), 2, total=total) for total in ("20.00", "30.00")]
    return make_order(vendor, lines=lines, status=OrderStatus.PROCESSING)


def reported(order, amount, **more) -> Refund:
    refund = refund_order(order, amount=amount, by=order.source, at=NOON, external_id="1", **more)
    refund.awaits_lines = True
    refund.save()
    return refund


def figures(order):
    order.refresh_from_db()
    return (
        [(line.refunded_total, line.units_refunded) for line in order.lines.all()],
        order.refunded_total,
        order.commission_given_back,
        order.earnings,
    )


def test_lines_that_are_told_later_give_the_same_figures_as_at_once(vendor, order):
    _first, second = order.lines.all()
    refund = reported(order, FIVE)

    assert set_refund_lines(refund, {second.pk: RefundedLine(1, FIVE)}, by=order.source, at=NOON)

    twin = make_order(
        vendor,
        lines=[make_line(make_product(vendor), 2, total=total) for total in ("20.00", "30.00")],
        status=OrderStatus.PROCESSING,
    )
    at_once = refund_order(twin, lines={twin.lines.last().pk: RefundedLine(1, FIVE)}, by=twin.source, at=NOON)
    refund.refresh_from_db()
    assert figures(order) == figures(twin)
    assert (refund.commission_given_back, refund.is_spread, refund.awaits_lines) == (
        at_once.commission_given_back,
        False,
        False,
    )


def test_units_that_came_back_stay_on_the_shelf(order):
    first, _second = order.lines.select_related("product")
    refund = reported(order, FIVE, lines={first.pk: RefundedLine(1, Decimal("0.00"), 1)})

    set_refund_lines(refund, {first.pk: RefundedLine(1, FIVE)}, by=order.source, at=NOON)

    first.refresh_from_db()
    first.product.refresh_from_db()
    assert (first.units_refunded, first.units_returned, first.product.stock) == (1, 1, 9)
    assert list(refund.lines.values_list("units", "units_back", "amount")) == [(1, 1, FIVE)]


def test_a_refund_that_truly_has_no_lines_stays_spread(order):
    refund = reported(order, FIVE)
    before = figures(order)

    set_refund_lines(refund, {}, by=order.source, at=NOON)

    refund.refresh_from_db()
    assert (figures(order), refund.is_spread, refund.awaits_lines) == (before, True, False)


def test_lines_are_set_once(order):
    refund = reported(order, FIVE)
    line = order.lines.first()
    set_refund_lines(refund, {line.pk: RefundedLine(0, FIVE)}, by=order.source, at=NOON)

    assert not set_refund_lines(refund, {line.pk: RefundedLine(0, FIVE)}, by=order.source, at=NOON)


def test_more_than_is_left_of_a_line_changes_nothing(order):
    refund = reported(order, Decimal("25.00"))
    before = figures(order)

    with pytest.raises(RefundRefused):
        set_refund_lines(
            refund, {order.lines.first().pk: RefundedLine(0, Decimal("25.00"))}, by=order.source, at=NOON
        )

    refund.refresh_from_db()
    assert (figures(order), refund.awaits_lines) == (before, True)
