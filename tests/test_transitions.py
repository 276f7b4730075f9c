"""Who may take which step, and what a step leaves behind: the table of docs/rules/order-states.md."""

from datetime import timedelta
from itertools import product as pairs_of

import pytest
from django.db import transaction

from marketplace.models import OutgoingEmail
from orders.domain.refunds import RefundedLine, refund_order
from orders.domain.transitions import (
    ReasonMissing,
    StaleOrder,
    StepRefused,
    TransitionNotAllowed,
    allowed_steps,
    change_status,
    validate,
)
from orders.emails import silence
from orders.models import HistoryEntry, StatusChange
from orders.states import OrderStatus, Stage
from tests.factories import NOON, make_line, make_member, make_order, make_product, make_user, make_vendor
from vendors.models import Membership
from vendors.roles import Role

S = OrderStatus
pytestmark = pytest.mark.django_db

# V: may prepare orders · P: may manage them · C: the same, where payments are confirmed · M: staff, Comptoir
TABLE = """
            pending on-hold processing completed cancelled refunded failed
pending     .       M       M          .         PM        .        M
on-hold     M       .       CM         .         PM        .        M
processing  .       M       .          VM        M         .        M
completed   .       .       PM         .         .         .        .
cancelled   M       M       M          .         .         .        .
refunded    .       .       .          .         .         .        .
failed      M       M       M          .         PM        .        .
"""
LETTERS = {
    "owner": "VP",
    "manager": "VP",
    "preparer": "V",
    "accountant": "",
    "granted owner": "VPC",
    "granted manager": "VPC",
    "granted preparer": "V",
    "granted accountant": "",
    "stranger": "",
    "owner of another shop": "",
    "owner of a closed shop": "",
    "staff": "M",
    "staff who owns the shop": "VPM",
    "comptoir": "M",
}


def steps_for(letters):
    """The steps (from, to) that have one of the letters in the table."""
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return {
        (S(row[0]), S(to))
        for row in rows
        for to, cell in zip(head, row[1:], strict=True)
        if set(letters) & set(cell)
    }


def actor(vendor, name):
    """The person who is called so, in the shop as it then is; None for Comptoir itself."""
    vendor.confirms_payments = name.startswith("granted")
    vendor.is_active = name != "owner of a closed shop"
    vendor.save()
    match name.removeprefix("granted "):
        case "comptoir":
            return None
        case "stranger":
            return make_user()
        case "owner of another shop":
            return make_member(make_vendor(), Role.OWNER)
        case "owner of a closed shop":
            return make_member(vendor, Role.OWNER)
        case "staff":
            return make_user(is_staff=True)
        case "staff who owns the shop":
            return make_member(vendor, Role.OWNER, is_staff=True)
        case role:
            return make_member(vendor, role)


def undone(act):
    """Run ``act`` and take back all it did."""
    with transaction.atomic():
        result = act()
        transaction.set_rollback(True)
    return result


@pytest.mark.parametrize("name", LETTERS)
def test_every_pair_of_states_is_allowed_as_the_table_says(vendor, everything, name):
    by, wanted = actor(vendor, name), steps_for(LETTERS[name])
    taken = set()
    for origin in S:
        order = make_order(vendor, lines=[(make_product(vendor, stock=10), 3)], status=origin)
        before = everything()
        for to in set(S) - {origin}:
            try:
                undone(lambda to=to, order=order: change_status(order, to, by=by, at=NOON, note="Why"))
            except TransitionNotAllowed:
                assert everything() == before
            else:
                taken.add((origin, to))
            order.refresh_from_db()
        offered = {(origin, to) for to in allowed_steps(order, by)}
        assert offered == {step for step in wanted if step[0] == origin}

    assert taken == wanted


def test_a_storefront_reports_any_step(vendor):
    taken = set()
    for origin, to in pairs_of(S, S):
        order = make_order(vendor, status=origin)
        if change_status(order, to, by=order.source, at=NOON):
            taken.add((origin, to))

    assert taken == {(origin, to) for origin, to in pairs_of(S, S) if origin != to}


def held(order):
    return sum(order.lines.values_list("held", flat=True))


def held_by_the_rule(order, before):
    """What the order must hold; ``refunded`` keeps what it held before."""
    if order.status == S.REFUNDED:
        return before
    takes = order.status in {S.ON_HOLD, S.PROCESSING, S.COMPLETED}
    return sum(line.quantity - line.units_returned for line in order.lines.all()) if takes else 0


def report_all_paths(order, shelf, steps):
    """Report every path of ``steps`` states from where the order is; return how many steps that took."""
    if not steps:
        return 0
    count, origin, before = 0, order.status, held(order)
    for to in S:
        with transaction.atomic():
            change = change_status(order, to, by=order.source, at=NOON)
            shelf.refresh_from_db()
            assert (change is None) == (to == origin)
            assert held(order) == held_by_the_rule(order, before)
            assert (
                shelf.stock == 10 - held(order) == sum(movement.units for movement in shelf.movements.all())
            )
            count += 1 + (report_all_paths(order, shelf, steps - 1) if change else 0)
            transaction.set_rollback(True)
        order.refresh_from_db()
    return count


@pytest.mark.parametrize(
    ("steps", "returned"),
    [
        (2, 0),
        (3, 1),
        pytest.param(4, 0, marks=pytest.mark.slow),
        pytest.param(4, 1, marks=pytest.mark.slow),
    ],
)
def test_reports_by_whatever_path_hold_what_the_state_asks_for(vendor, steps, returned):
    count = 0
    for start in S:
        shelf = make_product(vendor, stock=10)
        order = make_order(vendor, lines=[(shelf, 3)], status=start)
        if returned:
            line = order.lines.get()
            part = RefundedLine(returned, line.total / 3, returned)
            refund_order(order, lines={line.pk: part}, by=order.source, at=NOON)
        with silence():
            count += report_all_paths(order, shelf, steps)

    assert count == 7 * sum(7 * 6**step for step in range(steps))


@pytest.mark.parametrize("status", S)
def test_the_state_it_has_already_is_left_alone_whoever_asks(vendor, owner, everything, status):
    order, staff = make_order(vendor, status=status), make_user(is_staff=True)
    before = everything()
    answers = [
        change_status(order, status, by=by, at=NOON, version=99) for by in (owner, staff, None, order.source)
    ]

    assert (answers, everything()) == ([None] * 4, before)


def test_a_person_gives_a_reason_to_reopen(vendor, owner, everything):
    order = make_order(vendor, number="1042", status=S.COMPLETED)
    before = everything()

    with pytest.raises(ReasonMissing, match="A reason is needed to reopen order 1042: nothing was changed."):
        change_status(order, S.PROCESSING, by=owner, at=NOON, note="  ")

    assert everything() == before


def test_the_reason_is_kept_with_the_step(vendor, owner):
    order = make_order(vendor, status=S.COMPLETED)

    change = change_status(order, S.PROCESSING, by=owner, at=NOON, note=" Came back damaged ")

    assert (change.note.text, change.note.written_by) == ("Came back damaged", owner)


@pytest.mark.parametrize("by_source", [True, False])
def test_nobody_asks_comptoir_or_a_storefront_for_a_reason(vendor, by_source):
    order = make_order(vendor, status=S.COMPLETED)

    assert change_status(order, S.PROCESSING, by=order.source if by_source else None, at=NOON)


def test_a_form_opened_on_an_older_version_changes_nothing(vendor, owner, everything):
    order = make_order(vendor, number="1042", status=S.PROCESSING)
    opened_on = order.version
    change_status(order, S.ON_HOLD, by=order.source, at=NOON)
    change_status(order, S.PROCESSING, by=order.source, at=NOON)
    before = everything()

    with pytest.raises(StaleOrder) as refusal:
        validate(order, by=owner, at=NOON, version=opened_on)

    assert everything() == before
    assert str(refusal.value) == (
        "Nothing was changed: order 1042 is not what you saw any more. "
        "naturalconect put it in progress on 23 Nov 2026 at 12:00."
    )


def test_a_form_opened_on_this_version_is_carried_out(vendor, owner):
    order = make_order(vendor, status=S.PROCESSING)

    validate(order, by=owner, at=NOON, version=order.version)

    assert order.status == S.COMPLETED


def test_the_same_form_posted_twice_has_one_effect(vendor, owner, everything):
    order = make_order(vendor, lines=[(make_product(vendor, stock=5), 1)], status=S.PROCESSING)
    opened_on = order.version
    first = validate(order, by=owner, at=NOON, version=opened_on)
    before = everything()

    second = validate(order, by=owner, at=NOON, version=opened_on)

    assert (first is not None, second, everything()) == (True, None, before)


def test_a_refusal_names_order_state_and_wish(vendor, owner):
    order = make_order(vendor, number="1042", status=S.REFUNDED)

    with pytest.raises(TransitionNotAllowed) as refusal:
        change_status(order, S.PROCESSING, by=owner, at=NOON)

    assert str(refusal.value) == (
        "Order 1042 is “Refunded” and cannot become “Processing”: nothing was changed."
    )


def test_an_unknown_state_is_no_state(vendor):
    with pytest.raises(ValueError, match="'shipped' is not a valid OrderStatus"):
        change_status(make_order(vendor), "shipped", by=None, at=NOON)


def test_paid_at_is_set_once_and_completed_at_is_the_last(vendor):
    order = make_order(vendor)
    steps = [S.PROCESSING, S.COMPLETED, S.PROCESSING, S.CANCELLED, S.PROCESSING, S.COMPLETED, S.REFUNDED]

    for hour, to in enumerate(steps):
        change_status(order, to, by=order.source, at=NOON + timedelta(hours=hour))

    order.refresh_from_db()
    assert (order.paid_at, order.completed_at) == (NOON, NOON + timedelta(hours=5))


def test_an_order_that_is_completed_at_once_is_paid_too(vendor):
    order = make_order(vendor)

    change_status(order, S.COMPLETED, by=order.source, at=NOON)

    assert (order.paid_at, order.completed_at) == (NOON, NOON)


@pytest.mark.parametrize("status", [S.PENDING, S.ON_HOLD, S.CANCELLED, S.FAILED])
def test_other_states_do_not_make_an_order_paid(vendor, status):
    order = make_order(vendor, status=status)

    assert (order.paid_at, order.completed_at) == (None, None)


@pytest.mark.parametrize("status", S)
def test_only_a_paid_order_has_a_stage(vendor, status):
    order = make_order(vendor)
    change_status(order, status, by=order.source, at=NOON)

    assert order.stage == (Stage.TO_PREPARE if status == S.PROCESSING else "")


def test_every_step_is_written_down_with_its_author(vendor, owner):
    order = make_order(vendor, status=S.ON_HOLD)
    staff = make_user(is_staff=True)
    change_status(order, S.PROCESSING, by=staff, at=NOON)
    change_status(order, S.COMPLETED, by=owner, at=NOON)
    change_status(order, S.PROCESSING, by=order.source, at=NOON)
    change_status(order, S.ON_HOLD, by=None, at=NOON)

    entries = HistoryEntry.objects.filter(order=order).order_by("id")
    assert list(entries.values_list("actor", "user", "old_status", "new_status", "version")) == [
        ("source", None, "", "on-hold", 1),
        ("staff", staff.pk, "on-hold", "processing", 2),
        ("person", owner.pk, "processing", "completed", 3),
        ("source", None, "completed", "processing", 4),
        ("system", None, "processing", "on-hold", 5),
    ]


def test_an_order_read_before_another_request_moved_it_is_read_anew(vendor, owner):
    order = make_order(vendor, status=S.PROCESSING)
    read_before = type(order).objects.get(pk=order.pk)
    validate(order, by=owner, at=NOON)

    assert validate(read_before, by=owner, at=NOON) is None
    assert StatusChange.objects.count() == 1


def test_a_step_that_breaks_half_way_leaves_nothing(vendor, owner, everything, monkeypatch):
    order = make_order(vendor, lines=[(make_product(vendor, stock=5), 1)], status=S.PROCESSING)
    before = everything()

    def break_off(*args):
        raise RuntimeError("the machine stops")

    monkeypatch.setattr("orders.emails.announce_step", break_off)
    with pytest.raises(RuntimeError):
        validate(order, by=owner, at=NOON)

    assert everything() == before


def test_a_former_member_may_nothing(vendor, owner):
    order = make_order(vendor, status=S.PROCESSING)
    Membership.objects.filter(user=owner).delete()

    with pytest.raises(StepRefused):
        validate(order, by=owner, at=NOON)


def test_a_refused_step_sends_no_mail(vendor, owner):
    order = make_order(vendor, lines=[make_line(None)], status=S.PROCESSING)

    with pytest.raises(StepRefused):
        change_status(order, S.CANCELLED, by=owner, at=NOON)

    assert OutgoingEmail.objects.count() == 0


@pytest.mark.parametrize("is_staff", [True, False])
def test_who_may_no_longer_sign_in_takes_no_step(vendor, is_staff):
    person = make_user(is_staff=True) if is_staff else make_member(vendor)
    person.is_active = False
    person.save()
    order = make_order(vendor, status=S.PROCESSING)

    with pytest.raises(TransitionNotAllowed):
        change_status(order, S.COMPLETED, by=person, at=NOON)
