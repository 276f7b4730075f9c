"""Notes about an order: for the team, or for the customer."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from orders import emails
from orders.domain import answers
from orders.domain.history import By, record
from orders.domain.transitions import NotPermitted, StepRefused, lock, may
from orders.models import HistoryEntry, HistoryKind, Order
from vendors.models import User
from vendors.roles import Permission

LONGEST = 2000
REPEATS = timedelta(minutes=10)


@transaction.atomic
def add_note(order: Order, text: str, *, for_customer: bool = False, by: By, at: datetime) -> HistoryEntry:
    """Add a private note, or one that is mailed to the customer.

    The same words of the same author, said again within ``REPEATS``, are the same note: a form
    sent twice. Raises StepRefused for an empty or overlong text, NotPermitted without the permission.
    """
    text = text.strip()
    lock(order)
    if not may(by, order, Permission.FULFILL):
        raise NotPermitted(order)
    if not text or len(text) > LONGEST:
        raise StepRefused(_("A note has 1 to %(most)s characters.") % {"most": LONGEST})
    if for_customer and not order.customer_email:
        raise StepRefused(
            _("The customer of order %(number)s has no e-mail address.") % {"number": order.number}
        )
    if said := _said_already(order, text, for_customer=for_customer, by=by, at=at):
        return said
    entry = record(order, HistoryKind.NOTE, by=by, at=at, text=text, for_customer=for_customer)
    if for_customer and entry.note is not None:
        emails.tell_customer_of_note(order, entry.note)
        answers.tell_note(order, entry.note, by=by)
    return entry


def _said_already(
    order: Order, text: str, *, for_customer: bool, by: By, at: datetime
) -> HistoryEntry | None:
    last = order.history.filter(kind=HistoryKind.NOTE).select_related("note").order_by("-id").first()
    if last is None or last.note is None or not timedelta(0) <= at - last.at <= REPEATS:
        return None
    author = by if isinstance(by, User) else None
    same = (last.note.text, last.note.is_for_customer, last.user) == (text, for_customer, author)
    return last if same else None
