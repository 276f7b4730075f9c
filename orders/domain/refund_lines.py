"""The lines of refunds that came without any: asked of the storefront, they replace the spreading."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from marketplace.money import stored_decimals
from orders import emails
from orders.domain import earnings
from orders.domain.credit_notes import issue_due_if_possible
from orders.domain.history import By, record
from orders.domain.refund_plan import (
    NOTHING,
    ZERO,
    Left,
    Plan,
    RefundedLine,
    RefundRefused,
    amount_of,
    plan_refund,
    units_of,
    what_is_left,
)
from orders.domain.transitions import lock
from orders.models import HistoryKind, Order, OrderLine, Refund, RefundLine, RefundProgress


def set_refund_lines(refund: Refund, lines: Mapping[int, RefundedLine], *, by: By, at: datetime) -> bool:
    """Put one refund that waits for its lines on the lines that it was for; return whether it waited.

    As ``set_lines_of_refunds`` does, but lines that have less left than is told are refused:
    raises ``orders.domain.refunds.RefundRefused``.
    """
    done = set_lines_of_refunds(refund.order, {refund.pk: lines}, by=by, at=at, is_strict=True)
    refund.refresh_from_db()
    return bool(done)


@transaction.atomic
def set_lines_of_refunds(
    order: Order,
    told: Mapping[int, Mapping[int, RefundedLine]],
    *,
    by: By,
    at: datetime,
    is_strict: bool = False,
) -> list[Refund]:
    """Plan the order's waiting refunds again, by line; return those that waited.

    ``told`` is ``{refund id: {order line id: RefundedLine}}``: all waiting refunds of an order
    together, since what one was spread over is room that another needs. A refund that has no
    lines at the storefront either stays spread, and so does one whose lines do not fit, unless
    ``is_strict``. Amounts, units back on the shelf (those that the order's own reports told of)
    and stock stay as they are; what each line bears, commission and gains follow; the credit
    notes that waited are issued. Locks the order.
    """
    lock(order)
    waiting = order.refunds.filter(pk__in=told, progress=RefundProgress.CONFIRMED, awaits_lines=True)
    refunds = sorted(waiting.order_by("at", "id"), key=lambda refund: not told[refund.pk])
    if not any(told[refund.pk] for refund in refunds):
        waiting.update(awaits_lines=False)
        emails.announce_notes(order, issue_due_if_possible(order, by=by, at=at))
        return refunds
    lines = {line.pk: line for line in order.lines.select_for_update()}
    back = {refund.pk: _take_off(refund, lines) for refund in refunds}
    order.refunded_total -= sum((refund.amount for refund in refunds), ZERO)
    for refund in refunds:
        named = _with_units_back(told[refund.pk], back[refund.pk])
        _put_on(order, refund, lines, named, is_strict=is_strict)
    _settle(order, lines)
    order.version += 1
    order.save(update_fields=["refunded_total", "net_total", "commission_given_back", "earnings", "version"])
    numbers = [refund.pk for refund in refunds]
    record(order, HistoryKind.CHANGED, by=by, at=at, data={"fields": ["refund_lines"], "refunds": numbers})
    emails.announce_notes(order, issue_due_if_possible(order, by=by, at=at))
    return refunds


def lift_refunds(order: Order) -> dict[Refund, dict[str, int]]:
    """Take the storefront's refunds off the order's lines, which change under them; saves the lines.

    Return them, the oldest first, with the units that came back by the storefront's id of the line:
    those stay off what a line holds. ``lay_refunds`` is to follow in the same transaction.
    """
    lines = {line.pk: line for line in order.lines.select_for_update()}
    refunds = sorted(
        order.refunds.filter(progress=RefundProgress.CONFIRMED),
        key=lambda refund: (len(refund.external_id), refund.external_id),
    )
    lifted = {}
    for refund in refunds:
        back = _take_off(refund, lines)
        refund.commission_given_back = ZERO  # with its part of the fee per order
        for pk, units in back.items():
            lines[pk].units_returned += units
        lifted[refund] = {lines[pk].external_id: units for pk, units in back.items()}
    _save(lines)
    order.refunded_total = ZERO
    return lifted


def lay_refunds(order: Order, lifted: Mapping[Refund, Mapping[str, int]], *, awaits_lines: bool) -> None:
    """Spread the refunds that were lifted over the lines as they are now; saves order, lines and refunds.

    With ``awaits_lines`` what each was for can be asked of the storefront once more. Raises
    RefundRefused where less is left of the order than they are.
    """
    lines = {line.pk: line for line in order.lines.select_for_update()}
    by_id = {line.external_id: line for line in lines.values()}
    back: dict[Refund, dict[int, RefundedLine]] = {}
    for refund, units in lifted.items():
        there = {by_id[external_id]: number for external_id, number in units.items() if external_id in by_id}
        back[refund] = {}
        for line, number in there.items():
            returned = min(number, line.units_returned)
            line.units_returned -= returned
            back[refund][line.pk] = RefundedLine(returned, ZERO, returned)
    _save(lines)
    of_fee = ZERO
    for refund, named in back.items():
        _put_on(order, refund, lines, named, is_strict=False)
        so_far = earnings.given_back(order.commission_order_fee, order.refunded_total, order.total)
        refund.commission_given_back += so_far - of_fee
        refund.awaits_lines, of_fee = awaits_lines, so_far
        refund.save(update_fields=["awaits_lines", "commission_given_back"])
    _settle(order, lines)
    order.save(update_fields=["refunded_total", "net_total", "commission_given_back", "earnings"])


def _take_off(refund: Refund, lines: Mapping[int, OrderLine]) -> dict[int, int]:
    """Take a refund off the lines it was spread over; return the units that came back with it."""
    back = {}
    for part in refund.lines.all():
        line = lines[part.line_id]
        line.refunded_total -= part.amount
        line.units_refunded -= part.units
        line.units_returned -= part.units_back
        refund.commission_given_back -= part.commission_given_back
        if part.units_back:
            back[part.line_id] = part.units_back
    refund.lines.all().delete()
    _save(lines)
    return back


def _with_units_back(told: Mapping[int, RefundedLine], back: Mapping[int, int]) -> dict[int, RefundedLine]:
    """What is told of a refund, with the units that are known to have come back."""
    parts = {pk: told.get(pk, NOTHING) for pk in {*told, *back}}
    return {
        pk: RefundedLine(max(part.units, back.get(pk, 0)), part.amount_incl_vat, back.get(pk, 0))
        for pk, part in parts.items()
    }


def _put_on(
    order: Order,
    refund: Refund,
    lines: Mapping[int, OrderLine],
    named: Mapping[int, RefundedLine],
    *,
    is_strict: bool,
) -> None:
    """Let the lines bear a refund as the storefront says, as far as that is possible."""
    left = what_is_left(order, keeps_requests=False)
    plan = _plan(
        order, refund, _fitted(named, left, refund.amount, _cent_of(order)), left, is_strict=is_strict
    )
    for pk in {*plan.named, *(pk for pk, share in plan.shares.items() if share)}:
        part, share, line = plan.named.get(pk, NOTHING), plan.shares.get(pk, ZERO), lines[pk]
        line.refunded_total += share
        line.units_refunded += part.units
        line.units_returned += part.units_back
        borne = RefundLine(
            refund=refund,
            line=line,
            units=part.units,
            units_back=part.units_back,
            amount=share,
            commission_given_back=_given_back(line) - _given_back_so_far(line),
        )
        refund.commission_given_back += borne.commission_given_back
        borne.save()
    order.refunded_total += refund.amount
    # Only rounding, which falls on other lines, does not make it a spread refund.
    rest = refund.amount - amount_of(plan.named)
    refund.is_spread = not plan.named or rest > _cent_of(order) * len(plan.named)
    refund.awaits_lines = False
    refund.save(update_fields=["is_spread", "awaits_lines", "commission_given_back"])
    _save(lines)


def _plan(
    order: Order, refund: Refund, named: Mapping[int, RefundedLine], left: Left, *, is_strict: bool
) -> Plan:
    try:
        return plan_refund(order, named, refund.amount, left=left)
    except RefundRefused:
        if is_strict:
            raise
        return plan_refund(order, units_of(named, left), refund.amount, left=left)


def _cent_of(order: Order) -> Decimal:
    """Return what a line may be off by at the storefront's rounding: a cent, or a yen."""
    return Decimal(1).scaleb(-stored_decimals(order.currency))


def _fitted(
    named: Mapping[int, RefundedLine], left: Left, amount: Decimal, cent: Decimal
) -> dict[int, RefundedLine]:
    """The lines' amounts so that they add up to the refund, where only rounding stands between."""
    fitted = {
        pk: RefundedLine(
            min(part.units, left.lines[pk].units),
            _within(part.amount_incl_vat, left.lines[pk].amount_incl_vat, cent),
            part.units_back,
        )
        for pk, part in named.items()
    }
    rest = amount - amount_of(fitted)
    if not rest or abs(rest) > cent * len(fitted):
        return fitted
    for pk, part in sorted(fitted.items(), key=lambda each: -abs(each[1].amount_incl_vat)):
        mended = _within(part.amount_incl_vat + rest, left.lines[pk].amount_incl_vat, cent)
        rest -= mended - part.amount_incl_vat
        fitted[pk] = RefundedLine(part.units, mended, part.units_back)
    return fitted


def _within(amount: Decimal, left: Decimal, cent: Decimal) -> Decimal:
    """The amount, at most what is left of the line; a cent more is the storefront's rounding."""
    low, high = sorted((ZERO, left))
    return min(max(amount, low), high) if low - cent <= amount <= high + cent else amount


def _settle(order: Order, lines: Mapping[int, OrderLine]) -> None:
    order.commission_given_back = sum(
        (line.commission_given_back for line in lines.values()),
        earnings.given_back(order.commission_order_fee, order.refunded_total, order.total),
    )
    earnings.settle(order)


def _given_back_so_far(line: OrderLine) -> Decimal:
    sums = line.refund_lines.filter(refund__progress=RefundProgress.CONFIRMED)
    return sums.aggregate(sum=Sum("commission_given_back"))["sum"] or ZERO


def _given_back(line: OrderLine) -> Decimal:
    return earnings.given_back(line.commission + line.commission_vat, line.refunded_total, line.total)


def _save(lines: Mapping[int, OrderLine]) -> None:
    for line in lines.values():
        line.commission_given_back = _given_back(line)
        line.save(
            update_fields=["refunded_total", "units_refunded", "units_returned", "commission_given_back"]
        )
