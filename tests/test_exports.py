"""The files a shop takes out: every cell, every refusal, and sums that are those of the orders."""

import csv
import io
import itertools
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from orders.documents.vat import group_parts, line_parts
from orders.domain.earnings import CommissionRules
from orders.domain.refunds import RefundedLine, refund_order
from orders.exports import blocks
from orders.exports.cells import guarded
from orders.exports.columns import LINE_COLUMNS, ORDER_COLUMNS
from orders.exports.export import Export
from orders.exports.line_rows import LineRows
from orders.exports.order_rows import OrderRows
from orders.models import ExportLog, Order, OrderLine, Shipment
from orders.states import OrderStatus
from tests.factories import (
    FIVE_FIVE,
    NOON,
    TWENTY,
    make_document,
    make_line,
    make_member,
    make_order,
    make_product,
    make_vendor,
)
from vendors.models import LegalIdentity
from vendors.roles import Role

pytestmark = pytest.mark.django_db

S = OrderStatus
CSV = "/vendors/rucher-des-baux/orders/export.csv"
XLSX = "/vendors/rucher-des-baux/orders/export.xlsx"


def words(text):
    return text.split()


# The promise of docs/rules/csv-export.md, word for word.
ORDER_CODES = words("""
order_number basket_number placed_at paid_at completed_at status status_label refund_state fulfillment_stage
customer_name customer_email customer_phone billing_company billing_name billing_address_1 billing_address_2
billing_postcode billing_city billing_country shipping_name shipping_company shipping_address_1
shipping_address_2 shipping_postcode shipping_city shipping_country payment_method shipping_method
tracking_numbers currency units items items_total_incl_vat discount_incl_vat shipping_incl_vat fees_incl_vat
total_excl_vat vat_total total_incl_vat refunded_incl_vat net_total_incl_vat commission_incl_vat
earnings_incl_vat invoice_number customer_note earnings_state refunded_at refunded_vat
commission_given_back_incl_vat storefront_vat_total base_20 vat_20 base_10 vat_10 base_5_5 vat_5_5 base_2_1
vat_2_1 base_other vat_other
""")
LINE_CODES = words("""
order_number placed_at status currency line_number sku product quantity unit_price_incl_vat discount_incl_vat
vat_rate total_excl_vat vat total_incl_vat quantity_refunded refunded_incl_vat commission earnings
""")


@pytest.fixture
def owned(client_of, owner):
    """The browser of the shop's owner."""
    return client_of(owner)


def body(response):
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def table(data, delimiter=","):
    """The file's rows as any reader of CSV sees them: {column: cell}."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def export(browser, query=""):
    return table(body(browser.get(f"{CSV}?headers=codes&{query}")))


def exported_numbers(browser, query=""):
    return [row["order_number"] for row in export(browser, query)]


def sheet(browser, query=""):
    return load_workbook(io.BytesIO(body(browser.get(f"{XLSX}?headers=codes&{query}")))).active


def sheet_row(browser, query="", number=2):
    """A row's cells by code."""
    found = sheet(browser, query)
    return {title.value: cell for title, cell in zip(found[1], found[number], strict=True)}


def issue(order, number="RDB-F2026-000042", sequence=42):
    make_document(order, number=number, sequence=sequence)


@pytest.fixture
def busy(vendor):
    """The invoice's worked example, with all that can happen to an order."""
    soap = make_product(vendor, name="Savon d'Alep", sku="SAV-01", price="14.85", vat_rate=FIVE_FIVE)
    mug = make_product(vendor, name="Mug", sku="MUG-01", price="6.50")
    order = make_order(
        vendor,
        number="1042",
        status=S.PROCESSING,
        placed_at=datetime(2026, 11, 23, 13, 5, 9, 123456, tzinfo=UTC),
        lines=[
            make_line(soap, 2, discount="3.00"),
            make_line(mug, 2),
            make_line(None, kind="shipping", total="3.46", vat_rate=FIVE_FIVE, name="Colissimo"),
            make_line(None, kind="shipping", total="1.44", name="Colissimo"),
        ],
        basket_number="B-77",
        customer_phone="+33 6 12 34 56 78",
        billing_company="Léa & Cie",
        shipping_method="Colissimo",
        customer_note="Sonnez\r\ndeux fois",
        storefront_vat_total=Decimal("4.15"),
    )
    refund_order(
        order,
        lines={order.lines.get(sku="MUG-01").pk: RefundedLine(1, Decimal("6.50"))},
        by=None,
        at=datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
    )
    for number, tracking in enumerate(["6A01", "6A02"], start=1):
        Shipment.objects.create(order=order, number=number, tracking_number=tracking, shipped_at=NOON)
    issue(order)
    return order


# What a row says


def test_every_cell_of_an_order(owned, busy):
    [row] = export(owned)

    assert row == {
        "order_number": "1042",
        "basket_number": "B-77",
        "placed_at": "2026-11-23T14:05:09+01:00",
        "paid_at": "2026-11-23T14:05:09+01:00",
        "completed_at": "",
        "status": "processing",
        "status_label": "Processing",
        "refund_state": "partial",
        "fulfillment_stage": "to_prepare",
        "customer_name": "Camille Lefèvre",
        "customer_email": "camille@example.com",
        "customer_phone": "+33 6 12 34 56 78",
        "billing_company": "Léa & Cie",
        "billing_name": "Camille Lefèvre",
        "billing_address_1": "14 rue des Alouettes",
        "billing_address_2": "",
        "billing_postcode": "35000",
        "billing_city": "Rennes",
        "billing_country": "FR",
        "shipping_name": "Camille Lefèvre",
        "shipping_company": "",
        "shipping_address_1": "14 rue des Alouettes",
        "shipping_address_2": "",
        "shipping_postcode": "35000",
        "shipping_city": "Rennes",
        "shipping_country": "FR",
        "payment_method": "Carte bancaire",
        "shipping_method": "Colissimo",
        "tracking_numbers": "6A01, 6A02",
        "currency": "EUR",
        "units": "4",
        "items": "2 × Savon d'Alep (SAV-01) | 2 × Mug (MUG-01)",
        "items_total_incl_vat": "45.70",
        "discount_incl_vat": "3.00",
        "shipping_incl_vat": "4.90",
        "fees_incl_vat": "0.00",
        "total_excl_vat": "43.46",
        "vat_total": "4.14",
        "total_incl_vat": "47.60",
        "refunded_incl_vat": "6.50",
        "net_total_incl_vat": "41.10",
        "commission_incl_vat": "3.36",
        "earnings_incl_vat": "37.74",
        "invoice_number": "RDB-F2026-000042",
        "customer_note": "Sonnez deux fois",
        "earnings_state": "earned",
        "refunded_at": "2026-12-01T09:00:00+01:00",
        "refunded_vat": "1.08",
        "commission_given_back_incl_vat": "0.54",
        "storefront_vat_total": "4.15",
        "base_20": "12.03",
        "vat_20": "2.41",
        "base_10": "0.00",
        "vat_10": "0.00",
        "base_5_5": "31.43",
        "vat_5_5": "1.73",
        "base_2_1": "0.00",
        "vat_2_1": "0.00",
        "base_other": "0.00",
        "vat_other": "0.00",
    }


def test_every_cell_of_an_orders_lines(owned, busy):
    lines = [" ".join(list(row.values())[4:]) for row in export(owned, "rows=lines")]

    assert lines == [
        "1 SAV-01 Savon d'Alep 2 16.35 3.00 5.5 28.15 1.55 29.70 0 0.00 2.82 26.88",
        "2 MUG-01 Mug 2 6.50 0.00 20 10.83 2.17 13.00 1 6.50 0.54 5.96",
        "3  Colissimo 1 3.46 0.00 5.5 3.28 0.18 3.46 0 0.00 0.00 3.46",
        "4  Colissimo 1 1.44 0.00 20 1.20 0.24 1.44 0 0.00 0.00 1.44",
    ]


def test_each_line_says_which_order_it_is_of(owned, busy):
    [row, *_more] = export(owned, "rows=lines")

    assert [row[code] for code in LINE_CODES[:4]] == [
        "1042",
        "2026-11-23T14:05:09+01:00",
        "processing",
        "EUR",
    ]


def test_the_commission_per_order_is_a_line_of_its_own(owned, vendor):
    rules = CommissionRules(rate=Decimal("0.1"), vat_rate=TWENTY, order_fee=Decimal("0.50"))
    order = make_order(vendor, status=S.PROCESSING, lines=[make_line(None, total="12.00")], rules=rules)
    refund_order(order, amount=Decimal("6.00"), by=None, at=NOON)

    _line, fee = export(owned, "rows=lines")

    assert " ".join(list(fee.values())[4:]) == (
        "2  Commission per order 1 0.00 0.00  0.00 0.00 0.00 0 0.00 0.30 -0.30"
    )


def test_a_line_of_two_rates_is_one_row_that_names_both(owned, vendor):
    shipping = make_line(None, kind="shipping", total="4.80", name="Colissimo")
    shipping.taxes = [
        {"label": "TVA", "rate": rate, "amount": "0.40", "kind": "vat"} for rate in ("0.2", "0.055")
    ]
    cheap = make_line(None, total="10.00", vat_rate=FIVE_FIVE)
    make_order(vendor, lines=[make_line(None, total="20.00"), cheap, shipping])

    row = export(owned, "rows=lines")[2]

    assert (row["vat_rate"], row["total_excl_vat"], row["vat"]) == ("5.5 + 20", "4.18", "0.62")


def test_what_was_taken_off_shipping_is_no_discount_of_the_order(owned, vendor):
    shipping = make_line(None, kind="shipping", total="4.00", discount="2.00")
    make_order(vendor, lines=[make_line(None, total="12.00"), shipping])

    row = export(owned, "rows=lines")[1]

    assert (row["unit_price_incl_vat"], row["discount_incl_vat"], row["total_incl_vat"]) == (
        "4.00",
        "0.00",
        "4.00",
    )


def test_a_shop_under_franchise_has_no_vat(owned, vendor):
    LegalIdentity.objects.filter(vendor=vendor).update(vat_regime="franchise")
    make_order(vendor, lines=[make_line(None, total="12.00")])

    [row], [line] = export(owned), export(owned, "rows=lines")

    assert [row[code] for code in ("total_excl_vat", "vat_total", "base_20", "base_other")] == [
        "12.00", "0.00", "0.00", "12.00",
    ]  # fmt: skip
    assert (line["vat_rate"], line["total_excl_vat"], line["vat"]) == ("", "12.00", "0.00")


def test_each_order_has_the_regime_of_its_day_of_supply(owned, vendor):
    vendor.identity.vat_changes.create(starts_on=NOON.date(), regime="franchise")
    for number, days in (("1", 2), ("2", 0)):
        then = NOON - timedelta(days=days)
        make_order(
            vendor, number=number, status=S.PROCESSING, paid_at=then, lines=[make_line(None, total="12.00")]
        )

    vat = {row["order_number"]: row["vat_total"] for row in export(owned)}
    vat_of_lines = {line["order_number"]: line["vat"] for line in export(owned, "rows=lines")}

    assert vat == vat_of_lines == {"1": "2.00", "2": "0.00"}


def test_an_issued_invoice_has_said_the_regime_for_good(owned, vendor):
    order = make_order(vendor, status=S.PROCESSING, paid_at=NOON, lines=[make_line(None, total="12.00")])
    make_document(order, snapshot={"seller": {"is_franchise": False}})
    vendor.identity.vat_changes.create(starts_on=NOON.date(), regime="franchise")

    assert export(owned)[0]["vat_total"] == "2.00"


def test_rates_without_columns_share_one_pair(owned, vendor):
    rates = [Decimal("0.085"), Decimal("0.009"), Decimal(0), TWENTY]
    make_order(vendor, lines=[make_line(None, total="10.00", vat_rate=rate) for rate in rates])

    [row] = export(owned)

    assert [row[code] for code in ("base_20", "vat_20", "base_other", "vat_other")] == [
        "8.33",
        "1.67",
        "29.13",
        "0.87",
    ]


def test_two_refunds_that_make_the_whole_give_back_the_whole_vat(owned, vendor):
    order = make_order(vendor, status=S.PROCESSING, lines=[make_line(None, total="10.00")])
    refund_order(order, amount=Decimal("5.00"), by=None, at=NOON)
    [half] = export(owned)
    refund_order(order, amount=Decimal("5.00"), by=None, at=NOON)

    [row] = export(owned)

    assert (half["refunded_vat"], row["refunded_vat"], row["vat_total"]) == ("0.83", "1.67", "1.67")


def test_only_the_invoice_is_named(owned, busy):
    make_order(busy.vendor, number="1043", placed_at=NOON + timedelta(days=1))

    assert [row["invoice_number"] for row in export(owned)] == ["", "RDB-F2026-000042"]


def test_the_columns_stand_in_the_promised_order(owned, vendor):
    codes = [body(owned.get(f"{CSV}?headers=codes&rows={rows}")).decode() for rows in ("orders", "lines")]

    assert codes == [",".join(f'"{code}"' for code in names) + "\r\n" for names in (ORDER_CODES, LINE_CODES)]


def test_headers_are_labels_unless_codes_are_asked_for(owned, vendor):
    header = body(owned.get(CSV)).decode()

    assert header.startswith('"Order no.","Basket no.","Placed at",')
    assert header.endswith('"Net amount, other VAT rates or none","VAT, other rates"\r\n')


@pytest.mark.parametrize("columns", [ORDER_COLUMNS, LINE_COLUMNS])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_two_columns_have_one_label(columns, language):
    from django.utils.translation import override

    with override(language):
        labels = [column.label for column in columns]

    assert len(set(labels)) == len(labels)


def test_a_person_reads_labels_in_their_own_language(client_of, busy):
    browser = client_of(make_member(busy.vendor, Role.ACCOUNTANT, language="fr"))

    header, row = csv.reader(io.StringIO(body(browser.get(CSV)).decode(), newline=""))

    assert (header[0], header[38], header[42], row[6]) == (
        "N° de commande", "Total TTC", "Gains TTC", "En cours de traitement",
    )  # fmt: skip


# Dialects


def test_the_strict_dialect_is_plain_to_the_byte(owned, vendor):
    make_order(vendor, number="7", customer_name='Jean "Jo" Ba', billing_name="é")

    data = body(owned.get(f"{CSV}?headers=codes"))

    assert data.startswith(b'"order_number",')
    assert b',"Jean ""Jo"" Ba",' in data
    assert data.count(b"\r\n") == data.count(b"\n") == 2
    assert "\u00a0" not in data.decode()
    assert data.endswith(b'"\r\n')


def test_the_excel_dialect_speaks_to_french_excel(owned, busy):
    data = body(owned.get(f"{CSV}?headers=codes&dialect=excel"))
    [row] = table(data, ";")

    assert data.startswith(b'\xef\xbb\xbf"order_number";')
    assert [row[code] for code in ("placed_at", "completed_at", "total_incl_vat", "units", "status")] == [
        "23/11/2026 14:05", "", "47,60", "4", "processing",
    ]  # fmt: skip


def test_the_excel_dialect_writes_rates_and_losses_with_a_comma(owned, vendor):
    make_order(
        vendor,
        lines=[
            make_line(None, total="12.00"),
            make_line(None, kind="fee", total="-2.00", vat_rate=FIVE_FIVE),
        ],
    )

    rows = table(body(owned.get(f"{CSV}?headers=codes&dialect=excel&rows=lines")), ";")

    assert (rows[1]["vat_rate"], rows[1]["total_incl_vat"]) == ("5,5", "-2,00")


def test_large_amounts_have_no_separator(owned, vendor):
    make_order(vendor, lines=[make_line(None, total="1234567.80")])

    assert export(owned)[0]["total_incl_vat"] == "1234567.80"


def test_moments_are_in_the_shops_time_zone(client_of):
    shop = make_vendor("reunion", time_zone="Indian/Reunion")
    make_order(shop, placed_at=datetime(2026, 6, 30, 22, 30, tzinfo=UTC))
    browser = client_of(make_member(shop))

    data = body(browser.get("/vendors/reunion/orders/export.csv?headers=codes"))

    assert table(data)[0]["placed_at"] == "2026-07-01T02:30:00+04:00"


# Text that would do harm

HOSTILE = [
    'back\\"slash,x',
    "back\\",
    '"',
    "A & B; C, D",
    "🧼 savon 👩🏽‍🌾",
    "مرحبا بالعالم \u200f",
    "l’œuf à 5\u202f€",
    "'=1+1",
    "1e5",
    "null",
    "deux\tcolonnes",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("dialect", ["strict", "excel"])
def test_text_comes_back_as_it_was(owned, vendor, text, dialect):
    make_order(vendor, customer_name=text, billing_company=text, customer_note=text)

    [row] = table(
        body(owned.get(f"{CSV}?headers=codes&dialect={dialect}")), ";" if dialect == "excel" else ","
    )

    assert [row[code] for code in ("customer_name", "billing_company", "customer_note")] == [text] * 3
    assert (row["billing_city"], row["vat_other"].replace(",", ".")) == ("Rennes", "0.00")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("=12", "'=12"),
        ("\0=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("-", "'-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'\t=1+1"),
        ("\r=1+1", "' =1+1"),
        ("\n=1+1", "' =1+1"),
        ("+33 6 12 34 56 78", "+33 6 12 34 56 78"),
        ("-12,50", "-12,50"),
        ("- 12.50", "- 12.50"),
        ("a=1", "a=1"),
        ("", ""),
        ("un\r\ndeux\ntrois\rquatre\u2028cinq\vsix", "un deux trois quatre cinq six"),
    ],
)
def test_a_text_cell_is_never_a_formula_nor_two_lines(text, cell):
    assert guarded(text) == cell


def test_a_formula_in_any_text_column_is_disarmed(owned, vendor):
    evil = "=HYPERLINK(1)"
    line = make_line(None, name=evil, sku=evil)
    texts = [
        c
        for c in ORDER_CODES
        if re.match("customer_|billing_|shipping_", c) and not c.endswith(("vat", "country"))
    ]
    order = make_order(vendor, lines=[line], number=evil, payment_title=evil, **dict.fromkeys(texts, evil))
    issue(order, evil)
    Shipment.objects.create(order=order, number=1, tracking_number=evil, shipped_at=NOON)

    cells = [cell for query in ("", "rows=lines") for row in export(owned, query) for cell in row.values()]

    assert cells.count("'" + evil) == len(texts) + 4 + 3
    assert not any(cell.startswith("=") for cell in cells)


def test_amounts_are_numbers_and_never_guarded(owned, vendor):
    make_order(vendor, lines=[make_line(None, total="12.00"), make_line(None, kind="fee", total="-2.00")])

    assert export(owned)[0]["fees_incl_vat"] == "-2.00"


# Which orders


def test_the_newest_order_comes_first_and_the_later_id_among_equals(owned, vendor):
    for number, day in [("1", 0), ("2", 2), ("3", 1), ("4", 1)]:
        make_order(vendor, number=number, placed_at=NOON + timedelta(days=day))

    assert exported_numbers(owned) == ["2", "4", "3", "1"]
    assert exported_numbers(owned, "sort=number") == ["2", "4", "3", "1"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", ["3", "2", "1"]),
        ("status=completed", ["3"]),
        ("status=refunded", ["2"]),
        ("customer=lef", ["2", "1"]),
        ("q=1", ["1"]),
        ("placed_before=2026-11-23", ["1"]),
        ("placed_after=2026-11-24&customer=lef", ["2"]),
        ("cursor=whatever", ["3", "2", "1"]),
        ("status=failed", []),
    ],
)
def test_exactly_the_orders_of_the_list_are_exported(owned, vendor, query, numbers):
    make_order(vendor, number="1", status=S.PROCESSING)
    part = make_order(vendor, number="2", status=S.PROCESSING, placed_at=NOON + timedelta(days=1))
    make_order(
        vendor, number="3", status=S.COMPLETED, placed_at=NOON + timedelta(days=2), customer_name="Ana"
    )
    refund_order(part, amount=Decimal("1.00"), by=None, at=NOON)

    assert exported_numbers(owned, query) == numbers
    assert list(dict.fromkeys(exported_numbers(owned, f"rows=lines&{query}"))) == numbers


def test_another_shops_and_hidden_orders_stay_out(owned, vendor):
    make_order(make_vendor("miel-et-cie"), number="2077")
    make_order(vendor, number="1", hidden_at=NOON)
    make_order(vendor, number="2")

    assert exported_numbers(owned) == ["2"]


def test_many_blocks_make_one_file(owned, vendor, monkeypatch):
    monkeypatch.setattr("orders.exports.blocks.BLOCK", 2)
    for number in range(1, 6):
        make_order(vendor, number=str(number))

    assert exported_numbers(owned) == ["5", "4", "3", "2", "1"]
    assert len(export(owned, "rows=lines")) == 5


# Who, and what is refused


@pytest.mark.parametrize("address", [CSV, XLSX])
def test_the_preparer_exports_nothing(client_of, vendor, address):
    assert client_of(make_member(vendor, Role.PREPARER)).get(address).status_code == 403
    assert not ExportLog.objects.exists()


@pytest.mark.parametrize("address", [CSV, XLSX])
@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("rows", "baskets"),
        ("rows", ""),
        ("headers", "none"),
        ("dialect", "tsv"),
        ("status", "lost"),
        ("placed_after", "23/11/2026"),
        ("late", "yes"),
        ("sort", "colour"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence_that_names_it(owned, vendor, address, parameter, value):
    response = owned.get(address, {parameter: value})

    assert (response.status_code, response["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert response.content.decode().startswith("Nothing was exported. ")
    assert f"“{value}”" in response.content.decode()
    assert "Content-Disposition" not in response
    assert not ExportLog.objects.exists()


def test_an_export_is_a_get(owned, vendor):
    assert [owned.post(CSV).status_code, owned.head(XLSX).status_code] == [405, 405]


# The file and its log


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "commandes-rucher-des-baux-2026-11-24.csv"),
        ("?rows=lines&dialect=excel&sort=number&status=", "commandes-rucher-des-baux-2026-11-24.csv"),
        ("?status=completed", "commandes-rucher-des-baux-2026-11-24-selection.csv"),
    ],
)
def test_the_file_is_named_after_the_shop_and_its_day(owned, vendor, monkeypatch, query, name):
    midnight_in_paris = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: midnight_in_paris)

    response = owned.get(CSV + query)

    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"


def test_every_export_is_logged_with_its_filters_and_rows(owned, owner, vendor):
    make_order(vendor, lines=[make_line(None), make_line(None)])

    export(owned, "rows=lines&status=pending&customer=cam%26&dialect=strict")
    export(owned, "rows=lines&status=pending&customer=cam")
    sheet(owned)

    logged = ExportLog.objects.order_by("pk").values_list("vendor", "user", "format", "filters", "rows")
    assert list(logged) == [
        (vendor.pk, owner.pk, "csv lines strict codes", "status=pending&customer=*", 0),
        (vendor.pk, owner.pk, "csv lines strict codes", "status=pending&customer=*", 2),
        (vendor.pk, owner.pk, "xlsx orders codes", "", 1),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", [CSV, XLSX])
def test_an_export_broken_off_leaves_its_rows_empty(owned, vendor, address):
    make_order(vendor)
    response = owned.get(address)

    next(response.streaming_content)
    response.close()

    assert [log.rows for log in ExportLog.objects.all()] == [None]


# Sums


AMOUNTS = st.decimals(Decimal("0.01"), Decimal(400), places=2)
RATES = st.sampled_from([TWENTY, FIVE_FIVE, Decimal("0.1"), Decimal("0.021"), Decimal("0.085"), Decimal(0)])


@st.composite
def lines_of_an_order(draw):
    """Products with discounts, then shipping under one rate or two, and a fee that may be negative."""
    lines = [
        make_line(None, draw(st.integers(1, 5)), total=draw(AMOUNTS), discount=draw(AMOUNTS), vat_rate=rate)
        for rate in draw(st.lists(RATES, min_size=1, max_size=4))
    ]
    shipping = make_line(
        None, kind="shipping", total=draw(AMOUNTS), discount=draw(st.sampled_from(["0", "1.00"]))
    )
    shipping.taxes = [
        {"label": "TVA", "rate": str(rate), "amount": "0.50", "kind": "vat"}
        for rate in draw(st.lists(RATES, unique=True, max_size=2))
    ]
    paid = sum(line.total for line in lines)
    fee = make_line(
        None, kind="fee", total=draw(st.decimals(-paid, Decimal(5), places=2)), vat_rate=draw(RATES)
    )
    return [*lines, shipping, fee]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=lines_of_an_order(),
    rules=st.builds(
        CommissionRules,
        rate=st.sampled_from([Decimal("0.1"), Decimal("0.125")]),
        vat_rate=st.sampled_from([Decimal(0), TWENTY]),
        order_fee=st.sampled_from([Decimal(0), Decimal("0.35")]),
    ),
    refunds=st.lists(st.fractions(0, 1), max_size=3),
    franchise=st.booleans(),
    currency=st.sampled_from(["EUR", "EUR", "JPY", "TND"]),
)
def test_sums_add_up_on_every_order(vendor, lines, rules, refunds, franchise, currency):
    order = make_order(
        vendor, lines=lines, rules=rules, status=S.PROCESSING, number=uuid4().hex, currency=currency
    )
    for share in refunds:
        amount = Decimal(int(int(order.refundable * 100) * share)) / 100
        if amount and order.status == S.PROCESSING:
            refund_order(order, amount=amount, by=None, at=NOON)
    only = Order.objects.filter(pk=order.pk)
    under_franchise = set if franchise else lambda ids: set()
    [[cells]] = OrderRows(under_franchise).blocks(only)
    [lines_cells] = LineRows(under_franchise).blocks(only)

    row = dict(zip(ORDER_CODES, cells, strict=True))
    lines_rows = [dict(zip(LINE_CODES, cells_of_line, strict=True)) for cells_of_line in lines_cells]

    sold = list(order.lines.all())
    parts = line_parts(sold, franchise=franchise, currency=currency)
    is_explained_along_the_row(row)
    says_what_the_invoice_says(row, group_parts(parts))
    is_the_sum_of_its_lines(row, lines_rows)
    for line, line_row in zip(sold, lines_rows, strict=False):
        assert amounts(line_row, "total_excl_vat") == [sum(part.net for part in parts if part.line is line)]


def amounts(row, *codes):
    return [Decimal(row[code]) for code in codes]


def is_explained_along_the_row(row):
    [total, items, discount, shipping, fees] = amounts(
        row,
        "total_incl_vat",
        "items_total_incl_vat",
        "discount_incl_vat",
        "shipping_incl_vat",
        "fees_incl_vat",
    )
    [net, vat, refunded, left] = amounts(
        row, "total_excl_vat", "vat_total", "refunded_incl_vat", "net_total_incl_vat"
    )
    [commission, earnings] = amounts(row, "commission_incl_vat", "earnings_incl_vat")
    assert total == items - discount + shipping + fees == net + vat
    assert (left, earnings) == (total - refunded, left - commission)
    assert net == sum(amounts(row, "base_20", "base_10", "base_5_5", "base_2_1", "base_other"))
    assert vat == sum(amounts(row, "vat_20", "vat_10", "vat_5_5", "vat_2_1", "vat_other"))


def says_what_the_invoice_says(row, groups):
    at_twenty = [(group.net, group.vat) for group in groups if group.rate == TWENTY] or [(0, 0)]
    assert [tuple(amounts(row, "base_20", "vat_20"))] == at_twenty
    assert amounts(row, "vat_total") == [sum(group.vat for group in groups)]
    if row["refund_state"] == "full":
        assert row["refunded_vat"] == row["vat_total"]


def is_the_sum_of_its_lines(row, lines):
    codes = {
        code: code for code in ("total_excl_vat", "total_incl_vat", "discount_incl_vat", "refunded_incl_vat")
    }
    codes |= {"vat": "vat_total", "commission": "commission_incl_vat", "earnings": "earnings_incl_vat"}
    for of_line, of_order in codes.items():
        assert sum(Decimal(line[of_line]) for line in lines) == Decimal(row[of_order]), of_line


# The workbook


def test_the_workbooks_cells_have_types(owned, busy):
    row = sheet_row(owned)

    typed = {code: (row[code].value, row[code].data_type, row[code].number_format) for code in row}
    assert typed["placed_at"] == (datetime(2026, 11, 23, 14, 5, 9), "d", "dd/mm/yyyy hh:mm")
    assert typed["total_incl_vat"] == (47.6, "n", "0.00")
    assert typed["units"] == (4, "n", "0")
    assert typed["order_number"] == ("1042", "s", "@")
    assert typed["billing_postcode"] == ("35000", "s", "@")
    assert typed["customer_phone"] == ("+33 6 12 34 56 78", "s", "@")
    assert typed["customer_note"] == ("Sonnez deux fois", "s", "@")
    assert row["completed_at"].value is None


def test_the_workbook_says_what_the_csv_says(owned, busy):
    [row] = export(owned)

    cells = {code: cell.value for code, cell in sheet_row(owned).items()}

    assert list(cells) == ORDER_CODES
    for code, text in row.items():
        match cells[code]:
            case None:
                assert text == ""
            case datetime() as moment:
                assert text == moment.isoformat() + "+01:00"
            case str() as value:
                assert text == value
            case number:
                assert Decimal(text) == Decimal(str(number))


def test_the_workbook_has_the_lines_too(owned, busy):
    first = sheet_row(owned, "rows=lines")

    assert [cell.value for cell in first.values()] == [
        *("1042", datetime(2026, 11, 23, 14, 5, 9), "processing", "EUR", 1, "SAV-01", "Savon d'Alep", 2),
        *(16.35, 3, 5.5, 28.15, 1.55, 29.7, 0, 0, 2.82, 26.88),
    ]


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "+1+1", "#N/A", "0612345678", "1e5", "2026-11-23", *HOSTILE]
)
def test_text_in_a_workbook_is_text_and_nothing_else(owned, vendor, text):
    make_order(vendor, lines=[make_line(None, sku=text)], customer_name=text)

    cells = [sheet_row(owned)["customer_name"], sheet_row(owned, "rows=lines")["sku"]]

    assert [(cell.value, cell.data_type, cell.number_format) for cell in cells] == [(text, "s", "@")] * 2


def test_what_a_workbook_cannot_hold_is_left_out(owned, vendor):
    make_order(vendor, customer_name="a\x01b\x1fc\uffffd", customer_note="un\ndeux")

    row = sheet_row(owned)

    assert (row["customer_name"].value, row["customer_note"].value) == ("abcd", "un deux")


def test_the_workbooks_header_stays_in_sight(owned, vendor):
    found = sheet(owned)

    assert found.freeze_panes == "A2"
    assert [cell.value for cell in found[1]] == ORDER_CODES
    assert found.column_dimensions["AF"].width == 60


def test_more_rows_than_a_sheet_holds_go_on_to_the_next(owned, vendor, monkeypatch):
    monkeypatch.setattr("orders.exports.xlsx_file.LAST_ROW", 3)
    for number in range(1, 6):
        make_order(vendor, number=str(number))

    book = load_workbook(io.BytesIO(body(owned.get(f"{XLSX}?headers=codes"))))

    numbers = [[cell.value for cell in found["A"]] for found in book]
    assert numbers == [["order_number", "5", "4"], ["order_number", "3", "2"], ["order_number", "1"]]


def test_a_workbook_leaves_no_file_behind(owned, vendor, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    make_order(vendor)

    response = owned.get(XLSX)
    assert int(response["Content-Length"]) == len(body(response))

    assert list(tmp_path.iterdir()) == []


def test_a_workbook_that_fails_leaves_no_file_behind(owned, vendor, monkeypatch, tmp_path):
    def broken(*_args):
        raise OSError("disk full")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("orders.exports.order_rows.lines_of", broken)
    make_order(vendor)

    with pytest.raises(OSError, match="disk full"):
        owned.get(XLSX)

    assert list(tmp_path.iterdir()) == []


# Cost


@pytest.mark.parametrize("orders", [1, 3])
@pytest.mark.parametrize(("query", "queries"), [("rows=orders", 12), ("rows=lines", 10)])
@pytest.mark.parametrize("address", [CSV, XLSX])
def test_a_block_costs_the_same_queries_whatever_it_holds(
    owned, vendor, django_assert_num_queries, monkeypatch, address, query, queries, orders
):
    monkeypatch.setattr(Export, "_may_be_copied", False)  # what PostgreSQL writes itself: test_export_copy
    for number in range(orders):
        issue_all_of(vendor, number)

    # The session, its person, the membership, the identity and its regimes, the log's row twice; the rest are the block's.
    with django_assert_num_queries(queries):
        body(owned.get(f"{address}?{query}"))


def issue_all_of(vendor, number):
    """An order with lines, a refund, a parcel and an invoice."""
    order = make_order(
        vendor, status=S.PROCESSING, lines=[make_line(None, total="12.00") for _line in range(number + 1)]
    )
    refund_order(order, amount=Decimal("1.00"), by=None, at=NOON)
    Shipment.objects.create(order=order, number=1, tracking_number="6A", shipped_at=NOON)
    issue(order, f"RDB-F2026-{number:06}", number)


def copies(order, count, cursor):
    """Copy an order and its lines ``count`` times, inside the database."""
    texts = {"number": "'copy ' || i", "external_id": "'copy ' || i"}
    changes = {
        Order: ("id", {"id": f"{order.pk + 100} + i", **texts}),
        OrderLine: ("order_id", {"id": "id + 100 + i * 10", "order_id": f"{order.pk + 100} + i"}),
    }
    for model, key, changed in ((model, *change) for model, change in changes.items()):
        name, columns = model._meta.db_table, [field.column for field in model._meta.concrete_fields]
        cursor.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
            f"INSERT INTO {name} ({', '.join(columns)}) "
            f"SELECT {', '.join(changed.get(column, column) for column in columns)} "
            f"FROM {name}, n WHERE {key} = %s",
            [count, order.pk],
        )


@pytest.mark.parametrize(("address", "count"), [(CSV, 20_000), (XLSX, 4_000)])
@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(owned, busy, address, count):
    with connection.cursor() as cursor:
        copies(busy, count, cursor)

    tracemalloc.start()
    try:
        for _piece in owned.get(address).streaming_content:
            pass
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert ExportLog.objects.get().rows == count + 1
    assert peak < 32 * 2**20


# One state of the database, in nobody's way


@pytest.fixture
def neighbor(transactional_db, tmp_path):
    """A second connection to the same database; SQLite's moves from memory to a file for that."""
    if connection.vendor == "postgresql":
        other = connection.copy()
        yield other
        other.close()
        return
    in_memory, on_disk = connections["default"], connection.copy()
    on_disk.settings_dict["NAME"] = str(tmp_path / "test.sqlite3")
    on_disk.settings_dict["OPTIONS"] = {**on_disk.settings_dict["OPTIONS"], "timeout": 0.5}
    other = on_disk.copy()
    on_disk.ensure_connection()
    in_memory.connection.backup(on_disk.connection)
    connections["default"] = on_disk
    yield other
    connections["default"] = in_memory
    other.close()
    on_disk.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", [CSV, XLSX])
@pytest.mark.parametrize("rows", ["orders", "lines"])
def test_what_others_write_during_an_export_is_not_in_it(neighbor, owned, vendor, monkeypatch, address, rows):
    for number in ("1", "2", "3"):
        make_order(vendor, number=number, lines=[make_line(None, name="Mug")], customer_name="Camille")
    monkeypatch.setattr(Export, "_may_be_copied", False)  # what PostgreSQL writes itself: test_export_copy
    monkeypatch.setattr("orders.exports.blocks.BLOCK", 1)
    monkeypatch.setattr(
        f"orders.exports.{rows.removesuffix('s')}_rows.lines_of", disturbed(blocks.lines_of, neighbor)
    )

    text = sent(body(owned.get(f"{address}?rows={rows}")))

    assert (text.count("Mug"), text.count("Bowl"), text.count("copy"), text.count("Changed")) == (3, 0, 0, 0)
    assert Order.objects.filter(customer_name="Changed").count() == 4


def disturbed(read, neighbor):
    """``read``; before its second time the neighbor adds an order and changes all the others."""
    times = itertools.count(1)

    def read_later(block):
        if next(times) == 2:
            with neighbor.cursor() as cursor:
                copies(Order.objects.get(number="1"), 1, cursor)
                cursor.execute("UPDATE orders_order SET customer_name = 'Changed'")
                cursor.execute("UPDATE orders_orderline SET name = 'Bowl'")
        return read(block)

    return read_later


def sent(data):
    """All the text of a file; a workbook's from its sheet."""
    if data.startswith(b"PK"):
        return ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    return data.decode()


@pytest.mark.django_db(transaction=True)
def test_a_download_broken_off_leaves_the_connection_as_it_was(owned, vendor, monkeypatch):
    make_order(vendor, number="1")
    make_order(vendor, number="2")
    monkeypatch.setattr("orders.exports.blocks.BLOCK", 1)
    response = owned.get(CSV)
    _header, _first_block = next(response.streaming_content), next(response.streaming_content)
    was_reading = connection.in_atomic_block

    response.close()

    assert (was_reading, connection.in_atomic_block) == (True, False)
    assert ExportLog.objects.get().rows is None
    make_order(vendor, number="3")
    assert exported_numbers(owned) == ["3", "2", "1"]


@pytest.mark.django_db(transaction=True)
def test_transactions_after_an_export_lock_as_they_did_before(owned, vendor):
    before = getattr(connection, "transaction_mode", None)

    export(owned)

    assert getattr(connection, "transaction_mode", None) == before


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_export_only_reads_and_from_one_snapshot(owned, vendor, monkeypatch):
    response = owned.get(CSV)
    next(response.streaming_content)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"
        )
        settings_in_force = cursor.fetchone()
    response.close()

    assert settings_in_force == ("repeatable read", "on")
