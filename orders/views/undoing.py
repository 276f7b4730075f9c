"""Undoing a bulk validation from its page: each order by itself, while nothing else has happened to it."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orders.bulk.work import ask_to_undo
from orders.jobs import run_bulk
from orders.models import BulkAction, BulkJob
from orders.views.bulk_job import ASKS_FROM, AT_ONCE, carry_on, job_url
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@require_POST
@vendor_required(Permission.MANAGE_ORDERS)
def undo_bulk(request: VendorRequest, pk: int) -> HttpResponse:
    """Undo the validations of a bulk action as far as possible; it is a bulk action itself.

    Of many it is asked first (``sure`` is the number that the person agreed to).
    """
    job = get_object_or_404(BulkJob, vendor=request.vendor, action=BulkAction.VALIDATE, pk=pk)
    filters = request.POST.get("filters", "")
    count = job.items.undoable().count()
    if not count:
        messages.error(
            request, _("Since then something else has happened to each order: nothing was changed.")
        )
        return redirect(job_url(request, job, filters))
    if count >= ASKS_FROM and request.POST.get("sure") != str(count):
        return _ask(request, job, count, filters)
    with transaction.atomic():
        undo = ask_to_undo(job, by=request.user, at=timezone.now())
        run_bulk.enqueue(undo.pk)
    return carry_on(request, undo, at_once=count <= AT_ONCE, filters=filters)


def _ask(request: VendorRequest, job: BulkJob, count: int, filters: str) -> HttpResponse:
    return render(
        request,
        "orders/bulk_sure.html",
        {
            "action": BulkAction.UNDO,
            "count": count,
            "kept": [("filters", filters)],
            "list_url": job_url(request, job, filters),
            "came_from": job_url(request, job, filters),
        },
    )
