"""Deliveries of storefronts: stored as they came, settled once, set aside where they cannot be taken."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import F

from orders.models import CannotTake, Delivery, DeliveryState, Order, Problem, Source
from vendors.models import Vendor

# What is worth keeping of a delivery's headers; never the signature.
HEADERS = ["X-WC-Webhook-ID", "X-WC-Webhook-Delivery-ID", "X-WC-Webhook-Source", "User-Agent"]
TOPIC = "X-WC-Webhook-Topic"
PROBLEM = ["problem_path", "problem_code", "problem_values", "problem"]
EMPTIED = {"body": b"", "problem_values": {}, "problem": ""}
# What storefronts tell of the customer's device: as fields of the order, and as its extra values.
OF_VISITORS = rb'"customer_(?:ip_address|user_agent)"\s*:\s*'
KEYS_OF_VISITORS = rb"_(?:customer_ip_address|customer_user_agent|wc_order_attribution_user_agent)"
VALUE_OF_VISITORS = rb'"key"\s*:\s*"' + KEYS_OF_VISITORS + rb'"\s*,\s*"value"\s*:\s*'
VISITORS = re.compile(rb"(" + OF_VISITORS + rb"|" + VALUE_OF_VISITORS + rb')"(?:[^"\\]|\\.)*"')


def store_delivery(source: Source, body: bytes, *, headers: Mapping[str, str], at: datetime) -> Delivery:
    """Keep a delivery whose signature was found good, without the customer's network address and browser.

    The digest is of the body as it came.
    """
    return Delivery.objects.create(
        source=source,
        topic=clean(headers.get(TOPIC, ""), 60),
        external_id=order_id_of(body),
        body=without_visitor(body),
        body_sha256=hashlib.sha256(body).hexdigest(),
        headers={name: clean(headers[name], 200) for name in HEADERS if name in headers},
        received_at=at,
    )


def without_visitor(body: bytes) -> bytes:
    """Return the body with the customer's network address and browser emptied, all else byte for byte."""
    return VISITORS.sub(rb'\1""', body)


def count_rejected(source: Source, *, at: datetime) -> None:
    """Count a delivery whose signature is wrong; nothing else of it is kept."""
    Source.objects.filter(pk=source.pk).update(rejected_count=F("rejected_count") + 1, last_rejected_at=at)


def order_id_of(body: bytes) -> str:
    """Return the id that the body names; empty where there is none."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return id_in(payload)


def id_in(payload: object) -> str:
    """Return the id of the order that is told; empty for what can be none, such as ``true``."""
    number = payload.get("id") if isinstance(payload, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        return ""
    return str(number) if 0 < number < 10**18 else ""


def clean(text: str, limit: int) -> str:
    """Return what a header says, without what a column of text does not take."""
    return "".join(letter for letter in text if letter.isprintable())[:limit]


def settle(
    delivery: Delivery,
    state: DeliveryState,
    *,
    at: datetime,
    note: str = "",
    order: Order | None = None,
    vendor: Vendor | None = None,
) -> None:
    """Note what has become of a delivery; of an order whose customer was forgotten no body is kept."""
    if order is not None and order.anonymised_at is not None:
        delivery.body, delivery.headers, delivery.pruned_at = b"", {}, at
    delivery.attempts += 1
    delivery.state, delivery.processed_at, delivery.note = state, at, note[:60]
    delivery.problem_path = delivery.problem_code = delivery.problem = ""
    delivery.problem_values = {}
    delivery.order, delivery.vendor = order, vendor or (order.vendor if order else None)
    delivery.save(
        update_fields=[
            "attempts",
            "state",
            "processed_at",
            "note",
            *PROBLEM,
            "order",
            "vendor",
            *(["body", "headers", "pruned_at"] if delivery.pruned_at else []),
        ]
    )


def set_aside(delivery: Delivery, cannot: CannotTake, *, vendor: Vendor | None, at: datetime) -> None:
    """Quarantine a delivery with what says why; others go on."""
    delivery.attempts += 1
    delivery.state, delivery.processed_at, delivery.note = DeliveryState.QUARANTINED, at, ""
    delivery.problem_path, delivery.problem_code, delivery.problem = (
        clean(cannot.path, 200),
        cannot.problem,
        "",
    )
    delivery.problem_values = {name: clean(value, 200) for name, value in cannot.values.items()}
    delivery.vendor = vendor
    delivery.save(update_fields=["attempts", "state", "processed_at", "note", *PROBLEM, "vendor"])


def end_quarantine(source: Source, external_id: str, *, at: datetime) -> int:
    """Let go of what was set aside about an order that was just asked for and taken: that told all of it."""
    aside = Delivery.objects.quarantined().filter(source=source, external_id=external_id, received_at__lte=at)
    return aside.update(state=DeliveryState.LEFT_ALONE, note="reconciled", processed_at=at)


def make_wait(deliveries: Iterable[Delivery]) -> list[int]:
    """Let deliveries wait to be processed again; return the numbers of those that still have a body."""
    numbers = [delivery.pk for delivery in deliveries if delivery.pruned_at is None]
    Delivery.objects.filter(pk__in=numbers).update(state=DeliveryState.WAITING)
    return numbers


def prune(*, before: datetime, waiting_before: datetime, at: datetime) -> int:
    """Remove the bodies of deliveries that were received before, and the values that problems quote.

    What is set aside by then is given up: nobody can process it any more. One that still waits
    may yet be taken, and is given up only if received before ``waiting_before``. Returns how
    many bodies were removed. What happened stays: topic, order number, digest, fate.
    """
    with_body = Delivery.objects.filter(pruned_at=None)
    gone = {**EMPTIED, "pruned_at": at}
    never = {"state": DeliveryState.GIVEN_UP, "problem_code": Problem.TOO_OLD, "processed_at": at}
    old = with_body.filter(received_at__lt=before)
    return (
        with_body.waiting().filter(received_at__lt=waiting_before).update(**gone, **never)
        + old.quarantined().update(**gone, state=DeliveryState.GIVEN_UP)
        + old.exclude(state__in=[DeliveryState.WAITING, DeliveryState.QUARANTINED]).update(**gone)
    )
