"""The lines of a WooCommerce refund, as ``GET /orders/<id>/refunds`` tells them."""

from decimal import Decimal

from marketplace.money import exponent, round_half_up
from orders.connectors.payload import Node
from orders.domain.refund_plan import RefundedLine

KINDS = ("line_items", "shipping_lines", "fee_lines")


def refund_lines(payload: object, currency: str) -> tuple[str, dict[str, RefundedLine]]:
    """Return the refund's id, and by the storefront's line id what was refunded of it.

    Amounts and units are positive and include every tax; units back on the shelf are not told
    here. Raises ``orders.connectors.payload.PayloadError``.
    """
    refund, places = Node(payload), min(exponent(currency), 2)
    lines: dict[str, RefundedLine] = {}
    for kind in KINDS:
        for node in refund[kind].entries():
            of_line = node.meta().get("_refunded_item_id")
            if of_line is None or of_line.is_empty:
                continue
            key = str(of_line.whole(least=1))
            units = abs(_number(node["quantity"])) if kind == "line_items" else Decimal(0)
            amount = -(_number(node["total"]) + _number(node["total_tax"]))
            if units or amount:
                lines[key] = RefundedLine(int(units), round_half_up(amount, places))
    return str(refund["id"].whole(least=1)), lines


def _number(node: Node) -> Decimal:
    most = Decimal("99999999.99")
    return Decimal(0) if node.is_empty else node.number(least=-most, most=most)
