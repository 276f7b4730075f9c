"""Money given back: what it does to lines, stock, gains and state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from marketplace.formats import money
from marketplace.money import split
from orders import emails
from orders.domain import earnings, stock
from orders.domain.history import By, actor_of, record, write_note
from orders.domain.parcels import units_left
from orders.domain.transitions import NotPermitted, StaleOrder, StepRefused, lock, may, move
from orders.models import (
    HistoryKind,
    LineKind,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    RefundProgress,
    Source,
)
from orders.states import PAID, OrderStatus, RefundState, Stage
from vendors.roles import Permission

ZERO = Decimal("0.00")


class RefundRefused(StepRefused):
    """The refund was not recorded; the message says why."""


@dataclass(frozen=True)
class RefundedLine:
    """What is refunded of one line: units, amount incl. VAT, and units put back on the shelf."""

    units: int
    amount_incl_vat: Decimal
    units_back: int = 0


NOTHING = RefundedLine(0, ZERO)


@dataclass(frozen=True)
class Left:
    """What may still be refunded: of the order in all, and by order line."""

    amount: Decimal
    lines: Mapping[int, RefundedLine]


@dataclass(frozen=True)
class Plan:
    """A refund that was found possible: by order line what was named, and what each line bears."""

    lines: Mapping[int, OrderLine]
    named: Mapping[int, RefundedLine]
    shares: Mapping[int, Decimal]
    amount: Decimal
    is_spread: bool


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
) -> Refund:
    """Record a confirmed refund with everything that follows from it, or change nothing.

    ``lines`` is ``{order line id: RefundedLine}``; what ``amount`` has beyond them, or all of
    it where there are none, is spread over all lines, shipping and fees by what is left of
    each. Gains fall, commission goes back in proportion, units go back to the shelf, and an
    order refunded to its last cent becomes ``refunded``.

    ``external_id`` is the storefront's: a known one returns the refund that was recorded and
    does nothing; an unknown one confirms the oldest open request of the same amount, if any.
    Locks the order. Raises RefundRefused for what is not possible, never more than is left,
    and StaleOrder if the order moved since ``version``. What was asked for is not left to
    people; a storefront reports what it has refunded, whatever was asked for.
    """
    lock(order)
    named = lines or {}
    if external_id:
        if known := order.refunds.filter(external_id=external_id).first():
            return known
        if asked_for := _open_request(order, _of_lines(named) if amount is None else amount):
            return _confirm(asked_for, external_id, reported=named, by=by, at=at)
    if version not in (None, order.version):
        raise StaleOrder(order)
    _check_may_refund(order, by)
    plan = _plan(order, named, amount, left=_left(order, keeps_requests=not isinstance(by, Source)))
    refund = _store(order, plan, RefundProgress.CONFIRMED, by=by, at=at, reason=reason)
    refund.external_id = external_id or ""
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
    plan = _plan(order, lines or {}, amount, left=_left(order))
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
    plan = _plan(order, lines or {}, amount, left=_left(order))
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
    left = _left(order)
    shares = split(left.amount, [part.amount_incl_vat for part in left.lines.values()])
    parts = {
        pk: replace(part, amount_incl_vat=share)
        for (pk, part), share in zip(left.lines.items(), shares, strict=True)
    }
    return ask_for_refund(
        order, lines=parts, amount=left.amount, by=by, at=at, reason=reason, version=version
    )


def _left(order: Order, *, keeps_requests: bool = True) -> Left:
    """Return what is left of an order; what is asked for is not, unless it is told to be."""
    amount, lines = order.total - order.refunded_total, order.lines.all()
    asked_for = {}
    if keeps_requests and order.refund_requested_total:
        amount = order.refundable
        parts = RefundLine.objects.filter(refund__order=order, refund__progress=RefundProgress.REQUESTED)
        sums = {name: Sum(name) for name in ("units", "amount", "units_back")}
        asked_for = {line: RefundedLine(*part) for line, *part in parts.values_list("line").annotate(**sums)}
    return Left(amount, {line.pk: _left_of(line, asked_for.get(line.pk, NOTHING)) for line in lines})


def _left_of(line: OrderLine, asked_for: RefundedLine) -> RefundedLine:
    units = line.quantity if line.kind == LineKind.PRODUCT else 0
    return RefundedLine(
        max(units - line.units_refunded - asked_for.units, 0),
        line.refundable - asked_for.amount_incl_vat,
        max(units - line.units_returned - asked_for.units_back, 0),
    )


def _of_lines(named: Mapping[int, RefundedLine]) -> Decimal:
    return sum((part.amount_incl_vat for part in named.values()), ZERO)


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
    left = _left(order, keeps_requests=False)
    try:
        plan = _plan(order, named, refund.amount, left=left)
    except RefundRefused:
        plan = _plan(order, _units_of(named, left), refund.amount, left=left)
    refund.progress, refund.external_id, refund.is_spread = (
        RefundProgress.CONFIRMED,
        external_id,
        plan.is_spread,
    )
    return _carry_out(order, refund, plan, by=by, at=at)


def _units_of(named: Mapping[int, RefundedLine], left: Left) -> dict[int, RefundedLine]:
    """The units alone, as far as they are left."""
    return {
        pk: RefundedLine(
            min(part.units, left.lines[pk].units), ZERO, min(part.units_back, left.lines[pk].units_back)
        )
        for pk, part in named.items()
    }


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


def _plan(order: Order, named: Mapping[int, RefundedLine], amount: Decimal | None, *, left: Left) -> Plan:
    """Check a refund against what is left of the order and its lines; raises RefundRefused."""
    lines = {line.pk: line for line in order.lines.select_related("product")}
    for pk, part in named.items():
        if pk not in lines:
            raise RefundRefused(_("Order %(number)s has no such line.") % {"number": order.number})
        _check_line(order, lines[pk], part, left.lines[pk])
    shares = {pk: part.amount_incl_vat for pk, part in named.items()}
    of_lines = _of_lines(named)
    whole = _check_amount(order, of_lines, amount, left.amount)
    if whole != of_lines:
        shares = _spread(left, shares, whole - of_lines)
    return Plan(lines=lines, named=named, shares=shares, amount=whole, is_spread=whole != of_lines)


def _check_line(order: Order, line: OrderLine, part: RefundedLine, left: RefundedLine) -> None:
    values = {"line": line.name, "units": part.units, "back": part.units_back}
    if not 0 <= part.units <= left.units:
        raise RefundRefused(
            _("%(line)s: %(left)s units can be refunded, not %(units)s.") % {**values, "left": left.units}
        )
    if not 0 <= part.units_back <= left.units_back:
        raise RefundRefused(
            _("%(line)s: %(left)s units can come back, not %(back)s.") % {**values, "left": left.units_back}
        )
    low, high = sorted((ZERO, left.amount_incl_vat))
    if not low <= part.amount_incl_vat <= high:
        raise RefundRefused(
            _("%(line)s: %(left)s can be refunded, not %(amount)s.")
            % {
                **values,
                "left": money(left.amount_incl_vat, order.currency),
                "amount": money(part.amount_incl_vat, order.currency),
            }
        )


def _check_amount(order: Order, of_lines: Decimal, amount: Decimal | None, left: Decimal) -> Decimal:
    """Return what is refunded in all; raises RefundRefused for nothing, or for more than is left."""
    whole = of_lines if amount is None else amount
    if whole <= 0 or whole != whole.quantize(ZERO):
        raise RefundRefused(_("The amount of a refund is more than nothing, with at most two decimals."))
    values = {
        "number": order.number,
        "left": money(left, order.currency),
        "lines": money(of_lines, order.currency),
        "amount": money(whole, order.currency),
    }
    if whole > left:
        raise RefundRefused(_("Order %(number)s: %(left)s can be refunded, not %(amount)s.") % values)
    if whole < of_lines:
        raise RefundRefused(_("The lines add up to %(lines)s, more than the amount of %(amount)s.") % values)
    return whole


def _spread(left: Left, shares: Mapping[int, Decimal], rest: Decimal) -> dict[int, Decimal]:
    """Add ``rest`` to the shares, over all lines by what is left of each."""
    weights = {pk: part.amount_incl_vat - shares.get(pk, ZERO) for pk, part in left.lines.items()}
    parts = split(rest, list(weights.values()))
    return {pk: shares.get(pk, ZERO) + part for pk, part in zip(weights, parts, strict=True)}


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
