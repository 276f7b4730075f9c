"""An order's VAT in columns, derived as ``orders.documents.vat`` derives it for the invoice.

The rules are told in ``docs/rules/csv-export.md``, "VAT".
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, groupby
from typing import cast

from marketplace.money import STORED_DECIMALS, exponent, net_lines, net_of, stored_decimals
from orders.documents.vat import LinePart, Rate, borne_by_rate, given_back_by_rate, line_parts
from orders.exports.blocks import Line
from orders.models import OrderLine

ZERO = Decimal("0.00")


@dataclass(slots=True)
class RateTotal:
    """All of an order at one VAT rate: with VAT and without, and what was given back of it."""

    gross: Decimal = ZERO
    net: Decimal = ZERO
    refunded: Decimal = ZERO
    refunded_vat: Decimal = ZERO

    @property
    def vat(self) -> Decimal:
        return self.gross - self.net


def totals_by_rate(lines: Sequence[Line], *, franchise: bool, currency: str) -> dict[Rate, RateTotal]:
    """Return an order's totals per VAT rate; the rate is None where the seller charges no VAT.

    ``gross`` and ``net`` are those of ``vat_groups``. Refunds are what all credit notes state
    together: none beyond what was sold at its rate, and of all at a rate the net is rounded once.
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
    _settle_refunds(totals, STORED_DECIMALS)
    return totals


def _of_parts(lines: Sequence[Line], currency: str) -> dict[Rate, RateTotal]:
    places = _places(lines, currency)
    parts = _parts_by_line(lines, currency)
    totals: dict[Rate, RateTotal] = defaultdict(RateTotal)
    for part in chain.from_iterable(parts):
        totals[part.rate].gross += part.gross
        totals[part.rate].net += part.net
    by_line = (
        ([(part.rate, part.gross) for part in own], line.refunded_total)
        for line, own in zip(lines, parts, strict=True)
    )
    for rate, borne in borne_by_rate(by_line, places).items():
        totals[rate].refunded = borne
    _settle_refunds(totals, places)
    return totals


def _settle_refunds(totals: dict[Rate, RateTotal], places: int) -> None:
    """Turn what the lines bear of refunds into what is given back at each rate, and its VAT."""
    if not any(total.refunded for total in totals.values()):
        return
    by_rate = sorted(totals.items(), key=lambda pair: pair[0] or ZERO)
    whole: dict[Rate, Decimal] = {rate: total.gross for rate, total in by_rate}
    borne: dict[Rate, Decimal] = {rate: total.refunded for rate, total in by_rate}
    for rate, refunded in given_back_by_rate(whole, borne).items():
        totals[rate].refunded = refunded
        totals[rate].refunded_vat = refunded - net_of(refunded, rate or ZERO, places)


def _places(lines: Sequence[Line], currency: str) -> int:
    """The decimals of the currency, or those that are stored where a refund has more."""
    return stored_decimals(currency, (line.refunded_total for line in lines))


def _parts_by_line(lines: Sequence[Line], currency: str) -> list[list[LinePart]]:
    """Return ``line_parts`` line by line; an export's lines say all that it asks of an order line."""
    parts = line_parts(cast(Sequence[OrderLine], lines), currency=currency)
    return [list(own) for _line, own in groupby(parts, lambda part: id(part.line))]
