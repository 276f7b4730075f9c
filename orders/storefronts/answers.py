"""Sending answers: the oldest of an order first, once, and again while the trouble passes.

A worker claims an answer, sends it outside any transaction, and writes down what came of it.
It may die in between, and an answer may get lost after it was done: what was tried before is
looked up at the storefront before it is sent again.
"""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from marketplace.encryption import SecretUnreadable
from marketplace.queue import MOST_ATTEMPTS, PAUSES
from orders.connectors import woocommerce_answers as say
from orders.connectors.woocommerce_rest import Storefront, StorefrontError
from orders.domain.refunds import confirm_refund, fail_refund
from orders.domain.reports import lock_report
from orders.models import Answer, Order, RefundProgress, Source, Trouble
from orders.storefronts.compare import compare

CLAIM = timedelta(minutes=10)  # longer than all requests of one answer may take
AT_ONCE = 20  # answers of one order a task
LEFT_ALONE = timedelta(seconds=20)  # a storefront that has just failed, by all other orders
WHILE_PAUSED = timedelta(minutes=5)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turn:
    """What is to be done now for an order: send ``answer``, or come back ``later``; else nothing."""

    answer: Answer | None = None
    later: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """What a storefront answered: its id for what it made, and the order as it is there now, if told."""

    external_id: str = ""
    order: dict[str, Any] | None = None


def storefront_of(source: Source, *, attempts: int) -> Storefront:
    """Return the REST API of a source; raises StorefrontError for an address or keys that do not serve."""
    try:
        key, secret = source.consumer_key, source.consumer_secret
    except SecretUnreadable as error:
        raise StorefrontError(Trouble.KEYS, source.name, str(error).rstrip(".")) from None
    return Storefront(source.rest_url, key, secret, name=source.name, attempts=attempts)


def send_waiting(order_id: int) -> datetime | None:
    """Send what waits for an order's storefront, in order; return when to come back, if at all."""
    for _n in range(AT_ONCE):
        turn = _take_turn(order_id, timezone.now())
        if turn.answer is None:
            return turn.later
        try:
            _note_success(turn.answer, _send(turn.answer), timezone.now())
        except StorefrontError as error:
            _note_trouble(turn.answer, error, timezone.now())
        except (OperationalError, InterfaceError):
            raise  # the database's trouble: the queue tries again, and the claim runs out
        except Exception as error:
            log.exception("Answer %s could not be sent.", turn.answer.pk)
            odd = StorefrontError(Trouble.UNREADABLE, str(turn.answer.order.source), type(error).__name__)
            _note_trouble(turn.answer, odd, timezone.now())
    return timezone.now()


@transaction.atomic
def _take_turn(order_id: int, now: datetime) -> Turn:
    """Claim the order's oldest waiting answer, unless it is not its time."""
    order = Order.objects.select_related("source").get(pk=order_id)
    waiting = Answer.objects.select_for_update(of=("self",)).filter(order=order, state=Answer.State.WAITING)
    answer = waiting.order_by("id").first()
    if answer is None or order.source is None:
        return Turn()
    not_before = max(answer.next_try_at, answer.claimed_until or now)
    if not_before > now:
        return Turn(later=not_before)
    if order.source.is_paused or not order.source.has_rest:
        return Turn(later=now + WHILE_PAUSED)
    if _is_down(order, now):
        return Turn(later=now + LEFT_ALONE * random.uniform(1, 2))  # noqa: S311
    answer.attempts += 1
    answer.claimed_until = now + CLAIM
    answer.save(update_fields=["attempts", "claimed_until"])
    answer.order = order
    return Turn(answer=answer)


def _is_down(order: Order, now: datetime) -> bool:
    """Whether another order has just seen that the storefront does not answer: one asks for all."""
    seen = Answer.objects.filter(
        order__source=order.source, state=Answer.State.WAITING, tried_at__gt=now - LEFT_ALONE
    )
    return seen.exclude(trouble="").exclude(order=order).exists()


def _send(answer: Answer) -> Heard:
    """Tell the storefront; return what it answered."""
    order = answer.order
    assert order.source is not None  # noqa: S101  # only orders of a source have answers
    with storefront_of(order.source, attempts=1) as shop:
        match answer.kind:
            case Answer.Kind.STATUS:
                return Heard(order=shop.change_order(order.external_id, {"status": answer.status}))
            case Answer.Kind.PARCEL:
                return Heard(_send_parcel(shop, answer))
            case Answer.Kind.PICKUP:
                return Heard(_send_note(shop, answer, say.pickup_note(order)))
            case Answer.Kind.NOTE:
                return Heard(_send_note(shop, answer, answer.note.text if answer.note else ""))
            case _:
                made = _send_refund(shop, answer, asks_gateway=order.source.asks_gateway)
                return Heard(made, _order_now(shop, order))


def _send_parcel(shop: Storefront, answer: Answer) -> str:
    order, shipment = answer.order, answer.shipment
    assert shipment is not None  # noqa: S101  # a constraint of the table
    present = say.meta_value(shop.order(order.external_id), say.TRACKING)
    wanted = say.tracking_items(present, order.shipments.filter(number__lte=shipment.number))
    if wanted != (present or []):
        shop.change_order(order.external_id, {"meta_data": [{"key": say.TRACKING, "value": wanted}]})
    return _send_note(shop, answer, say.parcel_note(shipment))


def _send_note(shop: Storefront, answer: Answer, text: str) -> str:
    """Add a note for the customer; nothing where its text was erased meanwhile."""
    order = answer.order
    if not text:
        return ""
    if answer.may_be_there:
        notes = shop.notes(order.external_id)
        found = say.find_note(notes, text, since=answer.asked_at, known=_known_ids(answer))
        if found:
            return found
    return _id_of(shop, shop.add_note(order.external_id, {"note": text, "customer_note": True}))


def _send_refund(shop: Storefront, answer: Answer, *, asks_gateway: bool) -> str:
    """Ask for a refund, unless the storefront has it already or has told us so meanwhile."""
    order, refund = answer.order, answer.refund
    assert refund is not None  # noqa: S101  # a constraint of the table
    if refund.progress != RefundProgress.REQUESTED:
        return refund.external_id
    there, earlier = shop.order(order.external_id), shop.refunds(order.external_id)
    since = answer.asked_at if answer.may_be_there else None
    found = say.find_refund(earlier, refund, since=since, known=_known_refunds(order))
    if found:
        return found
    refund.order = order
    body = say.refund_body(refund, there, earlier, asks_gateway=asks_gateway)
    return _id_of(shop, shop.refund(order.external_id, body))


def _order_now(shop: Storefront, order: Order) -> dict[str, Any] | None:
    """The order after its refund; None where the storefront does not say: the refund is made all the same."""
    try:
        now: dict[str, Any] = shop.order(order.external_id)
    except StorefrontError:
        return None
    return now


def _known_ids(answer: Answer) -> set[str]:
    """The notes that earlier answers of this order made."""
    others = Answer.objects.filter(order=answer.order).exclude(pk=answer.pk).exclude(external_id="")
    return set(others.values_list("external_id", flat=True))


def _known_refunds(order: Order) -> set[str]:
    return set(order.refunds.exclude(external_id="").values_list("external_id", flat=True))


def _id_of(shop: Storefront, made: dict[str, object]) -> str:
    if not isinstance(made.get("id"), int):
        raise StorefrontError(Trouble.UNREADABLE, shop.name, "id")
    return str(made["id"])


@transaction.atomic
def _note_success(answer: Answer, heard: Heard, now: datetime) -> None:
    """The storefront has it; a refund that was asked for is confirmed by it.

    The order that it answers with is the echo, and acknowledges the step: from here on the
    storefront's own steps count again, also where the echo is lost.
    """
    source = answer.order.source
    assert source is not None  # noqa: S101  # only orders of a source have answers
    lock_report(source, answer.order.external_id)  # before the order, as whatever is reported does
    if answer.refund is not None and heard.external_id:
        confirm_refund(answer.refund, heard.external_id, by=source, at=now)
    answer.state, answer.answered_at, answer.tried_at = Answer.State.DONE, now, now
    answer.claimed_until, answer.trouble, answer.said = None, "", ""
    answer.external_id = heard.external_id
    answer.save()
    if heard.order is not None:
        compare(heard.order, source=source, at=now)


@transaction.atomic
def _note_trouble(answer: Answer, error: StorefrontError, now: datetime) -> None:
    """Write down what the storefront said; a refused refund has failed, what passes is tried again."""
    answer.trouble, answer.said, answer.tried_at, answer.claimed_until = (
        error.trouble,
        error.said[:500],
        now,
        None,
    )
    if error.is_about_order:
        answer.state = Answer.State.REFUSED
        if answer.refund is not None:
            fail_refund(answer.refund, str(error), by=answer.order.source, at=now)
    elif answer.attempts >= MOST_ATTEMPTS:
        answer.state = Answer.State.GIVEN_UP
    else:
        pause = PAUSES[answer.attempts - 1] * random.uniform(1, 1.25)  # noqa: S311
        answer.next_try_at = now + max(pause, timedelta(seconds=min(error.wait, 86_400)))
    answer.save()
