"""A form's address that is opened as a page: a sentence instead of the browser's own error."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from marketplace.refusals import refused


class MethodsMiddleware:
    """Says in words that an address only takes what a form sends."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or request.method != "GET":
            return response
        page = refused(request, _("This address only takes what a form sends: open the page itself."), 405)
        page["Allow"] = response["Allow"]
        return page
