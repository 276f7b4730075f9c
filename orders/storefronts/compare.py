"""One order of a storefront against the one here: taken by the intake's own door, and what differed."""

import hashlib
import json
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orders.connectors.woocommerce import PayloadError, is_deletion, vendor_id_of, why_skipped
from orders.connectors.woocommerce_notes import people_s_notes
from orders.connectors.woocommerce_refunds import refund_lines
from orders.connectors.woocommerce_rest import Standing, Storefront
from orders.domain import deliveries
from orders.domain.intake import Outcome, shop_of, take_order, take_trash
from orders.domain.order_data import OrderData
from orders.domain.refund_lines import set_lines_of_refunds
from orders.domain.storefront_notes import take_notes
from orders.models import (
    CannotTake,
    Delivery,
    DeliveryState,
    Order,
    Problem,
    Refund,
    ReportedOrder,
    Source,
    SourceVendor,
    UnknownVendors,
)
from orders.states import OrderStatus
from orders.storefronts.reading import read_order

FRESH = timedelta(days=3)  # older new orders are history and announced to nobody
OPEN = frozenset({OrderStatus.PROCESSING, OrderStatus.ON_HOLD})
CONTACT = ["customer_name", "customer_email", "customer_phone", "customer_note"] + [
    f"{kind}_{name}"
    for kind in ("billing", "shipping")
    for name in ("name", "company", "address_1", "address_2", "postcode", "city", "country")
]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compared:
    """What became of one order: a count's name, the fields that differed, the order."""

    outcome: str
    external_id: str = ""
    number: str = ""
    fields: list[dict[str, str]] = field(default_factory=list)


def compare(payload: Any, *, source: Source, at: datetime) -> Compared:
    """Bring an order to what the storefront says now; never raises for what a payload holds.

    What cannot be taken is set aside, as a delivery would be, to be replayed once it can.
    """
    external_id = deliveries.id_in(payload)
    reason = "trash" if is_deletion(payload) else why_skipped(payload)
    if reason == "trash" and external_id:
        return gone(external_id, source=source, at=at)
    if reason:
        return Compared("skipped", external_id)
    before = _facts(source, external_id)
    try:
        data = read_order(payload, source)
        vendor = shop_of(data, source=source, create=source.unknown_vendors == UnknownVendors.CREATE)
        taken = take_order(
            data, source=source, vendor=vendor, at=at, announce=_is_news(data, before, at), is_final=True
        )
    except CannotTake as cannot:
        return _set_aside(payload, external_id, cannot, source=source, at=at)
    except ValueError as error:
        log.exception("Order %s of %s could not be compared.", external_id, source)
        failure = CannotTake("payload", Problem.PROGRAM, got=type(error).__name__)
        return _set_aside(payload, external_id, failure, source=source, at=at)
    deliveries.end_quarantine(source, external_id, at=at)
    if taken.outcome == Outcome.CREATED:
        return Compared("created", external_id, taken.order.number)
    fields = _differing(before, _facts(source, external_id))
    return Compared("changed" if fields else "unchanged", external_id, taken.order.number, fields)


def gone(external_id: str, *, source: Source, at: datetime) -> Compared:
    """The storefront has an order in its bin, or not at all: it is hidden here."""
    before = _facts(source, external_id)
    order = take_trash(source, external_id, is_trashed=True, number=0, at=at, is_final=True)
    fields = _differing(before, _facts(source, external_id))
    number = order.number if order else ""
    return Compared("changed" if fields else "unchanged", external_id, number, fields)


def gone_for_good(external_id: str, *, source: Source, at: datetime) -> Compared:
    """The storefront does not have an order any more: it is hidden, and its refunds stay spread.

    Their lines can never be asked for; credit notes that waited for them are issued.
    """
    compared = gone(external_id, source=source, at=at)
    order = Order.objects.filter(source=source, external_id=external_id).select_related("source").first()
    if order is not None:
        waiting = order.refunds.filter(awaits_lines=True).values_list("pk", flat=True)
        set_lines_of_refunds(order, {pk: {} for pk in waiting}, by=source, at=at)
    return compared


def _is_news(data: OrderData, before: dict[str, str], at: datetime) -> bool:
    """Whether mails may follow: for changes of an order that is here, and for a new order that is open."""
    return bool(before) or (data.status in OPEN and at - data.placed_at < FRESH)


def is_news_of(order: Order, standing: Standing) -> bool:
    """Whether the storefront has another state or other refunds of an order than it last told.

    A state that nobody here knows is none of them: the delivery that told of it was set aside.
    ``order`` comes with ``reported`` and ``refunds``.
    """
    reported: ReportedOrder | None = getattr(order, "reported", None)
    told = reported.applied if reported else {}
    if standing.status in OrderStatus and standing.status != told.get("status", order.status):
        return True
    here = [refund.external_id for refund in order.refunds.all()]
    return standing.refunds != set(told.get("refunds", here))


def complete_refunds(order: Order, shop: Storefront, *, at: datetime) -> bool:
    """Fetch the lines of refunds that wait for them; return whether any were planned by line.

    Raises StorefrontError.
    """
    waiting = {refund.external_id: refund for refund in order.refunds.filter(awaits_lines=True)}
    if not waiting or order.source is None:
        return False
    lines = {line.external_id: line.pk for line in order.lines.all()}
    told = {}
    for payload in shop.refunds(order.external_id):
        try:
            external_id, parts = refund_lines(payload, order.currency)
        except PayloadError as error:
            log.warning("A refund of order %s cannot be read: %s", order.external_id, error)
            continue
        if external_id in waiting:
            known = {lines[line]: part for line, part in parts.items() if line in lines}
            told[waiting[external_id].pk] = known
    done: list[Refund] = set_lines_of_refunds(order, told, by=order.source, at=at) if told else []
    return bool(done)


def fetch_notes(order: Order, shop: Storefront) -> int:
    """Add the notes that people wrote at the storefront; return how many. Raises StorefrontError."""
    assert order.source is not None  # noqa: S101  # it was found by its storefront
    try:
        notes = people_s_notes(shop.notes(order.external_id), time_zone=order.source.time_zone)
    except PayloadError as error:
        log.warning("A note of order %s cannot be read: %s", order.external_id, error)
        return 0
    return take_notes(order, notes, source=order.source)


def _facts(source: Source, external_id: str) -> dict[str, str]:
    """What two states of an order are compared by; empty for one that is not here."""
    order = Order.objects.filter(source=source, external_id=external_id).prefetch_related("refunds").first()
    if order is None:
        return {}
    contact = [getattr(order, name) for name in CONTACT]
    confirmed = sorted(refund.external_id for refund in order.refunds.all() if refund.progress == "confirmed")
    return {
        "status": str(order.status),
        "total": str(order.total),
        "refunded": str(order.refunded_total),
        "refunds": " ".join(confirmed),
        "hidden": str(order.hidden_at is not None),
        "paid_at": str(order.paid_at),
        "completed_at": str(order.completed_at),
        "customer": hashlib.sha256(repr(contact).encode("utf-8", "replace")).hexdigest()[:12],
    }


def _differing(before: dict[str, str], after: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"field": name} if name == "customer" else {"field": name, "before": before[name], "after": value}
        for name, value in after.items()
        if name in before and before[name] != value
    ]


def _set_aside(
    payload: Any, external_id: str, cannot: CannotTake, *, source: Source, at: datetime
) -> Compared:
    """Quarantine what cannot be taken, once."""
    body = json.dumps(payload).encode()
    same = Delivery.objects.filter(
        source=source,
        external_id=deliveries.order_id_of(body),
        body_sha256=hashlib.sha256(body).hexdigest(),
        state=DeliveryState.QUARANTINED,
    )
    if not same.exists():
        delivery = deliveries.store_delivery(source, body, headers={deliveries.TOPIC: "order.updated"}, at=at)
        mapped = SourceVendor.objects.select_related("vendor").filter(source=source)
        shop = mapped.filter(external_id=vendor_id_of(payload) or None).first()
        deliveries.set_aside(delivery, cannot, vendor=shop.vendor if shop else None, at=at)
    told = {"field": cannot.path, "problem": cannot.problem.told({})}  # kept for long: no value of the body
    return Compared("set_aside", external_id, fields=[told])
