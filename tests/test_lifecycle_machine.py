"""Orders that live at random: whatever people, staff and storefronts do, in whatever order, it adds up.

``HYPOTHESIS_PROFILE=nightly`` lets two thousand lives be lived instead of some.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from marketplace.models import OutgoingEmail
from orders.domain.fulfillment import hand_over, ready_for_pickup, ship
from orders.domain.parcels import is_all_refunded, units_left, units_outstanding
from orders.domain.refunds import (
    RefundedLine,
    RefundRefused,
    ask_for_refund,
    cancel_and_refund,
    confirm_refund,
    fail_refund,
    preview_refund,
    refund_order,
)
from orders.domain.stock import OutOfStock, count
from orders.domain.tallies import differences
from orders.domain.transitions import StaleOrder, StepRefused, change_status, validate
from orders.models import HistoryEntry, Order, Refund, Source
from orders.states import OrderStatus, RefundState
from tests.factories import (
    FIVE_FIVE,
    NOON,
    make_line,
    make_member,
    make_order,
    make_product,
    make_user,
    make_vendor,
)
from vendors.roles import Role

S = OrderStatus
TAKES = {S.ON_HOLD, S.PROCESSING, S.COMPLETED}
MOST_ORDERS = 4
ZERO = Decimal("0.00")

nth = st.integers(0, 11)  # which of the orders, lines or shelves there are
statuses = st.sampled_from(S)
parts = st.fractions(0, 1, max_denominator=7)


def part_of(amount, part):
    return (amount * part.numerator / part.denominator).quantize(Decimal("0.01"))


class LifeOfOrders(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.everything = transaction.atomic()
        self.everything.__enter__()
        self.now, self.reports = NOON, 0
        self.vendor = make_vendor(confirms_payments=True)
        self.owner = make_member(self.vendor, Role.OWNER)
        self.people = [self.owner, make_member(self.vendor, Role.PREPARER), make_user(is_staff=True), None]
        self.shelves = [
            make_product(self.vendor, stock=6),
            make_product(self.vendor, stock=2, vat_rate=FIVE_FIVE, price="7.77"),
            make_product(self.vendor),
        ]
        self.orders = []
        self.seen = {}  # {order line: (units held, units returned)} after the last rule
        self.versions = {}

    def teardown(self):
        transaction.set_rollback(True)
        self.everything.__exit__(None, None, None)

    # Who lives

    def order(self, n):
        order = self.orders[n % len(self.orders)]
        order.refresh_from_db()
        return order

    def by(self, n):
        return self.people[n % len(self.people)]

    def attempt(self, act, *args, **kwargs):
        """Do it, or see that a refusal changed nothing; return whether it was done."""
        before = self.snapshot()
        try:
            with transaction.atomic():
                act(*args, at=self.now, **kwargs)
        except (StepRefused, OutOfStock) as refusal:
            assert str(refusal)
            assert self.snapshot() == before
            return False
        return True

    def twice(self, act, *args, **kwargs):
        """Do it; a second time must change nothing, refused or not. Return whether it was done."""
        if not self.attempt(act, *args, **kwargs):
            return False
        before = self.snapshot()
        self.attempt(act, *args, **kwargs)
        assert self.snapshot() == before
        return True

    def snapshot(self):
        return (
            list(
                Order.objects.order_by("pk").values_list("pk", "status", "version", "net_total", "earnings")
            ),
            [shelf.movements.count() for shelf in self.shelves],
            HistoryEntry.objects.count(),
            OutgoingEmail.objects.count(),
            list(Refund.objects.order_by("pk").values_list("pk", "progress", "amount")),
        )

    # What happens

    @rule()
    def time_passes(self):
        self.now += timedelta(hours=7)

    @precondition(lambda self: len(self.orders) < MOST_ORDERS)
    @rule(status=statuses, units=st.lists(st.integers(0, 3), min_size=3, max_size=3), confirms=st.booleans())
    def an_order_comes_in(self, status, units, confirms):
        source = Source.objects.get_or_create(
            slug=f"storefront-{confirms}", defaults={"name": "Storefront", "confirms_refunds": confirms}
        )[0]
        lines = [(shelf, n) for shelf, n in zip(self.shelves, units, strict=True) if n]
        self.orders.append(
            make_order(
                self.vendor,
                lines=[*lines, make_line(None, kind="shipping", total="4.90")],
                status=status,
                placed_at=self.now,
                source=source,
                announce=True,
            )
        )

    @precondition(lambda self: self.orders)
    @rule(n=nth, to=statuses, who=nth, reason=st.sampled_from(["", "Came back"]))
    def somebody_takes_a_step(self, n, to, who, reason):
        self.twice(change_status, self.order(n), to, by=self.by(who), note=reason)

    @precondition(lambda self: self.orders)
    @rule(n=nth, to=statuses)
    def the_storefront_reports(self, n, to):
        order = self.order(n)
        self.twice(change_status, order, to, by=order.source)
        assert order.status == to

    @precondition(lambda self: self.orders)
    @rule(n=nth)
    def a_form_opened_long_ago_is_sent(self, n):
        order = self.order(n)
        before = self.snapshot()
        try:
            validate(order, by=self.owner, at=self.now, version=order.version + 1)
        except StaleOrder:
            assert order.status != S.COMPLETED
        else:
            assert order.status == S.COMPLETED
        assert self.snapshot() == before

    @precondition(lambda self: self.orders)
    @rule(n=nth, units=st.integers(0, 2), back=st.integers(0, 2), part=parts, line=nth, known=st.booleans())
    def the_storefront_refunds(self, n, units, back, part, line, known):
        order = self.order(n)
        self.reports += not known
        lines = list(order.lines.all())
        chosen = lines[line % len(lines)]
        amount = part_of(order.total - order.refunded_total, part)
        self.twice(
            refund_order,
            order,
            lines={chosen.pk: RefundedLine(units, ZERO, back)} if back else None,
            amount=amount,
            by=order.source,
            external_id=f"r{self.reports}",
        )

    @precondition(lambda self: self.orders)
    @rule(n=nth, part=parts, whole=st.booleans(), who=nth)
    def somebody_refunds_an_amount(self, n, part, whole, who):
        order = self.order(n)
        amount = order.refundable if whole else part_of(order.total, part)
        self.attempt(ask_for_refund, order, amount=amount, by=self.by(who), version=order.version)

    @precondition(lambda self: self.orders)
    @rule(n=nth, line=nth, units=st.integers(0, 3), back=st.integers(0, 3), part=parts, rest=parts)
    def somebody_refunds_a_line(self, n, line, units, back, part, rest):
        order = self.order(n)
        lines = list(order.lines.all())
        chosen = lines[line % len(lines)]
        amount = part_of(chosen.refundable, part)
        named = {chosen.pk: RefundedLine(units, amount, back)}
        more = amount + part_of(max(order.refundable - amount, ZERO), rest)
        try:
            preview = preview_refund(order, lines=named, amount=more)
        except RefundRefused:
            preview = None
        done = self.attempt(ask_for_refund, order, lines=named, amount=more, by=self.owner)
        if done and not order.source.confirms_refunds:
            assert (preview.amount, preview.earnings_after) == (more, order.earnings)

    @precondition(lambda self: Refund.objects.filter(progress="requested").exists())
    @rule(n=nth, fails=st.booleans())
    def the_storefront_answers_a_request(self, n, fails):
        requests = list(Refund.objects.filter(progress="requested").order_by("pk"))
        refund = requests[n % len(requests)]
        if fails:
            self.twice(fail_refund, refund, "No", by=refund.order.source)
        else:
            self.reports += 1
            self.twice(confirm_refund, refund, f"r{self.reports}", by=refund.order.source)

    @precondition(lambda self: self.orders)
    @rule(n=nth)
    def the_owner_stops_an_order(self, n):
        order = self.order(n)
        if self.twice(cancel_and_refund, order, by=self.owner) and not order.source.confirms_refunds:
            assert (order.net_total, order.lines.exclude(held=0).count()) == (0, 0)

    @precondition(lambda self: self.orders)
    @rule(n=nth, most=st.integers(1, 3), who=nth)
    def somebody_ships(self, n, most, who):
        order = self.order(n)
        units = {pk: min(count, most) for pk, count in units_left(order).items()}
        self.attempt(ship, order, units=units, by=self.by(who))

    @precondition(lambda self: self.orders)
    @rule(n=nth, who=nth, ends=st.booleans())
    def somebody_hands_over(self, n, who, ends):
        self.twice(hand_over if ends else ready_for_pickup, self.order(n), by=self.by(who))

    @rule(n=nth, units=st.integers(0, 8))
    def somebody_counts(self, n, units):
        shelf = self.shelves[n % len(self.shelves)]
        self.now += timedelta(minutes=1)  # whatever was placed till now was placed before the count
        count(shelf, units, by=self.owner, at=self.now)
        shelf.refresh_from_db()
        assert shelf.stock == units

    # What always holds

    @invariant()
    def the_stock_is_the_sum_of_its_movements(self):
        for shelf in self.shelves:
            shelf.refresh_from_db()
            units = shelf.movements.aggregate(units=Sum("units"))["units"]
            assert (shelf.stock or 0) == (units or 0)

    @invariant()
    def every_order_holds_what_its_state_asks_for(self):
        for order in self.orders:
            order.refresh_from_db()
            for line in order.lines.select_related("product"):
                assert line.held == self.held_by_the_rule(order, line)
                moved = line.movements.aggregate(units=Sum("units"))["units"] or 0
                assert line.held == -moved
                self.seen[line.pk] = (line.held, line.units_returned)

    def held_by_the_rule(self, order, line):
        product = line.product
        counted = product is not None and product.stock is not None
        if not counted or (product.counted_at and order.placed_at < product.counted_at):
            return 0
        if order.status == S.REFUNDED:
            held, returned = self.seen.get(line.pk, (0, 0))
            return max(held - (line.units_returned - returned), 0)
        return line.quantity - line.units_returned if order.status in TAKES else 0

    @invariant()
    def the_money_adds_up(self):
        for order in self.orders:
            lines = list(order.lines.all())
            refunds = [refund for refund in order.refunds.all() if refund.progress == "confirmed"]
            requests = [refund.amount for refund in order.refunds.all() if refund.progress == "requested"]
            assert sum(line.total for line in lines) == order.total
            assert order.total - order.refunded_total == order.earnings + order.commission_kept
            assert sum(line.refunded_total for line in lines) == order.refunded_total
            assert sum(refund.amount for refund in refunds) == order.refunded_total
            assert sum(refund.commission_given_back for refund in refunds) == order.commission_given_back
            assert sum(requests) == order.refund_requested_total
            assert 0 <= order.refunded_total <= order.total
            for refund in refunds:
                assert sum(part.amount for part in refund.lines.all()) == refund.amount
            for line in lines:
                assert 0 <= line.refunded_total <= line.total
                assert 0 <= line.units_returned <= line.quantity
                assert 0 <= line.units_refunded <= line.quantity
            if order.refunded_total == order.total:
                assert (order.refund_state, order.earnings) == (RefundState.FULL, 0)
                assert order.commission_given_back == order.commission

    @invariant()
    def the_history_is_complete(self):
        for order in self.orders:
            entries = list(order.history.order_by("id"))
            changes = [entry for entry in entries if entry.kind in ("arrived", "status")]
            assert [entry.old_status for entry in changes[1:]] == [entry.new_status for entry in changes[:-1]]
            assert changes[-1].new_status == order.status
            versions = [entry.version for entry in entries]
            assert versions == sorted(versions)
            assert versions[-1] <= order.version
            assert self.versions.get(order.pk, 0) <= order.version
            self.versions[order.pk] = order.version

    @invariant()
    def the_tally_is_what_counting_finds(self):
        assert differences(self.vendor) == []

    @invariant()
    def dates_and_stage_fit_the_state(self):
        for order in self.orders:
            order.refresh_from_db()
            states = set(order.history.values_list("new_status", flat=True))
            assert (order.paid_at is not None) == bool(states & {S.PROCESSING, S.COMPLETED})
            assert (order.completed_at is not None) == (S.COMPLETED in states)
            nothing_to_do = is_all_refunded(order) and not order.shipments.exists()
            assert bool(order.stage) == (order.status == S.PROCESSING and not nothing_to_do)
            shipped = order.shipments.exists() and not units_outstanding(order)
            assert (order.stage == "shipped") == (order.status == S.PROCESSING and shipped)

    @invariant()
    def each_mail_is_told_once(self):
        mails = OutgoingEmail.objects
        assert mails.count() == mails.values("event").distinct().count()
        news = mails.filter(template="new_order", to=self.owner.email)
        announced = [order for order in self.orders if order.history.filter(new_status__in=TAKES).exists()]
        assert news.count() == len(announced)


def lives(examples, steps):
    run_state_machine_as_test(
        LifeOfOrders, settings=settings(max_examples=examples, stateful_step_count=steps)
    )


@pytest.mark.django_db
def test_whatever_happens_to_orders_adds_up():
    lives(15, 20)


@pytest.mark.slow
@pytest.mark.django_db
def test_whatever_happens_to_orders_for_long_adds_up():
    lives(settings.default.max_examples, 40)
