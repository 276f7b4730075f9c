"""Seller, buyer and place of delivery, as the documents of a shop name them."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marketplace.countries import postal_country
from marketplace.formats import FIXED, decimal
from orders.documents.legal_texts import LegalTexts
from orders.documents.snapshot import Address, Buyer, Seller
from orders.models import Order
from vendors.logo import LogoRefused, clean_logo
from vendors.models import LegalIdentity, Vendor


def identity_of(vendor: Vendor) -> LegalIdentity:
    """Return the shop's legal identity; an empty one, not stored, where nobody filled it in."""
    try:
        return vendor.identity
    except LegalIdentity.DoesNotExist:
        return LegalIdentity(vendor=vendor)


def seller_of(vendor: Vendor, texts: LegalTexts, *, franchise: bool) -> Seller:
    """Return what a document says of the seller; what is not known is empty."""
    identity = identity_of(vendor)
    trader = identity.is_sole_trader
    name = _legal_name(identity, texts) or vendor.name
    return {
        "shop": vendor.name,
        "name": name,
        "lines": _postal_lines("", "", *_place_of(identity)),
        "address": _address(name, "", *_place_of(identity)),
        "email": identity.email,
        "phone": identity.phone,
        "siren": identity.siren,
        "siret": identity.siret,
        "rcs_town": "" if identity.is_rcs_exempt else identity.rcs_town,
        "rcs_mention": texts.rcs_exempt if identity.is_rcs_exempt else "",
        "capital": str(identity.capital) if identity.capital and not trader else "",
        "vat_number": identity.vat_number,
        "iban": identity.iban,
        "is_franchise": franchise,
        "on_debits": identity.pays_vat_on_debits and not franchise,
        "mediator": identity.mediator,
        "footer": identity.footer,
        "color": identity.color,
        "logo": logo_of(identity),
    }


def _place_of(identity: LegalIdentity) -> tuple[str, str, str, str, str]:
    return (identity.address_1, identity.address_2, identity.postcode, identity.city, identity.country)


def buyer_of(order: Order) -> Buyer:
    """Return who is billed, with the numbers of a business."""
    return {
        "lines": buyer_lines(order),
        "address": {
            **_address(*_typed(order, "billing")),
            "name": order.billing_name.strip() or order.customer_name.strip() or order.customer_email,
        },
        "email": order.customer_email,
        "is_business": order.is_for_business,
        "siren": order.buyer_siren,
        "vat_number": order.buyer_vat_number,
    }


def delivery_address(order: Order) -> Address | None:
    """Return where the goods go, in parts; None where the order names no place."""
    return _address(*_typed(order, "shipping")) if recipient_lines(order) else None


def logo_of(identity: LegalIdentity) -> str:
    """Return the shop's logo: a data: address of a picture, or a clean SVG; empty where there is none."""
    if identity.logo_image:
        return identity.logo_image
    try:
        return clean_logo(identity.logo_svg) if identity.logo_svg.strip() else ""
    except LogoRefused:
        return ""


def legal_lines(seller: Mapping[str, Any]) -> list[str]:
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
        seller["rcs_mention"],
    ]
    where = [
        ", ".join(seller["lines"]),
        seller["vat_number"] and f"TVA intracommunautaire{FIXED}{seller['vat_number']}",
    ]
    return [" · ".join(part for part in parts if part) for parts in (who, where) if any(parts)]


def trade_name(seller: Mapping[str, Any]) -> str:
    """Return the shop's name as its customers know it, where the paper's legal name and title do not say it.

    Without a logo the name of the shop is the title.
    """
    shop = str(seller["shop"]).strip()
    is_said = not seller["logo"] or shop.casefold() in seller["name"].casefold()
    return "" if is_said else shop


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
    name, *rest = _typed(order, kind)
    return _postal_lines(rest[0], name, *rest[1:])


def _typed(order: Order, kind: str) -> list[str]:
    """Return name, company, two address lines, postcode, town, country as the customer typed them."""
    parts = ("name", "company", "address_1", "address_2", "postcode", "city", "country")
    return [str(getattr(order, f"{kind}_{part}")).strip() for part in parts]


def _address(
    name: str, company: str, address_1: str, address_2: str, postcode: str, city: str, country: str
) -> Address:
    return {
        "name": name,
        "company": company,
        "address_1": address_1,
        "address_2": address_2,
        "postcode": postcode,
        "city": city,
        "country": country or "FR",
    }


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
    is_said = f" {_words(suffix)} " in f" {_words(name)} "
    return name if not name or is_said else f"{name} {suffix}".strip()


def _words(text: str) -> str:
    """Return a text's words alone: « Rucher (S.A.R.L.) » is ``rucher sarl``."""
    return " ".join(re.findall(r"\w+", text.casefold().replace(".", "")))


def _one(text: str) -> list[str]:
    return [text.strip()] if text.strip() else []
