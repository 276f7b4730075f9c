"""One row per order line. The rules are told in ``docs/rules/csv-export.md``, "One row per line"."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from marketplace.money import round_half_up
from orders.documents.vat import Rate
from orders.exports.blocks import AmountText, Line, UnderFranchise, Values, ids_of, in_blocks, lines_of
from orders.exports.cells import Row
from orders.exports.columns import LINE_COLUMNS
from orders.exports.vat_figures import nets_by_line
from orders.models import LineKind, Order

ZERO = Decimal("0.00")
NOTHING = "0.00"


def order_fee_label() -> str:
    """The name of the commission per order in the language that is active."""
    return _("Commission per order")


class LineRows:
    """Makes a row of each product, shipping method and fee, and one of the commission per order.

    Their amounts add up to the order's. Labels are in the language that is active when this
    is made; where there are to be none, None stands in their place.
    """

    columns = LINE_COLUMNS

    def __init__(self, under_franchise: UnderFranchise, *, is_labelled: bool = True) -> None:
        self.under_franchise = under_franchise
        self.order_fee_label = order_fee_label() if is_labelled else None

    def blocks(self, orders: QuerySet[Order]) -> Iterator[list[Row]]:
        """Return the rows of ``orders``, newest order first, in blocks of so many orders."""
        return ([row for _order, rows in block for row in rows] for block in self.by_order(orders))

    def by_order(self, orders: QuerySet[Order]) -> Iterator[list[tuple[int, list[Row]]]]:
        """Return the same rows beside the id of their order."""
        kept = AmountText(F("commission") - F("commission_given_back"))
        fields = ("number", "placed_at", "status", "currency", kept, AmountText("commission_order_fee"))
        return map(self._rows, in_blocks(orders, *fields))

    def _rows(self, block: Sequence[Values]) -> list[tuple[int, list[Row]]]:
        lines, without_vat = lines_of(block), self.under_franchise(ids_of(block))
        found: list[tuple[int, list[Row]]] = []
        for order_id, *of_order, kept, order_fee in block:
            amounts, franchise = (Decimal(kept), Decimal(order_fee)), order_id in without_vat
            cells = self._cells(lines[order_id], of_order[-1], *amounts, franchise=franchise)
            found.append((order_id, [(*of_order, number, *rest) for number, rest in enumerate(cells, 1)]))
        return found

    def _cells(
        self,
        lines: Sequence[Line],
        currency: str,
        commission_kept: Decimal,
        order_fee: Decimal,
        *,
        franchise: bool,
    ) -> Iterator[Row]:
        """Yield what stands behind the line's number, for each line of one order."""
        nets = nets_by_line(lines, franchise=franchise, currency=currency)
        for line, (rates, net) in zip(lines, nets, strict=True):
            yield _line_cells(line, rates, net)
        left = commission_kept - sum((_commission_kept(line) for line in lines), ZERO)
        if order_fee or left:
            yield self._order_fee_cells(left)

    def _order_fee_cells(self, fee: Decimal) -> Row:
        before = ("", self.order_fee_label, 1, NOTHING, NOTHING, "", NOTHING, NOTHING, NOTHING, 0, NOTHING)
        return (*before, str(fee), str(ZERO - fee))


def _line_cells(line: Line, rates: Sequence[Rate], net: Decimal) -> Row:
    # The order's discount is that of its products; what was taken off shipping is in its price.
    is_product = line.kind == LineKind.PRODUCT
    unit_price = line.unit_price if is_product else round_half_up(line.total / line.quantity)
    kept = _commission_kept(line)
    return (
        line.sku,
        line.name,
        line.quantity,
        str(unit_price),
        str(line.discount if is_product else ZERO),
        " + ".join(map(_percent, rates)),
        str(net),
        str(line.total - net),
        str(line.total),
        line.units_refunded,
        str(line.refunded_total),
        str(kept),
        str(line.total - line.refunded_total - kept),
    )


def _commission_kept(line: Line) -> Decimal:
    return line.commission + line.commission_vat - line.commission_given_back


@lru_cache(maxsize=256)
def _percent(rate: Rate) -> str:
    """``Decimal("0.055")`` is ``5.5``; nothing where no VAT is charged."""
    return "" if rate is None else f"{(rate * 100).normalize():f}"
