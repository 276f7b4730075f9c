"""Several people, workers and storefronts at once, on PostgreSQL: every effect once, and no deadlock."""

import multiprocessing
import threading
from collections import Counter
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction
from django.db.models import Count, Sum

from marketplace.models import OutgoingEmail
from orders.bulk.work import ask_for_bulk, work_on
from orders.domain.fulfillment import ship
from orders.domain.intake import take_order
from orders.domain.order_data import LineData, OrderData, RefundData
from orders.domain.refunds import refund_order
from orders.domain.stock import OutOfStock
from orders.domain.transitions import StepRefused, change_status, validate
from orders.models import BulkAction, BulkJob, HistoryEntry, Order, StatusChange
from orders.states import OrderStatus
from tests.factories import NOON, make_customer, make_member, make_order, make_product
from vendors.domain import team
from vendors.models import Invitation, Membership, Product, User

S = OrderStatus
pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
ROUNDS = range(8)  # a race is not lost every time


def at_once(*acts):
    """Let each act in a thread and connection of its own; return what each returned or raised."""
    gate, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place, act):
        try:
            gate.wait(10)
            results[place] = act()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return results


def refused(results):
    """The refusals; any other error is one of the program's."""
    errors = [result for result in results if isinstance(result, Exception)]
    assert all(isinstance(error, StepRefused | OutOfStock) for error in errors), errors
    return errors


def own(order):
    """The order as another request reads it."""
    return Order.objects.select_related("vendor", "source").get(pk=order.pk)


def units_moved(product):
    return product.movements.aggregate(units=Sum("units"))["units"]


def assert_stock(product, units):
    product.refresh_from_db()
    assert (product.stock, units_moved(product)) == (units, units)


def test_one_order_validated_by_many_is_completed_once(vendor, owner):
    for _ in ROUNDS:
        order = make_order(vendor, status=S.PROCESSING)
        results = at_once(*[lambda o=own(order): validate(o, by=owner, at=NOON) for _ in range(6)])

        assert (refused(results), sum(result is not None for result in results)) == ([], 1)
        assert order.history.filter(kind="status").count() == 1
        assert (
            OutgoingEmail.objects.filter(topic=f"order:{order.pk}", template="order_completed").count() == 1
        )


def test_validating_while_the_storefront_cancels(vendor, owner):
    for _ in ROUNDS:
        product = make_product(vendor, stock=10)
        order = make_order(vendor, lines=[(product, 3)], status=S.PROCESSING)
        mine, theirs = own(order), own(order)

        results = at_once(
            lambda mine=mine: validate(mine, by=owner, at=NOON),
            lambda theirs=theirs: change_status(theirs, S.CANCELLED, by=theirs.source, at=NOON),
        )

        order.refresh_from_db()
        steps = list(
            order.history.filter(kind="status").order_by("id").values_list("old_status", "new_status")
        )
        assert order.status == S.CANCELLED
        assert steps in (
            [("processing", "cancelled")],
            [("processing", "completed"), ("completed", "cancelled")],
        )
        assert len(refused(results)) == 2 - len(steps)
        assert_stock(product, 10)


def test_the_last_amount_is_refunded_once(vendor, owner):
    for _ in ROUNDS:
        order = make_order(vendor, status=S.PROCESSING)
        results = at_once(
            *[
                lambda o=own(order): refund_order(o, amount=Decimal("7.00"), by=owner, at=NOON)
                for _ in range(4)
            ]
        )

        order.refresh_from_db()
        assert (len(refused(results)), order.refunded_total, order.refunds.count()) == (3, Decimal("7.00"), 1)


def test_a_refund_that_is_reported_twice_is_recorded_once(vendor):
    for _ in ROUNDS:
        order = make_order(vendor, status=S.PROCESSING)
        results = at_once(
            *[
                lambda o=own(order): refund_order(
                    o, amount=Decimal("5.00"), by=o.source, at=NOON, external_id="77"
                )
                for _ in range(4)
            ]
        )

        assert (refused(results), len({refund.pk for refund in results})) == ([], 1)


def test_the_last_unit_goes_to_one_of_two_orders(vendor):
    for _ in ROUNDS:
        product = make_product(vendor, stock=1)
        orders = [make_order(vendor, lines=[(product, 1)]) for _ in range(2)]
        results = at_once(
            *[lambda o=own(order): change_status(o, S.PROCESSING, by=None, at=NOON) for order in orders]
        )

        assert [type(error) for error in refused(results)] == [OutOfStock]
        assert_stock(product, 0)


def test_parcels_are_shipped_once(vendor, owner):
    for _ in ROUNDS:
        order = make_order(vendor, lines=[(make_product(vendor), 3)], status=S.PROCESSING)
        results = at_once(*[lambda o=own(order): ship(o, by=owner, at=NOON) for _ in range(4)])

        assert (len(refused(results)), order.shipments.count()) == (3, 1)


def test_orders_of_the_same_products_in_any_order_do_not_block_each_other(vendor):
    mug, bowl = make_product(vendor, stock=1000), make_product(vendor, stock=1000)
    orders = [
        make_order(vendor, lines=[(mug, 1), (bowl, 1)] if n % 2 else [(bowl, 1), (mug, 1)]) for n in range(12)
    ]
    steps = [S.PROCESSING, S.CANCELLED] * 4

    results = at_once(
        *[
            lambda o=own(order): [change_status(o, to, by=None, at=NOON) for to in steps][-1].new_status
            for order in orders
        ]
    )

    assert results == [S.CANCELLED] * 12
    assert_stock(mug, 1000)
    assert_stock(bowl, 1000)


def reported(external_id, lines, **fields):
    price = {
        "net": Decimal(10),
        "tax": Decimal(2),
        "net_before_discount": Decimal(10),
        "tax_before_discount": Decimal(2),
    }
    parts = tuple(
        LineData("product", str(n), "Mug", 1, **price, product_external_id=product, units_returned=back)
        for n, (product, back) in enumerate(lines)
    )
    values = {"status": S.PROCESSING, "email": "anna@example.com", **fields}
    return OrderData(
        external_id,
        external_id,
        currency="EUR",
        placed_at=NOON,
        total=Decimal(12) * len(parts),
        total_tax=Decimal(2) * len(parts),
        lines=parts,
        **values,
    )


def test_two_workers_that_take_the_same_order_make_one(vendor, owner):
    source = make_order(vendor).source
    for n in ROUNDS:
        data = reported(f"x{n}", [("mug", 0)])
        results = at_once(
            *[lambda data=data: take_order(data, source=source, vendor=vendor, at=NOON) for _ in range(4)]
        )

        assert refused(results) == []
        assert Counter(taken.outcome for taken in results) == {"created": 1, "unchanged": 3}
        order = Order.objects.get(external_id=f"x{n}")
        assert (order.lines.count(), order.history.count()) == (1, 1)
        assert OutgoingEmail.objects.filter(topic=f"order:{order.pk}").count() == 1


def test_rows_that_name_the_shop_do_not_wait_for_intake(vendor, monkeypatch):
    source = make_order(vendor).source
    in_intake, done = threading.Event(), threading.Event()

    def slowly(*args, **kwargs):
        in_intake.set()
        assert done.wait(10)

    monkeypatch.setattr("orders.domain.intake.arrive", slowly)

    def adds_a_customer():
        in_intake.wait(10)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '3s'")
            make_customer(vendor)
        done.set()

    results = at_once(
        lambda: take_order(reported("x", [("mug", 0)]), source=source, vendor=vendor, at=NOON),
        adds_a_customer,
    )

    assert refused(results) == []


def test_a_report_of_returned_goods_and_a_cancelled_order_locks_shelves_like_any_other(vendor, monkeypatch):
    """The refund moves the second product, the status then the first: other orders take them in turn."""
    first, second = (make_product(vendor, stock=10, external_id=name) for name in ("first", "second"))
    source = make_order(vendor).source
    lines = [("first", 0), ("second", 0)]
    take_order(reported("x", lines), source=source, vendor=vendor, at=NOON)
    refunded, meanwhile = threading.Event(), threading.Event()

    def after_the_refund(*args, **kwargs):
        refunded.set()
        meanwhile.wait(1)
        return change_status(*args, **kwargs)

    def takes_both():
        assert refunded.wait(10)
        with transaction.atomic():
            Product.objects.filter(pk=first.pk).update(name="First")
            meanwhile.set()
            Product.objects.filter(pk=second.pk).update(name="Second")

    monkeypatch.setattr("orders.domain.intake_changes.change_status", after_the_refund)
    data = reported(
        "x", [("first", 0), ("second", 1)], refunds=(RefundData("77", Decimal(12)),), status=S.CANCELLED
    )
    results = at_once(lambda: take_order(data, source=source, vendor=vendor, at=NOON), takes_both)

    assert refused(results) == []
    assert_stock(first, 10)
    assert_stock(second, 10)


# Many orders, many workers


def start_many(vendor, owner, orders):
    """A bulk action for many orders of two products, as rows in the database."""
    products = [make_product(vendor, stock=orders) for _ in range(2)]
    for n in range(orders):
        make_order(
            vendor, number=str(5000 + n), lines=[(product, 1) for product in products], status=S.PROCESSING
        )
    job = ask_for_bulk(vendor, Order.objects.filter(vendor=vendor), BulkAction.VALIDATE, by=owner, at=NOON)
    return products, job


def assert_all_completed_once(orders, products, job):
    assert Order.objects.filter(status=S.COMPLETED).count() == orders
    per_order = HistoryEntry.objects.filter(kind="status").values("order").annotate(n=Count("pk"))
    assert set(per_order.values_list("n", flat=True)) == {1}
    assert StatusChange.objects.count() == orders
    mails = OutgoingEmail.objects.filter(template="order_completed")
    assert mails.count() == mails.values("topic").distinct().count() == orders
    for product in products:
        assert_stock(product, 0)
    states = Counter(job.items.values_list("state", flat=True))
    assert states["done"] + states["unchanged"] == orders


def test_a_bulk_action_and_single_validations_share_the_orders(vendor, owner):
    products, job = start_many(vendor, owner, 20)

    def one_by_one():
        return [validate(order, by=owner, at=NOON) for order in Order.objects.order_by("-pk")]

    def in_bulk():
        return work_on(BulkJob.objects.get(pk=job.pk), now=lambda: NOON, most=100)

    assert refused(at_once(one_by_one, in_bulk, in_bulk)) == []
    assert_all_completed_once(20, products, job)


def test_two_workers_on_one_bulk_action_do_each_order_once(vendor, owner):
    products, job = start_many(vendor, owner, 20)

    def in_bulk():
        return work_on(BulkJob.objects.get(pk=job.pk), now=lambda: NOON, most=100)

    assert refused(at_once(in_bulk, in_bulk, in_bulk)) == []
    assert Counter(job.items.values_list("state", flat=True)) == {"done": 20}
    assert_all_completed_once(20, products, job)


def works(job_id, user_id, gate, answers):
    """A process of its own: works on the bulk action, then validates every order once more."""
    connections.close_all()
    try:
        gate.wait(60)
        user = User.objects.get(pk=user_id)
        work_on(BulkJob.objects.get(pk=job_id), now=lambda: NOON, most=1000)
        for order in Order.objects.order_by("pk" if multiprocessing.current_process().pid % 2 else "-pk"):
            validate(order, by=user, at=NOON)
        answers.put("")
    except Exception as error:
        answers.put(repr(error))
    finally:
        connections.close_all()


@pytest.mark.parametrize(("workers", "orders"), [(8, 40), pytest.param(20, 500, marks=pytest.mark.slow)])
def test_many_processes_complete_each_order_once(vendor, owner, workers, orders):
    products, job = start_many(vendor, owner, orders)
    start = multiprocessing.get_context("fork")
    gate, answers = start.Barrier(workers), start.Queue()
    connections.close_all()

    processes = [start.Process(target=works, args=(job.pk, owner.pk, gate, answers)) for _ in range(workers)]
    for process in processes:
        process.start()
    told = [answers.get(timeout=300) for _ in processes]
    for process in processes:
        process.join(30)

    assert told == [""] * workers
    assert_all_completed_once(orders, products, job)


@pytest.mark.parametrize("_round", ROUNDS)
def test_two_owners_who_remove_each_other_leave_one(owner, vendor, _round):
    other = make_member(vendor)
    mine, theirs = owner.memberships.get(), other.memberships.get()

    results = at_once(
        lambda: team.remove(theirs, by=owner, at=NOON),
        lambda: team.remove(mine, by=other, at=NOON),
    )

    assert vendor.memberships.filter(role="owner").count() == 1
    assert [type(result) for result in results if result] == [team.TeamRefused]


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_link_that_is_used_twice_at_once_works_once(owner, vendor, _round, monkeypatch):
    monkeypatch.setattr("vendors.domain.team.secrets.token_urlsafe", lambda n: f"secret-{_round}")
    team.invite(vendor, email="lea@example.com", role="preparer", by=owner, at=NOON)
    join = [lambda: team.join(f"secret-{_round}", name="Léa", password="une-belle-phrase", at=NOON)] * 2

    results = at_once(*join)

    assert sum(isinstance(result, Membership) for result in results) == 1
    assert Invitation.objects.exclude(accepted_at=None).count() == 1
