"""The invoice, and the proforma: what a snapshot says, printed."""

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
from orders.documents.snapshot import Euros, Group, Line, Snapshot

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


def invoice_pdf(snapshot: Snapshot) -> bytes:
    """Return the PDF of an invoice; of a proforma where the snapshot has no number.

    The same snapshot gives the same bytes. Raises ``orders.documents.renderer.CannotRender``.
    """
    return render_pdf("documents/invoice.html", invoice_context(snapshot), color=snapshot["seller"]["color"])


@translation.override("fr")
def invoice_context(snapshot: Snapshot) -> dict[str, Any]:
    """Return the snapshot as the template prints it: amounts, dates and rates are French text."""
    seller = snapshot["seller"]
    totals = {name: _money(amount, snapshot) for name, amount in dict[str, str](**snapshot["totals"]).items()}
    return {
        "title": _title(snapshot),
        "number": snapshot["number"],
        "provisional": "" if snapshot["number"] else snapshot["texts"]["provisional"],
        "seller": seller,
        "logo": data_uri(seller["logo"]),
        "legal": legal_lines(seller),
        "facts": _facts(snapshot),
        "addressee": snapshot["buyer"]["lines"],
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


def _title(snapshot: Snapshot) -> str:
    if snapshot["type_code"] == "381":
        return "Avoir"
    return "Facture" if snapshot["number"] else "Proforma"


def _facts(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return the terms at the top: dates, order, kind of operation."""
    texts = snapshot["texts"]
    supply = "Date de livraison" if snapshot["supply_is_delivery"] else "Date de paiement"
    facts = [
        ("Date d’émission" if snapshot["number"] else "Date", _date(snapshot["issued_on"])),
        (supply, _date(snapshot["supplied_on"])),
        ("Commande", f"{snapshot['order']} du {_date(snapshot['placed_on'])}"),
        ("Opération", texts[snapshot["operation"]]),
        ("Facture corrigée", _corrected(snapshot)),
        ("Motif", snapshot["reason"]),
    ]
    return [(term, text) for term, text in facts if text]


def _corrected(snapshot: Snapshot) -> str:
    invoice = snapshot["corrects"]
    return f"{invoice['number']} du {_date(invoice['issued_on'])}" if invoice else ""


def _line(line: Line, snapshot: Snapshot) -> PrintedLine:
    return PrintedLine(
        name=line["name"],
        notes=_notes(line, snapshot),
        quantity=decimal(line["quantity"], 0),
        unit_price=_unit_price(Decimal(line["unit_net"]), snapshot["currency"]),
        rate=_rate(line["rate"]),
        net=_money(line["net"], snapshot),
        gross=_money(line["gross"], snapshot),
    )


def _notes(line: Line, snapshot: Snapshot) -> list[str]:
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


def _group(group: Group, snapshot: Snapshot) -> PrintedGroup:
    return PrintedGroup(
        rate=_rate(group["rate"]),
        net=_money(group["net"], snapshot),
        vat=_money(group["vat"], snapshot),
        gross=_money(group["gross"], snapshot),
    )


def _mentions(snapshot: Snapshot) -> list[str]:
    """Return what the law asks for below the sums."""
    texts, seller = snapshot["texts"], snapshot["seller"]
    mentions = [
        texts["franchise"] if seller["is_franchise"] else "",
        texts["on_debits"] if seller["on_debits"] else "",
        snapshot["mandate"],
    ]
    if terms := snapshot["terms"]:
        due = f"À payer avant le {_date(snapshot['due_on'])}" if not snapshot["is_paid"] else ""
        mentions += [due, terms["discount"], terms["penalties"], terms["recovery"]]
    if euros := snapshot["euros"]:
        mentions.append(_euros(euros, snapshot["currency"]))
    return [mention for mention in [*mentions, seller["footer"]] if mention]


def _euros(euros: Euros, currency: str) -> str:
    vat, gross = money(Decimal(euros["vat"]), "EUR"), money(Decimal(euros["gross"]), "EUR")
    rate = f"1 {currency} = {decimal(Decimal(euros['rate']), 4)}{FIXED}€ le {_date(euros['rate_on'])}"
    return f"En euros\u202f: TVA {vat}, total {gross} ({rate})"


def _money(amount: str, snapshot: Snapshot) -> str:
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
