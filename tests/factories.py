"""Typed functions that build what a test needs, in sight; they go through the domain's own doors."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import fields as fields_of
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth.models import Permission as Right

from orders.domain.buyers import BuyerData
from orders.domain.earnings import CommissionRules, freeze_commission
from orders.domain.intake import index_name, number_value, set_totals
from orders.domain.transitions import arrive
from orders.emails import silence
from orders.models import Customer, Document, LineKind, Order, OrderLine, Source, StockMovement
from orders.states import OrderStatus
from vendors.models import LegalIdentity, Membership, Product, User, Vendor
from vendors.roles import Role

NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # 12:00 in Paris
PASSWORD = "correct-horse-battery"
_numbers = count(1)

TWENTY = Decimal("0.2")
FIVE_FIVE = Decimal("0.055")


def make_vendor(slug: str = "", *, identity: bool = True, **fields: Any) -> Vendor:
    """A shop, by default with a complete legal identity."""
    slug = slug or f"shop-{next(_numbers)}"
    vendor = Vendor.objects.create(
        slug=slug, name=fields.pop("name", slug.replace("-", " ").title()), **fields
    )
    if identity:
        make_identity(vendor)
    return vendor


def make_identity(vendor: Vendor, **fields: Any) -> LegalIdentity:
    values: dict[str, Any] = {
        "legal_name": "Le Rucher des Baux",
        "legal_form": "SARL",
        "capital": Decimal("8000"),
        "address_1": "3 chemin du Moulin",
        "postcode": "13520",
        "city": "Les Baux-de-Provence",
        "email": "contact@rucher.example",
        "siret": "73282932000074",
        "rcs_town": "Tarascon",
        "vat_number": "FR44732829320",
        "prefix": "RDB",
        "mediator": "Médiation Exemple, 75000 Paris, mediation.example",
    }
    return LegalIdentity.objects.create(vendor=vendor, **{**values, **fields})


def make_user(email: str = "", *, password: str = PASSWORD, **fields: Any) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.com", password, **fields)


def make_member(vendor: Vendor, role: Role | str = Role.OWNER, **fields: Any) -> User:
    """A person of the shop; ``fields`` are the user's."""
    user = make_user(**fields)
    Membership.objects.create(user=user, vendor=vendor, role=role)
    return user


def make_staff(*rights: str, email: str = "") -> User:
    """A member of the staff who has these rights (``view_order``) and no other."""
    person = make_user(email, is_staff=True)
    person.user_permissions.set(Right.objects.filter(codename__in=rights))
    return person


def make_source(slug: str = "naturalconect") -> Source:
    return Source.objects.get_or_create(slug=slug, defaults={"name": slug})[0]


def make_product(
    vendor: Vendor,
    *,
    stock: int | None = None,
    price: str = "12.00",
    vat_rate: Decimal = TWENTY,
    **fields: Any,
) -> Product:
    """A product; with ``stock`` a counted one, opened long ago."""
    n = next(_numbers)
    product = Product.objects.create(
        vendor=vendor,
        price=Decimal(price),
        vat_rate=vat_rate,
        stock=stock,
        **{"name": f"Product {n}", "sku": f"SKU-{n}", **fields},
    )
    if stock:
        StockMovement.objects.create(product=product, cause=f"count:{product.pk}:1", units=stock, at=NOON)
    return product


def make_document(order: Order, *, corrects: Document | None = None, **fields: Any) -> Document:
    """A row as if an invoice had been issued, or with ``corrects`` a credit note; without a file."""
    kind = "A" if corrects else "F"
    sequence = Document.objects.filter(vendor=order.vendor, kind=kind).count() + 1
    values: dict[str, Any] = {
        "kind": kind,
        "corrects": corrects,
        "year": 2026,
        "sequence": sequence,
        "number": f"RDB-{kind}2026-{sequence:06d}",
        "issued_on": NOON.date(),
        "issued_at": NOON,
        "total": order.total,
        "currency": order.currency,
        "snapshot": {},
        "sha256": "0" * 64,
        "previous_hash": f"{sequence:064d}",
        "chain_hash": f"{sequence + 1:064d}",
    }
    return Document.objects.create(vendor=order.vendor, order=order, **{**values, **fields})


def make_customer(vendor: Vendor, name: str = "Camille Lefèvre", **fields: Any) -> Customer:
    email = fields.pop("email", f"customer{next(_numbers)}@example.com")
    return Customer.objects.create(vendor=vendor, name=name, email=email, **fields)


def make_line(
    product: Product | None,
    quantity: int = 1,
    *,
    total: str | Decimal | None = None,
    discount: str | Decimal = "0",
    vat_rate: Decimal | None = None,
    kind: str = LineKind.PRODUCT,
    **fields: Any,
) -> OrderLine:
    """A line that is not stored yet; ``total`` is what is paid for it, incl. VAT."""
    rate = vat_rate if vat_rate is not None else (product.vat_rate if product else None)
    rate = TWENTY if rate is None else rate
    if total is None:
        total = (product.price or Decimal(0)) * quantity if product else Decimal("6.00")
    paid = Decimal(total)
    net = (paid / (1 + rate)).quantize(Decimal("0.01"))
    return OrderLine(
        product=product,
        kind=kind,
        quantity=quantity,
        total=paid,
        total_before_discount=paid + Decimal(discount),
        storefront_net=net,
        taxes=[{"label": f"TVA {rate:%}", "rate": str(rate), "amount": str(paid - net), "kind": "vat"}]
        if rate
        else [],
        **{
            "name": product.name if product else kind.title(),
            "sku": product.sku if product else "",
            **fields,
        },
    )


def buyer_data_of(order: Order) -> BuyerData:
    """Who is billed as of now: what a form would be opened with."""
    return BuyerData(**{field.name: getattr(order, field.name) for field in fields_of(BuyerData)})


def make_order(
    vendor: Vendor,
    *,
    lines: Sequence[OrderLine | tuple[Product, int]] | None = None,
    status: OrderStatus | str = OrderStatus.PENDING,
    customer_name: str = "Camille Lefèvre",
    placed_at: datetime = NOON,
    number: str = "",
    rules: CommissionRules | None = None,
    announce: bool = False,
    **fields: Any,
) -> Order:
    """An order that arrived with ``status``, as the storefront reports it; one line of 12.00 by default."""
    number = number or str(100_000 + next(_numbers))
    built = [
        part if isinstance(part, OrderLine) else make_line(*part)
        for part in lines or [make_line(None, total="12.00")]
    ]
    values: dict[str, Any] = {
        "customer_email": "camille@example.com",
        "billing_name": customer_name,
        "billing_address_1": "14 rue des Alouettes",
        "billing_postcode": "35000",
        "billing_city": "Rennes",
        "billing_country": "FR",
        "shipping_name": customer_name,
        "shipping_address_1": "14 rue des Alouettes",
        "shipping_postcode": "35000",
        "shipping_city": "Rennes",
        "shipping_country": "FR",
        "payment_title": "Carte bancaire",
    }
    source = fields.pop("source", None) or make_source()
    order = Order(
        vendor=vendor,
        source=source,
        external_id=number,
        number=number,
        number_value=number_value(number),
        status=status,
        placed_at=placed_at,
        customer_name=customer_name,
        total=sum((line.total for line in built), Decimal("0.00")),
        **{**values, **fields},
    )
    frozen, fixed = {}, {}
    for position, line in enumerate(built, start=1):
        line.order, line.position = order, position
        frozen[position] = line.commission_rate or None
        fixed[position] = line.commission_fixed or None
    set_totals(order, built)
    rules = rules or CommissionRules(rate=Decimal("0.1"))
    freeze_commission(order, built, rules, snapshot=frozen, fixed=fixed)
    order.save()
    for line in built:
        line.order = order
    OrderLine.objects.bulk_create(built)
    index_name(order)
    with nullcontext() if announce else silence():
        arrive(order, by=source, at=placed_at + timedelta(seconds=1))
    return order
