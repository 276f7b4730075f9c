"""What the list is told while somebody looks at it: customers by their first letters, orders that came in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from marketplace.replica import reads_replica
from orders.models import Order
from orders.models.customers import normalise
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

SUGGESTIONS = 8
NEWS_FOR = timedelta(days=3)  # an order that was placed before is no news
SUGGESTS_FROM = 2  # letters


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
@reads_replica
def customers(request: VendorRequest) -> HttpResponse:
    """Suggest the shop's customers whose name begins with what was typed, with their number of orders."""
    typed = request.GET.get("customer", "").replace("\0", "")[:200]
    found: list[Suggestion] = []
    if len(normalise(typed)) >= SUGGESTS_FROM:
        found = _suggestions(Order.objects.for_vendor(request.vendor).named(typed, of=request.vendor))
    return render(request, "orders/_list_customers.html", {"suggestions": found})


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


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
@reads_replica
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
