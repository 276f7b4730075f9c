"""The lock under which an order is decided about."""

from orders.models import Order


def lock(order: Order) -> None:
    """Lock the order's row and read it anew; its shop and its storefront stay loaded."""
    order.refresh_from_db(
        from_queryset=Order.objects.select_for_update(of=("self",)).select_related("vendor", "source")
    )
