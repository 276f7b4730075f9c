"""Notes that people wrote on an order at the storefront."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from orders.domain.history import actor_of
from orders.models import Answer, HistoryEntry, HistoryKind, Note, Order, Source


@dataclass(frozen=True)
class NoteData:
    """A note as the storefront tells it, as plain text."""

    external_id: str
    text: str
    written_at: datetime
    is_for_customer: bool


@transaction.atomic
def take_notes(order: Order, notes: Iterable[NoteData], *, source: Source) -> int:
    """Add the notes that are not known yet; return how many. Our own come back and add nothing.

    An order whose customer was forgotten gets no words about that person again. Nobody is
    mailed: the storefront has written to the customer already.
    """
    order = Order.objects.select_for_update(of=("self",)).get(pk=order.pk)
    if order.anonymised_at is not None:
        return 0
    known = set(order.notes.exclude(external_id="").values_list("external_id", flat=True))
    known |= set(
        Answer.objects.filter(order=order).exclude(external_id="").values_list("external_id", flat=True)
    )
    texts = {" ".join(text.split()) for text in order.notes.values_list("text", flat=True)}
    new = [
        note
        for note in notes
        if note.text and note.external_id not in known and " ".join(note.text.split()) not in texts
    ]
    who = actor_of(source, order)
    for note in sorted(new, key=lambda each: (each.written_at, each.external_id)):
        row = Note.objects.create(
            order=order,
            text=note.text,
            is_for_customer=note.is_for_customer,
            written_at=note.written_at,
            external_id=note.external_id,
        )
        HistoryEntry.objects.create(
            order=order,
            kind=HistoryKind.NOTE,
            at=note.written_at,
            actor=who.actor,
            source=source,
            note=row,
            version=order.version,
        )
    return len(new)
