"""Files that were made for a selection of orders."""

from django.db.models import Max, Min
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from marketplace.audit import AuditKind, audit
from marketplace.refusals import refused
from orders.bulk.downloads import NAMES, DownloadGone, open_download
from orders.models import BulkAction, BulkItem, BulkJob, Document
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@require_safe
@vendor_required(Permission.DELIVERY_NOTES)
def notes_pdf(request: VendorRequest, pk: int) -> HttpResponseBase:
    """Serve the merged delivery notes to the person who asked for them."""
    return _file(request, pk, BulkAction.NOTES)


@require_safe
@vendor_required(Permission.VIEW_INVOICES)
def originals_zip(request: VendorRequest, pk: int) -> HttpResponseBase:
    """Serve the originals to the person who asked for them."""
    return _file(request, pk, BulkAction.ORIGINALS)


def _file(request: VendorRequest, pk: int, action: BulkAction) -> HttpResponseBase:
    job = get_object_or_404(BulkJob, vendor=request.vendor, asked_by=request.user, action=action, pk=pk)
    if job.finished_at is None:
        return redirect("orders:bulk", slug=request.vendor.slug, pk=pk)
    try:
        file = open_download(job, timezone.now())
    except DownloadGone as reason:
        back = reverse("orders:bulk", args=[request.vendor.slug, pk])
        response: HttpResponseBase = refused(request, str(reason), 410, back=back)
    else:
        _audit(request, job)
        name = f"{request.vendor.slug}-{_period(job)}-{NAMES[action]}"
        response = FileResponse(file, as_attachment=action == BulkAction.ORIGINALS, filename=name)
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_store=True)
    return response


def _period(job: BulkJob) -> str:
    """Return the days of issue of the documents that were chosen, else the shop's day of the request."""
    if job.documents is None:
        return f"{timezone.localdate(job.asked_at)}"
    chosen = Document.objects.filter(vendor=job.vendor, pk__in=job.documents)
    days = chosen.aggregate(first=Min("issued_on"), last=Max("issued_on"))
    return f"{days['first']:%Y-%m-%d}-{days['last']:%Y-%m-%d}"


def _audit(request: VendorRequest, job: BulkJob) -> None:
    """Write down who took the file; the entry of the same job that asked for it tells of which orders."""
    done = job.items.filter(state=BulkItem.State.DONE).count()
    audit(
        AuditKind.DOWNLOADED,
        by=request.user,
        vendor=request.vendor,
        subject=job,
        document=job.action,
        orders=done,
    )
