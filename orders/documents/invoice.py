"""The invoice, and the proforma: what a snapshot says, printed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Any

from django.utils import translation

from marketplace.formats import FIXED, decimal, long_date, money, percent
from marketplace.money import exponent
from orders.documents.einvoice import TRANSFERS, einvoice_xml
from orders.documents.parties import grouped, legal_lines, trade_name
from orders.documents.renderer import render_pdf
from orders.documents.snapshot import Euros, Group, Line, Snapshot
from orders.documents.typesetting import EInvoice
from vendors.logo import data_uri

LEAST_DECIMALS_OF_RATE = 4
MOST_DECIMALS = 6  # of a unit price
FIGURE_BLANK = "\u2007"  # as wide as a digit


@dataclass(frozen=True)
class PrintedLine:
    """A row of the table; ``notes`` stand small under the name.

    ``carried`` and ``brought`` are the sum until and with this row, as it stands at the foot of a
    page and at the head of the next.
    """

    name: str
    notes: list[str]
    quantity: str
    unit_price: str
    rate: str
    net: str
    gross: str
    carried: str
    brought: str


@dataclass(frozen=True)
class PrintedGroup:
    """A row of the VAT per rate."""

    rate: str
    net: str
    vat: str
    gross: str


def invoice_pdf(snapshot: Snapshot) -> bytes:
    """Return the PDF of an invoice or a credit note, with its XML inside (Factur-X).

    Of a proforma, which has no number, there is no XML. The same snapshot gives the same bytes.
    Raises ``orders.documents.renderer.CannotRender``, also where the XML would not be valid.
    """
    einvoice = EInvoice(einvoice_xml(snapshot), snapshot["issued_on"]) if snapshot["number"] else None
    return render_pdf(
        "documents/invoice.html",
        invoice_context(snapshot),
        color=snapshot["seller"]["color"],
        einvoice=einvoice,
    )


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
        "trade_name": trade_name(seller),
        "legal": legal_lines(seller),
        "facts": _facts(snapshot),
        "addressee": snapshot["buyer"]["lines"],
        "delivery": snapshot["delivery"]
        or (["L’adresse de facturation"] if snapshot["is_delivered"] else []),
        "charges_vat": not seller["is_franchise"],
        "lines": _lines(snapshot),
        "groups": [_group(group, snapshot) for group in snapshot["groups"]],
        "totals": totals,
        "has_discount": Decimal(snapshot["totals"]["discount"]) > 0,
        "is_credit_note": snapshot["type_code"] == "381",
        "state": _state(snapshot),
        "payment": _payment(snapshot),
        "transfer": _transfer(snapshot),
        "is_spread": snapshot["is_spread"],
        "collected_at": snapshot.get("collected_at", []),
        "mediator": "" if snapshot["buyer"]["is_business"] else seller["mediator"],
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
        ("Votre SIREN", grouped(snapshot["buyer"]["siren"])),
        ("Votre n° de TVA", snapshot["buyer"]["vat_number"]),
    ]
    return [(term, text) for term, text in facts if text]


def _corrected(snapshot: Snapshot) -> str:
    invoice = snapshot["corrects"]
    return f"{invoice['number']} du {_date(invoice['issued_on'])}" if invoice else ""


def _state(snapshot: Snapshot) -> str:
    """Return whether it is paid, or given back, and when."""
    if snapshot["is_correction"] and (invoice := snapshot["corrects"]):
        return f"Une nouvelle facture remplace {invoice['number']}\u202f: cet avoir ne rembourse rien"
    if snapshot["type_code"] == "381":
        day = _date(snapshot["refunded_on"])
        return f"Remboursé le {day}" if day else "Rien n’avait été payé\u202f: rien n’est à rembourser"
    if not snapshot["is_paid"]:
        return ""
    paid_on = _date(snapshot["paid_on"])
    return f"Acquittée le {paid_on}" if paid_on else "Acquittée"


def _payment(snapshot: Snapshot) -> str:
    """Return how it was or will be paid; nothing where nothing was paid and nothing is due any more."""
    is_note = snapshot["type_code"] == "381"
    return "" if is_note and not snapshot["refunded_on"] else snapshot["payment"]


def _transfer(snapshot: Snapshot) -> str:
    """Return where to send what is due, for those who pay by transfer."""
    iban = snapshot["seller"]["iban"]
    is_asked_for = snapshot["type_code"] == "380" and not snapshot["is_paid"]
    if not is_asked_for or snapshot["payment_code"] not in TRANSFERS or not iban:
        return ""
    groups = " ".join(iban[place : place + 4] for place in range(0, len(iban), 4))
    return f"IBAN {groups}".replace(" ", FIXED) + f", en rappelant {snapshot['number'] or snapshot['order']}"


def _lines(snapshot: Snapshot) -> list[PrintedLine]:
    sums = accumulate(Decimal(line["gross"]) for line in snapshot["lines"])
    places = max((_price_places(line, snapshot) for line in snapshot["lines"]), default=0)
    return [_line(line, until, places, snapshot) for line, until in zip(snapshot["lines"], sums, strict=True)]


def _line(line: Line, until: Decimal, places: int, snapshot: Snapshot) -> PrintedLine:
    carried = _money(str(until), snapshot)
    unit = "" if snapshot["seller"]["is_franchise"] else " TTC"
    return PrintedLine(
        name=line["name"].strip() or "Article",
        notes=_notes(line, snapshot),
        quantity=decimal(line["quantity"], 0),
        unit_price=_unit_price(line, places, snapshot),
        rate=_rate(line["rate"]),
        net=_money(line["net"], snapshot),
        gross=_money(line["gross"], snapshot),
        carried=f"À reporter{unit}\u202f: {carried}",
        brought=f"Report{unit}\u202f: {carried}",
    )


def _notes(line: Line, snapshot: Snapshot) -> list[str]:
    notes = [" · ".join(part for part in (line["sku"], line["details"]) if part.strip())]
    if line["is_share"]:
        notes.append(f"part à {_rate(line['rate'])}")
    if Decimal(line["discount"]) > 0:
        notes.append(f"remise déduite\u202f: {_money(line['discount'], snapshot)}{_incl_vat(line['rate'])}")
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
        _exemption(snapshot),
        texts["on_debits"] if seller["on_debits"] else "",
        snapshot["mandate"],
    ]
    if terms := snapshot["terms"]:
        mentions += [_due(snapshot), terms["discount"], terms["penalties"], terms["recovery"]]
    if euros := snapshot["euros"]:
        mentions.append(_euros(euros, snapshot["currency"]))
    return [mention for mention in [*mentions, seller["footer"]] if mention]


def _due(snapshot: Snapshot) -> str:
    """Return the last day to pay, which a paid invoice to a business states too (C. com. art. L441-9)."""
    words = "Date d’échéance\u202f:" if snapshot["is_paid"] else "À payer au plus tard le"
    return f"{words} {_date(snapshot['due_on'])}"


def _exemption(snapshot: Snapshot) -> str:
    exemption = snapshot.get("exemption")
    is_used = any(group["rate"] is not None and not Decimal(group["rate"]) for group in snapshot["groups"])
    return exemption["text"] if exemption and is_used else ""


def _euros(euros: Euros, currency: str) -> str:
    vat, gross = money(Decimal(euros["vat"]), "EUR"), money(Decimal(euros["gross"]), "EUR")
    rate = f"1 {currency} = {_exchange_rate(euros['rate'])}{FIXED}€ le {_date(euros['rate_on'])}"
    return f"En euros\u202f: TVA {vat}, total {gross} ({rate})"


def _exchange_rate(rate: str) -> str:
    """Return the rate with all its decimals, at least four: by what is printed the amounts can be checked."""
    decimals = -int(Decimal(rate).normalize().as_tuple().exponent)
    return decimal(Decimal(rate), max(decimals, LEAST_DECIMALS_OF_RATE))


def _money(amount: str, snapshot: Snapshot) -> str:
    value, currency = Decimal(amount), snapshot["currency"]
    return money(value, currency, _places(value, currency))


def _unit_price(line: Line, places: int, snapshot: Snapshot) -> str:
    """Return a unit's price, followed by blanks so that commas stand below each other."""
    own = _price_places(line, snapshot)
    price = money(Decimal(line["unit_net"]), snapshot["currency"], own)
    missing = places - own + (1 if places and not own else 0)
    return price + FIGURE_BLANK * missing


def _price_places(line: Line, snapshot: Snapshot) -> int:
    """Return the decimals that a unit's price needs: the currency's, at most ``MOST_DECIMALS``."""
    needed = -int(Decimal(line["unit_net"]).normalize().as_tuple().exponent)
    return min(max(needed, exponent(snapshot["currency"])), MOST_DECIMALS)


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
