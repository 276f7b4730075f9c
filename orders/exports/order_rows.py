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
from orders.exports.cells import Row
from orders.exports.columns import ORDER_COLUMNS, OTHER, RATES
from orders.exports.vat_figures import RateTotal, totals_by_rate
from orders.models import LineKind, Order
from orders.states import OrderStatus, earnings_state

ZERO = Decimal("0.00")

# What stands in no column of the order: in the order in which ``OrderRows`` adds it.
_MADE = [
    "tracking_numbers",
    "invoice_number",
    "status_label",
    "earnings_state",
    "units",
    "items",
    "total_excl_vat",
    "vat_total",
    "refunded_vat",
    *(f"{part}_{code}" for code in [*RATES.values(), OTHER] for part in ("base", "vat")),
]
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
_READ = {c.code: _NAMED.get(c.code, c.code) for c in ORDER_COLUMNS if c.code not in _MADE}
_CODES = ["id", *_READ, *_MADE]
_STATUS, _CURRENCY = _CODES.index("status"), _CODES.index("currency")
_in_order = itemgetter(*(_CODES.index(column.code) for column in ORDER_COLUMNS))


class OrderRows:
    """Makes a row of each order; labels are in the language that is active when this is made."""

    columns = ORDER_COLUMNS

    def __init__(self, under_franchise: UnderFranchise) -> None:
        self.under_franchise = under_franchise
        self.status_labels = {code: str(label) for code, label in OrderStatus.choices}

    def blocks(self, orders: QuerySet[Order]) -> Iterator[list[Row]]:
        """Return the rows of ``orders``, newest first, in blocks."""
        return map(self._rows, in_blocks(orders, *_READ.values()))

    def _rows(self, block: Sequence[Values]) -> list[Row]:
        lines, parcels, invoices = lines_of(block), tracking_numbers_of(block), invoice_numbers_of(block)
        without_vat = self.under_franchise(ids_of(block))
        return [
            _in_order(
                (
                    *values,
                    parcels.get(values[0], ""),
                    invoices.get(values[0], ""),
                    *self._made(
                        values[_STATUS],
                        values[_CURRENCY],
                        lines[values[0]],
                        franchise=values[0] in without_vat,
                    ),
                )
            )
            for values in block
        ]

    def _made(self, status: str, currency: str, lines: Sequence[Line], *, franchise: bool) -> Values:
        products = [line for line in lines if line.kind == LineKind.PRODUCT]
        return (
            self.status_labels[status],
            earnings_state(status).value,
            sum(line.quantity for line in products),
            " | ".join(map(_item, products)),
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
