"""VAT out of prices to the cent, numbers without gaps, originals that stay as they were issued."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.models import OutgoingEmail
from marketplace.money import net_of
from orders.documents.invoice_snapshot import Supply
from orders.documents.vat import line_parts, vat_groups
from orders.domain import invoicing
from orders.domain.corrections import correct_invoice
from orders.domain.fulfillment import ship
from orders.domain.invoicing import (
    IdentityIncomplete,
    NotInvoiceable,
    date_of_supply,
    delivery_note,
    issue_invoice,
    missing_identity,
)
from orders.domain.originals import OriginalDamaged, OriginalUnreadable, original_pdf
from orders.domain.refunds import refund_order
from orders.domain.transitions import change_status
from orders.models import Document, DocumentSeries, HistoryEntry, LineKind, Order, OrderLine, StatusChange
from orders.models.documents import IssuedIsFrozen
from orders.states import OrderStatus
from tests.factories import (
    FIVE_FIVE,
    NOON,
    TWENTY,
    buyer_data_of,
    make_identity,
    make_line,
    make_member,
    make_order,
    make_product,
    make_vendor,
)
from vendors.domain.identity import is_siret
from vendors.domain.mandate import accept_mandate

PAID = OrderStatus.PROCESSING
RATES = ["0", "0.0210", "0.0550", "0.1000", "0.2000"]


def taxed(total, *rates, kind=LineKind.PRODUCT, quantity=1, discount="0", amount="0.10") -> OrderLine:
    """A line that is not stored, with a VAT tax of each rate."""
    taxes = [{"label": "TVA", "rate": rate, "amount": amount, "kind": "vat"} for rate in rates]
    before = Decimal(total) + Decimal(discount)
    return OrderLine(
        kind=kind,
        quantity=quantity,
        total=Decimal(total),
        total_before_discount=before,
        name="Miel",
        taxes=taxes,
    )


def figures(lines, **how):
    return [(str(part.gross), str(part.net), str(part.vat)) for part in line_parts(lines, **how)]


def groups(lines, **how):
    return [(group.rate, str(group.net), str(group.vat)) for group in vat_groups(lines, **how)]


# VAT


def test_the_example_of_the_rules():
    lines = [
        taxed("29.70", "0.0550", quantity=3),
        taxed("3.46", "0.0550", kind=LineKind.SHIPPING),
        taxed("13.00", "0.2000", quantity=2),
        taxed("1.44", "0.2000", kind=LineKind.SHIPPING),
    ]

    assert [net for _gross, net, _vat in figures(lines)] == ["28.15", "3.28", "10.83", "1.20"]
    assert groups(lines) == [(FIVE_FIVE, "31.43", "1.73"), (TWENTY, "12.03", "2.41")]


def test_shipping_at_two_rates_follows_the_goods_by_gross_weight():
    shipping = taxed("4.90", "0.2000", "0.0550", kind=LineKind.SHIPPING)
    lines = [taxed("29.70", "0.0550"), taxed("13.00", "0.2000"), shipping]

    assert figures(lines)[2:] == [("3.41", "3.23", "0.18"), ("1.49", "1.24", "0.25")]
    assert sum(group.net for group in vat_groups(lines)) == Decimal("43.46")
    assert sum(group.vat for group in vat_groups(lines)) == Decimal("4.14")


def test_a_discount_on_the_whole_basket_is_split_in_the_same_way():
    lines = [
        taxed("75.00", "0.0550"),
        taxed("25.00", "0.2000"),
        taxed("-10.00", "0.0550", "0.2000", kind=LineKind.FEE),
    ]

    assert [gross for gross, _net, _vat in figures(lines)[2:]] == ["-7.50", "-2.50"]


def test_where_no_product_has_the_rates_the_stated_taxes_weigh():
    bundle = taxed("20.00", "0.0550", "0.2000")
    bundle.taxes[0]["amount"], bundle.taxes[1]["amount"] = "0.52", "1.67"

    assert [gross for gross, _net, _vat in figures([bundle])] == ["9.98", "10.02"]


def test_the_unit_price_comes_from_the_line_not_the_line_from_it():
    [part] = line_parts([taxed("29.70", "0.0550", quantity=3)])

    assert part.unit_net == Decimal("9.383333")


def test_a_levy_belongs_to_the_price():
    line = taxed("34.28", "0.0550")
    line.taxes.append({"label": "Éco-contribution", "rate": "0.01", "amount": "0.32", "kind": "levy"})

    assert groups([line]) == [(FIVE_FIVE, "32.49", "1.79")]


def test_a_line_without_vat_has_the_rate_zero():
    assert groups([taxed("12.00")]) == [(Decimal(0), "12.00", "0.00")]


def test_a_franchise_charges_no_vat_whatever_the_storefront_says():
    lines = [taxed("29.70", "0.0550"), taxed("4.90", "0.0550", "0.2000")]

    assert groups(lines, franchise=True) == [(None, "34.60", "0.00")]


def test_yen_have_no_decimals():
    assert groups([taxed("1000", "0.1000")], currency="JPY") == [(Decimal("0.1"), "909.00", "91.00")]


def test_an_order_without_lines_has_no_groups():
    assert vat_groups([]) == []


baskets = st.lists(
    st.builds(
        taxed,
        st.decimals(min_value=-20, max_value=2000, places=2),
        st.sampled_from(RATES),
        kind=st.sampled_from(LineKind.values),
        quantity=st.integers(1, 12),
    )
    | st.builds(
        lambda total, rates, kind: taxed(total, *rates, kind=kind),
        st.decimals(min_value=-20, max_value=60, places=2),
        st.lists(st.sampled_from(RATES), min_size=2, max_size=3, unique=True),
        st.sampled_from(LineKind.values),
    ),
    max_size=12,
)


@settings(max_examples=200)
@given(baskets)
def test_every_basket_adds_up_to_what_the_customer_paid(lines):
    parts = line_parts(lines)

    assert sum(group.net + group.vat for group in vat_groups(lines)) == sum(line.total for line in lines)
    assert all(group.net == net_of(group.gross, group.rate) for group in vat_groups(lines))
    assert all(
        sum(part.gross for part in parts if part.line is line) == line.total for line in lines
    )  # fmt: skip


# Numbers


@pytest.fixture
def quick(monkeypatch):
    """Originals without WeasyPrint: what is tested here is not how they look."""
    monkeypatch.setattr(
        "orders.domain.invoicing.invoice_pdf", lambda said: b"%PDF " + said["number"].encode()
    )


def issue(order, at=NOON, by=None):
    return issue_invoice(order, by=by, at=at)


@pytest.fixture
def order(vendor):
    return make_order(vendor, number="1042", status=PAID)


def test_ten_invoices_have_ten_numbers_in_a_row(vendor, quick):
    numbers = [issue(make_order(vendor, status=PAID)).number for _ in range(10)]

    assert numbers == [f"RDB-F2026-{n:06d}" for n in range(1, 11)]


def test_a_broken_transaction_uses_no_number(vendor, quick):
    issue(make_order(vendor, status=PAID))
    with transaction.atomic():
        issue(make_order(vendor, status=PAID))
        transaction.set_rollback(True)

    assert issue(make_order(vendor, status=PAID)).number == "RDB-F2026-000002"


def test_what_a_broken_transaction_left_in_the_storage_is_not_written_over(order, vendor, quick):
    name = f"{vendor.pk}/F2026/RDB-F2026-000001.pdf"
    storages["documents"].save(name, ContentFile(b"older"))

    document = issue(order)

    assert (document.pdf.name != name, storages["documents"].open(name).read()) == (True, b"older")
    assert original_pdf(document) == b"%PDF RDB-F2026-000001"


def test_a_failure_while_rendering_uses_no_number(order, monkeypatch):
    def fail(_said):
        raise RuntimeError

    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", fail)
    with pytest.raises(RuntimeError):
        issue(order)

    assert not DocumentSeries.objects.exists()
    assert not Document.objects.exists()


def test_each_shop_and_each_year_has_its_own_series(vendor, order, quick):
    neighbor = make_vendor("miel-et-cie", identity=False)
    make_identity(neighbor, prefix="MIEL")
    numbers = [
        issue(order).number,
        issue(make_order(neighbor, status=PAID)).number,
        issue(make_order(vendor, status=PAID), at=NOON.replace(year=2025)).number,
    ]

    assert numbers == ["RDB-F2026-000001", "MIEL-F2026-000001", "RDB-F2025-000001"]


def test_the_year_is_that_of_the_shop(order, quick):
    new_year_in_paris = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)

    document = issue(order, at=new_year_in_paris)

    assert (document.number, document.issued_on) == ("RDB-F2026-000001", date(2026, 1, 1))


def test_no_invoice_is_dated_before_the_one_before_it(vendor, order, quick):
    issue(order)

    later = issue(make_order(vendor, status=PAID), at=NOON - timedelta(days=3))

    assert (later.sequence, later.issued_on) == (2, date(2026, 11, 23))


def test_an_order_has_one_invoice_however_often_it_is_asked_for(order, quick):
    assert issue(order) == issue(order, at=NOON + timedelta(days=1))
    assert DocumentSeries.objects.get().last_number == 1


def test_the_history_says_who_issued_what(vendor, order, quick):
    claire = make_member(vendor)

    document = issue(order, by=claire)

    entry = HistoryEntry.objects.get(order=order, kind="document")
    assert (entry.user, entry.at, entry.data) == (
        claire,
        NOON,
        {"document": document.pk, "number": "RDB-F2026-000001"},
    )
    assert document.issued_by == claire


@pytest.mark.parametrize("status", ["pending", "on-hold", "failed", "cancelled"])
def test_an_order_that_is_not_paid_has_no_invoice(vendor, status):
    order = make_order(vendor, number="1042", status=status)

    with pytest.raises(NotInvoiceable, match=r"^Order 1042 is “.+”, so no invoice can be issued"):
        issue(order)
    assert not DocumentSeries.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_numbers_taken_at_the_same_moment_have_no_gap_and_no_double(quick):
    vendor = make_vendor()
    orders = [make_order(vendor, status=PAID) for _ in range(4)] * 3

    def at_once(order):
        try:
            return issue(Order.objects.get(pk=order.pk)).number
        finally:
            connection.close()

    with ThreadPoolExecutor(len(orders)) as people:
        numbers = set(people.map(at_once, orders))

    assert numbers == {f"RDB-F2026-{n:06d}" for n in range(1, 5)}
    assert DocumentSeries.objects.get().last_number == 4


# Who sells


def test_a_complete_identity_lacks_nothing(vendor):
    assert [part.phrase for part in missing_identity(vendor, NOON.date())] == []


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"legal_name": " "}, ["the legal name"]),
        ({"legal_form": ""}, ["the legal form and the share capital, or that the seller is a sole trader"]),
        ({"capital": None}, ["the legal form and the share capital, or that the seller is a sole trader"]),
        ({"city": ""}, ["the address with postcode and town"]),
        ({"siret": "73282932000075"}, ["a valid SIRET"]),
        ({"rcs_town": ""}, ["the town of the trade register (RCS)"]),
        ({"vat_number": "FR45732829320"}, ["a VAT number that belongs to the SIREN"]),
        ({"vat_number": ""}, ["a VAT number that belongs to the SIREN"]),
        ({"prefix": ""}, ["the prefix of the numbers"]),
        ({"is_sole_trader": True, "legal_form": "", "capital": None, "rcs_town": ""}, []),
        ({"vat_regime": "franchise", "vat_number": ""}, []),
        ({"capital": Decimal(0)}, []),
        ({"capital": Decimal(-5)}, ["a share capital that is nothing or more"]),
        ({"postcode": "ABCDE"}, ["a postcode of five digits"]),
        ({"country": "ZZ"}, ["the country of the register: France or overseas"]),
        ({"country": "RE", "postcode": "97400"}, []),
    ],
)
def test_each_missing_part_of_the_identity_is_named(db, fields, missing):
    vendor = make_vendor(identity=False)
    make_identity(vendor, **fields)

    assert [part.phrase for part in missing_identity(vendor, NOON.date())] == missing


def test_a_shop_without_identity_lacks_everything_and_issues_nothing(db):
    vendor = make_vendor("new-shop", identity=False)
    order = make_order(vendor, status=PAID)

    with pytest.raises(
        IdentityIncomplete, match=r"New Shop still lacks: the legal name, .+ and the"
    ) as refusal:
        issue(order)
    assert len(refusal.value.missing) == 7
    assert not DocumentSeries.objects.exists()


@pytest.mark.parametrize(
    ("siret", "is_valid"),
    [
        ("73282932000074", True),
        ("73282932000047", False),
        ("7328293200007", False),
        ("73282932100073", False),
        ("٧٣٢٨٢٩٣٢٠٠٠٠٧٤", False),
        ("", False),
    ],
)
def test_a_siret_is_checked_twice(siret, is_valid):
    assert is_siret(siret) == is_valid


# Frozen


def test_an_original_stays_as_it_was_when_the_shop_moves(vendor, order, quick):
    document = issue(order)
    before = original_pdf(document)
    vendor.identity.address_1 = "1 rue Neuve"
    vendor.identity.save()
    order.billing_city = "Paris"
    order.save(update_fields=["billing_city"])

    again = Document.objects.get()
    assert original_pdf(again) == before
    assert "1 rue Neuve" not in str(again.snapshot)


def test_the_fingerprint_is_of_the_stored_bytes(order, quick):
    document = issue(order)

    assert document.sha256 == hashlib.sha256(original_pdf(document)).hexdigest()
    assert document.pdf.name == f"{order.vendor_id}/F2026/RDB-F2026-000001.pdf"


def test_an_issued_document_is_neither_saved_again_nor_deleted(order, quick):
    document = issue(order)

    with pytest.raises(IssuedIsFrozen, match="RDB-F2026-000001 is issued and cannot be changed"):
        document.save()
    with pytest.raises(IssuedIsFrozen, match="RDB-F2026-000001 is issued and cannot be deleted"):
        document.delete()


@pytest.mark.parametrize(
    "change", [lambda rows: rows.update(number="X"), lambda rows: rows._raw_delete("default")]
)
def test_the_database_keeps_documents_too(order, quick, change):
    issue(order)

    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        change(Document.objects.all())


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET last_number = 0", "UPDATE {} SET last_number = 9", "DELETE FROM {}"]
)
def test_the_database_keeps_the_counters_of_numbers(order, quick, statement):
    issue(order)

    with (
        pytest.raises(DatabaseError, match="never set back"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("orders_documentseries"))


def test_nothing_replaces_or_truncates_documents(order, quick):
    document = issue(order)
    columns = ", ".join(field.column for field in Document._meta.concrete_fields)
    other = columns.replace("total", "999 AS total")
    statement = (
        f"INSERT OR REPLACE INTO orders_document ({columns}) SELECT {other} FROM orders_document"
        if connection.vendor == "sqlite"
        else "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE orders_document CASCADE"
    )

    with (
        pytest.raises(DatabaseError, match="never changed nor deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Document.objects.get().total == document.total


def test_the_file_of_an_original_is_neither_deleted_nor_replaced(order, quick):
    document = issue(order)

    with pytest.raises(IssuedIsFrozen):
        document.pdf.delete(save=False)
    with pytest.raises(IssuedIsFrozen):
        document.pdf.save("x.pdf", ContentFile(b"x"))

    assert original_pdf(document) == b"%PDF RDB-F2026-000001"


def test_a_storage_that_fails_is_told_as_such(order, quick, monkeypatch):
    document = issue(order)

    def fail(self, name, mode="rb"):
        raise ConnectionError("no route to the bucket")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.open", fail)

    with pytest.raises(OriginalUnreadable, match="RDB-F2026-000001 cannot be read"):
        original_pdf(document)


def test_an_original_that_is_gone_is_told(order, quick):
    document = issue(order)
    storages["documents"].delete(document.pdf.name)

    with pytest.raises(OriginalDamaged, match="RDB-F2026-000001 is missing"):
        original_pdf(document)


def test_an_original_that_was_altered_is_told(order, quick):
    document = issue(order)
    storages["documents"].delete(document.pdf.name)
    storages["documents"].save(document.pdf.name, ContentFile(b"%PDF forged"))

    with pytest.raises(OriginalDamaged, match="is not the one that was issued"):
        original_pdf(document)


def test_the_invoice_of_a_refunded_order_is_of_the_whole_order(vendor, quick):
    order = make_order(vendor, status=PAID, lines=[make_line(None, total="12.00")])
    refund_order(order, amount=Decimal("5.00"), by=None, at=NOON)

    document = issue(order)

    assert (document.total, document.snapshot["totals"]["gross"]) == (Decimal("12.00"), "12.00")


def test_an_order_of_nothing_is_invoiced(vendor, quick):
    document = issue(make_order(vendor, status=PAID, lines=[make_line(None, total="0.00", discount="12.00")]))

    assert document.snapshot["totals"] == {
        "net": "0.00", "vat": "0.00", "gross": "0.00", "discount": "12.00", "prepaid": "0.00", "due": "0.00",
    }  # fmt: skip


# When it was supplied


def test_before_delivery_the_date_is_that_of_payment(vendor):
    order = make_order(vendor, status=PAID, paid_at=NOON)

    assert date_of_supply(order) == Supply(NOON, is_delivery=False)


def test_the_last_parcel_is_the_delivery(vendor):
    order = make_order(vendor, status=PAID, lines=[(make_product(vendor), 2)])
    line = order.lines.get()
    ship(order, units={line.pk: 1}, by=None, at=NOON + timedelta(days=1))
    halfway = date_of_supply(order)
    ship(order, by=None, at=NOON + timedelta(days=2))
    change_status(order, OrderStatus.COMPLETED, by=None, at=NOON + timedelta(days=5))

    assert halfway.is_delivery is False
    assert date_of_supply(order) == Supply(NOON + timedelta(days=2), is_delivery=True)


def test_without_parcels_completion_is_the_delivery(vendor):
    order = make_order(vendor, status=PAID)
    change_status(order, OrderStatus.COMPLETED, by=None, at=NOON + timedelta(days=5))

    assert date_of_supply(order) == Supply(NOON + timedelta(days=5), is_delivery=True)


def test_an_order_that_is_not_paid_has_no_date_of_supply(vendor):
    assert date_of_supply(make_order(vendor, status="on-hold")) == Supply(None, is_delivery=False)


# Delivery notes


def test_a_delivery_note_keeps_its_number_and_date(order):
    first = delivery_note(order, at=NOON)

    again = delivery_note(order, at=NOON + timedelta(days=9))

    assert (again, again.number, again.dated_on) == (first, "RDB-BL2026-000001", date(2026, 11, 23))


def test_each_parcel_has_a_note_of_its_own(vendor):
    order = make_order(vendor, status=PAID, lines=[(make_product(vendor), 2)])
    line = order.lines.get()
    parcels = [ship(order, units={line.pk: 1}, by=None, at=NOON) for _ in range(2)]

    numbers = [delivery_note(order, parcel, at=NOON).number for parcel in [*parcels, None]]

    assert numbers == [f"RDB-BL2026-{n:06d}" for n in (1, 2, 3)]


def test_a_shop_without_identity_has_delivery_notes(db):
    order = make_order(make_vendor(identity=False), status=PAID)

    assert delivery_note(order, at=NOON).number == "BL2026-000001"


def test_a_parcel_of_another_order_is_refused(vendor, order):
    other = make_order(vendor, status=PAID, lines=[(make_product(vendor), 1)])
    parcel = ship(other, by=None, at=NOON)

    with pytest.raises(ValueError, match="is not of order 1042"):
        delivery_note(order, parcel, at=NOON)


# Made before anything is locked


@pytest.fixture
def made(monkeypatch):
    """Which documents were made, and whether within a transaction."""
    seen = []

    def make(said):
        seen.append((said["number"], connection.in_atomic_block))
        return b"%PDF " + said["number"].encode()

    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", make)
    return seen


@pytest.mark.django_db(transaction=True)
def test_a_pdf_is_made_before_anything_is_locked(made):
    vendor = make_vendor()
    documents = [issue(make_order(vendor, status=PAID)) for _ in range(2)]

    assert made == [(document.number, False) for document in documents]
    assert [original_pdf(document) for document in documents] == [
        b"%PDF " + document.number.encode() for document in documents
    ]


@pytest.mark.django_db(transaction=True)
def test_the_page_makes_the_pdf_before_anything_is_locked(made, client_of):
    vendor = make_vendor("rucher-des-baux", attaches_documents=False)
    make_order(vendor, status=PAID, number="1042")

    client_of(make_member(vendor)).post("/vendors/rucher-des-baux/orders/1042/invoice/", {"send": "on"})

    assert made == [("RDB-F2026-000001", False)]
    assert OutgoingEmail.objects.filter(template="order_documents").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_correction_makes_its_papers_before_anything_is_locked(made, monkeypatch):
    monkeypatch.setattr("orders.domain.credit_notes.invoice_pdf", invoicing.invoice_pdf)
    order = make_order(make_vendor(), status=PAID)
    issue(order)
    buyer = replace(buyer_data_of(order), billing_city="Brest")

    new = correct_invoice(order, buyer, invoice=made[0][0], by=None, at=NOON)

    assert [is_locked for _number, is_locked in made] == [False, False, False]
    assert [original_pdf(document)[5:].decode() for document in (new, new.replaces.corrections.get())] == [
        made[2][0],
        made[1][0],
    ]


@pytest.mark.django_db(transaction=True)
def test_a_completion_makes_its_invoice_before_anything_is_locked_once(made, client_of):
    vendor = make_vendor("rucher-des-baux", issues_on_completion=True, attaches_documents=True)
    owner = make_member(vendor)
    accept_mandate(vendor, by=owner, at=NOON)
    order = make_order(vendor, status=PAID, number="1042")

    client_of(owner).post("/vendors/rucher-des-baux/orders/1042/validate/", {"version": order.version})

    [document] = Document.objects.all()
    [mail] = OutgoingEmail.objects.filter(event__startswith="completed")
    assert made == [(document.number, False)]
    assert (mail.attachments[0]["path"], StatusChange.objects.filter(kind="status").count()) == (
        document.pdf.name,
        1,
    )


@pytest.mark.django_db(transaction=True)
def test_where_another_took_the_number_it_is_made_again(made, monkeypatch):
    vendor = make_vendor()
    first, second = (make_order(vendor, status=PAID) for _ in range(2))
    make = invoicing.invoice_pdf

    def overtaken(said):
        monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", make)
        issue(second)
        return make(said)

    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", overtaken)
    document = issue(first)

    assert made[-1] == (document.number, True)
    assert original_pdf(document) == b"%PDF " + document.number.encode()
    assert document.number.endswith("F2026-000002")
