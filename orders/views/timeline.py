"""An order's history in words: what happened, who did it, what was said, which mails went out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from marketplace.formats import decimal, money
from marketplace.models import OutgoingEmail
from orders.domain.refunds import BEYOND_WHAT_IS_LEFT
from orders.models import Answer, Carrier, HistoryEntry, HistoryKind, Order, RefundProgress
from orders.states import MEANINGS, Actor, OrderStatus, Stage

OTHER_FIELDS = {
    *("placed_at", "basket_number", "payment_method", "payment_title", "shipping_method", "number"),
}
ICONS = {
    HistoryKind.STAGE: "orders",
    HistoryKind.SHIPMENT: "truck",
    HistoryKind.REFUND: "undo",
    HistoryKind.DOCUMENT: "docs",
    HistoryKind.NOTE: "pen",
    HistoryKind.CHANGED: "pen",
}

TO_THE_SHOP = frozenset({"new_order", "payment_confirmed", "order_stopped", "refund_recorded"})


class Group(models.TextChoices):
    """What a history can be narrowed to, in the order of the menu; the codes stand in addresses."""

    STEPS = "steps", gettext_lazy("Steps")
    PARCELS = "parcels", gettext_lazy("Parcels")
    REFUNDS = "refunds", gettext_lazy("Refunds")
    DOCUMENTS = "documents", gettext_lazy("Documents")
    MAILS = "mails", gettext_lazy("E-mails")
    NOTES = "notes", gettext_lazy("Notes")
    STOREFRONT = "storefront", gettext_lazy("Storefront")


GROUPS = {
    HistoryKind.SHIPMENT: Group.PARCELS,
    HistoryKind.REFUND: Group.REFUNDS,
    HistoryKind.DOCUMENT: Group.DOCUMENTS,
    HistoryKind.NOTE: Group.NOTES,
    HistoryKind.CHANGED: Group.STOREFRONT,
}


@dataclass(frozen=True)
class Choice:
    """A group that the history has something of; ``count`` is how many lines."""

    code: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class Event:
    """One line of the history as the page shows it."""

    at: datetime
    group: str
    icon: str
    css: str
    what: str
    who: str
    said: str = ""
    people: tuple[str, ...] = ()


def timeline(
    order: Order,
    entries: Iterable[HistoryEntry],
    mails: Iterable[OutgoingEmail],
    answers: Iterable[Answer],
    *,
    shows_amounts: bool,
) -> list[Event]:
    """Return history, mails and answers to the storefront, newest first.

    ``entries`` are oldest first: of one moment, what followed stands above what it followed
    from. Without amounts for those who may see none.
    """
    entries = list(entries)
    tracking = _tracking_told(order, entries)
    events = [_of_entry(entry, tracking, shows_amounts=shows_amounts) for entry in entries]
    events += [_of_mails(group) for group in _alike(mails)]
    events += [_of_answer(answer, order) for answer in answers if answer.answered_at]
    return sorted(events, key=lambda event: event.at)[::-1]


def choices_of(events: Sequence[Event], chosen: str) -> list[Choice]:
    """Return what the history can be narrowed to, everything first; nothing where there is one group only."""
    counts = Counter(event.group for event in events)
    if len(counts) < 2:
        return []
    everything = Choice("", pgettext("history", "Everything"), len(events), chosen not in counts)
    return [
        everything,
        *(Choice(g.value, str(g.label), counts[g], chosen == g) for g in Group if counts[g]),
    ]


def narrowed(events: Sequence[Event], chosen: str) -> list[Event]:
    """Return the lines of the group ``chosen``; all of them for any other word."""
    found = [event for event in events if event.group == chosen]
    return found or list(events)


def _of_entry(entry: HistoryEntry, tracking: Mapping[int, str], *, shows_amounts: bool) -> Event:
    is_status = entry.kind in (HistoryKind.STATUS, HistoryKind.ARRIVED)
    return Event(
        at=entry.at,
        group=GROUPS.get(HistoryKind(entry.kind), Group.STEPS),
        icon=f"st-{entry.new_status}" if is_status else ICONS[HistoryKind(entry.kind)],
        css=f"s-{entry.new_status}"
        if is_status
        else "s-refunded"
        if entry.kind == HistoryKind.REFUND
        else "",
        what=_what(entry, tracking, shows_amounts=shows_amounts),
        who=who(entry),
        said=entry.note.text if entry.note else "",
    )


def _tracking_told(order: Order, entries: Iterable[HistoryEntry]) -> dict[int, str]:
    """Return ``{entry id: tracking number}``: a parcel's number stands where it was told last."""
    told = {e.data.get("shipment"): e.pk for e in entries if e.kind == HistoryKind.SHIPMENT}
    return {told[p.pk]: p.tracking_number for p in order.shipments.all() if p.pk in told}


def _what(entry: HistoryEntry, tracking: Mapping[int, str], *, shows_amounts: bool) -> str:
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
            return _parcel({**data, "tracking": tracking.get(entry.pk, "")})
        case HistoryKind.REFUND:
            return _refund(data, shows_amounts=shows_amounts)
        case HistoryKind.DOCUMENT:
            return _document(data)
        case HistoryKind.NOTE:
            return (
                _("Note to the customer") if entry.note and entry.note.is_for_customer else _("Private note")
            )
        case _:
            return _change(data, shows_amounts=shows_amounts)


def _change(data: dict[str, Any], *, shows_amounts: bool) -> str:
    """What the storefront changed: the order itself, its lines, or what is written on it."""
    fields = set(data.get("fields", []))
    if "hidden" in fields:
        return _("Deleted at the storefront") if data["hidden"] else _("Restored at the storefront")
    if "refund_lines" in fields:
        return _("The storefront told which lines the refund is for")
    if "lines" in fields and shows_amounts:
        values = {name: money(Decimal(data[name]), data["currency"]) for name in ("before", "after")}
        return _("Lines changed at the storefront: %(before)s → %(after)s") % values
    if "lines" in fields:
        return _("Lines changed at the storefront")
    if fields <= OTHER_FIELDS and fields:
        return _("Changed at the storefront: payment, delivery, date or number")
    return _("Changed at the storefront: customer, addresses or message")


def _document(data: dict[str, str]) -> str:
    if "refused" in data:
        return {
            "identity": _("No invoice was issued on completion: the shop’s legal identity is incomplete"),
            "mandate": _("No invoice was issued on completion: the shop has not accepted the mandate"),
            "earlier": _(
                "No invoice was issued on completion: that was before the shop accepted the mandate"
            ),
            "rate": _("No invoice was issued on completion: no exchange rate is known"),
            "render": _("No invoice was issued on completion: the PDF could not be made"),
        }.get(data["refused"], _("No invoice was issued on completion"))
    if "corrects" in data:
        return _("Credit note %(number)s issued, for invoice %(corrects)s") % data
    if "replaces" in data:
        return _("Invoice %(number)s issued, in the place of %(replaces)s") % data
    return _("Invoice %(number)s issued") % {"number": data["number"]}


def _refund(data: dict[str, str], *, shows_amounts: bool) -> str:
    values = {"amount": money(Decimal(data["amount"]), data["currency"])}
    if data.get("why") == BEYOND_WHAT_IS_LEFT:
        return _dropped_request(values, shows_amounts=shows_amounts)
    if not Decimal(data["amount"]):
        return _goods(data.get("progress"))
    match data.get("progress"):
        case RefundProgress.REQUESTED:
            return _("Refund of %(amount)s asked for") % values if shows_amounts else _("Refund asked for")
        case RefundProgress.FAILED:
            return _("Refund of %(amount)s failed") % values if shows_amounts else _("Refund failed")
        case _:
            return _("Refund of %(amount)s") % values if shows_amounts else _("Refund recorded")


def _goods(progress: str | None) -> str:
    """A refund of no money: goods come back, or a free order is stopped."""
    match progress:
        case RefundProgress.REQUESTED:
            return _("Return of goods without money, asked for")
        case RefundProgress.FAILED:
            return _("Return of goods without money failed")
        case _:
            return _("Goods back without money")


def _dropped_request(values: dict[str, str], *, shows_amounts: bool) -> str:
    if shows_amounts:
        return _("Refund of %(amount)s dropped: after another refund, less than that is left") % values
    return _("Refund dropped: after another one, less than that is left")


def _parcel(data: dict[str, Any]) -> str:
    """How a parcel left, and what was in it."""
    contents = ", ".join(f"{units} × {name}" for units, name in data.get("contents", []))
    how = _departure(data)
    return _("%(how)s: %(contents)s") % {"how": how, "contents": contents} if contents else how


def _departure(data: dict[str, Any]) -> str:
    names = {
        "carrier": Carrier(data["carrier"]).label if data.get("carrier") else "",
        "tracking": data.get("tracking", ""),
    }
    if "corrected" in data:
        told = " ".join(name for name in names.values() if name) or "—"
        return _("Tracking of parcel %(parcel)s: %(told)s") % {"parcel": data["corrected"], "told": told}
    if names["carrier"] and names["tracking"]:
        return _("Parcel shipped by %(carrier)s, tracking %(tracking)s") % names
    if names["carrier"]:
        return _("Parcel shipped by %(carrier)s") % names
    return _("Parcel shipped, tracking %(tracking)s") % names if names["tracking"] else _("Parcel shipped")


def who(entry: HistoryEntry) -> str:
    """Name who did it: a person, the marketplace, the storefront, or Comptoir by itself."""
    if entry.source is not None:
        return _("Reported by %(source)s") % {"source": entry.source}
    if entry.user is None:
        return _("Automatic")
    if entry.actor == Actor.STAFF:
        return _("%(person)s, for the marketplace") % {"person": entry.user}
    return str(entry.user)


def _alike(mails: Iterable[OutgoingEmail]) -> list[list[OutgoingEmail]]:
    """Put mails together that are one piece of news to several people, and have come equally far."""
    groups: dict[tuple[str, str, str, bool], list[OutgoingEmail]] = {}
    for mail in mails:
        news = mail.event.rpartition(":")[0] if mail.template in TO_THE_SHOP else mail.event
        groups.setdefault((mail.template, news, mail.state, bool(mail.attempts)), []).append(mail)
    return list(groups.values())


def _of_mails(mails: list[OutgoingEmail]) -> Event:
    people = tuple(mail.to for mail in mails)
    to = people[0] if len(people) == 1 else _("%(n)s people") % {"n": len(people)}
    names = {"name": _name_with_files(mails[0]), "to": to}
    if mails[0].state == OutgoingEmail.State.SENT:
        what = _("E-mail “%(name)s” sent to %(to)s") % names
    elif mails[0].attempts:
        what = _("E-mail “%(name)s” to %(to)s: not delivered yet, tried again automatically") % names
    else:
        what = _("E-mail “%(name)s” to %(to)s: about to be sent") % names
    at = max(mail.sent_at or mail.created_at for mail in mails)
    return Event(at, Group.MAILS, "mail", "", what, _("Automatic"), people=people if len(people) > 1 else ())


def _of_answer(answer: Answer, order: Order) -> Event:
    names = {"storefront": order.source, "what": answer.what}
    what = _("%(storefront)s was told: %(what)s") % names
    return Event(
        at=answer.answered_at or answer.asked_at,
        group=Group.STOREFRONT,
        icon="globe",
        css="",
        what=what,
        who=_("Automatic"),
    )


def _name_with_files(mail: OutgoingEmail) -> str:
    """Name a mail and the documents that it carries."""
    files = [str(file["name"]).removesuffix(".pdf") for file in mail.attachments]
    name = _mail_name(mail.template)
    return f"{name}, {', '.join(files)}" if files else name


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
        "order_tracking": _("Tracking number"),
        "order_ready": _("Ready for pickup"),
        "note_to_customer": _("Note to the customer"),
        "order_documents": _("Documents"),
    }.get(template, template)


def explanation(order: Order, now: datetime, *, left: int) -> str:
    """Say where the order stands and what comes next; ``left`` is how many units are still to be shipped."""
    if order.status == OrderStatus.PROCESSING and order.stage == Stage.SHIPPED:
        return _("The order is paid and shipped; the customer has not received it yet.")
    if order.status == OrderStatus.PROCESSING and order.stage == Stage.READY_FOR_PICKUP:
        return _("The order is paid and waits in the shop for the customer.")
    if order.is_late(now):
        return _("The order is paid and should have been prepared by now. Validating it ends it.")
    if order.is_partly_shipped and not left:
        return _("The order is paid and partly shipped; a refund of the rest is asked for.")
    if order.is_partly_shipped:
        words = ngettext(
            "The order is paid and partly shipped: %(n)s unit is still to be shipped. "
            "Validating it ends it all the same.",
            "The order is paid and partly shipped: %(n)s units are still to be shipped. "
            "Validating it ends it all the same.",
            left,
        )
        return words % {"n": decimal(left, 0)}
    if order.stage == Stage.TO_PREPARE:
        return _("The order is paid; it is still to be prepared. Validating it ends it.")
    if order.status == OrderStatus.REFUNDED:
        return _("The order was refunded in full.")
    if order.needs_refund:
        return _("The order was paid and then cancelled: its amount is still to be refunded.")
    return str(MEANINGS[OrderStatus(order.status)])
