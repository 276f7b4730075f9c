"""Why an order bears no VAT though its shop charges it: the provision that a document must name.

Source: CGI annexe II art. 242 nonies A, I, 12° and 13°. The rules are told in
``docs/rules/invoicing.md``, "Without VAT".
"""

from collections.abc import Sequence

from marketplace.countries import UNION, country_code
from orders.documents.legal_texts import LegalTexts
from orders.documents.snapshot import Exemption
from orders.documents.vat import LinePart
from orders.models import LineKind, Order
from orders.states import Way
from vendors.models import LegalIdentity

FRANCE = "FR"
NORTHERN_IRELAND = "XI"  # for goods and for VAT numbers part of the Union, GB by ISO 3166
EU = UNION | {NORTHERN_IRELAND}
# Parts of the Union to which its VAT does not apply (directive 2006/112/EC art. 6), by postcode.
OUTSIDE = {
    "ES": ("35", "38", "51", "52"),
    "FI": ("22",),
    "DE": ("27498", "78266"),
    "IT": ("23041",),
    "GR": ("63086",),
}
# France overseas, where an address names France alone.
BY_POSTCODE = {
    "971": "GP", "972": "MQ", "973": "GF", "974": "RE", "975": "PM", "976": "YT",
    "977": "BL", "978": "MF", "986": "WF", "987": "PF", "988": "NC",
}  # fmt: skip
DEPARTMENTS = frozenset({"GP", "MQ", "GF", "RE", "YT"})  # CGI art. 294
ONE_TERRITORY = {"MC": FRANCE, "MQ": "GP"}  # CGI art. 294, 2; convention with Monaco of 18 May 1963


def exemption_of(
    order: Order, parts: Sequence[LinePart], identity: LegalIdentity, texts: LegalTexts
) -> Exemption | None:
    """Return why what has the rate 0 bears no VAT; None where nothing has, or no provision is known.

    All that has no VAT in one order has it for one reason: where it goes and who buys, or else
    what the shop says of what it sells without VAT at home.
    """
    if not any(part.rate == 0 and part.gross for part in parts):
        return None
    home = _territory(identity.country, identity.postcode)
    there = home if _is_fetched(order) else _destination(order)
    buyer_is_taxable = _state_of(order.buyer_vat_number) in EU
    if not any(part.line.kind == LineKind.PRODUCT for part in parts):
        return _exempt("AE", texts.reverse_charge) if buyer_is_taxable else _at_home(identity, home, there)
    if not there:
        return None
    if there in EU:
        return _exempt("K", texts.within_union) if buyer_is_taxable else None
    if there == home:
        return _at_home(identity, home, there)
    is_overseas = {home, there} <= DEPARTMENTS | {FRANCE}
    return _exempt("G", texts.overseas if is_overseas else texts.export)


def _exempt(category: str, text: str) -> Exemption:
    codes = {"G": "VATEX-EU-G", "K": "VATEX-EU-IC", "AE": "VATEX-EU-AE"}
    return {"category": category, "code": codes.get(category, ""), "text": text}


def _at_home(identity: LegalIdentity, home: str, there: str) -> Exemption | None:
    text = identity.exemption_terms.strip()
    return _exempt("E", text) if text and there == home else None


def _is_fetched(order: Order) -> bool:
    """Say whether the customer comes for it; that no place of delivery is named says nothing of that."""
    return order.way == Way.PICKUP if order.way else order.is_collected


def _destination(order: Order) -> str:
    """Return the territory that the goods go to: the place of delivery or, for want of one, of billing."""
    if order.shipping_address_1.strip() or order.shipping_city.strip():
        return _territory(order.shipping_country, order.shipping_postcode)
    return _territory(order.billing_country, order.billing_postcode)


def _territory(country: str, postcode: str) -> str:
    """Return the territory of VAT: a country's code, or one for a part that has another VAT or none."""
    code = country_code(country or FRANCE)
    compact = "".join(postcode.split()).upper()
    if code == FRANCE:
        code = BY_POSTCODE.get(compact[:3], FRANCE)
    if code == "GB" and compact.startswith("BT"):
        return NORTHERN_IRELAND
    if compact.startswith(OUTSIDE.get(code, ("-",))):
        return f"{code}-outside"
    return ONE_TERRITORY.get(code, code)


def _state_of(vat_number: str) -> str:
    """Return the member state that gave a VAT number; Greece's begin with EL."""
    prefix = vat_number.strip().upper()[:2]
    return country_code(prefix) or prefix
