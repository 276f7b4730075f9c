"""The order list: the shop's orders, narrowed, counted, added up and sorted by the query string."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from marketplace.formats import short_date
from orders.filters import OrderFilter
from orders.models import Document, DocumentKind, Order
from orders.models.customers import normalise
from orders.paging import BadCursor, Page, paginate
from orders.states import MEANINGS, OrderStatus, Stage
from orders.tables import OrderTable
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

SUGGESTIONS = 8
NEWS_FOR = timedelta(days=3)  # an order that was placed before is no news
SUGGESTS_FROM = 2  # letters
# What a row reads; the other columns stay in the database.
SHOWN = (
    *("vendor", "number", "number_value", "version", "status", "stage", "refund_state", "currency"),
    *("placed_at", "paid_at", "prepare_by", "total", "refunded_total", "net_total", "earnings"),
    *("customer_name", "customer_email", "customer__vendor", "customer__external_id"),
    *("shipping_method", "shipping_address_1", "shipping_city"),
    *("buyer_is_business", "buyer_siren", "buyer_vat_number"),
)
INVOICE = Document.objects.filter(order=OuterRef("pk"), kind=DocumentKind.INVOICE)
TYPED = {"customer", "q"}  # what a person writes letter by letter


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
def order_list(request: VendorRequest) -> HttpResponse:
    """Show the vendor's orders, narrowed and sorted by the query string."""
    now = timezone.now()
    order_filter = OrderFilter(
        request.GET,
        Order.objects.for_vendor(request.vendor).select_related("customer").only(*SHOWN),
        vendor=request.vendor,
        may_see_amounts=request.may["view_amounts"],
        now=now,
    )
    page, lost = _page(order_filter, request.GET.get("cursor", ""))
    table = OrderTable(
        page.rows,
        sort=order_filter.sort,
        shop=request.vendor.slug,
        may=request.may,
        now=now,
        invoiced=_invoiced(page.rows),
    )
    context = {
        "filter": order_filter,
        "page": page,
        "lost": lost,
        "table": table,
        "shown_at": now.isoformat(),
    }
    more = _controls(request, order_filter, timezone.localdate(now)) | _empty_state(order_filter, page)
    return _with_clean_address(request, render(request, "orders/order_list.html", context | more))


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
def customers(request: VendorRequest) -> HttpResponse:
    """Suggest the shop's customers whose name begins with what was typed, with their number of orders."""
    typed = request.GET.get("customer", "").replace("\0", "")[:200]
    found: list[Suggestion] = []
    if len(normalise(typed)) >= SUGGESTS_FROM:
        found = _suggestions(Order.objects.for_vendor(request.vendor).named(typed, of=request.vendor))
    return render(request, "orders/_list_customers.html", {"suggestions": found})


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
def news(request: VendorRequest) -> HttpResponse:
    """Say how many orders came in since a list was shown (``since``, ISO); 204 where none did."""
    since = _moment(request.GET.get("since", ""))
    if since is None:
        return HttpResponse(status=204)
    arrived = Order.objects.for_vendor(request.vendor).filter(
        placed_at__gt=since - NEWS_FOR, received_at__gt=since
    )
    if not (count := arrived.count()):
        return HttpResponse(status=204)
    return render(request, "orders/_list_news.html", {"count": count})


def _moment(text: str) -> datetime | None:
    """Read a moment of the last days as the list wrote it; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.utcoffset() is None or not timezone.now() - NEWS_FOR < moment <= timezone.now():
        return None
    return moment


def _page(order_filter: OrderFilter, cursor: str) -> tuple[Page[Order], str]:
    """The page asked for, or an empty one and the sentence that says why."""
    if not order_filter.is_valid():
        return Page([]), ""
    try:
        total = order_filter.summary.orders
        orders = order_filter.first_of_selection.annotate(is_invoiced=Exists(INVOICE))
        return paginate(orders, order_filter.keyset, cursor, total=total), ""
    except BadCursor as error:
        return Page([]), str(error)


def _invoiced(orders: list[Any]) -> set[int]:
    """The ids of those of the page's orders whose invoice is issued."""
    return {order.pk for order in orders if order.is_invoiced}


def _controls(request: VendorRequest, order_filter: OrderFilter, today: date) -> dict[str, Any]:
    """Everything above the rows: menu, quick filters, periods, chips, exports."""
    values, form = order_filter.values, order_filter.form
    menu, periods = _menu(order_filter), _periods(today)
    days = (values.get("placed_after"), values.get("placed_before"))
    period = next((period for period in periods if (period.first, period.last) == days), None)
    return {
        "menu": menu,
        "chosen": next((entry for entry in menu if entry.status and entry.is_chosen), None),
        "quick_filters": _quick_filters(request, order_filter),
        "periods": periods,
        "period": period,
        "has_own_days": any(days) and period is None,
        "days": [form["placed_after"], form["placed_before"]],
        "stages": Stage.choices,
        "kept": [(name, request.GET[name]) for name in ("status", "late", "sort") if request.GET.get(name)],
        "chips": _chips(request, values, period),
        "selection_query": urlencode(_params(values.items())),
        "exports": _exports(request, values) if request.may["export"] else None,
    }


def _empty_state(order_filter: OrderFilter, page: Page[Order]) -> dict[str, Any]:
    """What an empty page needs to explain itself."""
    if page.rows or not order_filter.is_valid():
        return {}
    elsewhere = order_filter.summary.counts[""]
    return {"elsewhere": elsewhere, "has_orders": bool(elsewhere) or order_filter.queryset.exists()}


@dataclass(frozen=True)
class Entry:
    """One entry of the status menu; ``count`` is None where a filter is wrong."""

    status: str
    label: str
    meaning: str
    count: int | None
    is_chosen: bool


def _menu(order_filter: OrderFilter) -> list[Entry]:
    chosen = order_filter.values.get("status", "") if order_filter.is_valid() else None
    counts = order_filter.summary.counts if order_filter.is_valid() else {}
    labels = [("", pgettext("statuses", "All"), ""), *((s.value, s.label, MEANINGS[s]) for s in OrderStatus)]
    return [
        Entry(status, str(label), str(meaning), counts.get(status), status == chosen)
        for status, label, meaning in labels
    ]


@dataclass(frozen=True)
class QuickFilter:
    """What must be done now, one click away; ``count`` is None where other filters hide it."""

    label: str
    icon: str
    address: str
    count: int | None
    is_chosen: bool


def _quick_filters(request: VendorRequest, order_filter: OrderFilter) -> list[QuickFilter]:
    to_prepare = {"status": OrderStatus.PROCESSING.value, "stage": Stage.TO_PREPARE.value}
    counts = (order_filter.summary.to_prepare, order_filter.summary.late) if order_filter.is_valid() else None
    shown = {
        name: value for name, value in order_filter.values.items() if name in ("status", "stage", "late")
    }
    others = dict(_params(request.GET.items(), but=("status", "stage", "late")))
    return [
        QuickFilter(
            label,
            icon,
            "?" + urlencode(others if shown == params else {**others, **params}),
            count=counts[place]
            if counts and (shown == params or not shown.keys() & {"stage", "late"})
            else None,
            is_chosen=shown == params,
        )
        for place, (label, icon, params) in enumerate(
            [(_("To prepare"), "orders", to_prepare), (_("Late"), "clock", {"late": "1"})]
        )
    ]


@dataclass(frozen=True)
class Period:
    """Some days that people often ask for."""

    code: str
    label: str
    said: str
    first: date
    last: date


def _periods(today: date) -> list[Period]:
    month = today.replace(day=1)
    end_of_month = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    end_of_last = month - timedelta(days=1)
    return [
        Period("today", _("Today"), _("today"), today, today),
        Period("week", _("7 days"), _("last 7 days"), today - timedelta(days=6), today),
        Period("days", _("30 days"), _("last 30 days"), today - timedelta(days=29), today),
        Period("month", _("This month"), _("this month"), month, end_of_month),
        Period("last-month", _("Last month"), _("last month"), end_of_last.replace(day=1), end_of_last),
    ]


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address without it."""

    name: str
    value: str
    without: str


def _chips(request: VendorRequest, values: dict[str, Any], period: Period | None) -> list[Chip]:
    days = period.said if period else _said_days(values.get("placed_after"), values.get("placed_before"))
    stage = Stage(values["stage"]).label if "stage" in values else ""
    said = [
        (_("Date"), days, ("placed_after", "placed_before")),
        (_("Customer"), values.get("customer", ""), ("customer",)),
        (_("Number"), values.get("q", ""), ("q",)),
        (_("Stage"), stage, ("stage",)),
        (_("Delay"), _("late") if "late" in values else "", ("late",)),
    ]
    return [
        Chip(name, str(value), "?" + urlencode(_params(request.GET.items(), but=names)))
        for name, value, names in said
        if value
    ]


def _said_days(first: date | None, last: date | None) -> str:
    if first and last:
        both = _("%(first)s to %(last)s") % {"first": short_date(first), "last": short_date(last)}
        return short_date(first) if first == last else both
    if first:
        return _("since %(first)s") % {"first": short_date(first)}
    return _("until %(last)s") % {"last": short_date(last)} if last else ""


def _params(pairs: Iterable[tuple[str, Any]], *, but: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Name and value of each parameter that says something; the place in the list is left out."""
    return [(name, str(value)) for name, value in pairs if value and name not in ("cursor", *but)]


@dataclass(frozen=True)
class Export:
    label: str
    address: str


def _exports(request: VendorRequest, values: dict[str, Any]) -> dict[str, list[Export]]:
    """The files of the selection and of the whole shop; the first of each is the usual one."""
    return {"selection": _files(request, dict(_params(values.items()))), "shop": _files(request, {})}


def _files(request: VendorRequest, params: dict[str, str]) -> list[Export]:
    csv, xlsx = (reverse(f"orders:export_{kind}", args=[request.vendor.slug]) for kind in ("csv", "xlsx"))
    return [
        Export(label, f"{address}?{query}" if (query := urlencode({**more, **params})) else address)
        for label, address, more in [
            (_("CSV, one row per order"), csv, {}),
            (_("CSV, one row per item"), csv, {"rows": "lines"}),
            (_("CSV for Excel (French)"), csv, {"dialect": "excel"}),
            (_("Excel workbook (.xlsx)"), xlsx, {}),
        ]
    ]


def _with_clean_address(request: VendorRequest, response: HttpResponse) -> HttpResponse:
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


@dataclass(frozen=True)
class Suggestion:
    name: str
    orders: int


def _suggestions(orders: QuerySet[Order]) -> list[Suggestion]:
    """The names with the most orders; spellings that differ by case or accents are one name."""
    names = (
        orders.order_by()
        .values("customer_name")
        .annotate(count=Count("pk"))
        .order_by("-count", "customer_name")
    )
    found: dict[str, Suggestion] = {}
    for group in names[: SUGGESTIONS * 4]:
        key = normalise(group["customer_name"])
        known = found.setdefault(key, Suggestion(group["customer_name"], 0))
        found[key] = Suggestion(known.name, known.orders + group["count"])
    return sorted(found.values(), key=lambda suggestion: -suggestion.orders)[:SUGGESTIONS]
