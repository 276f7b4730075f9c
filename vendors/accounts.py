"""How people sign in: accounts are made by the marketplace, never by a stranger."""

import uuid
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest
from django.utils import translation

from marketplace.mail import ONE_TIME, queue_message


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's adapter, with sign-up closed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    @transaction.atomic
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue allauth's mails like all others, so that a dead mail server breaks no page.

        They speak the person's own language, or that of the page where none is chosen.
        """
        person = context.get("user")
        with translation.override(getattr(person, "language", "") or translation.get_language()):
            message = self.render_mail(template_prefix, email, {"request": self.request, **context})
        queue_message(message, event=f"{ONE_TIME}{uuid.uuid4()}", template=template_prefix)

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """People have no user name."""
