"""The lines of a refund that came without them, once the storefront was asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from orders.domain import earnings
from orders.domain.credit_notes import issue_due_if_possible
from orders.domain.history import By, record
from orders.domain.refund_plan import NOTHING, Plan, RefundedLine, plan_refund, what_is_left
from orders.domain.transitions import lock
from orders.models import HistoryKind, Order, OrderLine, Refund, RefundLine

ZERO = Decimal("0.00")


@transaction.atomic
def set_refund_lines(refund: Refund, lines: Mapping[int, RefundedLine], *, by: By, at: datetime) -> bool:
    """Put a refund that waits for its lines on the lines that it was for; return whether it waited.

    ``lines`` is ``{order line id: RefundedLine}``: units and amounts count. Units back on the
    shelf are those that the order's own reports told of, so no stock moves. What the lines
    leave of the amount stays spread; without any lines all of it does, and the refund waits no
    more: the credit note that waited is issued. Locks the order. Raises
    ``orders.domain.refunds.RefundRefused`` for lines that have less left than is told.
    """
    order = refund.order
    lock(order)
    refund.refresh_from_db()
    if not refund.awaits_lines:
        return False
    refund.awaits_lines = False
    if lines:
        _move(order, refund, lines)
        record(
            order, HistoryKind.CHANGED, by=by, at=at, data={"fields": ["refund_lines"], "refund": refund.pk}
        )
    refund.save()
    issue_due_if_possible(order, by=by, at=at)
    return True


def _move(order: Order, refund: Refund, lines: Mapping[int, RefundedLine]) -> None:
    back = _undo(order, refund)
    named = {
        pk: replace(part, units=max(part.units, back.get(pk, 0)), units_back=0) for pk, part in lines.items()
    }
    named |= {pk: RefundedLine(units, ZERO) for pk, units in back.items() if pk not in named}
    left = what_is_left(order, keeps_requests=False)
    plan = plan_refund(order, named, refund.amount, left=left)
    _redo(order, refund, plan, back)
    refund.is_spread = plan.is_spread


def _undo(order: Order, refund: Refund) -> dict[int, int]:
    """Take the refund off the lines that it was spread over; return the units that came back, by line."""
    back = {}
    for part in refund.lines.select_related("line"):
        part.line.refunded_total -= part.amount
        part.line.units_refunded -= part.units
        _save(part.line)
        if part.units_back:
            back[part.line_id] = part.units_back
    refund.lines.all().delete()
    order.refunded_total -= refund.amount
    return back


def _redo(order: Order, refund: Refund, plan: Plan, back: Mapping[int, int]) -> None:
    for pk in sorted({*plan.named, *(pk for pk, share in plan.shares.items() if share)}):
        line, share, units = plan.lines[pk], plan.shares.get(pk, ZERO), plan.named.get(pk, NOTHING).units
        before = line.commission_given_back
        line.refunded_total += share
        line.units_refunded += units
        _save(line)
        RefundLine.objects.create(
            refund=refund,
            line=line,
            units=units,
            units_back=back.get(pk, 0),
            amount=share,
            commission_given_back=line.commission_given_back - before,
        )
    order.refunded_total += refund.amount
    before = order.commission_given_back
    order.commission_given_back = sum(
        order.lines.values_list("commission_given_back", flat=True),
        earnings.given_back(order.commission_order_fee, order.refunded_total, order.total),
    )
    refund.commission_given_back += order.commission_given_back - before
    earnings.settle(order)
    order.version += 1
    order.save(update_fields=["commission_given_back", "earnings", "net_total", "version"])


def _save(line: OrderLine) -> None:
    """Save what is refunded of a line, with the commission that goes back for it."""
    commission = line.commission + line.commission_vat
    line.commission_given_back = earnings.given_back(commission, line.refunded_total, line.total)
    line.save(update_fields=["refunded_total", "units_refunded", "commission_given_back"])
