"""Proof that issued documents are whole: chains, files, gaps."""

import os
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from marketplace.append_only import protect, release
from orders.domain.continuity import continuity_of, verify
from orders.domain.invoicing import issue_invoice
from orders.domain.originals import FIRST, chain_hash
from orders.domain.refunds import refund_order
from orders.models import Document
from orders.models.documents import IssuedIsFrozen
from tests.factories import NOON, make_order, make_vendor

PAID = "processing"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(
            f"orders.domain.{place}.invoice_pdf", lambda said: b"%PDF " + said["number"].encode()
        )


@pytest.fixture
def issued(vendor):
    """Three invoices, the second with a credit note."""
    orders = [make_order(vendor, status=PAID) for _ in range(3)]
    documents = [issue_invoice(order, by=None, at=NOON) for order in orders]
    refund_order(orders[1], amount=Decimal("5.00"), by=None, at=NOON + timedelta(days=1))
    return documents


def run(capsys):
    """Exit status and what was said."""
    try:
        call_command("verify_documents")
        status = 0
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out + err


def replace(document, content):
    storages["documents"].delete(document.pdf.name)
    storages["documents"].save(document.pdf.name, ContentFile(content))


def by_force(document, **columns):
    """As somebody with the database's password would."""
    release()
    Document.objects.filter(pk=document.pk).update(**columns)
    protect()


def test_whole_chains_are_told_with_their_first_last_and_count(issued, capsys):
    status, said = run(capsys)

    assert status == 0
    assert "F2026: first RDB-F2026-000001, last RDB-F2026-000003, count 3, gaps 0" in said
    assert "A2026: first RDB-A2026-000001, last RDB-A2026-000001, count 1, gaps 0" in said
    assert "All 2 chains are whole: 4 documents." in said


def test_each_document_holds_the_hash_of_the_one_before_it(issued):
    first, second, third = issued

    assert [first.previous_hash, second.previous_hash, third.previous_hash] == [
        FIRST,
        first.chain_hash,
        second.chain_hash,
    ]


def test_one_altered_byte_is_found_and_its_document_named(issued, capsys):
    replace(issued[1], b"%PDF RDB-F2026-00000X")

    status, said = run(capsys)

    assert status == 1
    assert "The stored file of RDB-F2026-000002 is not the one that was issued." in said
    assert "RDB-F2026-000001 is" not in said


def test_a_missing_file_is_named(issued, capsys):
    storages["documents"].delete(issued[2].pdf.name)

    status, said = run(capsys)

    assert (status, "The original of RDB-F2026-000003 is missing" in said) == (1, True)


def test_an_altered_snapshot_is_named(issued, capsys):
    by_force(issued[0], snapshot={**issued[0].snapshot, "order": "9999"})

    status, said = run(capsys)

    assert (status, "What is stored of RDB-F2026-000001 is not what was issued." in said) == (1, True)


def test_an_altered_total_is_named(issued, capsys):
    by_force(issued[0], total=Decimal("1.00"))

    assert "The total of RDB-F2026-000001 is not the one that it says." in run(capsys)[1]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"currency": "USD"}, "another currency"),
        ({"number": "RDB-F2026-000009"}, "another number"),
        ({"sequence": 9}, "another place of its series"),
    ],
)
def test_a_row_that_contradicts_its_document_is_named(issued, capsys, columns, says):
    by_force(issued[0], **columns)

    assert says in run(capsys)[1]


def test_a_document_of_another_order_is_named(issued, vendor, capsys):
    by_force(issued[2], order=make_order(vendor, number="7777"))

    assert "RDB-F2026-000003 says another order." in run(capsys)[1]


def test_a_snapshot_of_another_shape_is_a_trouble_and_no_traceback(issued, capsys):
    first = issued[0]
    first.snapshot = {"order": "1"}
    by_force(first, snapshot=first.snapshot, chain_hash=chain_hash(first))

    status, said = run(capsys)

    assert (status, "The total of RDB-F2026-000001 is not the one that it says." in said) == (1, True)


def test_what_a_note_corrects_in_another_shape_is_a_trouble_too(issued, capsys):
    note = Document.objects.get(kind="A")
    by_force(note, snapshot={**note.snapshot, "corrects": "RDB-F2026-000002"})

    assert "RDB-A2026-000001 says to correct another invoice." in run(capsys)[1]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"year": 2025}, "RDB-F2026-000003 is dated in another year than its series."),
        ({"issued_on": date(2026, 11, 24)}, "RDB-F2026-000003 says another date."),
    ],
)
def test_a_date_that_contradicts_the_document_is_named(issued, capsys, columns, says):
    by_force(issued[2], **columns)

    assert says in run(capsys)[1]


def test_what_is_issued_meanwhile_is_neither_a_gap_nor_left_behind(issued, vendor):
    waiting = [make_order(vendor, status=PAID) for _ in range(2)]

    def another_is_issued():
        if waiting:
            issue_invoice(waiting.pop(), by=None, at=NOON)

    reports = list(verify(another_is_issued))

    assert [(report.gaps, report.strays, report.troubles) for report in reports] == [([], [], [])] * 2


def test_a_file_without_a_document_is_told(issued, vendor, capsys):
    storages["documents"].save(f"{vendor.pk}/F2026/RDB-F2026-000004.pdf", ContentFile(b"left behind"))

    status, said = run(capsys)

    assert (
        status,
        f"left behind by something that failed: {vendor.pk}/F2026/RDB-F2026-000004.pdf" in said,
    ) == (
        0,
        True,
    )


def test_a_series_whose_rows_are_all_gone_is_shown(vendor, capsys):
    documents = [issue_invoice(make_order(vendor, status=PAID), by=None, at=NOON) for _ in range(2)]
    release()
    Document.objects.filter(pk__in=[document.pk for document in documents])._raw_delete("default")
    protect()

    assert [(one.count, one.gaps) for one in continuity_of(vendor)] == [(0, 2)]


def test_a_replaced_document_breaks_the_chain_behind_it(issued, capsys):
    """With its own hash made right again, the next one tells."""
    first = issued[0]
    first.snapshot = {**first.snapshot, "order": "9999"}
    by_force(first, snapshot=first.snapshot, chain_hash=chain_hash(first))

    status, said = run(capsys)

    assert (status, "RDB-F2026-000002 does not follow the document before it" in said) == (1, True)


@pytest.mark.parametrize(("gone", "missing"), [(0, "1"), (2, "3")])
def test_a_deleted_document_is_a_gap_also_at_the_end(vendor, capsys, gone, missing):
    documents = [issue_invoice(make_order(vendor, status=PAID), by=None, at=NOON) for _ in range(3)]
    release()
    Document.objects.filter(pk=documents[gone].pk)._raw_delete("default")
    protect()

    status, said = run(capsys)

    assert (status, f"Missing numbers: {missing}." in said) == (1, True)


def test_the_continuity_of_a_shop_is_its_own(issued, vendor):
    neighbor = make_vendor("miel")
    issue_invoice(make_order(neighbor, status=PAID), by=None, at=NOON)

    assert [
        (one.kind.value, one.year, one.first, one.last, one.count, one.gaps) for one in continuity_of(vendor)
    ] == [
        ("F", 2026, "RDB-F2026-000001", "RDB-F2026-000003", 3, 0),
        ("A", 2026, "RDB-A2026-000001", "RDB-A2026-000001", 1, 0),
    ]


def test_a_chain_cannot_fork(issued):
    copy = Document.objects.get(pk=issued[2].pk)
    copy.pk, copy._state.adding = None, True
    copy.sequence, copy.number, copy.replaces = 4, "RDB-F2026-000004", issued[2]

    with (
        pytest.raises(DatabaseError, match=r"document_chain_has_no_fork|previous_hash"),
        transaction.atomic(),
    ):
        copy.save()


def test_a_credit_note_is_frozen_too(issued):
    note = Document.objects.get(kind="A")

    with pytest.raises(IssuedIsFrozen):
        note.save()
    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        Document.objects.filter(pk=note.pk).update(number="X")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("[]", "DOCUMENT_STORAGE_OPTIONS is no JSON object"),
        ("{", "DOCUMENT_STORAGE_OPTIONS is no JSON object"),
    ],
)
def test_wrong_options_of_the_storage_are_told_at_start(options, says):
    done = settings_with(DOCUMENT_STORAGE_OPTIONS=options)

    assert says in done.stderr


def test_a_storage_of_objects_never_writes_over_an_original():
    done = settings_with(
        DOCUMENT_STORAGE="storages.backends.s3.S3Storage",
        DOCUMENT_STORAGE_OPTIONS='{"bucket_name": "invoices", "file_overwrite": true}',
    )

    assert (
        done.stdout.strip()
        == "{'default_acl': 'private', 'bucket_name': 'invoices', 'file_overwrite': False}"
    )


def settings_with(**variables):
    code = "from marketplace import settings; print(settings.STORAGES['documents']['OPTIONS'])"
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True
    )


def test_any_storage_keeps_originals(vendor, settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "documents": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    document = issue_invoice(make_order(vendor, status=PAID), by=None, at=NOON)

    assert storages["documents"].open(document.pdf.name).read() == b"%PDF RDB-F2026-000001"


@pytest.mark.parametrize("day", ["NULL", "'2026-11-01'"])
def test_the_date_of_a_counter_is_never_set_back(issued, day):
    with (
        pytest.raises(DatabaseError, match="never set back"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE orders_documentseries SET last_issued_on = {day} WHERE kind = 'F'")


def test_triggers_of_an_earlier_version_are_renewed(issued):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL replaces a trigger's function")
    release()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER orders_documentseries_no_update BEFORE UPDATE ON orders_documentseries "
            "WHEN 0 BEGIN SELECT RAISE(ABORT, 'never'); END"
        )
    protect()

    test_the_date_of_a_counter_is_never_set_back(issued, "NULL")
