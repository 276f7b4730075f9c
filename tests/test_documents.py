"""Documents as they are printed and served."""

import io
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.core.files.storage import storages
from django.urls import reverse
from pypdf import PdfReader

from marketplace.checks import PANGO_LINE
from orders.documents.barcodes import code128_svg
from orders.documents.colors import readable
from orders.documents.delivery_note import delivery_note_context, delivery_note_pdf
from orders.documents.invoice import invoice_context, invoice_pdf
from orders.documents.invoice_snapshot import invoice_snapshot
from orders.documents.legal_texts import texts_on
from orders.documents.parties import logo_of, seller_of
from orders.documents.renderer import CannotRender
from orders.documents.typesetting import html_to_pdf
from orders.domain.fulfillment import hand_over, ready_for_pickup, ship
from orders.domain.invoicing import date_of_supply, delivery_note, issue_invoice
from orders.domain.originals import original_pdf
from orders.domain.privacy import anonymise
from orders.domain.refunds import RefundedLine, refund_order
from orders.domain.transitions import change_status
from orders.models import DeliveryNote, Document, DocumentSeries, Order
from orders.states import OrderStatus
from tests.factories import (
    FIVE_FIVE,
    NOON,
    make_identity,
    make_line,
    make_member,
    make_order,
    make_product,
    make_source,
    make_vendor,
)
from tests.paper import invoice_of, long_basket
from vendors.logo import LogoRefused, clean_logo, data_uri
from vendors.models import LegalIdentity
from vendors.roles import Role

PAID = OrderStatus.PROCESSING
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><path d="M0 0h40v20z" fill="#8a4b08"/></svg>'
)


def plain(text):
    """Text with ordinary blanks, as a test writes it."""
    return re.sub(r"[\u00a0\u202f\s]+", " ", text)


def text_of(pdf):
    return plain(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def said(order, number="RDB-F2026-000001"):
    """What an invoice of ``order`` dated today says."""
    return invoice_snapshot(
        order, list(order.lines.all()), date_of_supply(order), number=number, on=NOON.date()
    )


def printed(order, number="RDB-F2026-000001"):
    return invoice_context(said(order, number))


def facts(context):
    return {term: plain(text) for term, text in context["facts"]}


@pytest.fixture
def honey(vendor):
    return make_product(
        vendor, name="Miel de lavande", sku="MIEL", price="9.90", vat_rate=FIVE_FIVE, weight_grams=627
    )


@pytest.fixture
def soap(vendor):
    return make_product(vendor, name="Savon", sku="SAVON", price="6.50", weight_grams=110)


@pytest.fixture
def order(vendor, honey, soap):
    return make_order(
        vendor, number="1042", status=PAID, lines=[(honey, 3), (soap, 2)], shipping_method="Colissimo"
    )


# What an invoice says


def test_a_line_is_printed_with_its_price_without_vat(order):
    line = printed(order)["lines"][0]

    assert [plain(text) for text in (line.unit_price, line.rate, line.net, line.gross)] == [
        "9,383333 €", "5,5 %", "28,15 €", "29,70 €",
    ]  # fmt: skip


def test_amounts_are_french_whoever_asks(order, settings):
    settings.LANGUAGE_CODE = "en"

    assert plain(printed(order)["totals"]["gross"]) == "42,70 €"


def test_discount_variation_share_and_levy_stand_under_the_name(vendor, soap):
    line = make_line(soap, 1, total="5.00", discount="1.50", details="Parfum: rose")
    line.taxes += [
        {"label": "TVA", "rate": "0.055", "amount": "0.10", "kind": "vat"},
        {"label": "Éco-contribution", "rate": "0.01", "amount": "0.64", "kind": "levy"},
    ]
    order = make_order(vendor, status=PAID, lines=[line])

    notes = [[plain(note) for note in row.notes] for row in printed(order)["lines"]]

    assert notes == [
        [
            "SAVON · Parfum: rose",
            "part à 5,5 %",
            "remise déduite : 0,42 € TTC",
            "dont éco-contribution 0,64 €",
        ],
        ["SAVON · Parfum: rose", "part à 20 %", "remise déduite : 1,08 € TTC"],
    ]


def test_the_seller_is_named_as_the_law_asks(order):
    context = printed(order)

    assert context["seller"]["name"] == "Le Rucher des Baux SARL"
    assert plain(" / ".join(context["legal"])) == (
        "Le Rucher des Baux SARL au capital de 8 000 € · SIREN 732 829 320 · SIRET 732 829 320 00074 · "
        "RCS Tarascon / 3 chemin du Moulin, 13520 Les Baux-de-Provence · "
        "TVA intracommunautaire FR44732829320"
    )


def test_a_sole_trader_is_named_ei(db):
    vendor = make_vendor(identity=False)
    make_identity(vendor, legal_name="Zoé Martin", is_sole_trader=True, legal_form="", capital=None)

    assert printed(make_order(vendor, status=PAID))["seller"]["name"] == "Zoé Martin EI"


def test_a_franchise_prints_no_vat_but_its_article(db):
    vendor = make_vendor(identity=False)
    make_identity(vendor, vat_regime="franchise")
    context = printed(make_order(vendor, status=PAID))

    assert (context["charges_vat"], context["mentions"]) == (
        False,
        ["TVA non applicable, article 293 B du CGI"],
    )
    assert context["totals"]["net"] == context["totals"]["gross"]


def test_the_option_for_debits_is_printed(vendor, order):
    LegalIdentity.objects.filter(vendor=vendor).update(pays_vat_on_debits=True)
    vendor.refresh_from_db()

    assert printed(order)["mentions"] == ["Option pour le paiement de la taxe d’après les débits"]


def test_dates_are_those_of_the_shop(vendor):
    order = make_order(vendor, status=PAID, placed_at=NOON.replace(hour=23, minute=30), number="7")

    assert facts(printed(order))["Commande"] == "7 du 24 novembre 2026"


def test_the_supply_is_delivery_or_payment(order):
    before = facts(printed(order))
    ship(order, by=None, at=NOON + timedelta(days=1))

    assert before["Date de paiement"] == "23 novembre 2026"
    assert facts(printed(order))["Date de livraison"] == "24 novembre 2026"


def test_an_order_without_products_is_a_service(vendor):
    order = make_order(
        vendor, status=PAID, lines=[make_line(None, kind="fee", name="Atelier", total="30.00")]
    )

    assert facts(printed(order))["Opération"] == "Prestation de services"


def test_a_delivery_address_is_printed_where_it_differs(vendor, order):
    other = make_order(vendor, status=PAID, shipping_city="Bruxelles", shipping_country="BE")

    assert printed(order)["delivery"] == ["L’adresse de facturation"]
    assert printed(other)["delivery"][-2:] == ["35000 Bruxelles", "BELGIQUE"]


def test_an_order_without_billing_address_names_the_customer(vendor):
    order = make_order(vendor, status=PAID, billing_name="", customer_name="Camille Lefèvre")

    assert printed(order)["addressee"][0] == "Camille Lefèvre"


@pytest.mark.parametrize(("currency", "total"), [("USD", "12,00 $"), ("JPY", "12 JPY"), ("CHF", "12,00 CHF")])
def test_an_invoice_is_in_the_currency_of_the_order(vendor, currency, total):
    order = make_order(vendor, status=PAID, currency=currency)

    assert plain(printed(order)["totals"]["gross"]) == total


def test_an_unpaid_order_shows_what_is_due(vendor):
    context = printed(make_order(vendor, status="on-hold"), number="")

    assert (context["title"], context["state"], plain(context["totals"]["due"])) == (
        "Proforma",
        "",
        "12,00 €",
    )
    assert context["provisional"] == "Document provisoire sans valeur comptable"


def test_a_text_is_chosen_by_the_date_of_issue():
    assert texts_on(NOON.date()).version == "2026-11"


def test_the_snapshot_alone_makes_the_invoice(order):
    snapshot = said(order)
    order.vendor.identity.delete()
    order.lines.all().delete()

    assert invoice_context(snapshot)["lines"][0].name == "Miel de lavande"


# The PDF


@pytest.mark.pdf
def test_an_invoice_is_real_text(order):
    text = text_of(invoice_pdf(said(order)))

    for part in [
        "Facture", "RDB-F2026-000001", "Miel de lavande", "28,15 €", "Total TTC 42,70 €", "commande 1042",
        "Acquittée le 23 novembre 2026", "Carte bancaire", "Médiation Exemple", "1/1",
    ]:  # fmt: skip
        assert part in text


@pytest.mark.pdf
def test_a_consumer_reads_nothing_of_penalties(order):
    text = text_of(invoice_pdf(said(order))).lower()

    assert "pénalité" not in text
    assert "indemnité" not in text


@pytest.mark.pdf
def test_a_pdf_is_tagged_french_and_titled(order):
    reader = PdfReader(io.BytesIO(invoice_pdf(said(order))))

    assert (reader.trailer["/Root"]["/Lang"], reader.trailer["/Root"]["/MarkInfo"]["/Marked"]) == ("fr", True)
    assert reader.metadata.title == "Facture RDB-F2026-000001"


@pytest.mark.pdf
def test_the_same_snapshot_gives_the_same_bytes(order):
    assert invoice_pdf(said(order)) == invoice_pdf(said(order))


@pytest.mark.pdf
def test_a_long_invoice_repeats_its_heads_and_breaks_no_amount(vendor):
    lines = [make_line(None, 7, total="1234567.89", name=f"Miel {n} " + "x" * 250) for n in range(30)]
    pages = PdfReader(io.BytesIO(invoice_pdf(said(make_order(vendor, status=PAID, lines=lines))))).pages

    assert len(pages) > 2
    for number, page in enumerate(pages[:3], start=1):
        text = plain(page.extract_text())
        assert ("Désignation" in text, f"{number}/{len(pages)}" in text) == (True, True)
        assert "1 234 567,89 €" in text
        assert "Facture RDB-F2026-000001" in text


@pytest.mark.pdf
@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script><img src='file:///etc/passwd'>",
        "مريم الزهراء",
        "🐝🍯 Zoë",
        "\u202egnp.exe\x01\x0b",
        "{{ 7|add:1 }}{% now %}",
        "x" * 200,
        "",
    ],
)
def test_a_hostile_name_breaks_nothing(vendor, name):
    order = make_order(
        vendor,
        status=PAID,
        customer_name=name,
        billing_company=name,
        shipping_address_1=name,
        customer_note=name,
        lines=[make_line(make_product(vendor, name=name, sku=name[:100]), 1)],
    )

    assert invoice_pdf(said(order)).startswith(b"%PDF")
    assert delivery_note_pdf(delivery_note(order, at=NOON)).startswith(b"%PDF")


@pytest.mark.pdf
def test_a_document_fetches_nothing(tmp_path, monkeypatch):
    secret = tmp_path / "secret.css"
    secret.write_text("body::before { content: 'the secret' }")
    asked = []
    monkeypatch.setattr("socket.socket.connect", lambda *address: asked.append(address))
    nested = data_uri(f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/></svg>')
    html = f"""<html lang="fr"><head><title>x</title><style>@import url(http://192.0.2.1/a.css)</style>
      <link rel="stylesheet" href="file://{secret}"><link rel="attachment" href="file://{secret}">
      <style>p {{ background: url(http://192.0.2.1/b.png) }}</style></head><body>
      <p>Bonjour</p><img src="http://192.0.2.1/c.svg" alt=""><img src="{nested}" alt=""></body></html>"""

    reader = PdfReader(io.BytesIO(html_to_pdf(html, color="#0b5868")))

    assert (asked, dict(reader.attachments)) == ([], {})
    assert "secret" not in reader.pages[0].extract_text()


def test_without_pango_the_line_to_type_is_told(order, monkeypatch):
    monkeypatch.setattr("orders.documents.renderer.can_render", lambda: False)

    with pytest.raises(CannotRender, match="libpango"):
        invoice_pdf(said(order))


# Logo, color, bars


def test_a_drawing_is_kept():
    assert clean_logo(LOGO) == LOGO.replace("/>", " />")


@pytest.mark.parametrize(
    "part",
    [
        "<script>alert(1)</script>",
        '<image href="http://evil.example/x.png"/>',
        '<use href="#a"/>',
        '<a href="http://evil.example"><path d="M0 0"/></a>',
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">evil</p></foreignObject>',
        '<path onload="evil()"/>',
        '<path fill="url(http://evil.example)"/>',
        '<path fill="u\\72l(http://evil.example)"/>',
        '<path style="fill: url(//evil.example)"/>',
        '<x:path xmlns:x="urn:evil" d="evil"/>',
        "<!-- evil -->",
    ],
)
def test_what_is_no_drawing_is_left_out(part):
    cleaned = clean_logo(LOGO.replace("</svg>", part + "</svg>"))

    assert not re.search("evil|alert|href|use|import|url", cleaned)


def test_a_style_becomes_attributes_and_a_gradient_stays():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path style="fill:url(#g);stroke:none"/></svg>'

    assert 'fill="url(#g)" stroke="none"' in clean_logo(svg)


def test_the_classes_of_a_style_sheet_become_attributes():
    svg = """<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">
      <svg xmlns="http://www.w3.org/2000/svg"><defs><style>/* x */ .a, .b { fill: #c60; } .b{stroke:none}</style>
      </defs><path class="b" fill="red"/></svg>"""

    assert '<path fill="#c60" stroke="none" />' in clean_logo(svg)


def svg_of(inside, more=""):
    return f'<svg xmlns="http://www.w3.org/2000/svg" {more}>{inside}</svg>'


def test_what_doubles_with_each_step_is_left_out():
    clips = "".join(
        f'<clipPath id="a{n}"><rect clip-path="url(#a{n - 1})"/><rect clip-path="url(#a{n - 1})"/></clipPath>'
        for n in range(30)
    )
    gradient = '<linearGradient id="g" x1="0" x2="0.00001" spreadMethod="repeat"/>'

    cleaned = clean_logo(svg_of(clips + gradient + '<rect clip-path="url(#a29)"/>'))

    assert cleaned.count("clip-path") == 1
    assert "spreadMethod" not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "no svg",
        svg_of(f"<text>{'x' * 201}</text>"),
        svg_of("<g/>", 'viewBox="a b c d"'),
        svg_of("<g/>", 'viewBox="1 2 3"'),
        svg_of("<g/>", 'viewBox="0 0 0 10"'),
        svg_of("<style>@import url(http://evil.example)</style>"),
        svg_of("<style>g path { fill: red }</style>"),
        svg_of('<clipPath id="a"/>' + '<g clip-path="url(#a)"/>' * 51),
        "<html/>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        '<svg xmlns="http://www.w3.org/2000/svg">' + "<g>" * 40 + "</g>" * 40 + "</svg>",
        '<svg xmlns="http://www.w3.org/2000/svg">' + "<g/>" * 3000 + "</svg>",
        " " * 300_000,
    ],
)
def test_a_logo_that_no_document_can_carry_is_refused(vendor, text):
    with pytest.raises(LogoRefused):
        clean_logo(text)
    assert logo_of(LegalIdentity(vendor=vendor, logo_svg=text)) == ""


@pytest.mark.pdf
def test_a_logo_is_drawn_and_a_shop_without_one_is_named(vendor, order):
    without = text_of(invoice_pdf(said(order)))
    vendor.identity.logo_svg = LOGO
    order.vendor.identity.logo_svg = LOGO

    assert "Rucher des Baux" in without
    assert printed(order)["logo"].startswith("data:image/svg+xml;base64,")
    assert invoice_pdf(said(order)).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("color", "shown"),
    [("#8a4b08", "#8a4b08"), ("#FFFFFF", "#717171"), ("red; x", "#0b5868"), ("", "#0b5868")],
)
def test_a_color_is_darkened_until_it_can_be_read(color, shown):
    assert readable(color) == shown


def test_a_tracking_number_is_drawn_bar_by_bar():
    svg = code128_svg("6A12345678901")

    bars = [int(width) for width in re.findall(r"h(\d+)v40", svg)]
    assert (bars[:3], bars[-4:]) == ([2, 1, 1], [2, 3, 1, 2])  # the start of code B; the end of all


@pytest.mark.parametrize("text", ["", "Zoë", "A\nB", "x" * 200])
def test_what_no_scanner_reads_is_not_drawn(text):
    assert code128_svg(text) == ""


# Delivery and pickup notes


def rows(context):
    return [(line.sku, line.ordered, line.shipped, line.left) for line in context["lines"]]


def note_of(order, shipment=None):
    return delivery_note_context(delivery_note(order, shipment, at=NOON))


def situation(order):
    return facts(note_of(order)).get("Situation", "")


def test_a_note_says_for_ever_what_it_said(order):
    first = delivery_note(order, at=NOON)
    honey, _soap = order.lines.all()
    ship(order, units={honey.pk: 1}, carrier="colissimo", by=None, at=NOON)
    Order.objects.filter(pk=order.pk).update(shipping_address_1="1 rue Nouvelle")

    second = delivery_note(order, at=NOON + timedelta(days=1))

    assert (first.number, second.number, second.dated_on) == (
        "RDB-BL2026-000001",
        "RDB-BL2026-000002",
        date(2026, 11, 24),
    )
    before = delivery_note_context(DeliveryNote.objects.get(pk=first.pk))
    assert (rows(before)[0], "1 rue Nouvelle" in before["addressee"]) == (("MIEL", 3, 0, 3), False)
    after = delivery_note_context(second)
    assert (rows(after)[0], "1 rue Nouvelle" in after["addressee"]) == (("MIEL", 3, 1, 2), True)
    assert facts(after)["Transporteur"] == "Colissimo"


def test_what_a_note_does_not_print_gives_it_no_other_number(order):
    first = delivery_note(order, at=NOON)
    identity = order.vendor.identity
    identity.iban, identity.footer, identity.mediator = "FR7630006000011234567890189", "Merci", "CM2C"
    identity.color, identity.pays_vat_on_debits = "#113355", True
    identity.save()

    assert delivery_note(Order.objects.get(pk=order.pk), at=NOON).number == first.number


def test_a_note_of_an_earlier_release_keeps_its_number(order):
    first = delivery_note(order, at=NOON)
    seller = seller_of(order.vendor, texts_on(NOON.date()), franchise=False)
    DeliveryNote.objects.update(said={**first.said, "seller": {**seller, "iban": "", "logo": ""}})

    assert delivery_note(order, at=NOON).number == first.number


def test_a_note_whose_personal_data_was_forgotten_keeps_its_number(order):
    first = delivery_note(order, at=NOON)
    anonymise(Order.objects.filter(pk=order.pk), at=NOON)
    assert DeliveryNote.objects.get().said == {}

    again = delivery_note(order, at=NOON + timedelta(days=9))

    assert again.number == first.number
    assert "Camille Lefèvre" not in str(again.said)


def test_before_any_parcel_nothing_of_the_order_has_left(order):
    context = note_of(order)

    assert rows(context) == [("MIEL", 3, 0, 3), ("SAVON", 2, 0, 2)]
    assert [line.is_packed for line in context["lines"]] == [True, True]
    assert situation(order) == "avant expédition"


def test_a_partly_shipped_order_tells_what_has_left_and_what_is_left(order):
    honey, _soap = order.lines.all()
    ship(order, units={honey.pk: 2}, by=None, at=NOON)

    context = note_of(order)

    assert rows(context) == [("MIEL", 3, 2, 1), ("SAVON", 2, 0, 2)]
    assert [line.is_packed for line in context["lines"]] == [True, True]  # what is left to pack
    assert situation(order) == "expédiée en partie"


def test_an_order_completed_without_parcels_has_left(order):
    change_status(order, OrderStatus.COMPLETED, by=None, at=NOON)

    assert rows(note_of(order)) == [("MIEL", 3, 3, 0), ("SAVON", 2, 2, 0)]
    assert situation(order) == ""


def test_each_parcel_tells_what_is_left_after_it(order):
    honey, _soap = order.lines.all()
    first = ship(order, units={honey.pk: 2}, carrier="colissimo", by=None, at=NOON)
    partial = facts(note_of(order, first))["Colis"]
    second = ship(order, by=None, at=NOON)

    assert rows(note_of(order, first)) == [("MIEL", 3, 2, 1), ("SAVON", 2, 0, 2)]
    assert rows(note_of(order, second)) == [("MIEL", 3, 1, 0), ("SAVON", 2, 2, 0)]
    assert rows(note_of(order)) == [("MIEL", 3, 3, 0), ("SAVON", 2, 2, 0)]
    assert (partial, facts(note_of(order, first))["Colis"]) == ("1, envoi partiel", "1/2")


def test_refunded_units_are_not_left_to_deliver(order):
    honey, _soap = order.lines.all()
    refund_order(order, lines={honey.pk: RefundedLine(1, Decimal("9.90"), 1)}, by=None, at=NOON)

    context = note_of(order)

    assert rows(context)[0] == ("MIEL", 3, 0, 2)
    assert context["lines"][0].notes == ["1 remboursé"]


def test_weights_are_those_of_the_parcel(order):
    context = note_of(order)

    assert [plain(line.weight) for line in context["lines"]] == ["1,88 kg", "220 g"]
    assert facts(context)["Poids"] == "2,10 kg"


def test_a_weight_that_is_not_known_makes_no_sum(vendor, honey):
    order = make_order(vendor, status=PAID, lines=[(honey, 1), (make_product(vendor), 1)])

    assert "Poids" not in facts(note_of(order))


def test_the_tracking_number_can_be_scanned(order):
    parcel = ship(order, carrier="colissimo", tracking_number="6A12345678901", by=None, at=NOON)

    [code] = note_of(order, parcel)["codes"]

    assert (code["carrier"], code["text"], code["image"][:14]) == (
        "Colissimo",
        "6A12345678901",
        "data:image/svg",
    )


def test_an_order_ready_for_pickup_has_a_pickup_note(vendor, order):
    vendor.pickup_address, vendor.pickup_hours = "3 chemin du Moulin\n13520 Les Baux", "Le matin"
    vendor.save()
    ready_for_pickup(order, by=None, at=NOON)
    waiting = note_of(order)
    hand_over(order, by=None, at=NOON + timedelta(days=2))

    assert waiting["title"] == "Bon de retrait"
    assert rows(waiting) == [("MIEL", 3, 3, 0), ("SAVON", 2, 2, 0)]
    assert waiting["pickup"] == {
        "address": ["3 chemin du Moulin", "13520 Les Baux"], "hours": ["Le matin"], "handed_over_on": "",
    }  # fmt: skip
    assert plain(note_of(order)["pickup"]["handed_over_on"]) == "25 novembre 2026"


def test_what_happened_counts_more_than_the_name_of_the_delivery(vendor):
    collected = make_order(
        vendor, status=PAID, number="1", shipping_method="Colissimo", lines=[make_line(None, 2)]
    )
    sent = make_order(
        vendor, status=PAID, number="2", shipping_method="Retrait en magasin", lines=[make_line(None, 2)]
    )
    ready_for_pickup(collected, by=None, at=NOON)
    hand_over(collected, by=None, at=NOON)
    ready_for_pickup(sent, by=None, at=NOON)
    ship(sent, by=None, at=NOON)

    assert [Order.objects.get(pk=order.pk).is_pickup for order in (collected, sent)] == [True, False]
    assert [note_of(order)["title"] for order in (collected, sent)] == ["Bon de retrait", "Bon de livraison"]


def test_what_waits_in_the_shop_after_a_parcel_has_no_pickup_note(order):
    honey, _soap = order.lines.all()
    ship(order, units={honey.pk: 2}, by=None, at=NOON)

    ready_for_pickup(order, by=None, at=NOON)

    assert note_of(order)["title"] == "Bon de livraison"


@pytest.mark.parametrize(
    ("method", "title"),
    [
        ("Retrait en magasin", "Bon de retrait"),
        ("Local pickup", "Bon de retrait"),
        ("Click & Collect", "Bon de retrait"),
        ("Retrait en point relais", "Bon de livraison"),
        ("Mondial Relay, retrait", "Bon de livraison"),
        ("Colissimo à domicile", "Bon de livraison"),
    ],
)
def test_the_name_of_the_delivery_says_whether_it_is_a_pickup(vendor, method, title):
    assert note_of(make_order(vendor, status=PAID, shipping_method=method))["title"] == title


def test_an_order_with_no_place_to_deliver_to_is_a_pickup(vendor):
    order = make_order(vendor, status=PAID, shipping_address_1="", shipping_city="")

    assert note_of(order)["title"] == "Bon de retrait"


def test_the_invoice_of_a_pickup_names_the_shop_and_no_delivery(vendor):
    vendor.pickup_address = "3 chemin du Moulin\n13520 Les Baux"
    snapshot = said(make_order(vendor, status=PAID, shipping_method="Retrait en boutique"))

    assert (snapshot["collected_at"], snapshot["delivered_to"], snapshot["delivery"]) == (
        ["3 chemin du Moulin", "13520 Les Baux"], None, [],
    )  # fmt: skip
    assert invoice_context(snapshot)["delivery"] == []


@pytest.mark.parametrize("business", [False, True])
def test_the_mediator_is_for_consumers(vendor, business):
    vendor.identity.mediator = "CM2C, Paris"
    snapshot = said(make_order(vendor, status=PAID, buyer_is_business=business))

    assert invoice_context(snapshot)["mediator"] == ("" if business else "CM2C, Paris")


@pytest.mark.pdf
def test_the_sums_never_stand_on_a_page_without_a_line():
    pdf = invoice_pdf(invoice_of(long_basket(14)))

    first, last = [plain(page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]

    assert ("À reporter TTC : 286,65 €" in first, "REF-013" in first, "REF-014" in first) == (
        True,
        True,
        False,
    )
    for part in ["Report TTC : 286,65 €", "REF-014", "Total TTC 323,40 €", "Acquittée le", "Page 2/2"]:
        assert part in last


@pytest.mark.pdf
def test_a_delivery_note_has_no_price(order):
    ship(order, carrier="colissimo", tracking_number="6A12345678901", by=None, at=NOON)

    text = text_of(delivery_note_pdf(delivery_note(order, at=NOON)))

    assert "€" not in text.replace("au capital de 8 000 €", "")
    for part in [
        "Bon de livraison",
        "RDB-BL2026-000001",
        "MIEL",
        "Commandé",
        "Reste à livrer",
        "6A12345678901",
    ]:
        assert part in text


# Served


@pytest.fixture
def quick(monkeypatch):
    """PDFs without WeasyPrint."""
    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", lambda said: f"%PDF {said['number']}".encode())
    monkeypatch.setattr("orders.views.documents.render_delivery_note", lambda note: b"%PDF note")


@pytest.fixture
def browser(client_of, owner):
    return client_of(owner)


def page(order, name="invoice_pdf"):
    return reverse(f"orders:{name}", args=[order.vendor.slug, order.number])


def messages_of(response):
    return [(message.level_tag, message.message) for message in get_messages(response.wsgi_request)]


def test_before_issue_the_invoice_is_a_proforma_that_uses_no_number(browser, order, quick):
    response = browser.get(page(order))

    assert (response.status_code, response.content) == (200, b"%PDF ")
    assert response["Content-Disposition"] == 'inline; filename="Proforma-1042.pdf"'
    assert not DocumentSeries.objects.exists()


def test_after_issue_it_is_the_original_byte_for_byte(browser, order, quick, monkeypatch):
    document = issue_invoice(order, by=None, at=NOON)
    monkeypatch.setattr("orders.documents.renderer.can_render", lambda: False)
    change_status(order, OrderStatus.CANCELLED, by=make_source(), at=NOON)

    response = browser.get(page(order))

    assert (response.status_code, response.content) == (200, original_pdf(document))
    assert {
        name: response[name] for name in ("Content-Type", "Content-Disposition", "X-Content-Type-Options")
    } == {
        "Content-Type": "application/pdf",
        "Content-Disposition": 'inline; filename="RDB-F2026-000001.pdf"',
        "X-Content-Type-Options": "nosniff",
    }
    assert "private" in response["Cache-Control"]


def test_a_lost_original_is_told_and_not_made_anew(browser, order, quick):
    document = issue_invoice(order, by=None, at=NOON)
    storages["documents"].delete(document.pdf.name)

    response = browser.get(page(order))

    assert response.status_code == 410
    assert "RDB-F2026-000001 is missing" in response.content.decode()


@pytest.mark.parametrize("name", ["invoice_pdf", "delivery_note_pdf"])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("pending", 409), ("failed", 409), ("cancelled", 409),
        ("on-hold", 200), ("processing", 200), ("completed", 200), ("refunded", 200),
    ],
)  # fmt: skip
def test_the_state_of_the_order_decides(browser, vendor, quick, name, status, code):
    response = browser.get(page(make_order(vendor, status=status, number="1042"), name))

    assert response.status_code == code
    assert code == 200 or response.content.decode().startswith("Order 1042 is “")


@pytest.mark.parametrize("name", ["invoice_pdf", "delivery_note_pdf"])
def test_without_pango_a_page_says_what_to_type(browser, order, monkeypatch, name):
    monkeypatch.setattr("orders.documents.renderer.can_render", lambda: False)

    response = browser.get(page(order, name))

    assert response.status_code == 503
    assert PANGO_LINE in response.content.decode()


def test_a_parcel_is_chosen_by_its_number(browser, order, quick):
    ship(order, by=None, at=NOON)

    answers = [
        browser.get(page(order, "delivery_note_pdf"), {"shipment": n}).status_code
        for n in ("", "1", "2", "0", "-1", "x", "١", "9" * 30)
    ]

    assert answers == [200, 200, 404, 404, 404, 404, 404, 404]
    assert DeliveryNote.objects.count() == 2


def test_an_order_with_nothing_to_deliver_has_no_note(browser, order, quick):
    refund_order(
        order,
        lines={line.pk: RefundedLine(line.quantity, line.total) for line in order.lines.all()},
        by=None,
        at=NOON,
    )

    response = browser.get(page(order, "delivery_note_pdf"))

    assert (response.status_code, DeliveryNote.objects.count()) == (409, 0)
    assert response.content.decode().startswith("Everything of order 1042 was refunded before it left")


def test_the_order_s_page_names_the_notes_that_were_printed(browser, order, quick):
    honey = order.lines.first()
    browser.get(page(order, "delivery_note_pdf"))
    ship(order, units={honey.pk: 1}, by=None, at=NOON)
    browser.get(page(order, "delivery_note_pdf"))

    text = browser.get(reverse("orders:detail", args=[order.vendor.slug, order.number])).content.decode()

    earlier = reverse("orders:issued_note_pdf", args=[order.vendor.slug, order.number, "RDB-BL2026-000001"])
    assert f'href="{earlier}"' in text
    assert "RDB-BL2026-000002" in text
    assert "Gets its number when it is printed." in text  # the parcel's
    assert browser.get(earlier).status_code == 200


def test_a_file_name_has_no_surprises(browser, vendor, quick):
    order = make_order(vendor, status=PAID, number='A é";\r\n x%2F..')

    assert browser.get(page(order))["Content-Disposition"] == 'inline; filename="Proforma-A-x-2F.pdf"'


def test_issuing_says_the_number(browser, order, quick):
    response = browser.post(page(order, "issue_invoice"))

    assert (response.status_code, response["Location"]) == (302, page(order, "detail"))
    assert messages_of(response) == [("success", "Invoice RDB-F2026-000001 is issued.")]


def test_issuing_twice_has_one_effect(browser, order, quick):
    browser.post(page(order, "issue_invoice"))
    response = browser.post(page(order, "issue_invoice"))

    assert messages_of(response)[-1] == ("info", "Invoice RDB-F2026-000001 was issued already.")
    assert Document.objects.count() == 1


def test_a_refused_issue_says_what_is_missing(browser, vendor, order, quick):
    LegalIdentity.objects.filter(vendor=vendor).update(siret="", prefix="")

    response = browser.post(page(order, "issue_invoice"))

    [(level, sentence)] = messages_of(response)
    assert level == "error"
    assert "a valid SIRET" in sentence
    assert "the prefix of the numbers" in sentence
    assert not Document.objects.exists()


def test_issuing_without_pango_uses_no_number(browser, order, monkeypatch):
    monkeypatch.setattr("orders.documents.renderer.can_render", lambda: False)

    response = browser.post(page(order, "issue_invoice"))

    assert (response.status_code, messages_of(response)[0][0]) == (302, "error")
    assert not DocumentSeries.objects.exists()


def test_a_get_issues_nothing(browser, order):
    assert browser.get(page(order, "issue_invoice")).status_code == 200
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("role", "codes"),
    [
        (Role.OWNER, [200, 200, 302]),
        (Role.MANAGER, [200, 200, 302]),
        (Role.PREPARER, [403, 200, 403]),
        (Role.ACCOUNTANT, [200, 403, 302]),
    ],
)
def test_each_role_has_its_documents(client_of, vendor, order, quick, role, codes):
    client = client_of(make_member(vendor, role))

    assert [
        client.get(page(order)).status_code,
        client.get(page(order, "delivery_note_pdf")).status_code,
        client.post(page(order, "issue_invoice")).status_code,
    ] == codes
