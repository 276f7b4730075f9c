"""What the vendor gains: commission per line, frozen at arrival, given back with refunds.

The rules are told in ``docs/rules/order-states.md``, "Gains".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from marketplace.money import round_half_up
from orders.models import LineKind, Order, OrderLine, Source

ZERO = Decimal(0)
KEPT = "kept"  # the source of a commission that is the whole line


@dataclass(frozen=True)
class CommissionRules:
    """What the marketplace charges where neither line, product nor shop says otherwise.

    ``base`` is "net" (the line after discounts, without VAT), "gross" or
    "gross_with_shipping"; rates are fractions, ``fixed`` is an amount per unit, ``order_fee`` one
    per order. What customers pay for shipping, and as fees, belongs to the marketplace where it
    ``keeps_shipping`` and ``keeps_fees``.
    """

    rate: Decimal
    base: str = "net"
    vat_rate: Decimal = ZERO
    order_fee: Decimal = ZERO
    fixed: Decimal = ZERO
    keeps_shipping: bool = False
    keeps_fees: bool = False

    @classmethod
    def of(cls, source: Source | None) -> "CommissionRules":
        """The rules in force: the storefront's own, else the settings'."""

        def told(name: str, default: Decimal) -> Decimal:
            own: Decimal | None = getattr(source, f"commission_{name}", None)
            return default if own is None else own

        return cls(
            rate=told("rate", settings.COMMISSION_RATE),
            base=(source.commission_base if source else "") or settings.COMMISSION_BASE,
            vat_rate=told("vat_rate", settings.COMMISSION_VAT_RATE),
            order_fee=told("order_fee", settings.COMMISSION_ORDER_FEE),
            fixed=settings.COMMISSION_FIXED,
            keeps_shipping=settings.SHIPPING_BELONGS_TO == "marketplace",
            keeps_fees=settings.FEES_BELONG_TO == "marketplace",
        )


def line_commission(base: Decimal, rate: Decimal, fixed: Decimal, quantity: int) -> Decimal:
    """Return ``round(base × rate) + fixed × quantity``, at least nothing and at most the base."""
    if base <= 0:
        return Decimal("0.00")
    return min(round_half_up(base * rate) + fixed * quantity, base)


def freeze_commission(
    order: Order,
    lines: Sequence[OrderLine],
    rules: CommissionRules,
    *,
    snapshot: Mapping[int, Decimal | None],
    fixed: Mapping[int, Decimal | None],
) -> None:
    """Set every line's commission and the order's commission and gains; saves nothing.

    ``snapshot`` has, by line position, the rate that the storefront froze on the line, and
    ``fixed`` the amount per unit. Each comes from the line, its product, the shop, the
    marketplace, in this order.
    """
    for line in lines:
        if _is_kept(line, rules):
            _keep(line)
        else:
            _charge(line, order, rules, snapshot.get(line.position), fixed.get(line.position))
    order.commission_vat_rate = rules.vat_rate
    order.commission_order_fee = rules.order_fee + round_half_up(rules.order_fee * rules.vat_rate)
    order.commission = sum(
        (line.commission + line.commission_vat for line in lines), order.commission_order_fee
    )
    settle(order)


def settle(order: Order) -> None:
    """Set what follows from the order's amounts: total after refunds, and gains; saves nothing."""
    order.net_total = order.total - order.refunded_total
    order.earnings = order.net_total - order.commission + order.commission_given_back


def given_back(commission: Decimal, refunded: Decimal, total: Decimal) -> Decimal:
    """Return how much of ``commission`` goes back once ``refunded`` of ``total`` is refunded.

    Cumulative: several refunds that add up to the whole give back exactly the whole.
    """
    if total == 0:
        return Decimal("0.00")
    return round_half_up(commission * refunded / total)


def _is_kept(line: OrderLine, rules: CommissionRules) -> bool:
    """Say whether the line belongs to the marketplace; a rebate never does, it is on the shop's goods."""
    is_kept = {LineKind.SHIPPING: rules.keeps_shipping, LineKind.FEE: rules.keeps_fees}
    return line.total > 0 and is_kept.get(LineKind(line.kind), False)


def _keep(line: OrderLine) -> None:
    """Charge the whole line, VAT included: it is not the shop's, and bears no VAT on a commission."""
    line.commission_base = line.commission = line.total
    line.commission_rate, line.commission_rate_source = Decimal(1), KEPT
    line.commission_fixed, line.commission_fixed_source = ZERO, ""
    line.commission_vat = ZERO


def _charge(
    line: OrderLine, order: Order, rules: CommissionRules, rate: Decimal | None, fixed: Decimal | None
) -> None:
    line.commission_base = _base_of(line, rules)
    line.commission_rate, line.commission_rate_source = _rate_of(line, order, rules, rate)
    line.commission_fixed, line.commission_fixed_source = _fixed_of(line, order, rules, fixed)
    line.commission = line_commission(
        line.commission_base, line.commission_rate, line.commission_fixed, line.quantity
    )
    line.commission_vat = round_half_up(line.commission * rules.vat_rate)


def _base_of(line: OrderLine, rules: CommissionRules) -> Decimal:
    bears = line.kind == LineKind.PRODUCT or (
        line.kind == LineKind.SHIPPING and rules.base == "gross_with_shipping"
    )
    if not bears:
        return Decimal("0.00")
    return line.storefront_net if rules.base == "net" else line.total


def _rate_of(
    line: OrderLine, order: Order, rules: CommissionRules, frozen: Decimal | None
) -> tuple[Decimal, str]:
    if line.commission_base == 0:
        return ZERO, ""
    on_product = line.product.commission_rate if line.product is not None else None
    return _nearest(frozen, on_product, order.vendor.commission_rate, rules.rate)


def _fixed_of(
    line: OrderLine, order: Order, rules: CommissionRules, frozen: Decimal | None
) -> tuple[Decimal, str]:
    """Return the amount per unit, and where it comes from; goods alone bear one that no sale states."""
    if line.commission_base == 0 or (line.kind != LineKind.PRODUCT and frozen is None):
        return ZERO, ""
    on_product = line.product.commission_fixed if line.product is not None else None
    return _nearest(frozen, on_product, order.vendor.commission_fixed, rules.fixed)


def _nearest(
    on_line: Decimal | None, on_product: Decimal | None, on_shop: Decimal | None, everywhere: Decimal
) -> tuple[Decimal, str]:
    for value, source in ((on_line, "line"), (on_product, "product"), (on_shop, "vendor")):
        if value is not None:
            return value, source
    return everywhere, "marketplace"
