"""Seller, buyer and place of delivery, as the documents of a shop name them."""

from decimal import Decimal
from typing import Any

from marketplace.countries import postal_country
from marketplace.formats import FIXED, decimal
from orders.documents.legal_texts import LegalTexts
from orders.documents.logo import LogoRefused, clean_logo
from orders.models import Order
from vendors.models import LegalIdentity, Vendor


def identity_of(vendor: Vendor) -> LegalIdentity:
    """Return the shop's legal identity; an empty one, not stored, where nobody filled it in."""
    try:
        return vendor.identity
    except LegalIdentity.DoesNotExist:
        return LegalIdentity(vendor=vendor)


def seller_of(vendor: Vendor, texts: LegalTexts) -> dict[str, Any]:
    """Return what a document says of the seller, as JSON; what is not known is empty."""
    identity = identity_of(vendor)
    return {
        "shop": vendor.name,
        "name": _legal_name(identity, texts) or vendor.name,
        "lines": _postal_lines(
            "",
            "",
            identity.address_1,
            identity.address_2,
            identity.postcode,
            identity.city,
            identity.country,
        ),
        "email": identity.email,
        "phone": identity.phone,
        "siren": identity.siren,
        "siret": identity.siret,
        "rcs_town": identity.rcs_town,
        "capital": str(identity.capital) if identity.capital and not identity.is_sole_trader else "",
        "vat_number": identity.vat_number,
        "is_franchise": identity.is_franchise,
        "on_debits": identity.pays_vat_on_debits,
        "mediator": identity.mediator,
        "color": identity.color,
        "logo": logo_of(identity),
    }


def logo_of(identity: LegalIdentity) -> str:
    """Return the shop's logo as a clean SVG; empty where there is none that can be carried."""
    try:
        return clean_logo(identity.logo_svg) if identity.logo_svg.strip() else ""
    except LogoRefused:
        return ""


def legal_lines(seller: dict[str, Any]) -> list[str]:
    """Return the two lines at the foot of every page: who the seller is, where, under which numbers."""
    capital = seller["capital"]
    name = seller["name"]
    if capital:
        amount = Decimal(capital)
        places = 0 if amount == amount.to_integral_value() else 2
        name += f" au capital de {decimal(amount, places)}{FIXED}€"
    who = [
        name,
        seller["siren"] and f"SIREN{FIXED}{grouped(seller['siren'])}",
        seller["siret"] and f"SIRET{FIXED}{grouped(seller['siret'])}",
        seller["rcs_town"] and f"RCS{FIXED}{seller['rcs_town']}",
    ]
    where = [
        ", ".join(seller["lines"]),
        seller["vat_number"] and f"TVA intracommunautaire{FIXED}{seller['vat_number']}",
    ]
    return [" · ".join(part for part in parts if part) for parts in (who, where) if any(parts)]


def grouped(digits: str) -> str:
    """Write a SIREN or SIRET as one reads it: ``732 829 320 00074``."""
    return FIXED.join([digits[:3], digits[3:6], digits[6:9], digits[9:]]).rstrip(FIXED)


def buyer_lines(order: Order) -> list[str]:
    """Return who is billed, line by line, as on an envelope; never empty."""
    lines = _address_of(order, "billing")
    named = bool(order.billing_name.strip() or order.billing_company.strip())
    return lines if named else [*_one(order.customer_name or order.customer_email), *lines]


def recipient_lines(order: Order) -> list[str]:
    """Return where the goods go, line by line; empty where the order names no place."""
    if not order.shipping_address_1.strip() and not order.shipping_city.strip():
        return []
    lines = _address_of(order, "shipping")
    named = bool(order.shipping_name.strip() or order.shipping_company.strip())
    return lines if named else [*_one(order.customer_name), *lines]


def _address_of(order: Order, kind: str) -> list[str]:
    names = ("company", "name", "address_1", "address_2", "postcode", "city", "country")
    return _postal_lines(*(str(getattr(order, f"{kind}_{name}")) for name in names))


def _postal_lines(
    company: str, name: str, address_1: str, address_2: str, postcode: str, city: str, country: str
) -> list[str]:
    town = f"{postcode.strip()} {city.strip()}"
    parts = (company, name, address_1, address_2, town, postal_country(country))
    return [line.strip() for line in parts if line.strip()]


def _legal_name(identity: LegalIdentity, texts: LegalTexts) -> str:
    """Return the name with the legal form, or with the sole trader's letters, each said once."""
    name = identity.legal_name.strip()
    suffix = texts.sole_trader if identity.is_sole_trader else identity.legal_form.strip()
    return name if not name or suffix.upper() in name.upper().split() else f"{name} {suffix}".strip()


def _one(text: str) -> list[str]:
    return [text.strip()] if text.strip() else []
