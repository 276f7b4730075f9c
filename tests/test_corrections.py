"""Correcting an issued invoice: a credit note takes it back, a new one stands in its place."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from orders.documents.einvoice import einvoice_xml
from orders.documents.invoice import invoice_context
from orders.domain.corrections import NothingToCorrect, correct_invoice
from orders.domain.credit_notes import has_due
from orders.domain.invoicing import issue_invoice
from orders.domain.refunds import RefundedLine, refund_order
from orders.domain.transitions import change_status
from orders.models import Document, Order
from orders.states import OrderStatus
from orders.views.timeline import timeline
from tests.factories import NOON, buyer_data_of, make_line, make_member, make_order
from tests.schematron import broken_rules
from vendors.roles import Role

LATER = NOON + timedelta(days=1)
CORRECTED = "RDB-F2026-000001"
URL = "/vendors/rucher-des-baux/orders/1042/correct-invoice/"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", lambda said: said["number"].encode())


@pytest.fixture
def order(vendor):
    lines = [make_line(None, 2, total="10.00", name="Miel"), make_line(None, total="3.00", name="Savon")]
    order = make_order(vendor, number="1042", status="processing", lines=lines)
    issue_invoice(order, by=None, at=NOON)
    return order


def corrected(order, **changes):
    buyer = replace(buyer_data_of(order), **(changes or {"billing_name": "Camille Lefebvre"}))
    return correct_invoice(order, buyer, invoice=CORRECTED, by=None, at=LATER)


def papers(order):
    found = Document.objects.filter(order=order).order_by("pk")
    return [(one.number, one.corrects and one.corrects.number, one.total) for one in found]


def balance(order):
    """Net and VAT per rate over all the order's documents."""
    sums = {}
    for one in Document.objects.filter(order=order):
        sign = -1 if one.kind == "A" else 1
        for group in one.snapshot["groups"]:
            net, vat = sums.get(group["rate"], (Decimal(0), Decimal(0)))
            sums[group["rate"]] = (net + sign * Decimal(group["net"]), vat + sign * Decimal(group["vat"]))
    return sums


def test_a_credit_note_takes_the_invoice_back_and_a_new_one_names_the_business(order):
    new = corrected(order, billing_company="Chez Camille", buyer_is_business=True, buyer_siren="552008443")

    assert papers(order) == [
        (CORRECTED, None, Decimal("13.00")),
        ("RDB-A2026-000001", CORRECTED, Decimal("13.00")),
        ("RDB-F2026-000002", None, Decimal("13.00")),
    ]
    assert (new.replaces.number, new.snapshot["buyer"]["siren"]) == (CORRECTED, "552008443")
    assert new.snapshot["buyer"]["lines"][0] == "Chez Camille"
    assert new.snapshot["terms"] is not None


def test_the_credit_note_says_that_nothing_is_given_back(order):
    corrected(order)

    said = Document.objects.get(order=order, kind="A").snapshot
    assert (said["reason"], said["is_correction"], said["refunded_on"]) == (
        "Correction de la facture",
        True,
        "",
    )
    assert said["buyer"]["lines"][0] == "Camille Lefèvre"


def test_what_was_refunded_before_is_credited_once_on_each_invoice(order):
    honey = order.lines.get(name="Miel")
    refund_order(order, lines={honey.pk: RefundedLine(1, Decimal("5.00"))}, by=None, at=NOON)

    corrected(order)

    assert papers(order) == [
        (CORRECTED, None, Decimal("13.00")),
        ("RDB-A2026-000001", CORRECTED, Decimal("5.00")),
        ("RDB-A2026-000002", CORRECTED, Decimal("8.00")),
        ("RDB-F2026-000002", None, Decimal("13.00")),
        ("RDB-A2026-000003", "RDB-F2026-000002", Decimal("5.00")),
    ]
    rest = Document.objects.get(number="RDB-A2026-000002").snapshot["lines"]
    assert [(line["name"], line["quantity"], line["gross"]) for line in rest] == [
        ("Miel", 1, "5.00"),
        ("Savon", 1, "3.00"),
    ]
    assert balance(order) == {"0.2": (Decimal("6.66"), Decimal("1.34"))}  # 10.83 - 4.17
    assert not has_due(order)


def test_refunds_after_a_correction_are_credited_on_the_new_invoice_until_nothing_is_left(order):
    refund_order(order, amount=Decimal("1.11"), by=None, at=NOON)
    corrected(order)

    refund_order(order, amount=Decimal("3.33"), by=None, at=LATER)
    refund_order(order, amount=Decimal("8.56"), by=None, at=LATER)

    assert balance(order) == {"0.2": (Decimal("0.00"), Decimal("0.00"))}
    assert {one.corrects.number for one in Document.objects.filter(kind="A").order_by("-pk")[:3]} == {
        "RDB-F2026-000002"
    }


def test_a_corrected_invoice_can_be_corrected_again(order):
    corrected(order)

    buyer = replace(buyer_data_of(order), billing_city="Brest")
    third = correct_invoice(order, buyer, invoice="RDB-F2026-000002", by=None, at=LATER)

    assert (third.number, third.replaces.number) == ("RDB-F2026-000003", "RDB-F2026-000002")
    assert balance(order) == {"0.2": (Decimal("10.83"), Decimal("2.17"))}


def test_the_same_correction_twice_is_done_once(order):
    corrected(order)

    with pytest.raises(NothingToCorrect, match=f"Invoice {CORRECTED} is not the last one of order 1042"):
        corrected(order, billing_name="Camille L.")
    assert len(papers(order)) == 3


def test_an_invoice_that_would_say_the_same_is_not_issued_anew(order):
    with pytest.raises(NothingToCorrect, match="would say what RDB-F2026-000001 says"):
        correct_invoice(order, buyer_data_of(order), invoice=CORRECTED, by=None, at=LATER)
    assert len(papers(order)) == 1


def test_a_changed_identity_of_the_shop_is_a_reason_to_correct(order):
    order.vendor.identity.city = "Mouriès"
    order.vendor.identity.save()

    new = correct_invoice(order, buyer_data_of(order), invoice=CORRECTED, by=None, at=LATER)

    assert "13520 Mouriès" in new.snapshot["seller"]["lines"]


def as_it_is(order):
    order = Order.objects.get(pk=order.pk)
    return correct_invoice(order, buyer_data_of(order), invoice=CORRECTED, by=None, at=LATER)


def test_an_invoice_of_another_legal_person_is_not_corrected(order):
    order.vendor.identity.siret, order.vendor.identity.vat_number = "55210055400013", "FR96552100554"
    order.vendor.identity.save()

    with pytest.raises(NothingToCorrect, match="issued by another legal person \\(SIREN 732829320\\)"):
        as_it_is(order)
    assert len(papers(order)) == 1


def test_a_missing_reason_for_no_vat_is_a_reason_to_correct(vendor):
    order = make_order(
        vendor, status="processing", lines=[make_line(None, total="50.00", vat_rate=Decimal(0))]
    )
    issue_invoice(order, by=None, at=NOON)
    vendor.identity.exemption_terms = "Exonération de TVA, article 261, 4, 4° du CGI"
    vendor.identity.save()

    assert as_it_is(order).snapshot["exemption"]["text"] == vendor.identity.exemption_terms


def test_a_delivery_since_the_issue_is_a_reason_to_correct(order):
    change_status(order, OrderStatus.COMPLETED, by=None, at=LATER)

    said = as_it_is(order).snapshot
    assert (said["supply_is_delivery"], said["supplied_on"]) == (True, "2026-11-24")


def test_another_place_of_collection_is_a_reason_to_correct(vendor):
    order = make_order(vendor, status="processing", shipping_method="Retrait à l'atelier")
    issue_invoice(order, by=None, at=NOON)
    vendor.pickup_address = "1 rue Neuve\n13520 Les Baux"
    vendor.save()

    assert as_it_is(order).snapshot["collected_at"] == ["1 rue Neuve", "13520 Les Baux"]


def test_an_open_invoice_of_yesterday_is_due_as_many_days_later_and_says_the_same(unpaid):
    with pytest.raises(NothingToCorrect, match="would say what RDB-F2026-000001 says"):
        as_it_is(unpaid)


def test_another_delay_to_pay_is_a_reason_to_correct(unpaid):
    unpaid.vendor.identity.payment_days = 45
    unpaid.vendor.identity.save()

    assert as_it_is(unpaid).snapshot["due_on"] == "2027-01-08"


def test_nothing_is_left_to_correct_of_an_order_that_was_refunded_in_full(order):
    refund_order(order, amount=Decimal("13.00"), by=None, at=NOON)

    with pytest.raises(NothingToCorrect, match="Nothing is left of invoice RDB-F2026-000001"):
        corrected(order)


def test_a_new_invoice_that_cannot_be_made_takes_nothing_back(order, monkeypatch):
    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", lambda said: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        corrected(order)

    order.refresh_from_db()
    assert (len(papers(order)), order.billing_name) == (1, "Camille Lefèvre")


def test_the_xml_of_all_three_is_valid(order):
    corrected(order, billing_company="Chez Camille", buyer_is_business=True, buyer_siren="552008443")

    for document in Document.objects.filter(order=order):
        xml = einvoice_xml(document.snapshot)
        assert broken_rules(xml, business=document.snapshot["buyer"]["is_business"]) == []


# What is paid, and what is open


def stated(order):
    """What all the order's documents together state as paid and as open."""
    sums = {"prepaid": Decimal(0), "due": Decimal(0)}
    for one in Document.objects.filter(order=order):
        sign = -1 if one.kind == "A" else 1
        sums = {name: so_far + sign * Decimal(one.snapshot["totals"][name]) for name, so_far in sums.items()}
    return (sums["prepaid"], sums["due"])


@pytest.fixture
def unpaid(vendor):
    business = {"buyer_is_business": True, "buyer_siren": "552008443", "billing_company": "Chez Camille"}
    order = make_order(vendor, status="on-hold", lines=[make_line(None, total="12.00")], **business)
    issue_invoice(order, by=None, at=NOON)
    return order


def test_a_corrected_invoice_that_nobody_paid_is_due_once(unpaid):
    corrected(unpaid, billing_city="Brest")

    assert stated(unpaid) == (Decimal("0.00"), Decimal("12.00"))


def test_a_cancelled_order_leaves_nothing_due(unpaid):
    change_status(unpaid, OrderStatus.CANCELLED, by=None, at=LATER)

    assert stated(unpaid) == (Decimal("0.00"), Decimal("0.00"))


def test_an_invoice_that_was_paid_since_is_corrected_as_paid(unpaid):
    change_status(unpaid, OrderStatus.PROCESSING, by=None, at=LATER)
    refund_order(unpaid, amount=Decimal("5.00"), by=None, at=LATER)
    corrected(unpaid, billing_city="Brest")

    assert stated(unpaid) == (Decimal("7.00"), Decimal("0.00"))


def test_a_corrected_invoice_that_was_paid_stays_paid(order):
    refund_order(order, amount=Decimal("5.00"), by=None, at=NOON)
    corrected(order)

    assert stated(order) == (Decimal("8.00"), Decimal("0.00"))


def test_the_xml_of_a_note_on_an_unpaid_invoice_says_that_nothing_is_open_any_more(unpaid):
    change_status(unpaid, OrderStatus.PROCESSING, by=None, at=LATER)
    refund_order(unpaid, amount=Decimal("5.00"), by=None, at=LATER)
    corrected(unpaid, billing_city="Brest")

    xml = einvoice_xml(Document.objects.get(number="RDB-A2026-000002").snapshot)
    assert b"<ram:DuePayableAmount>12.00<" in xml
    assert b"<ram:TotalPrepaidAmount>-5.00<" in xml
    assert broken_rules(xml, business=True) == []


def test_a_note_on_an_unpaid_invoice_asks_nobody_for_a_transfer(unpaid):
    unpaid.vendor.identity.iban = "FR7630006000011234567890189"
    unpaid.vendor.identity.save()
    Order.objects.filter(pk=unpaid.pk).update(payment_method="bacs")
    change_status(unpaid, OrderStatus.CANCELLED, by=None, at=LATER)

    said = {**Document.objects.get(order=unpaid, kind="A").snapshot, "payment_code": "58"}
    assert invoice_context(said)["transfer"] == ""


# On the pages


def sent(**fields):
    return {"invoice": CORRECTED, "name": "Camille Lefebvre", **fields}


def test_the_page_asks_and_says_what_follows(client_of, owner, order):
    page = client_of(owner).get(URL).content.decode()

    assert "a credit note takes back what is left of RDB-F2026-000001" in page
    assert 'value="14 rue des Alouettes"' in page
    assert len(papers(order)) == 1


def test_the_page_corrects_once(client_of, owner, order):
    browser = client_of(owner)

    page = browser.post(URL, sent(), follow=True).content.decode()
    again = browser.post(URL, sent(name="Camille L."), follow=True).content.decode()

    assert "Invoice RDB-F2026-000001 is taken back by a credit note" in page
    assert "Invoice RDB-F2026-000002 issued, in the place of RDB-F2026-000001" in page
    assert "is not the last one of order 1042" in again
    assert len(papers(order)) == 3


def test_the_order_offers_the_correction_while_something_is_left(client_of, owner, order):
    browser = client_of(owner)

    assert URL in browser.get("/vendors/rucher-des-baux/orders/1042/").content.decode()
    refund_order(order, amount=Decimal("13.00"), by=None, at=NOON)
    assert URL not in browser.get("/vendors/rucher-des-baux/orders/1042/").content.decode()
    assert b"Nothing is left of invoice" in browser.get(URL).content


def test_an_issued_invoice_leads_from_the_buyer_to_the_correction(client_of, owner, order):
    answer = client_of(owner).get("/vendors/rucher-des-baux/orders/1042/buyer/")

    assert (answer.status_code, answer["Location"]) == (302, URL)


def test_the_accountant_corrects_and_the_preparer_does_not(client_of, vendor, order):
    assert client_of(make_member(vendor, Role.PREPARER)).get(URL).status_code == 403
    assert client_of(make_member(vendor, Role.ACCOUNTANT)).get(URL).status_code == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"is_business": "on", "siren": "552008443", "vat_number": "FR44732829320"}, "vat_number"),
        ({"is_business": "on"}, "siren"),
        ({"name": "", "company": ""}, "name"),
        ({"country": "ZZ"}, "country"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(client_of, owner, order, fields, field):
    answer = client_of(owner).post(URL, sent(**fields))

    assert field in answer.context["form"].errors
    assert len(papers(order)) == 1


def test_what_is_not_sent_of_the_address_stays(client_of, owner, order):
    client_of(owner).post(URL, sent())

    order.refresh_from_db()
    assert (order.billing_name, order.billing_address_1) == ("Camille Lefebvre", "14 rue des Alouettes")


def test_the_history_tells_of_both(order):
    corrected(order)

    told = [event.what for event in timeline(order, order.history.all(), [], [], shows_amounts=True)]
    assert "Credit note RDB-A2026-000001 issued, for invoice RDB-F2026-000001" in told
    assert "Invoice RDB-F2026-000002 issued, in the place of RDB-F2026-000001" in told
