"""When an order was supplied, and which VAT regime its shop had then.

The rule is told in ``docs/rules/invoicing.md``: the regime of the day of supply applies.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import F, Max, Sum, prefetch_related_objects
from django.db.models.functions import Coalesce
from django.utils import timezone

from orders.documents.invoice_snapshot import Supply
from orders.documents.parties import identity_of
from orders.domain.parcels import units_outstanding
from orders.models import Document, DocumentKind, LineKind, Order, OrderLine
from orders.states import INVOICEABLE, OrderStatus
from vendors.models import LegalIdentity, Vendor

DELIVERED = frozenset({OrderStatus.COMPLETED, OrderStatus.REFUNDED})


def date_of_supply(order: Order, *, at: datetime | None = None) -> Supply:
    """Return when the order was supplied: its last parcel left, else it was completed, else paid.

    Before delivery the law has the date of payment stand in its place (CGI annexe II
    art. 242 nonies A, I, 10°); an order that is not paid has none. With ``at`` it is not after
    that moment, whatever the storefront's clock says: what is told has happened.
    """
    last = order.shipments.order_by("-shipped_at").first()
    left_at = last.shipped_at if last is not None and not units_outstanding(order) else None
    supply = _supply(order.status, order.paid_at, order.completed_at, left_at)
    if at and supply.at and supply.at > at:
        return replace(supply, at=at)
    return supply


def _supply(
    status: str, paid_at: datetime | None, completed_at: datetime | None, left_at: datetime | None
) -> Supply:
    """``left_at`` is when the last parcel left, None while something is to ship."""
    if left_at is not None:
        return Supply(left_at, is_delivery=True)
    if status in DELIVERED and completed_at:
        return Supply(completed_at, is_delivery=True)
    return Supply(paid_at if status in INVOICEABLE else None, is_delivery=False)


def under_franchise(vendor: Vendor, ids: Collection[int]) -> set[int]:
    """Return those of the shop's orders (by id) on which no VAT is charged, as their invoices say.

    An issued invoice has said it for good; without one it is what a proforma would say today.
    As many queries whatever the number of orders, and only one for a shop whose regime never changed.
    """
    regime = one_regime(vendor)
    if regime is not None:
        return set(ids) if regime == LegalIdentity.VatRegime.FRANCHISE else set()
    identity = identity_of(vendor)
    invoices = Document.objects.filter(order_id__in=ids, kind=DocumentKind.INVOICE).order_by("pk")
    said = dict(invoices.values_list("order_id", "snapshot__seller__is_franchise"))
    zone, now = ZoneInfo(vendor.time_zone), timezone.now()
    told = {
        pk: identity.is_franchise_on((supply.at or now).astimezone(zone).date())
        for pk, supply in _supplies(vendor, {*ids} - said.keys()).items()
    }
    return {pk for pk, is_free in {**said, **told}.items() if is_free}


def one_regime(vendor: Vendor) -> str | None:
    """Return the VAT regime of a shop that never had another; None where days decide."""
    identity = identity_of(vendor)
    return identity.vat_regime if identity.pk is None or not _has_changes(vendor) else None


def _has_changes(vendor: Vendor) -> bool:
    identity = identity_of(vendor)
    prefetch_related_objects([identity], "vat_changes")  # asked once, however many days are looked up
    return bool(identity.vat_changes.all())


def _supplies(vendor: Vendor, ids: Collection[int]) -> dict[int, Supply]:
    """What ``date_of_supply`` says, of many orders in two queries."""
    to_ship = OrderLine.objects.filter(order_id__in=ids, kind=LineKind.PRODUCT)
    to_ship = to_ship.annotate(gone=Coalesce(Sum("shipped__units"), 0))
    to_ship = to_ship.filter(quantity__gt=F("units_refunded") + F("gone"))
    unfinished = set(to_ship.values_list("order_id", flat=True))
    orders = Order.objects.filter(vendor=vendor, pk__in=ids).annotate(left_at=Max("shipments__shipped_at"))
    return {
        pk: _supply(status, paid_at, completed_at, None if pk in unfinished else left_at)
        for pk, status, paid_at, completed_at, left_at in orders.values_list(
            "pk", "status", "paid_at", "completed_at", "left_at"
        )
    }
