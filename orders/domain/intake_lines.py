"""The lines of a reported order: stored at first, brought to what is reported while nothing was done yet."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Max

from orders.domain import stock
from orders.domain.earnings import CommissionRules, freeze_commission, settle
from orders.domain.order_data import LineData, OrderData
from orders.domain.refund_lines import lay_refunds, lift_refunds
from orders.models import LineKind, Order, OrderLine, RefundProgress, Source, StockMovement
from orders.states import TAKES_STOCK, RefundState
from vendors.models import Product, Vendor

ZERO = Decimal("0.00")
REPORTED = [
    *("kind", "external_id", "product_id", "sku", "name", "details", "quantity"),
    *("total_before_discount", "total", "storefront_net", "taxes"),
]
KEPT = ["held", "units_refunded", "units_returned", "refunded_total", "commission_given_back"]


def new_lines(data: OrderData, vendor: Vendor) -> list[OrderLine]:
    """Return the reported lines, not stored yet; the shop's products are made on first sight."""
    return [_line(position, part, vendor) for position, part in enumerate(data.lines, start=1)]


def freeze(order: Order, lines: Sequence[OrderLine], data: OrderData, source: Source | None) -> None:
    """Set totals, commission and gains of a new order from its lines; saves nothing."""
    set_totals(order, lines)
    frozen = {line.position: part.commission_rate for line, part in zip(lines, data.lines, strict=True)}
    fixed = {line.position: part.commission_fixed for line, part in zip(lines, data.lines, strict=True)}
    freeze_commission(order, lines, CommissionRules.of(source), snapshot=frozen, fixed=fixed)


def set_totals(order: Order, lines: Iterable[OrderLine]) -> None:
    """Set the order's part totals from its lines, so that total = items − discount + shipping + fees."""
    sums: dict[str, Decimal] = dict.fromkeys(LineKind.values, ZERO)
    order.items_total = ZERO
    for line in lines:
        sums[line.kind] += line.total
        if line.kind == LineKind.PRODUCT:
            order.items_total += line.total_before_discount
    order.discount_total = order.items_total - sums[LineKind.PRODUCT]
    order.shipping_total = sums[LineKind.SHIPPING]
    order.fees_total = sums[LineKind.FEE]


def is_fixed(order: Order) -> bool:
    """Say whether the order's lines change no more: parcels or documents stand on them, or certain refunds.

    Those are the ones that were made or asked for here, which people laid on lines, and all of
    an order that is wholly refunded. What a storefront refunded of it is spread anew.
    """
    made_here = order.refunds.exclude(progress=RefundProgress.FAILED).filter(source=None)
    return (
        order.refund_state == RefundState.FULL
        or order.shipments.exists()
        or order.documents.exists()
        or made_here.exists()
    )


def lines_differ(order: Order, data: OrderData) -> bool:
    """Say whether the order's lines or total are not what is reported."""
    ours = list(order.lines.all())
    theirs = new_lines(data, order.vendor)
    return order.total != data.total or [_reported(line) for line in ours] != [
        _reported(line) for line in theirs
    ]


def change_lines(order: Order, data: OrderData, source: Source, *, at: datetime) -> None:
    """Bring lines, totals, commission and stock to what is reported; saves the order.

    The caller holds the order's lock and has asked ``is_fixed`` and ``lines_differ``. Lines are
    known by the storefront's id; the rates that were frozen on them stay. Its refunds are spread
    over the new lines, and wait for their own where the storefront can be asked. Raises
    ``orders.domain.refunds.RefundRefused`` where they are more than the order is now.
    """
    lifted = lift_refunds(order)
    known = {line.external_id: line for line in order.lines.select_related("product")}
    lines = new_lines(data, order.vendor)
    _lock_shelves([*known.values(), *lines])
    cause = f"lines:{order.pk}:{order.version + 1}"
    for line in lines:
        if old := known.get(line.external_id):
            _take_over(line, old, cause, at)
    told = {line.external_id for line in lines}
    gone = [old for external_id, old in known.items() if external_id not in told]
    for old in gone:
        stock.put_back(old, old.held, cause=cause, at=at)
    StockMovement.objects.filter(line__in=gone).update(line=None)
    OrderLine.objects.filter(pk__in=[old.pk for old in gone]).delete()
    order.total, order.storefront_vat_total = data.total, data.total_tax
    _freeze_again(order, lines, data, known, source)
    _store(order, lines)
    if lifted:
        lay_refunds(order, lifted, awaits_lines=source.has_rest)
    if order.status in TAKES_STOCK:
        stock.take(order, cause=cause, at=at, oversell=True)


def _take_over(line: OrderLine, old: OrderLine, cause: str, at: datetime) -> None:
    """Let a reported line stand in for the stored one; what it holds too much goes back to the shelf."""
    if old.product_id != line.product_id:
        stock.put_back(old, old.held, cause=cause, at=at)
    elif (surplus := old.held + old.units_returned - line.quantity) > 0:
        stock.put_back(old, surplus, cause=cause, at=at)
    line.pk, line.order_id = old.pk, old.order_id
    for name in KEPT:
        setattr(line, name, getattr(old, name))


def _freeze_again(
    order: Order, lines: list[OrderLine], data: OrderData, known: dict[str, OrderLine], source: Source
) -> None:
    """Work out commission and gains of changed lines; rates and the fee that were frozen stay."""
    set_totals(order, lines)
    fee = order.commission_order_fee
    rates: dict[int, Decimal | None] = {}
    fixed: dict[int, Decimal | None] = {}
    rate_sources, fixed_sources = {}, {}
    for line, part in zip(lines, data.lines, strict=True):
        old, at = known.get(line.external_id), line.position
        rates[at], fixed[at] = part.commission_rate, part.commission_fixed
        if rates[at] is None and old is not None and old.commission_rate_source:
            rates[at], rate_sources[at] = old.commission_rate, old.commission_rate_source
        if fixed[at] is None and old is not None and old.commission_fixed_source:
            fixed[at], fixed_sources[at] = old.commission_fixed, old.commission_fixed_source
    rules = replace(CommissionRules.of(source), vat_rate=order.commission_vat_rate)
    freeze_commission(order, lines, rules, snapshot=rates, fixed=fixed)
    for line in lines:
        line.commission_rate_source = rate_sources.get(line.position, line.commission_rate_source)
        line.commission_fixed_source = fixed_sources.get(line.position, line.commission_fixed_source)
    order.commission += fee - order.commission_order_fee
    order.commission_order_fee = fee
    settle(order)


def _store(order: Order, lines: list[OrderLine]) -> None:
    """Store the lines at their places; they stand beyond the others first, since places are unique."""
    order.save()
    beyond = (order.lines.aggregate(last=Max("position"))["last"] or 0) + len(lines)
    for line in order.lines.order_by("-position"):
        order.lines.filter(pk=line.pk).update(position=line.position + beyond)
    for line in lines:
        line.order = order
        line.save()


def _lock_shelves(lines: Iterable[OrderLine]) -> None:
    numbers = {line.product_id for line in lines if line.product_id is not None}
    shelves = Product.objects.filter(pk__in=numbers).order_by("pk")
    list(shelves.select_for_update(no_key=True).values_list("pk"))


def _reported(line: OrderLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in REPORTED}


def _line(position: int, data: LineData, vendor: Vendor) -> OrderLine:
    return OrderLine(
        kind=data.kind,
        position=position,
        external_id=data.external_id,
        product=_product(data, vendor) if data.kind == LineKind.PRODUCT else None,
        sku=data.sku,
        name=data.name,
        details=data.details,
        quantity=data.quantity,
        total_before_discount=data.net_before_discount + data.tax_before_discount,
        total=data.net + data.tax,
        storefront_net=data.net,
        taxes=[
            {"label": tax.label, "rate": str(tax.rate), "amount": str(tax.amount), "kind": tax.kind}
            for tax in data.taxes
        ],
        commission_fixed=data.commission_fixed or ZERO,
    )


def _product(data: LineData, vendor: Vendor) -> Product | None:
    """The shop's product, made on first sight; nobody counts it until a person does."""
    if not data.product_external_id:
        return None
    return Product.objects.get_or_create(
        vendor=vendor, external_id=data.product_external_id, defaults={"sku": data.sku, "name": data.name}
    )[0]
