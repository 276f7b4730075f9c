"""The lines of a WooCommerce order: products, shipping and fees, with what Dokan froze on them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from marketplace.money import round_half_up
from orders.connectors.payload import (
    MOST_MONEY,
    NOTHING,
    Missing,
    Node,
    PayloadError,
    cut,
    id_or_nothing,
    new_id,
)
from orders.connectors.taxes import line_taxes, percentage, taxes_of, with_whole_taxes
from orders.domain.order_data import LineData, TaxData
from orders.models import Problem

MOST_TURNOVER = Decimal("9999999999.99")  # ten digits before the point
MOST_UNITS = 1_000_000
LINE_LISTS = {"product": "line_items", "shipping": "shipping_lines", "fee": "fee_lines"}


def lines_of(order: Node, total: Decimal, places: int, tax_kinds: Mapping[str, str]) -> list[LineData]:
    """Return products, shipping and fees, whose net and tax add up to ``total``.

    Raises PayloadError if they miss it by more than a cent each.
    """
    nodes = [(kind, node) for kind, key in LINE_LISTS.items() for node in order[key].entries()]
    taxes = taxes_of(order, [node for _, node in nodes], tax_kinds, places)
    lines: dict[str, LineData] = {}
    for kind, node in nodes:
        external_id = new_id(node["id"], lines)
        lines[external_id] = _line(node, kind, external_id, taxes, places)
    _check_size(lines.values())
    return [with_whole_taxes(line, places) for line in _balanced(list(lines.values()), total, places)]


def _check_size(lines: Iterable[LineData]) -> None:
    """Raise PayloadError if a sum over the lines could be more than a column of amounts keeps."""
    amounts = [(line.net, line.tax, line.net_before_discount, line.tax_before_discount) for line in lines]
    turnover = sum((abs(amount) for line in amounts for amount in line), Decimal(0))
    if turnover > MOST_TURNOVER:
        raise PayloadError("line_items", Problem.TOO_MUCH, most=MOST_TURNOVER, got=turnover)


def _line(node: Node, kind: str, external_id: str, taxes: Mapping[str, TaxData], places: int) -> LineData:
    """Return one line; the amounts of its taxes are still unrounded."""
    line = LineData(kind, external_id, "", 1, *_amounts(node, places))
    line = replace(line, taxes=line_taxes(node, line, taxes, places))
    if kind == "shipping":
        return replace(line, name=node["method_title"].text(300) or node["method_id"].text(300))
    if kind == "fee":
        return replace(line, name=node["name"].text(300))
    meta = node.meta()
    quantity = node["quantity"].whole(least=1, most=MOST_UNITS)
    rate, fixed = _commission(meta, quantity, places)
    return replace(
        line,
        name=node["name"].text(300) or node["sku"].text(100),
        quantity=quantity,
        sku=node["sku"].text(100),
        details=_details(node),
        product_external_id=_product_id(node),
        commission_rate=rate,
        commission_fixed=fixed,
        units_returned=min(_number_or_zero(meta.get("_restock_refunded_items")), quantity),
    )


def _amounts(node: Node, places: int) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Return net and tax before discounts, then net and tax after them."""
    net = node["total"].amount(places)
    tax = _amount_or(node["total_tax"], Decimal(0), places)
    if node["subtotal"].is_empty:  # shipping and fees have none
        return net, tax, net, tax
    return node["subtotal"].amount(places), _amount_or(node["subtotal_tax"], tax, places), net, tax


def _amount_or(node: Node, default: Decimal, places: int) -> Decimal:
    return default if node.is_empty else node.amount(places)


def _number_or_zero(node: Node | None) -> int:
    return 0 if node is None or node.is_empty else node.whole()


def _product_id(node: Node) -> str:
    product, variation = id_or_nothing(node["product_id"]), id_or_nothing(node["variation_id"])
    return f"{product}:{variation}" if product and variation else product


def _details(node: Node) -> str:
    """Return what the customer chose, « Taille: M, Couleur: bleu »; hidden and nested values are left out."""
    chosen = []
    for entry in node["meta_data"].entries():
        has_display = entry["display_value"].value is not Missing.MISSING  # not in older WooCommerce
        label, value = (
            (entry["display_key"], entry["display_value"]) if has_display else (entry["key"], entry["value"])
        )
        is_hidden = entry["key"].text(200).startswith(("_", "dokan_"))
        if not is_hidden and value.is_plain and value.text(500):
            chosen.append(f"{label.text(200)}: {value.text(500)}")
    return cut(", ".join(chosen), 500)


def _commission(
    meta: Mapping[str, Node], quantity: int, places: int
) -> tuple[Decimal | None, Decimal | None]:
    """Return the rate (a fraction) and the fixed amount per unit that Dokan froze on a line.

    None twice where it froze nothing. What its two numbers mean depends on the type and on
    Dokan's version: docs/rules/woocommerce-intake.md, « Commission ».
    """
    first, second = meta.get("_dokan_commission_rate", NOTHING), meta.get("_dokan_additional_fee", NOTHING)
    is_new = isinstance(meta.get("dokan_commission_meta", NOTHING).value, dict | list)  # since Dokan 3.14
    meanings = {
        "percentage": (first, NOTHING),
        "flat": (NOTHING, second if is_new else first),
        "combine": (first, second),
        "fixed": (first, second),
        "category_based": (first, second),
    }
    kind = meta.get("_dokan_commission_type", NOTHING)
    name = kind.text(40) or "percentage"
    if name not in meanings:
        raise kind.error(Problem.COMMISSION)
    percent, fee = meanings[name]
    if percent.is_empty and fee.is_empty:
        return None, None
    rate = Decimal(0) if percent.is_empty else percentage(percent)
    fixed = Decimal(0) if fee.is_empty else fee.number(least=Decimal(0), most=MOST_MONEY)
    if name == "combine":  # the one type whose fee is for the line
        fixed /= quantity
    return round_half_up(rate, 4), round_half_up(fixed, places)


def _balanced(lines: list[LineData], total: Decimal, places: int) -> list[LineData]:
    """Return the lines with what rounding left between them and ``total`` on the largest.

    It goes to the tax of the largest line that bears any, so that the net, which commissions
    are of, is kept; where no line is taxed it can only go to the net.
    """
    found = sum((line.net + line.tax for line in lines), Decimal(0))
    rest = total - found
    if abs(rest) > Decimal(len(lines)).scaleb(-places):
        raise PayloadError("total", Problem.SUM, found=found, got=total)
    if not rest:
        return lines
    taxed = [line for line in lines if line.tax]
    largest = max(taxed or lines, key=lambda line: abs(line.net + line.tax))
    if taxed:
        mended = replace(
            largest, tax=largest.tax + rest, tax_before_discount=largest.tax_before_discount + rest
        )
    else:
        mended = replace(
            largest, net=largest.net + rest, net_before_discount=largest.net_before_discount + rest
        )
    return [mended if line is largest else line for line in lines]
