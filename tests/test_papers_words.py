"""What papers say of the shop and of payment, word by word."""

from decimal import Decimal

import pytest
from django.utils import translation

from orders.documents.delivery_note import delivery_note_context
from orders.documents.invoice import invoice_context
from orders.domain.invoicing import delivery_note
from orders.models import ExchangeRate
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order
from tests.paper import LOGO, basket, invoice_of, shop
from vendors.models import LegalIdentity

PAID_ON = "19\u00a0novembre\u00a02026"


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ({"legal_name": "Anne-Lise Moreau", "logo_svg": LOGO}, "Rucher des Baux"),
        ({"legal_name": "Anne-Lise Moreau", "logo_svg": ""}, ""),
        ({"legal_name": "LE RUCHER DES BAUX", "logo_svg": LOGO}, ""),
    ],
)
def test_beside_a_logo_the_shop_is_named_where_its_legal_name_does_not(identity, name):
    assert invoice_context(invoice_of(basket(), vendor=shop(**identity)))["trade_name"] == name


@pytest.mark.parametrize(
    ("name", "form", "printed"),
    [
        ("Le Rucher des Baux", "SARL", "Le Rucher des Baux SARL"),
        ("SAS Rucher", "SAS", "SAS Rucher"),
        ("Rucher S.A.R.L.", "SARL", "Rucher S.A.R.L."),
        ("Rucher (SAS)", "S.A.S.", "Rucher (SAS)"),
        (
            "Les Amis du Miel Société coopérative",
            "Société coopérative",
            "Les Amis du Miel Société coopérative",
        ),
        ("Sasha", "SAS", "Sasha SAS"),
        ("La Société du Miel", "Société coopérative", "La Société du Miel Société coopérative"),
    ],
)
def test_the_legal_form_is_said_once(name, form, printed):
    vendor = shop(legal_name=name, legal_form=form)

    assert invoice_of(basket(), vendor=vendor)["seller"]["name"] == printed


def test_a_delivery_note_names_the_shop_too(vendor):
    LegalIdentity.objects.filter(vendor=vendor).update(legal_name="Anne-Lise Moreau", logo_svg=LOGO)
    vendor.refresh_from_db()
    note = delivery_note(make_order(vendor, status=OrderStatus.PROCESSING), at=NOON)

    assert delivery_note_context(note)["trade_name"] == "Rucher des Baux"


def test_a_delivery_note_is_dated_in_french_whoever_prints_it(vendor):
    note = delivery_note(make_order(vendor, status=OrderStatus.PROCESSING), at=NOON)

    with translation.override("en"):
        dated = delivery_note_context(note)["facts"][0]

    assert dated == ("Date", "23\u00a0novembre\u00a02026")


def business(**fields):
    buyer = {"buyer_is_business": True, "buyer_siren": "732829320"}
    return invoice_context(invoice_of([make_line(None, total="12.00")], **buyer, **fields))["mentions"]


def test_a_paid_invoice_to_a_business_states_its_due_date():
    assert business()[0].replace("\u202f", "") == f"Date d’échéance: {PAID_ON}"


def test_the_last_day_to_pay_is_one_to_pay_on():
    said = business(status=OrderStatus.ON_HOLD, paid_at=None)[0]

    assert said == "À payer au plus tard le 23\u00a0décembre\u00a02026"


def test_a_consumer_reads_no_due_date():
    said = invoice_context(invoice_of([make_line(None, total="12.00")]))["mentions"]

    assert not [mention for mention in said if "échéance" in mention or "plus tard" in mention]


@pytest.mark.parametrize(
    ("currency", "rate", "printed"),
    [
        ("USD", "0.92150000", "1 USD = 0,9215\u00a0€"),
        ("USD", "0.90000000", "1 USD = 0,9000\u00a0€"),
        ("JPY", "0.00614321", "1 JPY = 0,00614321\u00a0€"),
        ("VND", "0.00003812", "1 VND = 0,00003812\u00a0€"),
    ],
)
def test_a_rate_is_printed_with_all_the_decimals_that_it_has(currency, rate, printed):
    known = ExchangeRate(currency=currency, on=NOON.date(), euros=Decimal(rate))
    said = invoice_context(invoice_of([make_line(None, total="10000")], currency=currency, rate=known))

    assert [printed in mention for mention in said["mentions"] if "En euros" in mention] == [True]
