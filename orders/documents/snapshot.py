"""What an invoice or a credit note says, as JSON: taken once, at issue; PDF and XML are made of it alone.

Dates are ISO, in the shop's time zone, empty where there is none. Amounts and rates are decimal
strings; a rate is a fraction, null where the seller charges no VAT. The amounts of a credit note
are positive: what is given back.
"""

from typing import Literal, NotRequired, TypedDict

TEMPLATE = "2027-01"  # of what a snapshot says; grows when that changes


class Address(TypedDict):
    """A postal address in parts, as Factur-X wants it; ``country`` is an ISO 3166 code, "FR" where empty."""

    name: str
    company: str
    address_1: str
    address_2: str
    postcode: str
    city: str
    country: str


class Seller(TypedDict):
    """``lines`` is the postal address line by line; ``address.name`` the legal name with its form."""

    shop: str
    name: str
    lines: list[str]
    address: Address
    email: str
    phone: str
    siren: str
    siret: str
    rcs_town: str
    rcs_mention: str  # « Dispensé d’immatriculation … », or empty
    capital: str
    vat_number: str
    iban: str
    is_franchise: bool  # at the date of supply
    on_debits: bool
    mediator: str
    footer: str
    color: str
    logo: str  # an SVG, or a data: address of a PNG or JPEG


class Buyer(TypedDict):
    """``lines`` is who is billed as on an envelope, never empty; the numbers are empty for consumers."""

    lines: list[str]
    address: Address
    email: str
    is_business: bool
    siren: str
    vat_number: str


class Levy(TypedDict):
    """A contribution that is part of the line's price, such as « Éco-contribution »."""

    label: str
    rate: str
    amount: str


class Line(TypedDict):
    """``position`` is the order line's; a line over several VAT rates stands once per rate (``is_share``)."""

    position: int
    kind: str  # "product", "shipping", "fee"
    name: str
    details: str
    sku: str
    quantity: int
    unit_net: str
    rate: str | None
    net: str
    gross: str
    discount: str
    is_share: bool
    levies: list[Levy]


class Group(TypedDict):
    """All at one VAT rate: ``net + vat == gross``."""

    rate: str | None
    net: str
    vat: str
    gross: str


class Exemption(TypedDict):
    """Why what has the rate 0 bears no VAT: category and code (VATEX) of EN 16931, and the words."""

    category: str
    code: str
    text: str


class Totals(TypedDict):
    """``gross = prepaid + due``; ``discount`` has been taken off already.

    Of a credit note ``prepaid`` is what goes back of what was paid, ``due`` what is open no more.
    """

    net: str
    vat: str
    gross: str
    discount: str
    prepaid: str
    due: str


class Euros(TypedDict):
    """The same in euros, for another currency: ``rate`` is euros for one unit, as on ``rate_on``."""

    rate: str
    rate_on: str
    groups: list[Group]
    net: str
    vat: str
    gross: str


class Terms(TypedDict):
    """What a business must be told of payment, each a sentence; none of it is for consumers."""

    penalties: str
    recovery: str
    discount: str


class Corrected(TypedDict):
    """The invoice that a credit note corrects (BT-25, BT-26)."""

    number: str
    issued_on: str


class Snapshot(TypedDict):
    """An invoice (``type_code`` 380) or a credit note (381); without ``number`` a proforma."""

    template: str
    type_code: Literal["380", "381"]
    texts: dict[str, str]
    number: str
    issued_on: str
    marketplace: str
    mandate: str  # "Facture établie par … au nom et pour le compte de …", or empty
    seller: Seller
    buyer: Buyer
    delivery: list[str]  # empty where it is the billing address, or nothing is delivered
    delivered_to: Address | None
    is_delivered: bool
    collected_at: NotRequired[list[str]]  # by the customer; then nothing is delivered
    operation: Literal["goods", "services"]
    order: str
    placed_on: str
    supplied_on: str
    supply_is_delivery: bool
    is_paid: bool
    paid_on: str
    due_on: str
    payment: str
    payment_code: str  # UNTDID 4461: 48 card, 58 transfer (with an IBAN), 20 cheque, 10 cash, 68 online, or 1
    currency: str
    decimals: int  # that the amounts are rounded to
    lines: list[Line]
    groups: list[Group]
    exemption: NotRequired[Exemption | None]
    totals: Totals
    euros: Euros | None
    terms: Terms | None
    corrects: Corrected | None
    reason: str  # of a credit note, in the shop's or the storefront's words
    refunded_on: str  # of a credit note
    is_spread: bool  # the refund came without lines and is spread over all of them
    is_correction: bool  # of a credit note: a new invoice stands in the place of the one it takes back
