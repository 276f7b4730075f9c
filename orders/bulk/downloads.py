"""Documents of a selection in one file: notes merged for picking, originals as a ZIP.

Each order is prepared by itself (``orders.bulk.work``); a worker that dies loses one order's
work at most. The file belongs to the person who asked, in that shop, for a day.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Case, Q, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import override

from orders.documents.delivery_note import delivery_note_pdf
from orders.documents.merging import merge
from orders.domain.invoicing import NothingToDeliver, delivery_note
from orders.domain.originals import original_pdf
from orders.domain.parcels import units_outstanding
from orders.exports.documents import write_zip
from orders.models import BulkAction, BulkItem, BulkJob, Document, Order, Shipment
from orders.models.bulk import DOWNLOADS, download_storage
from orders.states import DELIVERABLE, OrderStatus, Stage
from vendors.models import Vendor

NOTES_TITLE = "bons de livraison"  # papers are French whoever asks
KEPT = timedelta(days=1)
ABANDONED = timedelta(days=7)  # after the queue has tried for the last time
IN_MEMORY = 1_000_000  # bytes of a file before it goes to the disk
NAMES = {BulkAction.NOTES: "bons.pdf", BulkAction.ORIGINALS: "factures.zip"}


class NoDocument(Exception):
    """The order has no such document; the message says why."""


class DownloadGone(Exception):
    """The file was kept for a day, and is gone."""

    def __init__(self) -> None:
        super().__init__(_("This file was kept for a day and is gone. Ask for it again from the list."))


def prepare(item: BulkItem, at: datetime) -> None:
    """Do what the file needs of one order. Raises NoDocument, and what rendering and reading raise."""
    if item.job.action == BulkAction.NOTES:
        _store(_part_name(item), _notes_pdf(item.order, at))
    else:
        _check_originals(item)


@contextmanager
def assembled(job: BulkJob, at: datetime) -> Iterator[IO[bytes] | None]:
    """Make the file of what was prepared; None where nothing was, or another worker was quicker.

    It takes seconds for hundreds of documents: nothing is locked meanwhile.
    """
    done = job.items.filter(state=BulkItem.State.DONE)
    is_open = BulkJob.objects.filter(pk=job.pk, finished_at=None).exists()
    if not is_open or not done.exists():
        yield None
        return
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        if job.action == BulkAction.NOTES:
            merge(_parts(done, at), file, title=f"{job.vendor}, {NOTES_TITLE}")
        else:
            _zip(job, file, at)
        file.seek(0)
        yield file


def keep(job: BulkJob, file: IO[bytes] | None, at: datetime) -> None:
    """Store the job's file for a day, and forget its parts. The caller holds the job's lock and saves it."""
    if file is not None:
        name = f"{job.vendor_id}/{job.pk}/{NAMES[BulkAction(job.action)]}"
        job.file.name = _store(name, File(file))
        job.expires_at = at + KEPT
    transaction.on_commit(partial(_forget_parts, job))


def open_download(job: BulkJob, at: datetime) -> IO[bytes]:
    """Return the file, open. Raises DownloadGone once its day is over."""
    if not job.file or job.expires_at is None or job.expires_at <= at:
        raise DownloadGone
    try:
        return download_storage().open(job.file.name or "")
    except FileNotFoundError as error:
        raise DownloadGone from error


def forget_expired(at: datetime, vendor: Vendor | None = None) -> int:
    """Delete the files whose day is over, of one shop or of all; return how many."""
    expired = BulkJob.objects.filter(expires_at__lte=at).exclude(file="")
    gone = list(expired.filter(vendor=vendor) if vendor else expired)
    for job in gone:
        download_storage().delete(job.file.name or "")
        BulkJob.objects.filter(pk=job.pk).update(file="")
    return len(gone)


@transaction.atomic
def give_up_abandoned(at: datetime) -> int:
    """End the downloads that nobody works on any more, and delete what was made for them; return how many.

    What was not made is refused with a sentence. Locks each job that it ends.
    """
    unfinished = BulkJob.objects.filter(action__in=DOWNLOADS, finished_at=None, asked_at__lte=at - ABANDONED)
    jobs = list(unfinished.select_for_update(skip_locked=True))
    for job in jobs:
        with override(job.asked_by.language or settings.LANGUAGE_CODE):
            waiting = job.items.filter(state=BulkItem.State.WAITING)
            waiting.update(
                state=BulkItem.State.REFUSED, why=_("Not made within a week, and given up: ask for it again.")
            )
        job.finished_at = at
        job.save(update_fields=["finished_at"])
        transaction.on_commit(partial(_forget_parts, job))
    return len(jobs)


def _notes_pdf(order: Order, at: datetime) -> ContentFile[bytes]:
    """Return the order's notes in one PDF: of the whole while something is to pack, else of each parcel."""
    if order.status not in DELIVERABLE:
        raise NoDocument(
            _("Order %(number)s is “%(status)s”: there is no document for it.")
            % {"number": order.number, "status": order.get_status_display()}
        )
    is_open = order.status == OrderStatus.PROCESSING and bool(units_outstanding(order))
    parcels: list[Shipment | None] = [] if is_open else [*order.shipments.order_by("number")]
    parcels = parcels or [None]
    try:
        pdfs = [delivery_note_pdf(delivery_note(order, parcel, at=at)) for parcel in parcels]
    except NothingToDeliver as reason:
        raise NoDocument(str(reason)) from reason
    if len(pdfs) == 1:
        return ContentFile(pdfs[0])
    merged = BytesIO()
    merge(pdfs, merged)
    return ContentFile(merged.getvalue())


def _check_originals(item: BulkItem) -> None:
    chosen = item.job.documents
    documents = [one for one in item.order.documents.all() if chosen is None or one.pk in chosen]
    if not documents:
        raise NoDocument(_("Order %(number)s has no invoice yet.") % {"number": item.order.number})
    for document in documents:
        original_pdf(document)


def _parts(done: QuerySet[BulkItem], at: datetime) -> Iterator[bytes]:
    """Return the notes in picking order: what is due first stands first, then what left already.

    The rest of an order that left in part has been due since it was placed. A part that is gone
    is made anew.
    """
    is_open = Q(order__status=OrderStatus.PROCESSING, order__stage=Stage.TO_PREPARE)
    due = Case(When(is_open, then=Coalesce("order__prepare_by", "order__placed_at")))
    by_urgency = done.order_by(due.asc(nulls_last=True), "order__placed_at", "order_id")
    for item in by_urgency.select_related("job", "order__vendor").iterator(chunk_size=100):
        try:
            with download_storage().open(_part_name(item)) as part:
                yield part.read()
        except FileNotFoundError:
            yield _notes_pdf(item.order, at).read()


def _zip(job: BulkJob, file: IO[bytes], at: datetime) -> None:
    """Write the originals and their list; the order of one that is damaged by now is told so."""

    def tell(document: Document, damage: str) -> None:
        found = job.items.filter(order_id=document.order_id, state=BulkItem.State.DONE)
        found.update(state=BulkItem.State.REFUSED, why=damage[:500])

    documents = Document.objects.filter(vendor=job.vendor, order__in=job.items.values("order"))
    if job.documents is not None:
        documents = documents.filter(pk__in=job.documents)
    write_zip(documents, job.vendor, file, at=at, on_damage=tell)


def _part_name(item: BulkItem) -> str:
    return f"{item.job.vendor_id}/{item.job_id}/parts/{item.pk}.pdf"


def _store(name: str, content: File[bytes]) -> str:
    """Store under exactly this name: what an interrupted attempt left there goes."""
    storage = download_storage()
    storage.delete(name)
    return storage.save(name, content)


def _forget_parts(job: BulkJob) -> None:
    if job.action == BulkAction.NOTES:
        for item in job.items.select_related("job").iterator(chunk_size=1000):
            download_storage().delete(_part_name(item))
