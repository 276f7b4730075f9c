"""How people sign in: accounts are made by invitation or by the marketplace, never by a stranger."""

import uuid
from contextlib import suppress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext_lazy

from marketplace.mail import ONE_TIME, queue_message
from marketplace.networks import client_address, network_of
from vendors.audit_sign_ins import person_of, write_throttled
from vendors.devices import device_of, is_known_device

UNKNOWN_ACCOUNT = "account/email/unknown_account"
RESET = "account/email/password_reset_key"


class _Undone(Exception):
    """Takes back what was done for the time it takes."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's adapter, with sign-up closed."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": gettext_lazy(
            "Too many failed login attempts. "
            "Wait an hour, or have a new password sent: it lets this device in."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue allauth's mails like all others, so that a dead mail server breaks no page.

        They speak the person's own language, or that of the page where none is chosen. For an
        address that nobody has the same work is done and taken back: the answer takes as long.
        """
        if template_prefix != UNKNOWN_ACCOUNT:
            self._queue(template_prefix, email, context)
            return
        with suppress(_Undone), transaction.atomic():
            self._queue(RESET, email, {**context, "password_reset_url": settings.SITE_URL})
            raise _Undone

    @transaction.atomic
    def _queue(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        person = context.get("user")
        with translation.override(getattr(person, "language", "") or translation.get_language()):
            message = self.render_mail(template_prefix, email, {"request": self.request, **context})
        queue_message(message, event=f"{ONE_TIME}{uuid.uuid4()}", template=template_prefix)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Tell a person of a change to the account; of network and browser as little as sessions keep."""
        facts = {
            "ip": network_of(self.request),
            "user_agent": device_of(self.request.META.get("HTTP_USER_AGENT", "")),
        }
        super().send_notification_mail(template_prefix, user, {**(context or {}), **facts}, **kwargs)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count attempts per account and network; per account alone for devices it does not know.

        So guessing from many places ends, while the person signs in from a device that did before.
        """
        email = str(credentials.get("email") or credentials.get("username") or "").lower()
        try:
            super().pre_authenticate(request, **credentials)
            self._count_unknown_device(request, email)
        except ValidationError:
            write_throttled(request, person_of(email))
            raise

    def _count_unknown_device(self, request: HttpRequest, email: str) -> None:
        if email and not is_known_device(request, email):
            self._unknown_device = ratelimit.consume(
                request,
                app="allauth.account",
                action="unknown_device",
                key=email,
                config={"unknown_device": settings.UNKNOWN_DEVICES_LIMIT},
            )
            if not self._unknown_device:
                raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Return the person whose password it is; a right one is no attempt."""
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if user and (usage := getattr(self, "_unknown_device", None)):
            usage.rollback()
        return user

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        key = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{network_of(request)}"

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that allauth counts attempts and keeps sessions by; ours, so that all is one."""
        return client_address(request)

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """People have no user name."""
