"""Storefronts, what they sent, and what could not be taken, for the marketplace's staff."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from marketplace.admin import ReadOnlyAdmin
from orders.models import Delivery, ReportedOrder, Source, SourceVendor


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


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["received_at", "source", "topic", "external_id", "state"]
    exclude = ["body"]


@admin.register(ReportedOrder)
class ReportedOrderAdmin(ReadOnlyAdmin):
    list_display = ["source", "external_id", "order", "is_trashed", "undecidable", "differences"]
    list_select_related = ["source", "order"]
    fields = ["source", "external_id", "order", "is_trashed", "undecidable", "differences"]
