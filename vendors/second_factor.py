"""Passkeys and authenticator apps: secrets encrypted at rest, and who must have one."""

from collections.abc import Callable

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from marketplace.encryption import decrypt, encrypt
from vendors.models import Membership, User
from vendors.roles import Role

# Where a person without the second factor may still go: to set one up, to leave, to change language.
OPEN = ("/accounts/", "/language/", "/static/", "/healthz")


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's adapter, with secrets encrypted as all others of the database."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)


class SecondFactorMiddleware:
    """Leads people who must have a second factor, and have none, to the page that sets one up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(OPEN) and must_set_up(request):
            messages.warning(request, _("First set up a second factor: a passkey or an authenticator app."))
            return redirect("mfa_index")
        return self.get_response(request)


def must_set_up(request: HttpRequest) -> bool:
    """Whether the setting asks this person for a second factor that is missing."""
    if settings.SECOND_FACTOR == "optional" or not request.user.is_authenticated:
        return False
    return _is_asked_for(request.user) and not is_mfa_enabled(request.user)


def _is_asked_for(user: User) -> bool:
    if user.is_staff:
        return True
    owns = Membership.objects.filter(user=user, role=Role.OWNER)
    return settings.SECOND_FACTOR == "staff-and-owners" and owns.exists()
