"""VAT out of an order's prices, which include it: per line and per rate, to the cent.

Documents, pages and exports all say what these functions say; what the storefront states as
tax is kept on the order and never printed. The rules are told in ``docs/rules/invoicing.md``,
"VAT out of prices that include it". Nothing here reads or writes a table: ``lines`` is a
loaded list of *all* lines of *one* order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from marketplace.money import net_lines, round_half_up, split, split_steadily, stored_decimals
from orders.models import LineKind, OrderLine

ZERO = Decimal("0.00")

AnyRate = TypeVar("AnyRate", Decimal | None, str | None)  # a snapshot has its rates as text
Rate = Decimal | None
"""A fraction (0.0550 = 5.5 %); None where the seller charges no VAT (franchise)."""


@dataclass(frozen=True)
class LinePart:
    """What of an order line falls under one VAT rate: the whole line, nearly always.

    ``gross`` includes VAT and levies and is after discounts; ``net`` is without VAT (levies
    belong to the price and stay in it); ``discount`` is what was taken off, incl. VAT. All may
    be negative. ``is_share`` is true where the line was split over several rates.
    """

    line: OrderLine
    rate: Rate
    gross: Decimal
    discount: Decimal
    is_share: bool = False
    net: Decimal = ZERO

    @property
    def vat(self) -> Decimal:
        return self.gross - self.net

    @property
    def unit_net(self) -> Decimal:
        """The price of one unit without VAT, after discounts, to six decimals."""
        return round_half_up(self.net / self.line.quantity, 6)


@dataclass(frozen=True)
class VatGroup:
    """All of an order at one VAT rate; ``net + vat == gross``, in the order's currency."""

    rate: Rate
    net: Decimal
    vat: Decimal
    gross: Decimal


def line_parts(
    lines: Sequence[OrderLine], *, franchise: bool = False, currency: str = "EUR"
) -> list[LinePart]:
    """Return the lines, each as one part per VAT rate, in the order given.

    A line without VAT has the rate 0. A line with several VAT rates (shipping, a discount on the
    whole basket) is split by the gross weight of the order's products at these rates. With
    ``franchise`` every rate is None and nothing is VAT. The parts' ``gross`` add up to the lines'
    totals, and their ``net`` per rate to the group's (``vat_groups``), to the cent.
    """
    places = decimals_of(lines, currency)
    weights = {} if franchise else _weights(lines)
    parts = [part for line in lines for part in _split(line, weights, franchise, places)]
    return _with_nets(parts, places)


def vat_groups(
    lines: Sequence[OrderLine], *, franchise: bool = False, currency: str = "EUR"
) -> list[VatGroup]:
    """Return the order's amounts per VAT rate, lowest rate first; empty for no lines.

    ``net = round_half_up(gross / (1 + rate))`` of the whole group and ``vat = gross - net``. With
    ``franchise`` there is one group, whose rate is None and whose VAT is nothing.
    """
    return group_parts(line_parts(lines, franchise=franchise, currency=currency))


def group_parts(parts: Sequence[LinePart]) -> list[VatGroup]:
    """Return what ``vat_groups`` returns, of parts that ``line_parts`` returned."""
    groups = [
        VatGroup(
            rate,
            net=sum((part.net for part in members), ZERO),
            vat=sum((part.vat for part in members), ZERO),
            gross=sum((part.gross for part in members), ZERO),
        )
        for rate, members in _by_rate(parts).items()
    ]
    return sorted(groups, key=lambda group: group.rate or ZERO)


def borne_by_rate(
    lines: Iterable[tuple[Sequence[tuple[AnyRate, Decimal]], Decimal]], places: int
) -> dict[AnyRate, Decimal]:
    """Return what refunds took off the lines at each rate, incl. VAT.

    ``lines`` is of each line what it costs at its rates, and what of that was refunded. A part of
    a line over several rates never shrinks when more is refunded.
    """
    sums: dict[AnyRate, Decimal] = defaultdict(lambda: ZERO)
    for parts, refunded in lines:
        shares = split_steadily(refunded, [gross for _rate, gross in parts], places)
        for (rate, _gross), share in zip(parts, shares, strict=True):
            sums[rate] += share
    return sums


def given_back_by_rate(
    whole: Mapping[AnyRate, Decimal], borne: Mapping[AnyRate, Decimal]
) -> dict[AnyRate, Decimal]:
    """Return what is given back at each rate, incl. VAT: never beyond the ``whole`` that was sold at it.

    ``borne`` is what the lines bear (``borne_by_rate``). What is beyond at one rate goes to the
    others, in the order of ``whole``, lowest rate first: so it is where an article is refunded in
    full and a discount on the whole basket stands as a line of its own.
    """
    ends = {rate: (min(ZERO, end), max(ZERO, end)) for rate, end in whole.items()}
    limited = {rate: min(max(borne.get(rate, ZERO), low), high) for rate, (low, high) in ends.items()}
    rest = sum(borne.values(), ZERO) - sum(limited.values(), ZERO)
    for rate, (low, high) in ends.items():
        room = min(max(rest, low - limited[rate]), high - limited[rate])
        limited[rate] += room
        rest -= room
    return limited


def _split(
    line: OrderLine, weights: Mapping[Decimal, Decimal], franchise: bool, places: int
) -> list[LinePart]:
    if franchise or len(line.vat_rates) == 1:
        return [LinePart(line, None if franchise else line.vat_rates[0], line.total, line.discount)]
    rates = sorted(line.vat_rates)
    shares = [weights.get(rate, ZERO) for rate in rates]
    if not any(shares):
        shares = [_stated_gross(line, rate) for rate in rates]
    amounts = zip(split(line.total, shares, places), split(line.discount, shares, places), strict=True)
    parts = zip(rates, amounts, strict=True)
    return [LinePart(line, rate, gross, discount, is_share=True) for rate, (gross, discount) in parts]


def _weights(lines: Sequence[OrderLine]) -> dict[Decimal, Decimal]:
    """Return the gross of the products at each rate; products with several rates weigh nothing."""
    weights: dict[Decimal, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.kind == LineKind.PRODUCT and len(line.vat_rates) == 1:
            weights[line.vat_rates[0]] += line.total
    return {rate: weight for rate, weight in weights.items() if weight > 0}


def _stated_gross(line: OrderLine, rate: Decimal) -> Decimal:
    """Return the gross that the storefront's tax at ``rate`` stands for, as a weight."""
    tax = sum((Decimal(tax["amount"]) for tax in line.taxes if _is_vat_at(tax, rate)), ZERO)
    return abs(tax) * (1 + rate) / rate if rate else ZERO


def _is_vat_at(tax: Mapping[str, str], rate: Decimal) -> bool:
    return tax["kind"] == "vat" and Decimal(tax["rate"]) == rate


def _with_nets(parts: list[LinePart], places: int) -> list[LinePart]:
    """Return the parts with their amounts without VAT: per rate, then by largest remainder inside it."""
    nets = dict[int, Decimal]()
    for rate, members in _by_rate(parts).items():
        group = net_lines([part.gross for part in members], rate or ZERO, places)
        nets.update(zip(map(id, members), group, strict=True))
    return [replace(part, net=nets[id(part)]) for part in parts]


def _by_rate(parts: Sequence[LinePart]) -> dict[Rate, list[LinePart]]:
    groups: dict[Rate, list[LinePart]] = defaultdict(list)
    for part in parts:
        groups[part.rate].append(part)
    return groups


def decimals_of(lines: Sequence[OrderLine], currency: str) -> int:
    """Return the currency's decimals, at most those that are stored; more where the lines have them."""
    return stored_decimals(currency, (amount for line in lines for amount in (line.total, line.discount)))
