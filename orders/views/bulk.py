"""One action for a selection, asked for on the list; ``orders.views.bulk_job`` follows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from marketplace.audit import AuditKind, audit
from orders.bulk.work import ask_for_bulk
from orders.filters import OrderFilter
from orders.jobs import run_bulk
from orders.models import BulkAction, BulkJob, Document, DocumentKind, Order
from orders.models.bulk import DOWNLOADS
from orders.states import OrderStatus, Stage
from orders.views.bulk_job import ASKS_FROM, AT_ONCE, LONGEST_FILTERS, carry_on, list_url
from orders.views.bulk_job import NEEDS as NEEDS_OF_JOBS
from orders.views.exports import export_ticked
from orders.views.ticks import keep_ticks
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

PDFS_AT_ONCE = 8  # orders that are dealt with while the person waits, of those that need a PDF each
EXPORTS = {"export-csv": "csv", "export-xlsx": "xlsx"}
NEEDS: dict[str, Permission] = {**NEEDS_OF_JOBS, **dict.fromkeys(EXPORTS, Permission.EXPORT)}
TO_PREPARE = {"status": OrderStatus.PROCESSING, "stage": Stage.TO_PREPARE}
LONGEST_NUMBER = 12  # digits
NEEDS_PDF = frozenset({BulkAction.INVOICE, BulkAction.NOTES})


@dataclass(frozen=True)
class Chosen:
    """The orders that a form names: those that were ticked, or all that the ``filters`` leave."""

    orders: QuerySet[Order]
    filters: Mapping[str, Any] = field(default_factory=dict)
    are_ticked: bool = False


@require_POST
@vendor_required(Permission.VIEW_ORDERS)
def start_bulk(request: VendorRequest) -> HttpResponseBase:
    """Do one action for the ticked orders, or for the whole filtered selection (``all=1``).

    For many, or another number than was shown, it is asked first (``sure`` is the number that the person
    agreed to, ``shown`` the one beside “Take all”). An export is a file at once: of ticked orders here,
    of a selection at the address that every export of one has. ``list`` is the list to come back to,
    with its ticks where the person is asked and does not agree (``leave``).
    """
    if "leave" in request.POST:
        keep_ticks(request, request.POST.getlist("order"))
        return redirect(list_url(request, _list(request)))
    action = request.POST.get("action", "")
    if action not in NEEDS:
        return _refused(request, _("There is no such action: nothing was changed."))
    if not request.may[NEEDS[action]]:
        raise PermissionDenied
    chosen = _chosen(request)
    count = chosen.orders.count() if chosen else 0
    if chosen is None or not count:
        return _refused(request, _why_none(chosen))
    if action in EXPORTS:
        return _export(request, EXPORTS[action], chosen, count)
    if _asks(request, action, count):
        return _ask(request, BulkAction(action), chosen.orders, count)
    return _start(request, BulkAction(action), chosen, count)


def _refused(request: VendorRequest, why: str) -> HttpResponse:
    """Lead back to the list as it was, with a sentence."""
    messages.error(request, why)
    return redirect(list_url(request, _list(request)))


def _list(request: VendorRequest) -> str:
    """How the list was asked for; ``filters`` alone say what is chosen."""
    return request.POST.get("list", request.POST.get("filters", ""))


def _why_none(chosen: Chosen | None) -> str:
    if chosen and chosen.filters == TO_PREPARE:
        return _("No order waits to be prepared: nothing was done.")
    if chosen and not chosen.are_ticked:
        return _("No order is in this list any more: nothing was changed.")
    return _("No order was chosen: nothing was changed.")


def _asks(request: VendorRequest, action: str, count: int) -> bool:
    """Whether the person must agree to this number of orders first, and has not."""
    if action in DOWNLOADS or request.POST.get("sure") == str(count):
        return False
    return action == BulkAction.INVOICE or count >= ASKS_FROM or _shown(request) not in (None, count)


def _shown(request: VendorRequest) -> int | None:
    """How many orders the list said that it takes, where all are taken and that can be read."""
    shown = request.POST.get("shown", "")[:LONGEST_NUMBER]
    is_number = shown.isascii() and shown.isdecimal()
    return int(shown) if is_number and request.POST.get("all") == "1" else None


def _start(request: VendorRequest, action: BulkAction, chosen: Chosen, count: int) -> HttpResponse:
    with transaction.atomic():
        job = ask_for_bulk(request.vendor, chosen.orders, action, by=request.user, at=timezone.now())
        if action in DOWNLOADS:
            _audit(request, job, count, chosen)
        run_bulk.enqueue(job.pk)  # for few too: it ends what this process may leave undone
    at_once = count <= (PDFS_AT_ONCE if action in NEEDS_PDF else AT_ONCE)
    return carry_on(request, job, at_once=at_once, filters=_list(request))


def _export(request: VendorRequest, kind: str, chosen: Chosen, count: int) -> HttpResponseBase:
    if chosen.are_ticked:
        return export_ticked(request, kind, chosen.orders, count)
    address = reverse(f"orders:export_{kind}", args=[request.vendor.slug])
    filters = QueryDict(request.POST.get("filters", "")).urlencode()
    return redirect(f"{address}?{filters}" if filters else address)


def _audit(request: VendorRequest, job: BulkJob, count: int, chosen: Chosen) -> None:
    """Write down who takes how many orders' documents out, and by which selection."""
    audit(
        AuditKind.EXPORTED,
        by=request.user,
        vendor=request.vendor,
        subject=job,
        format=job.action,
        orders=count,
        ticked=chosen.are_ticked,
        filters=sorted(chosen.filters),
    )


def _ask(request: VendorRequest, action: BulkAction, orders: QuerySet[Order], count: int) -> HttpResponse:
    """Say what would happen to how many orders, and whom it tells."""
    tells = settings.CUSTOMER_MAILS and action != BulkAction.INVOICE
    return render(
        request,
        "orders/bulk_sure.html",
        {
            "action": action,
            "count": count,
            "shown": shown if (shown := _shown(request)) != count else None,
            "customers": orders.exclude(customer_email="").count() if tells else 0,
            "has_ticks": "order" in request.POST,
            "kept": [
                (name, value)
                for name in ("action", "all", "shown", "filters", "list", "order")
                for value in request.POST.getlist(name)
            ],
            "list_url": list_url(request, _list(request)),
            "came_from": list_url(request, _list(request)),
            "invoiced": _invoiced(orders) if action == BulkAction.INVOICE else 0,
        },
    )


def _invoiced(orders: QuerySet[Order]) -> int:
    """How many of the orders have their invoice already."""
    return orders.filter(
        Exists(Document.objects.filter(order=OuterRef("pk"), kind=DocumentKind.INVOICE))
    ).count()


def _chosen(request: VendorRequest) -> Chosen | None:
    """The orders that the form names; None where its filters are not understood."""
    mine = Order.objects.for_vendor(request.vendor)
    if request.POST.get("all") != "1":
        numbers = [n for n in request.POST.getlist("order")[:1000] if "\0" not in n]
        return Chosen(mine.filter(number__in=numbers), are_ticked=True)
    may_see_amounts = request.may[Permission.VIEW_AMOUNTS]
    filters = request.POST.get("filters", "")
    if len(filters) > LONGEST_FILTERS:  # cut off, it would choose more orders than the person saw
        return None
    selection = OrderFilter(
        QueryDict(filters),
        queryset=mine,
        vendor=request.vendor,
        may_see_amounts=may_see_amounts,
    )
    return Chosen(selection.selection, selection.values) if selection.is_valid() else None
