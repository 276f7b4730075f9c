"""Who did it, and the one way to write it down."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from marketplace.formats import exact_time
from orders.models import HistoryEntry, HistoryKind, Note, Order, Source
from orders.states import Actor, OrderStatus
from vendors.models import Membership, User

By = User | Source | None


@dataclass(frozen=True)
class ActorColumns:
    """An actor as the history's columns hold it."""

    actor: Actor
    user: User | None = None
    source: Source | None = None


def actor_of(by: By, order: Order) -> ActorColumns:
    """Tell a person of the shop from the marketplace's staff, a storefront and Comptoir itself."""
    if isinstance(by, Source):
        return ActorColumns(Actor.SOURCE, source=by)
    if by is None:
        return ActorColumns(Actor.SYSTEM)
    if Membership.objects.filter(user=by, vendor_id=order.vendor_id).exists():
        return ActorColumns(Actor.PERSON, user=by)
    return ActorColumns(Actor.STAFF, user=by)


def record(
    order: Order,
    kind: HistoryKind,
    *,
    by: By,
    at: datetime,
    text: str = "",
    for_customer: bool = False,
    **columns: Any,
) -> HistoryEntry:
    """Add an entry to the order's history; ``text`` is kept in a note that can be erased."""
    who = actor_of(by, order)
    return HistoryEntry.objects.create(
        order=order,
        kind=kind,
        at=at,
        actor=who.actor,
        user=who.user,
        source=who.source,
        note=write_note(order, text, who, at, for_customer=for_customer),
        version=order.version,
        **columns,
    )


def write_note(
    order: Order, text: str, who: ActorColumns, at: datetime, *, for_customer: bool = False
) -> Note | None:
    """Keep free text apart from the history, where it can be erased; None for no text."""
    if not (text := text.strip()):
        return None
    return Note.objects.create(
        order=order, text=text, is_for_customer=for_customer, written_by=who.user, written_at=at
    )


def said(entry: HistoryEntry, *, now: datetime) -> str:
    """Tell in a sentence who did what when: “Claire Aubanel validated it at 07:33.”"""
    local = timezone.localtime(entry.at)
    if local.date() == timezone.localtime(now).date():
        when = _("at %(time)s") % {"time": f"{local:%H:%M}"}
    else:
        when = _("on %(moment)s") % {"moment": exact_time(entry.at)}
    return _deed(entry) % {"who": entry.user or entry.source or _("Comptoir"), "when": when}


def _deed(entry: HistoryEntry) -> str:
    match entry.kind, entry.new_status:
        case HistoryKind.STATUS, OrderStatus.COMPLETED:
            return _("%(who)s validated it %(when)s.")
        case HistoryKind.STATUS, OrderStatus.CANCELLED:
            return _("%(who)s cancelled it %(when)s.")
        case HistoryKind.STATUS, OrderStatus.PROCESSING:
            return _("%(who)s put it in progress %(when)s.")
        case (HistoryKind.REFUND, "") | (HistoryKind.STATUS, OrderStatus.REFUNDED):
            return _("%(who)s recorded a refund %(when)s.")
        case HistoryKind.SHIPMENT, "":
            return _("%(who)s recorded a parcel %(when)s.")
        case HistoryKind.STAGE, "":
            return _("%(who)s changed its stage %(when)s.")
        case _:
            return _("%(who)s changed it %(when)s.")
