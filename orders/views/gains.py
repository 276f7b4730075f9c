"""The gains of an order told as an addition, term by term."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from marketplace.formats import money, percent
from orders.domain.earnings import KEPT
from orders.models import Order, OrderLine

ZERO = Decimal("0.00")


@dataclass(frozen=True)
class GainsExplained:
    """The terms of the sum, signed as they are added; ``lines`` tell each line's commission."""

    refunds: Decimal
    commission: Decimal
    commission_vat: Decimal
    lines: list[tuple[str, str]]


def explain_gains(order: Order, lines: Sequence[OrderLine]) -> GainsExplained:
    """Return what stands between the customer's total and the vendor's gains."""
    vat = sum((line.commission_vat for line in lines), ZERO)
    return GainsExplained(
        refunds=-order.refunded_total,
        commission=-(order.commission - vat),
        commission_vat=-vat,
        lines=[(line.full_name, _commission_of(line, order.currency)) for line in lines],
    )


def _commission_of(line: OrderLine, currency: str) -> str:
    if line.commission_base == 0:
        return _("no commission")
    if line.commission_rate_source == KEPT:
        return _("%(amount)s belong to the marketplace") % {"amount": money(line.commission, currency)}
    net = line.commission_base == line.storefront_net != line.total
    values = {
        "rate": percent(line.commission_rate),
        "base": money(line.commission_base, currency),
        "fixed": money(line.commission_fixed, currency),
        "units": line.quantity,
        "amount": money(line.commission, currency),
        "source": _sources(line),
    }
    if line.commission_fixed and net:
        return _("%(rate)s of %(base)s excl. VAT + %(units)s × %(fixed)s = %(amount)s (%(source)s)") % values
    if line.commission_fixed:
        return _("%(rate)s of %(base)s + %(units)s × %(fixed)s = %(amount)s (%(source)s)") % values
    if net:
        return _("%(rate)s of %(base)s excl. VAT = %(amount)s (%(source)s)") % values
    return _("%(rate)s of %(base)s = %(amount)s (%(source)s)") % values


def _sources(line: OrderLine) -> str:
    """Where the rate comes from, and the fixed part where it comes from elsewhere."""
    rate = _rate_source(line.commission_rate_source)
    if not line.commission_fixed or line.commission_fixed_source in ("", line.commission_rate_source):
        return rate
    return f"{rate}, {_fixed_source(line.commission_fixed_source)}"


def _fixed_source(source: str) -> str:
    return {
        "line": _("fixed part of this sale"),
        "product": _("fixed part of the product"),
        "vendor": _("fixed part of your shop"),
        "marketplace": _("fixed part of the marketplace"),
    }.get(source, "")


def _rate_source(source: str) -> str:
    return {
        "line": _("rate of this sale"),
        "product": _("rate of the product"),
        "vendor": _("rate of your shop"),
        "marketplace": _("rate of the marketplace"),
    }.get(source, "")
