"""One row per order. The rules are told in ``docs/rules/csv-export.md``, "One row per order"."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from operator import itemgetter

from django.db.models import Expression, F, QuerySet
from django.db.models import Value as Constant
from django.db.models.functions import Coalesce, NullIf

from orders.documents.vat import Rate
from orders.exports.blocks import (
    AmountText,
    Line,
    UnderFranchise,
    Values,
    ids_of,
    in_blocks,
    invoice_numbers_of,
    lines_of,
    tracking_numbers_of,
)
from orders.exports.cells import Kind, Row
from orders.exports.columns import ORDER_COLUMNS, OTHER, RATES
from orders.exports.vat_figures import RateTotal, totals_by_rate
from orders.models import LineKind, Order
from orders.states import OrderStatus, earnings_state

ZERO = Decimal("0.00")

# What follows from an order's lines, parcels and invoice, in the order in which ``OrderRows`` adds it;
# ``OrderFigures`` has the same names.
FIGURES = [
    "tracking_numbers",
    "invoice_number",
    "units",
    "items",
    "lines_total",
    "total_excl_vat",
    "vat_total",
    "refunded_vat",
    *(f"{part}_{code}" for code in [*RATES.values(), OTHER] for part in ("base", "vat")),
]
_MADE = [*FIGURES, "status_label", "earnings_state"]
# What the database says under another name; a code that stands in neither is a field of the order.
_NAMED: dict[str, str | Expression] = {
    "order_number": "number",
    "fulfillment_stage": "stage",
    "payment_method": Coalesce(NullIf("payment_title", Constant("")), "payment_method"),
    "items_total_incl_vat": AmountText("items_total"),
    "discount_incl_vat": AmountText("discount_total"),
    "shipping_incl_vat": AmountText("shipping_total"),
    "fees_incl_vat": AmountText("fees_total"),
    "total_incl_vat": AmountText("total"),
    "refunded_incl_vat": AmountText("refunded_total"),
    "net_total_incl_vat": AmountText("net_total"),
    "commission_incl_vat": AmountText(F("commission") - F("commission_given_back")),
    "earnings_incl_vat": AmountText("earnings"),
    "commission_given_back_incl_vat": AmountText("commission_given_back"),
    "storefront_vat_total": AmountText("storefront_vat_total"),
}
READ = {c.code: _NAMED.get(c.code, c.code) for c in ORDER_COLUMNS if c.code not in _MADE}
TEXTS = [c.code for c in ORDER_COLUMNS if c.code in READ and c.kind is Kind.TEXT]
CODES = ["id", *READ, *_MADE]
_STATUS, _CURRENCY = CODES.index("status"), CODES.index("currency")
_in_order = itemgetter(*(CODES.index(column.code) for column in ORDER_COLUMNS))


def status_labels() -> dict[str, str]:
    """Return ``{code: label}`` in the language that is active."""
    return {code: str(label) for code, label in OrderStatus.choices}


class OrderRows:
    """Makes a row of each order; labels are in the language that is active when this is made."""

    columns = ORDER_COLUMNS

    def __init__(self, under_franchise: UnderFranchise) -> None:
        self.under_franchise = under_franchise
        self.status_labels = status_labels()

    def blocks(self, orders: QuerySet[Order]) -> Iterator[list[Row]]:
        """Return the rows of ``orders``, newest first, in blocks."""
        return ([_in_order(values) for values in block] for block in self.all_values(orders))

    def all_values(self, orders: QuerySet[Order]) -> Iterator[list[Values]]:
        """Return what stands in the files, and more, in the order of ``CODES``; newest first, in blocks."""
        return map(self._values, in_blocks(orders, *READ.values()))

    def _values(self, block: Sequence[Values]) -> list[Values]:
        lines, parcels, invoices = lines_of(block), tracking_numbers_of(block), invoice_numbers_of(block)
        without_vat = self.under_franchise(ids_of(block))
        return [
            (
                *values,
                parcels.get(values[0], ""),
                invoices.get(values[0], ""),
                *_of_lines(lines[values[0]], values[_CURRENCY], franchise=values[0] in without_vat),
                self.status_labels[values[_STATUS]],
                earnings_state(values[_STATUS]).value,
            )
            for values in block
        ]


def _of_lines(lines: Sequence[Line], currency: str, *, franchise: bool) -> Values:
    products = [line for line in lines if line.kind == LineKind.PRODUCT]
    return (
        sum(line.quantity for line in products),
        " | ".join(map(_item, products)),
        str(sum((line.total for line in lines), ZERO)),
        *_vat_cells(totals_by_rate(lines, franchise=franchise, currency=currency)),
    )


def _item(line: Line) -> str:
    return f"{line.quantity} × {line.name} ({line.sku})" if line.sku else f"{line.quantity} × {line.name}"


def _vat_cells(totals: Mapping[Rate, RateTotal]) -> list[str]:
    """The order's net, VAT and refunded VAT, then net and VAT of each rate that has columns of its own."""
    pairs = {code: [ZERO, ZERO] for code in (*RATES.values(), OTHER)}
    net = vat = refunded_vat = ZERO
    for rate, total in totals.items():
        pair = pairs[RATES.get(rate, OTHER) if rate else OTHER]
        pair[0] += total.net
        pair[1] += total.vat
        net += total.net
        vat += total.vat
        refunded_vat += total.refunded_vat
    return list(map(str, (net, vat, refunded_vat, *chain.from_iterable(pairs.values()))))
