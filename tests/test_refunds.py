"""Money given back: by lines, by amount, asked for and confirmed by the storefront."""

from decimal import Decimal

import pytest

from marketplace.models import OutgoingEmail
from orders.domain.earnings import CommissionRules
from orders.domain.refunds import (
    RefundedLine,
    RefundRefused,
    ask_for_refund,
    cancel_and_refund,
    confirm_refund,
    fail_refund,
    refund_order,
    refund_what_no_refund_accounts_for,
)
from orders.domain.transitions import NotPermitted, StaleOrder, change_status
from orders.forms import RefundForm, price_of_units
from orders.models import Refund
from orders.states import OrderStatus, RefundState
from orders.views.timeline import timeline
from tests.factories import NOON, make_line, make_member, make_order, make_product, make_source
from vendors.roles import Role

S = OrderStatus
pytestmark = pytest.mark.django_db


def d(text):
    return Decimal(text)


@pytest.fixture
def shelf(vendor):
    return make_product(vendor, stock=10, price="12.00")


@pytest.fixture
def order(vendor, shelf):
    """Three mugs for 36.00, and shipping for 6.00."""
    return make_order(
        vendor, number="1042", lines=[(shelf, 3), make_line(None, kind="shipping")], status=S.PROCESSING
    )


@pytest.fixture
def order_of_storefront(order):
    """The same, of a storefront that carries refunds out itself."""
    order.source.confirms_refunds = True
    order.source.save()
    return order


@pytest.fixture
def mugs(order):
    return order.lines.get(kind="product")


@pytest.fixture
def carriage(order):
    return order.lines.get(kind="shipping")


def stock(shelf):
    shelf.refresh_from_db()
    return shelf.stock


# By lines


def test_units_of_a_line_are_refunded_and_put_back(order, mugs, shelf):
    refund = refund_order(order, lines={mugs.pk: RefundedLine(2, d("24.00"), 1)}, by=None, at=NOON)

    mugs.refresh_from_db()
    assert (mugs.units_refunded, mugs.units_returned, mugs.held) == (2, 1, 2)
    assert (refund.amount, mugs.refunded_total, refund.is_spread) == (d("24.00"), d("24.00"), False)
    assert stock(shelf) == 8


def test_an_amount_of_a_line_alone_moves_no_unit(order, mugs, shelf):
    refund_order(order, lines={mugs.pk: RefundedLine(0, d("5.00"))}, by=None, at=NOON)

    mugs.refresh_from_db()
    assert (mugs.units_refunded, mugs.refunded_total, stock(shelf)) == (0, d("5.00"), 7)


def test_shipping_alone_is_refunded_without_commission(order, carriage):
    refund = refund_order(order, lines={carriage.pk: RefundedLine(0, d("6.00"))}, by=None, at=NOON)

    assert (refund.amount, refund.commission_given_back, order.refund_state) == (
        d("6.00"),
        0,
        RefundState.PARTIAL,
    )


def test_what_the_amount_has_beyond_the_lines_is_spread(order, mugs, carriage):
    refund = refund_order(
        order, lines={mugs.pk: RefundedLine(1, d("12.00"))}, amount=d("17.00"), by=None, at=NOON
    )

    assert refund.is_spread
    assert dict(refund.lines.values_list("line", "amount")) == {mugs.pk: d("16.00"), carriage.pk: d("1.00")}


def test_a_partial_refund_leaves_the_status(order):
    refund_order(order, amount=d("41.99"), by=None, at=NOON)

    assert (order.status, order.refund_state, order.net_total) == (
        S.PROCESSING,
        RefundState.PARTIAL,
        d("0.01"),
    )


@pytest.mark.parametrize("status", [S.PROCESSING, S.COMPLETED])
def test_the_last_cent_makes_the_order_refunded(order, status):
    change_status(order, status, by=order.source, at=NOON)
    refund_order(order, amount=d("41.99"), by=None, at=NOON)
    refund_order(order, amount=d("0.01"), by=None, at=NOON)

    assert (order.status, order.refund_state, order.refunded_at, order.earnings) == (
        S.REFUNDED,
        RefundState.FULL,
        NOON,
        0,
    )


def test_a_refund_is_told_in_the_history_with_its_reason(order, owner):
    refund = refund_order(order, amount=d("5.00"), by=owner, at=NOON, reason=" Broken ")

    entry = order.history.get(kind="refund")
    assert (entry.user, entry.version, refund.reason.text) == (owner, order.version, "Broken")
    assert entry.data == {
        "refund": refund.pk,
        "progress": "confirmed",
        "amount": "5.00",
        "currency": "EUR",
        "spread": True,
    }


# Rebates: lines with a negative amount


@pytest.fixture
def rebated(vendor, shelf):
    """Two mugs for 24.00 and a rebate of 6.00 on the order: 18.00, with 2.00 of commission."""
    fee = make_line(None, kind="fee", total="-6.00", vat_rate=d("0"))
    return make_order(vendor, number="1043", lines=[(shelf, 2), fee], status=S.PROCESSING)


@pytest.mark.parametrize("amounts", [["18.00"], ["24.00", "-6.00"], ["6.00", "0.00"]])
def test_a_whole_refund_settles_every_line_and_the_whole_commission(rebated, amounts):
    lines = list(rebated.lines.all())
    if amounts[0] == "6.00":
        refund_order(rebated, lines={lines[0].pk: RefundedLine(1, d("12.00"), 1)}, by=None, at=NOON)
    named = {line.pk: RefundedLine(0, d(amount)) for line, amount in zip(lines, amounts, strict=False)}

    refund_order(rebated, lines=named, by=None, at=NOON)

    assert [line.refunded_total for line in rebated.lines.all()] == [d("24.00"), d("-6.00")]
    assert (rebated.status, rebated.commission_given_back, rebated.earnings) == (S.REFUNDED, d("2.00"), 0)


def refund_form(order, **typed):
    form = RefundForm({name: str(value) for name, value in typed.items()}, order=order)
    assert form.is_valid(), form.errors
    return form


def test_a_rebate_takes_off_what_the_lines_have_beyond_what_is_left(rebated):
    mugs, rebate = rebated.lines.all()

    form = refund_form(rebated, **{f"units_{mugs.pk}": 2})

    assert (form.refunded_lines, form.whole) == (
        {mugs.pk: RefundedLine(2, d("24.00")), rebate.pk: RefundedLine(0, d("-6.00"))},
        None,
    )


def test_a_rebate_stays_out_of_a_refund_that_leaves_enough(rebated):
    mugs, _ = rebated.lines.all()

    assert refund_form(rebated, **{f"units_{mugs.pk}": 1}).refunded_lines == {
        mugs.pk: RefundedLine(1, d("12.00"))
    }


def test_no_units_cost_nothing_even_where_money_is_left_of_a_line_without_units(order, mugs, carriage):
    refund_order(order, lines={mugs.pk: RefundedLine(3, d("30.00"))}, by=None, at=NOON)

    form = refund_form(order, **{f"amount_{carriage.pk}": "6"})

    assert form.refunded_lines == {carriage.pk: RefundedLine(0, d("6.00"))}


def test_the_price_of_units_is_rounded_half_up(vendor):
    line = make_order(vendor, lines=[make_line(None, 8, total="1.00")]).lines.get()

    assert [price_of_units(line, units) for units in (1, 3, 5)] == [d("0.13"), d("0.38"), d("0.63")]
    assert line.unit_price == d("0.13")


def test_a_rebate_is_named_like_another_line(rebated):
    mugs, rebate = rebated.lines.all()

    form = refund_form(rebated, **{f"units_{mugs.pk}": 1, f"amount_{rebate.pk}": "-3"})

    assert form.refunded_lines == {
        mugs.pk: RefundedLine(1, d("12.00")),
        rebate.pk: RefundedLine(0, d("-3.00")),
    }


# Limits


@pytest.mark.parametrize(
    ("part", "amount", "sentence"),
    [
        (None, "42.01", r"Order 1042: €42.00 can be refunded, not €42.01."),
        (None, "0.00", "more than nothing"),
        (None, "-5.00", "more than nothing"),
        (None, "5.001", "“5.001” is not an amount with at most two decimals."),
        (None, "NaN", "“NaN” is not an amount"),
        (None, "sNaN", "“sNaN” is not an amount"),
        (None, "Infinity", "“Infinity” is not an amount"),
        (None, "1e30", r"“1E\+30” is not an amount"),
        (RefundedLine(1, Decimal("1.005")), "5.00", "“1.005” is not an amount with at most two decimals."),
        (RefundedLine(1, Decimal("NaN")), None, "“NaN” is not an amount"),
        (RefundedLine(4, Decimal("12.00")), None, "3 units can be refunded, not 4."),
        (RefundedLine(-1, Decimal("12.00")), None, "3 units can be refunded, not -1."),
        (RefundedLine(1, Decimal("12.00"), 4), None, "3 units can come back, not 4."),
        (RefundedLine(1, Decimal("12.00"), -1), None, "3 units can come back, not -1."),
        (RefundedLine(3, Decimal("36.01")), None, "€36.00 can be refunded, not €36.01."),
        (RefundedLine(3, Decimal("-1.00")), None, "€36.00 can be refunded, not −\u00a0€1.00."),
        (RefundedLine(1, Decimal("12.00")), "11.00", "add up to €12.00, more than the amount of €11.00."),
        (RefundedLine(1, Decimal("0.00")), None, "more than nothing"),
    ],
)
def test_a_refund_that_is_not_possible_is_refused(order, mugs, everything, part, amount, sentence):
    before = everything()

    with pytest.raises(RefundRefused, match=sentence.replace("$", r"\$")):
        refund_order(order, lines=part and {mugs.pk: part}, amount=amount and d(amount), by=None, at=NOON)

    assert everything() == before


@pytest.mark.parametrize("refund", [refund_order, ask_for_refund])
def test_every_line_is_refunded_in_cents_not_just_their_sum(order, mugs, carriage, refund):
    thirds = {line.pk: RefundedLine(0, d("1.005")) for line in (mugs, carriage)}

    with pytest.raises(RefundRefused, match="“1.005” is not an amount with at most two decimals."):
        refund(order, lines=thirds, by=None, at=NOON)


def test_a_whole_number_is_an_amount(order, mugs):
    refund_order(order, lines={mugs.pk: RefundedLine(1, 12)}, amount=13, by=None, at=NOON)

    assert order.refunded_total == d("13.00")


@pytest.mark.parametrize("amount", ["twelve", object(), float("nan"), 1.1])
def test_what_is_no_number_of_cents_is_refused(order, amount):
    with pytest.raises(RefundRefused, match="is not an amount with at most two decimals"):
        refund_order(order, amount=amount, by=None, at=NOON)


def test_a_line_of_another_order_is_refused(order, vendor):
    other = make_order(vendor).lines.get()

    with pytest.raises(RefundRefused, match="Order 1042 has no such line."):
        refund_order(order, lines={other.pk: RefundedLine(1, d("1.00"))}, by=None, at=NOON)


def test_what_is_refunded_is_not_refunded_again(order, mugs):
    refund_order(order, lines={mugs.pk: RefundedLine(2, d("24.00"), 2)}, by=None, at=NOON)

    for part in (RefundedLine(2, d("1.00")), RefundedLine(1, d("1.00"), 2), RefundedLine(0, d("12.01"))):
        with pytest.raises(RefundRefused):
            refund_order(order, lines={mugs.pk: part}, by=None, at=NOON)


@pytest.mark.parametrize("status", [S.PENDING, S.ON_HOLD, S.REFUNDED, S.FAILED])
def test_only_paid_orders_are_refunded_by_people(order, owner, status, everything):
    change_status(order, status, by=order.source, at=NOON)
    before = everything()

    with pytest.raises(
        RefundRefused, match="Order 1042 is “.*” and cannot be refunded: nothing was changed."
    ):
        refund_order(order, amount=d("5.00"), by=owner, at=NOON)

    assert everything() == before


@pytest.mark.parametrize(
    ("role", "may"),
    [(Role.OWNER, True), (Role.MANAGER, True), (Role.PREPARER, False), (Role.ACCOUNTANT, False)],
)
@pytest.mark.parametrize("refund", [refund_order, ask_for_refund])
def test_who_may_refund(vendor, order, role, may, refund):
    person = make_member(vendor, role)

    if may:
        refund(order, amount=d("5.00"), by=person, at=NOON)
    else:
        with pytest.raises(NotPermitted):
            refund(order, amount=d("5.00"), by=person, at=NOON)

    assert order.refunds.count() == int(may)


@pytest.mark.parametrize("refund", [refund_order, ask_for_refund])
def test_a_form_opened_before_another_refund_is_refused(order, owner, refund):
    opened_on = order.version
    refund(order, amount=d("5.00"), by=owner, at=NOON, version=opened_on)

    with pytest.raises(StaleOrder):
        refund(order, amount=d("5.00"), by=owner, at=NOON, version=opened_on)

    assert order.refunded_total == d("5.00")


# Goods without money


def test_units_come_back_later_than_their_money(vendor, shelf, owner):
    order = make_order(vendor, lines=[(shelf, 3)], status=S.COMPLETED)
    line = order.lines.get()
    refund_order(order, amount=d("36.00"), by=owner, at=NOON)
    mails, stocks = OutgoingEmail.objects.count(), [stock(shelf)]

    for units in (2, 1):
        refund_order(order, lines={line.pk: RefundedLine(0, d("0"), units)}, by=owner, at=NOON)
        stocks.append(stock(shelf))

    assert stocks == [7, 9, 10]
    assert (order.status, order.refunded_total, order.earnings) == (S.REFUNDED, d("36.00"), 0)
    assert OutgoingEmail.objects.count() == mails


def test_units_that_are_asked_back_without_money_are_asked_for_once(order_of_storefront, mugs, owner):
    refund_order(order_of_storefront, amount=d("42.00"), by=order_of_storefront.source, at=NOON)
    ask_for_refund(order_of_storefront, lines={mugs.pk: RefundedLine(0, d("0"), 2)}, by=owner, at=NOON)

    with pytest.raises(RefundRefused, match="1 units can come back, not 2."):
        ask_for_refund(order_of_storefront, lines={mugs.pk: RefundedLine(0, d("0"), 2)}, by=owner, at=NOON)


def test_free_units_come_back(vendor, shelf, owner):
    sample = make_line(shelf, 1, total="0.00")
    order = make_order(vendor, lines=[make_line(None, total="12.00"), sample], status=S.COMPLETED)

    refund = refund_order(order, lines={sample.pk: RefundedLine(1, d("0"), 1)}, by=owner, at=NOON)

    assert (stock(shelf), refund.amount, order.refund_state) == (10, 0, RefundState.NONE)


@pytest.mark.parametrize("status", [S.PENDING, S.ON_HOLD, S.CANCELLED, S.FAILED])
def test_goods_come_back_to_orders_that_were_carried_out(vendor, shelf, owner, status):
    order = make_order(vendor, lines=[(shelf, 3)], status=status)

    with pytest.raises(RefundRefused, match="cannot be refunded"):
        refund_order(order, lines={order.lines.get().pk: RefundedLine(0, d("0"), 1)}, by=owner, at=NOON)


def test_more_units_do_not_come_back_than_were_sold(order, mugs, owner):
    refund_order(order, lines={mugs.pk: RefundedLine(3, d("36.00"), 2)}, by=owner, at=NOON)

    with pytest.raises(RefundRefused, match="1 units can come back, not 2."):
        refund_order(order, lines={mugs.pk: RefundedLine(0, d("0"), 2)}, by=owner, at=NOON)


def test_the_form_takes_back_free_units_and_units_whose_money_is_refunded(vendor, order, mugs, shelf):
    refund_order(order, lines={mugs.pk: RefundedLine(2, d("36.00"))}, by=None, at=NOON)
    sample = make_line(shelf, 2, total="0.00")
    free = make_order(vendor, lines=[sample], status=S.PROCESSING)

    forms = [
        refund_form(order, **{f"units_{mugs.pk}": 2, f"back_{mugs.pk}": "on"}),
        refund_form(free, **{f"units_{sample.pk}": 1, f"back_{sample.pk}": "on"}),
    ]

    assert [form.refunded_lines for form in forms] == [
        {mugs.pk: RefundedLine(1, d("0.00"), 2)},
        {sample.pk: RefundedLine(1, d("0.00"), 1)},
    ]


# Orders that cost nothing


@pytest.fixture
def free(vendor, shelf):
    lines = [make_line(shelf, 3, total="0.00"), make_line(None, kind="shipping", total="0.00")]
    rules = CommissionRules(rate=d("0.1"), order_fee=d("0.35"))
    return make_order(vendor, number="1044", lines=lines, status=S.PROCESSING, rules=rules)


def test_a_free_order_is_stopped_with_its_goods_back(free, shelf, owner):
    opened_on, gains = free.version, free.earnings
    refund = cancel_and_refund(free, by=owner, at=NOON, version=opened_on)

    assert (free.status, refund.amount, stock(shelf)) == (S.REFUNDED, 0, 10)
    assert (free.refund_state, gains, free.earnings) == (RefundState.FULL, d("-0.35"), 0)
    mail = OutgoingEmail.objects.get(template="order_refunded")
    assert ("cost you nothing" in mail.text, "€0.00" in mail.text) == (True, False)
    with pytest.raises(StaleOrder):
        cancel_and_refund(free, by=owner, at=NOON, version=opened_on)


def test_a_free_order_ends_with_its_last_unit(free, owner):
    line = free.lines.first()
    states = []
    for units in (1, 2):
        refund_order(free, lines={line.pk: RefundedLine(units, d("0"), units)}, by=owner, at=NOON)
        states.append((free.status, free.refund_state))

    assert states == [(S.PROCESSING, RefundState.NONE), (S.REFUNDED, RefundState.FULL)]


def test_a_refund_of_nothing_at_all_is_refused(free, owner):
    with pytest.raises(RefundRefused, match="more than nothing, or units come back"):
        refund_order(free, amount=d("0.00"), by=owner, at=NOON)


# Made at the storefront


def test_a_known_refund_that_comes_in_again_is_an_echo(order, everything):
    first = refund_order(order, amount=d("5.00"), by=order.source, at=NOON, external_id="77")
    before = everything()

    second = refund_order(order, amount=d("5.00"), by=order.source, at=NOON, external_id="77")

    assert (second, everything()) == (first, before)


def test_two_refunds_of_one_amount_are_two(order):
    for external_id in ("77", "78"):
        refund_order(order, amount=d("5.00"), by=order.source, at=NOON, external_id=external_id)

    assert order.refunded_total == d("10.00")


@pytest.mark.parametrize("status", S)
def test_a_storefronts_refund_is_recorded_in_any_state(vendor, status):
    order = make_order(vendor, status=status)

    refund_order(order, amount=d("5.00"), by=order.source, at=NOON, external_id="77")

    assert (order.status, order.refunded_total) == (status, d("5.00"))


def test_a_whole_refund_of_a_cancelled_order_leaves_it_cancelled(order):
    change_status(order, S.CANCELLED, by=order.source, at=NOON)
    refund_order(order, amount=d("42.00"), by=order.source, at=NOON)

    assert (order.status, order.refund_state) == (S.CANCELLED, RefundState.FULL)


def test_a_refunded_order_without_refunds_is_a_whole_refund_without_lines(order, shelf, everything):
    change_status(order, S.REFUNDED, by=order.source, at=NOON)
    expected_before = order.earnings

    refund = refund_what_no_refund_accounts_for(order, by=order.source, at=NOON)
    once = everything()

    assert (expected_before, order.earnings, order.status) == (d("39.00"), 0, S.REFUNDED)
    assert (refund.amount, order.refund_state, stock(shelf)) == (d("42.00"), RefundState.FULL, 7)
    assert refund_what_no_refund_accounts_for(order, by=order.source, at=NOON) is None
    assert everything() == once


def test_refunds_that_are_told_after_a_whole_one_was_taken_from_the_status_are_echoes(order, everything):
    refund = refund_what_no_refund_accounts_for(order, by=order.source, at=NOON)
    before = everything()

    told = refund_order(order, amount=d("30.00"), by=order.source, at=NOON, external_id="77")

    assert (told, everything()) == (refund, before)


def test_only_what_the_reported_refunds_leave_is_refunded_by_the_status(order):
    refund_order(order, amount=d("30.00"), by=order.source, at=NOON, external_id="77")

    rest = refund_what_no_refund_accounts_for(order, by=order.source, at=NOON)

    assert (rest.amount, order.status) == (d("12.00"), S.REFUNDED)


def test_the_status_confirms_a_whole_refund_that_was_asked_for(order_of_storefront, owner):
    order = order_of_storefront
    asked = cancel_and_refund(order, by=owner, at=NOON)

    told = refund_what_no_refund_accounts_for(order, by=order.source, at=NOON)

    assert (told, told.progress, order.refund_requested_total) == (asked, "confirmed", 0)


# Asked for here, carried out by the storefront


def test_without_a_storefront_that_confirms_a_persons_refund_counts_at_once(order, owner):
    refund = ask_for_refund(order, amount=d("5.00"), by=owner, at=NOON)

    assert (refund.progress, order.refunded_total) == ("confirmed", d("5.00"))


def test_a_request_reserves_its_amount_and_moves_nothing_else(order_of_storefront, mugs, shelf, owner):
    order = order_of_storefront
    refund = ask_for_refund(order, lines={mugs.pk: RefundedLine(3, d("36.00"), 3)}, by=owner, at=NOON)

    order.refresh_from_db()
    assert (refund.progress, order.refund_requested_total, order.refundable) == (
        "requested",
        d("36.00"),
        d("6.00"),
    )
    assert (order.status, order.refund_state, order.refunded_total) == (S.PROCESSING, RefundState.NONE, 0)
    assert (order.earnings, stock(shelf), OutgoingEmail.objects.count()) == (d("39.00"), 7, 0)


def test_what_is_asked_for_is_not_refunded_twice(order_of_storefront, owner):
    ask_for_refund(order_of_storefront, amount=d("40.00"), by=owner, at=NOON)

    with pytest.raises(RefundRefused, match="€2.00 can be refunded, not €2.01."):
        ask_for_refund(order_of_storefront, amount=d("2.01"), by=owner, at=NOON)


@pytest.mark.parametrize(
    "part", [RefundedLine(2, Decimal("5.00")), RefundedLine(0, Decimal("12.01")), RefundedLine(0, d("1"), 2)]
)
def test_what_is_asked_for_of_a_line_is_not_asked_for_again(order_of_storefront, mugs, owner, part):
    order = order_of_storefront
    ask_for_refund(order, lines={mugs.pk: RefundedLine(2, d("24.00"), 2)}, by=owner, at=NOON)

    with pytest.raises(RefundRefused):
        ask_for_refund(order, lines={mugs.pk: part}, by=owner, at=NOON)


def test_a_confirmed_request_is_carried_out_as_it_was_asked_for(order_of_storefront, mugs, shelf, owner):
    order = order_of_storefront
    refund = ask_for_refund(
        order, lines={mugs.pk: RefundedLine(2, d("24.00"), 1)}, amount=d("26.00"), by=owner, at=NOON
    )
    confirm_refund(refund, "77", by=order.source, at=NOON)

    order.refresh_from_db()
    mugs.refresh_from_db()
    assert (order.refunded_total, order.refund_requested_total, order.refund_state) == (
        d("26.00"),
        0,
        RefundState.PARTIAL,
    )
    assert (mugs.units_refunded, mugs.units_returned, stock(shelf)) == (2, 1, 8)
    assert [(r.progress, r.external_id, r.by) for r in order.refunds.all()] == [("confirmed", "77", owner)]


def test_confirming_twice_has_one_effect(order_of_storefront, owner, everything):
    refund = ask_for_refund(order_of_storefront, amount=d("5.00"), by=owner, at=NOON)
    confirm_refund(refund, "77", by=order_of_storefront.source, at=NOON)
    before = everything()

    confirm_refund(Refund.objects.get(), "77", by=order_of_storefront.source, at=NOON)

    assert everything() == before


def test_a_whole_request_makes_the_order_refunded_when_confirmed(order_of_storefront, owner):
    order = order_of_storefront
    refund = ask_for_refund(order, amount=d("42.00"), by=owner, at=NOON)
    status_before = order.status
    confirm_refund(refund, "77", by=order.source, at=NOON)

    order.refresh_from_db()
    assert (status_before, order.status) == (S.PROCESSING, S.REFUNDED)


def test_a_failed_request_frees_its_amount_and_keeps_the_answer(order_of_storefront, owner):
    order = order_of_storefront
    refund = ask_for_refund(order, amount=d("42.00"), by=owner, at=NOON)
    for _ in range(2):
        fail_refund(refund, "Card expired", by=order.source, at=NOON)

    order.refresh_from_db()
    assert (refund.progress, refund.answer, order.refundable) == ("failed", "Card expired", d("42.00"))
    assert [entry.data["progress"] for entry in order.history.filter(kind="refund").order_by("id")] == [
        "requested",
        "failed",
    ]


def test_a_confirmed_refund_does_not_fail_any_more(order_of_storefront, owner):
    refund = ask_for_refund(order_of_storefront, amount=d("5.00"), by=owner, at=NOON)
    confirm_refund(refund, "77", by=order_of_storefront.source, at=NOON)

    fail_refund(refund, "Too late", by=order_of_storefront.source, at=NOON)

    assert Refund.objects.get().progress == "confirmed"


def test_a_failed_request_that_the_storefront_carried_out_after_all_counts(order_of_storefront, owner):
    order = order_of_storefront
    refund = ask_for_refund(order, amount=d("5.00"), by=owner, at=NOON)
    fail_refund(refund, "No answer", by=order.source, at=NOON)

    confirm_refund(refund, "77", by=order.source, at=NOON)

    order.refresh_from_db()
    assert (order.refunded_total, order.refund_requested_total) == (d("5.00"), 0)


def test_an_unknown_refund_confirms_the_oldest_request_of_its_amount(order_of_storefront, owner):
    order = order_of_storefront
    asked = [
        ask_for_refund(order, amount=d(amount), by=owner, at=NOON) for amount in ("4.00", "5.00", "5.00")
    ]

    reported = refund_order(order, amount=d("5.00"), by=order.source, at=NOON, external_id="77")

    assert reported == asked[1]
    assert [refund.progress for refund in order.refunds.order_by("id")] == [
        "requested",
        "confirmed",
        "requested",
    ]
    assert (order.refunded_total, order.refund_requested_total) == (d("5.00"), d("9.00"))


def test_an_unknown_refund_of_lines_confirms_the_request_of_their_sum(order_of_storefront, mugs, owner):
    order = order_of_storefront
    asked = ask_for_refund(order, amount=d("12.00"), by=owner, at=NOON)

    reported = refund_order(
        order, lines={mugs.pk: RefundedLine(1, d("12.00"))}, by=order.source, at=NOON, external_id="77"
    )

    assert reported == asked


def test_an_unknown_refund_of_another_amount_is_recorded_beside_the_request(order_of_storefront, owner):
    order = order_of_storefront
    ask_for_refund(order, amount=d("5.00"), by=owner, at=NOON)

    refund_order(order, amount=d("6.00"), by=order.source, at=NOON, external_id="77")

    assert (order.refunded_total, order.refund_requested_total) == (d("6.00"), d("5.00"))


def test_a_request_here_does_not_hinder_what_the_storefront_has_refunded(order_of_storefront, mugs, owner):
    order = order_of_storefront
    asked = ask_for_refund(order, lines={mugs.pk: RefundedLine(1, d("12.00"), 1)}, by=owner, at=NOON)

    refund_order(order, amount=d("42.00"), by=order.source, at=NOON, external_id="77")

    asked.refresh_from_db()
    assert (order.status, order.refunded_total, order.refundable) == (S.REFUNDED, d("42.00"), 0)
    assert (asked.progress, order.refund_requested_total) == ("failed", 0)
    with pytest.raises(RefundRefused):
        confirm_refund(asked, "78", by=order.source, at=NOON)


def test_requests_that_no_longer_fit_fail_the_older_ones_kept_first(order_of_storefront, owner):
    order = order_of_storefront
    for amount in ("10.00", "20.00", "5.00"):
        ask_for_refund(order, amount=d(amount), by=owner, at=NOON)

    refund_order(order, amount=d("25.00"), by=order.source, at=NOON, external_id="77")

    requests = order.refunds.filter(external_id="").order_by("id")
    assert [request.progress for request in requests] == ["requested", "failed", "requested"]
    assert (order.refund_requested_total, order.refundable) == (d("15.00"), d("2.00"))
    assert [(e.data["amount"], e.data["why"]) for e in order.history.filter(data__progress="failed")] == [
        ("20.00", "beyond_what_is_left")
    ]


@pytest.mark.parametrize(
    ("shows_amounts", "sentence"),
    [
        (True, "Refund of €30.00 dropped: after another refund, less than that is left"),
        (False, "Refund dropped: after another one, less than that is left"),
    ],
)
def test_the_history_says_why_a_request_was_dropped(order_of_storefront, owner, shows_amounts, sentence):
    order = order_of_storefront
    ask_for_refund(order, amount=d("30.00"), by=owner, at=NOON)
    refund_order(order, amount=d("25.00"), by=order.source, at=NOON, external_id="77")

    events = timeline(order, order.history.all(), [], [], shows_amounts=shows_amounts)

    assert sentence in [event.what for event in events]


def test_a_request_whose_lines_were_refunded_meanwhile_keeps_its_units(
    order_of_storefront, mugs, shelf, owner
):
    order = order_of_storefront
    asked = ask_for_refund(order, lines={mugs.pk: RefundedLine(1, d("12.00"), 1)}, by=owner, at=NOON)
    refund_order(
        order, lines={mugs.pk: RefundedLine(2, d("30.00"))}, by=order.source, at=NOON, external_id="77"
    )

    confirm_refund(asked, "78", by=order.source, at=NOON)

    mugs.refresh_from_db()
    assert (mugs.refunded_total, mugs.units_refunded, mugs.units_returned) == (d("36.00"), 3, 1)
    assert stock(shelf) == 8


# Cancel and refund


def test_a_paid_order_is_stopped_by_a_whole_refund_with_the_goods_back(order, shelf, owner):
    refund = cancel_and_refund(order, by=owner, at=NOON, reason="Broken kiln")

    assert (order.status, order.earnings, refund.amount, stock(shelf)) == (S.REFUNDED, 0, d("42.00"), 10)


def test_stopping_refunds_what_is_left(order, mugs, shelf, owner):
    refund_order(order, lines={mugs.pk: RefundedLine(1, d("12.00"), 0)}, amount=d("13.00"), by=owner, at=NOON)

    refund = cancel_and_refund(order, by=owner, at=NOON)

    mugs.refresh_from_db()
    assert (order.status, refund.amount, stock(shelf)) == (S.REFUNDED, d("29.00"), 10)
    assert (mugs.units_refunded, mugs.units_returned) == (3, 3)


def test_stopping_twice_refunds_once(order, owner):
    opened_on = order.version
    cancel_and_refund(order, by=owner, at=NOON, version=opened_on)

    with pytest.raises(StaleOrder):
        cancel_and_refund(order, by=owner, at=NOON, version=opened_on)

    assert order.refunds.count() == 1


def test_stopping_leaves_the_amount_of_an_open_request_to_it(order_of_storefront, mugs, shelf, owner):
    order = order_of_storefront
    asked = ask_for_refund(order, lines={mugs.pk: RefundedLine(1, d("12.00"), 1)}, by=owner, at=NOON)
    rest = cancel_and_refund(order, by=owner, at=NOON)

    for number, refund in enumerate((asked, rest)):
        confirm_refund(refund, str(number), by=order.source, at=NOON)

    order.refresh_from_db()
    assert (rest.amount, order.status, stock(shelf)) == (d("30.00"), S.REFUNDED, 10)


# To be refunded


def test_an_order_paid_and_then_cancelled_waits_for_its_refund(order, owner):
    seen = [order.needs_refund]
    change_status(order, S.CANCELLED, by=None, at=NOON)
    seen.append(order.needs_refund)
    refund_order(order, amount=d("42.00"), by=owner, at=NOON)
    seen.append(order.needs_refund)

    assert seen == [False, True, False]


def test_an_order_cancelled_before_it_was_paid_needs_no_refund(vendor, owner):
    order = make_order(vendor, status=S.ON_HOLD)
    change_status(order, S.CANCELLED, by=owner, at=NOON)

    assert not order.needs_refund
    with pytest.raises(RefundRefused):
        refund_order(order, amount=d("5.00"), by=owner, at=NOON)


def test_an_order_of_no_storefront_is_refunded_at_once(vendor, owner):
    order = make_order(vendor, status=S.PROCESSING, source=make_source("by-hand"))
    order.source = None
    order.save()

    assert ask_for_refund(order, amount=d("5.00"), by=owner, at=NOON).progress == "confirmed"
