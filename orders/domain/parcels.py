"""What of an order is shipped, and what is left."""

from collections import Counter

from django.db.models import Sum

from orders.models import LineKind, Order, OrderLine, RefundProgress, ShipmentLine


def units_shipped(order: Order) -> dict[int, int]:
    """Return ``{order line id: units in parcels}``."""
    rows = ShipmentLine.objects.filter(line__order=order).values("line").annotate(units=Sum("units"))
    return {row["line"]: row["units"] for row in rows}


def units_outstanding(order: Order) -> dict[int, int]:
    """Return ``{order line id: units neither shipped nor refunded}`` of the product lines that have any.

    Refunded units need no shipping; units refunded after they were shipped change nothing.
    """
    shipped = units_shipped(order)
    left = {line.pk: line.quantity - line.units_refunded - shipped.get(line.pk, 0) for line in goods(order)}
    return {pk: units for pk, units in left.items() if units > 0}


def units_left(order: Order) -> dict[int, int]:
    """Return ``{order line id: units to ship now}``: outstanding, and their refund not asked for.

    Units whose refund the storefront has not answered yet stay in the shop until it has.
    """
    requested: Counter[int] = Counter()
    for refund in order.refunds.all():
        if refund.progress == RefundProgress.REQUESTED:
            requested.update({part.line_id: part.units for part in refund.lines.all()})
    left = {pk: units - requested[pk] for pk, units in units_outstanding(order).items()}
    return {pk: units for pk, units in left.items() if units > 0}


def is_all_refunded(order: Order) -> bool:
    """Say whether the order has goods and every unit of them is refunded."""
    lines = goods(order)
    return bool(lines) and all(line.units_refunded >= line.quantity for line in lines)


def goods(order: Order) -> list[OrderLine]:
    """Return the order's lines of products."""
    return [line for line in order.lines.all() if line.kind == LineKind.PRODUCT]
