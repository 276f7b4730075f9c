"""What every page is measured by: the least that a page of a shop can be, beside the product's own.

One query for 25 rows by their index and a plain template, behind the product's middleware,
session and check of who asks. Served by the same process: ``benchmarks/settings.py``.
"""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils import timezone

from orders.domain import overview
from orders.models import Order
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@vendor_required(Permission.VIEW_ORDERS)
def bare(request: VendorRequest) -> HttpResponse:
    """25 orders, newest first."""
    orders = Order.objects.filter(vendor=request.vendor).order_by("-placed_at", "-pk")[:25]
    return render(request, "bare.html", {"orders": orders})


@vendor_required(Permission.VIEW_ORDERS)
def figures(request: VendorRequest) -> HttpResponse:
    """What the overview asks for, without its page."""
    today, now = timezone.localdate(), timezone.now()
    overview.currencies(request.vendor)
    found = [
        overview.sales(request.vendor, today - timedelta(days=540), today, overview.Step.WEEK),
        overview.to_do(request.vendor, now),
        overview.refunds_of_month(request.vendor, today),
        overview.best_products(request.vendor),
    ]
    return HttpResponse(str(found))


def memory(request: HttpRequest) -> HttpResponse:
    """The most memory that this process has held, and what it holds now, in kB."""
    with open("/proc/self/status") as status:
        found = dict(line.split(":", 1) for line in status)
    return HttpResponse(f"{found['VmHWM'].split()[0]} {found['VmRSS'].split()[0]}")


urlpatterns = [
    path("bare/<slug:slug>/", bare),
    path("figures/<slug:slug>/", figures),
    path("memory/", memory),
    path("", include("marketplace.urls")),
]
