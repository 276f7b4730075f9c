"""An order's VAT in columns, derived as ``orders.documents.vat`` derives it for the invoice.

The rules are told in ``docs/rules/csv-export.md``, "VAT".
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import cast

from marketplace.money import exponent, net_of, round_half_up, split
from orders.documents.vat import LinePart, Rate, line_parts
from orders.exports.blocks import Line
from orders.models import OrderLine

ZERO = Decimal("0.00")
STORED_DECIMALS = 2


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
    rates = [line.vat_rates for line in lines]
    if franchise or (exponent(currency) >= STORED_DECIMALS and max(map(len, rates), default=1) == 1):
        return _of_whole_lines(lines, rates, franchise=franchise)
    return _of_parts(lines, currency)


def _of_whole_lines(
    lines: Sequence[Line], rates: Sequence[Sequence[Decimal]], *, franchise: bool
) -> dict[Rate, RateTotal]:
    """Nearly every order: each line has one rate, so that sums per rate are all that is needed."""
    totals: dict[Rate, RateTotal] = defaultdict(RateTotal)
    for line, (rate, *_none) in zip(lines, rates, strict=True):
        total = totals[None if franchise else rate]
        total.gross += line.total
        total.refunded += line.refunded_total
    for rate_or_none, total in totals.items():
        total.net = net_of(total.gross, rate_or_none or ZERO)
        _settle_refunds(total, rate_or_none or ZERO, STORED_DECIMALS)
    return totals


def _of_parts(lines: Sequence[Line], currency: str) -> dict[Rate, RateTotal]:
    """An order with lines of several rates, or in a currency without cents."""
    places = _places(lines, currency)
    totals: dict[Rate, RateTotal] = defaultdict(RateTotal)
    for _id, same_line in groupby(parts_of(lines, franchise=False, currency=currency), lambda p: id(p.line)):
        parts = list(same_line)
        refunded = split(parts[0].line.refunded_total, [part.gross for part in parts], places)
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
    places = min(exponent(currency), STORED_DECIMALS)
    is_whole = all(round_half_up(line.refunded_total, places) == line.refunded_total for line in lines)
    return places if is_whole else STORED_DECIMALS


def parts_of(lines: Sequence[Line], *, franchise: bool, currency: str) -> list[LinePart]:
    """Return ``line_parts`` of an export's lines, which say what it asks of an order line."""
    return line_parts(cast(Sequence[OrderLine], lines), franchise=franchise, currency=currency)
