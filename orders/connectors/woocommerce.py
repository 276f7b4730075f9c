"""WooCommerce + Dokan: the body of an order, told as ``OrderData``.

Knows the foreign format and touches no table. Its rules are told in
``docs/rules/woocommerce-intake.md``. Everything here was written by a stranger: whatever JSON
a payload holds in whatever place, the only exception is PayloadError.
"""

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from marketplace.money import exponent, round_half_up, split
from orders.domain.order_data import AddressData, LineData, OrderData, RefundData, TaxData
from orders.states import OrderStatus

MULTI_VENDOR_BASKET = "multi-vendor-basket"
SKIPPED_STATUSES = frozenset({"checkout-draft", "auto-draft", "trash"})

MOST_MONEY = Decimal("99999999.99")
MOST_TURNOVER = Decimal("9999999999.99")  # ten digits before the point
MOST_UNITS = 1_000_000
MOST_ENTRIES = 1000  # of any list
HIGHEST_ID = 10**18
YEARS = range(2000, 2101)

LINE_LISTS = {"product": "line_items", "shipping": "shipping_lines", "fee": "fee_lines"}

# Where a tax's rate is not stated, the nearest of these is meant: first what France knows
# (mainland, Corsica, overseas: CGI 278 to 281 nonies, 294 to 297), then the other EU rates.
FRENCH_RATES = [Decimal(rate) for rate in ("20", "10", "5.5", "2.1", "13", "8.5", "1.75", "1.05", "0.9")]
OTHER_RATES = [Decimal(n) for n in (1, 3, 4, 5, 6, 7, 8, 9, 12, *range(14, 28))]
OTHER_RATES += [Decimal("4.8"), Decimal("9.5"), Decimal("13.5"), Decimal("25.5")]
LEVY = re.compile(r"\b(eco(?!nom)|d3e|deee|weee|contribution|levy|levies)")

NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")
PERCENT = re.compile(r"([0-9]{1,3}(?:[.,][0-9]{1,4})?)\s*%")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
GAPS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# What neither a database nor an XML document takes: controls, and non-characters.
UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


class PayloadError(ValueError):
    """A payload that cannot be taken; says where and why, fit to show.

    ``str(error)`` is ``line_items[2].quantity: must be at least 1, got 0``.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class _Missing(Enum):
    MISSING = "missing"


# --- Reading a payload ---


@dataclass(frozen=True)
class Node:
    """A value of the payload and the path to it; every method raises PayloadError."""

    value: object
    path: str = ""

    def __getitem__(self, key: str) -> "Node":
        """Return the member ``key`` of an object; a missing one is an empty node."""
        if not isinstance(self.value, dict):
            raise self.error("must be an object")
        path = f"{self.path}.{key}" if self.path else key
        return Node(self.value.get(key, _Missing.MISSING), path)

    @property
    def is_empty(self) -> bool:
        return self.value is None or self.value is _Missing.MISSING or self.value == ""

    @property
    def is_plain(self) -> bool:
        """Whether this is a text or a number."""
        return isinstance(self.value, str | int | float) and not isinstance(self.value, bool)

    def error(self, problem: str) -> PayloadError:
        """Return the error to raise: ``problem`` and the value, or that there is none."""
        if self.value is _Missing.MISSING:
            return PayloadError(self.path, "is missing")
        return PayloadError(self.path or "payload", f"{problem}, got {_shown(self.value)}")

    def optional(self) -> "Node":
        """Return an object, an empty one for null and for the empty list that PHP makes of it."""
        return Node({}, self.path) if self.is_empty or self.value == [] else self

    def entries(self) -> list["Node"]:
        """Return the elements of a list, none where there is no list."""
        if self.is_empty:
            return []
        if not isinstance(self.value, list):
            raise self.error("must be a list")
        if len(self.value) > MOST_ENTRIES:
            raise PayloadError(self.path, f"must have at most {MOST_ENTRIES} entries, got {len(self.value)}")
        return [Node(value, f"{self.path}[{i}]") for i, value in enumerate(self.value)]

    def meta(self) -> dict[str, "Node"]:
        """Return the values of an object's ``meta_data`` by key, the first of equal keys."""
        values: dict[str, Node] = {}
        for entry in self["meta_data"].entries():
            values.setdefault(entry["key"].text(200), entry["value"])
        return values

    def text(self, limit: int) -> str:
        """Return plain text on one line, cut to ``limit`` characters; empty for null."""
        return _cut(GAPS.sub(" ", self._plain()), limit)

    def paragraphs(self, limit: int) -> str:
        """Return plain text that may have several lines, cut to ``limit`` characters."""
        return _cut(self._plain().replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "), limit)

    def _plain(self) -> str:
        if self.is_empty or self.value is False:  # PHP says false for what it does not know
            return ""
        if not self.is_plain:
            raise self.error("must be a text")
        if not isinstance(self.value, str):
            return _shown(self.value)
        return ENTITY.sub(lambda entity: html.unescape(entity[0]), self.value)

    def number(self, *, least: Decimal, most: Decimal, wish: str = "an amount") -> Decimal:
        """Return a decimal number as sent, unrounded, of a number or its text."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.error(f"must be {wish}")
        if not isinstance(value, int):
            text = str(value).strip()
            if not NUMBER.fullmatch(text):
                raise self.error(f"must be {wish}")
            value = text
        number = Decimal(value)
        if number < least:
            raise self.error(f"must be at least {least}")
        if number > most:
            raise self.error(f"must be at most {most}")
        return number

    def amount(self, places: int, *, least: Decimal = -MOST_MONEY) -> Decimal:
        """Return an amount of money, rounded half up to the currency's ``places``."""
        return round_half_up(self.number(least=least, most=MOST_MONEY), places)

    def whole(self, *, least: int = 0, most: int = HIGHEST_ID) -> int:
        """Return a whole number, also where it is written as text or as 2.0."""
        number = self.number(least=Decimal(least), most=Decimal(most), wish="a whole number")
        if number != number.to_integral_value():
            raise self.error("must be a whole number")
        return int(number)

    def moment(self) -> datetime | None:
        """Return a date and time in UTC, which is meant where no offset is written."""
        if self.is_empty:
            return None
        try:
            moment = datetime.fromisoformat(self.text(40))
        except ValueError:
            raise self.error("must be a date and time") from None
        if moment.year not in YEARS:
            raise self.error(f"must be of the years {YEARS[0]} to {YEARS[-1]}")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _cut(text: str, limit: int) -> str:
    text = LONE_SURROGATE.sub("\ufffd", UNPRINTABLE.sub("", text)).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _shown(value: object) -> str:
    """Return a value as JSON writes it, in about 60 characters at most; a container by its kind."""
    if isinstance(value, str):
        return f'"{_cut(GAPS.sub(" ", value[:200]), 60)}"'
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else "a number of more than 38 digits"
    if isinstance(value, float):
        return repr(value)
    return "a list" if isinstance(value, list) else "an object"


NOTHING = Node(None)


# --- The order ---


def why_skipped(payload: object) -> str | None:
    """Return the code of the reason to leave a payload alone, None for one to parse; never raises.

    ``multi-vendor-basket`` for the parent of a basket, whose sub-orders are the shops' orders;
    ``checkout-draft``, ``auto-draft`` and ``trash`` for orders that are not yet, or no longer, any.
    """
    if not isinstance(payload, dict):
        return None
    meta = payload.get("meta_data")
    for entry in meta if isinstance(meta, list) else []:
        if isinstance(entry, dict) and entry.get("key") == "has_sub_order" and _is_true(entry.get("value")):
            return MULTI_VENDOR_BASKET
    status = payload.get("status")
    code = status.removeprefix("wc-") if isinstance(status, str) else ""
    return code if code in SKIPPED_STATUSES else None


def _is_true(value: object) -> bool:
    return value not in ("0", "no", "false") and bool(value)


def parse_order(payload: object, *, tax_kinds: Mapping[str, str] | None = None) -> OrderData:
    """Return the order that a webhook or the REST API sent, as decoded JSON.

    ``tax_kinds`` says of a tax, by its label or by its rate id as text, whether it is a "vat"
    or a "levy". Σ (net + tax) of the lines is the total, to the cent. Ask ``why_skipped`` first.

    Raises PayloadError for whatever cannot be taken at its word.
    """
    order = Node(payload)
    external_id = str(order["id"].whole(least=1))
    status = _status(order["status"])
    currency = _currency(order["currency"])
    places = min(exponent(currency), 2)  # what the columns of amounts keep
    total = order["total"].amount(places, least=Decimal(0))
    lines = _lines(order, total, places, tax_kinds or {})
    billing, shipping = order["billing"].optional(), order["shipping"].optional()
    vendor_external_id, vendor_name = _vendor(order)
    return OrderData(
        external_id=external_id,
        number=order["number"].text(40) or external_id,
        status=status,
        currency=currency,
        placed_at=_placed_at(order),
        total=total,
        total_tax=_total_tax(order["total_tax"], lines, places),
        vendor_external_id=vendor_external_id,
        vendor_name=vendor_name,
        basket_number=_id_or_nothing(order["parent_id"]),
        paid_at=_moment(order, "date_paid"),
        completed_at=_moment(order, "date_completed"),
        modified_at=_moment(order, "date_modified"),
        customer_external_id=_id_or_nothing(order["customer_id"]),
        email=billing["email"].text(254),
        phone=billing["phone"].text(40) or shipping["phone"].text(40),
        billing=_address(billing),
        shipping=_address(shipping),
        payment_method=order["payment_method"].text(60),
        payment_title=order["payment_method_title"].text(200),
        shipping_method=_shipping_method(lines),
        customer_note=order["customer_note"].paragraphs(10_000),
        lines=tuple(lines),
        refunds=tuple(_refunds(order["refunds"], total, places)),
    )


def _status(node: Node) -> OrderStatus:
    if node.is_empty:
        raise PayloadError(node.path, "is missing")
    code = node.text(40).removeprefix("wc-")
    if code not in OrderStatus.values:
        raise PayloadError(node.path, f"unknown status {_shown(node.value)}")
    return OrderStatus(code)


def _currency(node: Node) -> str:
    if not isinstance(node.value, str) or not re.fullmatch("[A-Z]{3}", node.value):
        raise node.error("must be three capital letters")
    return node.value


def _id_or_nothing(node: Node) -> str:
    """Return an id as text; empty for 0, which WooCommerce says for nobody and nothing."""
    number = 0 if node.is_empty else node.whole()
    return str(number) if number else ""


def _moment(order: Node, key: str) -> datetime | None:
    """Return a date from its ``_gmt`` twin, else from itself, taken for UTC."""
    return order[f"{key}_gmt"].moment() or order[key].moment()


def _placed_at(order: Node) -> datetime:
    placed_at = _moment(order, "date_created")
    if placed_at is None:
        raise PayloadError("date_created_gmt", "is missing")
    return placed_at


def _total_tax(node: Node, lines: list[LineData], places: int) -> Decimal:
    if node.is_empty:
        return max(sum((line.tax for line in lines), Decimal(0)), Decimal(0))
    return node.amount(places, least=Decimal(0))


def _vendor(order: Node) -> tuple[str, str]:
    """Return the vendor's id and the name of the vendor's store, empty where Dokan names none."""
    named = {
        _id_or_nothing(entry["value"])
        for entry in order["meta_data"].entries()
        if entry["key"].value == "_dokan_vendor_id"
    } - {""}
    if len(named) > 1:
        raise PayloadError("meta_data", f"several vendors are named: {', '.join(sorted(named))}")
    store = order["store"].optional()
    vendor = named.pop() if named else _id_or_nothing(store["id"])
    for candidate in (store, *order["stores"].entries()):
        if vendor and _id_or_nothing(candidate["id"]) == vendor:
            return vendor, candidate["shop_name"].text(200) or candidate["name"].text(200)
    return vendor, ""


def _address(node: Node) -> AddressData:
    country = node["country"].text(40).upper()
    return AddressData(
        name=_cut(f"{node['first_name'].text(200)} {node['last_name'].text(200)}", 200),
        company=node["company"].text(200),
        address_1=node["address_1"].text(200),
        address_2=node["address_2"].text(200),
        postcode=node["postcode"].text(20),
        city=node["city"].text(100),
        state=node["state"].text(100),
        country=country if re.fullmatch("[A-Z]{2}", country) else "",
    )


def _shipping_method(lines: list[LineData]) -> str:
    names = dict.fromkeys(line.name for line in lines if line.kind == "shipping" and line.name)
    return _cut(", ".join(names), 200)


def _refunds(node: Node, total: Decimal, places: int) -> list[RefundData]:
    """Return the refunds that gave something back.

    Raises PayloadError if they repeat an id or add up to more than the order's ``total``.
    """
    refunds: dict[str, RefundData] = {}
    for entry in node.entries():
        external_id = _new_id(entry["id"], refunds)
        amount = -entry["total"].amount(places)
        if amount < 0:
            raise entry["total"].error("must not be positive")
        refunds[external_id] = RefundData(external_id, amount, entry["reason"].text(1000))
    refunded = sum((refund.amount for refund in refunds.values()), Decimal(0))
    if refunded > total:
        raise PayloadError(node.path, f"add up to {refunded}, more than the total of {total}")
    return [refund for refund in refunds.values() if refund.amount]


def _new_id(node: Node, seen: Mapping[str, object]) -> str:
    external_id = str(node.whole(least=1))
    if external_id in seen:
        raise node.error("must occur once")
    return external_id


# --- Lines ---


def _lines(order: Node, total: Decimal, places: int, tax_kinds: Mapping[str, str]) -> list[LineData]:
    """Return products, shipping and fees, whose net and tax add up to ``total``.

    Raises PayloadError if they miss it by more than a cent each.
    """
    nodes = [(kind, node) for kind, key in LINE_LISTS.items() for node in order[key].entries()]
    taxes = _taxes(order, [node for _, node in nodes], tax_kinds, places)
    lines: dict[str, LineData] = {}
    for kind, node in nodes:
        external_id = _new_id(node["id"], lines)
        lines[external_id] = _line(node, kind, external_id, taxes, places)
    _check_size(lines.values())
    return [_with_whole_taxes(line, places) for line in _balanced(list(lines.values()), total, places)]


def _check_size(lines: Iterable[LineData]) -> None:
    """Raise PayloadError if a sum over the lines could be more than a column of amounts keeps."""
    amounts = [(line.net, line.tax, line.net_before_discount, line.tax_before_discount) for line in lines]
    turnover = sum((abs(amount) for line in amounts for amount in line), Decimal(0))
    if turnover > MOST_TURNOVER:
        raise PayloadError("line_items", f"must add up to at most {MOST_TURNOVER}, got {turnover}")


def _line(node: Node, kind: str, external_id: str, taxes: Mapping[str, TaxData], places: int) -> LineData:
    """Return one line; the amounts of its taxes are still unrounded."""
    line = LineData(kind, external_id, "", 1, *_amounts(node, places))
    line = replace(line, taxes=_line_taxes(node, line, taxes, places))
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
    product, variation = _id_or_nothing(node["product_id"]), _id_or_nothing(node["variation_id"])
    return f"{product}:{variation}" if product and variation else product


def _details(node: Node) -> str:
    """Return what the customer chose, « Taille: M, Couleur: bleu »; hidden and nested values are left out."""
    chosen = []
    for entry in node["meta_data"].entries():
        has_display = entry["display_value"].value is not _Missing.MISSING  # not in older WooCommerce
        label, value = (
            (entry["display_key"], entry["display_value"]) if has_display else (entry["key"], entry["value"])
        )
        is_hidden = entry["key"].text(200).startswith(("_", "dokan_"))
        if not is_hidden and value.is_plain and value.text(500):
            chosen.append(f"{label.text(200)}: {value.text(500)}")
    return _cut(", ".join(chosen), 500)


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
        raise kind.error("must be a known type of commission")
    percent, fee = meanings[name]
    if percent.is_empty and fee.is_empty:
        return None, None
    rate = Decimal(0) if percent.is_empty else _percentage(percent)
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
        raise PayloadError("total", f"lines, shipping and fees add up to {found}, got {total}")
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


# --- Taxes ---


def _taxes(order: Node, lines: list[Node], tax_kinds: Mapping[str, str], places: int) -> dict[str, TaxData]:
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


def _line_taxes(node: Node, line: LineData, taxes: Mapping[str, TaxData], places: int) -> tuple[TaxData, ...]:
    """Return the taxes of a line with unrounded amounts; one likely tax where only their sum is told."""
    borne = tuple(replace(taxes[rate_id], amount=amount) for rate_id, amount in _borne(node))
    if borne or not line.tax:
        return borne
    return (TaxData("", _likely_rate(line.net, line.tax, 1, places, f"{node.path}.total_tax"), line.tax),)


def _with_whole_taxes(line: LineData, places: int) -> LineData:
    """Return the line with the amounts of its taxes in whole cents that add up to its tax."""
    if not line.taxes:
        return line
    amounts = split(line.tax, [abs(tax.amount) for tax in line.taxes], places)
    taxes = (replace(tax, amount=amount) for tax, amount in zip(line.taxes, amounts, strict=True))
    return replace(line, taxes=tuple(taxes))


def _stated_rate(node: Node, label: str) -> Decimal | None:
    """Return a rate from ``rate_percent``, else from the label, « TVA 5,5 % »."""
    if not node.is_empty:
        return _percentage(node)
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
        raise PayloadError(path, f"no tax rate makes {round_half_up(tax, places)} of {net}")
    slack = Decimal(lines).scaleb(-places) / 2 * (100 + exact) / abs(net)
    for rates in (FRENCH_RATES, OTHER_RATES):
        nearest = min(rates, key=lambda rate: abs(rate - exact))
        if abs(nearest - exact) <= slack:
            return _fraction(nearest)
    return _fraction(exact)


def _percentage(node: Node) -> Decimal:
    return _fraction(node.number(least=Decimal(0), most=Decimal(100), wish="a percentage"))


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
