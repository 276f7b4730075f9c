"""An order's history in words: what happened, who did it, what was said, which mails went out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from marketplace.formats import money
from marketplace.models import OutgoingEmail
from orders.models import Carrier, HistoryEntry, HistoryKind, Order, RefundProgress
from orders.states import MEANINGS, Actor, OrderStatus, Stage

ICONS = {
    HistoryKind.STAGE: "orders",
    HistoryKind.SHIPMENT: "truck",
    HistoryKind.REFUND: "undo",
    HistoryKind.DOCUMENT: "docs",
    HistoryKind.NOTE: "pen",
    HistoryKind.CHANGED: "pen",
}


@dataclass(frozen=True)
class Event:
    """One line of the history as the page shows it."""

    at: datetime
    icon: str
    css: str
    what: str
    who: str
    said: str = ""


def timeline(
    order: Order, entries: Iterable[HistoryEntry], mails: Iterable[OutgoingEmail], *, shows_amounts: bool
) -> list[Event]:
    """Return history and mails together, newest first; without amounts for those who may see none."""
    events = [_of_entry(entry, shows_amounts=shows_amounts) for entry in entries]
    events += [_of_mail(mail) for mail in mails]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _of_entry(entry: HistoryEntry, *, shows_amounts: bool) -> Event:
    is_status = entry.kind in (HistoryKind.STATUS, HistoryKind.ARRIVED)
    return Event(
        at=entry.at,
        icon=f"st-{entry.new_status}" if is_status else ICONS[HistoryKind(entry.kind)],
        css=f"s-{entry.new_status}"
        if is_status
        else "s-refunded"
        if entry.kind == HistoryKind.REFUND
        else "",
        what=_what(entry, shows_amounts=shows_amounts),
        who=who(entry),
        said=entry.note.text if entry.note else "",
    )


def _what(entry: HistoryEntry, *, shows_amounts: bool) -> str:
    data = entry.data
    match entry.kind:
        case HistoryKind.ARRIVED:
            return _("Order received: %(status)s") % {"status": entry.get_new_status_display()}
        case HistoryKind.STATUS:
            names = {"old": entry.get_old_status_display(), "new": entry.get_new_status_display()}
            return _("%(old)s → %(new)s") % names
        case HistoryKind.STAGE:
            return str(Stage(data["stage"]).label)
        case HistoryKind.SHIPMENT:
            return _parcel(data)
        case HistoryKind.REFUND:
            return _refund(data, shows_amounts=shows_amounts)
        case HistoryKind.DOCUMENT:
            return _document(data)
        case HistoryKind.NOTE:
            return (
                _("Note to the customer") if entry.note and entry.note.is_for_customer else _("Private note")
            )
        case _:
            return _("Changed at the storefront: customer, addresses or message")


def _document(data: dict[str, str]) -> str:
    if "refused" in data:
        return {
            "identity": _("No invoice was issued on completion: the shop’s legal identity is incomplete"),
            "mandate": _("No invoice was issued on completion: the shop has not accepted the mandate"),
            "rate": _("No invoice was issued on completion: no exchange rate is known"),
            "render": _("No invoice was issued on completion: the PDF could not be made"),
        }.get(data["refused"], _("No invoice was issued on completion"))
    if "corrects" in data:
        return _("Credit note %(number)s issued, for invoice %(corrects)s") % data
    return _("Invoice %(number)s issued") % {"number": data["number"]}


def _refund(data: dict[str, str], *, shows_amounts: bool) -> str:
    values = {"amount": money(Decimal(data["amount"]), data["currency"])}
    match data.get("progress"):
        case RefundProgress.REQUESTED:
            return _("Refund of %(amount)s asked for") % values if shows_amounts else _("Refund asked for")
        case RefundProgress.FAILED:
            return _("Refund of %(amount)s failed") % values if shows_amounts else _("Refund failed")
        case _:
            return _("Refund of %(amount)s") % values if shows_amounts else _("Refund recorded")


def _parcel(data: dict[str, str]) -> str:
    carrier = Carrier(data["carrier"]).label if data.get("carrier") else _("own means")
    if data.get("tracking"):
        return _("Parcel shipped by %(carrier)s, tracking %(tracking)s") % {
            "carrier": carrier,
            "tracking": data["tracking"],
        }
    return _("Parcel shipped by %(carrier)s") % {"carrier": carrier}


def who(entry: HistoryEntry) -> str:
    """Name who did it: a person, the marketplace, the storefront, or Comptoir by itself."""
    if entry.source is not None:
        return _("Reported by %(source)s") % {"source": entry.source}
    if entry.user is None:
        return _("Automatic")
    if entry.actor == Actor.STAFF:
        return _("%(person)s, for the marketplace") % {"person": entry.user}
    return str(entry.user)


def _of_mail(mail: OutgoingEmail) -> Event:
    names = {"name": _mail_name(mail.template), "to": mail.to}
    if mail.state == OutgoingEmail.State.SENT:
        what = _("E-mail “%(name)s” sent to %(to)s") % names
    elif mail.attempts:
        what = _("E-mail “%(name)s” to %(to)s: not delivered yet, tried again automatically") % names
    else:
        what = _("E-mail “%(name)s” to %(to)s: about to be sent") % names
    return Event(at=mail.sent_at or mail.created_at, icon="mail", css="", what=what, who=_("Automatic"))


def _mail_name(template: str) -> str:
    return {
        "new_order": _("New order"),
        "payment_confirmed": _("Payment confirmed"),
        "order_stopped": _("Cancelled or failed: do not ship"),
        "refund_recorded": _("Refund recorded"),
        "order_completed": _("Order completed"),
        "order_cancelled": _("Order cancelled"),
        "order_refunded": _("Refund"),
        "order_shipped": _("Order shipped"),
        "order_ready": _("Ready for pickup"),
        "note_to_customer": _("Note"),
    }.get(template, template)


def explanation(order: Order, now: datetime) -> str:
    """Say in a sentence where the order stands and what comes next."""
    if order.status == OrderStatus.PROCESSING and order.stage == Stage.SHIPPED:
        return _("The order is paid and shipped; the customer has not received it yet.")
    if order.status == OrderStatus.PROCESSING and order.stage == Stage.READY_FOR_PICKUP:
        return _("The order is paid and waits in the shop for the customer.")
    if order.is_late(now):
        return _("The order is paid and should have been prepared by now.")
    return str(MEANINGS[OrderStatus(order.status)])
