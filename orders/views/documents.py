"""Invoices and delivery notes: issue, download, preview."""

import re

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marketplace.audit import AuditKind, audit
from marketplace.refusals import refused
from orders.documents.delivery_note import delivery_note_pdf as render_delivery_note
from orders.documents.renderer import CannotRender
from orders.domain.credit_notes import has_due, invoice_of, open_invoice
from orders.domain.invoicing import (
    IdentityIncomplete,
    InvoiceRefused,
    NothingToDeliver,
    date_of_supply,
    delivery_note,
    is_left_to_invoice,
    issue_invoice,
    missing_identity,
    proforma_pdf,
)
from orders.domain.originals import OriginalDamaged, OriginalUnreadable, day_of, original_pdf
from orders.emails import may_send_documents, send_documents
from orders.models import DeliveryNote, Document, DocumentKind, Order, Shipment
from orders.states import DELIVERABLE
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

MARK = "\0"  # where the links stand in a sentence


@require_safe
@vendor_required(Permission.VIEW_INVOICES)
def invoice_pdf(request: VendorRequest, number: str) -> HttpResponse:
    """Serve the issued original, byte for byte; before issue a proforma, which uses no number.

    An invoice that was taken back is served here only where no other can follow it.
    """
    if (issued := _invoice_of_number(request, number)) is not None:
        return _original(request, issued)
    order = _find(request, number)
    if order.status not in DELIVERABLE:
        return _no_document(request, order)
    try:
        pdf = proforma_pdf(order, at=timezone.now())
    except CannotRender as reason:
        return _sentence(request, order, str(reason), 503)
    _downloaded(request, "proforma", order)
    return _pdf(pdf, f"Proforma-{order.number}")


@require_safe
@vendor_required(Permission.VIEW_INVOICES)
def credit_note_pdf(request: VendorRequest, number: str, document: str) -> HttpResponse:
    """Serve the original of one of the order's credit notes, byte for byte."""
    return _original(request, _issued(request, number, DocumentKind.CREDIT_NOTE, document))


@require_safe
@vendor_required(Permission.VIEW_INVOICES)
def earlier_invoice_pdf(request: VendorRequest, number: str, document: str) -> HttpResponse:
    """Serve an invoice by its own number; also one that was taken back and replaced."""
    return _original(request, _issued(request, number, DocumentKind.INVOICE, document))


def _issued(request: VendorRequest, number: str, kind: DocumentKind, document: str) -> Document:
    mine = Document.objects.filter(vendor=request.vendor, order__number=number, kind=kind).select_related(
        "order__vendor"
    )
    return get_object_or_404(mine, number=document)


@require_safe
@vendor_required(Permission.DELIVERY_NOTES)
def delivery_note_pdf(request: VendorRequest, number: str) -> HttpResponse:
    """Serve the delivery note of the whole order, or of the parcel ``?shipment=`` names."""
    order = _find(request, number)
    shipment = _shipment(request, order)
    if order.status not in DELIVERABLE:
        return _no_document(request, order)
    if request.method == "HEAD":  # who only looks uses no number
        return _pdf(b"", f"BL-{order.number}")
    try:
        note = delivery_note(order, shipment, at=timezone.now())
    except NothingToDeliver as reason:
        return _sentence(request, order, str(reason), 409)
    return _note(request, note)


@require_safe
@vendor_required(Permission.DELIVERY_NOTES)
def issued_note_pdf(request: VendorRequest, number: str, document: str) -> HttpResponse:
    """Serve a delivery note by its own number, as it was: also one that a later one followed."""
    mine = DeliveryNote.objects.filter(order__vendor=request.vendor, order__number=number)
    notes = mine.select_related("order__vendor__identity", "shipment")
    return _note(request, get_object_or_404(notes, number=document))


def _note(request: VendorRequest, note: DeliveryNote) -> HttpResponse:
    try:
        pdf = render_delivery_note(note)
    except CannotRender as reason:
        return _sentence(request, note.order, str(reason), 503)
    _downloaded(request, note.number, note.order)
    return _pdf(pdf, note.number)


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.ISSUE_INVOICES)
def issue(request: VendorRequest, number: str) -> HttpResponse:
    """Ask before issuing the order's invoice, with the credit notes that are due; issue once, and say so."""
    order = _find(request, number)
    if request.method != "POST":
        return render(request, "orders/issue.html", _to_issue(order))
    known = set(order.documents.values_list("pk", flat=True))
    try:
        document = issue_invoice(order, by=request.user, at=timezone.now())
    except IdentityIncomplete as refusal:
        messages.error(request, _with_links(request, refusal))
    except (InvoiceRefused, CannotRender) as reason:
        messages.error(request, str(reason))
    else:
        new = list(order.documents.exclude(pk__in=known).order_by("pk"))
        is_sent = bool(new and request.POST.get("send")) and send_documents(order, new)
        if not new:
            messages.info(request, _("Invoice %(number)s was issued already.") % {"number": document.number})
        for issued in new:
            messages.success(request, _is_issued(issued))
        if is_sent:
            messages.success(request, _is_on_its_way(order))
    return redirect("orders:detail", slug=request.vendor.slug, number=order.number)


@require_POST
@vendor_required(Permission.ISSUE_INVOICES)
def send(request: VendorRequest, number: str, document: str) -> HttpResponse:
    """Send an issued document to the customer; the second of two clicks sends nothing."""
    order = _find(request, number)
    issued = get_object_or_404(Document, vendor=request.vendor, order=order, number=document)
    attempt = request.POST.get("attempt", "")
    is_number = attempt.isascii() and attempt.isdigit() and len(attempt) < 5
    if not may_send_documents(order):
        messages.error(request, _("Nothing was sent: the customer has no e-mail address here."))
    elif send_documents(order, [issued], attempt=int(attempt) if is_number else 0):
        messages.success(request, _is_on_its_way(order))
    else:
        messages.info(request, _("%(number)s was sent already.") % {"number": issued.number})
    return redirect("orders:detail", slug=request.vendor.slug, number=order.number)


def _is_on_its_way(order: Order) -> str:
    return _("It is sent to %(address)s.") % {"address": order.customer_email}


def _to_issue(order: Order) -> dict[str, object]:
    """What issuing would do now, for the page that asks."""
    invoice = invoice_of(order)
    is_open = open_invoice(order) is None
    supplied_at = date_of_supply(order).at or timezone.now()
    return {
        "missing": missing_identity(order.vendor, day_of(order.vendor, supplied_at)) if is_open else [],
        "order": order,
        "invoice": invoice,
        "may_issue": is_open and is_left_to_invoice(order),
        "may_issue_note": has_due(order),
        "may_send": may_send_documents(order),
    }


def _is_issued(document: Document) -> str:
    name = {"number": document.number}
    if document.kind == DocumentKind.CREDIT_NOTE:
        return _("Credit note %(number)s is issued.") % name
    return _("Invoice %(number)s is issued.") % name


def _with_links(request: VendorRequest, refusal: IdentityIncomplete) -> str:
    """Return the refusal, in which each missing part leads to its field, for those who may change it."""
    if not request.may["manage_shop"]:
        return f"{refusal} {_ask_an_owner()}"
    page = reverse("shop:identity", args=[request.vendor.slug])
    links = [format_html('<a href="{}#id_{}">{}</a>', page, part.field, part) for part in refusal.missing]
    before, _mark, after = refusal.sentence(MARK).partition(MARK)
    listed = format_html_join(", ", "{}", ((link,) for link in links[:-1]))
    last = format_html(" {} {}", _("and"), links[-1]) if len(links) > 1 else links[-1]
    return format_html("{}{}{}{}", before, listed, last, after)


def _ask_an_owner() -> str:
    return _("Ask an owner of the shop to fill it in.")


def _downloaded(request: VendorRequest, document: str, order: Order) -> None:
    audit(AuditKind.DOWNLOADED, by=request.user, vendor=request.vendor, subject=order, document=document)


def _invoice_of_number(request: VendorRequest, number: str) -> Document | None:
    """The order's invoice, also of an order that the storefront deleted: what was issued stays."""
    order = Order.objects.filter(vendor=request.vendor, number=number).select_related("vendor").first()
    if order is None:
        return None
    if (standing := open_invoice(order)) is not None:
        return standing
    return None if order.hidden_at is None and is_left_to_invoice(order) else invoice_of(order)


def _find(request: VendorRequest, number: str) -> Order:
    orders = Order.objects.for_vendor(request.vendor).select_related("vendor__identity")
    return get_object_or_404(orders, number=number)


def _shipment(request: VendorRequest, order: Order) -> Shipment | None:
    """Return the parcel that the address names; None where it names none. Raises Http404."""
    wanted = request.GET.get("shipment", "")
    if not wanted:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", wanted):
        raise Http404
    return get_object_or_404(Shipment, order=order, number=int(wanted))


def _original(request: VendorRequest, document: Document) -> HttpResponse:
    """Serve the stored bytes, and write down who took them."""
    _downloaded(request, document.number, document.order)
    try:
        return _pdf(original_pdf(document), document.number)
    except OriginalDamaged as reason:
        return _sentence(request, document.order, str(reason), 410)
    except OriginalUnreadable as reason:
        return _sentence(request, document.order, str(reason), 503)


def _no_document(request: VendorRequest, order: Order) -> HttpResponse:
    return _sentence(
        request,
        order,
        _("Order %(number)s is “%(status)s”: there is no document for it.")
        % {"number": order.number, "status": order.get_status_display()},
        409,
    )


def _pdf(pdf: bytes, name: str) -> HttpResponse:
    """Answer with a PDF that the browser shows, and saves under a name without surprises."""
    response = HttpResponse(pdf, content_type="application/pdf")
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "document"
    response["Content-Disposition"] = f'inline; filename="{safe[:100]}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _sentence(request: VendorRequest, order: Order, text: str, status: int) -> HttpResponse:
    page = reverse("orders:detail", args=[request.vendor.slug, order.number])
    return refused(request, text, status, back=page)
