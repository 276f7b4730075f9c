"""The files a shop takes out: its orders as CSV or as an Excel workbook."""

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
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


@require_GET
@never_cache
@vendor_required(Permission.EXPORT)
@reads_replica
def export_csv(request: VendorRequest) -> HttpResponseBase:
    """Stream the orders that the filters leave, as CSV."""
    try:
        export, order_filter = _asked_for(request)
    except WrongParameter as wrong:
        return _refused(request, wrong)
    options = export.options
    log = _log(request, order_filter, f"csv {options.rows} {options.dialect} {options.headers}")
    stream = inside(request.vendor.pk, export.csv(log))
    return StreamingHttpResponse(stream, CSV, headers=_attachment(request, order_filter, "csv"))


@require_GET
@never_cache
@vendor_required(Permission.EXPORT)
@reads_replica
def export_xlsx(request: VendorRequest) -> HttpResponseBase:
    """Send the orders that the filters leave, as an Excel workbook."""
    try:
        export, order_filter = _asked_for(request)
    except WrongParameter as wrong:
        return _refused(request, wrong)
    log = _log(request, order_filter, f"xlsx {export.options.rows} {export.options.headers}")
    file = export.xlsx()
    headers = {**_attachment(request, order_filter, "xlsx"), "Content-Length": str(file.tell())}
    stream = inside(request.vendor.pk, export.sent(file, log))
    return StreamingHttpResponse(stream, content_type=XLSX, headers=headers)


def _asked_for(request: VendorRequest) -> tuple[Export, OrderFilter]:
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
    return export, order_filter


def _refused(request: VendorRequest, wrong: WrongParameter) -> HttpResponse:
    return refused(request, str(wrong), 400, back=reverse("orders:list", args=[request.vendor.slug]))


def _log(request: VendorRequest, order_filter: OrderFilter, file_format: str) -> ExportLog:
    asked = {name: request.GET[name] for name in order_filter.values}
    filters = urlencode({name: "*" if name in NAMES_A_PERSON else asked[name] for name in asked}, safe="*")
    log = ExportLog.objects.create(
        vendor=request.vendor, user=request.user, format=file_format, filters=filters[:500]
    )
    audit(
        AuditKind.EXPORTED,
        by=request.user,
        vendor=request.vendor,
        subject=log,
        format=file_format,
        filters=sorted(order_filter.values),
    )
    return log


def _attachment(request: VendorRequest, order_filter: OrderFilter, suffix: str) -> dict[str, str]:
    selection = "-selection" if order_filter.values else ""
    name = f"commandes-{request.vendor.slug}-{timezone.localdate()}{selection}.{suffix}"
    return {"Content-Disposition": f'attachment; filename="{name}"'}
