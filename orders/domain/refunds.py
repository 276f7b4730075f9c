"""Money given back: what it does to lines, stock, gains and state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.formats import money
from marketplace.money import split
from orders import emails
from orders.domain import earnings, stock
from orders.domain.history import By, actor_of, record, write_note
from orders.domain.transitions import NotPermitted, StaleOrder, StepRefused, lock, may, move
from orders.models import HistoryKind, Order, OrderLine, Refund, RefundLine, RefundProgress, Source
from orders.states import PAID, OrderStatus, RefundState
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
    and StaleOrder if the order moved since ``version``.
    """
    lock(order)
    if external_id:
        if known := order.refunds.filter(external_id=external_id).first():
            return known
        if asked_for := _open_request(order, amount):
            return _confirm(asked_for, external_id, by=by, at=at)
    if version not in (None, order.version):
        raise StaleOrder(order)
    _check_may_refund(order, by)
    plan = _plan(order, lines or {}, amount)
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
    plan = _plan(order, lines or {}, amount)
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
    plan = _plan(order, lines or {}, amount)
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
    return _confirm(refund, external_id, by=by, at=at)


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
    parts = {
        line.pk: RefundedLine(
            units=line.quantity - line.units_refunded if line.kind == "product" else 0,
            amount_incl_vat=line.refundable,
            units_back=line.quantity - line.units_returned if line.kind == "product" else 0,
        )
        for line in order.lines.all()
    }
    return ask_for_refund(
        order, lines=parts, amount=order.refundable, by=by, at=at, reason=reason, version=version
    )


def _open_request(order: Order, amount: Decimal | None) -> Refund | None:
    """The oldest refund that was asked for here and has this amount."""
    if amount is None:
        return None
    return order.refunds.filter(progress=RefundProgress.REQUESTED, amount=amount).order_by("at", "id").first()


def _confirm(refund: Refund, external_id: str, *, by: By, at: datetime) -> Refund:
    """Carry out a requested refund as it was asked for, or spread where that is no longer possible."""
    order = refund.order
    lock(order)
    order.refund_requested_total -= refund.amount
    named = {
        part.line_id: RefundedLine(part.units, part.amount, part.units_back) for part in refund.lines.all()
    }
    refund.lines.all().delete()
    try:
        plan = _plan(order, named, refund.amount)
    except RefundRefused:
        plan = _plan(order, {}, refund.amount)
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


def _plan(order: Order, named: Mapping[int, RefundedLine], amount: Decimal | None) -> Plan:
    """Check a refund against what is left of the order and its lines; raises RefundRefused."""
    lines = {line.pk: line for line in order.lines.select_related("product")}
    for pk, part in named.items():
        _check_line(order, lines.get(pk), part)
    shares = {pk: part.amount_incl_vat for pk, part in named.items()}
    of_lines = sum(shares.values(), ZERO)
    whole = _check_amount(order, of_lines, amount)
    if whole != of_lines:
        shares = _spread(lines, shares, whole - of_lines)
    return Plan(lines=lines, named=named, shares=shares, amount=whole, is_spread=whole != of_lines)


def _check_line(order: Order, line: OrderLine | None, part: RefundedLine) -> None:
    if line is None:
        raise RefundRefused(_("Order %(number)s has no such line.") % {"number": order.number})
    values = {"line": line.name, "units": part.units, "back": part.units_back}
    left = line.quantity - line.units_refunded
    if not 0 <= part.units <= left:
        raise RefundRefused(
            _("%(line)s: %(left)s units can be refunded, not %(units)s.") % {**values, "left": left}
        )
    out = line.quantity - line.units_returned
    if not 0 <= part.units_back <= out:
        raise RefundRefused(
            _("%(line)s: %(left)s units can come back, not %(back)s.") % {**values, "left": out}
        )
    low, high = sorted((ZERO, line.refundable))
    if not low <= part.amount_incl_vat <= high:
        raise RefundRefused(
            _("%(line)s: %(left)s can be refunded, not %(amount)s.")
            % {
                **values,
                "left": money(line.refundable, order.currency),
                "amount": money(part.amount_incl_vat, order.currency),
            }
        )


def _check_amount(order: Order, of_lines: Decimal, amount: Decimal | None) -> Decimal:
    """Return what is refunded in all; raises RefundRefused for nothing, or for more than is left."""
    whole = of_lines if amount is None else amount
    if whole <= 0 or whole != whole.quantize(ZERO):
        raise RefundRefused(_("The amount of a refund is more than nothing, with at most two decimals."))
    values = {
        "number": order.number,
        "left": money(order.refundable, order.currency),
        "lines": money(of_lines, order.currency),
        "amount": money(whole, order.currency),
    }
    if whole > order.refundable:
        raise RefundRefused(_("Order %(number)s: %(left)s can be refunded, not %(amount)s.") % values)
    if whole < of_lines:
        raise RefundRefused(_("The lines add up to %(lines)s, more than the amount of %(amount)s.") % values)
    return whole


def _spread(
    lines: Mapping[int, OrderLine], shares: Mapping[int, Decimal], rest: Decimal
) -> dict[int, Decimal]:
    """Add ``rest`` to the shares, over all lines by what is left of each."""
    left = {pk: line.refundable - shares.get(pk, ZERO) for pk, line in lines.items()}
    parts = split(rest, list(left.values()))
    return {pk: shares.get(pk, ZERO) + part for pk, part in zip(left, parts, strict=True)}


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
        part = plan.named.get(line.pk, RefundedLine(0, ZERO))
        _refund_line(refund, line, part, plan.shares.get(line.pk, ZERO), at)
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
