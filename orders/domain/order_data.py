"""What intake takes: one vendor's part of a checkout, told without any foreign format.

Connectors build these; ``orders.domain.intake`` stores them. Amounts are Decimals in the
order's currency with two decimals (or the currency's own); rates are fractions
(0.2000 = 20 %); every datetime is timezone-aware.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from orders.states import OrderStatus


@dataclass(frozen=True)
class TaxData:
    """One tax that the storefront put on a line; a ``levy`` belongs to the price, a VAT does not."""

    label: str
    rate: Decimal
    amount: Decimal
    kind: str = "vat"  # or "levy"


@dataclass(frozen=True)
class LineData:
    """A product, a shipping method or a fee, with the amounts the storefront states.

    ``net`` and ``tax`` are after discounts, ``net_before_discount`` and
    ``tax_before_discount`` before. ``commission_rate`` and ``commission_fixed`` (per unit)
    are None where the storefront froze none on the line. ``units_returned`` are the
    refunded units that the storefront put back on the shelf.
    """

    kind: str  # "product", "shipping" or "fee"
    external_id: str
    name: str
    quantity: int
    net_before_discount: Decimal
    tax_before_discount: Decimal
    net: Decimal
    tax: Decimal
    taxes: tuple[TaxData, ...] = ()
    sku: str = ""
    details: str = ""  # the chosen variation, as text
    product_external_id: str = ""
    commission_rate: Decimal | None = None
    commission_fixed: Decimal | None = None
    units_returned: int = 0


@dataclass(frozen=True)
class AddressData:
    """A postal address as typed by the customer."""

    name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    postcode: str = ""
    city: str = ""
    state: str = ""
    country: str = ""


@dataclass(frozen=True)
class RefundData:
    """A refund made at the storefront; ``amount`` is positive and includes VAT."""

    external_id: str
    amount: Decimal
    reason: str = ""


@dataclass(frozen=True)
class OrderData:
    """One order of one shop, as its storefront reports it."""

    external_id: str
    number: str
    status: OrderStatus
    currency: str
    placed_at: datetime
    total: Decimal
    total_tax: Decimal
    vendor_external_id: str = ""
    vendor_name: str = ""
    basket_number: str = ""
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    modified_at: datetime | None = None
    customer_external_id: str = ""  # empty for a guest
    email: str = ""
    phone: str = ""
    buyer_siren: str = ""  # of a business; checked
    buyer_vat_number: str = ""
    billing: AddressData = field(default_factory=AddressData)
    shipping: AddressData = field(default_factory=AddressData)
    payment_method: str = ""
    payment_title: str = ""
    shipping_method: str = ""
    customer_note: str = ""
    lines: tuple[LineData, ...] = ()
    refunds: tuple[RefundData, ...] = ()
    is_off_shelf: bool = False  # whether the storefront says that it took units off its shelf for it

    def without_person(self) -> "OrderData":
        """Return what is told of goods and money, and nothing of who bought; countries stay, for VAT."""
        return replace(
            self,
            customer_external_id="",
            email="",
            phone="",
            customer_note="",
            buyer_siren="",
            buyer_vat_number="",
            billing=AddressData(country=self.billing.country),
            shipping=AddressData(country=self.shipping.country),
            lines=tuple(replace(line, details="") for line in self.lines),
            refunds=tuple(replace(refund, reason="") for refund in self.refunds),
        )
