"""Pages around documents: the order's linked documents, the list, continuity, bulk, mails, the buyer."""

import csv
import io
import zipfile
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from marketplace.mail import AttachmentDamaged, send_email
from marketplace.models import AuditEntry, OutgoingEmail
from orders.documents.invoice_snapshot import payment_code
from orders.domain.invoicing import RateMissing, issue_invoice
from orders.domain.refund_lines import set_lines_of_refunds
from orders.domain.refunds import refund_order
from orders.domain.transitions import change_status
from orders.exports.documents import write_zip
from orders.jobs import run_bulk
from orders.models import BulkItem, Document, DocumentSeries, ExchangeRate, Order
from orders.states import OrderStatus
from tests.factories import NOON, make_document, make_line, make_member, make_order, make_product, make_vendor
from vendors.domain.mandate import accept_mandate
from vendors.models import LegalIdentity
from vendors.roles import Role

SHOP = "/vendors/rucher-des-baux"
LATER = NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(
            f"orders.domain.{place}.invoice_pdf", lambda said: b"%PDF " + said["number"].encode()
        )


@pytest.fixture
def owned(client_of, owner):
    return client_of(owner)


@pytest.fixture
def order(vendor):
    return make_order(vendor, number="1042", status="processing")


@pytest.fixture
def credited(order):
    """An order with its invoice and a credit note."""
    issue_invoice(order, by=None, at=NOON)
    refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)
    return order


def asked_for(owned, filters="", **kwargs):
    """What the button of the page of documents answers; a small file is there at once."""
    return owned.post(f"{SHOP}/documents/originals/", {"filters": filters}, **kwargs)


def unzipped(answer):
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# On the order's page


def test_the_page_links_the_invoice_and_its_credit_note(owned, credited):
    page = owned.get(f"{SHOP}/orders/1042/").content.decode()

    assert f'href="{SHOP}/orders/1042/invoice.pdf"' in page
    assert f'href="{SHOP}/orders/1042/credit-notes/RDB-A2026-000001.pdf"' in page
    assert "Credit note RDB-A2026-000001 issued, for invoice RDB-F2026-000001" in page


def test_the_original_of_a_credit_note_is_served_byte_for_byte(owned, credited):
    response = owned.get(f"{SHOP}/orders/1042/credit-notes/RDB-A2026-000001.pdf")

    assert (response.status_code, response["Content-Type"], response.content) == (
        200,
        "application/pdf",
        b"%PDF RDB-A2026-000001",
    )


@pytest.mark.parametrize("number", ["RDB-F2026-000001", "RDB-A2026-000009"])
def test_another_document_is_no_credit_note_of_the_order(owned, credited, number):
    assert owned.get(f"{SHOP}/orders/1042/credit-notes/{number}.pdf").status_code == 404


def test_an_altered_credit_note_is_told(owned, credited):
    name = Document.objects.get(kind="A").pdf.name
    storages["documents"].delete(name)
    storages["documents"].save(name, ContentFile(b"%PDF forged"))

    response = owned.get(f"{SHOP}/orders/1042/credit-notes/RDB-A2026-000001.pdf")

    assert (response.status_code, b"RDB-A2026-000001" in response.content) == (410, True)


def test_a_preparer_sees_neither_invoice_nor_credit_note(client_of, vendor, credited):
    page = client_of(make_member(vendor, Role.PREPARER)).get(f"{SHOP}/orders/1042/").content.decode()

    assert "credit-notes/" not in page
    assert "invoice.pdf" not in page


def test_a_storage_that_takes_no_file_is_told_and_uses_no_number(owned, vendor, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    make_order(vendor, number="1050", status="processing")
    with monkeypatch.context() as broken:
        broken.setattr(type(storages["documents"]), "save", full)
        page = owned.post("/vendors/rucher-des-baux/orders/1050/invoice/", follow=True)
    owned.post("/vendors/rucher-des-baux/orders/1050/invoice/")

    assert b"could not be stored, so it was not issued" in page.content
    assert (
        Document.objects.get(order__number="1050").sequence
        == DocumentSeries.objects.get(kind="F").last_number
    )


def test_a_credit_note_that_could_not_be_made_is_offered(owned, order, monkeypatch):
    issue_invoice(order, by=None, at=NOON)
    with monkeypatch.context() as broken:
        broken.setattr("orders.domain.credit_notes.invoice_pdf", lambda said: 1 / 0)
        refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)
    assert b"Issue the credit note" in owned.get(f"{SHOP}/orders/1042/").content

    page = owned.post(f"{SHOP}/orders/1042/invoice/", follow=True)

    assert b"Credit note RDB-A2026-000001 is issued." in page.content


def test_a_refund_without_lines_shows_a_note_to_come(owned, order):
    issue_invoice(order, by=None, at=NOON)
    refund_order(order, amount=Decimal("5.00"), by=None, at=LATER, awaits_lines=True)

    assert b"Credit note to come" in owned.get(f"{SHOP}/orders/1042/").content


# The list and the continuity


def test_the_list_shows_every_document_and_each_series(owned, credited):
    page = owned.get(f"{SHOP}/documents/").content.decode()

    assert page.index("Credit notes 2026") > page.index("Invoices 2026")
    assert page.count("RDB-A2026-000001.pdf") == 1
    assert "invoices/RDB-F2026-000001.pdf" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?kind=A", ["A"]),
        ("?kind=F", ["F"]),
        ("?year=2026", ["A", "F"]),
        ("?month=2026-11", ["A", "F"]),
        ("?q=a2026-000001", ["A"]),
        ("?q=1042", ["A", "F"]),
        ("?q=lefe", ["A", "F"]),
        ("?q=nobody", []),
    ],
)
def test_the_list_is_narrowed_by_kind_and_year(owned, credited, query, shown):
    rows = owned.get(f"{SHOP}/documents/{query}").context["rows"]

    assert [row.document.kind for row in rows] == shown


@pytest.mark.parametrize("query", ["kind=x", "year=1999", "year=y", "month=2026-13", "month=x", "before=z"])
def test_a_wrong_value_is_told_and_leaves_no_document(owned, credited, query):
    response = owned.get(f"{SHOP}/documents/?{query}")

    assert (response.status_code, response.context["rows"]) == (200, [])
    assert query.partition("=")[0] in response.context["filter"].errors
    assert asked_for(owned, query).status_code == 400


def test_a_row_says_who_and_how_much_and_which_invoice_a_note_corrects(owned, credited):
    note, invoice = owned.get(f"{SHOP}/documents/").context["rows"]

    assert (note.buyer, note.net, note.vat, note.gross, note.corrected) == (
        "Camille Lefèvre",
        Decimal("-4.17"),
        Decimal("-0.83"),
        Decimal("-5.00"),
        "RDB-F2026-000001",
    )
    assert (invoice.net, invoice.vat, invoice.gross) == (Decimal("10.00"), Decimal("2.00"), Decimal("12.00"))


def test_the_originals_of_a_month_come_with_their_list(owned, credited):
    answer = asked_for(owned, "month=2026-11", follow=True)
    files = unzipped(answer)

    first, last = (
        f"{day:%Y-%m-%d}"
        for day in Document.objects.order_by("issued_on").values_list("issued_on", flat=True)
    )
    assert f'"rucher-des-baux-{first}-{last}-factures.zip"' in answer["Content-Disposition"]
    assert list(files) == ["RDB-A2026-000001.pdf", "RDB-F2026-000001.pdf", "documents.csv"]
    assert files["RDB-F2026-000001.pdf"] == b"%PDF RDB-F2026-000001"
    listed = files["documents.csv"].decode("utf-8-sig")
    note, invoice = list(csv.DictReader(listed.splitlines(), delimiter=";"))
    assert (note["Document no."], note["Corrects"], note["Total net"], note["Total VAT"]) == (
        "RDB-A2026-000001",
        "RDB-F2026-000001",
        "-4,17",
        "-0,83",
    )
    assert (invoice["VAT 20%"], invoice["Customer"]) == ("2,00", "Camille Lefèvre")
    assert AuditEntry.objects.filter(kind="exported", data__documents=2).count() == 1


def test_a_damaged_original_is_told_and_named_in_the_list_with_the_others(owned, credited):
    issue_invoice(make_order(credited.vendor, status="processing"), by=None, at=NOON)
    storages["documents"].delete(Document.objects.get(kind="A").pdf.name)

    page = asked_for(owned, follow=True)
    files = unzipped(owned.get(page.context["file_url"]))

    assert b"RDB-A2026-000001 is missing from the storage" in page.content
    assert list(files) == ["RDB-F2026-000001.pdf", "RDB-F2026-000002.pdf", "documents.csv"]
    assert "RDB-A2026-000001 is missing from the storage" in files["documents.csv"].decode()


def test_a_document_whose_contents_cannot_be_read_is_listed_all_the_same(order):
    make_document(order)
    file = io.BytesIO()

    write_zip(Document.objects.all(), order.vendor, file, at=NOON, on_damage=lambda *_: None)

    archive = zipfile.ZipFile(file)
    assert archive.getinfo("documents.csv").date_time == (2026, 11, 23, 12, 0, 0)
    listed = archive.read("documents.csv").decode("utf-8-sig")
    [row] = csv.DictReader(listed.splitlines(), delimiter=";")
    assert (row["Document no."], row["Total net"], row["Total incl. VAT"]) == (
        "RDB-F2026-000001",
        "",
        "12,00",
    )


def test_nothing_and_too_much_are_told_instead_of_a_file(owned, credited, monkeypatch):
    assert asked_for(owned, "q=nobody").status_code == 404
    monkeypatch.setattr("orders.views.document_list.MOST", 1)
    answer = asked_for(owned)
    assert (answer.status_code, b"choose a month or a year" in answer.content) == (413, True)


def test_only_what_was_chosen_is_in_the_file_also_where_an_order_has_more(owned, credited):
    assert list(unzipped(asked_for(owned, "kind=A", follow=True))) == [
        "RDB-A2026-000001.pdf",
        "documents.csv",
    ]


def test_many_originals_are_the_workers_and_tell_how_far_they_are(owned, credited, monkeypatch):
    monkeypatch.setattr("orders.views.document_list.AT_ONCE", 1)

    page = asked_for(owned, "month=2026-11", follow=True)
    job = page.context["job"]
    run_bulk.call(job.pk)
    done = owned.get(page.request["PATH_INFO"])

    assert (page.context["is_running"], page.context["finished"], page.context["total"]) == (True, 0, 1)
    assert page.context["list_url"] == f"{SHOP}/documents/?month=2026-11"
    assert len(unzipped(owned.get(done.context["file_url"]))) == 3


def test_the_list_goes_on_page_by_page(owned, vendor):
    for n in range(1, 52):
        make_document(make_order(vendor, number=f"many-{n}"), sequence=n, number=f"RDB-F2026-{n:06d}")

    first = owned.get(f"{SHOP}/documents/")
    second = owned.get(f"{SHOP}/documents/?before={first.context['next']}")

    assert len(first.context["rows"]) == 50
    assert [row.document.sequence for row in second.context["rows"]] == [1]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_whatever_it_holds(owned, vendor, rows, django_assert_num_queries):
    for _ in range(rows):
        make_document(make_order(vendor, status="processing"))

    with django_assert_num_queries(8):
        owned.get(f"{SHOP}/documents/")


def test_another_shop_s_documents_are_not_listed(owned, credited):
    make_document(make_order(make_vendor("miel-et-cie")), number="MIEL-F2026-000001")

    assert b"MIEL" not in owned.get(f"{SHOP}/documents/").content


# For a selection


def test_invoices_are_issued_for_a_selection_with_a_result_per_order(owned, vendor, order):
    make_order(vendor, number="1043", status="pending")

    owned.post(f"{SHOP}/orders/bulk/", {"action": "invoice", "order": ["1042", "1043"], "sure": "2"})

    states = dict(BulkItem.objects.values_list("order__number", "state"))
    assert (states, Document.objects.count()) == ({"1042": "done", "1043": "refused"}, 1)


def test_the_accountant_issues_for_a_selection_but_validates_nothing(client_of, vendor, order):
    client = client_of(make_member(vendor, Role.ACCOUNTANT))

    assert client.post(f"{SHOP}/orders/bulk/", {"action": "validate", "order": ["1042"]}).status_code == 403
    client.post(f"{SHOP}/orders/bulk/", {"action": "invoice", "order": ["1042"], "sure": "1"})
    assert Document.objects.count() == 1


def test_the_preparer_issues_nothing_for_a_selection(client_of, vendor, order):
    client = client_of(make_member(vendor, Role.PREPARER))

    assert client.post(f"{SHOP}/orders/bulk/", {"action": "invoice", "order": ["1042"]}).status_code == 403
    assert not Document.objects.exists()


# What better is said before it is issued


def hinted(client):
    return [hint.field for hint in client.get(f"{SHOP}/orders/1042/invoice/").context["hints"]]


@pytest.mark.parametrize(
    ("fields", "iban", "hints"),
    [
        ({"status": "on-hold", "payment_method": "bacs"}, "", ["iban"]),
        ({"status": "on-hold", "payment_method": "bacs"}, "FR7630006000011234567890189", []),
        ({"status": "on-hold", "payment_method": "cheque"}, "", []),
        ({"status": "processing", "payment_method": "bacs"}, "", []),
    ],
)
def test_a_transfer_needs_an_account_to_pay_to(owned, vendor, fields, iban, hints):
    LegalIdentity.objects.filter(vendor=vendor).update(iban=iban)
    make_order(vendor, number="1042", buyer_siren="732829320", **fields)

    assert hinted(owned) == hints


@pytest.mark.parametrize(
    ("rate", "country", "terms", "hints"),
    [
        ("0", "FR", "", ["exemption_terms"]),
        ("0", "FR", "Article 261, 4, 4°", []),
        ("0", "DE", "", []),
        ("0", "CH", "", []),
        ("0.2", "FR", "", []),
    ],
)
def test_what_has_no_vat_needs_a_reason_where_the_shop_can_give_one(
    owned, vendor, rate, country, terms, hints
):
    LegalIdentity.objects.filter(vendor=vendor).update(exemption_terms=terms)
    line = make_line(make_product(vendor, vat_rate=Decimal(rate)), 1)
    make_order(
        vendor,
        number="1042",
        status="processing",
        lines=[line],
        shipping_country=country,
        billing_country=country,
    )

    assert hinted(owned) == hints


def test_a_hint_leads_to_its_field(owned, vendor):
    make_order(vendor, number="1042", status="on-hold", buyer_siren="732829320", payment_method="bacs")

    page = owned.get(f"{SHOP}/orders/1042/invoice/").content.decode()

    assert "The customer pays by transfer, and the invoice names no account to pay to." in page
    assert f'href="{SHOP}/identity/#id_iban"' in page


# An invoice that was taken back


@pytest.fixture
def come_back(vendor, monkeypatch):
    """An order whose unpaid invoice was taken back, and which was paid after all."""
    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", lambda said: f"PDF {said['number']}".encode())
    order = make_order(vendor, number="1042", status="on-hold", buyer_siren="732829320")
    issue_invoice(order, by=None, at=NOON)
    change_status(order, "cancelled", by=None, at=LATER)
    return order


def served(client):
    answer = client.get(f"{SHOP}/orders/1042/invoice.pdf")
    return answer.status_code, answer.content.decode()


def test_what_stands_in_its_place_is_a_proforma_until_it_is_issued(owned, come_back):
    assert served(owned) == (200, "PDF RDB-F2026-000001")

    change_status(come_back, "processing", by=None, at=LATER)
    assert served(owned) == (200, "PDF ")

    issue_invoice(come_back, by=None, at=LATER)
    assert served(owned) == (200, "PDF RDB-F2026-000002")


def test_nothing_of_it_can_be_issued_once_all_is_refunded(owned, come_back):
    refund_order(come_back, amount=Decimal("12.00"), by=come_back.source, at=LATER, external_id="9")
    change_status(come_back, "processing", by=None, at=LATER)

    assert served(owned) == (200, "PDF RDB-F2026-000001")
    assert "Proforma" not in owned.get(f"{SHOP}/orders/1042/").content.decode()


@pytest.mark.parametrize("status", ["cancelled", "processing"])
def test_the_page_says_that_it_was_taken_back(owned, come_back, status):
    change_status(come_back, status, by=None, at=LATER)

    page = " ".join(owned.get(f"{SHOP}/orders/1042/").content.decode().split())

    assert f'href="{SHOP}/orders/1042/invoices/RDB-F2026-000001.pdf"' in page
    assert ("· taken back" in page, "Proforma invoice" in page) == (True, status == "processing")


# Mails


def test_the_credit_note_is_attached_where_the_shop_wants_it(vendor, order):
    vendor.attaches_documents = True
    vendor.save()
    issue_invoice(order, by=None, at=NOON)
    refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)

    send_email.call(OutgoingEmail.objects.get(template="order_refunded").pk)

    assert mail.outbox[0].attachments[0][:2] == ("RDB-A2026-000001.pdf", b"%PDF RDB-A2026-000001")


def test_the_invoice_is_attached_to_completed(vendor, order):
    vendor.attaches_documents = True
    vendor.save()
    issue_invoice(order, by=None, at=NOON)
    change_status(order, "completed", by=None, at=LATER)

    [attached] = OutgoingEmail.objects.get(template="order_completed").attachments
    assert attached["name"] == "RDB-F2026-000001.pdf"


def attached():
    """The customer's mails and what each carries."""
    mails = OutgoingEmail.objects.filter(to="camille@example.com").order_by("pk")
    return [(sent.template, [file["name"] for file in sent.attachments]) for sent in mails]


@pytest.fixture
def attaching(vendor):
    vendor.attaches_documents = True
    vendor.save()
    return vendor


def unpaid(vendor):
    """An order of a business that was invoiced before it was paid."""
    order = make_order(vendor, status="on-hold", buyer_siren="732829320")
    issue_invoice(order, by=None, at=NOON)
    return order


def test_a_note_that_waited_for_its_lines_follows_in_a_mail_of_its_own(attaching, order):
    issue_invoice(order, by=None, at=NOON)
    refund = refund_order(order, amount=Decimal("5.00"), by=None, at=LATER, awaits_lines=True)

    for _ in range(2):
        set_lines_of_refunds(order, {refund.pk: {}}, by=None, at=LATER)

    assert attached() == [("order_refunded", []), ("order_documents", ["RDB-A2026-000001.pdf"])]


def test_a_note_that_could_not_be_made_goes_with_the_next_one(attaching, order, monkeypatch):
    issue_invoice(order, by=None, at=NOON)
    with monkeypatch.context() as broken:
        broken.setattr("orders.domain.credit_notes.invoice_pdf", lambda said: 1 / 0)
        refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)

    refund_order(order, amount=Decimal("1.00"), by=None, at=LATER)

    assert attached()[1] == ("order_refunded", ["RDB-A2026-000001.pdf", "RDB-A2026-000002.pdf"])


def test_the_note_of_an_unpaid_invoice_goes_with_the_cancellation(attaching):
    order = unpaid(attaching)

    change_status(order, "cancelled", by=None, at=LATER)

    assert attached() == [("order_cancelled", ["RDB-A2026-000001.pdf"])]
    sent = OutgoingEmail.objects.get(template="order_cancelled")
    assert all("RDB-A2026-000001" in part for part in (sent.text, sent.html))


def test_a_note_of_an_order_that_failed_goes_by_itself(attaching):
    change_status(unpaid(attaching), "failed", by=None, at=LATER)

    assert attached() == [("order_documents", ["RDB-A2026-000001.pdf"])]


def test_a_later_cancellation_does_not_carry_the_note_again(attaching):
    order = unpaid(attaching)
    for status in ("cancelled", "processing", "cancelled"):
        change_status(order, status, by=None, at=LATER)

    assert attached()[-1] == ("order_cancelled", [])


def test_an_invoice_on_completion_takes_its_notes_along(attaching, order, owner):
    accept_mandate(attaching, by=owner, at=NOON)
    attaching.issues_on_completion = True
    attaching.save()
    refund_order(order, amount=Decimal("5.00"), by=None, at=NOON)

    change_status(Order.objects.get(pk=order.pk), "completed", by=None, at=LATER)

    assert attached()[-1] == ("order_completed", ["RDB-F2026-000001.pdf", "RDB-A2026-000001.pdf"])


def test_no_note_is_sent_where_the_shop_attaches_none(vendor, order):
    issue_invoice(order, by=None, at=NOON)
    refund = refund_order(order, amount=Decimal("5.00"), by=None, at=LATER, awaits_lines=True)
    set_lines_of_refunds(order, {refund.pk: {}}, by=None, at=LATER)
    change_status(unpaid(vendor), "failed", by=None, at=LATER)
    change_status(unpaid(vendor), "cancelled", by=None, at=LATER)

    assert attached() == [("order_refunded", []), ("order_cancelled", [])]


def test_nothing_is_attached_otherwise(credited):
    assert OutgoingEmail.objects.get(template="order_refunded").attachments == []


def test_a_mail_with_an_altered_document_is_not_sent(vendor, order):
    vendor.attaches_documents = True
    vendor.save()
    issue_invoice(order, by=None, at=NOON)
    refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)
    name = Document.objects.get(kind="A").pdf.name
    storages["documents"].delete(name)
    storages["documents"].save(name, ContentFile(b"%PDF forged"))

    with pytest.raises(AttachmentDamaged):
        send_email.call(OutgoingEmail.objects.get(template="order_refunded").pk)
    assert mail.outbox == []


# Businesses


def test_a_business_is_told_of_penalties_and_the_forty_euros(owned, order):
    owned.post(f"{SHOP}/orders/1042/buyer/", {"is_business": "on", "siren": "552 008 443"})
    order.refresh_from_db()

    said = issue_invoice(order, by=None, at=NOON).snapshot

    assert (said["buyer"]["is_business"], said["buyer"]["siren"]) == (True, "552008443")
    assert "40\u00a0€" in said["terms"]["recovery"]


def test_a_consumer_is_never_told_of_them(order):
    order.billing_company = "Chez Camille"

    said = issue_invoice(order, by=None, at=NOON).snapshot

    assert (said["terms"], said["buyer"]["is_business"]) == (None, False)


def test_a_business_that_has_not_paid_gets_an_invoice_with_its_due_date(vendor):
    order = make_order(vendor, status="on-hold", buyer_siren="552008443")

    said = issue_invoice(order, by=None, at=NOON).snapshot

    assert (said["is_paid"], said["due_on"], said["totals"]["due"], said["totals"]["prepaid"]) == (
        False,
        "2026-12-23",
        "12.00",
        "0.00",
    )


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"is_business": "on", "siren": "552008444"}, "siren"),
        ({"is_business": "on", "vat_number": "FR00"}, "vat_number"),
        ({"siren": "552008443"}, "is_business"),
    ],
)
def test_a_wrong_number_of_the_buyer_is_told(owned, order, sent, field):
    assert field in owned.post(f"{SHOP}/orders/1042/buyer/", sent).context["form"].errors


def test_the_buyer_is_fixed_once_the_invoice_is_issued(owned, credited):
    page = owned.post(f"{SHOP}/orders/1042/buyer/", {"is_business": "on", "siren": "552008443"}, follow=True)

    credited.refresh_from_db()
    assert b"is issued and cannot be changed" in page.content
    assert not credited.buyer_is_business


# Another currency, and how it was paid


def test_vat_in_euros_needs_a_rate(vendor):
    order = make_order(vendor, number="1042", status="processing", currency="USD", paid_at=NOON)

    with pytest.raises(RateMissing, match="Order 1042 is in USD .+ no exchange rate of 23.November.2026"):
        issue_invoice(order, by=None, at=NOON)
    assert not Document.objects.exists()


def test_an_order_in_euros_has_no_rate_whatever_was_entered(vendor):
    ExchangeRate.objects.bulk_create([ExchangeRate(currency="EUR", on=NOON.date(), euros=Decimal(1))])

    invoice = issue_invoice(make_order(vendor, status="processing"), by=None, at=NOON)

    assert invoice.snapshot["euros"] is None


def test_the_rate_of_the_day_or_the_last_before_it_gives_the_vat_in_euros(vendor):
    order = make_order(vendor, status="processing", currency="USD", paid_at=NOON)
    for days, euros in ((-9, "0.8"), (-3, "0.9"), (1, "0.7")):
        ExchangeRate.objects.create(currency="USD", on=NOON.date() + timedelta(days), euros=Decimal(euros))

    euros = issue_invoice(order, by=None, at=NOON).snapshot["euros"]

    assert (euros["rate"], euros["rate_on"], euros["vat"], euros["gross"]) == (
        "0.9",
        "2026-11-20",
        "1.80",
        "10.80",
    )


@pytest.mark.parametrize(("days", "is_good"), [(6, True), (7, False)])
def test_a_rate_is_good_for_a_week(vendor, days, is_good):
    order = make_order(vendor, status="processing", currency="USD", paid_at=NOON)
    ExchangeRate.objects.create(currency="USD", on=NOON.date() - timedelta(days), euros=Decimal("0.9"))

    with nullcontext() if is_good else pytest.raises(RateMissing):
        issue_invoice(order, by=None, at=NOON)

    assert Document.objects.exists() == is_good


@pytest.mark.parametrize(("typed", "code"), [("usd", "USD"), ("CHF", "CHF")])
def test_the_office_enters_a_rate_under_the_code_of_its_currency(db, typed, code):
    rate = ExchangeRate(currency=typed, on=NOON.date(), euros=Decimal("0.9"))
    rate.full_clean()

    assert rate.currency == code


@pytest.mark.parametrize("typed", ["US", "U$D", "EUR", "eur"])
def test_what_has_no_rate_in_euros_is_refused_in_the_office(db, typed):
    with pytest.raises(ValidationError, match="code of three letters"):
        ExchangeRate(currency=typed, on=NOON.date(), euros=Decimal("0.9")).full_clean()


def test_a_credit_note_keeps_the_rate_of_its_invoice(vendor):
    order = make_order(vendor, status="processing", currency="USD", paid_at=NOON)
    ExchangeRate.objects.create(currency="USD", on=NOON.date(), euros=Decimal("0.9"))
    issue_invoice(order, by=None, at=NOON)

    refund_order(order, amount=Decimal("12.00"), by=None, at=LATER)

    assert Document.objects.get(kind="A").snapshot["euros"]["vat"] == "1.80"


@pytest.mark.parametrize(
    ("method", "iban", "code"),
    [("cheque", "", "20"), ("bacs", "FR1420041010050500013M02606", "58"), ("bacs", "", "1"),
     ("stripe_cc", "", "48"), ("paypal", "", "68"), ("cod", "", "10"), ("barter", "", "1"),
     ("stripe_sepa", "", "59"), ("gift_card", "", "1"), ("stripe_klarna", "", "1")],
)  # fmt: skip
def test_the_means_of_payment_has_a_code(vendor, method, iban, code):
    vendor.identity.iban = iban

    assert payment_code(make_order(vendor, payment_method=method), vendor.identity) == code


@pytest.mark.parametrize("rate", ["0.13", "0.009", "0.085", "0.0175", "0.0105", "0.19"])
def test_rates_of_corsica_overseas_and_other_countries_are_as_the_order_says(vendor, rate):
    order = make_order(
        vendor, status="processing", lines=[make_line(None, total="10.00", vat_rate=Decimal(rate))]
    )

    assert [group["rate"] for group in issue_invoice(order, by=None, at=NOON).snapshot["groups"]] == [rate]


# The page that asks before anything is issued


def test_the_page_asks_before_a_credit_note_is_issued(owned, order, monkeypatch):
    issue_invoice(order, by=None, at=NOON)
    with monkeypatch.context() as broken:
        broken.setattr("orders.domain.credit_notes.invoice_pdf", lambda said: 1 / 0)
        refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)

    page = owned.get(f"{SHOP}/orders/1042/invoice/").content.decode()

    assert "Issue the credit note of order 1042" in page
    assert "It corrects invoice RDB-F2026-000001" in page
    assert not Document.objects.filter(kind="A").exists()


def test_an_order_refunded_in_full_is_offered_no_invoice(owned, order):
    refund_order(order, amount=order.total, by=None, at=LATER)

    asked = owned.get(f"{SHOP}/orders/1042/invoice/").content.decode()
    listed = owned.get(f"{SHOP}/orders/").content.decode()

    assert "was refunded in full before any invoice" in asked
    assert f"{SHOP}/orders/1042/invoice/" not in listed


def test_an_invoice_that_was_taken_back_can_be_issued_anew(owned, order):
    Order.objects.update(paid_at=None)
    invoice = issue_invoice(order, by=None, at=NOON)
    change_status(order, OrderStatus.CANCELLED, by=order.source, at=LATER)
    change_status(order, OrderStatus.PROCESSING, by=order.source, at=LATER)

    assert b"Issue the invoice" in owned.get(f"{SHOP}/orders/1042/").content
    owned.post(f"{SHOP}/orders/1042/invoice/")

    assert Document.objects.get(kind="F", replaces=invoice).number == "RDB-F2026-000002"


def test_bulk_says_once_what_the_identity_lacks(owned, vendor):
    LegalIdentity.objects.filter(vendor=vendor).update(siret="", prefix="")
    for number in ("2001", "2002"):
        make_order(vendor, number=number, status="processing")

    data = {"action": "invoice", "order": ["2001", "2002"], "sure": "2"}
    page = owned.post(f"{SHOP}/orders/bulk/", data, follow=True).content.decode()

    assert page.count(">a valid SIRET</a>") == 1
    assert 'href="/vendors/rucher-des-baux/identity/#id_siret"' in page
    assert list(BulkItem.objects.values_list("why", flat=True)) == ["The legal identity is incomplete."] * 2


# Sent to the customer


def test_the_mail_names_what_is_attached(vendor, order):
    vendor.attaches_documents = True
    vendor.save()
    issue_invoice(order, by=None, at=NOON)
    refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)
    change_status(order, "completed", by=None, at=LATER)

    refunded = OutgoingEmail.objects.get(template="order_refunded")
    completed = OutgoingEmail.objects.get(template="order_completed")
    assert all("RDB-A2026-000001" in part for part in (refunded.text, refunded.html))
    assert all("RDB-F2026-000001" in part for part in (completed.text, completed.html))


def test_a_mail_without_documents_names_none(credited):
    assert "RDB-" not in OutgoingEmail.objects.get(template="order_refunded").text


def test_an_invoice_is_sent_when_it_is_issued_where_the_person_ticks_it(owned, vendor, order):
    vendor.attaches_documents = True
    vendor.save()
    asked = owned.get(f"{SHOP}/orders/1042/invoice/").content.decode()

    page = owned.post(f"{SHOP}/orders/1042/invoice/", {"send": "1"}, follow=True).content.decode()

    [sent] = OutgoingEmail.objects.filter(template="order_documents")
    assert 'name="send" value="1" checked' in asked
    assert (sent.to, [file["name"] for file in sent.attachments]) == (
        "camille@example.com",
        ["RDB-F2026-000001.pdf"],
    )
    assert "It is sent to camille@example.com." in page
    assert "“Documents, RDB-F2026-000001”" in page


def test_an_invoice_that_is_not_to_be_sent_is_not(owned, order):
    asked = owned.get(f"{SHOP}/orders/1042/invoice/").content.decode()
    owned.post(f"{SHOP}/orders/1042/invoice/")

    assert 'name="send" value="1">' in asked
    assert not OutgoingEmail.objects.filter(template="order_documents").exists()


def test_an_issued_document_is_sent_once_a_click_and_again_when_asked(owned, credited):
    url = f"{SHOP}/orders/1042/documents/RDB-A2026-000001/send/"
    sent = OutgoingEmail.objects.filter(template="order_documents")

    owned.post(url, {"attempt": "0"})
    page = owned.post(url, {"attempt": "0"}, follow=True).content.decode()
    assert (sent.count(), "RDB-A2026-000001 was sent already." in page) == (1, True)

    owned.post(url, {"attempt": "1"})
    assert sent.count() == 2


def test_no_document_is_sent_where_the_storefront_writes_the_mails(owned, credited, settings):
    settings.CUSTOMER_MAILS = False

    page = owned.post(f"{SHOP}/orders/1042/documents/RDB-F2026-000001/send/", follow=True).content.decode()

    assert "Nothing was sent" in page
    assert "/send/" not in page
    assert not OutgoingEmail.objects.filter(template="order_documents").exists()


def test_of_one_moment_what_followed_stands_above_what_it_followed_from(owned, order):
    issue_invoice(order, by=None, at=NOON)
    refund_order(order, amount=Decimal("5.00"), by=None, at=LATER)

    page = owned.get(f"{SHOP}/orders/1042/").content.decode()
    history = page[page.index('id="h-log"') :]

    assert history.index("Credit note RDB-A2026-000001 issued") < history.index("Refund of")


# What stands against an invoice, and what a refund brings


@pytest.fixture
def incomplete(vendor, order):
    """The order of a shop whose legal identity lacks two parts."""
    vendor.identity.siret, vendor.identity.prefix, vendor.identity.vat_number = "", "", ""
    vendor.identity.save()
    return order


def test_the_page_says_what_the_identity_lacks_before_it_offers_to_issue(owned, incomplete):
    page = owned.get(f"{SHOP}/orders/1042/invoice/").content.decode()

    assert f'<a href="{SHOP}/identity/#id_siret">a valid SIRET</a>' in page
    assert "Issue the invoice</button>" not in page


def test_who_cannot_change_the_identity_is_told_whom_to_ask(client_of, vendor, incomplete):
    client = client_of(make_member(vendor, Role.ACCOUNTANT))

    page = client.get(f"{SHOP}/orders/1042/invoice/").content.decode()
    refused = client.post(f"{SHOP}/orders/1042/invoice/", follow=True).content.decode()

    assert "#id_siret" not in page
    assert "Ask an owner of the shop to fill it in." in page
    assert "Ask an owner of the shop to fill it in." in refused


def test_the_refusal_names_each_missing_part_once_and_links_it(owned, incomplete):
    page = owned.post(f"{SHOP}/orders/1042/invoice/", follow=True).content.decode()

    assert page.count("a valid SIRET") == 1
    assert (
        f'<a href="{SHOP}/identity/#id_siret">a valid SIRET</a>, '
        f'<a href="{SHOP}/identity/#id_vat_number">a VAT number that belongs to the SIREN</a> and '
        f'<a href="{SHOP}/identity/#id_prefix">the prefix of the numbers</a>.'
    ) in page


@pytest.mark.parametrize("step", ["refund", "cancel-and-refund"])
def test_refunding_an_invoiced_order_says_that_a_credit_note_follows(owned, order, step):
    words = "A credit note for invoice RDB-F2026-000001 is issued with it"

    assert words not in owned.get(f"{SHOP}/orders/1042/{step}/").content.decode()
    issue_invoice(order, by=None, at=NOON)
    assert words in owned.get(f"{SHOP}/orders/1042/{step}/").content.decode()


def test_a_refund_tells_which_credit_note_was_issued(owned, order):
    issue_invoice(order, by=None, at=NOON)

    page = owned.post(f"{SHOP}/orders/1042/refund/", {"amount": "5", "do": "refund"}, follow=True)

    link = f'<a href="{SHOP}/orders/1042/credit-notes/RDB-A2026-000001.pdf">Credit note RDB-A2026-000001'
    assert f"are refunded. {link}" in page.content.decode()
