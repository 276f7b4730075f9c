"""The tally: whoever writes orders, and however, it says what counting finds."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.domain.tallies import counted, differences, repair, rows_between, tallied
from orders.domain.transitions import change_status
from orders.models import Order, Tally
from orders.models.tally_triggers import keep_tally, make_way, release_tally
from orders.states import OrderStatus, RefundState, Stage
from tests.factories import NOON, make_line, make_order, make_vendor
from vendors.models import Vendor

S = OrderStatus
ZERO = Decimal("0.00")
ZONES = ["Europe/Paris", "Indian/Reunion", "America/Martinique", "Asia/Beirut", "America/Sao_Paulo"]


def as_counted(vendor, first=None, last=None):
    """The groups as plain Python finds them among the shop's orders."""
    found = {}
    zone = ZoneInfo(vendor.time_zone)
    for order in Order.objects.for_vendor(vendor):
        day = order.placed_at.astimezone(zone).date()
        if (first and day < first) or (last and day > last):
            continue
        key = (order.status, order.stage, order.refund_state, order.currency)
        orders, total, earnings = found.get(key, (0, ZERO, ZERO))
        found[key] = (orders + 1, total + order.net_total, earnings + order.earnings)
    return found


def as_tallied(vendor, first=None, last=None):
    return {
        (group.status, group.stage, group.refund_state, group.currency): (
            group.orders,
            group.total,
            group.earnings,
        )
        for group in tallied(vendor, first=first, last=last)
    }


# Whatever happens


MOMENTS = st.datetimes(datetime(2018, 9, 1), datetime(2018, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
DAYS = st.none() | st.dates(date(2018, 8, 25), date(2019, 1, 5))
CHANGES = st.one_of(
    st.fixed_dictionaries({"status": st.sampled_from(S.values)}),
    st.fixed_dictionaries({"stage": st.sampled_from(["", *Stage.values])}),
    st.fixed_dictionaries({"refund_state": st.sampled_from(RefundState.values)}),
    st.fixed_dictionaries({"currency": st.sampled_from(["EUR", "CHF"])}),
    st.fixed_dictionaries({"hidden_at": st.sampled_from([None, NOON])}),
    st.fixed_dictionaries({"placed_at": MOMENTS}),
    st.integers(0, 1200).map(
        lambda cents: {
            "refunded_total": Decimal(cents) / 100,
            "net_total": 12 - Decimal(cents) / 100,
            "earnings": 11 - Decimal(cents) / 100,
        }
    ),
)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), MOMENTS),
        st.tuples(st.just("change"), st.integers(0, 7), CHANGES),
        st.tuples(st.just("change all"), CHANGES),
        st.tuples(st.just("give away"), st.integers(0, 7)),
        st.tuples(st.just("delete"), st.integers(0, 7)),
        st.tuples(st.just("move"), st.sampled_from(ZONES)),
        st.tuples(st.just("roll back"), st.integers(0, 7), CHANGES),
    ),
    max_size=12,
)


def write(vendor, other, what, *how):
    orders = Order.objects.filter(vendor__in=[vendor, other]).order_by("pk")
    match what:
        case "add":
            make_plain(vendor, how[0])
        case "change all":
            orders.update(**how[0])
        case "move":
            Vendor.objects.filter(pk=vendor.pk).update(time_zone=how[0])
        case _ if not orders:
            return
        case "change":
            Order.objects.filter(pk=orders[how[0] % len(orders)].pk).update(**how[1])
        case "give away":
            Order.objects.filter(pk=orders[how[0] % len(orders)].pk).update(vendor=other)
        case "delete":
            Order.objects.filter(pk=orders[how[0] % len(orders)].pk).delete()
        case "roll back":
            with transaction.atomic():
                Order.objects.filter(pk=orders[how[0] % len(orders)].pk).update(**how[1])
                transaction.set_rollback(True)


def make_plain(vendor, placed_at=NOON, **fields):
    """An order as its row alone, without what the domain adds."""
    number = f"{Order.objects.count()}-{Order.objects.order_by('-pk').values_list('pk', flat=True).first()}"
    values = {"total": 12, "items_total": 12, "net_total": 12, "commission": 1, "earnings": 11}
    if "earnings" in fields:
        values = {**values, "commission": 0}
    return Order.objects.create(vendor=vendor, number=number, placed_at=placed_at, **{**values, **fields})


@pytest.mark.django_db
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(writes=WRITES, first=DAYS, last=DAYS)
def test_whatever_is_written_the_tally_is_what_counting_finds(db, writes, first, last):
    with transaction.atomic():
        vendor, other = make_vendor(), make_vendor(time_zone="Pacific/Noumea")
        for how in writes:
            write(vendor, other, *how)
        vendor.refresh_from_db()

        assert (differences(vendor), differences(other)) == ([], [])
        assert as_tallied(vendor) == as_counted(vendor)
        assert as_tallied(vendor, first, last) == as_counted(vendor, first, last)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_history_longer_than_a_folding_is_the_same(vendor):
    """On PostgreSQL new rows are folded now and then; what is read does not change by it."""
    orders = [make_plain(vendor, NOON + timedelta(days=3 * n)) for n in range(40)]
    for n, order in enumerate(orders):
        for status in (S.PROCESSING, S.COMPLETED, S.CANCELLED)[: n % 4]:
            Order.objects.filter(pk=order.pk).update(status=status)

    assert differences(vendor) == []
    assert as_tallied(vendor) == as_counted(vendor)
    for days in range(0, 130, 9):
        first, last = (
            date(2026, 11, 20) + timedelta(days=days // 2),
            date(2026, 11, 23) + timedelta(days=days),
        )
        assert as_tallied(vendor, first, last) == as_counted(vendor, first, last)
    if connection.vendor == "postgresql":
        assert Tally.objects.filter(vendor=vendor, span="new").count() < 80
        assert Tally.objects.filter(vendor=vendor, span="month").exists()


@pytest.mark.django_db
def test_amounts_are_added_to_the_cent(vendor):
    for _ in range(30):
        make_plain(vendor, total="0.10", items_total="0.10", net_total="0.10", earnings="0.10")

    [group] = tallied(vendor)
    assert (group.total, group.earnings) == (Decimal("3.00"), Decimal("3.00"))


@pytest.mark.django_db
def test_counting_and_the_tally_make_the_same_groups(vendor):
    make_order(vendor, status=S.PROCESSING)
    make_order(vendor, status=S.COMPLETED, lines=[make_line(None, total="7.30")])

    groups, late = counted(Order.objects.for_vendor(vendor), NOON + timedelta(days=30))
    assert (sorted(groups, key=str), late) == (sorted(tallied(vendor), key=str), 1)


@pytest.mark.django_db
def test_a_range_of_years_is_read_from_months(vendor):
    make_plain(vendor, datetime(2020, 2, 29, 12, tzinfo=UTC))
    repair(vendor)

    [row] = rows_between(vendor, date(2019, 12, 31), date(2026, 11, 1))
    assert (row.span, row.day) == ("month", date(2020, 2, 1))


# Checked and mended


@pytest.mark.django_db
def test_a_wrong_tally_is_found_and_counted_anew(vendor, capsys):
    make_order(vendor, status=S.COMPLETED)
    repair(vendor)
    Tally.objects.filter(vendor=vendor, span="month", status=S.COMPLETED).update(orders=7)

    with pytest.raises(CommandError, match="1 of 1 tallies differ from the orders"):
        call_command("repair_tallies", "--check")
    assert "rucher-des-baux: month 2026-11-01 completed none EUR: +6 orders" in capsys.readouterr().out
    call_command("repair_tallies")
    call_command("repair_tallies", "--check")
    assert "1 tallies are right, 0 of them counted anew" in capsys.readouterr().out


@pytest.mark.django_db
def test_an_amount_that_is_wrong_is_found_too(vendor):
    make_order(vendor, status=S.COMPLETED)
    repair(vendor)
    Tally.objects.filter(vendor=vendor, span="day", status=S.COMPLETED).update(total_cents=1)

    [found] = differences(vendor)
    assert (found.span, found.orders) == ("day", 0)


@pytest.mark.django_db
def test_a_shop_that_is_not_here_is_named():
    with pytest.raises(CommandError, match="There is no shop “nowhere”"):
        call_command("repair_tallies", "--shop", "nowhere")


@pytest.mark.django_db
def test_where_the_triggers_had_gone_a_migration_counts_anew(vendor):
    release_tally()
    make_plain(vendor)
    assert differences(vendor) != []

    keep_tally(apps.get_app_config("orders"))

    assert differences(vendor) == []
    make_plain(vendor)
    assert differences(vendor) == []


@pytest.mark.django_db
def test_on_sqlite_migrations_find_no_trigger_in_their_way(vendor):
    orders = apps.get_app_config("orders")
    make_way(orders, plan=[])
    make_plain(vendor)
    assert differences(vendor) == []

    make_way(orders, plan=["a migration"])

    make_plain(vendor)
    assert bool(differences(vendor)) == (connection.vendor == "sqlite")
    keep_tally(orders)
    assert differences(vendor) == []


# Several at once


def at_once(*acts):
    """Let each act in a thread and connection of its own."""
    gate, errors = threading.Barrier(len(acts)), []

    def run(act):
        try:
            gate.wait(10)
            act()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_eight_writers_and_a_repair_on_one_shop_lose_nothing(vendor):
    orders = [make_plain(vendor, NOON + timedelta(hours=n)) for n in range(160)]

    def work(mine):
        for order in mine:
            for status in (S.ON_HOLD, S.PROCESSING, S.COMPLETED):
                change_status(order, status, by=None, at=NOON)

    def mend():
        for _ in range(20):
            repair(vendor)

    at_once(*[lambda mine=orders[n::8]: work(mine) for n in range(8)], mend)

    assert differences(vendor) == []
    assert Counter(group.status for group in tallied(vendor)) == {"completed": 1}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_no_writer_waits_for_another_of_the_same_shop(vendor):
    """Even one that folds, as every one does here in turn."""
    orders = [make_plain(vendor) for _ in range(200)]

    def impatient():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        for order in orders[100:]:
            Order.objects.filter(pk=order.pk).update(status=S.PROCESSING)

    with transaction.atomic():
        for order in orders[:100]:
            Order.objects.filter(pk=order.pk).update(status=S.COMPLETED)
        at_once(impatient)

    assert differences(vendor) == []
