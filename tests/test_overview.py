"""What the overview says: each figure is the one that plain counting gives."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.domain.overview import (
    Period,
    Refunds,
    Step,
    ToDo,
    best_products,
    currencies,
    refunds_of_month,
    sales,
    to_do,
)
from orders.domain.refunds import RefundedLine, refund_order
from orders.models import Order
from orders.states import EARNS, OrderStatus
from tests.factories import NOON, make_line, make_order, make_product, make_vendor

S = OrderStatus
pytestmark = pytest.mark.django_db
TWELVE = Decimal("12.00")


def on(day, hour=12):
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_sales_are_what_was_paid_and_what_came_back_of_it(vendor):
    order = make_order(vendor, status=S.COMPLETED, placed_at=on(date(2026, 11, 3)))
    make_order(vendor, status=S.PENDING, placed_at=on(date(2026, 11, 3)))
    refund_order(order, amount=Decimal("2.00"), by=None, at=NOON)

    [found] = sales(vendor, date(2026, 11, 3), date(2026, 11, 3), Step.DAY)

    order.refresh_from_db()
    assert found == Period(date(2026, 11, 3), date(2026, 11, 3), 1, TWELVE, Decimal("2.00"), order.earnings)


def test_a_chart_has_every_period_and_cuts_the_ends(vendor):
    make_order(vendor, status=S.COMPLETED, placed_at=on(date(2026, 10, 14)))

    weeks = sales(vendor, date(2026, 10, 7), date(2026, 10, 20), Step.WEEK)
    months = sales(vendor, date(2026, 9, 15), date(2026, 11, 2), Step.MONTH)

    assert [(week.first.day, week.last.day, week.orders) for week in weeks] == [
        (7, 11, 0),
        (12, 18, 1),
        (19, 20, 0),
    ]
    assert [(month.first, month.last, month.orders) for month in months] == [
        (date(2026, 9, 15), date(2026, 9, 30), 0),
        (date(2026, 10, 1), date(2026, 10, 31), 1),
        (date(2026, 11, 1), date(2026, 11, 2), 0),
    ]


def test_a_day_is_the_shops(vendor):
    vendor = make_vendor(time_zone="Indian/Reunion")
    make_order(vendor, status=S.COMPLETED, placed_at=on(date(2026, 11, 3), hour=21))

    assert [p.orders for p in sales(vendor, date(2026, 11, 3), date(2026, 11, 4), Step.DAY)] == [0, 1]


def test_currencies_stand_apart(vendor):
    make_order(vendor, status=S.COMPLETED, currency="CHF")
    for _ in range(2):
        make_order(vendor, status=S.COMPLETED)

    assert currencies(vendor) == ["EUR", "CHF"]
    assert [p.orders for p in sales(vendor, NOON.date(), NOON.date(), Step.MONTH, currency="CHF")] == [1]


def test_days_the_wrong_way_round_are_refused(vendor):
    with pytest.raises(ValueError, match="2026-11-01 is before the first one 2026-11-02"):
        sales(vendor, date(2026, 11, 2), date(2026, 11, 1), Step.DAY)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.integers(0, 120), max_size=8),
    first=st.integers(0, 60),
    length=st.integers(0, 70),
    step=st.sampled_from(Step),
)
def test_periods_are_what_counting_finds(db, days, first, length, step):
    vendor = make_vendor(identity=False)
    begin = date(2026, 1, 20)
    for n, day in enumerate(days):
        status = [S.COMPLETED, S.PROCESSING, S.PENDING][n % 3]
        make_order(vendor, status=status, placed_at=on(begin + timedelta(days=day)))
    start, end = begin + timedelta(days=first), begin + timedelta(days=first + length)

    periods = sales(vendor, start, end, step)

    assert (periods[0].first, periods[-1].last) == (start, end)
    for period in periods:
        inside = [
            order
            for order in Order.objects.for_vendor(vendor).filter(status__in=EARNS)
            if period.first <= order.placed_at.date() <= period.last
        ]
        assert period.orders == len(inside)
        assert period.earnings == sum(order.earnings for order in inside)


def test_what_waits_is_counted(vendor):
    make_order(vendor, status=S.PROCESSING)
    make_order(vendor, status=S.PROCESSING, placed_at=NOON + timedelta(days=30))
    make_order(vendor, status=S.ON_HOLD)
    make_order(vendor, status=S.PROCESSING, hidden_at=NOON)
    make_order(make_vendor(), status=S.PROCESSING)

    assert to_do(vendor, NOON + timedelta(days=29)) == ToDo(to_prepare=2, late=1, payments_to_confirm=1)


def test_refunds_of_a_month_are_those_confirmed_in_it(vendor):
    order = make_order(vendor, status=S.COMPLETED, placed_at=NOON - timedelta(days=90))
    for days in (40, 3, 2):
        refund_order(order, amount=Decimal("1.00"), by=None, at=NOON - timedelta(days=days))
    other = make_order(make_vendor(), status=S.COMPLETED)
    refund_order(other, amount=Decimal("1.00"), by=None, at=NOON)

    assert refunds_of_month(vendor, NOON.date()) == [Refunds("EUR", 2, Decimal("2.00"))]
    assert refunds_of_month(vendor, date(2026, 10, 1)) == [Refunds("EUR", 1, Decimal("1.00"))]
    assert refunds_of_month(vendor, date(2026, 9, 1)) == []


def test_best_products_are_by_sales_after_refunds(vendor):
    soap, mug = (
        make_product(vendor, name="Soap", price="5.00"),
        make_product(vendor, name="Mug", price="9.00"),
    )
    make_order(vendor, status=S.COMPLETED, lines=[(soap, 3), make_line(None, kind="shipping")])
    order = make_order(vendor, status=S.PROCESSING, lines=[(mug, 2)], placed_at=NOON + timedelta(days=1))
    make_order(vendor, status=S.CANCELLED, lines=[(mug, 9)])
    refund_order(order, lines={order.lines.get().pk: RefundedLine(1, Decimal("9.00"), 1)}, by=None, at=NOON)

    best = best_products(vendor)

    assert [(product.name, product.units, product.sales) for product in best.products] == [
        ("Soap", 3, Decimal("15.00")),
        ("Mug", 1, Decimal("9.00")),
    ]
    assert (best.orders, best.since) == (2, NOON)


def test_an_empty_shop_has_an_overview(vendor):
    assert currencies(vendor) == []
    assert best_products(vendor).products == []
    assert to_do(vendor, NOON) == ToDo(0, 0, 0)


def test_the_figures_are_a_few_queries_whatever_the_shop_sold(vendor, django_assert_num_queries):
    for days in range(3):
        make_order(vendor, status=S.COMPLETED, placed_at=NOON - timedelta(days=days))

    with django_assert_num_queries(7):
        currencies(vendor)
        sales(vendor, date(2025, 6, 1), date(2026, 11, 30), Step.WEEK)
        to_do(vendor, NOON)
        refunds_of_month(vendor, NOON.date())
        best_products(vendor)
