"""One action for many orders: each by itself, with its own result."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import IO

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from orders.bulk.downloads import NoDocument, assembled, forget_expired, keep, prepare
from orders.documents.renderer import CannotRender
from orders.domain.fulfillment import ShippingRefused, ship
from orders.domain.invoicing import IdentityIncomplete, InvoiceRefused, issue_invoice
from orders.domain.originals import OriginalDamaged, OriginalUnreadable
from orders.domain.parcels import units_left
from orders.domain.rehearsal import done_by
from orders.domain.stock import OutOfStock
from orders.domain.transitions import NotPermitted, StepRefused, lock, may, reopen_at_once, validate
from orders.models import BulkAction, BulkItem, BulkJob, Document, Order
from orders.models.bulk import DOWNLOADS
from orders.states import OrderStatus
from vendors.models import User, Vendor
from vendors.roles import Permission

BATCH = 1000
UNLOCKED = DOWNLOADS | {BulkAction.INVOICE}
PAUSE = 0.15  # seconds
DOCUMENT_REFUSALS = (InvoiceRefused, CannotRender, NoDocument, OriginalDamaged, OriginalUnreadable)
REFUSALS = (StepRefused, OutOfStock, *DOCUMENT_REFUSALS)
logger = logging.getLogger(__name__)


@transaction.atomic
def ask_for_bulk(
    vendor: Vendor, orders: QuerySet[Order], action: BulkAction, *, by: User, at: datetime
) -> BulkJob:
    """Write down an action for every order of the selection; nothing is done yet.

    The shop's files of earlier downloads whose day is over are deleted on this occasion.
    """
    forget_expired(at, vendor)
    job = BulkJob.objects.create(vendor=vendor, asked_by=by, action=action, asked_at=at)
    keys = orders.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=BATCH)
    BulkItem.objects.bulk_create((BulkItem(job=job, order_id=pk) for pk in keys), batch_size=BATCH)
    return job


@transaction.atomic
def ask_to_undo(job: BulkJob, *, by: User, at: datetime) -> BulkJob:
    """Write down that a job's validations are to be undone, of orders to which nothing else has happened."""
    undo = BulkJob.objects.create(vendor=job.vendor, asked_by=by, action=BulkAction.UNDO, asked_at=at)
    left = job.items.undoable().order_by("id").values_list("order_id", "version").iterator(chunk_size=BATCH)
    BulkItem.objects.bulk_create(
        (BulkItem(job=undo, order_id=pk, version=version) for pk, version in left), batch_size=BATCH
    )
    return undo


@transaction.atomic
def ask_for_originals(vendor: Vendor, documents: QuerySet[Document], *, by: User, at: datetime) -> BulkJob:
    """Write down that these documents of the shop are wanted as a ZIP, whatever else their orders have."""
    chosen = list(documents.values_list("pk", flat=True))
    orders = Order.objects.for_vendor(vendor).filter(pk__in=documents.order_by().values("order"))
    job = ask_for_bulk(vendor, orders, BulkAction.ORIGINALS, by=by, at=at)
    job.documents = chosen
    job.save(update_fields=["documents"])
    return job


def work_on(job: BulkJob, *, now: Callable[[], datetime], most: int) -> bool:
    """Carry out at most ``most`` of the job's waiting orders; return whether any are left.

    Each order is a transaction of its own, so that a worker that dies leaves each either done
    or waiting; two workers on one job share its orders. ``now`` tells the time: each order is
    done at its own moment, since a hundred documents take minutes.
    """
    waiting = job.items.filter(state=BulkItem.State.WAITING).order_by("id").values_list("pk", flat=True)
    with translation.override(job.asked_by.language or settings.LANGUAGE_CODE):
        for pk in list(waiting[:most]):
            _work_on_item(job, pk, now())
        return _finish(job, now())


def _work_on_item(job: BulkJob, pk: int, at: datetime) -> None:
    """Do one order's part; documents are made without a lock, since doing it twice has one effect."""
    if job.action in UNLOCKED:
        item = _waiting(job, pk, BulkItem.objects.all())
        if item is not None:
            _try(item, at)
            _give_way()
        return
    done_by(job.vendor, lambda: _work_under_lock(job, pk, at))
    _give_way()


@transaction.atomic
def _work_under_lock(job: BulkJob, pk: int, at: datetime) -> None:
    item = _waiting(job, pk, BulkItem.objects.select_for_update(skip_locked=True, of=("self",)))
    if item is not None:
        _try(item, at)


def _waiting(job: BulkJob, pk: int, items: QuerySet[BulkItem]) -> BulkItem | None:
    item = items.select_related("order__vendor").filter(pk=pk, state=BulkItem.State.WAITING).first()
    if item is not None:
        item.job = job
    return item


def _give_way() -> None:
    """Let others write: SQLite has one lock for all, and who waits for it looks every 100 ms."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(PAUSE)


def _try(item: BulkItem, at: datetime) -> None:
    """Do an order's part and keep what came of it; raises DatabaseError, so that the worker tries again."""
    try:
        changed = _work(item, item.job.asked_by, at)
    except IdentityIncomplete:  # the same for each order: the page says once what is missing
        item.state, item.why = BulkItem.State.REFUSED, _("The legal identity is incomplete.")
    except REFUSALS as refusal:
        item.state, item.why = BulkItem.State.REFUSED, str(refusal)[:500]
    except DatabaseError:
        raise  # of the moment: the worker tries again
    except Exception:
        logger.exception("Bulk action %s failed for order %s.", item.job_id, item.order_id)
        item.state = BulkItem.State.REFUSED
        item.why = _("Something went wrong on our side: nothing was changed.")
    else:
        item.state = BulkItem.State.DONE if changed else BulkItem.State.UNCHANGED
    waiting = BulkItem.objects.filter(pk=item.pk, state=BulkItem.State.WAITING)
    waiting.update(state=item.state, why=item.why, version=item.version)


def _work(item: BulkItem, by: User, at: datetime) -> bool:
    if item.job.action in DOWNLOADS:
        prepare(item, at)
        return True
    if item.job.action == BulkAction.INVOICE:
        return _invoice(item.order, by, at)
    with transaction.atomic():
        return _act(item, by, at)


def _act(item: BulkItem, by: User, at: datetime) -> bool:
    """Do it; return whether anything changed. Raises as the single action does."""
    order = item.order
    if item.job.action == BulkAction.UNDO:
        return reopen_at_once(order, by=by, at=at, version=item.version or 0) is not None
    if item.job.action == BulkAction.VALIDATE:
        change = validate(order, by=by, at=at)
        item.version = change.version if change else None
        return change is not None
    return _ship(order, by, at)


def _ship(order: Order, by: User, at: datetime) -> bool:
    lock(order)
    if order.status == OrderStatus.PROCESSING:
        if order.shipments.exists() and not units_left(order):
            return False
        if order.is_collected:
            raise ShippingRefused(
                _("The customer of order %(number)s comes to the shop for it: nothing was changed.")
                % {"number": order.number}
            )
    ship(order, by=by, at=at)
    return True


def _invoice(order: Order, by: User, at: datetime) -> bool:
    """Issue the invoice and the credit notes that are due; return whether any was issued."""
    if not may(by, order, Permission.ISSUE_INVOICES):
        raise NotPermitted(order)
    before = order.documents.count()
    issue_invoice(order, by=by, at=at)
    return order.documents.count() > before


def _finish(job: BulkJob, at: datetime) -> bool:
    """Finish the job if nothing is waiting any more, once; return whether anything is."""
    if job.items.filter(state=BulkItem.State.WAITING).exists():
        return True
    if job.action in DOWNLOADS:
        with assembled(job, at) as file:
            _end(job, at, file)
    else:
        _end(job, at, None)
    return False


@transaction.atomic
def _end(job: BulkJob, at: datetime, file: IO[bytes] | None) -> None:
    locked = BulkJob.objects.select_for_update().get(pk=job.pk)
    if locked.finished_at is not None:
        return
    if locked.action in DOWNLOADS:
        keep(locked, file, at)
    locked.finished_at = at
    locked.save(update_fields=["finished_at", "file", "expires_at"])


def progress(job: BulkJob) -> dict[str, int]:
    """Return how many orders stand in each state."""
    counts = dict.fromkeys(BulkItem.State.values, 0)
    counts.update(job.items.values_list("state").annotate(n=Count("id")))
    return counts
