"""Getting the goods to the customer: parcels, pickup, lateness."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from orders.domain.fulfillment import ShippingRefused, correct_tracking, hand_over, ready_for_pickup, ship
from orders.domain.parcels import units_left, units_outstanding
from orders.domain.refunds import RefundedLine, ask_for_refund, confirm_refund, fail_refund, refund_order
from orders.domain.transitions import NotPermitted, StaleOrder, after_working_days, change_status, validate
from orders.models import Order, Shipment
from orders.states import OrderStatus, Stage
from orders.views.timeline import timeline
from tests.factories import NOON, make_line, make_member, make_order, make_product
from vendors.roles import Role

S = OrderStatus
pytestmark = pytest.mark.django_db


@pytest.fixture
def order(vendor):
    lines = [(make_product(vendor, name="Mug"), 3), (make_product(vendor), 1)]
    return make_order(
        vendor, number="1042", lines=[*lines, make_line(None, kind="shipping")], status=S.PROCESSING
    )


@pytest.fixture
def mugs(order):
    return order.lines.first()


def test_without_units_a_parcel_has_all_that_is_left(order, mugs):
    ship(order, units={mugs.pk: 2}, by=None, at=NOON)
    left = units_left(order)

    parcel = ship(order, by=None, at=NOON)

    assert dict(parcel.lines.values_list("line", "units")) == left
    assert (parcel.number, units_left(order)) == (2, {})


def test_a_tracking_number_is_corrected_and_told_where_it_was_told_last(order, mugs):
    ship(order, units={mugs.pk: 1}, by=None, at=NOON)
    ship(order, units={mugs.pk: 1}, carrier="ups", tracking_number="B", by=None, at=NOON)
    told = {"carrier": "colissimo", "tracking_number": " 6A 1 "}

    changed = [correct_tracking(order, 1, **told, by=None, at=NOON + timedelta(hours=n)) for n in (1, 2)]

    assert changed == [True, False]
    assert list(order.shipments.values_list("carrier", "tracking_number")) == [
        ("colissimo", "6A1"),
        ("ups", "B"),
    ]
    assert [
        event.what
        for event in timeline(order, order.history.order_by("id"), [], [], shows_amounts=False)
        if event.icon == "truck"
    ] == [
        "Tracking of parcel 1: Colissimo 6A1",
        "Parcel shipped by UPS, tracking B: 1 × Mug",
        "Parcel shipped: 1 × Mug",
    ]


def test_who_saw_another_state_corrects_no_tracking(order, vendor):
    ship(order, by=None, at=NOON)
    told = {"carrier": "", "tracking_number": "A", "at": NOON}

    with pytest.raises(StaleOrder):
        correct_tracking(order, 1, **told, by=None, version=order.version - 1)
    with pytest.raises(NotPermitted):
        correct_tracking(order, 1, **told, by=make_member(vendor, role=Role.ACCOUNTANT))
    with pytest.raises(Shipment.DoesNotExist):
        correct_tracking(order, 2, **told, by=None)


@pytest.mark.parametrize(("number", "erased_at"), [(" ", None), ("A", NOON)])
def test_a_parcel_without_number_or_person_keeps_none(order, number, erased_at):
    ship(order, by=None, at=NOON)
    Order.objects.filter(pk=order.pk).update(anonymised_at=erased_at)

    with pytest.raises(ShippingRefused, match=r"Parcel 1 of order 1042 keeps no tracking number\."):
        correct_tracking(order, 1, carrier="", tracking_number=number, by=None, at=NOON)


def test_the_last_unit_makes_the_order_shipped(order, mugs):
    stages = []
    for units in ({mugs.pk: 2}, {mugs.pk: 1}, None):
        ship(order, units=units, by=None, at=NOON)
        stages.append(order.stage)

    assert stages == [Stage.TO_PREPARE, Stage.TO_PREPARE, Stage.SHIPPED]
    assert Order.objects.get().status == S.PROCESSING


def test_a_shop_may_complete_with_the_last_parcel(vendor, order, mugs):
    vendor.completes_on_last_parcel = True
    vendor.save()
    statuses = []
    for units in ({mugs.pk: 3}, None):
        ship(order, units=units, by=None, at=NOON)
        statuses.append(order.status)

    assert (statuses, order.stage, order.completed_at) == ([S.PROCESSING, S.COMPLETED], "", NOON)


def test_a_parcel_is_told_in_the_history(order, owner):
    parcel = ship(order, carrier="colissimo", tracking_number=" 6A12 ", by=owner, at=NOON)

    entry = order.history.get(kind="shipment")
    assert (entry.user, parcel.created_by, parcel.shipped_at, entry.version) == (owner, owner, NOON, 2)
    assert entry.data == {
        "shipment": parcel.pk,
        "carrier": "colissimo",
        "contents": [[line.quantity, line.name] for line in order.lines.filter(kind="product")],
    }


@pytest.mark.parametrize(
    ("units", "sentence"),
    [
        (4, "Mug: 3 units can be shipped, not 4."),
        (-1, "Mug: 3 units can be shipped, not -1."),
        (0, "Order 1042 has nothing left to ship."),
    ],
)
def test_impossible_units_are_refused(order, mugs, everything, units, sentence):
    before = everything()

    with pytest.raises(ShippingRefused, match=sentence):
        ship(order, units={mugs.pk: units}, by=None, at=NOON)

    assert everything() == before


def test_units_are_shipped_once(order, mugs):
    ship(order, units={mugs.pk: 2}, by=None, at=NOON)

    with pytest.raises(ShippingRefused, match="1 units can be shipped, not 2."):
        ship(order, units={mugs.pk: 2}, by=None, at=NOON)


def test_shipping_and_lines_of_other_orders_go_into_no_parcel(vendor, order):
    others = [order.lines.get(kind="shipping"), make_order(vendor).lines.get()]

    for line in others:
        with pytest.raises(ShippingRefused, match="Order 1042 has no such line."):
            ship(order, units={line.pk: 1}, by=None, at=NOON)


def test_the_same_form_posted_twice_ships_one_parcel(order, mugs, owner):
    opened_on = order.version
    ship(order, units={mugs.pk: 1}, by=owner, at=NOON, version=opened_on)

    with pytest.raises(StaleOrder):
        ship(order, units={mugs.pk: 1}, by=owner, at=NOON, version=opened_on)

    assert Shipment.objects.count() == 1


def test_refunded_units_need_no_parcel(order, mugs):
    refund_order(order, lines={mugs.pk: RefundedLine(2, Decimal("24.00"), 2)}, by=None, at=NOON)

    assert units_left(order)[mugs.pk] == 1


def test_refunding_what_was_left_to_ship_makes_the_order_shipped(order, mugs):
    ship(order, units={mugs.pk: 3}, by=None, at=NOON)
    other = order.lines.filter(kind="product").last()

    refund_order(order, lines={other.pk: RefundedLine(1, other.total, 1)}, by=None, at=NOON)

    order.refresh_from_db()
    assert order.stage == Stage.SHIPPED


@pytest.mark.parametrize(
    ("completes", "status"), [(True, S.COMPLETED), (False, S.PROCESSING)], ids=["completes", "stays"]
)
def test_refunding_the_last_unit_completes_as_shipping_it_does(vendor, order, mugs, completes, status):
    vendor.completes_on_last_parcel = completes
    vendor.save()
    ship(order, units={mugs.pk: 3}, by=None, at=NOON)
    other = order.lines.filter(kind="product").last()

    refund_order(
        order, lines={other.pk: RefundedLine(1, other.total, 1)}, by=order.source, at=NOON, external_id="77"
    )

    order.refresh_from_db()
    assert order.status == status
    assert [(step.actor, step.new_status) for step in order.history.filter(kind="status")] == (
        [("system", S.COMPLETED)] if completes else []
    )


def test_a_gesture_after_the_last_parcel_completes_nothing(vendor, order):
    ship(order, by=None, at=NOON)
    vendor.completes_on_last_parcel = True
    vendor.save()

    refund_order(order, amount=Decimal("1.00"), by=None, at=NOON)

    assert (order.status, order.stage) == (S.PROCESSING, Stage.SHIPPED)


def refund_all_goods(order, **by):
    named = {
        line.pk: RefundedLine(line.quantity, line.total, 0) for line in order.lines.filter(kind="product")
    }
    return refund_order(order, lines=named, at=NOON, **by)


@pytest.mark.parametrize("pickup", [False, True])
def test_an_order_whose_goods_are_all_refunded_has_nothing_to_prepare(order, pickup):
    if pickup:
        ready_for_pickup(order, by=None, at=NOON)
    refund_all_goods(order, by=None)

    order.refresh_from_db()
    assert (order.status, order.stage, order.prepare_by) == (S.PROCESSING, "", None)
    assert not order.is_late(NOON + timedelta(days=20))


def test_reopened_it_has_nothing_to_prepare_either(order, owner):
    refund_all_goods(order, by=None)
    validate(order, by=owner, at=NOON)
    change_status(order, S.PROCESSING, by=owner, at=NOON, note="Too early")

    assert (order.stage, order.prepare_by) == ("", None)


# Units whose refund is asked for


@pytest.fixture
def asked(order, mugs, owner):
    """A mug whose refund the storefront has not answered yet."""
    order.source.confirms_refunds = True
    order.source.save()
    return ask_for_refund(order, lines={mugs.pk: RefundedLine(1, Decimal("12.00"), 1)}, by=owner, at=NOON)


def test_units_whose_refund_is_asked_for_are_not_shipped_by_themselves(order, mugs, asked):
    parcel = ship(order, by=None, at=NOON)

    assert parcel.lines.get(line=mugs).units == 2
    assert (order.stage, units_left(order), units_outstanding(order)) == (
        Stage.TO_PREPARE,
        {},
        {mugs.pk: 1},
    )


def test_the_answer_says_whether_they_are_still_to_be_shipped(vendor, order, mugs, asked):
    vendor.completes_on_last_parcel = True
    vendor.save()
    ship(order, by=None, at=NOON)
    statuses = [order.status]

    confirm_refund(asked, "77", by=order.source, at=NOON)

    order.refresh_from_db()
    assert [*statuses, order.status] == [S.PROCESSING, S.COMPLETED]


def test_units_whose_refund_failed_are_to_be_shipped(order, mugs, asked):
    ship(order, by=None, at=NOON)
    fail_refund(asked, "Card expired", by=order.source, at=NOON)

    assert (order.stage, units_left(order)) == (Stage.TO_PREPARE, {mugs.pk: 1})


@pytest.mark.parametrize("status", sorted(set(S) - {S.PROCESSING}))
@pytest.mark.parametrize("act", [ship, ready_for_pickup])
def test_only_paid_open_orders_are_shipped_or_made_ready(vendor, status, act):
    order = make_order(vendor, number="1042", status=status)

    with pytest.raises(ShippingRefused, match="Order 1042 is “.*”, so nothing of it can be shipped"):
        act(order, by=None, at=NOON)


def test_ready_and_handed_over(order, owner):
    ready_for_pickup(order, by=owner, at=NOON)
    stage = order.stage
    hand_over(order, by=owner, at=NOON)

    assert (stage, order.status, order.stage) == (Stage.READY_FOR_PICKUP, S.COMPLETED, "")
    assert list(order.history.order_by("id").values_list("kind", flat=True)) == ["arrived", "stage", "status"]


def test_what_is_only_asked_back_is_not_called_shipped(vendor, owner):
    order = make_order(vendor, number="1042", lines=[(make_product(vendor), 1)], status=S.PROCESSING)
    order.source.confirms_refunds = True
    order.source.save()
    line = order.lines.get()
    ask_for_refund(order, lines={line.pk: RefundedLine(1, Decimal("12.00"), 1)}, by=owner, at=NOON)

    with pytest.raises(ShippingRefused, match="Order 1042: a refund of all that is left is asked for."):
        ready_for_pickup(order, by=owner, at=NOON)


def test_the_history_says_what_was_in_a_parcel(order, mugs, owner):
    ship(order, units={mugs.pk: 2}, by=owner, at=NOON, carrier="colissimo", tracking_number="6A123")
    ship(order, by=owner, at=NOON + timedelta(days=1))

    last, first = timeline(order, order.history.filter(kind="shipment"), [], [], shows_amounts=False)

    assert first.what == "Parcel shipped by Colissimo, tracking 6A123: 2 × Mug"
    assert last.what == f"Parcel shipped: 1 × Mug, 1 × {order.lines.all()[1].name}"


def test_ready_and_handed_over_twice_have_one_effect(order, owner, everything):
    seen = []
    for act in (ready_for_pickup, ready_for_pickup, hand_over, hand_over):
        act(order, by=owner, at=NOON, version=order.version)
        seen.append(everything())

    assert (seen[0] == seen[1], seen[1] == seen[2], seen[2] == seen[3]) == (True, False, True)


def test_a_retried_form_of_either_has_one_effect(order, owner):
    opened_on = order.version
    for _ in range(2):
        ready_for_pickup(order, by=owner, at=NOON, version=opened_on)
    opened_on = order.version
    for _ in range(2):
        hand_over(order, by=owner, at=NOON, version=opened_on)

    assert order.history.count() == 3


def test_only_what_waits_is_handed_over(order, owner):
    with pytest.raises(ShippingRefused, match="Order 1042 does not wait for pickup."):
        hand_over(order, by=owner, at=NOON)


def test_what_is_shipped_does_not_wait(order, owner):
    ship(order, by=owner, at=NOON)

    with pytest.raises(ShippingRefused, match="Order 1042 is shipped already."):
        ready_for_pickup(order, by=owner, at=NOON)


def test_what_waited_may_be_shipped_after_all(order, owner):
    ready_for_pickup(order, by=owner, at=NOON)
    ship(order, by=owner, at=NOON)

    assert order.stage == Stage.SHIPPED


def test_a_reopened_order_has_its_parcels_still(order, mugs):
    ship(order, units={mugs.pk: 1}, by=None, at=NOON)
    validate(order, by=None, at=NOON)
    change_status(order, S.PROCESSING, by=None, at=NOON)
    stages = [order.stage]
    ship(order, by=None, at=NOON)
    validate(order, by=None, at=NOON)
    change_status(order, S.PROCESSING, by=None, at=NOON)

    assert [*stages, order.stage] == [Stage.TO_PREPARE, Stage.SHIPPED]


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.OWNER, True), (Role.MANAGER, True), (Role.PREPARER, True), (Role.ACCOUNTANT, False)],
)
@pytest.mark.parametrize("act", [ship, ready_for_pickup, hand_over])
def test_who_may_prepare_orders(vendor, order, role, may, act, everything):
    person = make_member(vendor, role)
    if act is hand_over:
        ready_for_pickup(order, by=None, at=NOON)
    before = everything()

    if may:
        act(order, by=person, at=NOON)
    else:
        with pytest.raises(NotPermitted):
            act(order, by=person, at=NOON)

    assert (everything() != before) == may


@pytest.mark.parametrize(
    ("carrier", "number", "url"),
    [
        ("colissimo", "6A 1/2", "https://www.laposte.fr/outils/suivre-vos-envois?code=6A1%2F2"),
        ("chronopost", "XY", "https://www.chronopost.fr/tracking-no-cms/suivi-page?listeNumerosLT=XY"),
        ("other", "XY", ""),
        ("colissimo", "", ""),
        ("", "XY", ""),
    ],
)
def test_the_carriers_page_follows_the_parcel(order, carrier, number, url):
    assert ship(order, carrier=carrier, tracking_number=number, by=None, at=NOON).tracking_url == url


def test_a_parcel_may_have_left_on_an_earlier_day(order):
    left_at = order.placed_at + timedelta(hours=1)

    assert ship(order, shipped_at=left_at, by=None, at=left_at + timedelta(days=3)).shipped_at == left_at


@pytest.mark.parametrize(
    ("days", "sentence"),
    [(1, "cannot have left in the future"), (-2, "cannot have left before the order was placed")],
)
def test_a_parcel_leaves_between_the_order_and_now(order, days, sentence):
    with pytest.raises(ShippingRefused, match=sentence):
        ship(order, shipped_at=order.placed_at + timedelta(days=days), by=None, at=order.placed_at)

    assert not order.shipments.exists()


# Lateness

FRIDAY = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "start", "late_from"),
    [
        (2, NOON, NOON + timedelta(days=2)),  # a Monday
        (2, FRIDAY, FRIDAY + timedelta(days=4)),
        (1, FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=3)),  # a Saturday
        (0, NOON, NOON),
        (0, FRIDAY + timedelta(days=2), FRIDAY + timedelta(days=3)),  # a Sunday
        (5, FRIDAY, FRIDAY + timedelta(days=7)),
    ],
)
def test_a_delay_is_counted_in_working_days(vendor, days, start, late_from):
    vendor.late_after_days = days

    assert after_working_days(start, vendor) == late_from


def test_the_day_is_the_shops(vendor):
    vendor.time_zone, vendor.late_after_days = "Indian/Reunion", 1
    friday_night_in_paris = datetime(2026, 11, 27, 21, 0, tzinfo=UTC)  # Saturday, one o'clock, in Réunion

    assert after_working_days(friday_night_in_paris, vendor) == friday_night_in_paris + timedelta(days=2)


def test_an_hour_of_the_clock_stays_when_summer_time_ends(vendor):
    vendor.late_after_days = 1
    friday = datetime(2026, 10, 23, 10, 0, tzinfo=UTC)  # noon in Paris

    assert after_working_days(friday, vendor) == datetime(2026, 10, 26, 11, 0, tzinfo=UTC)


def is_late(order, at):
    """What the order says of itself, and whether the list finds it."""
    order.refresh_from_db()
    return order.is_late(at), Order.objects.late(at).filter(pk=order.pk).exists()


def test_an_order_nothing_was_done_for_is_late(vendor):
    order = make_order(vendor, status=S.PROCESSING, placed_at=FRIDAY)
    due = FRIDAY + timedelta(days=4)

    assert [is_late(order, at) for at in (due, due + timedelta(seconds=1))] == [(False, False), (True, True)]


@pytest.mark.parametrize(
    "act",
    [
        lambda order: ship(order, units={order.lines.first().pk: 1}, by=None, at=NOON),
        lambda order: ready_for_pickup(order, by=None, at=NOON),
        lambda order: validate(order, by=None, at=NOON),
        lambda order: change_status(order, S.ON_HOLD, by=None, at=NOON),
    ],
)
def test_an_order_something_was_done_for_is_not_late(order, act):
    act(order)

    assert is_late(order, NOON + timedelta(days=30)) == (False, False)


@pytest.mark.parametrize("status", sorted(set(S) - {S.PROCESSING}))
def test_other_orders_are_never_late(vendor, status):
    assert is_late(make_order(vendor, status=status), NOON + timedelta(days=30)) == (False, False)


def test_refunded_units_are_not_shipped(order, mugs):
    refund_order(order, lines={mugs.pk: RefundedLine(2, mugs.total / 3 * 2, 2)}, by=None, at=NOON)

    with pytest.raises(ShippingRefused, match="1 units can be shipped, not 3"):
        ship(order, units={mugs.pk: 3}, by=None, at=NOON)


def test_a_reopened_order_is_late_by_its_reopening(vendor):
    order = make_order(vendor, status=S.PROCESSING, placed_at=NOON - timedelta(days=60))
    validate(order, by=None, at=NOON - timedelta(days=59))

    change_status(order, S.PROCESSING, by=None, at=NOON, note="Retour du colis")

    assert order.prepare_by == after_working_days(NOON, vendor)
