"""Documents of a selection in one file: for picking, and for the accountant."""

import io
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from marketplace.models import AuditEntry
from orders.bulk import downloads
from orders.bulk.downloads import DownloadGone, forget_expired, open_download
from orders.bulk.work import PAUSE, ask_for_bulk, progress, work_on
from orders.domain.fulfillment import ship
from orders.domain.invoicing import issue_invoice
from orders.domain.originals import original_pdf
from orders.domain.refunds import refund_order
from orders.models import BulkAction, BulkItem, BulkJob, Order
from orders.models.bulk import download_storage
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_member, make_order, make_user, make_vendor
from vendors.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.pdf]
PAID = OrderStatus.PROCESSING


def make_orders(vendor, count):
    return [
        make_order(vendor, number=str(2000 + n), status=PAID, placed_at=NOON - timedelta(days=n))
        for n in range(count)
    ]


def ask(vendor, by, action, at=NOON):
    return ask_for_bulk(vendor, Order.objects.for_vendor(vendor), action, by=by, at=at)


def worked(job, at=NOON):
    while work_on(job, now=lambda: at, most=100):
        pass
    job.refresh_from_db()
    return job


def content(job, at=NOON):
    with open_download(job, at) as file:
        return file.read()


def stored_files():
    _folders, files = download_storage().listdir(".")
    return files


def stored_names(vendor):
    """All files that wait for somebody of the shop."""
    storage = download_storage()
    folders, _files = storage.listdir(str(vendor.pk))
    places = [f"{vendor.pk}/{job}{part}" for job in folders for part in ("", "/parts")]
    return [name for place in places if storage.exists(place) for name in storage.listdir(place)[1]]


def start(client, vendor, action, **fields):
    return client.post(
        reverse("orders:start_bulk", args=[vendor.slug]), {"action": action, "all": "1", **fields}
    )


# Delivery notes


def test_the_notes_stand_in_one_file_the_most_urgent_first(vendor, owner):
    make_orders(vendor, 3)

    pages = PdfReader(io.BytesIO(content(worked(ask(vendor, owner, BulkAction.NOTES))))).pages

    found = [next(n for n in ("2000", "2001", "2002") if n in page.extract_text()) for page in pages]
    assert found == ["2002", "2001", "2000"]


def test_the_file_has_a_bookmark_for_each_note_and_its_language(vendor, owner):
    make_orders(vendor, 2)

    reader = PdfReader(io.BytesIO(content(worked(ask(vendor, owner, BulkAction.NOTES)))))

    assert len(reader.outline) == 2
    assert all(mark.title.startswith("Bon de ") for mark in reader.outline)
    assert (reader.root_object["/Lang"], "bons de livraison" in reader.metadata.title) == ("fr", True)


def test_each_parcel_has_its_note(vendor, owner):
    order = make_order(vendor, status=PAID, lines=[make_line(None, 2, total="10.00")])
    line = order.lines.get()
    ship(order, units={line.pk: 1}, by=owner, at=NOON)
    ship(order, units={line.pk: 1}, by=owner, at=NOON)

    assert len(PdfReader(io.BytesIO(content(worked(ask(vendor, owner, BulkAction.NOTES))))).pages) == 2


def test_of_a_partly_shipped_order_the_rest_is_printed_and_stands_first(vendor, owner):
    urgent = make_order(
        vendor,
        number="2001",
        status=PAID,
        placed_at=NOON,
        lines=[make_line(None, 2, name="Savon"), make_line(None)],
    )
    older = make_order(
        vendor, number="2002", status=PAID, placed_at=NOON - timedelta(days=9), lines=[make_line(None, 3)]
    )
    [line] = older.lines.all()
    ship(older, units={line.pk: 1}, by=None, at=NOON)

    pages = PdfReader(io.BytesIO(content(worked(ask(vendor, owner, BulkAction.NOTES))))).pages

    texts = [page.extract_text() for page in pages]
    assert ["2002" in texts[0], "expédiée en partie" in texts[0], "2001" in texts[1]] == [True, True, True]
    assert len(texts) == 2
    assert urgent.shipments.count() == 0


def test_a_part_that_is_gone_is_made_anew(vendor, owner):
    make_orders(vendor, 2)
    job = ask(vendor, owner, BulkAction.NOTES)
    downloads.prepare(job.items.select_related("order__vendor", "job").first(), NOON)
    BulkItem.objects.filter(job=job).update(state="done")

    assert len(PdfReader(io.BytesIO(content(worked(job)))).pages) == 2


@pytest.fixture
def in_transaction(monkeypatch):
    """Whether a transaction was open when a note was made and when the file was put together."""
    seen = {}

    def made(note):
        seen["note"] = connection.in_atomic_block
        return b"%PDF"

    def merged(pdfs, file, **_more):
        seen["file"] = connection.in_atomic_block
        file.writelines(pdfs)

    monkeypatch.setattr(downloads, "delivery_note_pdf", made)
    monkeypatch.setattr(downloads, "merge", merged)
    return seen


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_while_notes_are_made_and_put_together(vendor, owner, in_transaction):
    make_orders(vendor, 1)

    job = worked(ask(vendor, owner, BulkAction.NOTES))

    assert in_transaction == {"note": False, "file": False}
    assert content(job) == b"%PDF"


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_that_put_a_file_together_the_first_keeps_its_own(vendor, owner, monkeypatch):
    make_orders(vendor, 1)
    job = ask(vendor, owner, BulkAction.NOTES)
    monkeypatch.setattr(downloads, "delivery_note_pdf", lambda note: b"%PDF")
    speed = iter(["slow", "quick"])

    def merged(_pdfs, file, **_more):
        who = next(speed)
        if who == "slow":
            worked(job, at=NOON + timedelta(hours=1))
        file.write(who.encode())

    monkeypatch.setattr(downloads, "merge", merged)
    worked(job)

    job.refresh_from_db()
    assert (content(job), job.finished_at) == (b"quick", NOON + timedelta(hours=1))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="one lock for all is SQLite's")
def test_others_may_write_between_two_orders(vendor, owner, in_transaction, monkeypatch):
    make_orders(vendor, 2)
    pauses = []
    monkeypatch.setattr("orders.bulk.work.time", SimpleNamespace(sleep=pauses.append))

    worked(ask(vendor, owner, BulkAction.NOTES))

    assert pauses == [PAUSE, PAUSE]


def test_an_original_that_is_damaged_meanwhile_is_told_and_the_job_ends(vendor, owner):
    orders = make_orders(vendor, 2)
    documents = [issue_invoice(order, by=None, at=NOON) for order in orders]
    job = ask(vendor, owner, BulkAction.ORIGINALS)
    BulkItem.objects.filter(job=job).update(state="done")
    storages["documents"].delete(documents[0].pdf.name)

    worked(job)

    assert progress(job)["refused"] == 1
    assert "is missing" in job.items.get(order=orders[0]).why
    assert zipfile.ZipFile(io.BytesIO(content(job))).namelist() == [
        f"{documents[1].number}.pdf",
        "documents.csv",
    ]


def test_an_order_without_document_is_told_and_the_others_are_there(vendor, owner):
    make_orders(vendor, 1)
    make_order(vendor, number="2100", status=OrderStatus.PENDING)

    job = worked(ask(vendor, owner, BulkAction.NOTES))

    assert job.items.get(state=BulkItem.State.REFUSED).why == (
        "Order 2100 is “Pending payment”: there is no document for it."
    )
    assert len(PdfReader(io.BytesIO(content(job))).pages) == 1


def test_a_killed_worker_loses_one_order_at_most(vendor, owner, monkeypatch):
    make_orders(vendor, 3)
    job = ask(vendor, owner, BulkAction.NOTES)
    work_on(job, now=lambda: NOON, most=1)
    render, rendered = downloads.delivery_note_pdf, []
    monkeypatch.setattr(downloads, "delivery_note_pdf", lambda note: rendered.append(note) or render(note))

    job = worked(job)

    assert len(rendered) == 2
    assert len(PdfReader(io.BytesIO(content(job))).pages) == 3


def test_the_parts_are_gone_once_the_file_is_there(vendor, owner, django_capture_on_commit_callbacks):
    make_orders(vendor, 2)
    job = ask(vendor, owner, BulkAction.NOTES)
    with django_capture_on_commit_callbacks(execute=True):
        worked(job)

    folders, files = download_storage().listdir(f"{vendor.pk}/{job.pk}")
    assert files == ["bons.pdf"]
    assert all(not download_storage().listdir(f"{vendor.pk}/{job.pk}/{folder}")[1] for folder in folders)


# Originals


def test_the_zip_holds_the_originals_byte_for_byte(vendor, owner):
    order = make_orders(vendor, 2)[0]
    invoice = issue_invoice(order, by=owner, at=NOON)
    refund_order(order, amount=Decimal("5.00"), by=None, at=NOON)
    credit_note = order.documents.get(kind="A")

    job = worked(ask(vendor, owner, BulkAction.ORIGINALS))

    archive = zipfile.ZipFile(io.BytesIO(content(job)))
    files = {name: archive.read(name) for name in archive.namelist()}
    assert files.pop("documents.csv").count(b"\r\n") == 3
    assert files == {
        "RDB-A2026-000001.pdf": original_pdf(credit_note),
        "RDB-F2026-000001.pdf": original_pdf(invoice),
    }
    assert job.items.get(state=BulkItem.State.REFUSED).why == "Order 2001 has no invoice yet."


# Whose it is, and how long


def test_a_small_selection_is_there_at_once(client_of, vendor, owner):
    make_orders(vendor, 2)

    response = start(client_of(owner), vendor, "notes")

    job = BulkJob.objects.get()
    assert response.headers["Location"] == reverse("orders:bulk_notes", args=[vendor.slug, job.pk])
    file = client_of(owner).get(response.headers["Location"])
    assert b"".join(file.streaming_content).startswith(b"%PDF-")
    assert "no-store" in file.headers["Cache-Control"]


def test_the_file_is_named_after_the_shops_day(client_of, vendor, owner, monkeypatch):
    make_orders(vendor, 1)
    night_in_paris = datetime(2026, 11, 27, 23, 58, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: night_in_paris)

    file = client_of(owner).get(start(client_of(owner), vendor, "notes").headers["Location"])

    assert 'filename="rucher-des-baux-2026-11-28-bons.pdf"' in file.headers["Content-Disposition"]
    assert str(BulkJob.objects.get()).endswith("2026-11-28 00:58")


def test_a_large_selection_is_the_workers(client_of, vendor, owner):
    make_orders(vendor, 9)

    response = start(client_of(owner), vendor, "notes")

    job = BulkJob.objects.get()
    assert response.headers["Location"] == reverse("orders:bulk", args=[vendor.slug, job.pk])
    assert progress(job)["waiting"] == 9
    waiting = client_of(owner).get(reverse("orders:bulk_notes", args=[vendor.slug, job.pk]))
    assert waiting.status_code == 302


def test_the_days_notes_are_those_of_the_orders_to_prepare(client_of, vendor, owner):
    make_orders(vendor, 1)
    make_order(vendor, number="2100", status=OrderStatus.COMPLETED)

    start(client_of(owner), vendor, "notes", filters="status=processing&stage=to_prepare")

    assert list(BulkItem.objects.values_list("order__number", flat=True)) == ["2000"]


def test_the_file_is_for_the_person_who_asked(client_of, vendor, owner):
    make_orders(vendor, 1)
    job = worked(ask(vendor, owner, BulkAction.NOTES, timezone.now()), timezone.now())
    url = reverse("orders:bulk_notes", args=[vendor.slug, job.pk])

    assert client_of(owner).get(url).status_code == 200
    assert client_of(make_member(vendor)).get(url).status_code == 404


def test_who_took_which_documents_stands_in_the_audit(client_of, vendor, owner):
    for order in make_orders(vendor, 2):
        issue_invoice(order, by=None, at=NOON)
    client = client_of(owner)

    start(client, vendor, "originals", filters="status=processing&q=20")
    job = BulkJob.objects.get()
    client.get(reverse("orders:bulk_originals", args=[vendor.slug, job.pk]))

    entries = AuditEntry.objects.filter(subject=f"bulkjob:{job.pk}", user=owner, vendor=vendor).order_by("id")
    assert list(entries.values_list("kind", "data")) == [
        ("exported", {"format": "originals", "orders": 2, "ticked": False, "filters": ["q", "status"]}),
        ("downloaded", {"document": "originals", "orders": 2}),
    ]


def test_ticked_orders_are_told_as_such_and_a_validation_is_no_download(client_of, vendor, owner):
    [order] = make_orders(vendor, 1)
    client = client_of(owner)

    start(client, vendor, "notes", all="", order=order.number)
    start(client, vendor, "validate", all="", order=order.number)

    entry = AuditEntry.objects.get(kind="exported")
    assert entry.data == {"format": "notes", "orders": 1, "ticked": True, "filters": []}


def test_who_may_not_see_invoices_gets_none(client_of, vendor):
    preparer = make_member(vendor, Role.PREPARER)
    issue_invoice(make_orders(vendor, 1)[0], by=None, at=NOON)
    client = client_of(preparer)

    assert start(client, vendor, "originals").status_code == 403
    assert not BulkJob.objects.exists()
    assert 'value="originals"' not in client.get(reverse("orders:list", args=[vendor.slug])).content.decode()


def test_after_a_day_the_file_is_gone(client_of, vendor, owner):
    make_orders(vendor, 1)
    job = worked(ask(vendor, owner, BulkAction.NOTES))
    name = job.file.name

    with pytest.raises(DownloadGone):
        open_download(job, NOON + timedelta(days=1))
    client = client_of(owner)
    response = client.get(reverse("orders:bulk_notes", args=[vendor.slug, job.pk]), HTTP_ACCEPT="text/html")
    assert (response.status_code, b"<h1" in response.content) == (410, True)
    job_page = client.get(reverse("orders:bulk", args=[vendor.slug, job.pk])).content.decode()
    assert "was kept for a day and is gone" in job_page
    assert "Ask for it again" in job_page
    assert forget_expired(NOON + timedelta(days=1)) == 1
    assert not download_storage().exists(name)


def test_a_file_of_another_shop_whose_day_is_over_stops_nobody(client_of, vendor, owner):
    other = make_vendor("miel-et-cie")
    make_orders(other, 1)
    expired = worked(ask(other, make_user(), BulkAction.NOTES))
    make_orders(vendor, 1)

    response = start(client_of(owner), vendor, "notes")

    assert response.status_code == 302
    assert BulkJob.objects.get(vendor=vendor).file
    assert download_storage().exists(expired.file.name)


def test_the_timer_deletes_files_and_ends_what_nobody_works_on(
    vendor, owner, capsys, django_capture_on_commit_callbacks
):
    long_ago = timezone.now() - timedelta(days=8)
    make_orders(vendor, 2)
    fresh = ask(vendor, owner, BulkAction.NOTES, at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        worked(ask(vendor, owner, BulkAction.NOTES, at=long_ago), at=long_ago)
    abandoned = ask(vendor, owner, BulkAction.NOTES, at=long_ago)
    work_on(abandoned, now=lambda: long_ago, most=1)

    with django_capture_on_commit_callbacks(execute=True):
        call_command("prune_downloads")

    assert capsys.readouterr().out == "1 files deleted, 1 abandoned downloads ended.\n"
    assert stored_names(vendor) == []
    abandoned.refresh_from_db()
    fresh.refresh_from_db()
    assert (abandoned.finished_at is None, fresh.finished_at) == (False, None)
    assert progress(abandoned)["refused"] == 1
    assert "given up" in abandoned.items.get(state="refused").why


# How much memory

MERGE = """
import re, sys, tempfile
from orders.documents.merging import merge
part = open(sys.argv[1], "rb").read()
with tempfile.TemporaryFile() as file:
    merge((part for _ in range(300)), file)
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_three_hundred_notes_are_merged_in_150_megabytes(vendor, owner, tmp_path):
    make_orders(vendor, 1)
    part = tmp_path / "part.pdf"
    part.write_bytes(content(worked(ask(vendor, owner, BulkAction.NOTES))))

    used = subprocess.run(
        [sys.executable, "-c", MERGE, str(part)], capture_output=True, text=True, check=True
    )

    assert int(used.stdout) < 150


@pytest.mark.parametrize("count", [1, 3])
def test_a_zip_asks_little_more_of_the_database_for_more_orders(
    vendor, owner, count, django_assert_max_num_queries
):
    for order in make_orders(vendor, count):
        issue_invoice(order, by=None, at=NOON)
    job = ask(vendor, owner, BulkAction.ORIGINALS)

    with django_assert_max_num_queries(16 + 8 * count, connection=connection):
        work_on(job, now=lambda: NOON, most=100)
