"""The page of a bulk action: how far it is, what came of each order, and its file."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Case, Prefetch, QuerySet, When
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from orders.bulk.work import progress, work_on
from orders.domain.invoicing import missing_identity
from orders.models import BulkAction, BulkItem, BulkJob, Document
from orders.models.bulk import DOWNLOADS
from vendors.access import VendorRequest, vendor_required
from vendors.domain.identity import Missing
from vendors.roles import Permission

AT_ONCE = 20  # orders that are dealt with while the person waits
MOST_AGAIN = 1000  # orders that a form names, as one of the list does
ASKS_FROM = 11  # orders, of what nobody can take back; the number of an invoice is asked for at once
PER_PAGE = 100
LONGEST_FILTERS = 8000  # characters; every filter at its longest is shorter

NEEDS: dict[str, Permission] = {
    BulkAction.VALIDATE: Permission.FULFILL,
    BulkAction.SHIP: Permission.FULFILL,
    BulkAction.INVOICE: Permission.ISSUE_INVOICES,
    BulkAction.NOTES: Permission.DELIVERY_NOTES,
    BulkAction.ORIGINALS: Permission.VIEW_INVOICES,
}
FILES = {BulkAction.NOTES: "orders:bulk_notes", BulkAction.ORIGINALS: "orders:bulk_originals"}


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
def bulk_job(request: VendorRequest, pk: int) -> HttpResponse:
    """Show how far a bulk action is, and what came of each order."""
    job = get_object_or_404(BulkJob.objects.select_related("asked_by"), vendor=request.vendor, pk=pk)
    counts = progress(job)
    state = request.GET.get("state", "")
    items = job.items.select_related("order")
    if job.action == BulkAction.INVOICE and request.may["view_invoices"]:
        items = items.prefetch_related(_documents(request))
    if state in BulkItem.State.values:
        items = items.filter(state=state)
    total = sum(counts.values())
    return render(
        request,
        "orders/bulk.html",
        {
            "job": job,
            "counts": counts,
            "total": total,
            "finished": total - counts[BulkItem.State.WAITING],
            "is_running": job.finished_at is None,
            "file_url": _file_url(request, job),
            "is_mine": job.asked_by == request.user,
            "is_over": job.expires_at is not None and job.expires_at <= timezone.now(),
            **_again(request, job),
            **_undo(request, job),
            "missing": _missing(job) if counts[BulkItem.State.REFUSED] else [],
            "page": Paginator(_refused_first(items), PER_PAGE).get_page(request.GET.get("page")),
            "state": state,
            "states": [(value, label, counts[value]) for value, label in BulkItem.State.choices],
            "list_url": list_url(request, request.GET.get("filters", ""), job),
        },
    )


def _documents(request: VendorRequest) -> Prefetch[str, QuerySet[Document], str]:
    mine = Document.objects.filter(vendor=request.vendor).defer("snapshot").order_by("pk")
    return Prefetch("order__documents", queryset=mine)


def _missing(job: BulkJob) -> list[Missing]:
    """Return what the shop's legal identity lacks, where that may be why invoices were refused."""
    return missing_identity(job.vendor) if job.action == BulkAction.INVOICE else []


def _again(request: VendorRequest, job: BulkJob) -> dict[str, object]:
    """What may be asked for with the same orders: the ZIP of what was issued, or a file that is gone."""
    wanted = BulkAction.ORIGINALS if job.action == BulkAction.INVOICE else BulkAction(job.action)
    if job.finished_at is None or wanted not in DOWNLOADS or not request.may[NEEDS[wanted]]:
        return {}
    is_mine = job.asked_by == request.user
    if wanted == job.action and (not is_mine or job.documents is not None or _file_url(request, job)):
        return {}
    done = job.items.exclude(state=BulkItem.State.REFUSED) if wanted != job.action else job.items.all()
    numbers = list(done.order_by("id").values_list("order__number", flat=True)[: MOST_AGAIN + 1])
    return {"again": wanted, "numbers": numbers} if 0 < len(numbers) <= MOST_AGAIN else {}


def _undo(request: VendorRequest, job: BulkJob) -> dict[str, object]:
    """How many of the job's validations may be undone, to whoever may; its items tell which."""
    if job.action != BulkAction.VALIDATE or job.finished_at is None or not request.may["manage_orders"]:
        return {}
    return {"undoable": job.items.undoable().count()}


def _refused_first(items: QuerySet[BulkItem]) -> QuerySet[BulkItem]:
    """What somebody must look at stands before what went well."""
    is_refused = Case(When(state=BulkItem.State.REFUSED, then=0), default=1)
    return items.order_by(is_refused, "id")


def _file_url(request: VendorRequest, job: BulkJob) -> str:
    """Return where the file is, for the person who asked for it and while it is kept; else nothing."""
    is_kept = bool(job.file) and job.expires_at is not None and job.expires_at > timezone.now()
    if not is_kept or job.asked_by != request.user:
        return ""
    return reverse(FILES[BulkAction(job.action)], args=[request.vendor.slug, job.pk])


def carry_on(request: VendorRequest, job: BulkJob, *, at_once: bool, filters: str) -> HttpResponse:
    """Lead to the job's page or, where it is small enough to be done while the person waits, to its file."""
    if at_once:
        work_on(job, now=timezone.now, most=AT_ONCE)
        job.refresh_from_db()
        if (file_url := _file_url(request, job)) and not progress(job)[BulkItem.State.REFUSED]:
            return redirect(file_url)
    return redirect(job_url(request, job, filters))


def job_url(request: VendorRequest, job: BulkJob, filters: str) -> str:
    """Return where the job's page is; ``filters`` are those of the list that it leads back to."""
    page = reverse("orders:bulk", args=[request.vendor.slug, job.pk])
    kept = filters[:LONGEST_FILTERS]
    return f"{page}?{urlencode({'filters': kept})}" if kept else page


def list_url(request: VendorRequest, asked: str, job: BulkJob | None = None) -> str:
    """The list as it was ``asked`` for: of orders, or of documents where those were chosen."""
    query = QueryDict(asked[:LONGEST_FILTERS]).urlencode()
    name = "documents:list" if job and job.documents is not None else "orders:list"
    return reverse(name, args=[request.vendor.slug]) + (f"?{query}" if query else "")
