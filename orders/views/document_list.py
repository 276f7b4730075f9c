"""All that a shop has issued, the proof that no number is missing, and the originals of a month."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from marketplace.audit import AuditKind, audit
from marketplace.refusals import refused
from orders.bulk.work import ask_for_originals
from orders.document_filter import KINDS, DocumentFilter
from orders.domain.continuity import continuity_of
from orders.jobs import run_bulk
from orders.models import Document
from orders.views.bulk_job import AT_ONCE, LONGEST_FILTERS, carry_on
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

PER_PAGE = 50
MOST = 10_000  # documents of one ZIP, which lies on the disk for a day


@dataclass(frozen=True)
class DocumentRow:
    """A document and what the list shows of its contents; amounts are negative on credit notes."""

    document: Document
    buyer: str
    corrected: str
    net: Decimal | None
    vat: Decimal | None
    gross: Decimal


@require_safe
@vendor_required(Permission.VIEW_INVOICES)
def document_list(request: VendorRequest) -> HttpResponse:
    """Show the documents, newest first, and the continuity of each series.

    Quick at any depth: ids grow with every issue, and a page begins after an id.
    """
    series = continuity_of(request.vendor)
    asked = DocumentFilter(request.GET, vendor=request.vendor, series=series)
    page = list(asked.rows[: PER_PAGE + 1])
    return render(
        request,
        "orders/document_list.html",
        {
            "series": series,
            "filter": asked,
            "rows": [_row(document) for document in page[:PER_PAGE]],
            "next": page[PER_PAGE - 1].pk if len(page) > PER_PAGE else None,
            "kinds": [("", _("All")), *KINDS],
        },
    )


def _row(document: Any) -> DocumentRow:
    sign = -1 if document.kind == "A" else 1
    net, vat = (None if text is None else sign * Decimal(text) for text in (document.net, document.vat))
    gross = sign * document.total
    return DocumentRow(document, document.buyer or "", document.corrected or "", net, vat, gross)


@require_POST
@vendor_required(Permission.EXPORT)
def originals(request: VendorRequest) -> HttpResponse:
    """Put the originals of the documents that the filters leave into a ZIP, with their list for the books.

    A few are there at once; more are the worker's, on a page that shows how far it is.
    """
    if not request.may["view_invoices"]:
        raise PermissionDenied
    sent = request.POST.get("filters", "")[:LONGEST_FILTERS]
    asked = DocumentFilter(QueryDict(sent), vendor=request.vendor, series=continuity_of(request.vendor))
    count = asked.selection.count()
    if refusal := _why_not(asked, count):
        words, status = refusal
        back = f"{reverse('documents:list', args=[request.vendor.slug])}?{QueryDict(sent).urlencode()}"
        return refused(request, words, status, back=back)
    with transaction.atomic():
        job = ask_for_originals(request.vendor, asked.selection, by=request.user, at=timezone.now())
        audit(
            AuditKind.EXPORTED,
            by=request.user,
            vendor=request.vendor,
            subject=job,
            format="originals",
            documents=count,
            filters=sorted(name for name in asked.fields if asked.cleaned_data[name]),
        )
        run_bulk.enqueue(job.pk)
    return carry_on(request, job, at_once=count <= AT_ONCE, filters=sent)


def _why_not(asked: DocumentFilter, count: int) -> tuple[str, int] | None:
    """Return why there is no ZIP of what is asked for, and the answer's status; None where there is."""
    if not asked.is_valid():
        return " ".join(str(text) for texts in asked.errors.values() for text in texts), 400
    if not count:
        return _("No document matches: there is nothing to download."), 404
    if count > MOST:
        words = _("%(count)s documents are too many for one file: choose a month or a year.")
        return words % {"count": count}, 413
    return None
