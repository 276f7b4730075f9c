"""Correcting an issued invoice: a credit note takes it back, and a new one stands in its place.

The rules are told in ``docs/rules/invoicing.md``, "Corrections".
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from orders.documents.snapshot import Snapshot
from orders.domain.buyers import BuyerData, write_buyer
from orders.domain.credit_notes import (
    invoice_of,
    is_of_todays_seller,
    open_invoice,
    take_back_to_correct,
)
from orders.domain.history import By
from orders.domain.invoicing import InvoiceRefused, is_left_to_invoice, issue_invoice, preview
from orders.domain.locking import lock
from orders.domain.originals import day_of, lock_series
from orders.domain.rehearsal import papers_first
from orders.models import Document, DocumentKind, Order

# What differs between two invoices that say the same: who makes them, when, and in which version.
NOT_SAID = frozenset({"number", "issued_on", "due_on", "mandate", "template", "texts"})


class NothingToCorrect(InvoiceRefused):
    """The invoice stays as it is, and no number is used; the message says why."""

    code = "correction"


def is_correctable(order: Order, invoice: Document | None) -> bool:
    """Say whether the order's invoice (its last) can be taken back and issued anew."""
    return invoice is not None and is_left_to_invoice(order) and open_invoice(order) == invoice


@papers_first
@transaction.atomic
def correct_invoice(order: Order, buyer: BuyerData, *, invoice: str, by: By, at: datetime) -> Document:
    """Take the order's invoice back and issue it anew for ``buyer``: all of it or nothing.

    ``invoice`` is the number that the person saw: the second of two requests is refused. What
    was credited already is not credited again; each refund gets its credit note on the new
    invoice too. Locks the order and the shop's series. Raises NothingToCorrect where nothing
    would differ, and what ``issue_invoice`` raises.
    """
    lock(order)
    current = invoice_of(order)
    if current is None or current.number != invoice:
        raise NothingToCorrect(
            _("Invoice %(number)s is not the last one of order %(order)s: nothing was changed.")
            % {"number": invoice, "order": order.number}
        )
    if not is_correctable(order, current):
        raise NothingToCorrect(
            _("Nothing is left of invoice %(number)s, so it is not corrected.") % {"number": invoice}
        )
    if not is_of_todays_seller(order.vendor, current.snapshot):
        raise NothingToCorrect(
            _(
                "Invoice %(number)s was issued by another legal person (SIREN %(siren)s), "
                "in whose name no new one can stand in its place: nothing was changed."
            )
            % {"number": invoice, "siren": current.snapshot["seller"]["siren"]}
        )
    write_buyer(order, buyer)
    if _says_the_same(current.snapshot, preview(order, at)):
        raise NothingToCorrect(
            _("A new invoice would say what %(number)s says: nothing was changed.") % {"number": invoice}
        )
    lock_series(order.vendor, DocumentKind.INVOICE, day_of(order.vendor, at))
    take_back_to_correct(order, current, by=by, at=at)
    return issue_invoice(order, by=by, at=at)


def _says_the_same(issued: Snapshot, new: Snapshot) -> bool:
    before, after = dict[str, object](**issued), dict[str, object](**new)
    said = (after.keys() | before.keys()) - NOT_SAID
    is_same = all((before.get(part) or None) == (after.get(part) or None) for part in said)
    return is_same and _days_to_pay(issued) == _days_to_pay(new)


def _days_to_pay(said: Snapshot) -> timedelta | None:
    """Return how long after its issue an invoice is to be paid; None for one that is paid."""
    if said["is_paid"]:
        return None
    return date.fromisoformat(said["due_on"]) - date.fromisoformat(said["issued_on"])
