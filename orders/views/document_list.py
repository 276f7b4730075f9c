"""All that a shop has issued, the proof that no number is missing, and the originals of a month."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from marketplace.audit import AuditKind, audit
from marketplace.refusals import refused
from orders.document_filter import KINDS, DocumentFilter
from orders.domain.continuity import continuity_of
from orders.exports.documents import documents_zip
from orders.models import Document
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission

PER_PAGE = 50
MOST = 2000  # documents of one ZIP, which is made while it is sent


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


@require_GET
@vendor_required(Permission.EXPORT)
def originals_zip(request: VendorRequest) -> HttpResponseBase:
    """Send the originals of the documents that the filters leave, with their list for the books."""
    if not request.may["view_invoices"]:
        raise PermissionDenied
    asked = DocumentFilter(request.GET, vendor=request.vendor, series=continuity_of(request.vendor))
    back = f"{reverse('documents:list', args=[request.vendor.slug])}?{request.GET.urlencode()}"
    if not asked.is_valid():
        wrong = [text for texts in asked.errors.values() for text in texts]
        return refused(request, " ".join(map(str, wrong)), 400, back=back)
    count = asked.selection.count()
    if not count:
        return refused(request, _("No document matches: there is nothing to download."), 404, back=back)
    if count > MOST:
        words = _("%(count)s documents are too many for one file: choose a month or a year.")
        return refused(request, words % {"count": count}, 413, back=back)
    filters = sorted(name for name in asked.fields if asked.cleaned_data[name])
    audit(
        AuditKind.EXPORTED,
        by=request.user,
        vendor=request.vendor,
        format="originals",
        documents=count,
        filters=filters,
    )
    period = asked.cleaned_data["month"] or asked.cleaned_data["year"]
    name = "-".join(filter(None, ["factures", request.vendor.slug, period])) + ".zip"
    response = StreamingHttpResponse(
        documents_zip(asked.selection, request.vendor),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    patch_cache_control(response, private=True, no_store=True)
    return response
