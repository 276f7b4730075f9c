"""What the audit knows of signing in and of accounts: Django's and allauth's signals, written down."""

from typing import Any

from allauth.account import signals as account
from allauth.account.models import EmailAddress
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest

from marketplace.audit import AuditKind, audit
from marketplace.networks import network_of
from vendors.models import User

THROTTLED_FOR = 300  # seconds that one row tells of


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
    write_failure(request, person_of(typed))


def person_of(typed: str) -> User | None:
    """The person whose address was typed, if there is one."""
    return User.objects.filter(email=typed.strip().lower()).first() if typed else None


def write_failure(request: HttpRequest | None, person: User | None, **data: Any) -> None:
    """Write one failed attempt on the account of ``person``, None where no account was named."""
    audit(AuditKind.SIGN_IN_FAILED, by=None, subject=person or "", request=request, **data)


def write_throttled(request: HttpRequest, person: User | None) -> None:
    """Write that attempts are not even looked at any more: once in a while, not once for each."""
    key = f"throttled:{person.pk if person else ''}:{network_of(request)}"
    if cache.add(key, True, THROTTLED_FOR):
        write_failure(request, person, what="too many")


@receiver([account.password_changed, account.password_set])
def password_changed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    write_change(request, user, "password")


@receiver(account.password_reset)
def password_reset(request: HttpRequest, user: User, **kwargs: Any) -> None:
    audit(AuditKind.ACCOUNT_CHANGED, by=None, subject=user, request=request, what="password by mail")


@receiver(account.email_added)
def address_asked_for(request: HttpRequest, user: User, **kwargs: Any) -> None:
    write_change(request, user, "new address asked for")


@receiver(account.email_changed)
def address_changed(
    request: HttpRequest,
    user: User,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **kwargs: Any,
) -> None:
    """Write both addresses: whose account it was must be found again."""
    before = from_email_address.email if from_email_address else None
    write_change(request, user, "address", changes={"email": [before, to_email_address.email]})


@receiver(account.email_removed)
def address_taken_back(request: HttpRequest, user: User, **kwargs: Any) -> None:
    write_change(request, user, "new address taken back")


@receiver(mfa.authenticator_added)
def factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    write_change(request, user, f"{authenticator.type} added")


@receiver(mfa.authenticator_removed)
def factor_removed(request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    write_change(request, user, f"{authenticator.type} taken away")


@receiver(mfa.authenticator_reset)
def factor_renewed(request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    write_change(request, user, f"{authenticator.type} renewed")


def write_change(request: HttpRequest, user: User, what: str, **data: Any) -> None:
    """Write a change of an account: by the person where they are signed in, else by who has the mailbox."""
    by = user if request.user == user else None
    audit(AuditKind.ACCOUNT_CHANGED, by=by, subject=user, request=request, what=what, **data)
