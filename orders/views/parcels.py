"""Getting one order to its customer: parcels, their tracking numbers, pickup."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from orders.domain.fulfillment import correct_tracking, hand_over, ready_for_pickup, ship
from orders.domain.parcels import units_left
from orders.forms import ShipForm, TrackingForm, carrier_named
from orders.models import Order
from orders.views.order_detail import form_version
from orders.views.steps import attempt, find_order, refusal_of, to_order
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.FULFILL)
def ship_order(request: VendorRequest, number: str) -> HttpResponse:
    """Record a parcel."""
    order = find_order(request, number)
    form = _ship_form(request, order)
    if request.method == "POST" and form.is_valid():
        refusal = refusal_of(
            request,
            lambda: ship(
                order,
                units=form.units,
                carrier=form.cleaned_data["carrier"],
                tracking_number=form.cleaned_data["tracking_number"],
                shipped_at=form.shipped_at,
                by=request.user,
                at=timezone.now(),
                version=form.cleaned_data["version"],
            ),
            _("The parcel of order %(number)s is recorded.") % {"number": order.number},
        )
        if refusal is None:
            return to_order(request, order)
        order = find_order(request, number)
        form = _ship_form(request, order)
        form.refuse(refusal, order.version)
    return render(request, "orders/ship.html", {"order": order, "form": form})


def _ship_form(request: VendorRequest, order: Order) -> ShipForm:
    return ShipForm(
        request.POST or None,
        order=order,
        left=units_left(order),
        today=timezone.localdate(timezone=ZoneInfo(request.vendor.time_zone)),
        initial={"version": order.version},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.FULFILL)
def parcel(request: VendorRequest, number: str, parcel: int) -> HttpResponse:
    """Give a parcel that left its tracking number, or the right one."""
    order = find_order(request, number)
    shipment = get_object_or_404(order.shipments, number=parcel)
    form = TrackingForm(
        request.POST or None,
        initial={
            "carrier": shipment.carrier or carrier_named(order.shipping_method),
            "tracking_number": shipment.tracking_number,
            "version": order.version,
        },
    )
    if request.method == "POST" and form.is_valid():
        said = (form.cleaned_data["carrier"], form.cleaned_data["tracking_number"])
        if said == (shipment.carrier, shipment.tracking_number):
            messages.info(request, _("The tracking is as it was: nothing was changed."))
            return to_order(request, order)
        refusal = refusal_of(
            request,
            lambda: correct_tracking(order, parcel, **form.cleaned_data, by=request.user, at=timezone.now()),
            _("The tracking of order %(number)s is recorded.") % {"number": order.number},
        )
        if refusal is None:
            return to_order(request, order)
        order.refresh_from_db()
        form.refuse(refusal, order.version)
    return render(request, "orders/parcel.html", {"order": order, "shipment": shipment, "form": form})


@require_POST
@vendor_required(Permission.FULFILL)
def make_ready(request: VendorRequest, number: str) -> HttpResponse:
    """Say that the order waits in the shop."""
    order = find_order(request, number)
    attempt(
        request,
        lambda: ready_for_pickup(order, by=request.user, at=timezone.now(), version=form_version(request)),
        _("Order %(number)s is ready for pickup.") % {"number": order.number},
    )
    return to_order(request, order)


@require_POST
@vendor_required(Permission.FULFILL)
def hand_over_order(request: VendorRequest, number: str) -> HttpResponse:
    """The customer took the goods."""
    order = find_order(request, number)
    attempt(
        request,
        lambda: hand_over(order, by=request.user, at=timezone.now(), version=form_version(request)),
        _("Order %(number)s is handed over and completed.") % {"number": order.number},
    )
    return to_order(request, order)
