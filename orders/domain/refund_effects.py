"""What a refund writes down: its rows, the lines and the order it changes, its entry in the history."""

from datetime import datetime
from decimal import Decimal

from orders.domain import earnings, stock
from orders.domain.history import By, actor_of, record, write_note
from orders.domain.parcels import units_outstanding
from orders.domain.refund_plan import ZERO, Plan, RefundedLine, is_whole
from orders.models import HistoryKind, Order, OrderLine, Refund, RefundLine, RefundProgress
from orders.states import OrderStatus, RefundState, Stage


def store_refund(
    order: Order, plan: Plan, progress: RefundProgress, *, by: By, at: datetime, reason: str
) -> Refund:
    """Store the refund of a plan, its reason in a note; lines and order are not touched yet."""
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


def end_stage_where_nothing_is_left_to_ship(order: Order, plan: Plan) -> bool:
    """Set the stage where the refund took the last units that were to be shipped; return whether it did."""
    took_units = any(part.units for part in plan.named.values())
    if order.status != OrderStatus.PROCESSING or not took_units or units_outstanding(order):
        return False
    order.stage = Stage.SHIPPED if order.shipments.exists() else ""
    order.prepare_by = None
    return True


def refund_line(refund: Refund, line: OrderLine, part: RefundedLine, share: Decimal, at: datetime) -> None:
    """Write what one line bears: units, stock, and ``share`` incl. VAT with its commission."""
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


def settle_order(order: Order, refund: Refund, at: datetime) -> None:
    """Bring the order's sums, gains and refund state to what its lines say now; saves refund and order."""
    order.refunded_total += refund.amount
    if is_whole(order):
        order.refund_state = RefundState.FULL
    elif order.refunded_total:
        order.refund_state = RefundState.PARTIAL
    before = order.commission_given_back
    order.commission_given_back = sum(
        order.lines.values_list("commission_given_back", flat=True),
        order.commission_order_fee
        if order.refund_state == RefundState.FULL
        else earnings.given_back(order.commission_order_fee, order.refunded_total, order.total),
    )
    refund.commission_given_back = order.commission_given_back - before
    refund.save()
    earnings.settle(order)
    if refund.amount or not order.total:
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
            "prepare_by",
            "version",
        ]
    )


def record_refund(order: Order, refund: Refund, *, by: By, at: datetime, **facts: str) -> None:
    """Add the refund to the order's history: codes and amounts, ``facts`` besides."""
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
            **facts,
        },
    )
