"""The WooCommerce connector: real payloads, the rules one by one, and hostile data."""

import copy
import csv
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.money import round_half_up
from orders.connectors.woocommerce import PayloadError, parse_order, why_skipped
from orders.domain.order_data import AddressData, RefundData
from orders.states import OrderStatus

DATA = Path(__file__).parent / "data" / "woocommerce"
FILES = sorted((DATA / "orders").glob("*.json"))
BODIES = sorted((DATA / "deliveries").glob("*.body"))
CENT = Decimal("0.01")


def load(case):
    """Return the recorded order whose file name begins with ``case``."""
    (path,) = (DATA / "orders").glob(f"{case}__*.json")
    return json.loads(path.read_text())


def make_line(line_id=1, net="10.00", tax="2.00", **more):
    taxes = [{"id": 1, "total": tax, "subtotal": tax}]
    line = {"id": line_id, "name": "Mug", "product_id": 7, "quantity": 1, "total": net, "total_tax": tax}
    return line | {"taxes": taxes, "meta_data": []} | more


def make_payload(**more):
    """Return a small order: one mug of 10.00 + 2.00."""
    payload = {
        "id": 42,
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": "2026-11-23T06:53:05",
        "total": "12.00",
        "total_tax": "2.00",
        "line_items": [make_line()],
        "tax_lines": [{"rate_id": 1, "label": "TVA 20 %", "rate_percent": 20}],
    }
    return payload | more


def parse_line(net="10.00", tax="2.00", order=None, **more):
    """Return the only line of an order, made of ``more``."""
    total = str(Decimal(net) + Decimal(tax))
    payload = make_payload(total=total, line_items=[make_line(net=net, tax=tax, **more)])
    (line,) = parse_order(payload | (order or {})).lines
    return line


def meta(**values):
    return [{"key": key, "value": value} for key, value in values.items()]


def error_of(payload):
    with pytest.raises(PayloadError) as raised:
        parse_order(payload)
    return str(raised.value)


# --- Recorded payloads ---


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_recorded_order_parses_or_is_skipped(path):
    payload = json.loads(path.read_text())

    if why_skipped(payload) is None:
        order = parse_order(payload)
        assert sum(line.net + line.tax for line in order.lines) == order.total == Decimal(payload["total"])


@pytest.mark.parametrize("path", BODIES[4:], ids=lambda path: path.stem)
def test_every_recorded_delivery_is_parsed_skipped_or_refused(path):
    payload = json.loads(path.read_bytes())

    if "status" not in payload:
        assert error_of(payload) in ("id: is missing", "status: is missing")
    elif why_skipped(payload) is None:
        assert parse_order(payload).total == Decimal(payload["total"])


def test_what_is_skipped_among_the_recorded_orders():
    reasons = {path.stem: why_skipped(json.loads(path.read_text())) for path in FILES}

    assert {case: reason for case, reason in reasons.items() if reason} == {
        "checkout_draft__single__1442": "checkout-draft",
        "multi2_completed__parent__1377": "multi-vendor-basket",
        "multi2_refund_on_sub__parent__1387": "multi-vendor-basket",
        "multi3_coupon__parent__1383": "multi-vendor-basket",
    }


def test_commission_agrees_with_what_dokan_booked():
    with (DATA / "dokan_gains.csv").open() as file:
        booked = {row["file"]: Decimal(row["net_amount"]) for row in csv.DictReader(file)}
    for path in FILES:
        payload = json.loads(path.read_text())
        if why_skipped(payload) is None:
            order = parse_order(payload)
            products = [line for line in order.lines if line.kind == "product"]
            commission = sum(round_half_up(line.net * line.commission_rate) for line in products)
            assert abs(order.total - commission - booked[path.name]) <= CENT / 2 * len(products)


def test_a_recorded_order_in_full():
    order = parse_order(load("refund_partial_line"))

    assert replace(order, lines=()) == replace(
        order,
        lines=(),
        external_id="1429",
        number="1429",
        status=OrderStatus.PROCESSING,
        currency="EUR",
        total=Decimal("379.55"),
        total_tax=Decimal("29.23"),
        vendor_external_id="2",
        vendor_name="Boutique big",
        basket_number="",
        customer_external_id="82",
        email="cust61@clients.lab.test",
        phone="06 00 00 00 61",
        shipping_method="Colissimo",
        refunds=(RefundData("1430", Decimal("107.40"), "Cassé 😢 <i>retour</i>"),),
    )


def test_a_recorded_line_with_two_taxes():
    scarf, *_ = parse_order(load("refund_partial_line")).lines

    assert [(tax.label, tax.rate, tax.amount, tax.kind) for tax in scarf.taxes] == [
        ("TVA 5,5 %", Decimal("0.0550"), Decimal("16.64"), "vat"),
        ("Éco-contribution", Decimal("0.0100"), Decimal("3.03"), "levy"),
    ]
    assert (scarf.quantity, scarf.units_returned, scarf.sku) == (3, 1, "V01-P030")
    assert (scarf.commission_rate, scarf.commission_fixed) == (Decimal("0.1000"), Decimal("0.00"))


def test_a_sub_order_knows_its_basket_and_its_vendor():
    (path,) = (DATA / "orders").glob("multi3_coupon__sub3__*")
    order = parse_order(json.loads(path.read_text()))

    assert (order.basket_number, order.vendor_external_id, order.vendor_name) == (
        "1383",
        "4",
        "Boutique vendor3",
    )


def test_discounts_are_the_difference_of_two_amounts():
    vase, _ = parse_order(load("coupon_percent_accent")).lines

    assert (vase.net_before_discount, vase.tax_before_discount, vase.net, vase.tax) == (
        Decimal("66.78"),
        Decimal("13.36"),
        Decimal("56.77"),
        Decimal("11.35"),
    )


def test_a_free_line_keeps_its_rate():
    (line,) = parse_order(load("zero_total_coupon100")).lines

    assert [(tax.rate, tax.amount) for tax in line.taxes] == [(Decimal("0.2000"), Decimal("0.00"))]


def test_dates_are_read_as_utc():
    order = parse_order(load("fee_gift"))

    assert (order.placed_at, order.paid_at, order.completed_at) == (
        datetime(2026, 11, 23, 6, 53, 5, tzinfo=UTC),
        datetime(2026, 11, 23, 6, 53, 6, tzinfo=UTC),
        None,
    )


def test_names_formulas_and_markup_stay_literal_text():
    assert parse_order(load("formula_cells")).billing.name == '=HYPERLINK("http://evil.example","Zoé") +33-1'
    assert parse_order(load("html_note")).customer_note.startswith("<b>Gras</b> & <script>alert(")
    assert parse_order(load("emoji_name")).billing.name == "👩\u200d🚀 Zoë O’Neill-Ñandú"
    assert parse_order(load("no_billing_names")).billing.name == ""
    assert parse_order(load("company_only")).billing.company == "Café de la Gare SAS"


# --- Skipping and routing ---


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "wc-checkout-draft"}, "checkout-draft"),
        ({"status": "trash"}, "trash"),
        ({"status": "auto-draft"}, "auto-draft"),
        ({"meta_data": meta(has_sub_order="1")}, "multi-vendor-basket"),
        ({"meta_data": meta(has_sub_order=True)}, "multi-vendor-basket"),
        ({"meta_data": meta(has_sub_order="0")}, None),
        ({"meta_data": meta(has_sub_order="")}, None),
        ({"status": "processing"}, None),
    ],
)
def test_what_is_skipped(more, reason):
    assert why_skipped(make_payload(**more)) == reason


@pytest.mark.parametrize(
    "payload", [None, [], "order", 1, {"meta_data": 5, "status": []}, {"meta_data": [None]}]
)
def test_nonsense_is_not_skipped(payload):
    assert why_skipped(payload) is None


@pytest.mark.parametrize(
    ("more", "vendor"),
    [
        (
            {"meta_data": meta(_dokan_vendor_id="3"), "store": {"id": 3, "shop_name": "Miel &amp; Cie"}},
            ("3", "Miel & Cie"),
        ),
        (
            {"meta_data": meta(_dokan_vendor_id=3), "store": [], "stores": [{"id": 3, "name": "Miel"}]},
            ("3", "Miel"),
        ),
        ({"meta_data": meta(_dokan_vendor_id="3"), "store": {"id": 4, "shop_name": "Another"}}, ("3", "")),
        ({"store": {"id": 5, "name": "Miel"}}, ("5", "Miel")),
        ({"store": []}, ("", "")),
        ({"meta_data": meta(_dokan_vendor_id="0")}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_the_vendor_is_the_one_that_dokan_names(more, vendor):
    order = parse_order(make_payload(**more))

    assert (order.vendor_external_id, order.vendor_name) == vendor


@pytest.mark.parametrize(("code", "status"), [("completed", "completed"), ("wc-on-hold", "on-hold")])
def test_a_status_is_known_with_or_without_prefix(code, status):
    assert parse_order(make_payload(status=code)).status == OrderStatus(status)


# --- Refusals ---


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ([], "payload: must be an object, got a list"),
        ({"code": "woocommerce_rest_shop_order_invalid_id"}, "id: is missing"),
        ({"id": 7}, "status: is missing"),
        (make_payload(id=0), "id: must be at least 1, got 0"),
        (make_payload(id=True), "id: must be a whole number, got true"),
        (make_payload(status="wc-awaiting-shipment"), 'status: unknown status "wc-awaiting-shipment"'),
        (make_payload(currency="eur"), 'currency: must be three capital letters, got "eur"'),
        (make_payload(total="-12.00"), 'total: must be at least 0, got "-12.00"'),
        (make_payload(total="1e999"), 'total: must be at most 99999999.99, got "1e999"'),
        (make_payload(total="100000000"), 'total: must be at most 99999999.99, got "100000000"'),
        (make_payload(total=float("nan")), "total: must be an amount, got nan"),
        (make_payload(total=float("inf")), "total: must be an amount, got inf"),
        (make_payload(total=None), "total: must be an amount, got null"),
        (make_payload(total="12,00"), 'total: must be an amount, got "12,00"'),
        (make_payload(total="١٢"), 'total: must be an amount, got "١٢"'),
        (
            make_payload(total=10**5000),
            "total: must be at most 99999999.99, got a number of more than 38 digits",
        ),
        (make_payload(total="10.00"), "total: lines, shipping and fees add up to 12.00, got 10.00"),
        (make_payload(line_items={}), "line_items: must be a list, got an object"),
        (
            make_payload(line_items=[make_line(quantity=0)]),
            "line_items[0].quantity: must be at least 1, got 0",
        ),
        (
            make_payload(line_items=[make_line(quantity=1.5)]),
            "line_items[0].quantity: must be a whole number, got 1.5",
        ),
        (make_payload(line_items=[make_line(), make_line()]), "line_items[1].id: must occur once, got 1"),
        (
            make_payload(line_items=[make_line()] * 1001),
            "line_items: must have at most 1000 entries, got 1001",
        ),
        (
            make_payload(refunds=[{"id": 1, "total": "5.00"}]),
            'refunds[0].total: must not be positive, got "5.00"',
        ),
        (
            make_payload(refunds=[{"id": 1, "total": "-13"}]),
            "refunds: add up to 13.00, more than the total of 12.00",
        ),
        (make_payload(date_created_gmt=None), "date_created_gmt: is missing"),
        (make_payload(date_created_gmt="soon"), 'date_created_gmt: must be a date and time, got "soon"'),
        (
            make_payload(date_paid_gmt="1970-01-01T00:00:00"),
            'date_paid_gmt: must be of the years 2000 to 2100, got "1970-01-01T00:00:00"',
        ),
        (make_payload(billing="Zoé"), 'billing: must be an object, got "Zoé"'),
        (make_payload(number=["x"]), "number: must be a text, got a list"),
        (make_payload(status="x" * 500), f'status: unknown status "{"x" * 59}…"'),
        (
            make_payload(meta_data=meta(_dokan_vendor_id="x")),
            'meta_data[0].value: must be a whole number, got "x"',
        ),
        (
            make_payload(meta_data=[*meta(_dokan_vendor_id=2), *meta(_dokan_vendor_id=3)]),
            "meta_data: several vendors are named: 2, 3",
        ),
        (
            make_payload(tax_lines=[{"rate_id": 1, "rate_percent": 2000}]),
            "tax_lines[0].rate_percent: must be at most 100, got 2000",
        ),
        (
            make_payload(line_items=[make_line(net="2.00", tax="10.00", taxes=[])]),
            "line_items[0].total_tax: no tax rate makes 10.00 of 2.00",
        ),
    ],
)
def test_a_refusal_names_the_place_and_the_value(payload, sentence):
    assert error_of(payload) == sentence


def test_the_path_of_a_refusal_is_an_attribute():
    with pytest.raises(PayloadError) as raised:
        parse_order(make_payload(line_items=[make_line(quantity=0)]))

    assert raised.value.path == "line_items[0].quantity"


# --- Money ---


def test_shipping_and_fees_are_lines_and_may_be_negative():
    payload = make_payload(
        total="13.20",
        shipping_lines=[{"id": 2, "method_title": "Colissimo", "total": "4.00", "total_tax": "0.80"}],
        fee_lines=[{"id": 3, "name": "Rebate", "total": "-3.00", "total_tax": "-0.60"}],
    )

    lines = parse_order(payload).lines
    assert [(line.kind, line.name, line.net, line.tax) for line in lines] == [
        ("product", "Mug", Decimal("10.00"), Decimal("2.00")),
        ("shipping", "Colissimo", Decimal("4.00"), Decimal("0.80")),
        ("fee", "Rebate", Decimal("-3.00"), Decimal("-0.60")),
    ]


def test_a_cent_of_rounding_goes_to_the_tax_of_the_largest_taxed_line():
    lines = [make_line(1, "10.00", "2.00"), make_line(2, "30.00", "6.00"), make_line(3, "50.00", "0.00")]

    order = parse_order(make_payload(total="98.01", line_items=lines))

    assert [(line.net, line.tax) for line in order.lines] == [
        (Decimal("10.00"), Decimal("2.00")),
        (Decimal("30.00"), Decimal("6.01")),
        (Decimal("50.00"), Decimal("0.00")),
    ]
    assert [tax.amount for tax in order.lines[1].taxes] == [Decimal("6.01")]
    assert order.lines[1].tax_before_discount == Decimal("6.01")


def test_a_cent_of_rounding_goes_to_the_net_where_nothing_is_taxed():
    lines = [make_line(1, "10.00", "0.00"), make_line(2, "30.00", "0.00")]

    order = parse_order(make_payload(total="39.99", line_items=lines))

    assert [line.net for line in order.lines] == [Decimal("10.00"), Decimal("29.99")]


def test_more_than_a_cent_per_line_is_refused():
    assert (
        error_of(make_payload(total="12.02")) == "total: lines, shipping and fees add up to 12.00, got 12.02"
    )


@pytest.mark.parametrize(
    ("sent", "kept"), [("9.995", "10.00"), (10, "10.00"), (9.99499, "9.99"), ("1e1", "10.00")]
)
def test_amounts_are_rounded_half_up(sent, kept):
    line = parse_line(net=kept, tax="0.00", total=sent)

    assert line.net == Decimal(kept)


def test_a_yen_has_no_decimals():
    payload = make_payload(currency="JPY", total="1200", line_items=[make_line(net="1000", tax="199.6")])

    (line,) = parse_order(payload).lines
    assert (str(line.net), str(line.tax)) == ("1000", "200")


@pytest.mark.parametrize("sent", [2, "2", 2.0, "2.0"])
def test_a_whole_quantity_in_any_writing(sent):
    assert parse_line(quantity=sent).quantity == 2


def test_refunds_are_positive_and_those_of_nothing_are_left_out():
    refunds = [
        {"id": 8, "reason": "Cass&eacute; <b>ok</b>", "total": "-5.00"},
        {"id": 9, "reason": None, "total": "-0.00"},
        {"id": 10, "reason": None, "total": "-2.00"},
    ]

    assert parse_order(make_payload(refunds=refunds)).refunds == (
        RefundData("8", Decimal("5.00"), "Cassé <b>ok</b>"),
        RefundData("10", Decimal("2.00"), ""),
    )


@pytest.mark.parametrize(("restocked", "returned"), [(None, 0), ("2", 2), (3, 3), ("4", 3)])
def test_units_returned_are_at_most_the_quantity(restocked, returned):
    line = parse_line(quantity=3, meta_data=meta(_restock_refunded_items=restocked))

    assert line.units_returned == returned


# --- Taxes ---


@pytest.mark.parametrize(
    ("tax_line", "rate"),
    [
        ({"label": "TVA", "rate_percent": 5.5}, "0.0550"),
        ({"label": "TVA", "rate_percent": "8.875"}, "0.08875"),
        ({"label": "TVA 5,5 %"}, "0.0550"),
        ({"label": "TVA 2.1%", "rate_percent": None}, "0.0210"),
        ({"label": "TVA"}, "0.2000"),  # from 2.00 of 10.00
        ({"label": "TVA 20 %", "rate_percent": 20, "compound": True}, "0.2000"),
    ],
)
def test_the_rate_of_a_tax_is_stated_or_in_its_label_or_computed(tax_line, rate):
    line = parse_line(order={"tax_lines": [{"rate_id": 1} | tax_line]})

    assert [tax.rate for tax in line.taxes] == [Decimal(rate)]


@pytest.mark.parametrize(
    ("net", "tax", "rate"),
    [
        ("4.08", "0.82", "0.2000"),
        ("0.33", "0.02", "0.0550"),  # 6 % is nearer, but 5.5 % is French
        ("100.00", "21.00", "0.2100"),
        ("1000.00", "88.75", "0.08875"),  # no known rate
    ],
)
def test_a_line_with_tax_but_no_taxes_has_the_likely_rate(net, tax, rate):
    line = parse_line(net=net, tax=tax, taxes=[])

    assert [(found.label, found.rate, found.amount) for found in line.taxes] == [
        ("", Decimal(rate), Decimal(tax))
    ]


def test_a_rebate_has_the_likely_rate_too():
    fee = {"id": 2, "name": "Rebate", "total": "-5.00", "total_tax": "-1.00"}

    rebate = parse_order(make_payload(total="6.00", fee_lines=[fee])).lines[1]
    assert [(tax.rate, tax.amount) for tax in rebate.taxes] == [(Decimal("0.2000"), Decimal("-1.00"))]


def test_an_unstated_rate_is_computed_from_all_lines_that_bear_the_tax():
    lines = [make_line(1, "0.05", "0.01"), make_line(2, "1000.00", "85.00")]
    payload = make_payload(total="1085.06", line_items=lines, tax_lines=[])

    assert {tax.rate for line in parse_order(payload).lines for tax in line.taxes} == {Decimal("0.0850")}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Éco-contribution", "levy"),
        ("Ecotaxe", "levy"),
        ("DEEE", "levy"),
        ("Contribution environnementale", "levy"),
        ("Tourist levy", "levy"),
        ("TVA 20 %", "vat"),
        ("TVA (éco-contribution comprise)", "vat"),
        ("Taxe économique", "vat"),
        ("", "vat"),
    ],
)
def test_a_label_tells_levies_from_vat(label, kind):
    line = parse_line(order={"tax_lines": [{"rate_id": 1, "label": label, "rate_percent": 20}]})

    assert [tax.kind for tax in line.taxes] == [kind]


@pytest.mark.parametrize("tax_kinds", [{"TVA 20 %": "levy"}, {"1": "levy"}])
def test_the_source_decides_what_is_a_levy(tax_kinds):
    (line,) = parse_order(make_payload(), tax_kinds=tax_kinds).lines

    assert [tax.kind for tax in line.taxes] == ["levy"]


def test_a_tax_of_another_line_is_not_borne():
    line = parse_line(taxes=[{"id": 1, "total": "2"}, {"id": 6, "total": ""}])

    assert len(line.taxes) == 1


def test_the_cents_of_several_taxes_add_up_to_the_lines_tax():
    line = parse_line(tax="0.05", taxes=[{"id": 1, "total": "0.025"}, {"id": 6, "total": "0.025"}])

    assert [tax.amount for tax in line.taxes] == [Decimal("0.03"), Decimal("0.02")]


# --- Commission ---


@pytest.mark.parametrize(
    ("values", "rate", "fixed"),
    [
        ({}, None, None),
        ({"_dokan_commission_rate": "", "_dokan_commission_type": "percentage"}, None, None),
        ({"_dokan_commission_rate": "10", "_dokan_additional_fee": "0"}, "0.1000", "0.00"),
        ({"_dokan_commission_rate": "12.5", "_dokan_commission_type": "percentage"}, "0.1250", "0.00"),
        ({"_dokan_commission_rate": "3", "_dokan_commission_type": "flat"}, "0.0000", "3.00"),
        (
            {
                "_dokan_commission_rate": "",
                "_dokan_commission_type": "flat",
                "_dokan_additional_fee": "3",
                "dokan_commission_meta": [],
            },
            "0.0000",
            "3.00",
        ),
        (
            {"_dokan_commission_rate": "10", "_dokan_commission_type": "fixed", "_dokan_additional_fee": "1"},
            "0.1000",
            "1.00",
        ),
        (
            {
                "_dokan_commission_rate": "10",
                "_dokan_commission_type": "combine",
                "_dokan_additional_fee": "4",
            },
            "0.1000",
            "2.00",  # 4.00 for the line of two units
        ),
    ],
)
def test_the_commission_that_dokan_froze(values, rate, fixed):
    line = parse_line(quantity=2, meta_data=meta(**values))

    expected = (rate and Decimal(rate), fixed and Decimal(fixed))
    assert (line.commission_rate, line.commission_fixed) == expected


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"_dokan_commission_rate": "150"},
            'line_items[0].meta_data[0].value: must be at most 100, got "150"',
        ),
        ({"_dokan_commission_rate": "-1"}, 'line_items[0].meta_data[0].value: must be at least 0, got "-1"'),
        (
            {"_dokan_commission_type": "tiers"},
            'line_items[0].meta_data[0].value: must be a known type of commission, got "tiers"',
        ),
    ],
)
def test_a_commission_that_cannot_be_meant_is_refused(values, sentence):
    assert error_of(make_payload(line_items=[make_line(meta_data=meta(**values))])) == sentence


# --- Text and dates ---


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, ""),
        (False, ""),
        (42000, "42000"),
        ("  Zoé\t\r\nMüller ", "Zoé Müller"),
        ("a\x00b\x1bc\x85d\ufffe", "abc d"),
        ("\ud83d", "\ufffd"),
        ("L&#039;&Eacute;toile &amp;amp; Cie", "L'Étoile &amp; Cie"),
        ("AT&T &copy me", "AT&T &copy me"),
        ("&lt;b&gt;", "<b>"),
        ("é" * 200, "é" * 200),
        ("é" * 201, "é" * 199 + "…"),
    ],
)
def test_text_is_plain_trimmed_and_fits(typed, kept):
    assert parse_order(make_payload(billing={"company": typed})).billing.company == kept


def test_a_note_keeps_its_lines():
    order = parse_order(make_payload(customer_note=" Merci !\r\nPorte\x00 B\n"))

    assert order.customer_note == "Merci !\nPorte B"


@pytest.mark.parametrize(
    ("first", "last", "name"), [("Zoé", "", "Zoé"), (None, "Müller", "Müller"), ("", "", "")]
)
def test_a_name_may_be_half_empty(first, last, name):
    assert parse_order(make_payload(billing={"first_name": first, "last_name": last})).billing.name == name


@pytest.mark.parametrize("billing", [None, [], {}])
def test_an_address_may_be_missing(billing):
    assert parse_order(make_payload(billing=billing)).billing == AddressData()


@pytest.mark.parametrize(("typed", "kept"), [("FR", "FR"), ("be", "BE"), ("France", ""), ("", "")])
def test_a_country_is_a_code_of_two_letters(typed, kept):
    assert parse_order(make_payload(billing={"country": typed})).billing.country == kept


def test_an_invalid_email_is_kept_as_typed():
    assert parse_order(make_payload(billing={"email": "zoé at home"})).email == "zoé at home"


@pytest.mark.parametrize(
    ("number", "kept"), [("FR-0042", "FR-0042"), (1397, "1397"), ("", "42"), (None, "42")]
)
def test_an_order_without_number_has_its_id(number, kept):
    assert parse_order(make_payload(number=number)).number == kept


@pytest.mark.parametrize(("customer", "kept"), [(45, "45"), ("45", "45"), (0, ""), (None, "")])
def test_a_guest_has_no_customer_id(customer, kept):
    assert parse_order(make_payload(customer_id=customer)).customer_external_id == kept


@pytest.mark.parametrize(
    ("product", "variation", "kept"), [(7, 0, "7"), (7, 9, "7:9"), (0, 0, ""), (None, None, ""), (0, 9, "")]
)
def test_a_variation_is_a_product_of_its_own(product, variation, kept):
    assert parse_line(product_id=product, variation_id=variation).product_external_id == kept


def test_details_are_the_visible_choices():
    shown = [
        {"key": "pa_taille", "value": "m", "display_key": "Taille", "display_value": "M"},
        {"key": "pa_couleur", "value": "bleu", "display_key": "Couleur", "display_value": "bleu"},
        {"key": "Gravure", "value": "L&eacute;a"},
        {"key": "_reduced_stock", "value": "1", "display_key": "_reduced_stock", "display_value": "1"},
        {"key": "dokan_commission_meta", "value": "x", "display_key": "Commission", "display_value": "x"},
        {"key": "Options", "value": {"a": [1]}, "display_key": "Options", "display_value": {"a": [1]}},
        {"key": "Gift", "value": True, "display_key": "Gift", "display_value": True},
        {"key": "seller_id", "value": "2", "display_key": "Vendor", "display_value": ""},
    ]

    assert parse_line(meta_data=shown).details == "Taille: M, Couleur: bleu, Gravure: Léa"


@pytest.mark.parametrize(
    "dates",
    [
        {"date_created_gmt": "2026-11-23T06:53:05", "date_created": "2026-11-23T07:53:05"},
        {"date_created_gmt": "2026-11-23T06:53:05Z"},
        {"date_created_gmt": "2026-11-23T07:53:05+01:00"},
        {"date_created_gmt": None, "date_created": "2026-11-23T07:53:05"},
        {"date_created_gmt": None, "date_created": "2026-11-23T06:53:05Z"},
    ],
)
def test_the_date_of_an_order(dates):
    order = parse_order(make_payload(**dates), time_zone="Europe/Paris")

    assert order.placed_at == datetime(2026, 11, 23, 6, 53, 5, tzinfo=UTC)


# --- Hostile data ---

HOSTILE = [
    *(
        float("nan"),
        float("inf"),
        -float("inf"),
        1e308,
        5e-324,
        -0.0,
        10**5000,
        -(10**5000),
        2**63,
        True,
        False,
        None,
    ),
    *(
        "NaN",
        "Infinity",
        "1e999",
        "1e-999",
        "-1e999",
        "1e99999999999999999999",
        "9" * 5000,
        "1_000",
        "٣",
        "0x1f",
        "--5",
    ),
    *(
        "\x00",
        "\ud800",
        "&#99999999;",
        "&#0;",
        "&" * 3000,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ),
    *(
        "",
        [],
        {},
        [[]],
        [{}],
        [None],
        {"id": None},
        {"key": [], "value": {}},
        [{"key": "_dokan_commission_rate", "value": {}}],
    ),
]
for _ in range(5000):
    HOSTILE[-1] = [HOSTILE[-1]]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=[]), max_size=20),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
)
any_json = st.one_of(
    st.sampled_from(HOSTILE[:-1]),
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=8,
    ),
)
victims = [make_payload(), load("refund_partial_line"), load("fee_gift"), load("tax_mixed_three_rates")]


def paths_in(value, path=()):
    if path:
        yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from paths_in(member, (*path, key))


def with_value(payload, path, value):
    """Return a copy of ``payload`` where ``value`` stands at ``path``; what is elsewhere is shared."""
    key, *rest = path
    changed = copy.copy(payload)
    changed[key] = with_value(payload[key], rest, value) if rest else value
    return changed


def texts_in(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts_in(member)


def parsed_or_refused(payload):
    """Return the order, or the error that is the only one allowed."""
    why_skipped(payload)
    try:
        return parse_order(payload)
    except PayloadError as error:
        return error


def assert_taken_or_refused(payload):
    """Assert that a payload is refused with a sentence, or becomes something that can be stored."""
    order = parsed_or_refused(payload)
    if isinstance(order, PayloadError):
        assert order.path
        assert len(str(order).encode()) < 400
    else:
        assert sum(line.net + line.tax for line in order.lines) == order.total
        taxed = [line for line in order.lines if line.taxes or line.tax]
        assert all(sum(tax.amount for tax in line.taxes) == line.tax for line in taxed)
        assert not any("\x00" in text or len(text.encode()) > 60_000 for text in texts_in(asdict(order)))


@given(st.data())
def test_any_json_in_any_place_is_taken_or_refused(data):
    payload = data.draw(st.sampled_from(victims))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(paths_in(payload))))
        payload = with_value(payload, path, data.draw(any_json))

    assert_taken_or_refused(payload)


@given(any_json)
def test_any_json_at_all_is_taken_or_refused(payload):
    assert_taken_or_refused(payload)


@pytest.mark.parametrize("victim", [make_payload(), load("fee_gift")], ids=["small", "recorded"])
def test_each_hostile_value_in_each_place_is_taken_or_refused(victim):
    for path in paths_in(victim):
        for value in HOSTILE:
            assert_taken_or_refused(with_value(victim, path, value))


def test_any_member_may_be_missing():
    victim = load("refund_partial_line")
    for *parents, last in paths_in(victim):
        holder = copy.deepcopy(victim)
        changed = holder
        for key in parents:
            holder = holder[key]
        del holder[last]
        assert_taken_or_refused(changed)


@given(st.permutations(list(load("tax_mixed_three_rates")["line_items"])))
def test_the_order_of_lines_changes_no_line(line_items):
    payload = load("tax_mixed_three_rates")

    shuffled = parse_order(payload | {"line_items": line_items})

    assert sorted(shuffled.lines, key=str) == sorted(parse_order(payload).lines, key=str)


# --- Businesses ---


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        ({"_billing_siret": "732 829 320 00074"}, ("732829320", "")),
        ({"billing_siren": "732829320", "_vat_number": "fr 44 732 829 320"}, ("732829320", "FR44732829320")),
        ({"_billing_siret": 73282932000074}, ("732829320", "")),
        ({"_billing_siret": "73282932000075", "_vat_number": "FR00"}, ("", "")),
        ({"_billing_siret": {"a": 1}, "_vat_number": None}, ("", "")),
        ({"unrelated": "732829320"}, ("", "")),
    ],
)
def test_the_numbers_of_a_business_are_taken_where_they_pass_their_check(fields, numbers):
    order = parse_order(make_payload(meta_data=meta(**fields)))

    assert (order.buyer_siren, order.buyer_vat_number) == numbers
