"""The electronic invoice: what a snapshot says, as Factur-X XML of the profile EN 16931 (CII).

Keys such as BT-112 are the terms of EN 16931-1, as the library factur-x takes them. How lines,
discounts and VAT are told is written in ``docs/rules/invoicing.md``, "The electronic invoice".
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from marketplace.money import net_of, round_half_up
from orders.documents.einvoice_parties import (
    buyer_terms,
    clean,
    delivery_terms,
    is_within_union,
    seller_terms,
)
from orders.documents.renderer import CannotRender
from orders.documents.snapshot import Group, Line, Snapshot

Terms = dict[str, Any]
"""Business terms by their key; a group is a dictionary or a list of them."""

PRICE_DECIMALS = 6
TRANSFERS = frozenset({"30", "58"})  # UNTDID 4461
MEANS_UNKNOWN = "1"
DISCOUNT = "95"  # UNTDID 5189
PIECE = "C62"  # UN/ECE rec. 20
PROCESS = {"goods": "B", "services": "S"}  # BT-23, before 1 (to pay) or 2 (paid)


class NotAnEInvoice(CannotRender):
    """The XML would not be valid; the message names the document and what is wrong."""

    def __init__(self, number: str, why: str) -> None:
        super().__init__(
            _("The electronic invoice of %(number)s would not be valid, so it was not issued: %(why)s")
            % {"number": number, "why": why[:300]}
        )


def einvoice_xml(snapshot: Snapshot) -> bytes:
    """Return ``factur-x.xml`` of an issued invoice (380) or credit note (381).

    The same snapshot gives the same bytes. Nothing is asked of another machine. Raises
    NotAnEInvoice where the XML does not pass the profile's schema (XSD).
    """
    from facturx import generate_xml

    try:
        # The library's own default posts the invoice to a server for more checks.
        terms = einvoice_terms(snapshot)
        _check_sums(terms)
        xml: bytes = generate_xml(terms, level="en16931", check_xsd=True, check_schematron=None)
    except Exception as error:  # it raises bare Exceptions
        raise NotAnEInvoice(snapshot["number"], " ".join(str(error).split())) from error
    return xml


def einvoice_terms(snapshot: Snapshot) -> Terms:
    """Return the document's business terms; those that it lacks are left out."""
    lines, allowances = _lines_and_allowances(snapshot)
    terms = {
        "BT-1": snapshot["number"],
        "BT-2": snapshot["issued_on"],
        "BT-3": snapshot["type_code"],
        "BT-5": snapshot["currency"],
        "BT-8": "invoice" if snapshot["seller"]["on_debits"] else "",
        "BT-14": snapshot["order"],
        "BT-23": PROCESS[snapshot["operation"]] + ("2" if _is_paid(snapshot) else "1"),
        "BT-72": _delivered_on(snapshot),
        "BG-1": _notes(snapshot),
        "BG-3": _preceding(snapshot),
        "BG-4": seller_terms(snapshot),
        "BG-7": buyer_terms(snapshot),
        "BG-13": delivery_terms(snapshot),
        "BG-20": allowances,
        "BG-23": [_vat_group(group, snapshot) for group in snapshot["groups"]],
        "BG-25": lines,
        **_payment(snapshot),
        **_totals(snapshot, lines, allowances),
        **_vat_in_euros(snapshot),
    }
    told: Terms = _told(terms)
    return told


def _delivered_on(snapshot: Snapshot) -> str:
    """Return the day of delivery; within the Union one must stand there (BR-IC-11), before it another."""
    if snapshot["supply_is_delivery"] or is_within_union(snapshot):
        return snapshot["supplied_on"] or snapshot["issued_on"]
    return ""


def _is_paid(snapshot: Snapshot) -> bool:
    return not Decimal(snapshot["totals"]["due"])


def _told(value: Any) -> Any:
    """Return ``value`` without empty terms, all text such as XML can hold."""
    if isinstance(value, dict):
        told = {key: _told(part) for key, part in value.items()}
        return {key: part for key, part in told.items() if part not in ("", [], {}, None)}
    if isinstance(value, list):
        return [_told(part) for part in value]
    return clean(value) if isinstance(value, str) else value


# Lines


def _lines_and_allowances(snapshot: Snapshot) -> tuple[list[Terms], list[Terms]]:
    """Return the invoice lines (BG-25) and what is taken off the whole document (BG-20).

    A fee below zero, such as a gift card, is taken off the document; an invoice has a line
    in any case.
    """
    taken_off = [line for line in snapshot["lines"] if line["kind"] != "product" and _net(line) < 0]
    kept = [line for line in snapshot["lines"] if line not in taken_off]
    if not kept:
        kept, taken_off = snapshot["lines"], []
    lines = [_line(line, place, snapshot) for place, line in enumerate(kept, start=1)]
    return lines, [_allowance(line, snapshot) for line in taken_off]


def _line(line: Line, place: int, snapshot: Snapshot) -> Terms:
    """Return one line: ``BT-131 = BT-146 × BT-129 - BT-136``, to the cent.

    Prices are never below zero: a line below zero has a quantity below zero. What a discount
    took off stands as an allowance, so that the price is the one before it.
    """
    net = _net(line)
    off = _discount(line, snapshot["decimals"])
    units = Decimal(line["quantity"] or 1)
    return {
        "BT-126": str(place),
        "BT-129": _plain(-units if net < 0 else units),
        "BT-130": PIECE,
        "BT-131": line["net"],
        "BT-146": _plain(round_half_up((abs(net) + off) / units, PRICE_DECIMALS)),
        "BT-151": _category(line["rate"], snapshot),
        "BT-152": _percent(line["rate"]),
        "BT-153": clean(line["name"]) or clean(line["sku"]) or "Article",
        "BT-154": line["details"],
        "BT-155": line["sku"],
        "BG-27": [{"amount": str(off), "reason": "Remise", "reason_code": DISCOUNT}] if off else [],
        "BG-32": [
            {"BT-160": levy["label"], "BT-161": f"{levy['amount']} {snapshot['currency']}"}
            for levy in line["levies"]
        ],
    }


def _allowance(line: Line, snapshot: Snapshot) -> Terms:
    return {
        "amount": str(-_net(line)),
        "reason": clean(line["name"]) or "Remise",
        "vat_category_code": _category(line["rate"], snapshot),
        "vat_rate": _percent(line["rate"]),
    }


def _discount(line: Line, places: int) -> Decimal:
    """Return what discounts took off the line, without VAT; nothing for a line below zero."""
    gross = Decimal(line["discount"])
    if gross <= 0 or _net(line) < 0:
        return Decimal(0)
    return net_of(gross, Decimal(line["rate"] or 0), places)


def _net(line: Line) -> Decimal:
    return Decimal(line["net"])


# VAT and totals


def _vat_group(group: Group, snapshot: Snapshot) -> Terms:
    text, code = _reason(group["rate"], snapshot)
    return {
        "BT-116": group["net"],
        "BT-117": group["vat"],
        "BT-118": _category(group["rate"], snapshot),
        "BT-119": _percent(group["rate"]),
        "BT-120": text,
        "BT-121": code,
    }


def _reason(rate: str | None, snapshot: Snapshot) -> tuple[str, str]:
    """Return why there is no VAT, in words and as a code (VATEX); empty where there is, or nobody knows."""
    if rate is None:
        return snapshot["texts"]["franchise"], "VATEX-FR-FRANCHISE"
    exemption = snapshot.get("exemption")
    return (exemption["text"], exemption["code"]) if exemption and not Decimal(rate) else ("", "")


def _category(rate: str | None, snapshot: Snapshot) -> str:
    """Return the category: E (the seller charges none), S, or at the rate 0 that of its reason, else Z."""
    if rate is None:
        return "E"
    if Decimal(rate):
        return "S"
    exemption = snapshot.get("exemption")
    return exemption["category"] if exemption else "Z"


def _percent(rate: str | None) -> str:
    return _plain(Decimal(rate or 0) * 100)


def _totals(snapshot: Snapshot, lines: Sequence[Terms], allowances: Sequence[Terms]) -> Terms:
    totals = snapshot["totals"]
    off = sum((Decimal(allowance["amount"]) for allowance in allowances), Decimal(0))
    prepaid = Decimal(totals["gross"]) - Decimal(totals["due"])
    return {
        "BT-106": str(sum((Decimal(line["BT-131"]) for line in lines), Decimal(0))),
        "BT-107": str(off) if allowances else "",
        "BT-109": totals["net"],
        "BT-110": totals["vat"],
        "BT-112": totals["gross"],
        "BT-113": str(prepaid),
        "BT-115": totals["due"],
    }


def _check_sums(terms: Terms) -> None:
    """Raise ValueError unless the sums are right to the cent (BR-CO-13, -14, -15, -16)."""

    def amount(key: str) -> Decimal:
        return Decimal(terms.get(key, 0))

    groups = terms["BG-23"]
    is_right = (
        amount("BT-106") - amount("BT-107") == amount("BT-109")
        and sum(Decimal(group["BT-116"]) for group in groups) == amount("BT-109")
        and sum(Decimal(group["BT-117"]) for group in groups) == amount("BT-110")
        and amount("BT-109") + amount("BT-110") == amount("BT-112")
        and amount("BT-112") - amount("BT-113") == amount("BT-115")
    )
    if not is_right:
        raise ValueError(_("the sums of its lines, its VAT and its total differ."))


def _vat_in_euros(snapshot: Snapshot) -> Terms:
    """Return the VAT in euros, which a document in another currency must have."""
    euros = snapshot["euros"]
    return {"BT-6": "EUR", "BT-111": euros["vat"]} if euros else {}


# Payment


def _payment(snapshot: Snapshot) -> Terms:
    """Return how it is paid and until when; a paid document has the day of payment there.

    A transfer needs the account; without one the means is told in words alone.
    """
    code, iban = snapshot["payment_code"], snapshot["seller"]["iban"]
    is_paid = _is_paid(snapshot)
    has_account = code in TRANSFERS and iban
    return {
        "BT-9": _paid_on(snapshot) if is_paid else snapshot["due_on"],
        "BT-20": "" if is_paid or snapshot["due_on"] else "À réception",
        "BT-81": code if code not in TRANSFERS or has_account else MEANS_UNKNOWN,
        "BT-82": snapshot["payment"],
        "BT-83": snapshot["number"] if has_account and not is_paid and not snapshot["corrects"] else "",
        "BT-84": iban if has_account else "",
    }


def _paid_on(snapshot: Snapshot) -> str:
    return str(snapshot["refunded_on"] or snapshot["paid_on"] or snapshot["issued_on"])


# Notes and references


def _notes(snapshot: Snapshot) -> list[Terms]:
    """Return the mentions: those to a business have codes (UNTDID 4451), each stands once."""
    texts = snapshot["texts"]
    free = [
        texts[snapshot["operation"]],
        texts["on_debits"] if snapshot["seller"]["on_debits"] else "",
        snapshot["mandate"],
        snapshot["reason"],
    ]
    coded = _business_terms(snapshot) if snapshot["buyer"]["is_business"] else {}
    return [
        *({"BT-21": code, "BT-22": text} for code, text in coded.items()),
        *({"BT-22": text} for text in free if text),
    ]


def _business_terms(snapshot: Snapshot) -> dict[str, str]:
    """Return what the French rules ask for on credit notes too (BR-FR-05), where nobody is to pay."""
    texts = snapshot["texts"]
    terms = snapshot["terms"] or {
        "recovery": texts["recovery"],
        "penalties": texts["penalties"],
        "discount": texts["no_discount"],
    }
    return {"PMT": terms["recovery"], "PMD": terms["penalties"], "AAB": terms["discount"]}


def _preceding(snapshot: Snapshot) -> list[Terms]:
    corrected = snapshot["corrects"]
    return [{"BT-25": corrected["number"], "BT-26": corrected["issued_on"]}] if corrected else []


def _plain(number: Decimal) -> str:
    """Write a number without exponent and needless zeros: ``28.15``, ``3``, ``-1``."""
    return f"{number.normalize() + 0:f}"
