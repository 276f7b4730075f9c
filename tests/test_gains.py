"""What the vendor gains: gains = total − refunds − commission + commission given back."""

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.earnings import CommissionRules, freeze_commission, line_commission
from orders.domain.refunds import RefundedLine, preview_refund, refund_order
from orders.domain.transitions import change_status
from orders.models import Order
from orders.states import EarningsState, OrderStatus
from orders.views.gains import explain_gains
from tests.factories import FIVE_FIVE, NOON, make_line, make_order, make_product, make_vendor

S = OrderStatus
TEN = Decimal("0.1")
pytestmark = pytest.mark.django_db


def d(text):
    return Decimal(text)


def paid(vendor, *lines, **fields):
    """A paid order of these lines, 10 % commission on the net unless told otherwise."""
    return make_order(vendor, lines=lines, status=S.PROCESSING, **fields)


def shipping(total="6.00"):
    return make_line(None, kind="shipping", total=total)


@pytest.mark.parametrize(
    ("lines", "commission", "gains"),
    [
        pytest.param([{"total": "120.00"}], "10.00", "110.00", id="E1"),
        pytest.param(
            [{"total": "120.00"}, {"kind": "shipping", "total": "6.00"}], "10.00", "116.00", id="E2"
        ),
        pytest.param(
            [{"total": "36.00", "quantity": 3, "commission_fixed": d("1.00")}], "6.00", "30.00", id="E3"
        ),
        pytest.param([{"total": "2.40", "commission_fixed": d("3.00")}], "2.00", "0.40", id="E4"),
        pytest.param([{"total": "11.99", "commission_rate": d("0.125")}], "1.25", "10.74", id="E6"),
    ],
)
def test_commission_and_gains(vendor, lines, commission, gains):
    order = paid(vendor, *[make_line(None, **line) for line in lines])

    assert (order.commission, order.earnings) == (d(commission), d(gains))


def test_a_refund_of_an_amount_falls_on_all_lines_shipping_and_fees(vendor):
    # E5
    lines = [make_line(None, total=total) for total in ("60.00", "24.00", "12.00")]
    order = paid(vendor, *lines, shipping("12.00"), make_line(None, kind="fee", total="12.00"))
    before = order.earnings

    refund = refund_order(order, amount=d("5.00"), by=None, at=NOON)

    shares = list(refund.lines.order_by("line__position").values_list("amount", "commission_given_back"))
    assert shares == [
        (d("2.50"), d("0.21")),
        (d("1.00"), d("0.08")),
        (d("0.50"), d("0.04")),
        (d("0.50"), d("0.00")),
        (d("0.50"), d("0.00")),
    ]
    assert (refund.is_spread, order.earnings - before) == (True, d("-5.00") + d("0.33"))


def test_a_refund_of_half_gives_half_the_commission_back(vendor):
    # E7
    order = paid(vendor, make_line(None, total="120.00"))
    line = order.lines.get()

    refund = refund_order(order, lines={line.pk: RefundedLine(0, d("60.00"))}, by=None, at=NOON)

    assert (refund.commission_given_back, order.earnings) == (d("5.00"), d("55.00"))


def test_shipping_and_fees_bear_no_commission_and_are_the_vendors(vendor):
    order = paid(
        vendor, make_line(None, total="120.00"), shipping(), make_line(None, kind="fee", total="3.00")
    )

    assert list(order.lines.values_list("commission", flat=True)) == [d("10.00"), 0, 0]


@pytest.mark.parametrize(
    ("on_line", "on_product", "on_shop", "rate", "source"),
    [
        ("0.05", "0.06", "0.07", "0.05", "line"),
        (None, "0.06", "0.07", "0.06", "product"),
        (None, None, "0.07", "0.07", "vendor"),
        (None, None, None, "0.10", "marketplace"),
        (None, "0", "0.07", "0", "product"),
        (None, None, "0", "0", "vendor"),
    ],
)
def test_the_nearest_rate_counts(on_line, on_product, on_shop, rate, source):
    vendor = make_vendor(commission_rate=on_shop and d(on_shop))
    product = make_product(vendor, price="120.00", commission_rate=on_product and d(on_product))
    frozen = {"commission_rate": d(on_line)} if on_line else {}
    line = paid(vendor, make_line(product, **frozen)).lines.get()

    assert (line.commission_rate, line.commission_rate_source, line.commission) == (
        d(rate),
        source,
        100 * d(rate),
    )


def test_a_later_change_of_rate_does_not_touch_what_is_frozen(vendor):
    product = make_product(vendor, price="120.00")
    order = paid(vendor, (product, 1))
    vendor.commission_rate = product.commission_rate = d("0.5")
    vendor.save()
    product.save()

    refund_order(order, amount=d("60.00"), by=None, at=NOON)

    assert (order.commission, order.commission_given_back) == (d("10.00"), d("5.00"))


# Fixed amounts per unit, and what the marketplace keeps, as settings


def by_settings(vendor, *lines):
    """A paid order with the commission that the settings ask for."""
    return paid(vendor, *lines, rules=CommissionRules.of(None))


@pytest.mark.parametrize(
    ("fixed", "line", "commission", "gains"),
    [
        pytest.param("0", {"total": "120.00"}, "10.00", "110.00", id="E1"),
        pytest.param("1.00", {"total": "36.00", "quantity": 3}, "6.00", "30.00", id="E3"),
        pytest.param("3.00", {"total": "2.40"}, "2.00", "0.40", id="E4"),
    ],
)
def test_the_marketplace_sets_a_fixed_amount_per_unit(vendor, settings, fixed, line, commission, gains):
    settings.COMMISSION_FIXED = d(fixed)

    order = by_settings(vendor, make_line(None, **line))

    assert (order.commission, order.earnings) == (d(commission), d(gains))


def test_e6_by_settings(vendor, settings):
    settings.COMMISSION_RATE = d("0.125")

    assert by_settings(vendor, make_line(None, total="11.99")).commission == d("1.25")


@pytest.mark.parametrize(
    ("on_line", "on_product", "on_shop", "fixed", "source"),
    [
        ("0.50", "0.60", "0.70", "0.50", "line"),
        (None, "0.60", "0.70", "0.60", "product"),
        (None, None, "0.70", "0.70", "vendor"),
        (None, None, None, "0.80", "marketplace"),
        (None, "0", "0.70", "0", "product"),
        (None, None, "0", "0", "vendor"),
    ],
)
def test_the_nearest_fixed_amount_counts(on_line, on_product, on_shop, fixed, source):
    vendor = make_vendor(commission_fixed=on_shop and d(on_shop))
    product = make_product(vendor, price="120.00", commission_fixed=on_product and d(on_product))
    frozen = {"commission_fixed": d(on_line)} if on_line else {}
    rules = CommissionRules(rate=TEN, fixed=d("0.80"))
    line = paid(vendor, make_line(product, 2, **frozen), rules=rules).lines.get()

    assert (line.commission_fixed, line.commission_fixed_source) == (d(fixed), source)
    assert line.commission == d("20.00") + 2 * d(fixed)


def test_a_sale_that_states_no_fixed_amount_but_nothing_bears_nothing(vendor):
    line = make_line(None, total="120.00")
    order = paid(vendor, line)

    freeze_commission(
        order, [line], CommissionRules(rate=TEN, fixed=d("3.00")), snapshot={}, fixed={1: d("0")}
    )

    assert (line.commission, line.commission_fixed_source) == (d("10.00"), "line")


def test_shipping_and_fees_bear_no_fixed_amount(vendor):
    rules = CommissionRules(rate=TEN, fixed=d("3.00"), base="gross_with_shipping")
    order = paid(vendor, make_line(None, total="120.00"), shipping(), rules=rules)

    assert [line.commission for line in order.lines.all()] == [d("15.00"), d("0.60")]


@pytest.mark.parametrize(
    ("shipping_to", "fees_to", "kept", "gains"),
    [
        ("vendor", "vendor", ["10.00", "0", "0", "0"], "113.00"),  # E2 with a fee and a rebate
        ("marketplace", "vendor", ["10.00", "6.00", "0", "0"], "107.00"),
        ("vendor", "marketplace", ["10.00", "0", "3.00", "0"], "110.00"),
        ("marketplace", "marketplace", ["10.00", "6.00", "3.00", "0"], "104.00"),
    ],
)
def test_shipping_and_fees_may_belong_to_the_marketplace(vendor, settings, shipping_to, fees_to, kept, gains):
    settings.SHIPPING_BELONGS_TO, settings.FEES_BELONG_TO = shipping_to, fees_to
    fees = [make_line(None, kind="fee", total=total) for total in ("3.00", "-6.00")]

    order = by_settings(vendor, make_line(None, total="120.00"), shipping(), *fees)

    assert [line.commission for line in order.lines.all()] == [d(amount) for amount in kept]
    assert order.earnings == d(gains)
    adds_up(order)


def test_what_is_kept_bears_no_vat_on_a_commission_and_goes_back_with_refunds(vendor):
    rules = CommissionRules(rate=TEN, vat_rate=d("0.2"), base="gross_with_shipping", keeps_shipping=True)
    order = paid(vendor, shipping(), rules=rules)
    line = order.lines.get()
    charged = (line.commission, line.commission_vat, order.earnings)

    refund_order(order, lines={line.pk: RefundedLine(0, d("2.00"))}, by=None, at=NOON)

    assert charged == (d("6.00"), 0, 0)
    assert (order.commission_given_back, order.earnings) == (d("2.00"), 0)


def test_e5_and_e7_where_the_marketplace_keeps_shipping(vendor, settings):
    settings.SHIPPING_BELONGS_TO = "marketplace"
    order = by_settings(vendor, make_line(None, total="120.00"), shipping("30.00"))
    goods, before = order.lines.first(), order.earnings

    spread = refund_order(order, amount=d("5.00"), by=None, at=NOON)
    fell = before - order.earnings
    half = refund_order(order, lines={goods.pk: RefundedLine(0, d("56.00"))}, by=None, at=NOON)

    # 4.00 of goods with 0.33 of commission, 1.00 of shipping wholly kept
    assert (before, spread.commission_given_back, fell) == (d("110.00"), d("1.33"), d("3.67"))
    assert (half.commission_given_back, order.earnings) == (d("4.67"), d("55.00"))


def test_the_order_page_explains_fixed_amounts_and_what_is_kept(vendor):
    product = make_product(vendor, price="36.00", commission_fixed=d("1.00"))
    rules = CommissionRules(rate=TEN, keeps_shipping=True)
    order = paid(vendor, make_line(product, 1, total="36.00", name="Mug"), shipping(), rules=rules)

    assert explain_gains(order, list(order.lines.all())).lines == [
        (
            f"Mug ({product.sku})",
            "10% of €30.00 excl. VAT + 1 × €1.00 = €4.00 (rate of the marketplace, fixed part of the product)",
        ),
        ("Shipping", "€6.00 belong to the marketplace"),
    ]


@pytest.mark.parametrize(
    ("base", "commission"), [("net", "10.00"), ("gross", "12.00"), ("gross_with_shipping", "12.60")]
)
def test_the_marketplace_chooses_the_base(vendor, base, commission):
    rules = CommissionRules(rate=TEN, base=base)
    order = paid(vendor, make_line(None, total="120.00"), shipping("6.00"), rules=rules)

    assert order.commission == d(commission)


def test_the_net_is_the_one_that_the_storefront_states(vendor):
    line = make_line(None, total="120.00")
    line.storefront_net = d("99.00")

    assert paid(vendor, line).commission == d("9.90")


def test_the_base_is_the_line_after_discounts(vendor):
    assert paid(vendor, make_line(None, total="120.00", discount="30.00")).commission == d("10.00")


def test_commission_may_bear_vat(vendor):
    order = paid(vendor, make_line(None, total="120.00"), rules=CommissionRules(rate=TEN, vat_rate=d("0.2")))

    assert (order.commission, order.earnings) == (d("12.00"), d("108.00"))


def test_an_order_fee_bears_vat_and_goes_back_with_refunds(vendor):
    rules = CommissionRules(rate=TEN, vat_rate=d("0.2"), order_fee=d("0.50"))
    order = paid(vendor, make_line(None, total="120.00"), rules=rules)
    charged = order.commission

    halves = [refund_order(order, amount=d("60.00"), by=None, at=NOON) for _ in range(2)]

    assert (charged, [half.commission_given_back for half in halves]) == (
        d("12.60"),
        [d("6.30"), d("6.30")],
    )


@pytest.mark.parametrize(
    ("base", "rate", "fixed", "quantity", "commission"),
    [
        ("0.05", "0.10", "0", 1, "0.01"),
        ("0.04", "0.10", "0", 1, "0.00"),
        ("10.00", "1", "1.00", 1, "10.00"),
        ("0", "0.10", "3.00", 1, "0"),
        ("-5.00", "0.10", "3.00", 1, "0"),
    ],
)
def test_a_lines_commission_is_rounded_half_up_and_capped(base, rate, fixed, quantity, commission):
    assert line_commission(d(base), d(rate), d(fixed), quantity) == d(commission)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (S.PENDING, EarningsState.EXPECTED),
        (S.ON_HOLD, EarningsState.EXPECTED),
        (S.PROCESSING, EarningsState.EARNED),
        (S.COMPLETED, EarningsState.EARNED),
        (S.REFUNDED, EarningsState.EARNED),
        (S.CANCELLED, EarningsState.NONE),
        (S.FAILED, EarningsState.NONE),
    ],
)
def test_the_status_says_whose_the_gains_are_and_leaves_their_amount(vendor, status, state):
    order = make_order(vendor, lines=[make_line(None, total="120.00")])
    change_status(order, status, by=order.source, at=NOON)

    assert (order.earnings_state, order.earnings) == (state, d("110.00"))


def test_only_some_states_earn(vendor):
    for status in S:
        make_order(vendor, status=status)

    assert set(Order.objects.earning().values_list("status", flat=True)) == {
        S.PROCESSING,
        S.COMPLETED,
        S.REFUNDED,
    }


def test_thirds_add_up_to_the_whole_commission(vendor):
    order = paid(vendor, make_line(None, total="1.00", commission_rate=d("0.12"), vat_rate=d("0")))
    back = [
        refund_order(order, amount=d(amount), by=None, at=NOON).commission_given_back
        for amount in ("0.33", "0.33", "0.34")
    ]

    assert (order.commission, back, order.earnings) == (d("0.12"), [d("0.04")] * 3, 0)


def test_a_preview_says_what_the_refund_then_does(vendor):
    rules = CommissionRules(rate=TEN, vat_rate=d("0.2"), order_fee=d("0.50"))
    lines = [make_line(None, total="33.33"), make_line(None, total="9.99", vat_rate=FIVE_FIVE), shipping()]
    order = paid(vendor, *lines, rules=rules)
    refund_order(order, amount=d("7.77"), by=None, at=NOON)
    preview = preview_refund(order, amount=d("13.37"))

    refund = refund_order(order, amount=d("13.37"), by=None, at=NOON)

    assert (preview.amount, preview.commission_given_back, preview.earnings_after) == (
        refund.amount,
        refund.commission_given_back,
        order.earnings,
    )


cents = st.integers(1, 99_999).map(lambda n: Decimal(n).scaleb(-2))
rates = st.sampled_from([d("0"), d("0.055"), d("0.1"), d("0.2")])
some_lines = st.lists(
    st.builds(
        make_line,
        st.none(),
        quantity=st.integers(1, 5),
        total=cents,
        vat_rate=rates,
        kind=st.sampled_from(["product", "product", "shipping", "fee"]),
        commission_rate=st.integers(0, 10_000).map(lambda n: Decimal(n).scaleb(-4)),
        commission_fixed=st.sampled_from([d("0"), d("0"), d("0.50"), d("3.00")]),
    ),
    min_size=1,
    max_size=6,
)
some_rules = st.builds(
    CommissionRules,
    rate=rates,
    base=st.sampled_from(["net", "gross", "gross_with_shipping"]),
    vat_rate=st.sampled_from([d("0"), d("0.2")]),
    order_fee=st.sampled_from([d("0"), d("0.35")]),
    fixed=st.sampled_from([d("0"), d("0"), d("0.50"), d("3.00")]),
    keeps_shipping=st.booleans(),
    keeps_fees=st.booleans(),
)


def adds_up(order):
    """The invariants of every order, whatever happened to it."""
    lines = list(order.lines.all())
    assert sum(line.total for line in lines) == order.total
    assert order.items_total - order.discount_total + order.shipping_total + order.fees_total == order.total
    assert order.total - order.refunded_total == order.earnings + order.commission_kept
    assert sum(line.refunded_total for line in lines) == order.refunded_total
    assert all(line.commission <= max(line.commission_base, 0) for line in lines)


@given(lines=some_lines, rules=some_rules, choices=st.data())
def test_refunds_that_add_up_to_the_whole_give_back_exactly_the_whole_commission(lines, rules, choices):
    with transaction.atomic():
        order = paid(make_vendor(), *lines, rules=rules)
        adds_up(order)

        while order.refundable:
            refund_some(order, choices)
            adds_up(order)

        assert (order.commission_given_back, order.earnings, order.status) == (
            order.commission,
            0,
            S.REFUNDED,
        )
        assert sum(refund.commission_given_back for refund in order.refunds.all()) == order.commission
        transaction.set_rollback(True)


def refund_some(order, choices):
    """Refund a line's part, an amount spread over all, both, or the rest."""
    line = choices.draw(st.sampled_from([line for line in order.lines.all() if line.refundable]))
    of_line = choices.draw(st.integers(0, int(line.refundable * 100)).map(lambda n: Decimal(n).scaleb(-2)))
    most = int((order.refundable - of_line) * 100)
    rest = choices.draw(st.just(most) | st.integers(0, most)) if order.refunds.count() < 5 else most
    amount = of_line + Decimal(rest).scaleb(-2)
    if amount:
        refund_order(order, lines={line.pk: RefundedLine(0, of_line)}, amount=amount, by=None, at=NOON)


@given(totals=st.lists(cents, min_size=1, max_size=4), part=st.fractions(0, 1))
def test_gains_never_rise_with_a_refund_of_an_amount(totals, part):
    with transaction.atomic():
        order = paid(make_vendor(), *[make_line(None, total=total) for total in totals])
        before, amount = order.earnings, (order.total * part.numerator / part.denominator).quantize(d("0.01"))
        if amount:
            refund_order(order, amount=amount, by=None, at=NOON)

        assert before - amount <= order.earnings <= before
        transaction.set_rollback(True)


def test_a_line_with_a_negative_amount_is_refunded_with_the_rest(vendor):
    order = paid(vendor, make_line(None, total="120.00"), make_line(None, kind="fee", total="-20.00"))

    refund_order(order, amount=d("50.00"), by=None, at=NOON)
    refund_order(order, amount=d("50.00"), by=None, at=NOON)

    assert list(order.lines.values_list("refunded_total", flat=True)) == [d("120.00"), d("-20.00")]
    assert (order.commission_given_back, order.earnings) == (d("10.00"), 0)
