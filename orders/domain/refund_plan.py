"""What may still be refunded of an order, and how a refund falls on its lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from marketplace.formats import money
from marketplace.money import STORED_DECIMALS, round_half_up, split, stored_decimals
from orders.domain.transitions import StepRefused
from orders.models import LineKind, Order, OrderLine, RefundLine, RefundProgress

ZERO = Decimal("0.00")
TOO_MUCH = Decimal(10**10)  # more than a column of money holds


class RefundRefused(StepRefused):
    """The refund was not recorded; the message says why."""


@dataclass(frozen=True)
class RefundedLine:
    """What is refunded of one line: units, amount incl. VAT, and units put back on the shelf."""

    units: int
    amount_incl_vat: Decimal
    units_back: int = 0


NOTHING = RefundedLine(0, ZERO)


@dataclass(frozen=True)
class Left:
    """What may still be refunded: of the order in all, and by order line."""

    amount: Decimal
    lines: Mapping[int, RefundedLine]


@dataclass(frozen=True)
class Plan:
    """A refund that was found possible: by order line what was named, and what each line bears."""

    lines: Mapping[int, OrderLine]
    named: Mapping[int, RefundedLine]
    shares: Mapping[int, Decimal]
    amount: Decimal
    is_spread: bool


def wish(
    order: Order, lines: Mapping[int, RefundedLine] | None, amount: Decimal | None
) -> tuple[dict[int, RefundedLine], Decimal | None]:
    """Return lines and amount as they were asked for, in cents, or whole yen.

    A whole number is an amount like another; raises RefundRefused for what is no amount of the
    order's currency. An order that has fractions of a yen itself is refunded with them.
    """
    places = _decimals_of(order)
    named = {
        pk: replace(part, amount_incl_vat=_amount(part.amount_incl_vat, order, places))
        for pk, part in (lines or {}).items()
    }
    return named, None if amount is None else _amount(amount, order, places)


def _decimals_of(order: Order) -> int:
    if stored_decimals(order.currency) == STORED_DECIMALS:
        return STORED_DECIMALS
    amounts = order.lines.values_list("total", "refunded_total")
    return stored_decimals(order.currency, (amount for both in amounts for amount in both))


def _amount(value: Any, order: Order, places: int) -> Decimal:
    try:
        amount = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= TOO_MUCH or amount != round_half_up(amount, places):
        words = (
            _("“%(amount)s” is not an amount with at most two decimals.")
            if places == STORED_DECIMALS
            else _("“%(amount)s” is not an amount in %(currency)s, which has no decimals.")
        )
        raise RefundRefused(words % {"amount": value, "currency": order.currency})
    return round_half_up(amount)


def plan_refund(
    order: Order, named: Mapping[int, RefundedLine], amount: Decimal | None, *, left: Left
) -> Plan:
    """Check a refund that ``wish`` returned against what is left of order and lines; raises RefundRefused."""
    lines = {line.pk: line for line in order.lines.select_related("product")}
    for pk, part in named.items():
        if pk not in lines:
            raise RefundRefused(_("Order %(number)s has no such line.") % {"number": order.number})
        _check_line(order, lines[pk], part, left.lines[pk])
    of_lines = amount_of(named)
    whole = _check_amount(order, of_lines, amount, left.amount)
    if not whole and not _moves_goods(order, lines.values(), named):
        raise RefundRefused(
            _("The amount of a refund is more than nothing, or units come back to the shelf.")
        )
    shares = _shares(order, left, named, whole)
    is_spread = any(shares[pk] != named.get(pk, NOTHING).amount_incl_vat for pk in shares)
    return Plan(lines=lines, named=named, shares=shares, amount=whole, is_spread=is_spread)


def _moves_goods(order: Order, lines: Iterable[OrderLine], named: Mapping[int, RefundedLine]) -> bool:
    """Say whether a refund of no money does something: units come back, or a free order ends."""
    if any(part.units_back for part in named.values()):
        return True
    if order.total:
        return False
    return any(part.units for part in named.values()) or not any(_units_of(line) for line in lines)


def is_whole(order: Order) -> bool:
    """Say whether all of the order is refunded: its money; of a free order, every unit."""
    if order.total:
        return order.refunded_total == order.total
    return not any(_units_of(line) for line in order.lines.all())


def _units_of(line: OrderLine) -> int:
    """The line's units that are not refunded."""
    return line.quantity - line.units_refunded if line.kind == LineKind.PRODUCT else 0


def _shares(
    order: Order, left: Left, named: Mapping[int, RefundedLine], whole: Decimal
) -> dict[int, Decimal]:
    """Return what each line bears of ``whole``: all that is left of it where nothing is left of the order.

    So a line with a negative amount is settled with the others, and commission goes back whole.
    """
    if whole == left.amount == amount_of(left.lines):
        return {pk: part.amount_incl_vat for pk, part in left.lines.items()}
    shares = {pk: part.amount_incl_vat for pk, part in named.items()}
    rest = whole - amount_of(named)
    return _spread(order, left, shares, rest) if rest else shares


def _check_line(order: Order, line: OrderLine, part: RefundedLine, left: RefundedLine) -> None:
    values = {"line": line.name, "units": part.units, "back": part.units_back}
    if not 0 <= part.units <= left.units:
        raise RefundRefused(
            _("%(line)s: %(left)s units can be refunded, not %(units)s.") % {**values, "left": left.units}
        )
    if not 0 <= part.units_back <= left.units_back:
        raise RefundRefused(
            _("%(line)s: %(left)s units can come back, not %(back)s.") % {**values, "left": left.units_back}
        )
    low, high = sorted((ZERO, left.amount_incl_vat))
    if not low <= part.amount_incl_vat <= high:
        raise RefundRefused(
            _("%(line)s: %(left)s can be refunded, not %(amount)s.")
            % {
                **values,
                "left": money(left.amount_incl_vat, order.currency),
                "amount": money(part.amount_incl_vat, order.currency),
            }
        )


def _check_amount(order: Order, of_lines: Decimal, amount: Decimal | None, left: Decimal) -> Decimal:
    """Return what is refunded in all; raises RefundRefused for nothing, or for more than is left."""
    whole = of_lines if amount is None else amount
    if whole < 0:
        raise RefundRefused(
            _("The amount of a refund is more than nothing, or units come back to the shelf.")
        )
    values = {
        "number": order.number,
        "left": money(left, order.currency),
        "lines": money(of_lines, order.currency),
        "amount": money(whole, order.currency),
    }
    if whole > left:
        raise RefundRefused(_("Order %(number)s: %(left)s can be refunded, not %(amount)s.") % values)
    if whole < of_lines:
        raise RefundRefused(_("The lines add up to %(lines)s, more than the amount of %(amount)s.") % values)
    return whole


def _spread(order: Order, left: Left, shares: Mapping[int, Decimal], rest: Decimal) -> dict[int, Decimal]:
    """Add ``rest`` to the shares, over all lines by what is left of each."""
    weights = {pk: part.amount_incl_vat - shares.get(pk, ZERO) for pk, part in left.lines.items()}
    parts = split(rest, list(weights.values()), stored_decimals(order.currency, [rest, *weights.values()]))
    return {pk: shares.get(pk, ZERO) + part for pk, part in zip(weights, parts, strict=True)}


def what_is_left(order: Order, *, keeps_requests: bool = True) -> Left:
    """Return what is left of an order; what is asked for is not, unless it is told to be."""
    amount, lines = order.total - order.refunded_total, order.lines.all()
    asked_for = {}
    if keeps_requests:  # one of no money is for units alone
        amount = order.refundable
        parts = RefundLine.objects.filter(refund__order=order, refund__progress=RefundProgress.REQUESTED)
        sums = {name: Sum(name) for name in ("units", "amount", "units_back")}
        asked_for = {line: RefundedLine(*part) for line, *part in parts.values_list("line").annotate(**sums)}
    return Left(amount, {line.pk: _left_of(line, asked_for.get(line.pk, NOTHING)) for line in lines})


def _left_of(line: OrderLine, asked_for: RefundedLine) -> RefundedLine:
    units = line.quantity if line.kind == LineKind.PRODUCT else 0
    return RefundedLine(
        max(_units_of(line) - asked_for.units, 0),
        line.refundable - asked_for.amount_incl_vat,
        max(units - line.units_returned - asked_for.units_back, 0),
    )


def amount_of(named: Mapping[int, RefundedLine]) -> Decimal:
    return sum((part.amount_incl_vat for part in named.values()), ZERO)


def units_of(named: Mapping[int, RefundedLine], left: Left) -> dict[int, RefundedLine]:
    """The units alone, as far as they are left."""
    return {
        pk: RefundedLine(
            min(part.units, left.lines[pk].units), ZERO, min(part.units_back, left.lines[pk].units_back)
        )
        for pk, part in named.items()
    }
