"""Validating an order, from its page or from the list, and taking that back.

Without a script both come back to where the person was. From the list, htmx gets what has changed
there: the order's row, which stays where it is, counts and totals, and the notice.
"""

from collections.abc import Callable
from copy import copy

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orders.domain.rehearsal import done_by
from orders.domain.stock import OutOfStock
from orders.domain.transitions import StepRefused, reopen_at_once, validate
from orders.models import Order, StatusChange
from orders.views.list_controls import controls_of
from orders.views.order_detail import back, form_version
from orders.views.order_list import as_rows, filter_of, table_of
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@require_POST
@vendor_required(Permission.FULFILL)
def validate_order(request: VendorRequest, number: str) -> HttpResponse:
    """Validate one order, once, and offer to take it back where the role may reopen."""
    order = get_object_or_404(Order.objects.for_vendor(request.vendor), number=number)
    change = _attempt(
        request,
        lambda: validate(order, by=request.user, at=timezone.now(), version=form_version(request)),
        already=_("Order %(number)s was completed already.") % {"number": order.number},
    )
    if change:
        tags = f"undo {order.version} {order.pk} {order.number}" if request.may["manage_orders"] else ""
        messages.success(request, _("Order %(number)s is completed.") % {"number": order.number}, tags)
    return _answer(request, order)


@require_POST
@vendor_required(Permission.MANAGE_ORDERS)
def undo_validation(request: VendorRequest, number: str) -> HttpResponse:
    """Take a validation back, as long as nothing else has happened to the order."""
    order = get_object_or_404(Order.objects.for_vendor(request.vendor), number=number)
    change = _attempt(
        request,
        lambda: reopen_at_once(order, by=request.user, at=timezone.now(), version=form_version(request) or 0),
        already=_("Order %(number)s is in progress already.") % {"number": order.number},
    )
    if change:
        said = _("Order %(number)s is in progress again. An e-mail that was sent is not taken back.")
        messages.success(request, said % {"number": order.number})
    return _answer(request, order)


def _attempt(
    request: VendorRequest, step: Callable[[], StatusChange | None], *, already: str
) -> StatusChange | None:
    """Take the step; say why it was refused, or that it was taken before."""
    try:
        change = done_by(request.vendor, step)
    except (StepRefused, OutOfStock) as refusal:
        messages.error(request, str(refusal))
        return None
    if change is None:
        messages.info(request, already)
    return change


def _answer(request: VendorRequest, order: Order) -> HttpResponse:
    address = back(request, reverse("orders:detail", args=[request.vendor.slug, order.number]))
    path, _mark, query = address.partition("?")
    if request.headers.get("HX-Request") != "true" or path != _list_path(request):
        return redirect(address)
    return _what_changed(_as_on_list(request, query), order)


def _list_path(request: VendorRequest) -> str:
    return reverse("orders:list", args=[request.vendor.slug])


def _as_on_list(request: VendorRequest, query: str) -> VendorRequest:
    """The request as if it had asked for the list: its parts write addresses of that page."""
    seen = copy(request)
    seen.GET = QueryDict(query)
    seen.path = _list_path(request)
    seen.META = {**request.META, "QUERY_STRING": query}
    return seen


def _what_changed(request: VendorRequest, order: Order) -> HttpResponse:
    """The parts of the list that follow from what happened to one order."""
    now = timezone.now()
    order_filter = filter_of(request, request.GET, now)
    mine = as_rows(Order.objects.for_vendor(request.vendor).filter(pk=order.pk))
    context = {
        "filter": order_filter,
        "table": table_of(request, list(mine), order_filter, now),
        **controls_of(request, order_filter, timezone.localdate(now)),
    }
    return render(request, "orders/_list_changed.html", context)
