"""Answers to machines, before all that is there for people."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

ADDRESSES = "/webhooks/"


class MachinesMiddleware:
    """Calls the view of a machine's address at once: no session, cookie, language or policy for browsers.

    It stands behind Django's own protections. A machine shows what it is by a signature, so no
    host name is asked for, and nothing is read that the view does not read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(ADDRESSES):
            return self.get_response(request)
        try:
            found = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = found
        response: HttpResponse = found.func(request, *found.args, **found.kwargs)
        return response
