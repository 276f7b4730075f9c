"""What the storefront has to hear of: rows of the outbox, in the transaction of the step.

The rules are told in docs/rules/storefront-answers.md, « What is told ».
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from marketplace.queue import enqueue
from orders.domain.history import By
from orders.models import Answer, HistoryEntry, Note, Order, Refund, Shipment, Source, StatusChange

SEND = "orders.jobs.answer_storefront"


def tell_status(order: Order, change: StatusChange, *, by: By) -> None:
    """The order was moved here."""
    _tell(order, Answer.Kind.STATUS, f"change:{change.pk}", by, change.at, status=change.new_status)


def tell_parcel(
    order: Order, shipment: Shipment, *, by: By, at: datetime, correction: int | None = None
) -> None:
    """A parcel was shipped here; or its tracking was corrected, by the history's entry ``correction``."""
    cause = f"tracking:{correction}" if correction else f"shipment:{shipment.pk}"
    _tell(order, Answer.Kind.PARCEL, cause, by, at, shipment=shipment)


def tell_pickup(order: Order, entry: HistoryEntry, *, by: By) -> None:
    """The goods wait in the shop since ``entry`` of the history."""
    _tell(order, Answer.Kind.PICKUP, f"pickup:{entry.pk}", by, entry.at)


def tell_note(order: Order, note: Note, *, by: By) -> None:
    """A note to the customer was written here."""
    _tell(order, Answer.Kind.NOTE, f"note:{note.pk}", by, note.written_at, note=note)


def ask_for_refund(order: Order, refund: Refund, *, by: By) -> None:
    """A refund was asked for that the storefront carries out."""
    _tell(order, Answer.Kind.REFUND, f"refund:{refund.pk}", by, refund.at, refund=refund)


def _tell(order: Order, kind: Answer.Kind, cause: str, by: By, at: datetime, **subject: Any) -> None:
    """Queue an answer; nothing for what the storefront itself reported, or where it cannot be asked."""
    source = order.source
    if isinstance(by, Source) or source is None or not source.has_rest or not order.external_id:
        return
    Answer.objects.create(order=order, kind=kind, cause=cause, asked_at=at, next_try_at=at, **subject)
    enqueue(SEND, order.pk)


@transaction.atomic
def send_again(answer: Answer, *, at: datetime) -> bool:
    """Give an answer that is in trouble another round of attempts, at once; False where it may not be.

    Whether it arrived after all is looked up before it is sent.
    """
    answer = Answer.objects.select_for_update(of=("self",)).get(pk=answer.pk)
    if not answer.may_be_sent_again:
        return False
    answer.state, answer.attempts, answer.next_try_at = Answer.State.WAITING, 0, at
    answer.save(update_fields=["state", "attempts", "next_try_at"])
    enqueue(SEND, answer.order_id)
    return True
