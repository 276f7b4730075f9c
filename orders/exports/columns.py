"""The columns of both kinds of file, in their order: a code for programs, a label for people.

Their order is a promise (``docs/rules/csv-export.md``): new ones go at the end.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.formats import percent
from orders.exports.cells import Kind

# The rates that have columns of their own; all others share one pair.
RATES = {
    Decimal("0.2"): "20",
    Decimal("0.1"): "10",
    Decimal("0.055"): "5_5",
    Decimal("0.021"): "2_1",
}
OTHER = "other"
WIDTHS = {Kind.TEXT: 18, Kind.WHOLE: 9, Kind.AMOUNT: 13, Kind.PERCENT: 9, Kind.MOMENT: 17}


@dataclass(frozen=True)
class Column:
    """``code`` never changes; ``title`` is translated when it is shown, with the VAT ``rate`` it may name."""

    code: str
    title: Promise
    kind: Kind = Kind.TEXT
    rate: Decimal | None = None
    wide: int = 0

    @property
    def label(self) -> str:
        """The label in the active language, with plain spaces."""
        if self.rate is None:
            return str(self.title)
        return str(self.title) % {"rate": percent(self.rate).replace("\u00a0", " ")}

    @property
    def width(self) -> int:
        """Letters that fit into the column of a sheet."""
        return self.wide or WIDTHS[self.kind]


def _amount(code: str, title: Promise) -> Column:
    return Column(code, title, Kind.AMOUNT)


def _moment(code: str, title: Promise) -> Column:
    return Column(code, title, Kind.MOMENT)


def vat_of_rates() -> list[Column]:
    """A pair of columns per rate: the amount without VAT, and the VAT."""
    pairs: list[Column] = []
    for rate, code in RATES.items():
        pairs.append(Column(f"base_{code}", _("Net amount, VAT %(rate)s"), Kind.AMOUNT, rate))
        pairs.append(Column(f"vat_{code}", _("VAT %(rate)s"), Kind.AMOUNT, rate))
    return [
        *pairs,
        _amount("base_other", _("Net amount, other VAT rates or none")),
        _amount("vat_other", _("VAT, other rates")),
    ]


ORDER_COLUMNS = [
    Column("order_number", _("Order no.")),
    Column("basket_number", _("Basket no.")),
    _moment("placed_at", _("Placed at")),
    _moment("paid_at", _("Paid at")),
    _moment("completed_at", _("Completed at")),
    Column("status", _("Status (code)"), wide=12),
    Column("status_label", _("Status")),
    Column("refund_state", _("Refund (code)"), wide=12),
    Column("fulfillment_stage", _("Stage (code)")),
    Column("customer_name", _("Customer"), wide=26),
    Column("customer_email", _("Customer's e-mail"), wide=30),
    Column("customer_phone", _("Customer's telephone")),
    Column("billing_company", _("Company (billing)"), wide=24),
    Column("billing_name", _("Name (billing)"), wide=26),
    Column("billing_address_1", _("Address (billing)"), wide=30),
    Column("billing_address_2", _("Address, second line (billing)"), wide=24),
    Column("billing_postcode", _("Postcode (billing)"), wide=12),
    Column("billing_city", _("Town (billing)")),
    Column("billing_country", _("Country (billing)"), wide=8),
    Column("shipping_name", _("Name (delivery)"), wide=26),
    Column("shipping_company", _("Company (delivery)"), wide=24),
    Column("shipping_address_1", _("Address (delivery)"), wide=30),
    Column("shipping_address_2", _("Address, second line (delivery)"), wide=24),
    Column("shipping_postcode", _("Postcode (delivery)"), wide=12),
    Column("shipping_city", _("Town (delivery)")),
    Column("shipping_country", _("Country (delivery)"), wide=8),
    Column("payment_method", _("Payment method")),
    Column("shipping_method", _("Delivery method")),
    Column("tracking_numbers", _("Tracking numbers"), wide=24),
    Column("currency", _("Currency"), wide=8),
    Column("units", _("Units"), Kind.WHOLE),
    Column("items", _("Items"), wide=60),
    _amount("items_total_incl_vat", _("Items before discounts incl. VAT")),
    _amount("discount_incl_vat", _("Discount incl. VAT")),
    _amount("shipping_incl_vat", _("Shipping incl. VAT")),
    _amount("fees_incl_vat", _("Other fees incl. VAT")),
    _amount("total_excl_vat", _("Total excl. VAT")),
    _amount("vat_total", _("Total VAT")),
    _amount("total_incl_vat", _("Total incl. VAT")),
    _amount("refunded_incl_vat", _("Refunded incl. VAT")),
    _amount("net_total_incl_vat", _("Total incl. VAT after refunds")),
    _amount("commission_incl_vat", _("Commission incl. VAT")),
    _amount("earnings_incl_vat", _("Gains incl. VAT")),
    Column("invoice_number", _("Invoice no.")),
    Column("customer_note", _("Customer's message"), wide=40),
    Column("earnings_state", _("Gains (code)"), wide=12),
    _moment("refunded_at", _("Refunded at")),
    _amount("refunded_vat", _("Refunded VAT")),
    _amount("commission_given_back_incl_vat", _("Commission given back incl. VAT")),
    _amount("storefront_vat_total", _("VAT as the storefront states it")),
    *vat_of_rates(),
]

LINE_COLUMNS = [
    Column("order_number", _("Order no.")),
    _moment("placed_at", _("Placed at")),
    Column("status", _("Status (code)"), wide=12),
    Column("currency", _("Currency"), wide=8),
    Column("line_number", _("Line"), Kind.WHOLE, wide=6),
    Column("sku", _("SKU")),
    Column("product", _("Item"), wide=40),
    Column("quantity", _("Quantity"), Kind.WHOLE),
    _amount("unit_price_incl_vat", _("Unit price incl. VAT")),
    _amount("discount_incl_vat", _("Discount incl. VAT")),
    Column("vat_rate", _("VAT rate (percent)"), Kind.PERCENT),
    _amount("total_excl_vat", _("Total excl. VAT")),
    _amount("vat", _("VAT")),
    _amount("total_incl_vat", _("Total incl. VAT")),
    Column("quantity_refunded", _("Quantity refunded"), Kind.WHOLE),
    _amount("refunded_incl_vat", _("Refunded incl. VAT")),
    _amount("commission", _("Commission incl. VAT")),
    _amount("earnings", _("Gains incl. VAT")),
]
