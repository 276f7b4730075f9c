"""What has no VAT says why: on paper, and in the electronic invoice, by every rule."""

from decimal import Decimal

import pytest

from orders.documents.einvoice import einvoice_xml
from orders.documents.invoice import invoice_context
from orders.models import LineKind
from orders.states import OrderStatus
from tests.factories import make_line
from tests.schematron import broken_rules
from tests.test_einvoice import credit_of, snapshot_of, told
from vendors.models import LegalIdentity

NO_VAT = Decimal(0)
EXPORT = "Exonération de TVA, article 262 I du CGI"
OVERSEAS = "Exonération de TVA, articles 262 I et 294 du CGI"
WITHIN_EU = "Exonération de TVA, article 262 ter I du CGI"
REVERSE = "Autoliquidation, article 196 de la directive 2006/112/CE"


def untaxed(**fields):
    return make_line(None, total="40.00", vat_rate=NO_VAT, **fields)


def sent_to(vendor, country, postcode="1000", lines=None, **fields):
    """What the invoice says of an order that goes there."""
    place = {
        "shipping_address_1": "1 Main Street",
        "shipping_city": "Town",
        "shipping_postcode": postcode,
        "shipping_country": country,
    }
    return snapshot_of(vendor, lines or [untaxed()], **{**place, **fields})


def mentions(said):
    return invoice_context(said)["mentions"]


def named(said):
    """The provision as (category, words), none as None."""
    return said["exemption"] and (said["exemption"]["category"], said["exemption"]["text"])


@pytest.mark.parametrize(
    ("country", "postcode", "buyer", "expected"),
    [
        ("CH", "1000", "", ("G", EXPORT)),
        ("US", "10001", "", ("G", EXPORT)),
        ("GB", "EC1A 1BB", "", ("G", EXPORT)),
        ("UK", "EC1A 1BB", "", ("G", EXPORT)),
        ("NC", "98800", "", ("G", EXPORT)),
        ("FR", "98800", "", ("G", EXPORT)),
        ("ES", "35001", "", ("G", EXPORT)),
        ("RE", "97400", "", ("G", OVERSEAS)),
        ("FR", "97400", "", ("G", OVERSEAS)),
        ("BE", "1000", "BE0428759497", ("K", WITHIN_EU)),
        ("GR", "10431", "EL094259216", ("K", WITHIN_EU)),
        ("GB", "BT1 5GS", "XI110305878", ("K", WITHIN_EU)),
        ("BE", "1000", "", None),
        ("BE", "1000", "FR44732829320", None),
        ("FR", "75001", "", None),
        ("MC", "98000", "", None),
        ("ZZ", "1", "", None),
    ],
)
def test_where_it_goes_and_who_buys_name_the_provision(vendor, country, postcode, buyer, expected):
    assert named(sent_to(vendor, country, postcode, buyer_vat_number=buyer)) == expected


@pytest.mark.parametrize(
    ("country", "expected"), [("FR", ("G", OVERSEAS)), ("MQ", None), ("CH", ("G", EXPORT))]
)
def test_a_shop_overseas_is_at_home_there(vendor, country, expected):
    LegalIdentity.objects.filter(vendor=vendor).update(country="GP", postcode="97110")
    vendor.refresh_from_db()

    assert named(sent_to(vendor, country, "75001")) == expected


def test_what_is_fetched_in_the_shop_goes_nowhere(vendor):
    place = {"billing_country": "CH", "shipping_address_1": "", "shipping_city": ""}

    assert named(snapshot_of(vendor, [untaxed()], shipping_method="Retrait en magasin", **place)) is None


def test_without_a_place_of_delivery_that_of_billing_counts(vendor):
    assert named(snapshot_of(vendor, [untaxed()], billing_country="CH")) == ("G", EXPORT)


def test_what_has_vat_needs_no_reason(vendor):
    free_of_charge = make_line(None, total="0.00", vat_rate=NO_VAT, kind=LineKind.SHIPPING)

    assert named(sent_to(vendor, "CH", lines=[make_line(None, total="40.00"), free_of_charge])) is None


def test_a_franchise_has_its_own_reason(vendor):
    LegalIdentity.objects.filter(vendor=vendor).update(vat_regime="franchise")
    vendor.refresh_from_db()
    said = sent_to(vendor, "CH")

    assert (named(said), mentions(said)[0]) == (None, "TVA non applicable, article 293 B du CGI")


def test_a_service_to_a_business_of_the_union_is_taxed_there(vendor):
    service = untaxed(kind=LineKind.FEE, name="Atelier")
    said = sent_to(vendor, "BE", lines=[service], buyer_vat_number="BE0428759497", buyer_is_business=True)

    assert (named(said), mentions(said)[0]) == (("AE", REVERSE), REVERSE)
    assert broken_rules(einvoice_xml(said)) == []


@pytest.mark.parametrize(
    ("country", "buyer", "category", "code", "text"),
    [
        ("CH", "", "G", "VATEX-EU-G", EXPORT),
        ("BE", "BE0428759497", "K", "VATEX-EU-IC", WITHIN_EU),
    ],
)
def test_paper_and_xml_name_it_and_keep_to_the_rules(vendor, country, buyer, category, code, text):
    lines = [
        untaxed(),
        make_line(None, total="12.00"),
        untaxed(kind=LineKind.SHIPPING),
        make_line(None, total="-5.00", vat_rate=NO_VAT, kind=LineKind.FEE),
    ]
    said = sent_to(vendor, country, lines=lines, buyer_vat_number=buyer)
    xml = einvoice_xml(said)

    assert mentions(said)[0] == text
    assert told(xml, "ram:ExemptionReason") == [text]
    assert told(xml, "ram:ExemptionReasonCode") == [code]
    assert set(told(xml, "ram:CategoryCode")) == {category, "S"}
    assert broken_rules(xml) == []


def test_within_the_union_date_and_place_are_told_also_before_delivery(vendor):
    said = snapshot_of(vendor, [untaxed()], billing_country="BE", buyer_vat_number="BE0428759497")
    xml = einvoice_xml(said)

    assert told(xml, "ram:ShipToTradeParty/ram:PostalTradeAddress/ram:CountryID") == ["BE"]
    assert told(xml, "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime/udt:DateTimeString") == [
        "20261123"
    ]
    assert broken_rules(xml) == []


def test_a_business_of_the_union_on_hold_keeps_to_the_rules(vendor):
    said = sent_to(
        vendor,
        "BE",
        buyer_vat_number="BE0428759497",
        buyer_is_business=True,
        status=OrderStatus.ON_HOLD,
        paid_at=None,
    )

    assert broken_rules(einvoice_xml({**said, "supplied_on": ""})) == []


def test_a_credit_note_names_its_invoices_reason(vendor):
    note = credit_of(sent_to(vendor, "CH"), {1: Decimal("15.00")})
    xml = einvoice_xml(note)

    assert mentions(note) == [EXPORT]
    assert told(xml, "ram:ExemptionReasonCode") == ["VATEX-EU-G"]
    assert broken_rules(xml) == []


def test_a_credit_note_of_what_had_vat_names_none(vendor):
    invoice = sent_to(vendor, "CH", lines=[untaxed(), make_line(None, total="12.00")])

    assert mentions(credit_of(invoice, {2: Decimal("12.00")})) == []


def test_a_credit_note_of_an_invoice_that_named_none_is_issued(vendor):
    invoice = sent_to(vendor, "CH")
    del invoice["exemption"]

    assert told(einvoice_xml(credit_of(invoice, {1: Decimal("15.00")})), "ram:CategoryCode") == ["Z", "Z"]


def test_what_is_exempt_at_home_says_what_the_shop_says(vendor):
    words = "Exonération de TVA, article 261, 4, 4° du CGI"
    LegalIdentity.objects.filter(vendor=vendor).update(exemption_terms=words)
    vendor.refresh_from_db()
    said = sent_to(vendor, "FR", "75001")
    xml = einvoice_xml(said)

    assert (named(said), mentions(said)) == (("E", words), [words])
    assert named(sent_to(vendor, "CH")) == ("G", EXPORT)
    assert broken_rules(xml) == []
