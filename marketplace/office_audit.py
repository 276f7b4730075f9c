"""What the office changes, before and after: columns, lists of rights, rows below, deletions."""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from marketplace.audit import AuditKind, audit, changes, values_of

SECRETS = {"password", "secret_encrypted", "consumer_key_encrypted", "consumer_secret_encrypted"}
Values = dict[str, Any]


class WrittenDown(admin.ModelAdmin):  # type: ignore[type-arg]
    """A page of the office whose every change stands in the audit, in the transaction of the change."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the row; what it was is remembered for ``save_related``, which comes after it."""
        form.was = stored(obj, form.changed_data) if change else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the lists and the rows below, then write what the row has become."""
        super().save_related(request, form, formsets, change)
        write_down(request, form.instance, form.was, stored(form.instance, form.changed_data))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save rows below the page's own, and write each that was added, changed or deleted."""
        was = {
            each.instance.pk: stored(each.instance, columns_of(each.instance))
            for each in formset.initial_forms
            if each.has_changed() or each in formset.deleted_forms
        }
        gone = {id(each.instance): each.instance.pk for each in formset.deleted_forms}
        super().save_formset(request, form, formset, change)
        for row in formset.deleted_objects:
            pk = gone[id(row)]
            write_down(request, row, was[pk], {}, pk=pk)
        for row, names in formset.changed_objects:
            before = {name: was[row.pk][name] for name in names if name in was[row.pk]}
            write_down(request, row, before, stored(row, names))
        for row in formset.new_objects:
            write_down(request, row, {}, stored(row, columns_of(row)))

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete the row, and write what it was."""
        pk, was = obj.pk, stored(obj, columns_of(obj))
        super().delete_model(request, obj)
        write_down(request, obj, was, {}, pk=pk)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """The same for each of the chosen rows."""
        for row in queryset:
            self.delete_model(request, row)


def write_down(request: HttpRequest, row: Model, was: Values, now: Values, *, pk: Any = None) -> None:
    """Write one row of the office's change; nothing where nothing differs. ``pk`` is a deleted row's."""
    changed = changes(was, now)
    if not changed:
        return
    said = {name: ["…", "…"] if name in SECRETS else values for name, values in changed.items()}
    audit(
        AuditKind.OFFICE_CHANGED,
        by=cast(AbstractBaseUser, request.user),
        vendor=shop_of(row),
        subject=f"{row._meta.model_name}:{pk or row.pk}",
        request=request,
        changes=said,
    )


def columns_of(row: Model) -> list[str]:
    """Return the names of what a row itself holds, with its lists of other rows."""
    fields = [*row._meta.concrete_fields, *row._meta.many_to_many]
    return [field.name for field in fields if not field.primary_key]


def stored(row: Model, names: Iterable[str]) -> Values:
    """Return what the database holds of ``row`` under ``names``; a list by the keys of its rows."""
    kept = type(row)._base_manager.get(pk=row.pk)
    known = set(names)
    columns = [field.name for field in row._meta.concrete_fields if field.name in known]
    lists = [field.name for field in row._meta.many_to_many if field.name in known]
    keys = {name: sorted(_key(one) for one in getattr(kept, name).all()) for name in lists}
    return {**values_of(kept, columns), **keys}


def _key(row: Any) -> str:
    """A row of a list in words that stay: ``change_order/orders/order``; its number where it has none."""
    return "/".join(row.natural_key()) if hasattr(row, "natural_key") else str(row.pk)


def shop_of(row: Any) -> Any:
    """The shop that a row is or belongs to, itself or by its order; None for others."""
    if row._meta.model_name == "vendor":
        return row
    return getattr(row, "vendor", None) or getattr(getattr(row, "order", None), "vendor", None)
