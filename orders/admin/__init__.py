"""Orders and storefronts for the marketplace's staff."""

from orders.admin import intake, orders

__all__ = ["intake", "orders"]
