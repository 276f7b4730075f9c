"""The taxes of a WooCommerce order: which stand on a line, at which rate, and which are levies."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from marketplace.money import round_half_up, split
from orders.connectors.payload import MOST_MONEY, Node, PayloadError
from orders.domain.order_data import LineData, TaxData
from orders.models import Problem

# Where a tax's rate is not stated, the nearest of these is meant: first what France knows
# (mainland, Corsica, overseas: CGI 278 to 281 nonies, 294 to 297), then the other EU rates.
FRENCH_RATES = [Decimal(rate) for rate in ("20", "10", "5.5", "2.1", "13", "8.5", "1.75", "1.05", "0.9")]
OTHER_RATES = [Decimal(n) for n in (1, 3, 4, 5, 6, 7, 8, 9, 12, *range(14, 28))]
OTHER_RATES += [Decimal("4.8"), Decimal("9.5"), Decimal("13.5"), Decimal("25.5")]
LEVY = re.compile(r"\b(eco(?!nom)|d3e|deee|weee|contribution|levy|levies)")
PERCENT = re.compile(r"([0-9]{1,3}(?:[.,][0-9]{1,4})?)\s*%")


def taxes_of(order: Node, lines: list[Node], tax_kinds: Mapping[str, str], places: int) -> dict[str, TaxData]:
    """Return the taxes that ``lines`` bear by rate id, without amounts.

    A rate that is neither stated nor in the label is computed from all lines that bear the tax.
    """
    stated = {str(node["rate_id"].whole()): node for node in order["tax_lines"].entries()}
    sums: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for line in lines:
        for rate_id, tax in _borne(line):
            sums[rate_id].append((line["total"].amount(places), tax))
    taxes = {}
    for rate_id, amounts in sums.items():
        node = stated.get(rate_id, Node({}, "tax_lines"))
        label = node["label"].text(100) or node["rate_code"].text(100)
        rate = _stated_rate(node["rate_percent"], label)
        if rate is None:
            net, tax = (sum(column, Decimal(0)) for column in zip(*amounts, strict=True))
            rate = _likely_rate(net, tax, len(amounts), places, node.path)
        taxes[rate_id] = TaxData(label, rate, Decimal(0), _tax_kind(label, rate_id, tax_kinds))
    return taxes


def _borne(line: Node) -> list[tuple[str, Decimal]]:
    """Return the rate ids of the taxes that a line bears, each with its unrounded amount."""
    return [
        (str(entry["id"].whole()), entry["total"].number(least=-MOST_MONEY, most=MOST_MONEY))
        for entry in line["taxes"].entries()
        if not entry["total"].is_empty  # the tax is the order's, not this line's
    ]


def line_taxes(node: Node, line: LineData, taxes: Mapping[str, TaxData], places: int) -> tuple[TaxData, ...]:
    """Return the taxes of a line with unrounded amounts; one likely tax where only their sum is told."""
    borne = tuple(replace(taxes[rate_id], amount=amount) for rate_id, amount in _borne(node))
    if borne or not line.tax:
        return borne
    return (TaxData("", _likely_rate(line.net, line.tax, 1, places, f"{node.path}.total_tax"), line.tax),)


def with_whole_taxes(line: LineData, places: int) -> LineData:
    """Return the line with the amounts of its taxes in whole cents that add up to its tax."""
    if not line.taxes:
        return line
    amounts = split(line.tax, [abs(tax.amount) for tax in line.taxes], places)
    taxes = (replace(tax, amount=amount) for tax, amount in zip(line.taxes, amounts, strict=True))
    return replace(line, taxes=tuple(taxes))


def _stated_rate(node: Node, label: str) -> Decimal | None:
    """Return a rate from ``rate_percent``, else from the label, « TVA 5,5 % »."""
    if not node.is_empty:
        return percentage(node)
    found = PERCENT.search(label)
    percent = Decimal(found[1].replace(",", ".")) if found else Decimal(-1)
    return _fraction(percent) if 0 <= percent <= 100 else None


def _likely_rate(net: Decimal, tax: Decimal, lines: int, places: int, path: str) -> Decimal:
    """Return the known rate nearest to ``tax / net``, or the quotient where none is near.

    Near is what half a cent of rounding on both amounts of each of the ``lines`` can explain.

    Raises PayloadError at ``path`` if no rate of 0 to 100 % can.
    """
    if not tax:
        return _fraction(Decimal(0))
    exact = 100 * tax / net if net else Decimal(-1)
    if not 0 <= exact <= 100:
        raise PayloadError(path, Problem.TAX, got=round_half_up(tax, places), net=net)
    slack = Decimal(lines).scaleb(-places) / 2 * (100 + exact) / abs(net)
    for rates in (FRENCH_RATES, OTHER_RATES):
        nearest = min(rates, key=lambda rate: abs(rate - exact))
        if abs(nearest - exact) <= slack:
            return _fraction(nearest)
    return _fraction(exact)


def percentage(node: Node) -> Decimal:
    return _fraction(node.number(least=Decimal(0), most=Decimal(100), wish=Problem.NOT_PERCENTAGE))


def _fraction(percent: Decimal) -> Decimal:
    """Return 5.5 as 0.0550, with six decimals where four are too few."""
    rate = round_half_up(percent / 100, 6)
    return round_half_up(rate, 4) if rate == round_half_up(rate, 4) else rate


def _tax_kind(label: str, rate_id: str, tax_kinds: Mapping[str, str]) -> str:
    """Return "vat" or "levy": as ``tax_kinds`` says, else as the label speaks."""
    if label in tax_kinds or rate_id in tax_kinds:
        return tax_kinds.get(label) or tax_kinds[rate_id]
    words = unicodedata.normalize("NFD", label.casefold()).encode("ascii", "ignore").decode()
    return "levy" if LEVY.search(words) and not words.startswith(("tva", "vat")) else "vat"
