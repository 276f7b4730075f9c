"""The marketplace's office: what every admin page shares, and the mails."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_tasks_db.models import DBTaskResult

from marketplace.audit import AuditKind, audit
from marketplace.mail import opens_an_account
from marketplace.models import AuditEntry, OutgoingEmail
from marketplace.office_audit import WrittenDown, shop_of
from marketplace.office_lists import CappedPaginator, OrderedList, WithSearchedSelects, by_date, found_exactly
from marketplace.queue import run_again


class OfficeAdmin(WithSearchedSelects, WrittenDown):
    """What every page of the office shares: no count over a table, and every change in the audit."""

    show_full_result_count = False
    paginator = CappedPaginator
    linked_by: tuple[str, ...] = ()  # what links of other pages narrow it by

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[OrderedList]:
        return OrderedList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by index where all of ``search_fields`` are exact ones."""
        names = [str(name) for name in self.get_search_fields(request)]
        text = search_term.strip()
        if "\0" in text:  # PostgreSQL's texts have none
            return queryset.none(), False
        if not text or not all(name.endswith("__exact") for name in names):
            return super().get_search_results(request, queryset, text)
        return found_exactly(queryset, [name.removesuffix("__exact") for name in names], text), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Show the list; parameters that no database takes lead back to it."""
        if any("\0" in value for values in dict(request.GET.lists()).values() for value in values):
            return redirect(f"{request.path}?e=1")
        return super().changelist_view(request, extra_context)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Narrow a list by its own filters alone, and by what links of other pages ask.

        Django takes any column, shown or not: whoever may look at a list could guess the words of a
        secret in it letter by letter, or search millions of rows without an index.
        """
        names = [getattr(each, "parameter_name", each) for each in self.list_filter]
        offered = {f"{name}{end}" for name in names for end in ("", "__exact", "__id__exact")}
        return lookup in offered or lookup in self.linked_by


class ReadOnlyAdmin(OfficeAdmin):
    """Rows to look at: what changes them is the domain, never a form."""

    sortable_by = ()

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SeenIsWritten(ReadOnlyAdmin):
    """Rows with a customer's data: whoever of the staff opens a list or a row of them stands in the audit.

    Of a list it says how many rows were shown and by what they were narrowed, never the words.
    """

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        shown = (getattr(response, "context_data", None) or {}).get("cl")
        if shown is not None:
            audit(
                AuditKind.CUSTOMER_SEEN,
                by=cast(AbstractBaseUser, request.user),
                subject=self.opts.model_name or "",
                rows=len(shown.result_list),
                filters=sorted(request.GET),
            )
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context["original"]
        by = cast(AbstractBaseUser, request.user)
        audit(AuditKind.CUSTOMER_SEEN, by=by, vendor=shop_of(row), subject=row)
        return super().render_change_form(request, context, *args, **kwargs)


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows of an order, to look at."""

    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows with what their columns name of other tables: one query, however many."""
        columns = [field.name for field in self.model._meta.fields if field.is_relation]
        shown = [name for name in columns if self.fields is None or name in self.fields]
        return super().get_queryset(request).select_related(*shown)

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
class OutgoingEmailAdmin(SeenIsWritten):
    list_display = ["created_at", "state", "template", "to", "subject", "attempts", "sent_at"]
    list_filter = ["state", by_date("created_at")]
    search_fields = ["to__exact", "topic__exact"]
    search_help_text = _("An address, or a topic such as order:42; exactly.")
    ordering = ["-created_at", "-id"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The columns; of a mail that opens an account not its words, so that nobody reads the link in it."""
        fields = super().get_fields(request, obj)
        is_secret = obj is None or opens_an_account(obj)
        return [name for name in fields if not (is_secret and name in ("text", "html"))]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Searchable by person, shop (exact address) and subject."""

    list_display = ["at", "kind", "user", "vendor", "subject", "address", "details"]
    list_filter = ["kind", by_date("at")]
    list_select_related = ["user", "vendor"]
    search_fields = ["subject__exact", "user__email__exact", "vendor__slug__exact"]
    search_help_text = _("An e-mail address, a shop’s address, or a subject such as order:42; exactly.")
    ordering = ["-at", "-id"]
    list_per_page = 50

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> str:
        """The entry's data on one line."""
        return ", ".join(f"{name}: {value}" for name, value in entry.data.items())[:200]


import_module("django_tasks_db.admin")  # the library's own page, which is replaced here
admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(ReadOnlyAdmin):
    """What the worker has done and has to do; what it gave up can be run again."""

    list_display = [
        "enqueued_at",
        "task_name",
        "status",
        "attempts",
        "run_after",
        "finished_at",
        "queue_name",
    ]
    list_filter = ["status"]
    ordering = ["-enqueued_at"]
    fields = [
        *("task_name", "args_kwargs", "status", "queue_name", "priority", "worker_ids"),
        *("enqueued_at", "run_after", "started_at", "finished_at", "exception_class_path", "traceback"),
    ]
    actions = ["run_again"]

    @admin.display(description=_("attempts"))
    def attempts(self, task: Any) -> int:
        return len(task.worker_ids)

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_tasks_database.change_dbtaskresult")

    @admin.action(description=_("Run again"), permissions=["run"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Put the chosen tasks that were given up back into the queue."""
        by = cast(AbstractBaseUser, request.user)
        again = run_again(queryset)
        audit(AuditKind.OFFICE_CHANGED, by=by, subject="queue", run_again=again)
        text = ngettext("%(n)s task is run again.", "%(n)s tasks are run again.", again)
        messages.success(request, text % {"n": again})
