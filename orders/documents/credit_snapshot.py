"""Taking the snapshot of a credit note from the invoice it corrects and what was refunded until now.

Cumulative, per VAT rate (docs/rules/invoicing.md, "Credit notes"): what a note states is the
difference of two rounded totals, so that notes which add up to the invoice leave nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from marketplace.money import net_of, round_half_up, share_net, split_steadily
from orders.documents.snapshot import TEMPLATE, Euros, Group, Levy, Line, Seller, Snapshot, Totals
from orders.documents.vat import borne_by_rate, given_back_by_rate

ZERO = Decimal("0.00")
REDUCTION = "Réduction sur\u202f: "
SHARE_OF_DISCOUNT = "Part des remises du panier"


@dataclass(frozen=True)
class Credit:
    """What a note gives back: by line position the amounts incl. VAT until now, and of the notes before.

    ``units`` are those of this note alone.
    """

    until_now: Mapping[int, Decimal]
    before: Mapping[int, Decimal] = field(default_factory=dict)
    units: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What of a credit note is not about its lines.

    ``due`` is what of the invoice nobody had paid and this note takes back: it is open no more.
    """

    number: str
    on: date
    texts: dict[str, str]
    seller: Seller
    mandate: str = ""
    reason: str = ""
    refunded_on: str = ""
    is_spread: bool = False
    is_correction: bool = False
    due: Decimal = ZERO


@dataclass(frozen=True)
class _Part:
    line: Line
    gross: Decimal
    quantity: int = 1
    levies: Sequence[Levy] = ()


def credit_snapshot(invoice: Snapshot, credit: Credit, facts: Facts) -> Snapshot:
    """Return what the credit note says; all amounts are positive: what is given back."""
    places = invoice["decimals"]
    parts = [*_parts(invoice, credit, places), *_shares_of_discounts(invoice, credit, places)]
    groups = _groups(invoice, credit, {part.line["rate"] for part in parts}, places)
    totals = _totals(groups, facts.due)
    return {
        **invoice,
        "template": TEMPLATE,
        "type_code": "381",
        "texts": facts.texts,
        "number": facts.number,
        "issued_on": facts.on.isoformat(),
        "mandate": facts.mandate,
        "seller": facts.seller,
        "is_paid": not facts.due,
        "paid_on": facts.refunded_on,
        "due_on": facts.on.isoformat(),
        "lines": _lines(parts, groups, places),
        "groups": groups,
        "totals": totals,
        "euros": _in_euros(invoice, credit, groups, places),
        "terms": None,
        "corrects": {"number": invoice["number"], "issued_on": invoice["issued_on"]},
        "reason": facts.reason,
        "refunded_on": facts.refunded_on,
        "is_spread": facts.is_spread,
        "is_correction": facts.is_correction,
    }


def _parts(invoice: Snapshot, credit: Credit, places: int) -> list[_Part]:
    """Return what is given back of each line of the invoice, per rate."""
    found = []
    for position, lines in _by_position(invoice).items():
        whole = [Decimal(line["gross"]) for line in lines]
        now = split_steadily(credit.until_now.get(position, ZERO), whole, places)
        before = split_steadily(credit.before.get(position, ZERO), whole, places)
        for line, gross, after, earlier in zip(lines, whole, now, before, strict=True):
            if after != earlier:
                units = credit.units.get(position, 0)
                levies = _levies(line, gross, earlier, after, places)
                found.append(_Part(_named(line, units), after - earlier, units or 1, levies))
    return found


def _named(line: Line, units: int) -> Line:
    """Return the line as a note names it: money without units is a reduction, no article that came back."""
    return line if units or line["kind"] != "product" else {**line, "name": REDUCTION + line["name"]}


def _levies(line: Line, gross: Decimal, before: Decimal, after: Decimal, places: int) -> list[Levy]:
    """Return the part of each levy that goes back with the price."""

    def until(amount: Decimal, levy: Levy) -> Decimal:
        return round_half_up(Decimal(levy["amount"]) * amount / gross, places)

    shares = [(levy, until(after, levy) - until(before, levy)) for levy in line["levies"]]
    return [{**levy, "amount": str(share)} for levy, share in shares if share]


def _shares_of_discounts(invoice: Snapshot, credit: Credit, places: int) -> list[_Part]:
    """Return what moves between rates, because no rate gives back more than was invoiced at it.

    So it is where an article is refunded in full and a discount on the whole basket stands as a
    line of its own.
    """
    now, before = _moved(invoice, credit.until_now, places), _moved(invoice, credit.before, places)
    moved = {rate: now[rate] - before[rate] for rate in now}
    return [_Part(_discount_line(rate), amount) for rate, amount in moved.items() if amount]


def _moved(invoice: Snapshot, refunded: Mapping[int, Decimal], places: int) -> dict[str | None, Decimal]:
    lines = _gross_by_rate(invoice, refunded, places)
    limited = _limited(invoice, lines)
    return {rate: limited[rate] - lines[rate] for rate in limited}


def _groups(invoice: Snapshot, credit: Credit, used: Collection[str | None], places: int) -> list[Group]:
    """Return the amounts per rate: of those that lines of the note have (``used``), and all that changes."""
    now, before = _given_back(invoice, credit, places)
    groups: list[Group] = []
    for rate in (group["rate"] for group in invoice["groups"]):
        gross = now[rate] - before[rate]
        fraction = Decimal(rate or 0)
        net = net_of(now[rate], fraction, places) - net_of(before[rate], fraction, places)
        if gross or net or rate in used:
            groups.append({"rate": rate, "net": _str(net), "vat": _str(gross - net), "gross": _str(gross)})
    return groups


def _given_back(
    invoice: Snapshot, credit: Credit, places: int
) -> tuple[dict[str | None, Decimal], dict[str | None, Decimal]]:
    """Return what is given back at each rate, incl. VAT: with this note, and before it."""
    now, before = (
        _limited(invoice, _gross_by_rate(invoice, refunded, places))
        for refunded in (credit.until_now, credit.before)
    )
    return now, before


def _gross_by_rate(
    invoice: Snapshot, refunded: Mapping[int, Decimal], places: int
) -> dict[str | None, Decimal]:
    lines = (
        ([(line["rate"], Decimal(line["gross"])) for line in lines], refunded.get(position, ZERO))
        for position, lines in _by_position(invoice).items()
    )
    return borne_by_rate(lines, places)


def _limited(invoice: Snapshot, sums: Mapping[str | None, Decimal]) -> dict[str | None, Decimal]:
    whole = {group["rate"]: Decimal(group["gross"]) for group in invoice["groups"]}
    return given_back_by_rate(whole, sums)


def _lines(parts: Sequence[_Part], groups: Sequence[Group], places: int) -> list[Line]:
    """Return the note's lines; their amounts without VAT add up to those of the groups."""
    nets: dict[int, Decimal] = {}
    for group in groups:
        members = [part for part in parts if part.line["rate"] == group["rate"]]
        shares = share_net(
            Decimal(group["net"]), [part.gross for part in members], Decimal(group["rate"] or 0), places
        )
        nets.update(zip(map(id, members), shares, strict=True))
    return [_line(part, nets[id(part)]) for part in parts]


def _line(part: _Part, net: Decimal) -> Line:
    return {
        **part.line,
        "quantity": part.quantity,
        "unit_net": str(round_half_up(net / part.quantity, 6)),
        "net": _str(net),
        "gross": _str(part.gross),
        "discount": "0.00",
        "levies": list(part.levies),
    }


def _discount_line(rate: str | None) -> Line:
    return {
        "position": 0,
        "kind": "fee",
        "name": SHARE_OF_DISCOUNT,
        "details": "",
        "sku": "",
        "quantity": 1,
        "unit_net": "0",
        "rate": rate,
        "net": "0.00",
        "gross": "0.00",
        "discount": "0.00",
        "is_share": True,
        "levies": [],
    }


def _by_position(invoice: Snapshot) -> dict[int, list[Line]]:
    lines: dict[int, list[Line]] = defaultdict(list)
    for line in invoice["lines"]:
        lines[line["position"]].append(line)
    return lines


def _totals(groups: Sequence[Group], due: Decimal = ZERO) -> Totals:
    gross = sum((Decimal(group["gross"]) for group in groups), ZERO)
    return {
        "net": _str(sum((Decimal(group["net"]) for group in groups), ZERO)),
        "vat": _str(sum((Decimal(group["vat"]) for group in groups), ZERO)),
        "gross": _str(gross),
        "discount": "0.00",
        "prepaid": _str(gross - due),
        "due": _str(due),
    }


def _in_euros(invoice: Snapshot, credit: Credit, groups: Sequence[Group], places: int) -> Euros | None:
    """Return the note's amounts in euros, at the rate of the invoice; cumulative as well."""
    euros = invoice["euros"]
    if euros is None:
        return None
    now, before = _given_back(invoice, credit, places)
    rate = Decimal(euros["rate"])

    def until(sums: Mapping[str | None, Decimal], of: str | None) -> Group:
        return _converted(of, sums, rate, places)

    converted = [_difference(until(now, of), until(before, of)) for of in (group["rate"] for group in groups)]
    totals = _totals(converted)
    return {
        **euros,
        "groups": converted,
        "net": totals["net"],
        "vat": totals["vat"],
        "gross": totals["gross"],
    }


def _converted(of: str | None, sums: Mapping[str | None, Decimal], euros: Decimal, places: int) -> Group:
    gross = sums[of]
    vat = gross - net_of(gross, Decimal(of or 0), places)
    in_euros, vat_in_euros = round_half_up(gross * euros), round_half_up(vat * euros)
    return {
        "rate": of,
        "net": _str(in_euros - vat_in_euros),
        "vat": _str(vat_in_euros),
        "gross": _str(in_euros),
    }


def _difference(now: Group, before: Group) -> Group:
    def less(key: Literal["net", "vat", "gross"]) -> str:
        return _str(Decimal(now[key]) - Decimal(before[key]))

    return {"rate": now["rate"], "net": less("net"), "vat": less("vat"), "gross": less("gross")}


def _str(amount: Decimal) -> str:
    return str(amount + ZERO)
