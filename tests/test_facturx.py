"""Invoices and credit notes as Factur-X: an accessible archive file with the XML inside."""

import socket
from io import BytesIO

import pytest
from pypdf import PdfReader

from orders.documents import renderer, typesetting
from orders.documents.einvoice import einvoice_xml
from orders.documents.glyphs import printable
from orders.documents.invoice import invoice_pdf
from orders.documents.renderer import MOST_CHARACTERS, FontMissing, TooLong, html_to_pdf
from orders.domain.invoicing import issue_invoice
from orders.models import Document, DocumentSeries
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order
from tests.paper import INVOICES, basket, invoice_of, shop

pytestmark = pytest.mark.pdf
HOSTILE = (
    "</th></table><script>x</script><img src='http://127.0.0.1:9/a.png'><link rel=attachment "
    "href='file:///etc/hostname'><style>@import url(http://127.0.0.1:9/a.css); * {display: none}</style>"
    "&lt;b&gt; {{ 7|add:7 }} {% now 'Y' %} \u202e\u0007 '\"><iframe src=file:///etc/passwd>"
)


def text_of(pdf):
    return " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


@pytest.mark.parametrize("variant", INVOICES)
@pytest.mark.parametrize("profile", ["3a", "ua1"])
def test_every_variant_is_an_accessible_archive_file(variant, profile):
    page = pytest.importorskip("page", reason="page-validation is missing: .ci/requirements.txt has it")

    report = page.validate_pdf_bytes(invoice_pdf(INVOICES[variant]()), profile=profile)

    assert [failure.rule_id for failure in report.failures] == []


@pytest.mark.parametrize("variant", INVOICES)
def test_the_xml_comes_out_as_it_went_in(variant):
    from facturx import get_xml_from_pdf

    snapshot = INVOICES[variant]()
    pdf = invoice_pdf(snapshot)

    assert get_xml_from_pdf(pdf) == ("factur-x.xml", einvoice_xml(snapshot))
    assert invoice_pdf(snapshot) == pdf


def test_the_metadata_name_the_profile():
    pdf = invoice_pdf(invoice_of(basket()))

    for told in (b"<fx:ConformanceLevel>EN 16931<", b"<pdfuaid:part>1<", b"pdfaid:part"):
        assert pdf.count(told) == 1


def test_a_proforma_has_no_xml():
    assert not PdfReader(BytesIO(invoice_pdf(invoice_of(basket(), number="")))).attachments


def test_an_invoice_that_is_not_valid_uses_no_number(vendor, monkeypatch):
    order = make_order(vendor, status=OrderStatus.PROCESSING, lines=[make_line(None, total="10.00")])
    monkeypatch.setattr("orders.documents.einvoice.delivery_terms", lambda snapshot: {})  # refused by the XSD

    with pytest.raises(Exception, match="RDB-F2026-000001 would not be valid, so it was not issued"):
        issue_invoice(order, by=None, at=NOON)

    assert not Document.objects.exists()
    assert not DocumentSeries.objects.filter(last_number__gt=0).exists()


# Nothing is markup, nothing is fetched


def hostile_invoice():
    vendor = shop(
        legal_name=HOSTILE,
        address_1=HOSTILE,
        city=HOSTILE,
        mediator=HOSTILE,
        footer=HOSTILE,
        logo_svg="",
        email=HOSTILE,
    )
    vendor.name = HOSTILE
    names = ("name", "company", "address_1", "address_2", "postcode", "city")
    fields = {f"{kind}_{name}": HOSTILE for kind in ("billing", "shipping") for name in names}
    line = make_line(None, total="10.00", name=HOSTILE, sku=HOSTILE, details=HOSTILE)
    line.taxes.append({"label": HOSTILE, "rate": "0.01", "amount": "0.10", "kind": "levy"})
    return invoice_of([line], vendor=vendor, payment_title=HOSTILE, customer_name=HOSTILE, **fields)


@pytest.fixture
def asked(monkeypatch):
    """The addresses that somebody tried to connect to; documents are made here, where that is seen."""
    addresses = []
    monkeypatch.setattr("orders.documents.renderer.html_to_pdf", typesetting.html_to_pdf)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: addresses.append(address))
    return addresses


def test_hostile_text_in_every_field_stays_text(asked):
    pdf = invoice_pdf(hostile_invoice())

    reader = PdfReader(BytesIO(pdf))
    assert list(reader.attachments) == ["factur-x.xml"]
    text = " ".join(text_of(pdf).split())
    assert "<script>x</script>" in text
    assert "{{ 7|add:7 }}" in text
    assert "root:x:0" not in text
    assert asked == []


def test_markup_that_got_in_fetches_nothing(asked, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")

    pdf = typesetting.html_to_pdf(
        f"<html lang=fr><title>x</title><link rel=attachment href='{secret.as_uri()}'>"
        f"<img alt='' src='http://127.0.0.1:9/a.png'><object data='{secret.as_uri()}'></object>",
        color="#000000",
    )

    assert not PdfReader(BytesIO(pdf)).attachments
    assert b"the secret" not in pdf
    assert asked == []


def test_what_would_take_minutes_is_refused():
    with pytest.raises(TooLong, match="too long"):
        html_to_pdf("x" * (MOST_CHARACTERS + 1), color="#000000")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Café œ 12\u202f€ שלום محمد", "Café œ 12\u202f€ שלום محمد"),
        ("a\u202eb\u0007", "ab"),
        ("日本", "□□"),
        ("Savon 👩\u200d👩\u200d👧👍🏽 ❤\ufe0f 1\ufe0f\u20e3", "Savon  ❤ 1"),
        ("<b>Crème 🌿</b><i>🌿</i><i> 🌿🌿 </i>", "<b>Crème </b><i>□</i><i>□</i>"),
        ("<img alt='🌿'>", "<img alt=''>"),
    ],
)
def test_what_no_font_has_is_a_box_and_a_picture_nothing(text, printed, monkeypatch):
    monkeypatch.setattr("orders.documents.glyphs._has_glyph", lambda code: code < 0x3000)

    assert printable(text) == printed


def test_without_any_font_the_line_to_type_is_told(monkeypatch, tmp_path):
    nowhere = tmp_path / "fonts.conf"
    nowhere.write_text("<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig/>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(nowhere))
    monkeypatch.setattr(renderer, "_pool", None)

    try:
        with pytest.raises(FontMissing, match="Type: sudo apt-get install fonts-dejavu-core"):
            html_to_pdf("<html lang=fr><title>x</title><p>Bonjour", color="#000000")
    finally:
        renderer._processes().stop()
        renderer._processes().join()
