"""What of an order is shipped, and what is left."""

from django.db.models import Sum

from orders.models import LineKind, Order, ShipmentLine


def units_shipped(order: Order) -> dict[int, int]:
    """Return ``{order line id: units in parcels}``."""
    rows = ShipmentLine.objects.filter(line__order=order).values("line").annotate(units=Sum("units"))
    return {row["line"]: row["units"] for row in rows}


def units_left(order: Order) -> dict[int, int]:
    """Return ``{order line id: units still to ship}`` of the product lines that have any.

    Refunded units need no shipping; units refunded after they were shipped change nothing.
    """
    shipped = units_shipped(order)
    left = {
        line.pk: line.quantity - line.units_refunded - shipped.get(line.pk, 0)
        for line in order.lines.all()
        if line.kind == LineKind.PRODUCT
    }
    return {pk: units for pk, units in left.items() if units > 0}
