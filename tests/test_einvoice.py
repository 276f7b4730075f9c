"""The electronic invoice: valid by every rule, and to the cent what was paid."""

import socket
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree

from marketplace.countries import CODES
from marketplace.money import round_half_up
from orders.documents.credit_snapshot import Credit, Facts, credit_snapshot
from orders.documents.einvoice import NotAnEInvoice, einvoice_xml
from orders.documents.invoice import invoice_context
from orders.documents.invoice_snapshot import Supply, invoice_snapshot
from orders.exports.vat_figures import totals_by_rate
from orders.models import ExchangeRate, LineKind, Order
from orders.states import OrderStatus
from tests.factories import FIVE_FIVE, NOON, TWENTY, make_line
from tests.schematron import broken_rules
from vendors.models import LegalIdentity

TODAY = date(2026, 11, 23)
FRENCH_RATES = ["0.2", "0.1", "0.055", "0.021", "0.13", "0.085", "0.009", "0.0175", "0.0105", "0"]
OTHER_RATES = ["0.21", "0.19", "0.25", "0.27", "0.23", "0.07", "0.06", "0.135", "0.03", "0.048"]
CII = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
# The shop is only read.
ONE_SHOP = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example]


def snapshot_of(vendor, lines, *, business=False, number="RDB-F2026-000001", rate=None, **fields):
    """What the invoice of such lines says; neither order nor lines are stored."""
    values = {
        "vendor": vendor,
        "number": "1042",
        "status": OrderStatus.PROCESSING,
        "placed_at": NOON,
        "paid_at": NOON,
        "customer_name": "Camille Lefèvre",
        "customer_email": "camille@example.com",
        "billing_name": "Camille Lefèvre",
        "billing_address_1": "14 rue des Alouettes",
        "billing_postcode": "35000",
        "billing_city": "Rennes",
        "billing_country": "FR",
        "payment_title": "Carte bancaire",
        "payment_method": "stripe",
        "currency": "EUR",
        "total": sum((line.total for line in lines), Decimal("0.00")),
    }
    if business:
        values |= {
            "billing_company": "Épicerie du Port",
            "buyer_is_business": True,
            "buyer_siren": "732829320",
            "buyer_vat_number": "FR44732829320",
        }
    for position, line in enumerate(lines, start=1):
        line.position = position
    order = Order(**{**values, **fields})
    supply = Supply(order.paid_at, is_delivery=False)
    return invoice_snapshot(order, lines, supply, number=number, on=TODAY, rate=rate)


def credit_of(invoice, until_now, before=None, number="RDB-A2026-000001"):
    facts = Facts(
        number=number, on=TODAY, texts=invoice["texts"], seller=invoice["seller"], refunded_on="2026-11-23"
    )
    return credit_snapshot(invoice, Credit(until_now, before or {}), facts)


def shipping(total, *rates):
    return split_line("shipping", total, rates)


def split_line(kind, total, rates, name="Colissimo"):
    line = make_line(None, total=total, vat_rate=Decimal(0), kind=kind, name=name)
    line.taxes = [
        {"label": "TVA", "rate": rate, "amount": "0.10", "kind": "vat"} for rate in rates if Decimal(rate)
    ]
    return line


def told(xml, path):
    """The texts at a path of the XML."""
    return [node.text for node in etree.fromstring(xml).findall(f".//{path}", CII)]


# The vector of the rules


@pytest.fixture
def vector(vendor):
    """47.60: 29.70 at 5.5 %, 13.00 at 20 %, shipping 3.46 and 1.44 at the same rates."""
    return [
        make_line(None, 3, total="29.70", vat_rate=FIVE_FIVE, name="Miel de lavande", sku="MIEL"),
        make_line(None, 2, total="13.00", vat_rate=TWENTY, name="Savon", sku="SAVON"),
        shipping("3.46", "0.055"),
        shipping("1.44", "0.2"),
    ]


def test_the_vector_stands_in_the_xml_to_the_cent(vendor, vector):
    xml = einvoice_xml(snapshot_of(vendor, vector))

    assert told(xml, "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount") == [
        "28.15", "10.83", "3.28", "1.20",
    ]  # fmt: skip
    assert told(xml, "ram:ApplicableTradeTax/ram:BasisAmount") == ["31.43", "12.03"]
    assert told(xml, "ram:ApplicableTradeTax/ram:CalculatedAmount") == ["1.73", "2.41"]
    assert told(xml, "ram:GrandTotalAmount") == ["47.60"]
    assert told(xml, "ram:TotalPrepaidAmount") == ["47.60"]
    assert told(xml, "ram:DuePayableAmount") == ["0.00"]
    assert broken_rules(xml) == []


def test_two_credit_notes_of_five_euros_take_back_ten(vendor):
    invoice = snapshot_of(vendor, [make_line(None, total="10.00")])
    first = einvoice_xml(credit_of(invoice, {1: Decimal("5.00")}))
    second = einvoice_xml(
        credit_of(invoice, {1: Decimal("10.00")}, {1: Decimal("5.00")}, number="RDB-A2026-000002")
    )

    sums = [
        (told(xml, "ram:BasisAmount")[0], told(xml, "ram:CalculatedAmount")[0]) for xml in (first, second)
    ]
    assert sums == [("4.17", "0.83"), ("4.16", "0.84")]
    assert told(second, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["RDB-F2026-000001"]
    assert (broken_rules(first), broken_rules(second)) == ([], [])


# How things are told


def test_a_discount_stands_beside_the_price_before_it(vendor):
    xml = einvoice_xml(snapshot_of(vendor, [make_line(None, 2, total="13.00", discount="3.00")]))

    assert told(xml, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["6.665"]
    assert told(
        xml, "ram:SpecifiedLineTradeSettlement/ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount"
    ) == ["2.50"]
    assert told(xml, "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount") == ["10.83"]


@pytest.mark.parametrize(
    ("typed", "code"), [("XK", "1A"), ("UK", "GB"), ("EL", "GR"), ("", "FR"), ("re", "RE")]
)
def test_a_country_stands_as_the_rules_know_it(vendor, typed, code):
    place = {"billing_country": typed, "shipping_city": "Prizren", "shipping_country": typed}

    xml = einvoice_xml(snapshot_of(vendor, [make_line(None, total="12.00")], **place))

    assert told(xml, "ram:CountryID") == ["FR", code, code]
    assert broken_rules(xml) == []


def test_every_country_is_known_to_the_rules(vendor):
    places = [
        einvoice_xml(snapshot_of(vendor, [make_line(None, total="12.00")], billing_country=code))
        for code in sorted(CODES)
    ]

    assert [rule for xml in places for rule in broken_rules(xml)] == []


@pytest.mark.parametrize("code", ["ZZ", "XX", "AN"])
def test_a_buyer_in_no_known_country_has_no_invoice(vendor, code):
    with pytest.raises(NotAnEInvoice, match=f"“{code}”, the country of Camille Lefèvre"):
        einvoice_xml(snapshot_of(vendor, [make_line(None, total="12.00")], billing_country=code))


def test_a_delivery_to_no_known_country_names_no_place(vendor):
    place = {"shipping_city": "Nowhere", "shipping_country": "ZZ"}

    xml = einvoice_xml(snapshot_of(vendor, [make_line(None, total="12.00")], **place))

    assert told(xml, "ram:CountryID") == ["FR", "FR"]
    assert broken_rules(xml) == []


def test_a_gift_card_is_taken_off_the_document(vendor):
    lines = [
        make_line(None, total="20.00"),
        make_line(None, total="-5.00", kind=LineKind.FEE, name="Carte cadeau"),
    ]
    xml = einvoice_xml(snapshot_of(vendor, lines))

    assert told(xml, "ram:AllowanceTotalAmount") == ["4.17"]
    assert told(xml, "ram:TaxBasisTotalAmount") == ["12.50"]
    assert broken_rules(xml) == []


def test_an_article_below_zero_has_units_below_zero(vendor):
    lines = [make_line(None, total="20.00"), make_line(None, 2, total="-5.00", name="Reprise")]
    xml = einvoice_xml(snapshot_of(vendor, lines))

    assert told(xml, "ram:BilledQuantity") == ["1", "-2"]
    assert told(xml, "ram:ChargeAmount") == ["16.67", "2.085"]
    assert broken_rules(xml) == []


def test_nothing_to_pay_is_an_invoice_too(vendor):
    lines = [make_line(None, total="20.00"), make_line(None, total="-20.00", kind=LineKind.FEE)]

    assert broken_rules(einvoice_xml(snapshot_of(vendor, lines))) == []


@pytest.mark.parametrize("vat_number", ["FR44732829320", ""])
def test_the_franchise_is_exempt_by_name(vendor, vat_number):
    LegalIdentity.objects.filter(vendor=vendor).update(vat_regime="franchise", vat_number=vat_number)
    vendor.refresh_from_db()
    xml = einvoice_xml(snapshot_of(vendor, [make_line(None, total="20.00")]))

    assert told(xml, "ram:ExemptionReasonCode") == ["VATEX-FR-FRANCHISE"]
    assert told(xml, "ram:SpecifiedTaxRegistration/ram:ID") == [vat_number or "732829320"]
    assert broken_rules(xml) == []


def test_a_business_that_is_to_pay_is_told_when_and_what_if_not(vendor, vector):
    xml = einvoice_xml(snapshot_of(vendor, vector, business=True, status=OrderStatus.ON_HOLD, paid_at=None))

    assert sorted(told(xml, "ram:IncludedNote/ram:SubjectCode")) == ["AAB", "PMD", "PMT"]
    assert told(xml, "ram:DuePayableAmount") == ["47.60"]
    assert told(xml, "ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID") == ["B1"]
    assert broken_rules(xml, business=True) == []


def test_a_credit_note_to_a_business_keeps_to_the_french_rules(vendor, vector):
    invoice = snapshot_of(vendor, vector, business=True)
    xml = einvoice_xml(credit_of(invoice, {1: Decimal("9.90")}))

    assert broken_rules(xml, business=True) == []


def test_consumers_read_neither_penalties_nor_recovery_costs(vendor, vector):
    assert told(einvoice_xml(snapshot_of(vendor, vector)), "ram:IncludedNote/ram:SubjectCode") == []


def test_another_currency_has_its_vat_in_euros(vendor, vector):
    rate = ExchangeRate(currency="USD", on=TODAY, euros=Decimal("0.9"))
    xml = einvoice_xml(snapshot_of(vendor, vector, currency="USD", rate=rate))

    node = etree.fromstring(xml).find(".//ram:TaxTotalAmount[@currencyID='EUR']", CII)
    assert node.text == "3.73"
    assert broken_rules(xml) == []


@pytest.mark.parametrize("cents", range(1000, 1040, 3))
def test_two_halves_in_another_currency_leave_nothing_in_euros(vendor, cents):
    rate = ExchangeRate(currency="USD", on=TODAY, euros=Decimal("0.9"))
    total = Decimal(cents) / 100
    invoice = snapshot_of(vendor, [make_line(None, total=total)], currency="USD", rate=rate)
    half = {1: round_half_up(total / 2)}
    notes = [credit_of(invoice, half), credit_of(invoice, {1: total}, half)]

    assert set(left_after(notes, invoice)) == {Decimal(0)}


ABROAD = {"shipping_address_1": "1 High Street", "shipping_city": "X", "shipping_postcode": "10"}


@pytest.mark.parametrize(
    ("country", "number", "category", "reason"),
    [
        ("CH", "", "G", "Exonération de TVA, article 262 I du CGI"),
        ("BE", "BE0428759497", "K", "Exonération de TVA, article 262 ter I du CGI"),
        ("BE", "", "Z", None),
        ("GP", "", "G", "Exonération de TVA, articles 262 I et 294 du CGI"),
        ("FR", "", "Z", None),
    ],
)
def test_no_vat_on_what_leaves_the_country_has_its_reason(vendor, country, number, category, reason):
    line = make_line(None, total="30.00", vat_rate=Decimal(0))
    invoice = snapshot_of(vendor, [line], shipping_country=country, buyer_vat_number=number, **ABROAD)
    xml = einvoice_xml(invoice)

    assert told(xml, "ram:ApplicableTradeTax/ram:CategoryCode") == [category] * 2
    assert told(xml, "ram:ExemptionReason") == ([reason] if reason else [])
    assert (reason in invoice_context(invoice)["mentions"]) == bool(reason)
    assert broken_rules(xml) == []
    assert broken_rules(einvoice_xml(credit_of(invoice, {1: Decimal("10.00")}))) == []


def test_vat_that_is_charged_abroad_is_no_export(vendor, vector):
    xml = einvoice_xml(snapshot_of(vendor, vector, shipping_country="CH", **ABROAD))

    assert set(told(xml, "ram:ApplicableTradeTax/ram:CategoryCode")) == {"S"}


@pytest.mark.parametrize(("code", "told_as"), [("UK", "GB"), ("EL", "GR"), ("XK", "1A"), ("", "FR")])
def test_a_country_is_named_as_the_rules_know_it(vendor, vector, code, told_as):
    xml = einvoice_xml(snapshot_of(vendor, vector, billing_country=code))

    assert told(xml, "ram:BuyerTradeParty/ram:PostalTradeAddress/ram:CountryID") == [told_as]
    assert broken_rules(xml) == []


def test_a_transfer_names_the_account_to_pay_to(vendor, vector):
    LegalIdentity.objects.filter(vendor=vendor).update(iban="FR7630006000011234567890189")
    vendor.refresh_from_db()
    fields = {"status": OrderStatus.ON_HOLD, "paid_at": None, "payment_method": "bacs"}
    xml = einvoice_xml(snapshot_of(vendor, vector, business=True, **fields))

    assert told(xml, "ram:IBANID") == ["FR7630006000011234567890189"]
    assert told(xml, "ram:PaymentReference") == ["RDB-F2026-000001"]
    assert broken_rules(xml, business=True) == []


def test_hostile_and_foreign_text_is_only_text(vendor):
    name = "</ram:Name>&lol;<![CDATA[\x00\x07 😀 שלום \ufffe"
    xml = einvoice_xml(snapshot_of(vendor, [make_line(None, total="1.00", name=name)]))

    assert told(xml, "ram:SpecifiedTradeProduct/ram:Name") == ["</ram:Name>&lol;<![CDATA[ 😀 שלום"]


# What is not issued, and what never happens


def test_sums_that_differ_are_refused(vendor, vector):
    snapshot = snapshot_of(vendor, vector)
    snapshot["totals"]["gross"] = "47.61"

    with pytest.raises(NotAnEInvoice, match="RDB-F2026-000001 would not be valid"):
        einvoice_xml(snapshot)


def test_what_the_schema_refuses_is_refused(vendor, vector):
    snapshot = snapshot_of(vendor, vector)
    snapshot["currency"] = "euros"

    with pytest.raises(NotAnEInvoice, match="euros"):
        einvoice_xml(snapshot)


def test_no_other_machine_is_asked(vendor, vector, monkeypatch):
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: asked.append(address))
    snapshot = snapshot_of(vendor, vector)

    assert einvoice_xml(snapshot) == einvoice_xml(snapshot)
    assert asked == []


def test_the_rules_are_alive(vendor, vector):
    xml = einvoice_xml(snapshot_of(vendor, vector)).replace(
        b">47.60</ram:GrandTotal", b">47.61</ram:GrandTotal"
    )

    assert any("BR-CO-15" in rule for rule in broken_rules(xml))


# Random baskets


@dataclass
class Basket:
    lines: list = field(default_factory=list)
    franchise: bool = False
    business: bool = False
    paid: bool = True
    currency: str = "EUR"
    parts: list = field(default_factory=list)  # how much of each line's rest a refund takes, in 1/1000


def cents(low, high):
    return st.integers(low, high).map(lambda amount: Decimal(amount).scaleb(-2))


@st.composite
def product_lines(draw, rates):
    line = make_line(
        None,
        draw(st.integers(1, 30)),
        total=draw(cents(0, 50_000)),
        discount=draw(st.just(Decimal(0)) | cents(1, 5_000)),
        vat_rate=Decimal(draw(st.sampled_from(rates))),
        name=draw(st.text(max_size=40)),
        sku=draw(st.text(max_size=10)),
    )
    if draw(st.integers(0, 9)) == 0:
        line.taxes.append({"label": "Éco-contribution", "rate": "0.01", "amount": "0.12", "kind": "levy"})
    return line


@st.composite
def baskets(draw):
    business = draw(st.booleans())
    rates = draw(
        st.sampled_from([FRENCH_RATES, ["0.2", "0.055"]] + [FRENCH_RATES + OTHER_RATES] * (not business))
    )
    lines = draw(st.lists(product_lines(rates), min_size=1, max_size=40))
    several = st.lists(st.sampled_from(rates), min_size=1, max_size=3, unique=True)
    for amount in draw(st.lists(cents(0, 2_000), max_size=2)):
        lines.append(shipping(str(amount), *draw(several)))
    for amount in draw(st.lists(cents(-3_000, 1_000), max_size=2)):
        left = sum(line.total for line in lines)
        lines.append(split_line("fee", str(max(amount, -left)), draw(several), name="Frais ou carte cadeau"))
    return Basket(
        lines=lines,
        franchise=draw(st.booleans()) and draw(st.booleans()),
        business=business,
        paid=not business or draw(st.booleans()),
        currency=draw(st.sampled_from(["EUR", "EUR", "EUR", "USD", "JPY"])),
        parts=draw(st.lists(st.lists(st.integers(0, 1000), min_size=44, max_size=44), max_size=3)),
    )


def whole_of(invoice):
    """The invoice's gross by position of the order's line."""
    whole = defaultdict(Decimal)
    for line in invoice["lines"]:
        whole[line["position"]] += Decimal(line["gross"])
    return whole


def credit_notes(invoice, parts):
    """The credit notes of refunds in parts; the last takes back all that is left.

    No more is given back than was paid: what would leave less than nothing does not happen.
    """
    whole, before = whole_of(invoice), defaultdict(Decimal)
    total = sum(whole.values())
    notes = []
    for part in parts:
        now = {
            position: before[position]
            + round_half_up((amount - before[position]) * part[position - 1] / 1000, invoice["decimals"])
            for position, amount in whole.items()
        }
        if sum(before.values()) < sum(now.values()) < total:
            notes.append(credit_of(invoice, now, dict(before), f"RDB-A2026-{len(notes) + 1:06d}"))
            before.update(now)
    if total:
        notes.append(credit_of(invoice, dict(whole), dict(before), "RDB-A2026-999999"))
    return notes


def check_basket(vendor, basket):
    """An invoice and its credit notes: valid, what was paid, nothing left at the end."""
    vendor.identity.vat_regime = "franchise" if basket.franchise else "standard"
    rate = None if basket.currency == "EUR" else ExchangeRate(currency="X", on=TODAY, euros=Decimal("0.0062"))
    status = OrderStatus.PROCESSING if basket.paid else OrderStatus.ON_HOLD
    paid_at = datetime(2026, 11, 20, 9, tzinfo=UTC) if basket.paid else None
    fields = {"status": status, "paid_at": paid_at, "currency": basket.currency}
    invoice = snapshot_of(vendor, basket.lines, business=basket.business, rate=rate, **fields)
    xml = einvoice_xml(invoice)

    assert broken_rules(xml, business=basket.business) == []
    assert Decimal(told(xml, "ram:GrandTotalAmount")[0]) == sum(line.total for line in basket.lines)
    notes = credit_notes(invoice, basket.parts)
    for note in notes:
        assert broken_rules(einvoice_xml(note), business=basket.business) == []
    if Decimal(invoice["totals"]["gross"]):
        assert set(left_after(notes, invoice)) == {Decimal(0)}


def left_after(notes, invoice):
    """What the notes leave of the invoice's net and VAT at each rate, in its currency and in euros."""
    for groups in (lambda said: said["groups"], lambda said: (said["euros"] or {"groups": []})["groups"]):
        for group in groups(invoice):
            for key in ("net", "vat"):
                back = [
                    Decimal(part[key])
                    for note in notes
                    for part in groups(note)
                    if part["rate"] == group["rate"]
                ]
                yield Decimal(group[key]) - sum(back)


@settings(max_examples=25, suppress_health_check=ONE_SHOP)
@given(basket=baskets())
@example(basket=Basket(lines=[make_line(None, total="0.01") for _ in range(40)]))
def test_any_basket_is_a_valid_invoice(vendor, basket):
    check_basket(vendor, basket)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=ONE_SHOP)
@given(basket=baskets())
def test_a_thousand_baskets_are_valid_invoices(vendor, basket):
    check_basket(vendor, basket)


def refunds_in_the_export(basket, refunded):
    """The VAT that an export says was refunded of such lines."""
    for line in basket.lines:
        line.refunded_total = refunded[line.position]
    totals = totals_by_rate(basket.lines, franchise=basket.franchise, currency=basket.currency)
    return sum(total.refunded_vat for total in totals.values())


@settings(max_examples=50, suppress_health_check=ONE_SHOP)
@given(basket=baskets(), share=st.just(1000) | st.integers(1, 1000))
@example(
    basket=Basket(lines=[make_line(None, total="12.00"), split_line("fee", "-5.00", ["0.2"])]), share=1000
)
def test_an_export_says_the_vat_of_the_credit_notes(vendor, basket, share):
    vendor.identity.vat_regime = "franchise" if basket.franchise else "standard"
    invoice = snapshot_of(vendor, basket.lines, currency=basket.currency)
    articles = {line.position for line in basket.lines if line.kind == LineKind.PRODUCT}
    refunded = {
        position: round_half_up(amount * share / 1000, invoice["decimals"])
        if position in articles
        else Decimal(0)
        for position, amount in whole_of(invoice).items()
    }

    note = credit_of(invoice, refunded)

    assert refunds_in_the_export(basket, refunded) == Decimal(note["totals"]["vat"])
