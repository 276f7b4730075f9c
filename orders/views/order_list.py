"""The order list: the shop's orders, narrowed, counted, added up and sorted by the query string."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db import OperationalError
from django.db.models import Exists, F, OuterRef
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from marketplace.limits import took_too_long
from marketplace.replica import read_at, reads_replica
from orders.filters import OrderFilter
from orders.models import Document, DocumentKind, Order
from orders.models.orders import OrderQuerySet
from orders.paging import BadCursor, Page, paginate
from orders.tables import OrderTable, columns_of
from orders.views.conditional import unless_known
from orders.views.guide import guide_of
from orders.views.list_controls import controls_of, instead_of
from orders.views.saved_views import links_of
from orders.views.ticks import kept_ticks
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

# What a row reads; the other columns stay in the database.
SHOWN = (
    *("vendor", "number", "number_value", "version", "status", "stage", "refund_state", "currency"),
    *("placed_at", "paid_at", "prepare_by", "total", "refunded_total", "net_total", "earnings"),
    *("customer_name", "customer_email"),
    *("payment_title", "billing_city", "way", "shipping_method", "shipping_address_1", "shipping_city"),
    *("buyer_is_business", "buyer_siren", "buyer_vat_number"),
)
TYPED = {"customer", "q"}  # what a person writes letter by letter


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
@reads_replica
def order_list(request: VendorRequest) -> HttpResponse:
    """Show the vendor's orders, narrowed and sorted by the query string; 503 where that takes too long."""
    try:
        return _order_list(request)
    except OperationalError as error:
        if not took_too_long(error):
            raise
        since = timezone.localdate() - timedelta(days=6)
        narrower = {"narrower": f"{request.path}?placed_after={since}"}
        return render(request, "orders/too_slow.html", narrower, status=503)


def _order_list(request: VendorRequest) -> HttpResponse:
    now = timezone.now()
    order_filter = filter_of(request, request.GET, now)
    page, lost = _page(order_filter, request.GET.get("cursor", ""))
    context = {
        "filter": order_filter,
        "page": page,
        "lost": lost,
        "table": table_of(request, page.rows, order_filter, now, kept_ticks(request)),
        "shown_at": read_at(now).isoformat(),
        **controls_of(request, order_filter, timezone.localdate(now)),
        **_views(request, order_filter),
        **_empty_state(request, order_filter, page),
    }
    response = render(request, "orders/order_list.html", context)
    return unless_known(request, _with_clean_address(request, response))


def as_rows(orders: OrderQuerySet) -> OrderQuerySet:
    """Return ``orders`` with what a row of them reads, and nothing else."""
    invoice = Document.objects.filter(order=OuterRef("pk"), kind=DocumentKind.INVOICE)
    return orders.only(*SHOWN).annotate(is_invoiced=Exists(invoice), account=F("customer__external_id"))


def filter_of(request: VendorRequest, query: QueryDict, now: datetime) -> OrderFilter:
    """Return the filter that a query string asks for."""
    return OrderFilter(
        query,
        Order.objects.for_vendor(request.vendor),
        vendor=request.vendor,
        may_see_amounts=request.may["view_amounts"],
        now=now,
    )


def table_of(
    request: VendorRequest,
    rows: list[Order],
    order_filter: OrderFilter,
    now: datetime,
    ticked: Collection[str] = (),
) -> OrderTable:
    """Return these rows as the person sees them; ``ticked`` are the numbers of those to tick."""
    return OrderTable(
        rows,
        sort=order_filter.sort,
        shop=request.vendor.slug,
        may=request.may,
        now=now,
        columns=columns_of(request.user, request.may),
        invoiced=_ids(rows, lambda order: order.is_invoiced),
        guests=_ids(rows, lambda order: not order.account),
        ticked=ticked,
    )


def _page(order_filter: OrderFilter, cursor: str) -> tuple[Page[Order], str]:
    """The page asked for, or an empty one and the sentence that says why."""
    if not order_filter.is_valid():
        return Page([]), ""
    try:
        total = order_filter.summary.orders
        orders = as_rows(order_filter.first_of_selection)
        return paginate(orders, order_filter.keyset, cursor, total=total), ""
    except BadCursor as error:
        return Page([]), str(error)


def _ids(orders: list[Any], is_one: Callable[[Any], bool]) -> set[int]:
    """The ids of those of the page's orders."""
    return {order.pk for order in orders if is_one(order)}


def _views(request: VendorRequest, order_filter: OrderFilter) -> dict[str, Any]:
    """The person's views, the one that is shown, and what would be kept as another."""
    kept = {name: value for name, value in request.GET.items() if value and name != "cursor"}
    shown = request.path + (f"?{urlencode(kept)}" if kept else "")
    links = links_of(request, shown)
    return {
        "views": links,
        "view": next((link for link in links if link.is_current), None),
        "view_query": urlencode(kept) if order_filter.is_valid() else "",
    }


def _empty_state(request: VendorRequest, order_filter: OrderFilter, page: Page[Order]) -> dict[str, Any]:
    """What an empty page needs to explain itself."""
    if page.rows or not order_filter.is_valid():
        return {}
    elsewhere = order_filter.summary.counts[""]
    has_orders = bool(elsewhere) or order_filter.queryset.exists()
    guide = [] if has_orders else guide_of(request)
    instead = instead_of(request, order_filter.values)
    return {"elsewhere": elsewhere, "has_orders": has_orders, "guide": guide, "instead": instead}


def _with_clean_address(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Tell htmx the address to show: without empty parameters, one step back per filter, not per letter."""
    patch_vary_headers(response, ["HX-Request"])
    if request.headers.get("HX-Request") == "true":
        params = {name: str(value) for name, value in request.GET.items() if value}
        before = dict(parse_qsl(urlsplit(request.headers.get("HX-Current-URL", "")).query))
        header = "HX-Replace-Url" if _is_more_typing(before, params) else "HX-Push-Url"
        response[header] = request.path + ("?" + urlencode(params) if params else "")
    return response


def _is_more_typing(before: dict[str, str], after: dict[str, str]) -> bool:
    """Whether the two differ by nothing but some letters in a field that was filled before."""
    differing = {name for name in {*before, *after} - {"cursor"} if before.get(name) != after.get(name)}
    return before == after or (bool(differing) and differing <= TYPED & set(before) & set(after))
