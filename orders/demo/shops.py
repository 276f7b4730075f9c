"""The demo's three shops, the people who work in them, and what stands on their shelves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password

from orders.demo.catalogue import COSMETICS, CRAFTS, FOOD, Article, articles
from orders.domain.stock import count
from orders.models import Carrier, Source, SourceVendor
from vendors.models import LegalIdentity, Membership, Product, User, Vendor
from vendors.roles import Role

PASSWORD = "comptoir-demo"  # noqa: S105 - told to everybody who makes the demo  # nosec B105
SOURCE = "naturalconect"
STAFF = ("admin@demo.example", "Camille Dupont")
MEDIATOR = "Médiation Exemple, 4 rue de la Concorde, 75008 Paris, mediation.example"
LEFT_LEAF = "M32 54C16 50 10 36 13 16c15 3 23 16 19 38z"
RIGHT_LEAF = "M32 54c-1-14 5-24 19-27 2 15-5 24-19 27z"


@dataclass(frozen=True)
class Delivery:
    """A way to get the goods; ``free_from`` is the basket that makes it free."""

    title: str
    carrier: str  # empty: the customer comes to the shop
    price: Decimal
    free_from: Decimal | None = None


@dataclass(frozen=True)
class Plan:
    """A shop before it is opened."""

    slug: str
    name: str
    share: float  # of the demo's orders
    fields: Mapping[str, Any]
    identity: Mapping[str, Any]
    people: Sequence[tuple[Role, str, str]]
    articles: Sequence[Article]
    deliveries: Sequence[Delivery]
    storefront_id: str


@dataclass
class Shop:
    """An opened shop."""

    plan: Plan
    vendor: Vendor
    source: Source
    staff: User
    people: dict[Role, User] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)

    def someone(self, *roles: Role) -> User:
        """The first of ``roles`` that works here, else the owner."""
        return next((self.people[role] for role in roles if role in self.people), self.people[Role.OWNER])


COLISSIMO = Delivery("Colissimo à domicile", Carrier.COLISSIMO, Decimal("6.90"), Decimal("60"))
RELAY = Delivery("Point Relais", Carrier.MONDIAL_RELAY, Decimal("4.50"), Decimal("60"))
CHRONOPOST = Delivery("Chronopost 24 h", Carrier.CHRONOPOST, Decimal("12.50"))
PICKUP = Delivery("Retrait à l’atelier", "", Decimal("0.00"))
CAREFUL = Delivery("Colis fragile", Carrier.COLISSIMO, Decimal("9.80"), Decimal("120"))

PLANS = [
    Plan(
        slug="atelier-verveine",
        name="Atelier Verveine",
        share=0.6,
        fields={
            "confirms_payments": True,
            "commission_rate": Decimal("0.1200"),
            "pickup_address": "Atelier Verveine\n12 rue des Tanneurs\n26110 Nyons",
            "pickup_hours": "Du mardi au vendredi de 10 h à 18 h 30, le samedi de 9 h à 13 h",
        },
        identity={
            "legal_name": "Atelier Verveine",
            "legal_form": "SARL",
            "capital": Decimal("10000.00"),
            "address_1": "12 rue des Tanneurs",
            "postcode": "26110",
            "city": "Nyons",
            "email": "bonjour@atelier-verveine.example",
            "phone": "04 65 71 12 26",
            "siret": "99924517800010",
            "rcs_town": "Romans",
            "vat_number": "FR16999245178",
            "prefix": "AVE",
            "mediator": MEDIATOR,
            "color": "#2f6b3c",
            "logo_svg": (
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">'
                "<title>Atelier Verveine</title>"
                '<circle cx="32" cy="32" r="31" fill="#e9f1e6"/>'
                f'<path d="{LEFT_LEAF}" fill="#2f6b3c"/>'
                f'<path d="{RIGHT_LEAF}" fill="none" stroke="#2f6b3c" stroke-width="3.5" '
                'stroke-linejoin="round"/></svg>'
            ),
        },
        people=[
            (Role.OWNER, "owner@demo.example", "Claire Aubanel"),
            (Role.MANAGER, "manager@demo.example", "Mehdi Benali"),
            (Role.PREPARER, "preparer@demo.example", "Lucie Garnier"),
            (Role.ACCOUNTANT, "accountant@demo.example", "Françoise Pélissier"),
        ],
        articles=articles(COSMETICS, 2100),
        deliveries=[COLISSIMO, RELAY, CHRONOPOST, PICKUP],
        storefront_id="9101",
    ),
    Plan(
        slug="miel-et-cie",
        name="Miel & Cie",
        share=0.28,
        fields={},
        identity={
            "legal_name": "Miel et Compagnie",
            "legal_form": "SAS",
            "capital": Decimal("15000.00"),
            "address_1": "48 route des Cévennes",
            "address_2": "Le Mas du Rocher",
            "postcode": "48000",
            "city": "Mende",
            "email": "contact@miel-et-cie.example",
            "phone": "04 65 71 48 02",
            "siret": "99931862900022",
            "rcs_town": "Mende",
            "vat_number": "FR82999318629",
            "prefix": "MIEL",
            "mediator": MEDIATOR,
            "color": "#8a5300",
            "logo_svg": (
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">'
                "<title>Miel &amp; Cie</title>"
                '<path d="M32 3l25 14.5v29L32 61 7 46.500v-29z" fill="#f4e3bd"/>'
                '<path d="M32 15l14.500 8.400v17.200L32 49l-14.500-8.400V23.400z" fill="none" '
                'stroke="#8a5300" stroke-width="3.5" stroke-linejoin="round"/>'
                '<path d="M32 27c5 6 6 8 6 11a6 6 0 0 1-12 0c0-3 1-5 6-11z" fill="#8a5300"/></svg>'
            ),
        },
        people=[
            (Role.OWNER, "owner@other.example", "Étienne Rouvière"),
            (Role.PREPARER, "preparer@other.example", "Solène Chabert"),
        ],
        articles=articles(FOOD, 4100),
        deliveries=[COLISSIMO, RELAY],
        storefront_id="9102",
    ),
    Plan(
        slug="terre-et-tilleul",
        name="Terre & Tilleul",
        share=0.12,
        fields={"completes_on_last_parcel": True, "late_after_days": 4, "low_stock_at": 1},
        identity={
            "legal_name": "Anne-Lise Moreau",
            "is_sole_trader": True,
            "address_1": "7 place du Tilleul",
            "postcode": "87000",
            "city": "Limoges",
            "email": "atelier@terre-et-tilleul.example",
            "phone": "05 36 49 87 07",
            "siret": "99940726500019",
            "rcs_town": "Limoges",
            "vat_regime": LegalIdentity.VatRegime.FRANCHISE,
            "prefix": "TT",
            "mediator": MEDIATOR,
            "color": "#9a4326",
            "logo_svg": (
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">'
                "<title>Terre &amp; Tilleul</title>"
                '<path d="M10 28h44c0 16-9 27-22 27S10 44 10 28z" fill="#9a4326"/>'
                '<path d="M32 24C24 20 22 12 27 5c8 3 10 11 5 19z" fill="#c98a5e"/>'
                '<path d="M16 36h32" stroke="#f3e4d8" stroke-width="3" stroke-linecap="round"/></svg>'
            ),
        },
        people=[
            (Role.OWNER, "owner@crafts.example", "Anne-Lise Moreau"),
            (Role.PREPARER, "preparer@crafts.example", "Théo Vergne"),
        ],
        articles=articles(CRAFTS, 6100),
        deliveries=[CAREFUL, CHRONOPOST],
        storefront_id="9103",
    ),
]


def open_shops(plans: Sequence[Plan], source: Source, *, at: datetime) -> list[Shop]:
    """Make these shops with teams and shelves, as they were ``at`` their opening, and the staff's account."""
    password = make_password(PASSWORD)  # once: a good hash is slow on purpose
    staff = User.objects.create(
        email=STAFF[0], name=STAFF[1], password=password, is_staff=True, is_superuser=True, date_joined=at
    )
    shops = [_open(plan, source, staff, password, at) for plan in plans]
    people = [staff, *(person for shop in shops for person in shop.people.values())]
    for person in people:
        person.vouch_for_address()
    return shops


def _open(plan: Plan, source: Source, staff: User, password: str, at: datetime) -> Shop:
    vendor = Vendor.objects.create(slug=plan.slug, name=plan.name, created_at=at, **plan.fields)
    LegalIdentity.objects.create(vendor=vendor, **plan.identity)
    SourceVendor.objects.create(source=source, external_id=plan.storefront_id, vendor=vendor)
    shop = Shop(plan, vendor, source, staff)
    for role, email, name in plan.people:
        person = User.objects.create(email=email, name=name, password=password, date_joined=at)
        Membership.objects.create(user=person, vendor=vendor, role=role, since=at)
        shop.people[role] = person
    for article in plan.articles:
        product = Product.objects.create(
            vendor=vendor,
            external_id=article.external_id,
            sku=article.sku,
            name=article.full_name,
            price=article.price,
            vat_rate=article.vat_rate,
            weight_grams=article.grams or None,
        )
        if article.is_counted:
            count(product, 40, by=shop.someone(Role.PREPARER), at=at)
        shop.products[article.external_id] = product
    return shop
