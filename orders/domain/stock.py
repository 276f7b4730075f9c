"""Stock moves: what an order takes, gives back, and what a person counts."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from orders.models import Order, OrderLine, StockMovement
from vendors.models import Product, User


class OutOfStock(Exception):
    """A person's step needs units that are no longer there."""

    def __init__(self, product: Product, units: int) -> None:
        self.product, self.units = product, units
        super().__init__(
            _("%(product)s has fewer than %(units)s units in stock.")
            % {"product": product.sku or product.name, "units": units}
        )


def lock_shelves(order: Order) -> None:
    """Lock the order's products, so that several moves in one transaction keep one lock order for all."""
    products = Product.objects.filter(pk__in=order.lines.values("product")).order_by("pk")
    list(products.select_for_update(no_key=True).values_list("pk"))


def take(order: Order, *, cause: str, at: datetime, oversell: bool) -> None:
    """Take for each line what is ordered, less what was returned, if not yet held.

    The caller holds the order's lock. With ``oversell`` (a storefront's report) the stock may
    become negative; otherwise raises OutOfStock and the caller's transaction must roll back.
    """
    for line, product in _lines_of_counted_products(order):
        units = line.quantity - line.units_returned - line.held
        if units > 0:
            _move(line, product, -units, cause=cause, at=at, floor=None if oversell else 0)
            line.held += units
            line.save(update_fields=["held"])


def give_back(order: Order, *, cause: str, at: datetime) -> None:
    """Give back what the order's lines hold. The caller holds the order's lock."""
    for line, product in _lines_of_counted_products(order):
        if line.held > 0:
            _move(line, product, line.held, cause=cause, at=at, floor=None)
            line.held = 0
            line.save(update_fields=["held"])


def put_back(line: OrderLine, units: int, *, cause: str, at: datetime) -> None:
    """Put refunded units back on the shelf, as far as the line holds them.

    Changes ``line.held`` without saving it: the caller saves the line it refunds.
    """
    units = min(units, line.held)
    if units > 0 and line.product is not None and line.product.is_managed:
        _move(line, line.product, units, cause=cause, at=at, floor=None)
        line.held -= units


@transaction.atomic
def count(product: Product, units: int, *, by: User | None, at: datetime) -> StockMovement | None:
    """Record that a person counted ``units`` of ``product`` on the shelf at ``at``.

    The first count is the opening movement; orders placed before it move nothing.
    Returns None where the count agrees with the ledger.
    """
    product.refresh_from_db(from_queryset=Product.objects.select_for_update())
    difference = units - (product.stock or 0)
    opening = product.stock is None
    if difference == 0 and not opening:
        return None
    product.stock = units
    if opening:
        product.counted_at = at
    product.save(update_fields=["stock", "counted_at"])
    if difference == 0:
        return None
    counts = StockMovement.objects.filter(product=product, line=None).count()
    return StockMovement.objects.create(
        product=product, cause=f"count:{product.pk}:{counts + 1}", units=difference, at=at, by=by
    )


def _lines_of_counted_products(order: Order) -> Iterable[tuple[OrderLine, Product]]:
    """The order's lines whose product's stock this order moves, by product: one lock order for all."""
    lines: QuerySet[OrderLine] = order.lines.filter(product__stock__isnull=False).select_related("product")
    for line in lines.order_by("product_id", "id"):
        product = line.product
        if product is not None and (product.counted_at is None or order.placed_at >= product.counted_at):
            yield line, product


def _move(
    line: OrderLine, product: Product, units: int, *, cause: str, at: datetime, floor: int | None
) -> None:
    """Move ``units`` of the line's product in one conditional update; at least ``floor`` must be left."""
    rows = Product.objects.filter(pk=product.pk)
    if floor is not None:
        rows = rows.filter(stock__gte=floor - units)
    if not rows.update(stock=F("stock") + units):
        raise OutOfStock(product, -units)
    StockMovement.objects.create(
        product=product, line=line, cause=f"{cause}:line:{line.pk}", units=units, at=at
    )
