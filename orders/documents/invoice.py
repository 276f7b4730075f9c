"""The invoice, and the proforma: what a snapshot says, printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import translation

from marketplace.formats import FIXED, decimal, long_date, money, percent
from marketplace.money import exponent
from orders.documents.logo import data_uri
from orders.documents.parties import legal_lines
from orders.documents.renderer import render_pdf

MOST_DECIMALS = 6  # of a unit price


@dataclass(frozen=True)
class PrintedLine:
    """A row of the table; ``notes`` stand small under the name."""

    name: str
    notes: list[str]
    quantity: str
    unit_price: str
    rate: str
    net: str
    gross: str


@dataclass(frozen=True)
class PrintedGroup:
    """A row of the VAT per rate."""

    rate: str
    net: str
    vat: str
    gross: str


def invoice_pdf(snapshot: Mapping[str, Any]) -> bytes:
    """Return the PDF of an invoice; of a proforma where the snapshot has no number.

    The same snapshot gives the same bytes. Raises ``orders.documents.renderer.CannotRender``.
    """
    return render_pdf("documents/invoice.html", invoice_context(snapshot), color=snapshot["seller"]["color"])


@translation.override("fr")
def invoice_context(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return the snapshot as the template prints it: amounts, dates and rates are French text."""
    seller = snapshot["seller"]
    totals = {name: _money(amount, snapshot) for name, amount in snapshot["totals"].items()}
    return {
        "title": "Facture" if snapshot["number"] else "Proforma",
        "number": snapshot["number"],
        "provisional": "" if snapshot["number"] else snapshot["texts"]["provisional"],
        "seller": seller,
        "logo": data_uri(seller["logo"]) if seller["logo"] else "",
        "legal": legal_lines(seller),
        "facts": _facts(snapshot),
        "addressee": snapshot["buyer"],
        "delivery": snapshot["delivery"]
        or (["L’adresse de facturation"] if snapshot["is_delivered"] else []),
        "charges_vat": not seller["is_franchise"],
        "lines": [_line(line, snapshot) for line in snapshot["lines"]],
        "groups": [_group(group, snapshot) for group in snapshot["groups"]],
        "totals": totals,
        "has_discount": Decimal(snapshot["totals"]["discount"]) > 0,
        "is_paid": snapshot["is_paid"],
        "paid_on": _date(snapshot["paid_on"]),
        "payment": snapshot["payment"],
        "mentions": _mentions(snapshot),
        "marketplace": snapshot["marketplace"],
        "order": snapshot["order"],
    }


def _facts(snapshot: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the terms at the top: dates, order, kind of operation."""
    texts = snapshot["texts"]
    supply = "Date de livraison" if snapshot["supply_is_delivery"] else "Date de paiement"
    facts = [
        ("Date d’émission" if snapshot["number"] else "Date", _date(snapshot["issued_on"])),
        (supply, _date(snapshot["supplied_on"])),
        ("Commande", f"{snapshot['order']} du {_date(snapshot['placed_on'])}"),
        ("Opération", texts[snapshot["operation"]]),
    ]
    return [(term, text) for term, text in facts if text]


def _line(line: Mapping[str, Any], snapshot: Mapping[str, Any]) -> PrintedLine:
    return PrintedLine(
        name=line["name"],
        notes=_notes(line, snapshot),
        quantity=decimal(line["quantity"], 0),
        unit_price=_unit_price(Decimal(line["unit_net"]), snapshot["currency"]),
        rate=_rate(line["rate"]),
        net=_money(line["net"], snapshot),
        gross=_money(line["gross"], snapshot),
    )


def _notes(line: Mapping[str, Any], snapshot: Mapping[str, Any]) -> list[str]:
    notes = [line["details"], line["sku"]]
    if line["is_share"]:
        notes.append(f"part à {_rate(line['rate'])}")
    if Decimal(line["discount"]) > 0:
        notes.append(f"remise déduite : {_money(line['discount'], snapshot)}{_incl_vat(line['rate'])}")
    notes += [
        f"dont {levy['label'][:1].lower()}{levy['label'][1:]} {_money(levy['amount'], snapshot)}"
        for levy in line["levies"]
    ]
    return [note for note in notes if note]


def _group(group: Mapping[str, Any], snapshot: Mapping[str, Any]) -> PrintedGroup:
    amounts = {name: _money(group[name], snapshot) for name in ("net", "vat", "gross")}
    return PrintedGroup(rate=_rate(group["rate"]), **amounts)


def _mentions(snapshot: Mapping[str, Any]) -> list[str]:
    """Return what the law asks for below the sums."""
    texts, seller = snapshot["texts"], snapshot["seller"]
    if seller["is_franchise"]:
        return [texts["franchise"]]
    return [texts["on_debits"]] if seller["on_debits"] else []


def _money(amount: str, snapshot: Mapping[str, Any]) -> str:
    value, currency = Decimal(amount), snapshot["currency"]
    return money(value, currency, _places(value, currency))


def _unit_price(price: Decimal, currency: str) -> str:
    needed = -int(price.normalize().as_tuple().exponent)
    return money(price, currency, min(max(needed, exponent(currency)), MOST_DECIMALS))


def _places(value: Decimal, currency: str) -> int:
    """Return the currency's decimals; two where the amount has cents that the currency has not."""
    places = exponent(currency)
    return places if value == round(value, places) else 2


def _rate(rate: str | None) -> str:
    return "" if rate is None else percent(Decimal(rate))


def _incl_vat(rate: str | None) -> str:
    return "" if rate is None else f"{FIXED}TTC"


def _date(iso: str) -> str:
    return long_date(date.fromisoformat(iso)) if iso else ""
