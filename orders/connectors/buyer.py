"""A business buyer's numbers, from the fields that WooCommerce's plugins for businesses add."""

from collections.abc import Mapping

from stdnum.eu import vat

from orders.connectors.payload import Node
from vendors.domain.identity import is_siren, is_siret

SIREN_DIGITS = 9
OF_SIREN = ("siren", "billing_siren", "siret", "billing_siret", "company_siret")
OF_VAT = (
    *("vat_number", "billing_vat_number", "billing_vat", "billing_vat_id"),
    *("billing_eu_vat_number", "eu_vat_number", "billing_tva", "billing_tva_intracom"),
)


def buyer_numbers(order: Node) -> tuple[str, str]:
    """Return the buyer's SIREN and VAT number; each empty where there is none that passes its check."""
    meta = {key.lstrip("_").lower(): value for key, value in order.meta().items()}
    sirens = [_siren(_compact(meta, key)) for key in OF_SIREN]
    numbers = [number for key in OF_VAT if _is_vat(number := _compact(meta, key))]
    return next(filter(None, sirens), ""), next(iter(numbers), "")


def _siren(digits: str) -> str:
    if is_siren(digits):
        return digits
    return digits[:SIREN_DIGITS] if is_siret(digits) else ""


def _is_vat(number: str) -> bool:
    return number.isascii() and vat.is_valid(number)


def _compact(meta: Mapping[str, Node], key: str) -> str:
    value = meta.get(key)
    is_plain = value is not None and isinstance(value.value, str | int)
    return "".join(str(value.value).split()).upper()[:40] if is_plain and value is not None else ""
