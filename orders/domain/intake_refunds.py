"""Refunds as a storefront reports them: by their ids, each once, whatever report tells of them first."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Max

from orders.domain import stock
from orders.domain.order_data import OrderData
from orders.domain.refunds import RefundedLine, refund_order
from orders.models import LineKind, Order, Source

ZERO = Decimal("0.00")


def report_refunds(order: Order, data: OrderData, source: Source, *, known: set[str], at: datetime) -> bool:
    """Record the refunds whose ids are not ``known``, and the units that came back; return whether any were.

    Refunds come without lines. They are spread, and wait for their lines where the storefront
    can be asked for them. Units back on the shelf are told by the order's lines, in all: they go
    with the last of the new refunds, or by themselves. A refund is of the earliest date that any
    report tells of it. Raises ``orders.domain.refunds.RefundRefused`` for more than is left.
    """
    new = sorted(
        (refund for refund in data.refunds if refund.external_id not in known),
        key=lambda refund: (len(refund.external_id), refund.external_id),
    )
    back = _returned(order, data)
    if new or back:
        stock.lock_shelves(order)  # the status that is reported with them moves stock again
    moment = data.modified_at or at
    for told in new:
        refund_order(
            order,
            lines=back if told is new[-1] else None,
            amount=told.amount,
            by=source,
            at=moment,
            issue_at=at,
            reason=told.reason,
            external_id=told.external_id,
            awaits_lines=source.has_rest,
        )
    if back and not new:
        _put_back(order, back, at=at)
    _date_back(order, data, moment)
    return bool(new or back)


def _returned(order: Order, data: OrderData) -> dict[int, RefundedLine]:
    """The units that the storefront put back on the shelf since the last report, by order line."""
    reported = {line.external_id: line.units_returned for line in data.lines if line.units_returned}
    returned = {}
    for line in order.lines.filter(kind=LineKind.PRODUCT, external_id__in=reported):
        units = min(reported[line.external_id], line.quantity) - line.units_returned
        if units > 0:
            returned[line.pk] = RefundedLine(min(units, line.quantity - line.units_refunded), ZERO, units)
    return returned


def _put_back(order: Order, back: dict[int, RefundedLine], *, at: datetime) -> None:
    """Units that came back for a refund that is recorded already."""
    for line in order.lines.filter(pk__in=back).select_related("product").order_by("product_id", "pk"):
        part = back[line.pk]
        line.units_returned += part.units_back
        line.units_refunded = max(line.units_refunded, line.units_returned)
        stock.put_back(line, part.units_back, cause=f"returned:{line.units_returned}", at=at)
        line.save(update_fields=["units_returned", "units_refunded", "held"])


def _date_back(order: Order, data: OrderData, moment: datetime) -> None:
    """An earlier report that tells of a refund says better when it was made."""
    told = [refund.external_id for refund in data.refunds]
    earlier = order.refunds.filter(external_id__in=told, source__isnull=False, at__gt=moment)
    if told and data.modified_at and earlier.update(at=moment):
        order.refunded_at = order.refunds.aggregate(last=Max("at"))["last"]
        order.save(update_fields=["refunded_at"])
