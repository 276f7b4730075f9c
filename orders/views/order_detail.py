"""One order: everything a vendor needs to deal with it, and the next action."""

from decimal import Decimal

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from marketplace.addresses import own_page
from marketplace.models import OutgoingEmail
from orders.documents.vat import VatGroup, vat_groups
from orders.domain.credit_notes import is_used_up
from orders.domain.invoicing import is_left_to_invoice
from orders.domain.supplies import under_franchise
from orders.emails import may_send_documents, topic_of
from orders.forms import NoteForm
from orders.models import (
    Answer,
    DeliveryNote,
    Document,
    HistoryEntry,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    Shipment,
    ShipmentLine,
)
from orders.states import DELIVERABLE, STOPPED
from orders.views.actions import actions_of
from orders.views.differences import differences_of
from orders.views.gains import explain_gains
from orders.views.lines_shown import lines_shown
from orders.views.notes_shown import note_links
from orders.views.storefront import trouble_of
from orders.views.timeline import choices_of, explanation, narrowed, timeline
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
def order_detail(request: VendorRequest, number: str) -> HttpResponse:
    """Show one order of the shop."""
    order = get_object_or_404(_with_all(request), number=number)
    now = timezone.now()
    history = HistoryEntry.objects.filter(order=order).select_related("user", "source", "note").order_by("id")
    mails = list(OutgoingEmail.objects.filter(topic=topic_of(order)).order_by("id"))
    lines = list(order.lines.all())
    shown, left = lines_shown(order, lines)
    told = list(order.answers.all())
    events = timeline(order, history, mails, told, shows_amounts=request.may["view_amounts"])
    wanted = request.GET.get("history", "")
    groups = _vat(order, lines) if request.may["view_amounts"] else []
    return render(
        request,
        "orders/order_detail.html",
        {
            "order": order,
            "lines": shown,
            "refunds": [refund for refund in order.refunds.all() if refund.progress == "confirmed"],
            "refunds_asked_for": [refund for refund in order.refunds.all() if refund.progress == "requested"],
            "vat_groups": groups,
            "total_net": sum((group.net for group in groups), Decimal(0)),
            "total_vat": sum((group.vat for group in groups), Decimal(0)),
            "gains": explain_gains(order, lines) if request.may["view_amounts"] else None,
            "storefront": trouble_of(request, told),
            "events": narrowed(events, wanted),
            "history_choices": choices_of(events, wanted),
            "differences": differences_of(request, order, told),
            "explanation": explanation(order, now, left=left),
            "is_late": order.is_late(now),
            "orders_of_customer": order.customer
            and order.customer.orders.filter(vendor=request.vendor).count(),
            **_documents(request, order),
            "attempt": sum(mail.template == "order_documents" for mail in mails),
            "actions": actions_of(request, order),
            "note_form": NoteForm() if request.may["fulfill"] else None,
            "notes": note_links(request, order),
        },
    )


def _documents(request: VendorRequest, order: Order) -> dict[str, object]:
    """The invoice and what corrects it, oldest first; what may be issued now."""
    chain = [document for document in order.documents.all() if document.kind in ("F", "A")]
    invoices = [document for document in chain if document.kind == "F"]
    invoice = invoices[-1] if invoices else None
    may_issue = request.may["issue_invoices"]
    is_open = invoice is None or _is_taken_back(invoice, chain)
    waiting = _without_note(order, invoice, chain) if invoice and not is_open else []
    is_due = bool(waiting) and not waiting[0].awaits_lines
    is_unpaid = order.status in STOPPED and order.paid_at is None
    may_follow = invoice is None or is_left_to_invoice(order)
    is_to_take_back = invoice is not None and not is_open and is_unpaid and not _is_used_up(invoice, chain)
    return {
        "standing": None if is_open else invoice,
        "chain": chain if request.may["view_invoices"] else [],
        "waits_for_lines": any(refund.awaits_lines for refund in waiting),
        "has_preview": request.may["view_invoices"]
        and order.status in DELIVERABLE
        and is_open
        and may_follow,
        "may_issue": may_issue and is_open and is_left_to_invoice(order),
        "may_issue_note": may_issue and (is_due or is_to_take_back),
        "may_name_buyer": may_issue and is_open,
        "may_send": may_issue and may_send_documents(order),
        "may_correct": may_issue and not is_open and is_left_to_invoice(order),
    }


def _is_taken_back(invoice: Document, chain: list[Document]) -> bool:
    return any(note.corrects_id == invoice.pk and note.refund_id is None for note in chain)


def _is_used_up(invoice: Document, chain: list[Document]) -> bool:
    return is_used_up(invoice, (note for note in chain if note.corrects_id == invoice.pk))


def _without_note(order: Order, invoice: Document, chain: list[Document]) -> list[Refund]:
    """The confirmed refunds that no credit note on the invoice stands for yet, oldest first."""
    credited = {document.refund_id for document in chain if document.corrects_id == invoice.pk}
    confirmed = [refund for refund in order.refunds.all() if refund.progress == "confirmed" and refund.amount]
    return [refund for refund in confirmed if refund.pk not in credited]


def _vat(order: Order, lines: list[OrderLine]) -> list[VatGroup]:
    """The order's amounts per rate, as its invoice says them."""
    franchise = order.pk in under_franchise(order.vendor, [order.pk])
    return vat_groups(lines, franchise=franchise, currency=order.currency)


def _with_all(request: VendorRequest) -> QuerySet[Order]:
    """The shop's orders with what the page shows, in as many queries whatever the order holds."""
    return (
        Order.objects.for_vendor(request.vendor)
        .select_related("customer", "source", "vendor__identity")
        .prefetch_related(
            "lines",
            Prefetch("answers", Answer.objects.with_followers()),
            Prefetch("delivery_notes", DeliveryNote.objects.defer("said").order_by("pk")),
            Prefetch("documents", Document.objects.defer("snapshot").order_by("pk")),
            Prefetch(
                "shipments",
                Shipment.objects.prefetch_related(
                    Prefetch("lines", ShipmentLine.objects.select_related("line"))
                ),
            ),
            Prefetch(
                "refunds",
                Refund.objects.select_related("reason").prefetch_related(
                    Prefetch("lines", RefundLine.objects.select_related("line"))
                ),
            ),
        )
    )


def form_version(request: VendorRequest) -> int | None:
    """The version of the order that the form was opened on, 0 (long past) for an unreadable one.

    None where there is no such field.
    """
    text = request.POST.get("version")
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def back(request: VendorRequest, default: str) -> str:
    """The page of this site that the form names, else ``default``."""
    return own_page(request, default)
