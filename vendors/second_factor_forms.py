"""allauth's forms for codes and passkeys; what they refuse is a failed sign-in, and stands in the audit.

A passkey's answer that no browser would send breaks the library in several ways; here it is wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as codes
from allauth.mfa.webauthn import forms as passkeys
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from vendors.audit_sign_ins import write_failure, write_throttled
from vendors.models import User

MADE_UP = (LookupError, TypeError, ValueError, AttributeError)


@contextmanager
def made_up_refused() -> Iterator[None]:
    """Refuse, as a wrong one, a credential that the library cannot even read."""
    try:
        yield
    except MADE_UP as nonsense:
        raise get_adapter().validation_error("incorrect_code") from nonsense


@contextmanager
def refusal_written(person: User | None, what: str) -> Iterator[None]:
    """Write what is refused inside, for the account of ``person``; None where the visitor named none."""
    try:
        yield
    except ValidationError as refusal:
        if refusal.code == "too_many_login_attempts":
            write_throttled(context.request, person)
        else:
            write_failure(context.request, person, what=what)
        raise


class AuthenticateForm(codes.AuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> Any:
        with refusal_written(self.user, "code"):
            return super().clean_code()


class ReauthenticateForm(codes.ReauthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> Any:
        with refusal_written(self.user, "code"):
            return super().clean_code()


class AuthenticateWebAuthnForm(passkeys.AuthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        with refusal_written(self.user, "passkey"), made_up_refused():
            return super().clean_credential()


class AddWebAuthnForm(passkeys.AddWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=_("Name"), required=False)

    def clean(self) -> Any:
        with made_up_refused():
            return super().clean()


class EditWebAuthnForm(passkeys.EditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=_("Name"))


class LoginWebAuthnForm(passkeys.LoginWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        with refusal_written(None, "passkey"), made_up_refused():
            return super().clean_credential()


class ReauthenticateWebAuthnForm(passkeys.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        with refusal_written(self.user, "passkey"), made_up_refused():
            return super().clean_credential()
