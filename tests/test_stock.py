"""Stock follows the states that orders enter; every movement is a row of a ledger."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum

from orders.domain.intake import Outcome, take_order
from orders.domain.order_data import LineData, OrderData
from orders.domain.refunds import RefundedLine, refund_order
from orders.domain.stock import OutOfStock, count
from orders.domain.transitions import change_status
from orders.models import Order, StockMovement
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order, make_product, make_user
from vendors.models import Product

S = OrderStatus
EARLIER, LATER = NOON - timedelta(days=1), NOON + timedelta(days=1)
pytestmark = pytest.mark.django_db


def refund(units, back):
    """A step of a vector: refund ``units`` of the three, ``back`` of which came back to the shelf."""

    def act(order):
        line = order.lines.get()
        amount = line.total * units / 3
        refund_order(order, lines={line.pk: RefundedLine(units, amount, back)}, by=order.source, at=NOON)

    return act


def stocks(order, shelf, steps):
    """Take the steps as the storefront and return the shelf's stock after each."""
    seen = []
    for step in steps:
        if isinstance(step, OrderStatus):
            change_status(order, step, by=order.source, at=NOON)
        else:
            step(order)
        shelf.refresh_from_db()
        seen.append(shelf.stock)
    return seen


VECTORS = {
    "S1": (S.PENDING, [], 10, []),
    "S2": (S.PENDING, [S.ON_HOLD, S.PROCESSING, S.COMPLETED], 10, [7, 7, 7]),
    "S3": (S.PENDING, [S.ON_HOLD, S.PROCESSING, S.CANCELLED], 10, [7, 7, 10]),
    "S4": (S.PROCESSING, [S.CANCELLED, S.PROCESSING], 7, [10, 7]),
    "S5 and S6": (S.PROCESSING, [S.FAILED, S.PROCESSING], 7, [10, 7]),
    "S7": (S.PROCESSING, [refund(1, 1), S.CANCELLED], 7, [8, 10]),
    "S8": (S.PROCESSING, [refund(1, 0), S.CANCELLED], 7, [7, 10]),
    "S9": (S.COMPLETED, [refund(3, 0)], 7, [7]),
    "S10": (S.PROCESSING, [refund(3, 3), S.PROCESSING, S.CANCELLED], 7, [10, 10, 10]),
    "S11": (S.CANCELLED, [S.CANCELLED], 10, [10]),
}


@pytest.mark.parametrize("vector", VECTORS)
def test_the_stock_of_three_units_out_of_ten(vendor, vector):
    start, steps, first, wanted = VECTORS[vector]
    shelf = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(shelf, 3)], status=start)
    shelf.refresh_from_db()

    assert (shelf.stock, stocks(order, shelf, steps)) == (first, wanted)


def test_an_order_that_arrives_paid_takes_its_stock(vendor):
    shelf = make_product(vendor, stock=10)
    make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)

    shelf.refresh_from_db()
    assert shelf.stock == 7


def test_two_lines_of_one_product_take_both(vendor):
    shelf = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(shelf, 3), (shelf, 2)], status=S.PROCESSING)

    assert stocks(order, shelf, [S.CANCELLED, S.PROCESSING]) == [10, 5]


def test_a_persons_step_without_stock_is_refused_and_changes_nothing(vendor, everything):
    mug, bowl = make_product(vendor, stock=9), make_product(vendor, stock=2, sku="BOWL")
    order = make_order(vendor, lines=[(mug, 1), (bowl, 3)])
    staff = make_user(is_staff=True)
    before = everything()

    with pytest.raises(OutOfStock, match="BOWL has fewer than 3 units in stock."):
        change_status(order, S.PROCESSING, by=staff, at=NOON)

    assert everything() == before


def test_an_order_whose_step_was_refused_says_what_the_database_says(vendor):
    bowl = make_product(vendor, stock=2)
    order = make_order(vendor, lines=[(bowl, 3)], status=S.FAILED)

    with pytest.raises(OutOfStock):
        change_status(order, S.PROCESSING, by=None, at=NOON)

    assert (order.status, order.paid_at, order.version) == (S.FAILED, None, 1)


def test_the_last_unit_can_be_taken(vendor):
    shelf = make_product(vendor, stock=3)
    order = make_order(vendor, lines=[(shelf, 3)])
    change_status(order, S.PROCESSING, by=None, at=NOON)

    shelf.refresh_from_db()
    assert shelf.stock == 0


def test_a_storefronts_report_oversells(vendor):
    shelf = make_product(vendor, stock=2)
    order = make_order(vendor, lines=[(shelf, 3)])

    assert stocks(order, shelf, [S.PROCESSING, S.CANCELLED]) == [-1, 2]


def test_a_person_gives_back_what_was_oversold(vendor):
    shelf = make_product(vendor, stock=2)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)
    change_status(order, S.CANCELLED, by=None, at=NOON)

    shelf.refresh_from_db()
    assert shelf.stock == 2


def test_an_order_placed_before_the_count_moves_nothing(vendor):
    shelf = make_product(vendor)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING, placed_at=EARLIER)
    count(shelf, 10, by=None, at=NOON)

    assert stocks(order, shelf, [S.CANCELLED, S.PROCESSING, refund(3, 3)]) == [10, 10, 10]


def test_an_order_that_arrives_late_but_was_placed_before_the_count_moves_nothing(vendor):
    shelf = make_product(vendor)
    count(shelf, 10, by=None, at=NOON)
    make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING, placed_at=EARLIER)

    shelf.refresh_from_db()
    assert shelf.stock == 10


def test_an_order_placed_after_the_count_moves(vendor):
    shelf = make_product(vendor)
    count(shelf, 10, by=None, at=NOON)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING, placed_at=LATER)

    assert stocks(order, shelf, [S.PROCESSING, S.CANCELLED]) == [7, 10]


def test_a_second_count_does_not_make_older_orders_forget_what_they_hold(vendor):
    shelf = make_product(vendor)
    count(shelf, 10, by=None, at=EARLIER)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)
    count(shelf, 6, by=None, at=LATER)  # one was broken

    assert stocks(order, shelf, [S.CANCELLED]) == [9]


def test_a_count_is_written_down_with_its_author(vendor, owner):
    shelf = make_product(vendor)
    counts = [count(shelf, units, by=owner, at=NOON) for units in (10, 10, 7, 0)]

    assert [c and (c.units, c.by, c.cause) for c in counts] == [
        (10, owner, f"count:{shelf.pk}:1"),
        None,
        (-3, owner, f"count:{shelf.pk}:2"),
        (-7, owner, f"count:{shelf.pk}:3"),
    ]


def test_an_empty_shelf_can_be_counted(vendor):
    shelf = make_product(vendor)
    count(shelf, 0, by=None, at=NOON)

    shelf.refresh_from_db()
    assert (shelf.stock, shelf.counted_at, shelf.movements.count()) == (0, NOON, 0)


def test_a_count_corrects_an_oversold_shelf(vendor):
    shelf = make_product(vendor, stock=1)
    make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)

    assert count(shelf, 0, by=None, at=NOON).units == 2


def test_products_that_nobody_counts_are_left_alone(vendor):
    shelf = make_product(vendor)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)

    assert stocks(order, shelf, [S.COMPLETED, refund(1, 1), S.CANCELLED]) == [None, None, None]
    assert StockMovement.objects.count() == 0


def test_shipping_and_lines_without_a_product_move_nothing(vendor):
    make_order(vendor, lines=[make_line(None), make_line(None, kind="shipping")], status=S.PROCESSING)

    assert StockMovement.objects.count() == 0


def test_products_that_intake_makes_are_not_counted(vendor):
    price = {"net_before_discount": Decimal(10), "tax_before_discount": Decimal(2)}
    line = LineData(
        "product", "1", "Mug", 2, **price, net=Decimal(10), tax=Decimal(2), product_external_id="7"
    )
    data = OrderData("55", "55", S.PROCESSING, "EUR", NOON, Decimal(12), Decimal(2), lines=(line,))
    source = make_order(vendor).source

    outcomes = [take_order(data, source=source, vendor=vendor, at=NOON).outcome for _ in range(2)]

    assert outcomes == [Outcome.CREATED, Outcome.UNCHANGED]
    assert Product.objects.get().stock is None


def test_one_cause_moves_once(vendor):
    shelf = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)
    movement = order.lines.get().movements.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        StockMovement.objects.create(product=shelf, cause=movement.cause, units=-3, at=NOON)


def test_causes_name_step_and_refund(vendor):
    shelf = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)
    line = order.lines.get()
    stocks(order, shelf, [refund(1, 1), S.CANCELLED])

    arrived, cancelled = order.history.exclude(new_status="").values_list("pk", flat=True).order_by("id")
    assert dict(line.movements.order_by("id").values_list("cause", "units")) == {
        f"change:{arrived}:line:{line.pk}": -3,
        f"refund:{order.refunds.get().pk}:line:{line.pk}": 1,
        f"change:{cancelled}:line:{line.pk}": 2,
    }


def test_the_stock_is_the_sum_of_its_movements(vendor):
    shelf = make_product(vendor)
    count(shelf, 20, by=None, at=EARLIER)
    orders = [make_order(vendor, lines=[(shelf, n)], status=S.PROCESSING) for n in (3, 6)]
    stocks(orders[0], shelf, [refund(1, 1), S.CANCELLED, S.ON_HOLD])
    stocks(orders[1], shelf, [S.COMPLETED, refund(3, 2)])
    count(shelf, 4, by=None, at=LATER)

    shelf.refresh_from_db()
    assert shelf.stock == shelf.movements.aggregate(units=Sum("units"))["units"] == 4


def test_units_that_came_back_are_not_taken_again(vendor):
    shelf = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)

    assert stocks(order, shelf, [refund(2, 2), S.CANCELLED, S.PROCESSING]) == [9, 10, 9]


def test_units_refunded_after_the_stock_was_given_back_are_not_given_back_twice(vendor):
    shelf = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(shelf, 3)], status=S.PROCESSING)

    assert stocks(order, shelf, [S.CANCELLED, refund(3, 3), S.PROCESSING]) == [10, 10, 10]
    assert Order.objects.get().lines.get().held == 0
