"""What the audit knows of signing in and out: Django's and allauth's signals, written down."""

from typing import Any

from allauth.account import signals as account
from django.contrib.auth import signals as auth
from django.dispatch import receiver
from django.http import HttpRequest

from marketplace.audit import AuditKind, audit
from vendors.models import User


@receiver(auth.user_logged_in)
def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    audit(AuditKind.SIGNED_IN, by=user, subject=user, request=request)


@receiver(auth.user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        audit(AuditKind.SIGNED_OUT, by=user, subject=user, request=request)


@receiver(auth.user_login_failed)
def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Name the account where there is one; what a stranger typed is never kept."""
    typed = str(credentials.get("email") or credentials.get("username") or "")
    person = User.objects.filter(email=typed.strip().lower()).first() if typed else None
    audit(AuditKind.SIGN_IN_FAILED, by=None, subject=person or "", request=request)


@receiver([account.password_changed, account.password_set])
def password_changed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    audit(AuditKind.ACCOUNT_CHANGED, by=user, subject=user, request=request, what="password")


@receiver(account.password_reset)
def password_reset(request: HttpRequest, user: User, **kwargs: Any) -> None:
    audit(AuditKind.ACCOUNT_CHANGED, by=None, subject=user, request=request, what="password by mail")
