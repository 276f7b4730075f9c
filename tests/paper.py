"""Documents of every kind, as a shop would print them: what the tests look at."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from orders.documents.credit_snapshot import Credit, Facts, credit_snapshot
from orders.documents.invoice_snapshot import Supply, invoice_snapshot
from orders.documents.snapshot import Snapshot
from orders.models import ExchangeRate, LineKind, Order, OrderLine
from orders.states import OrderStatus
from tests.factories import FIVE_FIVE, NOON, TWENTY, make_line
from vendors.models import LegalIdentity, Vendor

ISSUED = date(2026, 11, 23)
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 60"><path d="M30 4 54 18v24L30 56 6 42V18z" '
    'fill="none" stroke="#8a4b08" stroke-width="5"/><circle cx="30" cy="30" r="9" fill="#d99a2b"/>'
    '<text x="66" y="30" font-family="DejaVu Serif" font-size="19" fill="#3b2a14">Rucher</text>'
    '<text x="66" y="50" font-family="DejaVu Serif" font-size="19" fill="#3b2a14">des Baux</text></svg>'
)


def shop(**identity: object) -> Vendor:
    """A shop that is not stored, with its whole legal identity."""
    vendor = Vendor(slug="rucher-des-baux", name="Rucher des Baux")
    values: dict[str, object] = {
        "legal_name": "Le Rucher des Baux",
        "legal_form": "SARL",
        "capital": Decimal("8000"),
        "address_1": "3 chemin du Moulin",
        "postcode": "13520",
        "city": "Les Baux-de-Provence",
        "email": "contact@rucher.example",
        "phone": "04 90 00 00 00",
        "siret": "73282932000074",
        "rcs_town": "Tarascon",
        "vat_number": "FR44732829320",
        "prefix": "RDB",
        "color": "#8a4b08",
        "logo_svg": LOGO,
        "mediator": "Médiation Exemple, 12 rue de la Paix, 75002 Paris, mediation.example",
    }
    LegalIdentity(vendor=vendor, **{**values, **identity})
    return vendor


def order_of(vendor: Vendor, lines: list[OrderLine], **fields: object) -> Order:
    """An order that is not stored, paid by card, of a consumer in Rennes."""
    values: dict[str, object] = {
        "vendor": vendor,
        "number": "1042",
        "status": OrderStatus.COMPLETED,
        "placed_at": NOON - timedelta(days=4),
        "paid_at": NOON - timedelta(days=4),
        "customer_name": "Bénédicte Lefèvre",
        "customer_email": "benedicte@example.com",
        "billing_name": "Bénédicte Lefèvre",
        "billing_address_1": "14 rue des Alouettes",
        "billing_postcode": "35000",
        "billing_city": "Rennes",
        "billing_country": "FR",
        "shipping_name": "Bénédicte Lefèvre",
        "shipping_address_1": "14 rue des Alouettes",
        "shipping_postcode": "35000",
        "shipping_city": "Rennes",
        "shipping_country": "FR",
        "payment_title": "Carte bancaire",
        "payment_method": "stripe",
        "currency": "EUR",
        "total": sum((line.total for line in lines), Decimal("0.00")),
    }
    for position, line in enumerate(lines, start=1):
        line.position = position
    return Order(**{**values, **fields})


def invoice_of(
    lines: list[OrderLine],
    *,
    vendor: Vendor | None = None,
    number: str = "RDB-F2026-000042",
    rate: ExchangeRate | None = None,
    shipped_at: datetime | None = NOON - timedelta(days=1),
    **fields: object,
) -> Snapshot:
    """What the invoice of such an order says."""
    order = order_of(vendor or shop(), lines, **fields)
    supply = Supply(shipped_at or order.paid_at, is_delivery=shipped_at is not None)
    return invoice_snapshot(order, lines, supply, number=number, on=ISSUED, rate=rate)


def credit_note_of(
    invoice: Snapshot, until_now: dict[int, Decimal], *, units: dict[int, int] | None = None, reason: str = ""
) -> Snapshot:
    """What the credit note says that gives these amounts back, by position."""
    facts = Facts(
        number="RDB-A2026-000007",
        on=ISSUED + timedelta(days=7),
        texts=invoice["texts"],
        seller=invoice["seller"],
        reason=reason,
        refunded_on=(ISSUED + timedelta(days=7)).isoformat(),
    )
    return credit_snapshot(invoice, Credit(until_now, units=units or {}), facts)


def basket() -> list[OrderLine]:
    """47.60: honey at 5.5 %, soap at 20 %, shipping over both."""
    shipping = make_line(None, total="4.90", kind=LineKind.SHIPPING, name="Colissimo", vat_rate=FIVE_FIVE)
    shipping.taxes.append({"label": "TVA", "rate": "0.2", "amount": "0.20", "kind": "vat"})
    return [
        make_line(
            None,
            3,
            total="29.70",
            vat_rate=FIVE_FIVE,
            name="Miel de lavande",
            sku="MIEL-LAV-250",
            details="250 g",
        ),
        make_line(None, 2, total="13.00", discount="1.50", name="Savon au miel", sku="SAV-01"),
        shipping,
    ]


WORDS = [
    "Miel de lavande",
    "Savon au miel",
    "Bougie en cire d’abeille",
    "Pain d’épices",
    "Gelée royale fraîche",
]


def long_basket(count: int = 40) -> list[OrderLine]:
    return [
        make_line(
            None,
            number % 5 + 1,
            total=f"{7.35 * (number % 5 + 1):.2f}",
            vat_rate=FIVE_FIVE if number % 2 else TWENTY,
            name=f"{WORDS[number % 5]} n° {number}",
            sku=f"REF-{number:03d}",
            details="Récolte 2026, pot en verre consigné" if number % 7 == 0 else "",
        )
        for number in range(1, count + 1)
    ]


def levied() -> list[OrderLine]:
    line = make_line(None, total="24.90", name="Lampe de ruche à pile", sku="LAMPE")
    line.taxes.append({"label": "Éco-contribution", "rate": "0.01", "amount": "0.21", "kind": "levy"})
    return [line, make_line(None, total="5.00", kind=LineKind.SHIPPING, name="Colissimo")]


def business_due() -> Snapshot:
    vendor = shop(iban="FR7630006000011234567890189", payment_days=30)
    return invoice_of(
        basket(),
        vendor=vendor,
        status=OrderStatus.ON_HOLD,
        paid_at=None,
        shipped_at=None,
        billing_company="Épicerie du Port SAS",
        billing_address_2="Bâtiment B, quai des Chartrons",
        buyer_is_business=True,
        buyer_siren="732829320",
        buyer_vat_number="FR44732829320",
        payment_method="bacs",
        payment_title="Virement bancaire",
    )


def franchise() -> Snapshot:
    vendor = shop(
        legal_name="Claire Fabre",
        legal_form="",
        capital=None,
        is_sole_trader=True,
        rcs_town="",
        is_rcs_exempt=True,
        vat_regime="franchise",
        vat_number="",
        logo_svg="",
        color="#2f6f4f",
    )
    lines = [
        make_line(None, 2, total="38.00", name="Bol en grès", sku="BOL", vat_rate=Decimal(0)),
        make_line(None, total="6.00", kind=LineKind.SHIPPING, name="Colissimo", vat_rate=Decimal(0)),
    ]
    return invoice_of(lines, vendor=vendor)


def credit_note() -> Snapshot:
    return credit_note_of(
        invoice_of(basket()),
        {1: Decimal("9.90"), 3: Decimal("1.00")},
        units={1: 1},
        reason="Un pot est arrivé cassé",
    )


def overseas() -> Snapshot:
    lines = [
        make_line(None, 3, total="29.70", vat_rate=Decimal("0.021"), name="Miel de letchi", sku="LETCHI"),
        make_line(
            None, total="18.50", vat_rate=Decimal("0.085"), name="Vanille de La Réunion", sku="VANILLE"
        ),
        make_line(
            None, total="4.20", vat_rate=Decimal("0.0105"), name="Gazette des apiculteurs", sku="GAZETTE"
        ),
    ]
    place = {"postcode": "97400", "city": "Saint-Denis", "country": "RE"}
    return invoice_of(
        lines, **{f"{kind}_{part}": text for kind in ("billing", "shipping") for part, text in place.items()}
    )


def foreign_currency() -> Snapshot:
    rate = ExchangeRate(currency="USD", on=date(2026, 11, 20), euros=Decimal("0.92150000"))
    place = {"address_1": "350 5th Avenue", "postcode": "10118", "city": "New York NY", "country": "US"}
    address = {f"{kind}_{part}": text for kind in ("billing", "shipping") for part, text in place.items()}
    return invoice_of(basket(), currency="USD", rate=rate, **address)


def foreign_words() -> Snapshot:
    lines = [
        make_line(None, 2, total="15.00", name="דבש אורגני · عسل عضوي", sku="עסל-1", details="مرطبان ٢٥٠ غ"),
        make_line(None, 1, total="9.00", name="Savon 🐝🍯 « câlin » 😀 日本", sku="SAVON-🐝"),
        make_line(
            None,
            1,
            total="12345.67",
            name="Coffret " + "exceptionnellement long pour les fêtes de fin d’année " * 4,
            sku="COFFRET-EDITION-LIMITEE-2026-XXL-0001",
            details="Anticonstitutionnellement" * 6,
        ),
        make_line(None, 1, total="0.00", name="", sku=""),
    ]
    return invoice_of(
        lines,
        billing_name="محمد بن عبد الله الأندلسي",
        shipping_name="שלום כהן",
        shipping_address_1="12 rue Ben Yehouda",
        shipping_city="Paris",
        shipping_postcode="75004",
    )


INVOICES = {
    "consumer-prepaid": lambda: invoice_of(basket()),
    "business-due": business_due,
    "franchise": franchise,
    "credit-note": credit_note,
    "forty-lines": lambda: invoice_of(long_basket()),
    "levy": lambda: invoice_of(levied()),
    "overseas": overseas,
    "foreign-currency": foreign_currency,
    "foreign-words": foreign_words,
}
