"""Shops and people, for the marketplace's staff."""

from typing import Any, cast

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from marketplace.admin import ReadOnlyAdmin, ReadOnlyInline
from vendors.domain.identity import change_identity
from vendors.models import (
    IdentityChange,
    LegalIdentity,
    MandateStep,
    Membership,
    Product,
    User,
    VatChange,
    Vendor,
)

admin.site.site_header = _("Comptoir: the marketplace’s office")
admin.site.site_title = _("Comptoir")
admin.site.index_title = _("Administration")
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class PersonCreationForm(AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["email", "name"]


class PersonChangeForm(UserChangeForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = "__all__"


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ["user", "vendor"]


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    form = PersonChangeForm
    add_form = PersonCreationForm
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password", "name", "language"]}),
        (_("Rights"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"classes": ["wide"], "fields": ["email", "name", "usable_password", "password1", "password2"]},
        )
    ]
    inlines = [MembershipInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People stand in histories: they are closed (may not sign in), never deleted."""
        return False


class LegalIdentityInline(admin.StackedInline):  # type: ignore[type-arg]
    """A change made here stands in the shop's trail, as one made by its owner does."""

    model = LegalIdentity
    extra = 0
    can_delete = False
    exclude = ["logo_svg", "logo_image"]


class IdentityChangeInline(ReadOnlyInline):
    model = IdentityChange
    fields = ["at", "by", "field", "before", "after"]
    ordering = ["-id"]


class MandateStepInline(ReadOnlyInline):
    model = MandateStep
    fields = ["at", "by", "version", "is_accepted"]
    ordering = ["-id"]


@admin.register(Vendor)
class VendorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "slug", "is_active", "commission_rate", "confirms_payments"]
    list_filter = ["is_active", "confirms_payments"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["created_at"]
    inlines = [LegalIdentityInline, MembershipInline, MandateStepInline, IdentityChangeInline]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Write a legal identity by the domain, so that the trail has it; the rest as ever."""
        if formset.model is not LegalIdentity:
            super().save_formset(request, form, formset, change)
            return
        for identity in formset.save(commit=False):
            if identity.pk is None:
                identity.save()
            edited = next(one for one in formset.forms if one.instance is identity)
            values = {name: getattr(identity, name) for name in edited.changed_data}
            change_identity(identity, values, by=cast(User, request.user), at=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A shop is closed, never deleted: its orders and invoices must be kept."""
        return False


@admin.register(IdentityChange)
class IdentityChangeAdmin(ReadOnlyAdmin):
    list_display = ["at", "vendor", "by", "field", "before", "after"]
    list_select_related = ["vendor", "by"]
    list_filter = ["field"]
    search_fields = ["vendor__slug"]


@admin.register(MandateStep)
class MandateStepAdmin(ReadOnlyAdmin):
    list_display = ["at", "vendor", "by", "version", "is_accepted"]
    list_select_related = ["vendor", "by"]
    search_fields = ["vendor__slug"]


@admin.register(VatChange)
class VatChangeAdmin(ReadOnlyAdmin):
    """Changed on the shop's own page, where the trail has it."""

    list_display = ["identity", "starts_on", "regime"]
    list_select_related = ["identity__vendor"]


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "sku", "vendor", "price", "stock"]
    list_select_related = ["vendor"]
    search_fields = ["name", "sku"]
    autocomplete_fields = ["vendor"]
    readonly_fields = ["stock", "counted_at", "external_id"]
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Order lines and stock movements name products."""
        return False
