"""Who buys from the shop: found by the first letters of a name, each with orders and what they came to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from marketplace.replica import reads_replica
from orders.models import Customer, Order
from orders.models.customers import normalise
from orders.paging import BadCursor, Keyset, Page, paginate
from orders.states import EARNS
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

NEWEST_FIRST = Keyset("created_at", is_descending=True)
LATEST_FIRST = Keyset("placed_at", is_descending=True)
LONGEST_NAME = 200


@dataclass
class Buyer:
    """A customer with what the list says; ``spent`` is by currency, empty for who may see no amount."""

    customer: Customer
    orders: int = 0
    last_at: object = None
    spent: dict[str, Decimal] = field(default_factory=dict)


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
@reads_replica
def customer_list(request: VendorRequest) -> HttpResponse:
    """Show the shop's customers, the newest first; ``q`` finds by the first letters of any word."""
    asked = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_NAME]
    found = _found(request, asked)
    total, lost = found.count(), ""
    page: Page[Customer] = Page([])
    try:
        page = paginate(found, NEWEST_FIRST, request.GET.get("cursor", ""), total=total)
    except BadCursor as error:
        lost = str(error)
    return render(
        request,
        "customers/customer_list.html",
        {"page": page, "buyers": _buyers(request, page.rows), "q": asked, "total": total, "lost": lost},
    )


def _found(request: VendorRequest, asked: str) -> QuerySet[Customer]:
    mine = Customer.objects.filter(vendor=request.vendor)
    if not asked:
        return mine
    if not normalise(asked):
        return mine.none()
    named = Order.objects.for_vendor(request.vendor).named(asked, of=request.vendor).exclude(customer=None)
    return mine.filter(Q(pk__in=named.order_by().values("customer")) | Q(email__istartswith=asked))


def _buyers(request: VendorRequest, customers: Sequence[Customer]) -> list[Buyer]:
    """Add up the orders of these customers, in one query whatever their number."""
    buyers = {customer.pk: Buyer(customer) for customer in customers}
    groups = (
        Order.objects.for_vendor(request.vendor)
        .filter(customer__in=customers)
        .order_by("currency")
        .values("customer", "currency")
        .annotate(n=Count("pk"), last=Max("placed_at"), spent=Sum("net_total", filter=Q(status__in=EARNS)))
    )
    for group in groups:
        buyer = buyers[group["customer"]]
        buyer.orders += group["n"]
        buyer.last_at = max(group["last"], buyer.last_at or group["last"])
        if group["spent"] is not None and request.may[Permission.VIEW_AMOUNTS]:
            buyer.spent[group["currency"]] = group["spent"]
    return list(buyers.values())


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
@reads_replica
def customer_detail(request: VendorRequest, pk: int) -> HttpResponse:
    """Show one customer and the orders placed in this shop, the latest first."""
    customer = get_object_or_404(Customer, vendor=request.vendor, pk=pk)
    [buyer] = _buyers(request, [customer])
    orders = Order.objects.for_vendor(request.vendor).filter(customer=customer)
    page: Page[Order] = Page([])
    lost = ""
    try:
        page = paginate(orders, LATEST_FIRST, request.GET.get("cursor", ""), total=buyer.orders)
    except BadCursor as error:
        lost = str(error)
    return render(
        request,
        "customers/customer_detail.html",
        {"customer": customer, "buyer": buyer, "page": page, "total": buyer.orders, "lost": lost},
    )
