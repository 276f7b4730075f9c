"""The files a shop takes out: its orders as CSV or as an Excel workbook."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from marketplace.audit import AuditKind, audit
from marketplace.refusals import refused
from marketplace.replica import reads_replica
from orders.exports.export import Export
from orders.exports.options import Options, WrongParameter
from orders.filters import FEW, OrderFilter
from orders.models import ExportLog, Order
from orders.models.exports import NAMES_A_PERSON
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission
from vendors.scope import inside

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Asked:
    """An export and how its orders were chosen, as its row in the log and its entry of the audit tell.

    ``filters`` is empty where it is of all orders of the shop.
    """

    export: Export
    filters: str
    told: dict[str, Any]


@require_GET
@never_cache
@vendor_required(Permission.EXPORT)
@reads_replica
def export_csv(request: VendorRequest) -> HttpResponseBase:
    """Stream the orders that the filters leave, as CSV."""
    try:
        return _csv(request, _asked_for(request))
    except WrongParameter as wrong:
        return _refused(request, wrong)


@require_GET
@never_cache
@vendor_required(Permission.EXPORT)
@reads_replica
def export_xlsx(request: VendorRequest) -> HttpResponseBase:
    """Send the orders that the filters leave, as an Excel workbook."""
    try:
        return _xlsx(request, _asked_for(request))
    except WrongParameter as wrong:
        return _refused(request, wrong)


@never_cache
@reads_replica
def export_ticked(request: VendorRequest, kind: str, orders: QuerySet[Order], count: int) -> HttpResponseBase:
    """Send these ``count`` orders of the shop as the usual file of its ``kind``: ``csv`` or ``xlsx``."""
    export = Export(orders, Options.of(QueryDict()), vendor=request.vendor)
    told = {"filters": [], "ticked": True, "orders": count}
    return KINDS[kind](request, Asked(export, f"ticked={count}", told))


def _csv(request: VendorRequest, asked: Asked) -> HttpResponseBase:
    options = asked.export.options
    log = _log(request, asked, f"csv {options.rows} {options.dialect} {options.headers}")
    stream = inside(request.vendor.pk, asked.export.csv(log))
    return StreamingHttpResponse(stream, CSV, headers=_attachment(request, asked, "csv"))


def _xlsx(request: VendorRequest, asked: Asked) -> HttpResponseBase:
    options = asked.export.options
    log = _log(request, asked, f"xlsx {options.rows} {options.headers}")
    file = asked.export.xlsx()
    headers = {**_attachment(request, asked, "xlsx"), "Content-Length": str(file.tell())}
    stream = inside(request.vendor.pk, asked.export.sent(file, log))
    return StreamingHttpResponse(stream, content_type=XLSX, headers=headers)


KINDS = {"csv": _csv, "xlsx": _xlsx}


def _asked_for(request: VendorRequest) -> Asked:
    """Return what the query string asks for; raises WrongParameter."""
    options = Options.of(request.GET)
    order_filter = OrderFilter(
        request.GET,
        queryset=Order.objects.for_vendor(request.vendor),
        vendor=request.vendor,
        may_see_amounts=request.may["view_amounts"],
    )
    for name, errors in order_filter.form.errors.items():
        raise WrongParameter(str(order_filter.form[name].label), str(errors[0]))
    export = Export(
        order_filter.selection,
        options,
        vendor=request.vendor,
        are_many=lambda: order_filter.summary.orders > FEW,
    )
    asked = {name: request.GET[name] for name in order_filter.values}
    filters = urlencode({name: "*" if name in NAMES_A_PERSON else asked[name] for name in asked}, safe="*")
    return Asked(export, filters, {"filters": sorted(order_filter.values)})


def _refused(request: VendorRequest, wrong: WrongParameter) -> HttpResponse:
    return refused(request, str(wrong), 400, back=reverse("orders:list", args=[request.vendor.slug]))


def _log(request: VendorRequest, asked: Asked, file_format: str) -> ExportLog:
    log = ExportLog.objects.create(
        vendor=request.vendor, user=request.user, format=file_format, filters=asked.filters[:500]
    )
    audit(
        AuditKind.EXPORTED,
        by=request.user,
        vendor=request.vendor,
        subject=log,
        format=file_format,
        **asked.told,
    )
    return log


def _attachment(request: VendorRequest, asked: Asked, suffix: str) -> dict[str, str]:
    selection = "-selection" if asked.filters else ""
    name = f"commandes-{request.vendor.slug}-{timezone.localdate()}{selection}.{suffix}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
