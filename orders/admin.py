"""Orders for the marketplace's staff: everything can be looked at, and only the domain changes it."""

from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from marketplace.admin import ReadOnlyAdmin, ReadOnlyInline
from orders.domain.stock import OutOfStock
from orders.domain.transitions import StepRefused, change_status
from orders.models import (
    BulkItem,
    BulkJob,
    Customer,
    DeliveryNote,
    Document,
    DocumentSeries,
    ExchangeRate,
    ExportLog,
    HistoryEntry,
    Note,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    Shipment,
    ShipmentLine,
    Source,
    SourceVendor,
    StockMovement,
)
from orders.states import OrderStatus
from vendors.models import User


class OrderLineInline(ReadOnlyInline):
    model = OrderLine
    fields = ["position", "kind", "sku", "name", "quantity", "total", "commission", "held", "refunded_total"]


class HistoryInline(ReadOnlyInline):
    model = HistoryEntry
    fields = ["at", "kind", "actor", "user", "source", "old_status", "new_status", "data"]


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ["at", "amount", "commission_given_back", "is_spread", "external_id", "by", "source"]


class ShipmentInline(ReadOnlyInline):
    model = Shipment
    fields = ["number", "carrier", "tracking_number", "shipped_at", "created_by"]


def _move_to(to: OrderStatus, page: "OrderAdmin", request: HttpRequest, queryset: QuerySet[Order]) -> None:
    """Take each order to ``to`` by the same function as everybody; say which were refused, and why."""
    moved = 0
    for order in queryset.order_by("pk"):
        try:
            moved += bool(change_status(order, to, by=cast(User, request.user), at=timezone.now(), note=""))
        except (StepRefused, OutOfStock) as refusal:
            messages.error(request, str(refusal))
    if moved:
        text = ngettext("%(n)s order is now “%(to)s”.", "%(n)s orders are now “%(to)s”.", moved)
        messages.success(request, text % {"n": moved, "to": to.label})


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = [
        "number",
        "vendor",
        "status",
        "stage",
        "refund_state",
        "total",
        "currency",
        "customer_name",
        "placed_at",
    ]
    list_filter = ["status", "refund_state"]
    list_select_related = ["vendor"]
    search_fields = ["number", "external_id", "basket_number", "customer_email"]
    ordering = ["-id"]
    list_per_page = 50
    inlines = [OrderLineInline, ShipmentInline, RefundInline, HistoryInline]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One action per state; ``refunded`` is reached by refunds only."""
        if not request.user.has_perm("orders.change_order"):
            return {}
        return {
            f"move_to_{to.value}": (
                partial(_move_to, to),
                f"move_to_{to.value}",
                _("Change to “%(status)s”") % {"status": to.label},
            )
            for to in OrderStatus
            if to != OrderStatus.REFUNDED
        }


@admin.register(HistoryEntry)
class HistoryEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "order", "kind", "actor", "user", "source", "old_status", "new_status"]
    list_filter = ["kind", "actor"]
    list_select_related = ["order", "user", "source"]
    search_fields = ["order__number"]
    ordering = ["-id"]


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ["name", "email", "vendor", "external_id", "created_at"]
    list_select_related = ["vendor"]
    search_fields = ["name", "email"]


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    list_display = ["at", "product", "units", "cause", "by"]
    list_select_related = ["product", "by"]
    search_fields = ["product__sku", "product__name", "cause"]


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = ["number", "vendor", "order", "issued_on", "total", "currency", "sha256"]
    list_select_related = ["vendor", "order"]
    list_filter = ["kind", "year"]
    search_fields = ["number"]
    exclude = ["pdf"]
    readonly_fields = ["previous_hash", "chain_hash"]


@admin.register(DocumentSeries)
class DocumentSeriesAdmin(ReadOnlyAdmin):
    list_display = ["vendor", "kind", "year", "last_number", "last_issued_on"]
    list_select_related = ["vendor"]


@admin.register(ExchangeRate)
class ExchangeRateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Entered by the marketplace; documents hold the rate they were issued with."""

    list_display = ["currency", "on", "euros"]
    list_filter = ["currency"]
    date_hierarchy = "on"
    ordering = ["-on", "currency"]


@admin.register(DeliveryNote)
class DeliveryNoteAdmin(ReadOnlyAdmin):
    list_display = ["number", "order", "dated_on"]
    list_select_related = ["order"]
    search_fields = ["number"]


@admin.register(ExportLog)
class ExportLogAdmin(ReadOnlyAdmin):
    list_display = ["at", "vendor", "user", "format", "filters", "rows"]
    list_select_related = ["vendor", "user"]


class RefundLineInline(ReadOnlyInline):
    model = RefundLine


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ["at", "order", "amount", "commission_given_back", "is_spread", "by", "source"]
    list_select_related = ["order", "by", "source"]
    search_fields = ["order__number", "external_id"]
    inlines = [RefundLineInline]


class ShipmentLineInline(ReadOnlyInline):
    model = ShipmentLine


@admin.register(Shipment)
class ShipmentAdmin(ReadOnlyAdmin):
    list_display = ["order", "number", "carrier", "tracking_number", "shipped_at"]
    list_select_related = ["order"]
    search_fields = ["order__number", "tracking_number"]
    inlines = [ShipmentLineInline]


@admin.register(Note)
class NoteAdmin(ReadOnlyAdmin):
    list_display = ["written_at", "order", "written_by", "is_for_customer", "text"]
    list_select_related = ["order", "written_by"]


class BulkItemInline(ReadOnlyInline):
    model = BulkItem


@admin.register(BulkJob)
class BulkJobAdmin(ReadOnlyAdmin):
    list_display = ["asked_at", "vendor", "action", "asked_by", "finished_at"]
    list_select_related = ["vendor", "asked_by"]
    inlines = [BulkItemInline]


class SourceVendorInline(admin.TabularInline):  # type: ignore[type-arg]
    model = SourceVendor
    extra = 0
    autocomplete_fields = ["vendor"]


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "slug", "created_at"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [SourceVendorInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Orders name their storefront."""
        return False
