"""What a person does to one order: steps, refunds, notes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from marketplace.formats import money
from orders.domain.credit_notes import open_invoice
from orders.domain.notes import add_note
from orders.domain.refunds import (
    RefundPreview,
    RefundRefused,
    ask_for_refund,
    cancel_and_refund,
    preview_refund,
)
from orders.domain.rehearsal import done_by
from orders.domain.stock import OutOfStock
from orders.domain.transitions import StepRefused, allowed_steps, change_status
from orders.forms import NoteForm, ReasonForm, RefundForm
from orders.models import Order, Refund, RefundProgress
from orders.states import OrderStatus
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@dataclass(frozen=True)
class Step:
    """A step that a person confirms on a page of its own."""

    to: OrderStatus
    title: str | Promise
    consequence: str | Promise
    button: str | Promise
    taken_already: str | Promise
    reason_required: bool = False


STEPS = {
    "cancel": Step(
        OrderStatus.CANCELLED,
        gettext_lazy("Cancel order %(number)s"),
        gettext_lazy("What the order holds goes back to the shelf. Only the marketplace can bring it back."),
        gettext_lazy("Cancel the order"),
        gettext_lazy("Order %(number)s is cancelled already."),
    ),
    "reopen": Step(
        OrderStatus.PROCESSING,
        gettext_lazy("Reopen order %(number)s"),
        gettext_lazy("The order is in progress again. The reason stays in its history."),
        gettext_lazy("Reopen the order"),
        gettext_lazy("Order %(number)s is in progress already."),
        reason_required=True,
    ),
    "confirm-payment": Step(
        OrderStatus.PROCESSING,
        gettext_lazy("Confirm the payment of order %(number)s"),
        gettext_lazy(
            "The cheque or transfer has arrived: the order can be prepared, and its gains are yours."
        ),
        gettext_lazy("Confirm the payment"),
        gettext_lazy("The payment of order %(number)s is confirmed already."),
    ),
}


def find_order(request: VendorRequest, number: str) -> Order:
    return get_object_or_404(
        Order.objects.for_vendor(request.vendor).select_related("vendor", "source"), number=number
    )


def refusal_of(request: VendorRequest, act: Callable[[], Any], done: str) -> StepRefused | OutOfStock | None:
    """Do one thing and say so; return what refused it, for the page that asked for it."""
    try:
        done_by(request.vendor, act)
    except (StepRefused, OutOfStock) as refusal:
        return refusal
    messages.success(request, done)
    return None


def attempt(request: VendorRequest, act: Callable[[], Any], done: str) -> None:
    """Do one thing and say what came of it."""
    if refusal := refusal_of(request, act, done):
        messages.error(request, str(refusal))


def to_order(request: VendorRequest, order: Order) -> HttpResponse:
    return redirect("orders:detail", slug=request.vendor.slug, number=order.number)


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.MANAGE_ORDERS)
def step(request: VendorRequest, number: str, step: str) -> HttpResponse:
    """Ask before cancelling, reopening or confirming a payment, then do it once."""
    order = find_order(request, number)
    if (wanted := STEPS.get(step)) is None:
        raise Http404
    form = _reason_form(request, order, reason_required=wanted.reason_required)
    if request.method == "POST" and form.is_valid():
        refusal = refusal_of(
            request,
            lambda: change_status(
                order,
                wanted.to,
                by=request.user,
                at=timezone.now(),
                note=form.cleaned_data["reason"],
                version=form.cleaned_data["version"],
            ),
            _("Order %(number)s is now “%(status)s”.") % {"number": order.number, "status": wanted.to.label},
        )
        if refusal is None:
            return to_order(request, order)
        order = find_order(request, number)
        form.refuse(refusal, order.version)
    return render(
        request,
        "orders/step.html",
        {
            "order": order,
            "form": form,
            "title": wanted.title % {"number": order.number},
            "consequence": _consequence(order, wanted),
            "button": wanted.button,
            "refusal": _refusal(request, order, wanted),
        },
    )


def _reason_form(request: VendorRequest, order: Order, **fields: bool) -> ReasonForm:
    return ReasonForm(request.POST or None, initial={"version": order.version}, **fields)


def _refusal(request: VendorRequest, order: Order, wanted: Step) -> str:
    """Why the step cannot be taken; empty where it can."""
    if order.status == wanted.to:
        return str(wanted.taken_already) % {"number": order.number}
    return "" if wanted.to in allowed_steps(order, request.user) else _not_now(order)


def _not_now(order: Order) -> str:
    return _("This is not possible while the order is “%(status)s”.") % {"status": order.get_status_display()}


def _consequence(order: Order, wanted: Step) -> str:
    """What follows from the step; an order that holds nothing gives nothing back."""
    if wanted.to == OrderStatus.CANCELLED and not order.lines.filter(held__gt=0).exists():
        return _("The stock does not change. Only the marketplace can bring the order back.")
    return str(wanted.consequence)


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.MANAGE_ORDERS)
def refund(request: VendorRequest, number: str) -> HttpResponse:
    """Refund lines, shipping or an amount; « preview » computes without recording."""
    order = find_order(request, number)
    form = _refund_form(request, order)
    if request.method == "POST" and form.is_valid():
        asked = _asked(form)
        try:
            if request.POST.get("do") == "refund" and _is_as_shown(request, order, asked):
                recorded = ask_for_refund(
                    order,
                    **asked,
                    by=request.user,
                    at=timezone.now(),
                    reason=form.cleaned_data["reason"],
                    version=form.cleaned_data["version"],
                )
                messages.success(request, _refunded(request, order, recorded))
                return to_order(request, order)
        except (StepRefused, OutOfStock) as refusal:
            order = find_order(request, number)
            form = _refund_form(request, order)
            form.refuse(refusal, order.version)
    is_possible = order.is_refundable or order.needs_refund or (order.may_get_goods_back and bool(form.rows))
    context = {
        "order": order,
        "form": form,
        "preview": _preview(order, form),
        "asks": request.POST.get("do") == "refund",
        "is_possible": is_possible,
        "more": _note_follows(request, order),
    }
    return render(request, "orders/refund.html", context)


def _refund_form(request: VendorRequest, order: Order) -> RefundForm:
    return RefundForm(request.POST or None, order=order, initial={"version": order.version})


def _asked(form: RefundForm) -> dict[str, Any]:
    return {"lines": form.refunded_lines, "amount": form.whole}


def _preview(order: Order, form: RefundForm) -> RefundPreview | None:
    """What the refund would do; None while it is not known, with the reason among the form's errors."""
    if not form.is_bound or set(form.errors) - {NON_FIELD_ERRORS}:
        return None
    try:
        return preview_refund(order, **_asked(form))
    except RefundRefused as refusal:
        if not form.non_field_errors():
            form.add_error(None, str(refusal))
        return None


def _is_as_shown(request: VendorRequest, order: Order, asked: dict[str, Any]) -> bool:
    """Whether the amount stood on the button; the page is shown with it where it did not.

    A page without scripts names none before it is sent; who sends no ``shown`` was shown no page.
    """
    if "shown" not in request.POST:
        return True
    try:
        return request.POST["shown"] == str(preview_refund(order, **asked).amount)
    except RefundRefused:
        return True  # who records it says why not


def _note_follows(request: VendorRequest, order: Order) -> str:
    """Say that a credit note is issued with the refund, where the order has an invoice."""
    invoice = open_invoice(order) if request.may["view_invoices"] else None
    words = _("A credit note for invoice %(number)s is issued with it: it has its number for good.")
    return words % {"number": invoice.number} if invoice else ""


def _refunded(request: VendorRequest, order: Order, refund: Refund) -> str:
    """Say what came of a refund, with a link to its credit note."""
    values = {"number": order.number, "amount": money(refund.amount, order.currency)}
    if refund.progress == RefundProgress.REQUESTED:
        return _("A refund of %(amount)s is asked for; the storefront will confirm it.") % values
    said = _("%(amount)s of order %(number)s are refunded.") % values
    note = refund.credit_notes.order_by("-pk").first()
    if note is None or not request.may["view_invoices"]:
        return said
    page = reverse("orders:credit_note_pdf", args=[request.vendor.slug, order.number, note.number])
    words = _("Credit note %(number)s is issued.") % {"number": note.number}
    return format_html('{} <a href="{}">{}</a>', said, page, words)


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.MANAGE_ORDERS)
def stop_and_refund(request: VendorRequest, number: str) -> HttpResponse:
    """Ask before stopping a paid order: a whole refund with the goods back on the shelf."""
    order = find_order(request, number)
    form = _reason_form(request, order)
    if request.method == "POST" and form.is_valid():
        refusal = refusal_of(
            request,
            lambda: cancel_and_refund(
                order,
                by=request.user,
                at=timezone.now(),
                reason=form.cleaned_data["reason"],
                version=form.cleaned_data["version"],
            ),
            _("Order %(number)s is stopped and refunded.") % {"number": order.number},
        )
        if refusal is None:
            return to_order(request, order)
        order = find_order(request, number)
        form.refuse(refusal, order.version)
    amount = money(order.refundable, order.currency)
    consequence = _("%(amount)s are refunded and every unit goes back to the shelf. This cannot be undone.")
    button = _("Refund %(amount)s")
    if not order.total:
        consequence = _("The order cost nothing; every unit goes back to the shelf. This cannot be undone.")
        button = _("Stop the order")
    return render(
        request,
        "orders/step.html",
        {
            "order": order,
            "form": form,
            "title": _("Cancel and refund order %(number)s") % {"number": order.number},
            "consequence": consequence % {"amount": amount},
            "refusal": "" if order.is_refundable else _not_now(order),
            "button": button % {"amount": amount},
            "more": _note_follows(request, order),
        },
    )


@require_POST
@vendor_required(Permission.FULFILL)
def note(request: VendorRequest, number: str) -> HttpResponse:
    """Add a note to the order."""
    order = find_order(request, number)
    form = NoteForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return to_order(request, order)
    for_customer = form.cleaned_data["for_customer"]
    attempt(
        request,
        lambda: add_note(
            order, form.cleaned_data["text"], for_customer=for_customer, by=request.user, at=timezone.now()
        ),
        _("The note goes to the customer.") if for_customer else _("The note is kept."),
    )
    return to_order(request, order)
