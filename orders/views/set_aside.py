"""Orders of the shop that a storefront reported and that could not be read."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from orders.models import Delivery
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

PER_PAGE = 25


@require_GET
@vendor_required(Permission.VIEW_ORDERS)
def set_aside(request: VendorRequest) -> HttpResponse:
    """Tell which deliveries about the shop's orders wait for the marketplace; nothing of what they hold.

    The place of the body that is at fault is shown, never a value: values may be personal data.
    """
    deliveries = Delivery.objects.quarantined().filter(vendor=request.vendor).select_related("order")
    deliveries = deliveries.defer("body", "problem", "headers").order_by("-id")
    page = Paginator(deliveries, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "orders/set_aside.html", {"page": page})
