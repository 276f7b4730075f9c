"""The overview as a page: tiles for everybody, money for who may see it, a chart that agrees with its table."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders.domain.overview import Period
from orders.domain.refunds import refund_order
from orders.states import OrderStatus
from orders.views.chart import BOTTOM, TOP, draw
from tests.factories import NOON, make_line, make_member, make_order
from vendors.roles import Role

S = OrderStatus
PAGE = "/vendors/rucher-des-baux/overview/"
pytestmark = pytest.mark.django_db


def sold(vendor, total, days_ago, status=S.COMPLETED, **fields):
    placed_at = timezone.now() - timedelta(days=days_ago)
    return make_order(
        vendor, status=status, lines=[make_line(None, total=total)], placed_at=placed_at, **fields
    )


def test_the_tiles_lead_to_the_orders_they_count(client_of, owner, vendor):
    sold(vendor, "10.00", 0, status=S.PROCESSING)
    sold(vendor, "10.00", 0, status=S.ON_HOLD)

    response = client_of(owner).get(PAGE)

    assert (response.context["to_do"].to_prepare, response.context["to_do"].payments_to_confirm) == (1, 1)
    assert "/orders/?status=processing&amp;stage=to_prepare" in response.content.decode()


@pytest.mark.parametrize(("by", "periods"), [("day", 30), ("week", 12), ("month", 12)])
def test_each_chart_has_its_periods_and_its_table_the_same(client_of, owner, vendor, by, periods):
    sold(vendor, "30.00", 0)

    context = client_of(owner).get(PAGE, {"by": by}).context

    assert (len(context["chart"].bars), len(context["rows"])) == (periods, periods)
    assert context["rows"][-1][2] == Decimal("30.00")


def test_sums_are_compared_with_as_many_days_before(client_of, owner, vendor):
    sold(vendor, "30.00", 3)
    refund_order(sold(vendor, "20.00", 45), amount=Decimal("5.00"), by=None, at=NOON)

    [sales, _gains] = client_of(owner).get(PAGE, {"by": "day"}).context["compared"]

    assert (sales.now, sales.before, sales.change) == (Decimal("30.00"), Decimal("15.00"), 1)


def test_nothing_before_has_no_change_in_percent(client_of, owner, vendor):
    sold(vendor, "30.00", 3)

    response = client_of(owner).get(PAGE)

    assert response.context["compared"][0].change is None
    assert "nothing sold in as many days before" in response.content.decode()


def test_the_refunds_of_the_month_lead_to_no_list_that_counts_others(client_of, owner, vendor):
    refund_order(sold(vendor, "20.00", 45), amount=Decimal("5.00"), by=None, at=timezone.now())

    text = client_of(owner).get(PAGE).content.decode()

    assert ("Refunds this month" in text, "status=refunded" in text) == (True, False)


@pytest.mark.parametrize(("by", "said"), [("day", "the last 30 days"), ("month", "the last 12 months")])
def test_a_chart_names_its_period(client_of, owner, by, said):
    assert f"Sales and gains <small>{said}</small>" in client_of(owner).get(PAGE, {"by": by}).content.decode()


@pytest.mark.parametrize("query", ["?by=year", "?currency=XXX"])
def test_a_chart_that_there_is_not_is_said(client_of, owner, vendor, query):
    response = client_of(owner).get(PAGE + query)

    assert (response.status_code, "chart" in response.context) == (200, False)
    assert "No chart is shown" in response.content.decode()


def test_an_empty_shop_has_its_overview(client_of, owner):
    assert "Nothing is sold yet." in client_of(owner).get(PAGE).content.decode()


def test_a_preparer_sees_what_waits_and_no_amount(client_of, vendor):
    sold(vendor, "34.56", 0, status=S.PROCESSING)

    text = client_of(make_member(vendor, Role.PREPARER)).get(PAGE).content.decode()

    assert "To prepare" in text
    for sign in ("34.56", "€", "Sales", "Gains", "Refunds this month"):
        assert sign not in text


def test_the_highest_bar_stays_under_the_top_line_and_no_bar_is_negative():
    periods = [
        Period(date(2026, 11, 1), date(2026, 11, 1), 1, Decimal("930.00"), Decimal(0), Decimal("800.00")),
        Period(date(2026, 11, 2), date(2026, 11, 2), 1, Decimal("1.00"), Decimal(0), Decimal("-3.00")),
    ]

    chart = draw(periods, ["1", "2"], "EUR")

    assert [line.label for line in chart.lines] == ["€0", "€500", "€1,000", "€1,500", "€2,000"]
    assert all(TOP <= float(bar.sales_y) <= BOTTOM for bar in chart.bars)
    assert chart.bars[1].gains_height == "0.0"


@pytest.mark.parametrize("rows", [1, 3])
def test_the_number_of_queries_does_not_grow(client_of, owner, vendor, rows, django_assert_num_queries):
    for n in range(rows):
        sold(vendor, "10.00", n)
    client = client_of(owner)

    with django_assert_num_queries(15):
        assert client.get(PAGE).status_code == 200
