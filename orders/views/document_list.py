"""All that a shop has issued, and the proof that no number is missing."""

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from orders.domain.continuity import CHAINED, continuity_of
from orders.models import Document
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

PER_PAGE = 50
KINDS = {
    "": gettext_lazy("All"),
    "F": gettext_lazy("Invoices"),
    "A": gettext_lazy("Credit notes"),
}


@require_safe
@vendor_required(Permission.VIEW_INVOICES)
def document_list(request: VendorRequest) -> HttpResponse:
    """Show the documents, newest first, and the continuity of each series.

    ``kind`` (F, A) and ``year`` narrow the list; ``before`` is the id that a page begins after:
    quick at any depth, since ids grow with every issue.
    """
    series = continuity_of(request.vendor)
    kind = request.GET.get("kind", "")
    years = sorted({one.year for one in series}, reverse=True)
    year = next((year for year in years if str(year) == request.GET.get("year")), None)
    documents = _chosen(request, kind if kind in KINDS else "", year)
    page = list(documents.select_related("order").defer("snapshot")[: PER_PAGE + 1])
    return render(
        request,
        "orders/document_list.html",
        {
            "series": series,
            "documents": page[:PER_PAGE],
            "next": page[PER_PAGE - 1].pk if len(page) > PER_PAGE else None,
            "kinds": KINDS.items(),
            "kind": kind,
            "years": years,
            "year": year,
            "is_narrowed": bool(kind or year or request.GET.get("before")),
        },
    )


def _chosen(request: VendorRequest, kind: str, year: int | None) -> QuerySet[Document]:
    wanted = Q(vendor=request.vendor, kind__in=[kind] if kind else CHAINED)
    if year is not None:
        wanted &= Q(year=year)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        wanted &= Q(pk__lt=int(before))
    return Document.objects.filter(wanted).order_by("-pk")
