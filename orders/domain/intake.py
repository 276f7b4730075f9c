"""One door for orders that come in: files today, deliveries and reconciliation by the same way."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from orders import emails
from orders.domain import stock
from orders.domain.earnings import CommissionRules, freeze_commission
from orders.domain.history import record
from orders.domain.order_data import AddressData, LineData, OrderData
from orders.domain.refunds import RefundedLine, RefundRefused, refund_order
from orders.domain.transitions import arrive, change_status, lock
from orders.models import (
    Customer,
    HistoryKind,
    LineKind,
    Order,
    OrderLine,
    OrderNameStart,
    Source,
    SourceVendor,
)
from orders.models.customers import name_starts
from vendors.models import LegalIdentity, Membership, Product, User, Vendor
from vendors.roles import Role

ZERO = Decimal("0.00")


class IntakeRefused(Exception):
    """The order cannot be taken as it is; the message names path and value."""


class Outcome(StrEnum):
    """What taking an order did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Taken:
    """The order as it stands now, and what intake did to it."""

    order: Order
    outcome: Outcome


def shop_of(data: OrderData, *, source: Source, create: bool = False, owner: User | None = None) -> Vendor:
    """Return the shop that the storefront's vendor stands for.

    With ``create`` an unknown vendor becomes a shop, with a slug from the store's name;
    ``owner`` becomes its owner. Raises IntakeRefused for an unknown vendor otherwise.
    """
    mapping = SourceVendor.objects.select_related("vendor").filter(source=source)
    known = mapping.filter(external_id=data.vendor_external_id).first()
    if known is not None:
        return known.vendor
    if not create:
        raise IntakeRefused(
            _("meta_data[_dokan_vendor_id]: no shop stands for vendor %(id)s of %(source)s")
            % {"id": data.vendor_external_id or "(none)", "source": source}
        )
    name = data.vendor_name or source.name
    vendor = Vendor.objects.create(name=name, slug=_free_slug(name))
    LegalIdentity.objects.create(vendor=vendor)
    SourceVendor.objects.create(source=source, external_id=data.vendor_external_id, vendor=vendor)
    if owner is not None:
        Membership.objects.create(user=owner, vendor=vendor, role=Role.OWNER)
    return vendor


def _free_slug(name: str) -> str:
    base = slugify(name)[:70] or "shop"
    taken = set(Vendor.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(
        slug for n in range(1, len(taken) + 2) if (slug := base if n == 1 else f"{base}-{n}") not in taken
    )


@transaction.atomic
def take_order(
    data: OrderData, *, source: Source, vendor: Vendor, at: datetime, announce: bool = True
) -> Taken:
    """Store a reported order, or bring the stored one to what is reported; repeating it changes nothing.

    The storefront is never refused for want of stock, nor for a step that the table does not
    have: it reports what has happened. A report older than the last one applied is ignored.
    Without ``announce`` no mail is queued: history is no news. Raises IntakeRefused for
    contradictions with what is stored.
    """
    if not announce:
        with emails.silence():
            return _take(data, source, vendor, at)
    return _take(data, source, vendor, at)


def _take(data: OrderData, source: Source, vendor: Vendor, at: datetime) -> Taken:
    # The shop's row is locked so that two workers cannot store one order twice; without its
    # key, so that others may add rows that name the shop meanwhile.
    Vendor.objects.select_for_update(of=("self",), no_key=True).get(pk=vendor.pk)
    order = Order.objects.filter(vendor=vendor, source=source, external_id=data.external_id).first()
    if order is None:
        return Taken(_create(data, source, vendor, at), Outcome.CREATED)
    lock(order)
    return Taken(order, Outcome.CHANGED if _update(order, data, source, at) else Outcome.UNCHANGED)


def _create(data: OrderData, source: Source, vendor: Vendor, at: datetime) -> Order:
    order = Order(
        vendor=vendor,
        source=source,
        external_id=data.external_id,
        number=_free_number(data.number, vendor, source),
        number_value=number_value(data.number),
        basket_number=data.basket_number,
        status=data.status,
        placed_at=data.placed_at,
        paid_at=data.paid_at,
        completed_at=data.completed_at,
        received_at=at,
        reported_at=data.modified_at,
        payment_method=data.payment_method,
        payment_title=data.payment_title,
        shipping_method=data.shipping_method,
        customer_note=data.customer_note,
        buyer_siren=data.buyer_siren,
        buyer_vat_number=data.buyer_vat_number,
        currency=data.currency,
        total=data.total,
        storefront_vat_total=data.total_tax,
        **_contact(data),
    )
    order.customer = _customer(data, order.customer_name, source, vendor)
    lines = [_line(position, line, source, vendor) for position, line in enumerate(data.lines, start=1)]
    set_totals(order, lines)
    frozen = {line.position: part.commission_rate for line, part in zip(lines, data.lines, strict=True)}
    freeze_commission(order, lines, CommissionRules.of_marketplace(), snapshot=frozen)
    order.save()
    for line in lines:
        line.order = order
    OrderLine.objects.bulk_create(lines)
    index_name(order)
    arrive(order, by=source, at=at)
    _report_refunds(order, data, source, at)
    return order


def _update(order: Order, data: OrderData, source: Source, at: datetime) -> bool:
    """Apply what the report says anew; return whether anything changed."""
    if data.modified_at and order.reported_at and data.modified_at < order.reported_at:
        return False
    if (data.currency, data.total) != (order.currency, order.total):
        raise IntakeRefused(
            _("total: order %(number)s was taken with %(old)s and is now reported with %(new)s")
            % {
                "number": order.number,
                "old": f"{order.total} {order.currency}",
                "new": f"{data.total} {data.currency}",
            }
        )
    changed = _report_refunds(order, data, source, at)
    moment = (
        data.completed_at
        if data.status == "completed"
        else data.paid_at
        if data.status == "processing"
        else None
    )
    if change_status(order, data.status, by=source, at=moment or data.modified_at or at):
        changed = True
    fields = {**_contact(data), "customer_note": data.customer_note}
    if not order.shipments.exists():
        changed |= _apply(order, fields, source, at)
    if data.modified_at and data.modified_at != order.reported_at:
        order.reported_at = data.modified_at
        order.save(update_fields=["reported_at"])
    return changed


def _apply(order: Order, fields: dict[str, str], source: Source, at: datetime) -> bool:
    differing = [name for name, value in fields.items() if getattr(order, name) != value]
    if not differing:
        return False
    for name in differing:
        setattr(order, name, fields[name])
    order.version += 1
    order.save(update_fields=[*differing, "version"])
    if "customer_name" in differing:
        order.name_starts.all().delete()
        index_name(order)
    record(order, HistoryKind.CHANGED, by=source, at=at, data={"fields": differing})
    return True


def _report_refunds(order: Order, data: OrderData, source: Source, at: datetime) -> bool:
    """Record the refunds that are not known yet; they come without lines and are spread.

    Units that the storefront put back on the shelf are told by the lines, and go with the
    last of the new refunds.
    """
    known = set(order.refunds.exclude(external_id="").values_list("external_id", flat=True))
    new = [refund for refund in data.refunds if refund.external_id not in known]
    if new:
        stock.lock_shelves(order)  # the status that is reported with them moves stock again
    for refund in new:
        try:
            refund_order(
                order,
                lines=_returned(order, data) if refund is new[-1] else None,
                amount=refund.amount,
                by=source,
                at=data.modified_at or at,
                reason=refund.reason,
                external_id=refund.external_id,
            )
        except RefundRefused as refused:
            raise IntakeRefused(f"refunds: {refused}") from refused
    return bool(new)


def _returned(order: Order, data: OrderData) -> dict[int, RefundedLine]:
    """The units that the storefront put back on the shelf since the last report, by order line."""
    reported = {line.external_id: line.units_returned for line in data.lines if line.units_returned}
    returned = {}
    for line in order.lines.filter(kind=LineKind.PRODUCT, external_id__in=reported):
        units = min(reported[line.external_id], line.quantity) - line.units_returned
        if units > 0:
            returned[line.pk] = RefundedLine(min(units, line.quantity - line.units_refunded), ZERO, units)
    return returned


def _contact(data: OrderData) -> dict[str, str]:
    """The columns that hold who bought, and where to send it."""
    return {
        "customer_name": data.billing.name
        or data.billing.company
        or data.shipping.name
        or data.shipping.company,
        "customer_email": data.email,
        "customer_phone": data.phone,
        **_address("billing", data.billing),
        **_address("shipping", data.shipping),
    }


def _address(kind: str, address: AddressData) -> dict[str, str]:
    return {
        f"{kind}_{name}": getattr(address, name)
        for name in ("name", "company", "address_1", "address_2", "postcode", "city", "country")
    }


def _customer(data: OrderData, name: str, source: Source, vendor: Vendor) -> Customer | None:
    """The shop's customer behind the order: by account, else by e-mail address; None without either."""
    if data.customer_external_id:
        return Customer.objects.get_or_create(
            vendor=vendor,
            source=source,
            external_id=data.customer_external_id,
            defaults={"name": name, "email": data.email.lower(), "created_at": data.placed_at},
        )[0]
    if not data.email:
        return None
    return Customer.objects.get_or_create(
        vendor=vendor,
        external_id="",
        email=data.email.lower(),
        defaults={"name": name, "source": source, "created_at": data.placed_at},
    )[0]


def _line(position: int, data: LineData, source: Source, vendor: Vendor) -> OrderLine:
    return OrderLine(
        kind=data.kind,
        position=position,
        external_id=data.external_id,
        product=_product(data, vendor) if data.kind == LineKind.PRODUCT else None,
        sku=data.sku,
        name=data.name,
        details=data.details,
        quantity=data.quantity,
        total_before_discount=data.net_before_discount + data.tax_before_discount,
        total=data.net + data.tax,
        storefront_net=data.net,
        taxes=[
            {"label": tax.label, "rate": str(tax.rate), "amount": str(tax.amount), "kind": tax.kind}
            for tax in data.taxes
        ],
        commission_fixed=data.commission_fixed or ZERO,
    )


def _product(data: LineData, vendor: Vendor) -> Product | None:
    """The shop's product, made on first sight; nobody counts it until a person does."""
    if not data.product_external_id:
        return None
    return Product.objects.get_or_create(
        vendor=vendor, external_id=data.product_external_id, defaults={"sku": data.sku, "name": data.name}
    )[0]


def set_totals(order: Order, lines: list[OrderLine]) -> None:
    """Set the order's part totals from its lines, so that total = items − discount + shipping + fees."""
    by_kind = {kind: [line for line in lines if line.kind == kind] for kind in LineKind.values}
    order.items_total = sum((line.total_before_discount for line in by_kind["product"]), ZERO)
    order.discount_total = order.items_total - sum((line.total for line in by_kind["product"]), ZERO)
    order.shipping_total = sum((line.total for line in by_kind["shipping"]), ZERO)
    order.fees_total = sum((line.total for line in by_kind["fee"]), ZERO)


def index_name(order: Order) -> None:
    """Make the order findable by each word of the customer's name."""
    OrderNameStart.objects.bulk_create(
        OrderNameStart(order=order, vendor_id=order.vendor_id, start=start)
        for start in name_starts(order.customer_name)
    )


def number_value(number: str) -> int:
    """Return the digits of an order number as a whole number, so that 999 sorts before 1000."""
    return int("".join(re.findall(r"[0-9]", number))[:18] or 0)


def _free_number(number: str, vendor: Vendor, source: Source) -> str:
    """The storefront's number; with the storefront's name where the shop has that number already.

    It stands in the order's address, where a slash would begin another part: a dash takes its place.
    """
    number = number.replace("/", "-")
    taken = set(
        Order.objects.filter(vendor=vendor, number__startswith=number).values_list("number", flat=True)
    )
    candidates = [
        number,
        f"{number}-{source.slug}"[:60],
        *(f"{number}-{source.slug}-{n}"[:60] for n in range(2, 1000)),
    ]
    return next(candidate for candidate in candidates if candidate not in taken)
