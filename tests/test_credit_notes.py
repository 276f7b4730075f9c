"""Credit notes: one per refund, cumulative to the cent, never more than the invoice."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from orders.documents.credit_snapshot import SHARE_OF_DISCOUNT
from orders.domain import credit_notes
from orders.domain.credit_notes import has_due
from orders.domain.invoicing import NotInvoiceable, WhollyRefunded, issue_invoice
from orders.domain.refund_lines import set_refund_lines
from orders.domain.refunds import (
    RefundedLine,
    ask_for_refund,
    cancel_and_refund,
    confirm_refund,
    refund_order,
)
from orders.domain.transitions import change_status
from orders.models import Document, HistoryEntry, LineKind, OrderLine, Refund, Source
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order, make_product, make_vendor
from vendors.domain.mandate import accept_mandate, withdraw_mandate

PAID = OrderStatus.PROCESSING
LATER = NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Originals without WeasyPrint: what is tested here is what they say."""
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", lambda said: said["number"].encode())


def invoiced(vendor, *lines, **fields):
    """An order that was paid and invoiced."""
    order = make_order(vendor, status=PAID, lines=list(lines) or None, **fields)
    issue_invoice(order, by=None, at=NOON)
    return order


def give_back(order, amount=None, **fields):
    return refund_order(order, amount=amount and Decimal(amount), by=None, at=LATER, **fields)


def notes(order):
    return list(Document.objects.filter(order=order, kind="A").order_by("sequence"))


def amounts(note):
    return [(group["net"], group["vat"]) for group in note.snapshot["groups"]]


def test_ten_refunded_as_five_and_five(vendor):
    order = invoiced(vendor, make_line(None, total="10.00"))

    give_back(order, "5.00")
    give_back(order, "5.00")

    assert [amounts(note) for note in notes(order)] == [[("4.17", "0.83")], [("4.16", "0.84")]]
    assert [note.number for note in notes(order)] == ["RDB-A2026-000001", "RDB-A2026-000002"]


def test_a_note_names_the_invoice_it_corrects(vendor):
    order = invoiced(vendor)

    refund = give_back(order, "5.00", reason="Pot cassé")

    [note] = notes(order)
    said = note.snapshot
    assert (note.corrects.number, note.refund, note.total) == ("RDB-F2026-000001", refund, Decimal("5.00"))
    assert (said["type_code"], said["corrects"], said["reason"], said["refunded_on"]) == (
        "381",
        {"number": "RDB-F2026-000001", "issued_on": "2026-11-23"},
        "Pot cassé",
        "2026-11-24",
    )


def test_the_history_tells_of_the_note(vendor):
    order = invoiced(vendor)
    give_back(order, "5.00")

    entry = HistoryEntry.objects.filter(order=order, kind="document").last()
    assert (entry.data["number"], entry.data["corrects"]) == ("RDB-A2026-000001", "RDB-F2026-000001")


def test_the_lines_of_a_note_are_the_refunded_ones(vendor):
    honey = make_product(vendor, name="Miel", price="9.90", vat_rate=Decimal("0.055"))
    order = invoiced(vendor, (honey, 3), make_line(None, kind=LineKind.SHIPPING, total="6.00"))
    line = order.lines.get(kind="product")

    give_back(order, lines={line.pk: RefundedLine(2, Decimal("19.80"))})

    [said] = [
        (part["name"], part["quantity"], part["unit_net"], part["gross"])
        for part in notes(order)[0].snapshot["lines"]
    ]
    assert said == ("Miel", 2, "9.385000", "19.80")


def test_a_refund_before_any_invoice_issues_nothing(vendor):
    order = make_order(vendor, status=PAID)

    give_back(order, "5.00")

    assert not Document.objects.exists()


def test_refunds_from_before_the_invoice_get_their_notes_right_after_it(vendor):
    order = make_order(vendor, status=PAID)
    give_back(order, "5.00")

    invoice = issue_invoice(order, by=None, at=LATER)

    assert (invoice.total, [note.total for note in notes(order)]) == (Decimal("12.00"), [Decimal("5.00")])


def test_an_order_that_was_wholly_refunded_before_any_invoice_has_none(vendor):
    order = make_order(vendor, status=PAID, number="1042")
    give_back(order, "12.00")

    with pytest.raises(WhollyRefunded, match="Order 1042 was refunded in full before any invoice"):
        issue_invoice(order, by=None, at=LATER)
    assert not Document.objects.exists()


def test_a_refund_that_waits_for_its_lines_holds_its_note_back(vendor):
    order = invoiced(vendor)
    give_back(order, "1.00", awaits_lines=True)

    give_back(order, "5.00")

    assert notes(order) == []
    assert not has_due(order)

    Refund.objects.filter(order=order).update(awaits_lines=False)
    credit_notes.issue_due(order, by=None, at=LATER)

    assert [note.total for note in notes(order)] == [Decimal("1.00"), Decimal("5.00")]


def test_a_note_is_in_the_name_of_the_legal_person_that_issued_the_invoice(vendor):
    order = invoiced(vendor)
    vendor.identity.siret, vendor.identity.vat_number = "55210055400013", "FR96552100554"
    vendor.identity.save()

    give_back(order, "5.00")

    assert notes(order)[0].snapshot["seller"] == notes(order)[0].corrects.snapshot["seller"]


def test_units_that_come_back_without_money_use_no_number(vendor):
    order = invoiced(vendor, make_line(None, 2, total="10.00"))
    [line] = order.lines.all()

    give_back(order, lines={line.pk: RefundedLine(1, Decimal("0.00"), 1)})

    assert Refund.objects.filter(order=order).count() == 1
    assert (notes(order), has_due(order)) == ([], False)


def test_a_levy_goes_back_in_proportion_to_the_price(vendor):
    line = make_line(None, total="20.00")
    line.taxes.append({"label": "Éco-contribution", "rate": "0.01", "amount": "0.20", "kind": "levy"})
    order = invoiced(vendor, line)

    for amount in ("5.00", "5.00", "10.00"):
        give_back(order, amount)

    levies = [note.snapshot["lines"][0]["levies"][0]["amount"] for note in notes(order)]
    assert levies == ["0.05", "0.05", "0.10"]


@pytest.fixture
def requested(vendor, owner):
    """A refund of 10.00 of the first of two lines that was asked for here and is carried out there."""
    lines = [make_line(None, total="10.00", name="Miel"), make_line(None, total="10.00", name="Savon")]
    order = invoiced(vendor, *lines)
    order.source.confirms_refunds = True
    order.source.save()
    part = {order.lines.get(name="Miel").pk: RefundedLine(1, Decimal("10.00"))}
    return ask_for_refund(order, lines=part, by=owner, at=NOON)


def reported(order):
    """A report of the storefront, which can be asked for the refund's lines."""
    return refund_order(
        order, amount=Decimal("10.00"), by=order.source, at=LATER, external_id="77", awaits_lines=True
    )


def test_a_refund_that_is_taken_for_a_request_is_credited_on_the_lines_that_the_storefront_tells(requested):
    order = requested.order
    refund = reported(order)
    assert notes(order) == []

    soap = order.lines.get(name="Savon")
    set_refund_lines(refund, {soap.pk: RefundedLine(1, Decimal("10.00"))}, by=order.source, at=LATER)

    assert [line["name"] for line in notes(order)[0].snapshot["lines"]] == ["Savon"]


def test_the_answer_to_a_request_tells_the_lines_of_what_was_reported_before_it(requested):
    reported(requested.order)

    for _ in range(2):
        confirm_refund(requested, "77", by=requested.order.source, at=LATER)

    [note] = notes(requested.order)
    assert [line["name"] for line in note.snapshot["lines"]] == ["Miel"]


def test_a_request_whose_lines_are_gone_waits_for_those_that_the_storefront_tells(requested, monkeypatch):
    order = requested.order
    monkeypatch.setattr(Source, "has_rest", True)
    honey = order.lines.get(name="Miel")
    refund_order(
        order, lines={honey.pk: RefundedLine(1, Decimal("9.00"))}, by=order.source, at=LATER, external_id="76"
    )

    confirm_refund(requested, "77", by=order.source, at=LATER)

    requested.refresh_from_db()
    assert (requested.is_spread, requested.awaits_lines, len(notes(order))) == (True, True, 1)


def test_a_spread_refund_is_marked_on_its_note(vendor):
    order = invoiced(vendor)

    give_back(order, "5.00")

    assert notes(order)[0].snapshot["is_spread"]


def test_a_note_that_cannot_be_made_holds_back_no_refund_and_is_made_later(vendor, monkeypatch):
    order = invoiced(vendor)
    with monkeypatch.context() as broken:
        broken.setattr("orders.domain.credit_notes.invoice_pdf", lambda said: 1 / 0)
        give_back(order, "5.00")
    assert (notes(order), order.refunded_total, has_due(order)) == ([], Decimal("5.00"), True)

    issue_invoice(order, by=None, at=LATER)

    assert [note.number for note in notes(order)] == ["RDB-A2026-000001"]
    assert not has_due(order)


def test_the_same_refund_has_one_note(vendor):
    order = invoiced(vendor)
    give_back(order, "5.00", external_id="77")
    give_back(order, "5.00", external_id="77")

    issue_invoice(order, by=None, at=LATER)

    assert len(notes(order)) == 1


def test_the_regime_of_a_note_is_that_of_its_invoice(vendor):
    order = invoiced(vendor)
    vendor.identity.vat_changes.create(starts_on=NOON.date(), regime="franchise")

    give_back(order, "5.00")

    assert amounts(notes(order)[0]) == [("4.17", "0.83")]


def test_a_note_keeps_the_old_seller_while_the_identity_is_incomplete(vendor):
    order = invoiced(vendor)
    vendor.identity.siret = vendor.identity.prefix = ""
    vendor.identity.save()

    give_back(order, "5.00")

    [note] = notes(order)
    assert (note.number, note.snapshot["seller"]["siret"]) == ("RDB-A2026-000001", "73282932000074")


@pytest.mark.parametrize(
    ("position", "price", "per_rate", "moved"),
    [
        (1, "75.00", [("0.055", "67.50"), ("0.2", "7.50")], ["-7.50", "7.50"]),
        (2, "25.00", [("0.055", "2.50"), ("0.2", "22.50")], ["2.50", "-2.50"]),
    ],
)
def test_no_rate_gives_back_more_than_was_invoiced_at_it(vendor, position, price, per_rate, moved):
    dear = make_line(None, total="75.00", vat_rate=Decimal("0.055"))
    cheap = make_line(None, total="25.00", vat_rate=Decimal("0.2"))
    discount = make_line(None, total="-10.00", kind=LineKind.FEE)
    discount.taxes = [
        {"label": "TVA", "rate": rate, "amount": "-0.10", "kind": "vat"} for rate in ("0.055", "0.2")
    ]
    order = invoiced(vendor, dear, cheap, discount)
    line = order.lines.get(position=position)

    give_back(order, lines={line.pk: RefundedLine(0, Decimal(price))})

    said = notes(order)[0].snapshot
    shares = [part["gross"] for part in said["lines"] if part["name"] == SHARE_OF_DISCOUNT]
    assert [(group["rate"], group["gross"]) for group in said["groups"]] == per_rate
    assert shares == moved


# Businesses that have not paid


def test_an_unpaid_invoice_is_taken_back_when_its_order_is_cancelled(vendor):
    order = make_order(vendor, status="on-hold", buyer_siren="732829320")
    invoice = issue_invoice(order, by=None, at=NOON)

    change_status(order, "cancelled", by=None, at=LATER)

    [note] = notes(order)
    assert (note.total, note.corrects, note.refund) == (Decimal("12.00"), invoice, None)
    assert note.snapshot["reason"] == "Annulation de la commande"


def test_an_order_that_comes_back_has_a_new_invoice(vendor):
    order = make_order(vendor, status="on-hold", buyer_siren="732829320")
    first = issue_invoice(order, by=None, at=NOON)
    change_status(order, "cancelled", by=None, at=LATER)
    change_status(order, "processing", by=None, at=LATER)

    second = issue_invoice(order, by=None, at=LATER)

    assert (second.number, second.replaces) == ("RDB-F2026-000002", first)
    assert issue_invoice(order, by=None, at=LATER) == second


def test_a_consumer_on_hold_has_no_invoice(vendor):
    with pytest.raises(NotInvoiceable):
        issue_invoice(make_order(vendor, status="on-hold"), by=None, at=NOON)


def test_a_paid_order_that_is_stopped_keeps_its_invoice_until_it_is_refunded(vendor):
    order = invoiced(vendor)
    change_status(order, "cancelled", by=None, at=LATER)
    assert notes(order) == []

    give_back(order, "12.00")

    assert [note.total for note in notes(order)] == [Decimal("12.00")]


# Any basket

RATES = [
    "0",
    "0.0090",
    "0.0105",
    "0.0175",
    "0.0210",
    "0.0550",
    "0.0850",
    "0.1000",
    "0.1300",
    "0.1900",
    "0.2000",
]
prices = st.decimals(min_value=0, max_value=900, places=2)
baskets = st.lists(
    st.tuples(prices, st.sampled_from(RATES), st.sampled_from(LineKind.values), st.integers(1, 9)),
    min_size=1,
    max_size=40,
)


def lines_of(basket, discount):
    """The lines, with shipping and a discount over all the rates of the basket where there is one."""
    lines = [
        make_line(None, quantity, total=price, vat_rate=Decimal(rate), kind=kind)
        for price, rate, kind, quantity in basket
    ]
    goods = sum((line.total for line in lines if line.kind == LineKind.PRODUCT), Decimal(0))
    if discount and goods > discount:
        line = make_line(None, total=-discount, kind=LineKind.FEE)
        rates = {rate for _price, rate, kind, _n in basket if kind == LineKind.PRODUCT}
        line.taxes = [{"label": "TVA", "rate": rate, "amount": "0", "kind": "vat"} for rate in sorted(rates)]
        lines.append(line)
    return lines


class TestAnyBasket(TestCase):
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(
        baskets,
        st.sampled_from([0, 0, 1, 5, 33]),
        st.lists(st.floats(0.01, 1), max_size=5),
        st.booleans(),
        st.data(),
    )
    def test_what_is_given_back_in_parts_leaves_nothing(self, basket, discount, parts, franchise, data):
        vendor = make_vendor()
        if franchise:
            vendor.identity.vat_regime = "franchise"
            vendor.identity.save()
        order = invoiced(vendor, *lines_of(basket, Decimal(discount)))
        invoice = Document.objects.get(order=order)
        paid = sum(line.total for line in OrderLine.objects.filter(order=order))

        for part in parts:
            amount = (order.refundable * Decimal(part)).quantize(Decimal("0.01"))
            if amount > 0:
                give_back(order, amount)
        if order.refundable > 0:
            cancel_and_refund(order, by=None, at=LATER)

        assert invoice.total == paid == sum(note.total for note in notes(order)) or paid == 0
        assert _per_rate([invoice]) == _per_rate(notes(order)) or paid == 0
        for document in [invoice, *notes(order)]:
            _adds_up(document.snapshot)


def _per_rate(documents):
    sums = {}
    for document in documents:
        for group in document.snapshot["groups"]:
            net, vat = sums.get(group["rate"], (Decimal(0), Decimal(0)))
            sums[group["rate"]] = net + Decimal(group["net"]), vat + Decimal(group["vat"])
    return {rate: figures for rate, figures in sums.items() if any(figures)}


def _adds_up(said):
    for name in ("net", "gross"):
        by_rate = {}
        for line in said["lines"]:
            by_rate[line["rate"]] = by_rate.get(line["rate"], 0) + Decimal(line[name])
        stated = {group["rate"]: Decimal(group[name]) for group in said["groups"]}
        assert {rate: amount for rate, amount in by_rate.items() if amount} == {
            rate: amount for rate, amount in stated.items() if amount
        }
    totals = {name: Decimal(amount) for name, amount in said["totals"].items()}
    assert totals["net"] + totals["vat"] == totals["gross"] == totals["prepaid"] + totals["due"]


# In whose name


def test_a_note_of_comptoir_s_says_so_under_a_mandate(vendor, owner):
    order = invoiced(vendor, make_line(None, total="10.00"))
    accept_mandate(vendor, by=owner, at=NOON)

    give_back(order, "5.00")

    [note] = notes(order)
    assert note.snapshot["mandate"] == (
        "Avoir établi par naturalconect au nom et pour le compte de Le Rucher des Baux SARL"
    )


def test_a_note_of_the_owner_s_says_nothing_of_a_mandate_that_ended(vendor, owner):
    accept_mandate(vendor, by=owner, at=NOON)
    order = invoiced(vendor, make_line(None, total="10.00"))
    withdraw_mandate(vendor, by=owner, at=NOON)

    refund_order(order, amount=Decimal("5.00"), by=owner, at=LATER)
    give_back(order, "5.00")

    assert [note.snapshot["mandate"] for note in notes(order)] == ["", ""]


def test_money_without_units_is_a_reduction(vendor):
    order = invoiced(vendor, make_line(None, 2, total="10.00", name="Savon"))
    [line] = order.lines.all()

    give_back(order, "4.00")
    refund_order(order, lines={line.pk: RefundedLine(1, Decimal("5.00"), 1)}, by=None, at=LATER)

    assert [note.snapshot["lines"][0]["name"] for note in notes(order)] == [
        "Réduction sur\u202f: Savon",
        "Savon",
    ]
