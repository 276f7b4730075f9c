"""Refunds in a currency without cents: no line, document or sentence gets a fraction of a yen."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from orders.documents.einvoice import einvoice_xml
from orders.domain.invoicing import issue_invoice
from orders.domain.refund_lines import set_refund_lines
from orders.domain.refunds import RefundedLine, RefundRefused, cancel_and_refund, refund_order
from orders.forms import price_of_units
from orders.models import Document, ExchangeRate, Refund, RefundLine
from tests.factories import NOON, make_line, make_member, make_order, make_source, make_vendor
from tests.schematron import broken_rules

RATES = [Decimal(rate) for rate in ("0", "0.055", "0.085", "0.2")]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", lambda said: said["number"].encode())


def in_yen(vendor, *prices, currency="JPY", **fields):
    """A paid order with a line per price; the first has no VAT."""
    lines = [make_line(None, 3, total=price, vat_rate=RATES[place % 4]) for place, price in enumerate(prices)]
    return make_order(vendor, status="processing", currency=currency, lines=lines, **fields)


def invoiced(order):
    ExchangeRate.objects.create(currency="JPY", on=NOON.date(), euros=Decimal("0.00614"))
    issue_invoice(order, by=None, at=NOON)
    return order


def shares(order):
    return list(
        RefundLine.objects.filter(refund__order=order).order_by("pk").values_list("amount", flat=True)
    )


def test_an_amount_is_spread_in_whole_yen(vendor):
    order = in_yen(vendor, "1000", "333", "77")

    refund_order(order, amount=Decimal("100"), by=None, at=NOON)

    assert shares(order) == [Decimal("71"), Decimal("24"), Decimal("5")]


def test_the_credit_note_of_a_spread_amount_follows_the_rules(vendor):
    order = invoiced(in_yen(vendor, "18000", "3405", "2100"))

    refund_order(order, amount=Decimal("15699"), by=None, at=NOON)

    said = Document.objects.get(order=order, kind="A").snapshot
    assert Decimal(said["groups"][0]["vat"]) == 0
    assert broken_rules(einvoice_xml(said)) == []


@pytest.mark.parametrize("fields", [{"amount": "0.50"}, {"lines": "0.50"}])
def test_half_a_yen_is_refused(vendor, fields):
    order = in_yen(vendor, "1000", "333")
    line = order.lines.first()
    if "lines" in fields:
        fields = {"lines": {line.pk: RefundedLine(0, Decimal("0.50"))}}

    with pytest.raises(RefundRefused, match="“0.50” is not an amount in JPY, which has no decimals"):
        refund_order(order, **fields, by=None, at=NOON)

    assert not Refund.objects.exists()


def test_half_a_yen_is_refused_at_the_form(client_of, owner, vendor):
    in_yen(vendor, "1000", number="1042")

    page = client_of(owner).post("/vendors/rucher-des-baux/orders/1042/refund/", {"amount": "0,50"})

    assert page.context["form"].non_field_errors() == [
        "“0.50” is not an amount in JPY, which has no decimals."
    ]


def test_an_order_that_has_fractions_of_a_yen_is_refunded_with_them(vendor):
    order = in_yen(vendor, "1000.50", "333")

    refund_order(order, amount=Decimal("0.50"), by=None, at=NOON)
    cancel_and_refund(order, by=make_member(vendor), at=NOON)

    assert order.refunded_total == Decimal("1333.50")


def test_a_fraction_that_was_refunded_before_is_refunded_to_the_last(vendor):
    order = in_yen(vendor, "1000", "333")
    refund_order(order, amount=Decimal("100"), by=None, at=NOON)
    for line, off in zip(order.lines.order_by("pk"), ("0.38", "-0.38"), strict=True):
        line.refunded_total += Decimal(off)
        line.save()

    refund_order(order, amount=Decimal("500"), by=None, at=NOON)
    refund_order(order, amount=order.refundable, by=None, at=NOON)

    assert [line.refundable for line in order.lines.all()] == [0, 0]


def test_units_are_proposed_at_whole_yen(vendor):
    assert price_of_units(in_yen(vendor, "1000").lines.get(), 1) == Decimal("333")


def test_a_yen_of_rounding_at_the_storefront_is_no_spreading(vendor):
    order = in_yen(vendor, "1000", "333", source=make_source())
    first = order.lines.first()
    refund = refund_order(order, amount=Decimal("500"), by=order.source, at=NOON, awaits_lines=True)

    set_refund_lines(refund, {first.pk: RefundedLine(1, Decimal("499"))}, by=None, at=NOON)

    assert shares(order) == [Decimal("500")]
    assert not refund.is_spread


def test_euros_keep_their_cents(vendor):
    order = in_yen(vendor, "10.00", "3.33", currency="EUR")

    refund_order(order, amount=Decimal("0.50"), by=None, at=NOON)

    assert shares(order) == [Decimal("0.38"), Decimal("0.12")]


class TestAnyLifeInYen(TestCase):
    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.integers(1, 30_000), min_size=1, max_size=5),
        st.lists(st.fractions("1/100", 1), max_size=4),
        st.booleans(),
    )
    def test_nothing_has_a_fraction(self, prices, parts, is_cancelled):
        vendor = make_vendor()
        order = invoiced(in_yen(vendor, *prices))

        for part in parts:
            if amount := int(order.refundable * part.numerator / part.denominator):
                refund_order(order, amount=amount, by=None, at=NOON)
        if is_cancelled and order.refundable:
            cancel_and_refund(order, by=make_member(vendor), at=NOON)

        said = [Document.objects.filter(order=order).values_list("snapshot", flat=True)]
        amounts = [
            Decimal(group[name])
            for snapshot in said[0]
            for group in snapshot["groups"]
            for name in ("net", "vat", "gross")
        ]
        assert [amount for amount in [*amounts, *shares(order)] if amount % 1] == []
