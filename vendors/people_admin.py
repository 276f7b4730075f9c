"""People, for the marketplace's staff: who may sign in, and who of the staff may do what."""

from typing import Any, cast

from allauth.account.adapter import get_adapter
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.admin import OfficeAdmin
from marketplace.audit import AuditKind, audit
from vendors.domain import team
from vendors.models import Membership, User

RIGHTS = ["is_staff", "is_superuser", "groups", "user_permissions"]


class PersonCreationForm(AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["email", "name"]


class PersonChangeForm(UserChangeForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = "__all__"

    def clean_is_active(self) -> bool:
        """Refuse to close the account of a shop's only owner."""
        is_active = bool(self.cleaned_data["is_active"])
        if self.initial.get("is_active") and not is_active:
            shops = team.shops_without(self.instance)
            if shops:
                names = ", ".join(shop.name for shop in shops)
                raise ValidationError(
                    gettext("%(shops)s would be without an owner: give it another owner first.")
                    % {"shops": names}
                )
        return is_active


class PlaceInline(admin.TabularInline):  # type: ignore[type-arg]
    """The shops of a person, to look at: teams are changed on the shop."""

    model = Membership
    extra = 0
    can_delete = False
    fields = ["vendor", "role", "since"]
    readonly_fields = ["vendor", "role", "since"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(OfficeAdmin, UserAdmin):  # type: ignore[type-arg]
    """Superusers alone give rights and touch accounts of the staff; nobody changes their own rights."""

    form = PersonChangeForm
    add_form = PersonCreationForm
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password", "name", "language"]}),
        (_("Rights"), {"fields": ["is_active", *RIGHTS]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"classes": ["wide"], "fields": ["email", "name", "usable_password", "password1", "password2"]},
        )
    ]
    inlines = [PlaceInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Rights are read by all, and written by superusers on the accounts of others."""
        names = [str(name) for name in super().get_readonly_fields(request, obj)]
        if obj is not None and obj.pk == request.user.pk:
            return [*names, "is_active", *RIGHTS]
        return names if cast(User, request.user).is_superuser else [*names, *RIGHTS]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the account may be changed, its password too."""
        return super().has_change_permission(request, obj) and (obj is None or may_touch(request, obj))

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save; an address written here is the person's own, and a closed account invites nobody."""
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            obj.vouch_for_address()
        if not obj.is_active:
            team.withdraw_invitations_of(obj, by=cast(User, request.user), at=timezone.now())

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Set a person's password: all sessions end, the audit has it, and the person is told by mail."""
        person = self.get_object(request, id)
        before = person.password if person else ""
        response = super().user_change_password(request, id, form_url)
        if person and User.objects.get(pk=person.pk).password != before:
            by = cast(User, request.user)
            audit(AuditKind.ACCOUNT_CHANGED, by=by, subject=person, request=request, what="password")
            get_adapter().send_notification_mail("account/email/password_changed", person)
        return response

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People stand in histories: they are closed (may not sign in), never deleted."""
        return False


def may_touch(request: HttpRequest, person: User) -> bool:
    """Whether the visitor may change this account: those of the staff are for superusers."""
    return cast(User, request.user).is_superuser or not (person.is_staff or person.is_superuser)
