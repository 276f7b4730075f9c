"""The marketplace's office: what every admin page shares, and the mails."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from marketplace.models import AuditEntry, OutgoingEmail


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows to look at: what changes them is the domain, never a form."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows of an order, to look at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(OutgoingEmail)
class OutgoingEmailAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "state", "template", "to", "subject", "attempts", "sent_at"]
    list_filter = ["state", "template"]
    search_fields = ["to", "topic"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Searchable by person, shop (exact address) and subject."""

    list_display = ["at", "kind", "user", "vendor", "subject", "address", "details"]
    list_filter = ["kind"]
    list_select_related = ["user", "vendor"]
    search_fields = ["=subject", "=user__email", "=vendor__slug"]
    search_help_text = _("An e-mail address, a shop’s address, or a subject such as order:42; exactly.")
    ordering = ["-id"]
    list_per_page = 50

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> str:
        """The entry's data on one line."""
        return ", ".join(f"{name}: {value}" for name, value in entry.data.items())[:200]
