"""What every page is measured by: the least that a page of a shop can be, beside the product's own.

One query for 25 rows by their index and a plain template, behind the product's middleware,
session and check of who asks. Served by the same process: ``benchmarks/settings.py``.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from orders.models import Order
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

COLUMNS = ("number", "status", "customer_name", "placed_at", "net_total", "earnings")


@vendor_required(Permission.VIEW_ORDERS)
def bare(request: VendorRequest) -> HttpResponse:
    """25 orders, newest first."""
    orders = Order.objects.filter(vendor=request.vendor).order_by("-placed_at", "-pk").values(*COLUMNS)[:25]
    return render(request, "bare.html", {"orders": orders})


def memory(request: HttpRequest) -> HttpResponse:
    """The most memory that this process has held, and what it holds now, in kB."""
    with open("/proc/self/status") as status:
        found = dict(line.split(":", 1) for line in status)
    return HttpResponse(f"{found['VmHWM'].split()[0]} {found['VmRSS'].split()[0]}")


urlpatterns = [
    path("bare/<slug:slug>/", bare),
    path("memory/", memory),
    path("", include("marketplace.urls")),
]
