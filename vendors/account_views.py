"""Pages of a person's own account that differ from allauth's."""

from typing import Any, cast

from allauth.account import views
from django.contrib.auth.decorators import login_required
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator


@method_decorator(login_required, name="dispatch")
class EmailView(views.EmailView):  # type: ignore[misc]
    """Change one's address: the new one counts once its mailbox has answered, and in no other way."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take what the page offers: a new address, its mail again, or the old address after all."""
        if "action_primary" in request.POST:
            raise SuspiciousOperation("An address is made the main one by its mail alone.")
        return cast(HttpResponse, super().post(request, *args, **kwargs))
