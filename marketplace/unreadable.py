"""What was sent and no database or parser takes: the page for bad requests, not for our own mistakes."""

from collections.abc import Callable

from django.db.utils import DataError
from django.http import HttpRequest, HttpResponse

from marketplace.views import bad_request


class UnreadableMiddleware:
    """Answers 400 where a view met a number that no column holds, or a text nested deeper than Python reads.

    Forms refuse such values themselves; those of the admin and of the account library do not.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        is_too_large = isinstance(error, OverflowError) or (
            isinstance(error, DataError) and "out of range" in str(error)
        )
        is_too_deep = isinstance(error, RecursionError) and "JSON" in str(error)
        return bad_request(request, error) if is_too_large or is_too_deep else None
