"""What people sign in with, for the marketplace's staff: to look at, and to end."""

from importlib import import_module
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from marketplace.admin import OfficeAdmin, ReadOnlyAdmin
from marketplace.audit import AuditKind, audit
from vendors.models import User
from vendors.people_admin import may_touch

# The libraries' own pages, which are replaced here; imported again they do nothing.
for library in ("django.contrib.auth", "allauth.account", "allauth.mfa", "allauth.usersessions"):
    import_module(f"{library}.admin")
for registered in (Group, EmailAddress, Authenticator, UserSession):
    admin.site.unregister(registered)


@admin.register(Group)
class RightsAdmin(OfficeAdmin, GroupAdmin):
    """Groups of rights that staff is given, changed by superusers alone; each change stands in the audit."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return cast(User, request.user).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return cast(User, request.user).is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return cast(User, request.user).is_superuser


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    list_display = ["email", "user", "primary", "verified"]
    list_select_related = ["user"]
    search_fields = ["email__exact"]
    ordering = ["-id"]


class EndedByOffice(ReadOnlyAdmin):
    """Rows that the office may end, after Django's own page that asks; what it does stands in the audit."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the row may be ended: those of the staff by superusers alone."""
        label = f"{self.opts.app_label}.delete_{self.opts.model_name}"
        return request.user.has_perm(label) and (obj is None or may_touch(request, obj.user))

    def end(self, row: Any) -> str:
        """End one row; return what it was, for the audit."""
        raise NotImplementedError

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """End the row and write who did it."""
        if not self.has_delete_permission(request, obj):
            raise PermissionDenied
        person, what = obj.user, self.end(obj)
        audit(
            AuditKind.ACCOUNT_CHANGED, by=cast(User, request.user), subject=person, request=request, what=what
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """The same for each of the chosen rows."""
        for row in queryset.select_related("user"):
            self.delete_model(request, row)


@admin.register(Authenticator)
class AuthenticatorAdmin(EndedByOffice):
    """Second factors, without their secrets: one that a person has lost is taken away here."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_select_related = ["user"]
    list_filter = ["type"]
    search_fields = ["user__email__exact"]
    ordering = ["-id"]
    fields = ["user", "type", "created_at", "last_used_at"]

    def end(self, row: Authenticator) -> str:
        """Take the second factor away and tell the person by mail."""
        template = {"totp": "totp_deactivated", "webauthn": "webauthn_removed"}.get(row.type)
        row.delete()
        if template:
            get_adapter().send_notification_mail(f"mfa/email/{template}", row.user)
        return f"{row.type} taken away"


@admin.register(UserSession)
class UserSessionAdmin(EndedByOffice):
    """Who is signed in where; ending one signs the person out there."""

    list_display = ["user", "created_at", "last_seen_at", "ip", "user_agent"]
    list_select_related = ["user"]
    search_fields = ["user__email__exact"]
    ordering = ["-id"]
    fields = ["user", "created_at", "last_seen_at", "ip", "user_agent"]

    def end(self, row: UserSession) -> str:
        row.end()
        return "session ended"
