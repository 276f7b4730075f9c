"""Money given back: what it does to lines, stock, gains and state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.money import split, stored_decimals
from orders import emails
from orders.domain import answers, earnings
from orders.domain.credit_notes import issue_due_if_possible
from orders.domain.history import By
from orders.domain.refund_effects import (
    end_stage_where_nothing_is_left_to_ship,
    record_refund,
    refund_line,
    settle_order,
    store_refund,
)
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
    wish,
)
from orders.domain.transitions import NotPermitted, StaleOrder, lock, may, move
from orders.models import (
    Order,
    Refund,
    RefundLine,
    RefundProgress,
    Source,
)
from orders.states import PAID, OrderStatus, RefundState, Stage
from vendors.roles import Permission

BEYOND_WHAT_IS_LEFT = "beyond_what_is_left"
BY_STATUS = "status"  # stands for the storefront's id where its status alone tells of a refund

__all__ = [
    "BEYOND_WHAT_IS_LEFT",
    "RefundPreview",
    "RefundRefused",
    "RefundedLine",
    "ask_for_refund",
    "cancel_and_refund",
    "confirm_refund",
    "fail_refund",
    "preview_refund",
    "refund_order",
    "refund_what_no_refund_accounts_for",
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
    issue_at: datetime | None = None,
) -> Refund:
    """Record a confirmed refund with everything that follows from it, or change nothing.

    ``lines`` is ``{order line id: RefundedLine}``; what ``amount`` has beyond them, or all of
    it where there are none, is spread over all lines, shipping and fees by what is left of
    each. Gains fall, commission goes back in proportion, units go back to the shelf, and an
    order refunded to its last cent becomes ``refunded``; a free one, to its last unit. An
    amount of nothing is possible where units come back: free ones, or later than their money.

    ``external_id`` is the storefront's: a known one returns the refund that was recorded and
    does nothing, and so does any after ``refund_what_no_refund_accounts_for``: that one was
    whole. An unknown one confirms the oldest open request of the same amount, if any.
    Open requests that no longer fit into what is left after it fail. With ``awaits_lines`` its
    lines can still be asked for: a refund that had to be spread, or that is taken for an open request
    by its amount alone, gets its credit note only once they are known. ``issue_at`` is when its
    credit note is issued, if not ``at``: what a storefront reports happened earlier, by its own clock.
    Locks the order. Raises RefundRefused for what is not possible, never more than is left,
    and StaleOrder if the order moved since ``version``. What was asked for is not left to
    people; a storefront reports what it has refunded, whatever was asked for.
    """
    named, amount = wish(order, lines, amount)
    lock(order)
    if external_id:
        if known := order.refunds.filter(external_id__in=[external_id, BY_STATUS]).first():
            return known
        if asked_for := _open_request(order, amount_of(named) if amount is None else amount):
            return _confirm(
                asked_for,
                external_id,
                reported=named,
                awaits_lines=awaits_lines,
                by=by,
                at=at,
                issue_at=issue_at,
            )
    if version not in (None, order.version):
        raise StaleOrder(order)
    _check_may_refund(order, by, moves_money=bool(amount_of(named) if amount is None else amount))
    plan = plan_refund(
        order, named, amount, left=what_is_left(order, keeps_requests=not isinstance(by, Source))
    )
    refund = store_refund(order, plan, RefundProgress.CONFIRMED, by=by, at=at, reason=reason)
    refund.external_id = external_id or ""
    refund.awaits_lines = awaits_lines and plan.is_spread
    return _carry_out(order, refund, plan, by=by, at=at, issue_at=issue_at)


@transaction.atomic
def refund_what_no_refund_accounts_for(
    order: Order, *, by: Source, at: datetime, issue_at: datetime | None = None
) -> Refund | None:
    """Record as refunded what is left of an order that the storefront calls refunded, with no refund for it.

    To be called once its reported refunds are recorded: nothing of a refunded order is earned,
    so the rest is a whole refund without lines, and no goods are known to be back. Returns
    None where nothing is left; repeating it has one effect. ``at`` is when the storefront says
    that it happened, ``issue_at`` when it was told here.
    """
    lock(order)
    if order.total == order.refunded_total:
        return None
    left = order.total - order.refunded_total
    return refund_order(order, amount=left, by=by, at=at, external_id=BY_STATUS, issue_at=issue_at)


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
    named, amount = wish(order, lines, amount)
    lock(order)
    if not _is_carried_out_there(order):
        return refund_order(order, lines=lines, amount=amount, by=by, at=at, reason=reason, version=version)
    if version not in (None, order.version):
        raise StaleOrder(order)
    _check_may_refund(order, by, moves_money=bool(amount_of(named) if amount is None else amount))
    plan = plan_refund(order, named, amount, left=what_is_left(order))
    refund = store_refund(order, plan, RefundProgress.REQUESTED, by=by, at=at, reason=reason)
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
    record_refund(order, refund, by=by, at=at)
    answers.ask_for_refund(order, refund, by=by)
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
    named, amount = wish(order, lines, amount)
    plan = plan_refund(order, named, amount, left=what_is_left(order))
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
    """The storefront has carried out a requested refund; confirming it twice has one effect.

    A report that came before this answer may have confirmed it already: where it is the same
    refund, its lines are those that were asked for.
    """
    order = refund.order
    lock(order)
    refund.refresh_from_db()
    if refund.progress != RefundProgress.CONFIRMED:
        return _confirm(refund, external_id, reported={}, awaits_lines=False, by=by, at=at)
    if refund.awaits_lines and refund.external_id == external_id and not refund.is_spread:
        refund.awaits_lines = False
        refund.save(update_fields=["awaits_lines"])
        issue_due_if_possible(order, by=by, at=at)
    return refund


@transaction.atomic
def fail_refund(refund: Refund, answer: str, *, by: By, at: datetime) -> None:
    """The storefront refused a requested refund: its amount is free again, its answer is kept."""
    order = refund.order
    lock(order)
    refund.refresh_from_db()
    if refund.progress == RefundProgress.REQUESTED:
        _fail(order, refund, answer, by=by, at=at)


@transaction.atomic
def cancel_and_refund(
    order: Order, *, by: By, at: datetime, reason: str = "", version: int | None = None
) -> Refund:
    """Stop a paid order: refund all that is left, with every unit back on the shelf.

    An order that cost nothing is stopped by a refund of nothing.
    """
    lock(order)
    left = what_is_left(order)
    weights = [part.amount_incl_vat for part in left.lines.values()]
    shares = split(left.amount, weights, stored_decimals(order.currency, [left.amount, *weights]))
    parts = {
        pk: replace(part, amount_incl_vat=share)
        for (pk, part), share in zip(left.lines.items(), shares, strict=True)
    }
    return ask_for_refund(
        order, lines=parts, amount=left.amount, by=by, at=at, reason=reason, version=version
    )


def _fail(order: Order, refund: Refund, answer: str, *, by: By, at: datetime, **facts: str) -> None:
    refund.progress, refund.answer = RefundProgress.FAILED, answer[:500]
    refund.save(update_fields=["progress", "answer"])
    order.refund_requested_total -= refund.amount
    order.version += 1
    order.save(update_fields=["refund_requested_total", "version"])
    record_refund(order, refund, by=by, at=at, **facts)


def _drop_requests_beyond_what_is_left(order: Order, *, by: By, at: datetime) -> None:
    """Fail the requests that no longer fit into what is left, keeping the older ones first."""
    left = order.total - order.refunded_total
    for request in order.refunds.filter(progress=RefundProgress.REQUESTED).order_by("at", "id"):
        if request.amount <= left:
            left -= request.amount
        else:
            _fail(order, request, "", by=by, at=at, why=BEYOND_WHAT_IS_LEFT)


def _is_carried_out_there(order: Order) -> bool:
    """Whether a refund is only asked for here: the storefront can be told, or says so of itself."""
    source = order.source
    return source is not None and (source.confirms_refunds or (source.has_rest and order.external_id != ""))


def _open_request(order: Order, amount: Decimal) -> Refund | None:
    """The oldest refund that was asked for here and has this amount."""
    return order.refunds.filter(progress=RefundProgress.REQUESTED, amount=amount).order_by("at", "id").first()


def _confirm(
    refund: Refund,
    external_id: str,
    *,
    reported: Mapping[int, RefundedLine],
    awaits_lines: bool,
    by: By,
    at: datetime,
    issue_at: datetime | None = None,
) -> Refund:
    """Carry out a requested refund as it was asked for, or spread where that is no longer possible.

    Units that are ``reported`` back on the shelf beyond those that were asked for come back too.
    What had to be spread waits for its lines where the storefront can be asked for them.
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
        awaits_lines = awaits_lines or (order.source is not None and order.source.has_rest)
    refund.awaits_lines = awaits_lines
    refund.progress, refund.external_id, refund.is_spread = (
        RefundProgress.CONFIRMED,
        external_id,
        plan.is_spread,
    )
    return _carry_out(order, refund, plan, by=by, at=at, issue_at=issue_at)


def _check_may_refund(order: Order, by: By, *, moves_money: bool) -> None:
    """A person needs the permission and a paid order; a storefront reports what has happened.

    Goods may come back to a refunded order too.
    """
    if isinstance(by, Source):
        return
    if not may(by, order, Permission.MANAGE_ORDERS):
        raise NotPermitted(order)
    if not moves_money and order.may_get_goods_back:
        return
    if order.status not in PAID and not order.needs_refund:
        raise RefundRefused(
            _("Order %(number)s is “%(status)s” and cannot be refunded: nothing was changed.")
            % {"number": order.number, "status": order.get_status_display()}
        )


def _carry_out(
    order: Order, refund: Refund, plan: Plan, *, by: By, at: datetime, issue_at: datetime | None
) -> Refund:
    """Apply a confirmed refund: lines, stock, gains, state, history, documents, mails."""
    touched = {*plan.named, *(pk for pk, share in plan.shares.items() if share)}
    for line in sorted((plan.lines[pk] for pk in touched), key=lambda line: (line.product_id or 0, line.pk)):
        part = plan.named.get(line.pk, NOTHING)
        refund_line(refund, line, part, plan.shares.get(line.pk, ZERO), at)
    nothing_to_ship = end_stage_where_nothing_is_left_to_ship(order, plan)
    settle_order(order, refund, at)
    record_refund(order, refund, by=by, at=at)
    _drop_requests_beyond_what_is_left(order, by=by, at=at)
    ends = order.refund_state == RefundState.FULL and order.status in PAID
    if ends:
        move(order, OrderStatus.REFUNDED, by=by, at=at, issue_at=issue_at)
    elif nothing_to_ship and order.stage == Stage.SHIPPED and order.vendor.completes_on_last_parcel:
        actor = None if isinstance(by, Source) else by
        move(order, OrderStatus.COMPLETED, by=actor, at=at, issue_at=issue_at)
    issued = issue_due_if_possible(order, by=by, at=issue_at or at)
    if refund.amount or ends:
        emails.announce_refund(order, refund, issued)
    else:
        emails.announce_notes(order, issued)
    return refund
