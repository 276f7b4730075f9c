"""The marketplace's office: what every admin page shares, and the mails."""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from marketplace.audit import AuditKind, audit, changes, values_of
from marketplace.models import AuditEntry, OutgoingEmail

SECRETS = {"password", "secret_encrypted", "consumer_key_encrypted", "consumer_secret_encrypted"}


class CappedPaginator(Paginator[Any]):
    """Pages that never count a whole table: beyond ``MOST`` rows the count says ``MOST``."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most ``MOST``."""
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[: self.MOST].count()


class OfficeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What every page of the office shares: no count over a table, and every change in the audit."""

    show_full_result_count = False
    paginator = CappedPaginator

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and write the columns that changed into the audit, before and after."""
        names = [name for name in form.changed_data if name in {f.name for f in obj._meta.concrete_fields}]
        old = type(obj)._base_manager.filter(pk=obj.pk).first() if change else None
        before = values_of(old, names) if old else {}
        super().save_model(request, obj, form, change)
        changed = changes(before, values_of(type(obj)._base_manager.get(pk=obj.pk), names))
        said = {name: ["…", "…"] if name in SECRETS else values for name, values in changed.items()}
        by = cast(AbstractBaseUser, request.user)
        audit(AuditKind.OFFICE_CHANGED, by=by, vendor=_shop_of(obj), subject=obj, changes=said)


class ReadOnlyAdmin(OfficeAdmin):
    """Rows to look at: what changes them is the domain, never a form."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _shop_of(row: Any) -> Any:
    """The shop that a row is or belongs to; None for others."""
    return row if row._meta.model_name == "vendor" else getattr(row, "vendor", None)


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows of an order, to look at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def confirmation(
    page: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    *,
    title: str,
    warning: str,
    action: str,
    rows: Iterable[Any],
    reason: str = "",
) -> HttpResponse:
    """The page between a dangerous action and its effect: what it does, to which rows, and why."""
    context = {
        **page.admin_site.each_context(request),
        "opts": page.model._meta,
        "title": title,
        "warning": warning,
        "action": action,
        "rows": rows,
        "reason": reason,
        "is_missing": "confirmed" in request.POST,
    }
    return render(request, "admin/confirm.html", context)


@admin.register(OutgoingEmail)
class OutgoingEmailAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "state", "template", "to", "subject", "attempts", "sent_at"]
    list_filter = ["state"]
    search_fields = ["to__exact", "topic__exact"]
    search_help_text = _("An address, or a topic such as order:42; exactly.")
    ordering = ["-id"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Searchable by person, shop (exact address) and subject."""

    list_display = ["at", "kind", "user", "vendor", "subject", "address", "details"]
    list_filter = ["kind"]
    list_select_related = ["user", "vendor"]
    search_fields = ["subject__exact", "user__email__exact", "vendor__slug__exact"]
    search_help_text = _("An e-mail address, a shop’s address, or a subject such as order:42; exactly.")
    ordering = ["-id"]
    list_per_page = 50

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> str:
        """The entry's data on one line."""
        return ", ".join(f"{name}: {value}" for name, value in entry.data.items())[:200]
