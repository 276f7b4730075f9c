"""Forms of a person's own account that differ from allauth's."""

from typing import Any

from allauth.account import forms
from allauth.core.internal import ratelimit
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from marketplace.audit import AuditKind, audit
from vendors.audit_sign_ins import person_of, write_throttled


class ResetPasswordForm(forms.ResetPasswordForm):  # type: ignore[misc]
    """Have a link to a new password mailed."""

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Mail the link; an address that was written to often lately keeps the links that it has.

        So a stranger neither fills a mailbox nor shuts its owner out. Known or not, the answer is the
        same, and each asking is stored in one transaction: it takes as long.
        """
        email: str = self.cleaned_data["email"]
        person = person_of(email)
        if not ratelimit.consume(
            request,
            app="allauth.account",
            action="reset_mails",
            key=email.lower(),
            config={"reset_mails": settings.RESET_MAILS_LIMIT},
        ):
            write_throttled(request, person)
            return email
        with transaction.atomic():
            super().save(request, **kwargs)
            what = "new password asked for"
            audit(AuditKind.ACCOUNT_CHANGED, by=None, subject=person or "", request=request, what=what)
        return email
