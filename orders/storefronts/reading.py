"""A storefront's orders, read as that storefront writes them."""

from orders.connectors.woocommerce import parse_order
from orders.domain.order_data import OrderData
from orders.models import Source


def read_order(payload: object, source: Source) -> OrderData:
    """Return the order that ``source`` tells, by its own taxes and time zone. Raises PayloadError."""
    return parse_order(payload, tax_kinds=source.tax_kinds, time_zone=source.time_zone)
