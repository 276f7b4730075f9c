"""One filter: what it finds, what it refuses, and counts and totals that are those of the rows."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.domain.refunds import refund_order
from orders.exports.export import Export
from orders.exports.options import Options
from orders.filters import OrderFilter
from orders.models import ExportLog, Order
from orders.models.customers import normalise
from orders.states import EARNS, EXPECTS, OrderStatus, RefundState, Stage
from tests.factories import NOON, make_line, make_order, make_source, make_user, make_vendor

S = OrderStatus
PARIS = ZoneInfo("Europe/Paris")
pytestmark = pytest.mark.django_db


def filtered(vendor, query="", *, may_see_amounts=True, now=NOON):
    return OrderFilter(
        QueryDict(query),
        queryset=Order.objects.for_vendor(vendor),
        vendor=vendor,
        may_see_amounts=may_see_amounts,
        now=now,
    )


def found(vendor, query="", **more):
    return [order.number for order in filtered(vendor, query, **more).qs]


def in_paris(*parts):
    return datetime(*parts, tzinfo=PARIS).astimezone(UTC)


# What it finds


def test_without_a_filter_all_orders_come_newest_first(vendor):
    make_order(vendor, number="1", placed_at=NOON)
    make_order(vendor, number="2", placed_at=NOON + timedelta(days=1))

    assert found(vendor) == ["2", "1"]


def test_nothing_of_another_shop_is_found(vendor):
    make_order(make_vendor(), number="1")

    assert found(vendor) == []


def test_an_order_in_the_storefronts_bin_is_not_found(vendor):
    make_order(vendor, number="1", hidden_at=NOON)

    assert found(vendor) == []


@pytest.mark.parametrize("status", OrderStatus.values)
def test_each_status_finds_its_orders(vendor, status):
    for code in OrderStatus.values:
        make_order(vendor, number=code, status=code)

    assert found(vendor, f"status={status}") == [status]


def test_refunded_finds_whole_and_partial_refunds(vendor):
    for number, amount in [("whole", "12.00"), ("part", "2.00")]:
        order = make_order(vendor, number=number, status=S.COMPLETED)
        refund_order(order, amount=Decimal(amount), by=None, at=NOON)
    make_order(vendor, number="none", status=S.COMPLETED)

    assert sorted(found(vendor, "status=refunded")) == ["part", "whole"]


def test_an_order_refunded_in_part_keeps_its_own_status_too(vendor):
    order = make_order(vendor, number="part", status=S.COMPLETED)
    refund_order(order, amount=Decimal("2.00"), by=None, at=NOON)

    assert found(vendor, "status=completed") == ["part"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("placed_after=2026-11-23", ["midnight", "evening", "next"]),
        ("placed_before=2026-11-22", ["before"]),
        ("placed_after=2026-11-23&placed_before=2026-11-23", ["midnight", "evening"]),
    ],
)
def test_days_are_whole_days_of_the_shop_both_ends_included(vendor, query, numbers):
    for number, moment in {
        "before": in_paris(2026, 11, 22, 23, 59, 59, 999_999),
        "midnight": in_paris(2026, 11, 23),
        "evening": in_paris(2026, 11, 23, 23, 59, 59, 999_999),
        "next": in_paris(2026, 11, 24),
    }.items():
        make_order(vendor, number=number, placed_at=moment)

    assert found(vendor, query + "&sort=placed_at") == numbers


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_the_days_on_which_clocks_change_are_whole(vendor, day, hours):
    start = datetime.fromisoformat(day).replace(tzinfo=PARIS).astimezone(UTC)
    for hour in range(-1, hours + 1):
        make_order(vendor, number=str(hour), placed_at=start + timedelta(hours=hour))

    numbers = found(vendor, f"placed_after={day}&placed_before={day}&sort=placed_at")

    assert numbers == [str(hour) for hour in range(hours)]


def test_a_day_is_the_shops_own_not_that_of_paris(db):
    vendor = make_vendor(time_zone="Indian/Reunion")
    make_order(vendor, number="morning", placed_at=datetime(2026, 11, 22, 20, 0, tzinfo=UTC))

    assert found(vendor, "placed_after=2026-11-23") == ["morning"]


@pytest.mark.parametrize(
    ("prefix", "is_found"),
    [
        ("b", True),
        ("BENE", True),
        ("bénédicte", True),
        ("roux", True),
        ("roux-d", True),
        ("d'arc", True),
        ("D’Arc", True),
        ("roux-d'arc bene", True),
        ("arc benedicte r", True),
        ("roux bene", False),
        ("benedicte arc", False),
        ("enedicte", False),
        ("be%", False),
        ("b_n", False),
        ("\\", False),
    ],
)
def test_a_customer_is_found_by_the_first_letters_of_any_word(vendor, prefix, is_found):
    make_order(vendor, number="1", customer_name="Bénédicte Roux-d’Arc")
    query = QueryDict(mutable=True)
    query["customer"] = prefix

    assert found(vendor, query.urlencode()) == (["1"] if is_found else [])


@pytest.mark.parametrize(
    "written", ["1042", "10", "%231042", "n°1042", "N° 1042", "No. 1042", "  1042 ", "№1042"]
)
def test_a_number_is_found_whole_or_by_its_beginning(vendor, written):
    make_order(vendor, number="1042")
    make_order(vendor, number="2104")

    assert found(vendor, f"q={written}") == ["1042"]


@pytest.mark.parametrize("stage", Stage.values)
def test_a_stage_finds_its_orders(vendor, stage):
    for number in Stage.values:
        Order.objects.filter(pk=make_order(vendor, number=number, status=S.PROCESSING).pk).update(
            stage=number
        )
    make_order(vendor, number="completed", status=S.COMPLETED)

    assert found(vendor, f"stage={stage}") == [stage]


def test_late_finds_paid_orders_that_nothing_was_done_for(vendor):
    make_order(vendor, number="late", status=S.PROCESSING, placed_at=NOON - timedelta(days=8))
    make_order(vendor, number="fresh", status=S.PROCESSING, placed_at=NOON - timedelta(hours=1))
    make_order(vendor, number="done", status=S.COMPLETED, placed_at=NOON - timedelta(days=8))

    assert found(vendor, "late=1") == ["late"]


@pytest.mark.parametrize(
    ("query", "late"),
    [("", 2), ("placed_after=2026-11-01", 1), ("placed_before=2026-10-31", 1), ("stage=shipped", 0)],
)
def test_what_is_late_is_counted_of_the_days_and_the_stage_asked_for(vendor, query, late):
    for placed_at in (NOON - timedelta(days=8), NOON - timedelta(days=40)):
        make_order(vendor, status=S.PROCESSING, placed_at=placed_at)

    assert filtered(vendor, query).summary.late == late


def test_filters_narrow_together(vendor):
    make_order(vendor, number="10", status=S.COMPLETED, customer_name="Zoé Petit")
    make_order(vendor, number="11", status=S.PENDING, customer_name="Zoé Petit")
    make_order(vendor, number="12", status=S.COMPLETED, customer_name="Louis Martin")

    assert found(vendor, "status=completed&customer=zo&q=1&placed_after=2026-11-01") == ["10"]


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        ("number", ["9", "10", "100"]),
        ("-number", ["100", "10", "9"]),
        ("total", ["10", "9", "100"]),
        ("-total", ["100", "9", "10"]),
        ("earnings", ["10", "9", "100"]),
        ("-earnings", ["100", "9", "10"]),
        ("placed_at", ["100", "9", "10"]),
        ("-placed_at", ["10", "9", "100"]),
        ("", ["10", "9", "100"]),
    ],
)
def test_orders_are_sorted(vendor, sort, numbers):
    for number, total, days in [("9", "20.00", 2), ("10", "3.00", 3), ("100", "100.00", 1)]:
        make_order(
            vendor, number=number, lines=[make_line(None, total=total)], placed_at=NOON + timedelta(days=days)
        )

    assert found(vendor, f"sort={sort}") == numbers


@pytest.mark.parametrize(
    "query",
    ["", "status=&customer=&q=&placed_after=&stage=&late=&sort=", "unknown=1&page=9", "customer=++"],
)
def test_empty_and_unknown_parameters_are_no_filters(vendor, query):
    make_order(vendor, number="1")

    assert found(vendor, query) == ["1"]


def test_of_a_repeated_parameter_the_last_counts(vendor):
    make_order(vendor, number="1", status=S.COMPLETED)

    assert found(vendor, "status=nonsense&status=completed&q=7&q=1") == ["1"]


# What it refuses


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=shipped", "status"),
        ("status=Completed", "status"),
        ("stage=lost", "stage"),
        ("q=%23", "q"),
        ("q=n%C2%B0", "q"),
        ("late=0", "late"),
        ("late=true", "late"),
        ("sort=customer", "sort"),
        ("sort=--total", "sort"),
        ("sort=total,number", "sort"),
        ("placed_after=31/02/2026", "placed_after"),
        ("placed_after=2026-13-01", "placed_after"),
        ("placed_before=2026-02-30", "placed_before"),
        ("placed_before=yesterday", "placed_before"),
        ("placed_after=0001-01-01", "placed_after"),
        ("placed_before=9999-12-31", "placed_before"),
        ("placed_after=2026-11-23&placed_before=2026-11-22", "placed_before"),
        ("customer=" + "x" * 201, "customer"),
        ("customer=a%00b", "customer"),
        ("customer=%CC%81", "customer"),
        ("q=" + "1" * 61, "q"),
        ("q=1%00", "q"),
        ("status=%00", "status"),
        ("placed_after=%00", "placed_after"),
        ("sort=%00", "sort"),
    ],
)
def test_a_wrong_value_is_named_and_leaves_no_row(vendor, query, field):
    make_order(vendor, status=S.COMPLETED)

    wrong = filtered(vendor, query)

    assert (list(wrong.errors), list(wrong.qs), list(wrong.without_status)) == ([field], [], [])


def test_who_may_not_see_amounts_cannot_sort_by_them(vendor):
    for sort in ["total", "-total", "earnings", "-earnings"]:
        assert list(filtered(vendor, f"sort={sort}", may_see_amounts=False).errors) == ["sort"]


# Counts and totals


def test_the_menu_counts_follow_every_filter_but_the_status(vendor):
    make_order(vendor, status=S.COMPLETED, customer_name="Zoé Petit")
    make_order(vendor, status=S.PENDING, customer_name="Zoé Petit")
    make_order(vendor, status=S.PENDING, customer_name="Louis Martin")

    counts = filtered(vendor, "status=completed&customer=zo").summary.counts

    assert (counts[""], counts["completed"], counts["pending"], counts["failed"]) == (2, 1, 1, 0)


def test_all_counts_an_order_refunded_in_part_once(vendor):
    order = make_order(vendor, status=S.COMPLETED)
    refund_order(order, amount=Decimal("2.00"), by=None, at=NOON)

    counts = filtered(vendor).summary.counts

    assert (counts[""], counts["completed"], counts["refunded"]) == (1, 1, 1)


def test_totals_count_every_order_and_add_up_what_is_earned(vendor):
    for status, total in [
        (S.COMPLETED, "12.00"),
        (S.PENDING, "6.00"),
        (S.CANCELLED, "1.20"),
        (S.FAILED, "1.20"),
    ]:
        make_order(vendor, status=status, lines=[make_line(None, total=total)])

    summary = filtered(vendor).summary
    [sums] = summary.sums

    assert summary.orders == 4
    assert (sums.total, sums.earnings) == (Decimal("12.00"), Decimal("11.00"))
    assert (sums.expected_total, sums.expected_earnings) == (Decimal("6.00"), Decimal("5.50"))


def test_currencies_are_never_added_together(vendor):
    make_order(vendor, status=S.COMPLETED)
    make_order(vendor, status=S.COMPLETED, currency="CHF")

    assert [(sums.currency, sums.total) for sums in filtered(vendor).summary.sums] == [
        ("CHF", Decimal("12.00")),
        ("EUR", Decimal("12.00")),
    ]


@pytest.mark.parametrize("query", ["status=completed", "status=completed&customer=z"])
def test_counts_and_totals_are_one_query_of_the_tally_or_of_the_orders(
    vendor, django_assert_num_queries, query
):
    order_filter = filtered(vendor, query)

    with django_assert_num_queries(1):
        assert order_filter.summary.counts
        assert order_filter.summary.sums == []


@pytest.mark.parametrize("query", ["", "customer=c"])
def test_amounts_are_not_even_asked_for_on_behalf_of_who_may_not_see_them(vendor, query):
    make_order(vendor, status=S.COMPLETED)

    with CaptureQueriesContext(connection) as queries:
        assert filtered(vendor, query, may_see_amounts=False).summary.orders == 1
    for asked in queries:
        assert "total" not in asked["sql"]
        assert "earnings" not in asked["sql"]


# Filter, counts, totals and order agree with a model in plain Python


@dataclass(frozen=True)
class Plain:
    """An order as the model knows it."""

    number: int
    status: str
    stage: str
    refund_state: str
    currency: str
    name: str
    placed_at: datetime
    prepare_by: datetime | None
    total: Decimal
    earnings: Decimal


NAMES = ["Zoé Petit", "Zoe Martin", "Élodie d'Arc", "Jean-Noël Œuvrard", "", "陳 大文"]
MOMENTS = [in_paris(2026, 10, 24, 23, 30) + timedelta(minutes=30 * n) for n in range(0, 110, 3)]


@st.composite
def plain_orders(draw, number):
    status = draw(st.sampled_from(OrderStatus.values))
    is_processing = status == S.PROCESSING
    total = draw(st.integers(0, 20)) * Decimal("1.50")
    return Plain(
        number=number,
        status=status,
        stage=draw(st.sampled_from(Stage.values)) if is_processing else "",
        refund_state="full" if status == S.REFUNDED else draw(st.sampled_from(["none", "none", "partial"])),
        currency=draw(st.sampled_from(["EUR", "EUR", "CHF"])),
        name=draw(st.sampled_from(NAMES)),
        placed_at=draw(st.sampled_from(MOMENTS)),
        prepare_by=draw(st.sampled_from([NOON - timedelta(days=1), NOON + timedelta(days=1)]))
        if is_processing
        else None,
        total=total,
        earnings=total - total // 10,
    )


days = st.sampled_from([None, date(2026, 10, 24), date(2026, 10, 25), date(2026, 10, 26)])
queries = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(OrderStatus.values),
        "stage": st.sampled_from(Stage.values),
        "late": st.just("1"),
        "placed_after": days,
        "placed_before": days,
        "customer": st.sampled_from(["z", "ZOÉ", "arc", "noel œ", "petit", "陳"]),
        "q": st.sampled_from(["1", "2", "10"]),
        "sort": st.sampled_from(
            [s + n for s in ("", "-") for n in ("number", "total", "earnings", "placed_at")]
        ),
    },
)


def passes(order, query):
    day = order.placed_at.astimezone(PARIS).date()
    words = normalise(order.name)
    begins = {
        words[n:] for n in range(len(words)) if words[n].isalnum() and (n == 0 or not words[n - 1].isalnum())
    }
    return all(
        [
            is_under(order, query.get("status", "")),
            query.get("stage") in (None, order.stage),
            "late" not in query or is_late(order),
            query.get("placed_after") is None or day >= query["placed_after"],
            query.get("placed_before") is None or day <= query["placed_before"],
            "customer" not in query or any(word.startswith(normalise(query["customer"])) for word in begins),
            str(order.number).startswith(query.get("q", "")),
        ]
    )


def is_late(order):
    return order.stage == "to_prepare" and order.prepare_by < NOON


def is_under(order, status):
    return status in ("", order.status) or (status == "refunded" and order.refund_state != "none")


def sort_key(order, sort):
    values = {
        "number": order.number,
        "total": order.total,
        "earnings": order.earnings,
        "placed_at": order.placed_at,
    }
    return values[sort.removeprefix("-")], order.number


def store(vendor, source, plain):
    order = make_order(vendor, source=source, number=str(plain.number), customer_name=plain.name)
    Order.objects.filter(pk=order.pk).update(
        status=plain.status,
        stage=plain.stage,
        refund_state=plain.refund_state,
        currency=plain.currency,
        placed_at=plain.placed_at,
        prepare_by=plain.prepare_by,
        items_total=plain.total,
        total=plain.total,
        net_total=plain.total,
        commission=plain.total - plain.earnings,
        commission_given_back=0,
        earnings=plain.earnings,
    )


def exported(vendor, order_filter):
    """The order numbers of the file of the same selection."""
    log = ExportLog.objects.create(vendor=vendor, user=make_user(), format="csv")
    export = Export(order_filter.selection, Options("orders", "codes", "strict"), vendor=vendor)
    rows = csv.DictReader(io.StringIO(b"".join(export.csv(log)).decode()))
    return Counter(row["order_number"] for row in rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_counts_and_totals_are_those_of_a_plain_model(db, data):
    vendor, source = make_vendor(identity=False), make_source()
    plains = [data.draw(plain_orders(number)) for number in range(1, data.draw(st.integers(1, 12)) + 1)]
    for plain in plains:
        store(vendor, source, plain)
    for query in data.draw(st.lists(queries, min_size=4, max_size=4)):
        params = QueryDict(mutable=True)
        params.update({name: str(value) for name, value in query.items() if value})
        first, last = query.get("placed_after"), query.get("placed_before")
        if first and last and last < first:
            continue
        sort = query.get("sort", "-placed_at")
        expected = [plain for plain in plains if passes(plain, query)]
        others = [plain for plain in plains if passes(plain, {**query, "status": ""})]

        order_filter = filtered(vendor, params.urlencode())
        summary = order_filter.summary

        ordered = sorted(expected, key=lambda plain: sort_key(plain, sort), reverse=sort.startswith("-"))
        assert [order.number for order in order_filter.ordered] == [str(plain.number) for plain in ordered]
        assert summary.orders == len(expected)
        assert summary.late == sum(is_late(plain) for plain in others)
        assert exported(vendor, order_filter) == Counter(str(plain.number) for plain in expected)
        assert summary.counts == {
            status: sum(is_under(plain, status) for plain in others) for status in ["", *OrderStatus.values]
        }
        assert {sums.currency: (sums.total, sums.earnings, sums.expected_total) for sums in summary.sums} == {
            currency: (
                sum(p.total for p in expected if p.currency == currency and p.status in EARNS),
                sum(p.earnings for p in expected if p.currency == currency and p.status in EARNS),
                sum(p.total for p in expected if p.currency == currency and p.status in EXPECTS),
            )
            for currency in {plain.currency for plain in expected}
        }


def test_an_order_reported_as_refunded_without_a_refund_stands_under_refunded(vendor):
    order = make_order(vendor, number="1", status=S.REFUNDED)

    assert order.refund_state == RefundState.NONE
    assert found(vendor, "status=refunded") == ["1"]
    assert filtered(vendor).summary.counts["refunded"] == 1
