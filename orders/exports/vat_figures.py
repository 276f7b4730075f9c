"""An order's VAT in columns, derived as ``orders.documents.vat`` derives it for the invoice.

The rules are told in ``docs/rules/csv-export.md``, "VAT".
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import cast

from marketplace.money import STORED_DECIMALS, exponent, net_lines, net_of, split, stored_decimals
from orders.documents.vat import LinePart, Rate, line_parts
from orders.exports.blocks import Line
from orders.models import OrderLine

ZERO = Decimal("0.00")


@dataclass(slots=True)
class RateTotal:
    """All of an order at one VAT rate: with VAT and without, and what was refunded of it."""

    gross: Decimal = ZERO
    net: Decimal = ZERO
    refunded: Decimal = ZERO
    refunded_vat: Decimal = ZERO

    @property
    def vat(self) -> Decimal:
        return self.gross - self.net


def totals_by_rate(lines: Sequence[Line], *, franchise: bool, currency: str) -> dict[Rate, RateTotal]:
    """Return an order's totals per VAT rate; the rate is None where the seller charges no VAT.

    ``gross`` and ``net`` are those of ``vat_groups``. Refunds are cumulative, as credit notes
    are: of all that was refunded at a rate the net is rounded once.
    """
    rates = _rates_of_whole_lines(lines, franchise=franchise, currency=currency)
    return _of_parts(lines, currency) if rates is None else _of_whole_lines(lines, rates)


def nets_by_line(
    lines: Sequence[Line], *, franchise: bool, currency: str
) -> list[tuple[list[Rate], Decimal]]:
    """Return each line's VAT rates and its amount without VAT: those of its ``line_parts``."""
    rates = _rates_of_whole_lines(lines, franchise=franchise, currency=currency)
    if rates is None:
        parts = _parts_by_line(lines, currency)
        return [([part.rate for part in own], sum((part.net for part in own), ZERO)) for own in parts]
    nets: dict[int, Decimal] = {}
    for rate in set(rates):
        members = [at for at, of_line in enumerate(rates) if of_line == rate]
        nets |= zip(members, _nets([lines[at].total for at in members], rate or ZERO), strict=True)
    return [([rate], nets[at]) for at, rate in enumerate(rates)]


def _nets(grosses: list[Decimal], rate: Decimal) -> list[Decimal]:
    return net_lines(grosses, rate) if len(grosses) > 1 else [net_of(grosses[0], rate)]


def _rates_of_whole_lines(lines: Sequence[Line], *, franchise: bool, currency: str) -> list[Rate] | None:
    """Return the one rate of each line: nearly every order's lines have one, and nothing is to be split.

    None where a line has several rates or the currency has no cents: ``line_parts`` knows how.
    """
    if franchise:
        return [None for _line in lines]
    rates = [line.vat_rates for line in lines]
    if exponent(currency) < STORED_DECIMALS or any(len(of_line) > 1 for of_line in rates):
        return None
    return [rate for [rate] in rates]


def _of_whole_lines(lines: Sequence[Line], rates: Sequence[Rate]) -> dict[Rate, RateTotal]:
    totals: dict[Rate, RateTotal] = defaultdict(RateTotal)
    for line, rate in zip(lines, rates, strict=True):
        total = totals[rate]
        total.gross += line.total
        total.refunded += line.refunded_total
    for rate, total in totals.items():
        total.net = net_of(total.gross, rate or ZERO)
        _settle_refunds(total, rate or ZERO, STORED_DECIMALS)
    return totals


def _of_parts(lines: Sequence[Line], currency: str) -> dict[Rate, RateTotal]:
    places = _places(lines, currency)
    totals: dict[Rate, RateTotal] = defaultdict(RateTotal)
    for line, parts in zip(lines, _parts_by_line(lines, currency), strict=True):
        refunded = split(line.refunded_total, [part.gross for part in parts], places)
        for part, share in zip(parts, refunded, strict=True):
            total = totals[part.rate]
            total.gross += part.gross
            total.net += part.net
            total.refunded += share
    for rate, total in totals.items():
        _settle_refunds(total, rate or ZERO, places)
    return totals


def _settle_refunds(total: RateTotal, rate: Decimal, places: int) -> None:
    if total.refunded:
        total.refunded_vat = total.refunded - net_of(total.refunded, rate, places)


def _places(lines: Sequence[Line], currency: str) -> int:
    """The decimals of the currency, or those that are stored where a refund has more."""
    return stored_decimals(currency, (line.refunded_total for line in lines))


def _parts_by_line(lines: Sequence[Line], currency: str) -> list[list[LinePart]]:
    """Return ``line_parts`` line by line; an export's lines say all that it asks of an order line."""
    parts = line_parts(cast(Sequence[OrderLine], lines), currency=currency)
    return [list(own) for _line, own in groupby(parts, lambda part: id(part.line))]
