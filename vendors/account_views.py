"""Pages of a person's own account that differ from allauth's."""

from typing import Any, cast

from allauth.account import views
from allauth.core.internal import ratelimit
from allauth.usersessions.views import ListUserSessionsView
from django.contrib.auth.decorators import login_required
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator

from vendors.audit_sign_ins import write_change, write_throttled


@method_decorator(login_required, name="dispatch")
class EmailView(views.EmailView):  # type: ignore[misc]
    """Change one's address: the new one counts once its mailbox has answered, and in no other way."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take what the page offers: a new address, its mail again, or the old address after all."""
        if "action_primary" in request.POST:
            raise SuspiciousOperation("An address is made the main one by its mail alone.")
        return cast(HttpResponse, super().post(request, *args, **kwargs))


class SessionsView(ListUserSessionsView):  # type: ignore[misc]
    """List where one is signed in; a POST ends all other sessions."""

    def form_valid(self, form: Any) -> HttpResponse:
        """End them, and write it."""
        write_change(self.request, self.request.user, "other sessions ended")
        return cast(HttpResponse, super().form_valid(form))


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Refuse a network that tries too often; the audit has it once in a while."""
    write_throttled(request, None)
    return cast(HttpResponse, ratelimit.handler429(request))
