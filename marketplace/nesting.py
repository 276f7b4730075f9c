"""Texts of brackets in brackets, which no reader of JSON survives."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.defaults import bad_request


class NestingMiddleware:
    """Answers 400 where a field is nested too deep to be read; Django's own field of JSON breaks there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Refuse what was sent; any other error, and one without a body, is ours."""
        if isinstance(exception, RecursionError) and request.method == "POST":
            return bad_request(request, exception)
        return None
