"""What the worker decides: it runs the same domain functions as a page."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django_tasks import task

from marketplace.queue import unfinished
from orders.bulk.work import work_on
from orders.connectors.woocommerce import (
    PayloadError,
    is_deletion,
    is_gone,
    vendor_id_of,
    why_skipped,
)
from orders.domain import deliveries
from orders.domain.intake import Outcome, shop_of, take_order, take_trash
from orders.models import (
    BulkJob,
    CannotTake,
    Delivery,
    DeliveryState,
    Order,
    Problem,
    Source,
    SourceVendor,
    UnknownVendors,
)
from orders.storefronts.answers import send_waiting
from orders.storefronts.reading import read_order
from vendors.models import Vendor

AT_ONCE = 100  # orders a task; short tasks, so that a dead worker's are found soon
log = logging.getLogger(__name__)


@task()
def run_bulk(job_id: int) -> None:
    """Work on a bulk action; while orders are waiting, the next task takes over."""
    job = BulkJob.objects.select_related("asked_by").get(pk=job_id)
    if work_on(job, now=timezone.now, most=AT_ONCE):
        run_bulk.enqueue(job_id)


@task()
def answer_storefront(order_id: int) -> None:
    """Tell an order's storefront what was done here; what is not done yet has a task of its own time."""
    if (later := send_waiting(order_id)) is not None:
        answer_storefront.using(run_after=later).enqueue(order_id)


@transaction.atomic
def receive_delivery(source: Source, body: bytes, *, headers: Mapping[str, str], at: datetime) -> Delivery:
    """Store a delivery and queue its processing: both, or neither."""
    delivery = deliveries.store_delivery(source, body, headers=headers, at=at)
    process_delivery.enqueue(delivery.pk)
    return delivery


@transaction.atomic
def process_again(chosen: Iterable[Delivery]) -> int:
    """Process deliveries once more; return how many: those without a body cannot be."""
    numbers = deliveries.make_wait(chosen)
    for number in numbers:
        process_delivery.enqueue(number)
    return len(numbers)


@transaction.atomic
def process_lost(*, before: datetime) -> int:
    """Queue again the deliveries that wait since ``before`` without a task that will process them.

    A task is given up after days without a database, and is forgotten later; its delivery is not.
    """
    waiting = Delivery.objects.waiting().filter(received_at__lt=before, pruned_at=None)
    queued = {args[0] for args in unfinished(process_delivery.module_path)}
    lost = [number for number in waiting.values_list("pk", flat=True) if number not in queued]
    for number in lost:
        process_delivery.enqueue(number)
    return len(lost)


@task()
def process_delivery(delivery_id: int) -> None:
    """Take what a delivery tells, or set it aside with the reason; never does a delivery twice.

    A delivery that cannot be taken never comes back by itself. Where the database fails, the
    error is raised, so that the queue tries again.
    """
    at = timezone.now()
    try:
        _take_in(delivery_id, at)
    except CannotTake as cannot:
        _set_aside(delivery_id, cannot, at)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("Delivery %s could not be processed.", delivery_id)
        failure = CannotTake("payload", Problem.PROGRAM, got=type(error).__name__)
        _set_aside(delivery_id, failure, at)


def _lock_waiting(delivery_id: int) -> Delivery | None:
    """Lock a delivery that waits; None for one that was processed meanwhile."""
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("source")
    delivery = rows.get(pk=delivery_id)
    return delivery if delivery.state == DeliveryState.WAITING else None


@transaction.atomic
def _take_in(delivery_id: int, at: datetime) -> None:
    if (delivery := _lock_waiting(delivery_id)) is not None:
        _process(delivery, at)


@transaction.atomic
def _set_aside(delivery_id: int, cannot: CannotTake, at: datetime) -> None:
    if (delivery := _lock_waiting(delivery_id)) is not None:
        deliveries.set_aside(delivery, cannot, vendor=_shop_concerned(delivery), at=at)


def _process(delivery: Delivery, at: datetime) -> None:
    if delivery.topic and not delivery.topic.startswith("order."):
        return deliveries.settle(delivery, DeliveryState.LEFT_ALONE, at=at, note="topic")
    payload = _payload(delivery)
    if is_gone(payload):
        return deliveries.settle(delivery, DeliveryState.LEFT_ALONE, at=at, note="gone")
    reason = why_skipped(payload)
    if is_deletion(payload) or reason == "trash":
        order = _tell_trash(delivery, at, is_trashed=True)
        return deliveries.settle(delivery, DeliveryState.APPLIED, at=at, order=order)
    if reason:
        return deliveries.settle(delivery, DeliveryState.LEFT_ALONE, at=at, note=reason)
    return _take(delivery, payload, at)


def _payload(delivery: Delivery) -> object:
    try:
        return json.loads(bytes(delivery.body))
    except (ValueError, RecursionError):
        raise PayloadError("payload", Problem.JSON) from None


def _take(delivery: Delivery, payload: object, at: datetime) -> None:
    source = delivery.source
    data = read_order(payload, source)
    vendor = shop_of(data, source=source, create=source.unknown_vendors == UnknownVendors.CREATE)
    taken = take_order(data, source=source, vendor=vendor, at=at)
    if delivery.topic == "order.restored":
        _tell_trash(delivery, at, is_trashed=False)
    state = DeliveryState.UNCHANGED if taken.outcome == Outcome.UNCHANGED else DeliveryState.APPLIED
    deliveries.settle(delivery, state, at=at, note=taken.note, order=taken.order)


def _tell_trash(delivery: Delivery, at: datetime, *, is_trashed: bool) -> Order | None:
    """Tell that the storefront deleted or restored an order, maybe one that never came."""
    if not delivery.external_id:
        raise PayloadError("id", Problem.MISSING)
    return take_trash(delivery.source, delivery.external_id, is_trashed=is_trashed, number=delivery.pk, at=at)


def _shop_concerned(delivery: Delivery) -> Vendor | None:
    """The shop of a delivery that could not be taken, as far as it can be told."""
    order = Order.objects.filter(source=delivery.source, external_id=delivery.external_id or None)
    known = order.select_related("vendor").first()
    if known is not None:
        return known.vendor
    try:
        named = vendor_id_of(_payload(delivery))
    except PayloadError:
        return None
    mapped = SourceVendor.objects.filter(source=delivery.source, external_id=named)
    found = mapped.select_related("vendor").first() if named else None
    return found.vendor if found else None
