"""One door for orders that come in: files, deliveries and reconciliation by the same way."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.utils.text import slugify

from marketplace.audit import AuditKind, audit
from orders import emails
from orders.domain.customers import customer_of, free_number, index_name, number_value
from orders.domain.history import record
from orders.domain.intake_changes import (
    Merge,
    hold_what_was_held_before_refund,
    learn_what_was_before_refund,
    mark_dates,
    remember,
    take_columns,
    take_dates,
    take_lines,
    take_status,
)
from orders.domain.intake_lines import freeze, new_lines, set_totals
from orders.domain.intake_refunds import report_refunds
from orders.domain.order_data import OrderData
from orders.domain.refunds import RefundRefused, refund_what_no_refund_accounts_for
from orders.domain.reports import (
    HIDDEN,
    columns_of,
    differing,
    digest,
    digests_of,
    is_tie,
    lock_report,
    rank_of,
)
from orders.domain.transitions import arrive
from orders.models import (
    CannotTake,
    HistoryKind,
    Order,
    OrderLine,
    Problem,
    ReportedOrder,
    Source,
    SourceVendor,
)
from vendors.models import LegalIdentity, Membership, User, Vendor
from vendors.roles import Role

__all__ = [
    "IntakeRefused",
    "Outcome",
    "Taken",
    "index_name",
    "number_value",
    "set_totals",
    "shop_of",
    "take_order",
    "take_trash",
]


VENDOR = "meta_data[_dokan_vendor_id]"  # where a body says whose order it is


class IntakeRefused(CannotTake):
    """The order contradicts what is stored, or belongs to no shop."""


class Outcome(StrEnum):
    """What taking an order did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Taken:
    """The order as it stands now, and what intake did to it; ``note`` says why nothing was done."""

    order: Order
    outcome: Outcome
    note: str = ""


def shop_of(data: OrderData, *, source: Source, create: bool = False, owner: User | None = None) -> Vendor:
    """Return the shop that the storefront's vendor stands for.

    With ``create`` an unknown vendor becomes a shop, with a slug from the store's name;
    ``owner`` becomes its owner. Raises IntakeRefused for an unknown vendor otherwise.
    """
    known = _mapped(data, source)
    if known is not None:
        return known
    if not create:
        raise IntakeRefused(
            VENDOR, Problem.UNKNOWN_VENDOR, got=data.vendor_external_id or "(none)", source=source
        )
    with transaction.atomic():
        Source.objects.select_for_update(no_key=True).get(pk=source.pk)  # of two at once, one makes the shop
        return _mapped(data, source) or _new_shop(data, source, owner)


def _mapped(data: OrderData, source: Source) -> Vendor | None:
    mapping = SourceVendor.objects.select_related("vendor").filter(source=source)
    known = mapping.filter(external_id=data.vendor_external_id).first()
    return known.vendor if known else None


def _new_shop(data: OrderData, source: Source, owner: User | None) -> Vendor:
    name = data.vendor_name or source.name
    vendor = Vendor.objects.create(name=name, slug=_free_slug(name), time_zone=source.time_zone)
    LegalIdentity.objects.create(vendor=vendor)
    SourceVendor.objects.create(source=source, external_id=data.vendor_external_id, vendor=vendor)
    if owner is not None:
        Membership.objects.create(user=owner, vendor=vendor, role=Role.OWNER)
        audit(AuditKind.JOINED, by=None, vendor=vendor, subject=owner, role=Role.OWNER)
    return vendor


def _free_slug(name: str) -> str:
    base = slugify(name)[:70] or "shop"
    taken = set(Vendor.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(
        slug for n in range(1, len(taken) + 2) if (slug := base if n == 1 else f"{base}-{n}") not in taken
    )


@transaction.atomic
def take_order(
    data: OrderData,
    *,
    source: Source,
    vendor: Vendor,
    at: datetime,
    announce: bool = True,
    is_final: bool = False,
) -> Taken:
    """Store a reported order, or bring the stored one to what is reported; repeating it changes nothing.

    The storefront is never refused for want of stock, nor for a step that the table does not
    have: it reports what has happened. Reports may come in any order and any number of times:
    the result is the same (``orders.domain.reports``). With ``is_final`` the report was asked of
    the storefront just now: it beats what deliveries of the same second told, and nothing stays
    undecidable. Without ``announce`` no mail is queued: history is no news. Of an order whose
    customer was forgotten nothing personal is taken again (``docs/rules/privacy.md``). Locks the
    report, also of an order that is not there yet, then the shop where a number may be given,
    then the order. Raises IntakeRefused for contradictions with what is stored.
    """
    if not announce:
        with emails.silence():
            return _take(data, source, vendor, at, is_final)
    return _take(data, source, vendor, at, is_final)


def _take(data: OrderData, source: Source, vendor: Vendor, at: datetime, is_final: bool) -> Taken:
    reported = lock_report(source, data.external_id)
    if reported.order_id is None or reported.applied.get("number") != digest(data.number):
        # The shop's row is locked so that two workers give no number twice; without its
        # key, so that others may add rows that name the shop meanwhile.
        vendor = Vendor.objects.select_for_update(of=("self",), no_key=True).get(pk=vendor.pk)
    order = _stored(reported, data, source, vendor)
    if order is not None and order.anonymised_at is not None:
        data = data.without_person()
    rank = rank_of(data, is_final=is_final)
    is_newer = rank[0] >= (reported.rank or [""])[0] if is_final else rank > reported.rank
    if order is not None and rank == reported.rank and not is_final:
        return Taken(order, Outcome.UNCHANGED, "repeat")
    is_first = order is None
    merge = Merge(
        order or _new(data, source, vendor, at), data, source, reported, rank, is_newer, at, is_first
    )
    try:
        changed = _create(merge) if order is None else _update(merge)
    except RefundRefused as refused:
        raise IntakeRefused("refunds", Problem.REFUND_LEFT, number=merge.order.number) from refused
    _decide(merge, is_final=is_final)
    _announce(merge)
    if is_newer:
        reported.rank = rank
    reported.save()
    if order is None:
        return Taken(merge.order, Outcome.CREATED)
    if changed:
        return Taken(order, Outcome.CHANGED)
    note = "" if is_newer else "tie" if is_tie(rank, reported.rank) else "older"
    return Taken(order, Outcome.UNCHANGED, note)


def _stored(reported: ReportedOrder, data: OrderData, source: Source, vendor: Vendor) -> Order | None:
    """The order that is reported, if it is here already; raises IntakeRefused for another shop's."""
    order = _known(reported)
    if order is None:
        return None
    if order.vendor_id != vendor.pk:
        raise IntakeRefused(VENDOR, Problem.OTHER_SHOP, number=order.number, old=order.vendor, got=vendor)
    order.vendor = vendor
    if order.currency != data.currency:
        raise IntakeRefused(
            "currency", Problem.OTHER_CURRENCY, number=order.number, old=order.currency, got=data.currency
        )
    return order


def _known(reported: ReportedOrder) -> Order | None:
    """Lock the order of a report, also one that came before reports were kept."""
    locked = Order.objects.select_for_update()
    if reported.order_id is not None:
        reported.order = locked.get(pk=reported.order_id)
    elif not reported.rank:
        stored = locked.filter(source=reported.source, external_id=reported.external_id)
        if (order := stored.first()) is not None:
            reported.order, reported.is_announced = order, True
    if reported.order is not None:
        reported.order.source = reported.source
    return reported.order


def _new(data: OrderData, source: Source, vendor: Vendor, at: datetime) -> Order:
    return Order(
        vendor=vendor,
        source=source,
        external_id=data.external_id,
        number=free_number(data.number, vendor, source),
        number_value=number_value(data.number),
        status=data.status,
        paid_at=data.paid_at,
        completed_at=data.completed_at,
        received_at=at,
        reported_at=data.modified_at,
        currency=data.currency,
        total=data.total,
        storefront_vat_total=data.total_tax,
        **columns_of(data),
    )


def _create(merge: Merge) -> bool:
    order, data, reported = merge.order, merge.data, merge.reported
    order.customer = customer_of(data, order.customer_name, merge.source, order.vendor)
    order.hidden_at = merge.at if reported.is_trashed else None
    lines = new_lines(data, order.vendor)
    freeze(order, lines, data, merge.source)
    order.save()
    for line in lines:
        line.order = order
    OrderLine.objects.bulk_create(lines)
    index_name(order)
    arrive(order, by=merge.source, at=merge.at)
    reported.order = order
    reported.is_announced = order.status in emails.ANNOUNCED  # by its arrival
    merge.is_newer = True
    mark_dates(merge)
    take_dates(merge)
    report_refunds(order, data, merge.source, known=set(), at=merge.at)
    learn_what_was_before_refund(merge)
    if data.status == "refunded":
        hold_what_was_held_before_refund(merge)
        told = data.modified_at or merge.at
        refund_what_no_refund_accounts_for(order, by=merge.source, at=told, issue_at=merge.at)
    remember(merge)
    return True


def _update(merge: Merge) -> bool:
    """Merge what only grows from any report, and take what the latest says anew; return whether it did."""
    order, data = merge.order, merge.data
    take_lines(merge)
    take_dates(merge)
    if report_refunds(
        order, data, merge.source, known=merge.refunds_here if data.refunds else set(), at=merge.at
    ):
        merge.changed.add("refunds")
    take_status(merge)
    if merge.is_newer:
        take_columns(merge)
    remember(merge)
    return bool(merge.changed)


def _decide(merge: Merge, *, is_final: bool) -> None:
    """Mark the fields in which two reports of one second differ; a later report decides them."""
    reported, rank = merge.reported, merge.rank
    if is_final:
        if not merge.is_newer:
            return
        reported.undecidable = []
        _set_trashed(reported, is_trashed=False, at=merge.at)
    elif not reported.rank or rank[0] > reported.rank[0]:
        reported.undecidable = [name for name in reported.undecidable if name == HIDDEN]
    elif is_tie(rank, reported.rank):
        undecided = differing(digests_of(merge.data), {name: merge.base.get(name, "") for name in merge.told})
        reported.undecidable = sorted({*reported.undecidable, *undecided})


def _announce(merge: Merge) -> None:
    """Tell the shop of a new order once a report, early or late, shows it paid or on hold."""
    was_open = merge.data.status in emails.ANNOUNCED or merge.data.paid_at is not None
    if was_open and not merge.reported.is_announced:
        merge.reported.is_announced = True
        emails.announce_reported(merge.order)


@transaction.atomic
def take_trash(
    source: Source, external_id: str, *, is_trashed: bool, number: int, at: datetime, is_final: bool = False
) -> Order | None:
    """Hide an order that the storefront deleted, or show again one that it restored; None for an unknown one.

    Such reports carry no date: of several the one with the highest ``number`` (of the delivery)
    counts, and the order is marked undecidable, unless ``is_final``. What was told of an order
    that is not here yet is kept for when it comes. Nothing of a hidden order is lost.
    """
    reported = lock_report(source, external_id)
    if is_final or number > reported.trash_delivery:
        reported.trash_delivery = max(number, reported.trash_delivery)
        _known(reported)
        _set_trashed(reported, is_trashed=is_trashed, at=at)
    others = {name for name in reported.undecidable if name != HIDDEN}
    reported.undecidable = sorted(others if is_final else {*others, HIDDEN})
    reported.save()
    return reported.order


def _set_trashed(reported: ReportedOrder, *, is_trashed: bool, at: datetime) -> None:
    reported.is_trashed = is_trashed
    order = reported.order
    if order is None or (order.hidden_at is not None) == is_trashed:
        return
    order.hidden_at = at if is_trashed else None
    order.version += 1
    order.save(update_fields=["hidden_at", "version"])
    facts = {"fields": [HIDDEN], "hidden": is_trashed}
    record(order, HistoryKind.CHANGED, by=reported.source, at=at, data=facts)
