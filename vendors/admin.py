"""Shops, their teams and shelves, for the marketplace's staff."""

from typing import Any, cast

from allauth.account.decorators import secure_admin_login
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.admin import OfficeAdmin, ReadOnlyAdmin, ReadOnlyInline, confirmation
from marketplace.office_lists import WithSearchedSelects
from vendors import access, account_admin, people_admin  # noqa: F401  (they register themselves)
from vendors.domain import office
from vendors.domain.identity import change_identity
from vendors.domain.mandate import mandate_of
from vendors.domain.team import TeamRefused
from vendors.models import (
    IdentityChange,
    Invitation,
    LegalIdentity,
    MandateStep,
    Membership,
    Product,
    User,
    VatChange,
    Vendor,
)
from vendors.roles import Role

admin.site.site_header = _("Comptoir: the marketplace’s office")
admin.site.site_title = _("Comptoir")
admin.site.index_title = _("Administration")
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


OPENING = _("The teams reach their orders again.")
CLOSING = _("The teams lose their pages at once. Orders go on coming in, and documents are kept.")


class TeamFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """A shop that has an owner who may sign in keeps one, whatever the office changes."""

    def clean(self) -> None:
        super().clean()
        data = [(form, getattr(form, "cleaned_data", {})) for form in self.forms]
        if any(form.instance.pk and "user" in form.changed_data for form, _values in data):
            raise ValidationError(_("A place keeps its person: remove it and add one for the other person."))
        leaving = [form for form, values in data if form.initial.get("role") == Role.OWNER != _role(values)]
        staying = [
            values for _form, values in data if _role(values) == Role.OWNER and values["user"].is_active
        ]
        if leaving and not staying:
            raise ValidationError(_("A shop keeps an owner: nothing was changed."))


def _role(values: dict[str, Any]) -> str:
    """The role that a place of the team is to have; "" for one that is given up, or not filled in."""
    is_given_up = values.get("DELETE") or not values.get("user")
    return "" if is_given_up else str(values.get("role", ""))


class MembershipInline(WithSearchedSelects, admin.TabularInline):  # type: ignore[type-arg]
    """The team; what is changed here is done by the same functions as on the shop's own page."""

    model = Membership
    formset = TeamFormSet
    extra = 0
    fields = ["user", "role", "since"]
    readonly_fields = ["since"]
    autocomplete_fields = ["user"]


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
class VendorAdmin(OfficeAdmin):
    list_display = ["name", "slug", "is_active", "commission_rate", "confirms_payments"]
    list_filter = ["is_active", "confirms_payments"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["created_at", "is_active", "mandate"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "is_active", "created_at", "time_zone"]}),
        (
            _("Commission and grants"),
            {"fields": ["commission_rate", "commission_fixed", "confirms_payments"]},
        ),
        (_("Invoices in the shop’s name"), {"fields": ["mandate", "issues_on_completion"]}),
        (
            _("How the shop works"),
            {
                "fields": [
                    "late_after_days",
                    "low_stock_at",
                    "completes_on_last_parcel",
                    "attaches_documents",
                    "pickup_address",
                    "pickup_hours",
                ]
            },
        ),
    ]
    inlines = [LegalIdentityInline, MembershipInline, MandateStepInline, IdentityChangeInline]
    actions = ["close_shops", "open_shops"]
    change_form_template = "admin/vendors/vendor/change_form.html"

    @admin.display(description=_("mandate"))
    def mandate(self, shop: Vendor) -> str:
        """Since when the marketplace may issue for the shop, and who said so; the shop alone changes it."""
        step = mandate_of(shop) if shop.pk else None
        if step is None:
            return gettext("None: the marketplace may not issue invoices in the shop’s name.")
        facts = {"at": date_format(timezone.localtime(step.at), "DATETIME_FORMAT"), "by": step.by}
        return gettext("Accepted on %(at)s by %(by)s, in the words of %(version)s.") % {
            **facts,
            "version": step.version,
        }

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Write the team and a legal identity by the domain, so that its trail has them; the rest as ever."""
        if formset.model is Membership:
            formset.save(commit=False)
            office.change_team(
                formset.instance,
                placed=formset.new_objects,
                changed=[member for member, _names in formset.changed_objects],
                removed=formset.deleted_objects,
                by=cast(User, request.user),
                at=timezone.now(),
            )
            return
        if formset.model is not LegalIdentity:
            super().save_formset(request, form, formset, change)
            return
        for identity in formset.save(commit=False):
            if identity.pk is None:  # empty at first: each value is then a change
                identity.pk = LegalIdentity.objects.create(vendor=identity.vendor).pk
                identity._state.adding = False
            edited = next(one for one in formset.forms if one.instance is identity)
            values = {name: getattr(identity, name) for name in edited.changed_data}
            change_identity(identity, values, by=cast(User, request.user), at=timezone.now())

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the shop; a team that changed meanwhile is told, and nothing is saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except TeamRefused as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A shop is closed, never deleted: its orders and invoices must be kept."""
        return False

    def get_urls(self) -> list[Any]:
        see_as = path("<int:pk>/see-as/", self.admin_site.admin_view(self.see_as), name="see_as_shop")
        return [see_as, *super().get_urls()]

    @admin.action(description=_("Close the selected shops…"), permissions=["change"])
    def close_shops(self, request: HttpRequest, shops: QuerySet[Vendor]) -> HttpResponse | None:
        """Take the pages away from the teams, after asking; orders go on coming in."""
        return self._confirm(request, shops, is_active=False)

    @admin.action(description=_("Open the selected shops…"), permissions=["change"])
    def open_shops(self, request: HttpRequest, shops: QuerySet[Vendor]) -> HttpResponse | None:
        """Give the pages back to the teams, after asking."""
        return self._confirm(request, shops, is_active=True)

    def _confirm(
        self, request: HttpRequest, shops: QuerySet[Vendor], *, is_active: bool
    ) -> HttpResponse | None:
        reason = request.POST.get("reason", "").strip()
        if "confirmed" not in request.POST or not reason:
            return confirmation(
                self,
                request,
                title=str(_("Open shops") if is_active else _("Close shops")),
                warning=str(OPENING if is_active else CLOSING),
                action="open_shops" if is_active else "close_shops",
                rows=shops,
            )
        for shop in shops:
            office.set_open(shop, is_active, by=cast(User, request.user), reason=reason)
        self.message_user(request, _("Done, and written in the audit."))
        return None

    def see_as(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let support read the shop's pages for an hour; the owners are told."""
        shop = get_object_or_404(Vendor, pk=pk)
        reason = request.POST.get("reason", "").strip()
        if not self.has_change_permission(request, shop):
            raise PermissionDenied
        if request.method != "POST" or not reason:
            return redirect("admin:vendors_vendor_change", pk)
        office.see_as(shop, by=cast(User, request.user), reason=reason, at=timezone.now())
        access.allow_sight(request, shop)
        return redirect("orders:list", slug=shop.slug)


@admin.register(IdentityChange)
class IdentityChangeAdmin(ReadOnlyAdmin):
    list_display = ["at", "vendor", "by", "field", "before", "after"]
    list_select_related = ["vendor", "by"]
    search_fields = ["vendor__slug__exact"]
    ordering = ["-id"]


@admin.register(MandateStep)
class MandateStepAdmin(ReadOnlyAdmin):
    list_display = ["at", "vendor", "by", "version", "is_accepted"]
    list_select_related = ["vendor", "by"]
    search_fields = ["vendor__slug__exact"]
    ordering = ["-id"]


@admin.register(VatChange)
class VatChangeAdmin(ReadOnlyAdmin):
    """Changed on the shop's own page, where the trail has it."""

    list_display = ["identity", "starts_on", "regime"]
    list_select_related = ["identity__vendor"]


@admin.register(Product)
class ProductAdmin(OfficeAdmin):
    list_display = ["name", "sku", "vendor", "price", "stock"]
    sortable_by = ()
    list_select_related = ["vendor"]
    search_fields = ["sku__exact", "vendor__slug__exact"]
    search_help_text = _("A SKU, or a shop’s address; exactly.")
    ordering = ["-id"]
    autocomplete_fields = ["vendor"]
    readonly_fields = ["stock", "counted_at", "external_id"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Order lines and stock movements name products."""
        return False


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ["email", "vendor", "role", "invited_by", "invited_at", "accepted_at", "revoked_at"]
    list_select_related = ["vendor", "invited_by"]
    search_fields = ["email__exact", "vendor__slug__exact"]
    ordering = ["-id"]
