"""Money given back: what it does to lines, stock, gains and state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.money import split
from orders import emails
from orders.domain import earnings, stock
from orders.domain.credit_notes import issue_due_if_possible
from orders.domain.history import By, actor_of, record, write_note
from orders.domain.parcels import units_left
from orders.domain.refund_plan import (
    NOTHING,
    ZERO,
    Plan,
    RefundedLine,
    RefundRefused,
    amount_of,
    plan_refund,
    units_of,
    what_is_left,
)
from orders.domain.transitions import NotPermitted, StaleOrder, lock, may, move
from orders.models import (
    HistoryKind,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    RefundProgress,
    Source,
)
from orders.states import PAID, OrderStatus, RefundState, Stage
from vendors.roles import Permission

__all__ = [
    "RefundPreview",
    "RefundRefused",
    "RefundedLine",
    "ask_for_refund",
    "cancel_and_refund",
    "confirm_refund",
    "fail_refund",
    "preview_refund",
    "refund_order",
]


@transaction.atomic
def refund_order(
    order: Order,
    *,
    lines: Mapping[int, RefundedLine] | None = None,
    amount: Decimal | None = None,
    by: By,
    at: datetime,
    reason: str = "",
    external_id: str | None = None,
    version: int | None = None,
    awaits_lines: bool = False,
) -> Refund:
    """Record a confirmed refund with everything that follows from it, or change nothing.

    ``lines`` is ``{order line id: RefundedLine}``; what ``amount`` has beyond them, or all of
    it where there are none, is spread over all lines, shipping and fees by what is left of
    each. Gains fall, commission goes back in proportion, units go back to the shelf, and an
    order refunded to its last cent becomes ``refunded``.

    ``external_id`` is the storefront's: a known one returns the refund that was recorded and
    does nothing; an unknown one confirms the oldest open request of the same amount, if any.
    With ``awaits_lines`` its lines can still be asked for: a refund that had to be spread gets
    its credit note only once they are known.
    Locks the order. Raises RefundRefused for what is not possible, never more than is left,
    and StaleOrder if the order moved since ``version``. What was asked for is not left to
    people; a storefront reports what it has refunded, whatever was asked for.
    """
    lock(order)
    named = lines or {}
    if external_id:
        if known := order.refunds.filter(external_id=external_id).first():
            return known
        if asked_for := _open_request(order, amount_of(named) if amount is None else amount):
            return _confirm(asked_for, external_id, reported=named, by=by, at=at)
    if version not in (None, order.version):
        raise StaleOrder(order)
    _check_may_refund(order, by)
    plan = plan_refund(
        order, named, amount, left=what_is_left(order, keeps_requests=not isinstance(by, Source))
    )
    refund = _store(order, plan, RefundProgress.CONFIRMED, by=by, at=at, reason=reason)
    refund.external_id = external_id or ""
    refund.awaits_lines = awaits_lines and plan.is_spread
    return _carry_out(order, refund, plan, by=by, at=at)


@transaction.atomic
def ask_for_refund(
    order: Order,
    *,
    lines: Mapping[int, RefundedLine] | None = None,
    amount: Decimal | None = None,
    by: By,
    at: datetime,
    reason: str = "",
    version: int | None = None,
) -> Refund:
    """Refund as a person of the shop does: at once, or as a request where the storefront carries refunds out.

    A request reserves its amount and moves nothing else until ``confirm_refund`` or
    ``fail_refund``. Raises as ``refund_order`` does.
    """
    lock(order)
    if order.source is None or not order.source.confirms_refunds:
        return refund_order(order, lines=lines, amount=amount, by=by, at=at, reason=reason, version=version)
    if version not in (None, order.version):
        raise StaleOrder(order)
    _check_may_refund(order, by)
    plan = plan_refund(order, lines or {}, amount, left=what_is_left(order))
    refund = _store(order, plan, RefundProgress.REQUESTED, by=by, at=at, reason=reason)
    for pk, part in plan.named.items():
        RefundLine.objects.create(
            refund=refund,
            line=plan.lines[pk],
            units=part.units,
            units_back=part.units_back,
            amount=part.amount_incl_vat,
            commission_given_back=ZERO,
        )
    order.refund_requested_total += refund.amount
    order.version += 1
    order.save(update_fields=["refund_requested_total", "version"])
    _record(order, refund, by=by, at=at)
    return refund


@dataclass(frozen=True)
class RefundPreview:
    """What a refund would do: its amount, the commission that goes back, and the gains after it."""

    amount: Decimal
    commission_given_back: Decimal
    earnings_after: Decimal


def preview_refund(
    order: Order, *, lines: Mapping[int, RefundedLine] | None = None, amount: Decimal | None = None
) -> RefundPreview:
    """Compute a refund without recording it; raises RefundRefused as ``refund_order`` does."""
    plan = plan_refund(order, lines or {}, amount, left=what_is_left(order))
    back = earnings.given_back(order.commission_order_fee, order.refunded_total + plan.amount, order.total)
    back -= earnings.given_back(order.commission_order_fee, order.refunded_total, order.total)
    for pk, share in plan.shares.items():
        line = plan.lines[pk]
        commission = line.commission + line.commission_vat
        back += earnings.given_back(commission, line.refunded_total + share, line.total)
        back -= line.commission_given_back
    return RefundPreview(plan.amount, back, order.earnings - plan.amount + back)


@transaction.atomic
def confirm_refund(refund: Refund, external_id: str, *, by: By, at: datetime) -> Refund:
    """The storefront has carried out a requested refund; confirming it twice has one effect."""
    lock(refund.order)
    refund.refresh_from_db()
    if refund.progress == RefundProgress.CONFIRMED:
        return refund
    return _confirm(refund, external_id, reported={}, by=by, at=at)


@transaction.atomic
def fail_refund(refund: Refund, answer: str, *, by: By, at: datetime) -> None:
    """The storefront refused a requested refund: its amount is free again, its answer is kept."""
    order = refund.order
    lock(order)
    refund.refresh_from_db()
    if refund.progress != RefundProgress.REQUESTED:
        return
    refund.progress, refund.answer = RefundProgress.FAILED, answer[:500]
    refund.save(update_fields=["progress", "answer"])
    order.refund_requested_total -= refund.amount
    order.version += 1
    order.save(update_fields=["refund_requested_total", "version"])
    _record(order, refund, by=by, at=at)


@transaction.atomic
def cancel_and_refund(
    order: Order, *, by: By, at: datetime, reason: str = "", version: int | None = None
) -> Refund:
    """Stop a paid order: refund all that is left, with every unit back on the shelf."""
    lock(order)
    left = what_is_left(order)
    shares = split(left.amount, [part.amount_incl_vat for part in left.lines.values()])
    parts = {
        pk: replace(part, amount_incl_vat=share)
        for (pk, part), share in zip(left.lines.items(), shares, strict=True)
    }
    return ask_for_refund(
        order, lines=parts, amount=left.amount, by=by, at=at, reason=reason, version=version
    )


def _open_request(order: Order, amount: Decimal) -> Refund | None:
    """The oldest refund that was asked for here and has this amount."""
    return order.refunds.filter(progress=RefundProgress.REQUESTED, amount=amount).order_by("at", "id").first()


def _confirm(
    refund: Refund, external_id: str, *, reported: Mapping[int, RefundedLine], by: By, at: datetime
) -> Refund:
    """Carry out a requested refund as it was asked for, or spread where that is no longer possible.

    Units that are ``reported`` back on the shelf beyond those that were asked for come back too.
    """
    order = refund.order
    lock(order)
    if refund.progress == RefundProgress.REQUESTED:
        order.refund_requested_total -= refund.amount
    named = {
        part.line_id: RefundedLine(part.units, part.amount, part.units_back) for part in refund.lines.all()
    }
    for pk, part in reported.items():
        asked_for = named.get(pk, NOTHING)
        named[pk] = replace(
            asked_for,
            units=max(asked_for.units, part.units),
            units_back=max(asked_for.units_back, part.units_back),
        )
    refund.lines.all().delete()
    left = what_is_left(order, keeps_requests=False)
    try:
        plan = plan_refund(order, named, refund.amount, left=left)
    except RefundRefused:
        plan = plan_refund(order, units_of(named, left), refund.amount, left=left)
    refund.progress, refund.external_id, refund.is_spread = (
        RefundProgress.CONFIRMED,
        external_id,
        plan.is_spread,
    )
    return _carry_out(order, refund, plan, by=by, at=at)


def _check_may_refund(order: Order, by: By) -> None:
    """A person needs the permission and a paid order; a storefront reports what has happened."""
    if isinstance(by, Source):
        return
    if not may(by, order, Permission.MANAGE_ORDERS):
        raise NotPermitted(order)
    if order.status not in PAID and not order.needs_refund:
        raise RefundRefused(
            _("Order %(number)s is “%(status)s” and cannot be refunded: nothing was changed.")
            % {"number": order.number, "status": order.get_status_display()}
        )


def _store(
    order: Order, plan: Plan, progress: RefundProgress, *, by: By, at: datetime, reason: str
) -> Refund:
    who = actor_of(by, order)
    return Refund.objects.create(
        order=order,
        progress=progress,
        amount=plan.amount,
        commission_given_back=ZERO,
        is_spread=plan.is_spread,
        reason=write_note(order, reason, who, at),
        at=at,
        by=who.user,
        source=who.source,
    )


def _carry_out(order: Order, refund: Refund, plan: Plan, *, by: By, at: datetime) -> Refund:
    """Apply a confirmed refund: lines, stock, gains, state, history, mails."""
    touched = {*plan.named, *(pk for pk, share in plan.shares.items() if share)}
    for line in sorted((plan.lines[pk] for pk in touched), key=lambda line: (line.product_id or 0, line.pk)):
        part = plan.named.get(line.pk, NOTHING)
        _refund_line(refund, line, part, plan.shares.get(line.pk, ZERO), at)
    if order.stage == Stage.TO_PREPARE and order.shipments.exists() and not units_left(order):
        order.stage = Stage.SHIPPED  # what was left to ship is refunded
    _settle_order(order, refund, at)
    _record(order, refund, by=by, at=at)
    if order.total == order.refunded_total and order.status in PAID:
        move(order, OrderStatus.REFUNDED, by=by, at=at)
    issue_due_if_possible(order, by=by, at=at)
    emails.announce_refund(order, refund)
    return refund


def _refund_line(refund: Refund, line: OrderLine, part: RefundedLine, share: Decimal, at: datetime) -> None:
    line.refunded_total += share
    before = line.commission_given_back
    line.commission_given_back = earnings.given_back(
        line.commission + line.commission_vat, line.refunded_total, line.total
    )
    line.units_refunded += part.units
    line.units_returned += part.units_back
    RefundLine.objects.create(
        refund=refund,
        line=line,
        units=part.units,
        units_back=part.units_back,
        amount=share,
        commission_given_back=line.commission_given_back - before,
    )
    stock.put_back(line, part.units_back, cause=f"refund:{refund.pk}", at=at)
    line.save(
        update_fields=["refunded_total", "commission_given_back", "units_refunded", "units_returned", "held"]
    )


def _settle_order(order: Order, refund: Refund, at: datetime) -> None:
    order.refunded_total += refund.amount
    before = order.commission_given_back
    order.commission_given_back = sum(
        order.lines.values_list("commission_given_back", flat=True),
        earnings.given_back(order.commission_order_fee, order.refunded_total, order.total),
    )
    refund.commission_given_back = order.commission_given_back - before
    refund.save()
    earnings.settle(order)
    order.refund_state = RefundState.FULL if order.refunded_total == order.total else RefundState.PARTIAL
    order.refunded_at = at
    order.version += 1
    order.save(
        update_fields=[
            "refunded_total",
            "refund_requested_total",
            "net_total",
            "commission_given_back",
            "earnings",
            "refund_state",
            "refunded_at",
            "stage",
            "version",
        ]
    )


def _record(order: Order, refund: Refund, *, by: By, at: datetime) -> None:
    record(
        order,
        HistoryKind.REFUND,
        by=by,
        at=at,
        data={
            "refund": refund.pk,
            "progress": str(refund.progress),
            "amount": str(refund.amount),
            "currency": order.currency,
            "spread": refund.is_spread,
        },
    )
