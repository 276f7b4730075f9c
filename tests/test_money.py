"""Money: no cent is lost, and VAT comes out of prices as the rules say."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import exponent, net_lines, net_of, round_half_up, split

CENT = Decimal("0.01")
amounts = st.decimals(min_value=-99_999, max_value=99_999, places=2)
weights = st.decimals(min_value=0, max_value=99_999, places=6)
rates = st.sampled_from([Decimal(rate) for rate in ("0", "0.0090", "0.0210", "0.0550", "0.1000", "0.2000")])


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("value", "places", "rounded"),
    [
        ("1.005", 2, "1.01"),
        ("-1.005", 2, "-1.01"),
        ("1.00499", 2, "1.00"),
        ("-0.001", 2, "0.00"),
        ("2.5", 0, "3"),
        ("0.0005", 3, "0.001"),
    ],
)
def test_halves_are_rounded_away_from_zero(value, places, rounded):
    assert str(round_half_up(Decimal(value), places)) == rounded


@pytest.mark.parametrize(
    ("currency", "places"),
    [("EUR", 2), ("JPY", 0), ("XPF", 0), ("TND", 3)],
)
def test_a_currency_has_its_own_decimals(currency, places):
    assert exponent(currency) == places


def test_net_of_a_gross_amount():
    assert net_of(Decimal("120.00"), Decimal("0.2000")) == Decimal("100.00")


def test_a_negative_rate_is_refused():
    with pytest.raises(ValueError, match="cannot be negative"):
        net_of(Decimal("1.00"), Decimal("-0.2"))


def test_the_basket_of_47_60():
    """The worked example of docs/rules/invoicing.md: two rates, each with goods and shipping."""
    reduced = net_lines(decimals("29.70", "3.46"), Decimal("0.055"))
    standard = net_lines(decimals("13.00", "1.44"), Decimal("0.20"))

    assert reduced == decimals("28.15", "3.28")
    assert standard == decimals("10.83", "1.20")
    assert sum(reduced + standard) == Decimal("43.46")


@given(st.lists(amounts, max_size=30), rates)
def test_line_nets_add_up_to_the_net_of_the_group(lines, rate):
    assert sum(net_lines(lines, rate), Decimal(0)) == net_of(sum(lines, Decimal(0)), rate)


@given(st.lists(amounts, max_size=30), rates)
def test_a_line_net_is_within_a_cent_of_the_exact_one(lines, rate):
    nets = net_lines(lines, rate)

    assert all(abs(net - line / (1 + rate)) <= CENT for net, line in zip(nets, lines, strict=True))


@given(amounts, st.lists(weights, min_size=1, max_size=30))
def test_the_parts_of_a_split_add_up(amount, shares):
    assert sum(split(amount, shares)) == amount


@given(amounts, st.lists(weights, min_size=1, max_size=30).filter(any))
def test_a_part_is_within_a_cent_of_its_share(amount, shares):
    parts = split(amount, shares)

    whole = sum(shares)
    assert all(abs(part - amount * share / whole) < CENT for part, share in zip(parts, shares, strict=True))


@given(amounts, st.lists(weights, min_size=1, max_size=30))
def test_a_negative_amount_is_split_like_the_positive_one(amount, shares):
    assert split(-amount, shares) == [-part for part in split(amount, shares)]


@given(amounts, st.lists(amounts, min_size=1, max_size=30))
def test_weights_of_both_signs_lose_nothing_either(amount, shares):
    assert sum(split(amount, shares)) == amount


@pytest.mark.parametrize(
    ("amount", "shares", "parts"),
    [
        ("10.00", ["1", "1", "1"], ["3.34", "3.33", "3.33"]),  # ties to the first
        ("-10.00", ["1", "1", "1"], ["-3.34", "-3.33", "-3.33"]),
        ("5.00", ["0", "0"], ["5.00", "0.00"]),  # no weight at all: everything to the first
        ("0.01", ["0.4", "0.6"], ["0.00", "0.01"]),
        ("10.00", ["12", "-2"], ["12.00", "-2.00"]),
        ("0.00", [], []),
    ],
)
def test_how_a_split_falls(amount, shares, parts):
    assert split(Decimal(amount), decimals(*shares)) == decimals(*parts)


def test_a_currency_without_decimals_is_split_in_whole_units():
    assert split(Decimal("100"), decimals("1", "2"), 0) == decimals("33", "67")


@pytest.mark.parametrize(("amount", "shares"), [("0.005", ["1"]), ("1.00", [])])
def test_what_cannot_be_split_is_refused(amount, shares):
    with pytest.raises(ValueError, match="split"):
        split(Decimal(amount), decimals(*shares))
