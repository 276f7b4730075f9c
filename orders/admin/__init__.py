"""Orders and storefronts for the marketplace's staff."""

from orders.admin import deliveries, intake, orders

__all__ = ["deliveries", "intake", "orders"]
