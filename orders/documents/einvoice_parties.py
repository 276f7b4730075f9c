"""Who sells, who buys and where it goes, as the electronic invoice has them (BG-4, BG-7, BG-13)."""

import re
from typing import Any

from orders.documents.parties import legal_lines
from orders.documents.snapshot import Address, Snapshot

Terms = dict[str, Any]
SIREN, SIRET, PEPPOL_SIREN, MAIL = "0002", "0009", "0225", "EM"  # ISO 6523 and EAS schemes
ISO = {"UK": "GB", "EL": "GR", "XK": "1A"}  # codes of storefronts that EN 16931 knows by another name
# What XML 1.0 cannot hold.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def seller_terms(snapshot: Snapshot) -> Terms:
    """Return the shop: names, numbers, address, contact."""
    seller = snapshot["seller"]
    contact = {"name": seller["name"], "phone": seller["phone"], "email": seller["email"]}
    return {
        "name": seller["name"],
        "biz_name": seller["shop"],
        "identifiers": {SIRET: seller["siret"]},
        "legal_identifier": seller["siren"],
        "legal_identifier_schemeid": SIREN,
        "legal_info": " · ".join(legal_lines(seller)),
        "vat_identifier": _compact(seller["vat_number"]),
        "tax_identifier": "" if seller["vat_number"] else seller["siren"],
        "einvoicing_addr": seller["siren"],
        "einvoicing_addr_schemeid": PEPPOL_SIREN,
        "contacts": [contact] if seller["phone"] or seller["email"] else [],
        **_address(seller["address"]),
    }


def buyer_terms(snapshot: Snapshot) -> Terms:
    """Return who is billed; a business with its numbers and electronic address."""
    buyer = snapshot["buyer"]
    siren = buyer["siren"]
    scheme, endpoint = (PEPPOL_SIREN, siren) if siren else (MAIL, buyer["email"])
    is_reachable = buyer["is_business"] and bool(endpoint)
    return {
        "name": _buyers_name(snapshot),
        "legal_identifier": siren,
        "legal_identifier_schemeid": SIREN if siren else "",
        "vat_identifier": _compact(buyer["vat_number"]),
        "einvoicing_addr": endpoint if is_reachable else "",
        "einvoicing_addr_schemeid": scheme if is_reachable else "",
        **_address(buyer["address"]),
    }


def delivery_terms(snapshot: Snapshot) -> Terms:
    """Return to whom and where it is delivered; where no place is named, to the buyer."""
    address = snapshot["delivered_to"]
    if not address:
        return {"name": _buyers_name(snapshot)}
    return {"name": _named(address) or _buyers_name(snapshot), **_address(address)}


def _buyers_name(snapshot: Snapshot) -> str:
    buyer = snapshot["buyer"]
    return _named(buyer["address"]) or next(filter(None, map(clean, buyer["lines"])), "Client")


def _named(address: Address) -> str:
    """Return who lives there: the company or, for want of one, the person."""
    return clean(address["company"]) or clean(address["name"])


def _address(address: Address) -> Terms:
    return {
        "addr_l1": address["address_1"],
        "addr_l2": address["address_2"],
        "postcode": address["postcode"],
        "city": address["city"],
        "country_code": ISO.get(address["country"], address["country"] or "FR"),
    }


def clean(text: str) -> str:
    """Return the text as XML can hold it, without blanks at its ends."""
    return NOT_XML.sub("", text).strip()


def _compact(number: str) -> str:
    return "".join(number.split()).upper()
