"""Who the invoice is for: said before it is issued, or corrected after."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from orders.buyer_form import BuyerForm
from orders.documents.renderer import CannotRender
from orders.domain.buyers import BuyerIsFixed, name_buyer
from orders.domain.corrections import correct_invoice, is_correctable
from orders.domain.credit_notes import invoice_of, open_invoice
from orders.domain.invoicing import InvoiceRefused
from orders.models import Order
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.ISSUE_INVOICES)
def buyer(request: VendorRequest, number: str) -> HttpResponse:
    """Say who is billed, and whether it is a business, before the invoice is issued."""
    order = _find(request, number)
    form = BuyerForm(request.POST if request.method == "POST" else None, order=order)
    if request.method == "POST" and form.is_valid():
        try:
            name_buyer(order, form.buyer)
        except BuyerIsFixed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The next invoice of order %(number)s says so.") % {"number": number})
        return redirect("orders:detail", slug=request.vendor.slug, number=order.number)
    if request.method != "POST" and open_invoice(order) is not None:
        return redirect("orders:correct_invoice", slug=request.vendor.slug, number=order.number)
    return render(request, "orders/buyer.html", {"order": order, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.ISSUE_INVOICES)
def correct(request: VendorRequest, number: str) -> HttpResponse:
    """Ask who is billed instead, say what follows, and correct the invoice once."""
    order = _find(request, number)
    invoice = invoice_of(order)
    form = BuyerForm(request.POST if request.method == "POST" else None, order=order)
    if request.method == "POST" and form.is_valid():
        named = request.POST.get("invoice", "")
        try:
            new = correct_invoice(order, form.buyer, invoice=named, by=request.user, at=timezone.now())
        except (InvoiceRefused, CannotRender) as reason:
            messages.error(request, str(reason))
        else:
            words = _("Invoice %(old)s is taken back by a credit note, and invoice %(new)s is issued.")
            messages.success(request, words % {"old": named, "new": new.number})
        return redirect("orders:detail", slug=request.vendor.slug, number=order.number)
    return render(
        request,
        "orders/correct.html",
        {"order": order, "form": form, "invoice": invoice, "may_correct": is_correctable(order, invoice)},
    )


def _find(request: VendorRequest, number: str) -> Order:
    orders = Order.objects.for_vendor(request.vendor).select_related("vendor__identity")
    return get_object_or_404(orders, number=number)
