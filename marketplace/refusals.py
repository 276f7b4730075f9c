"""One sentence instead of the page or file that was asked for."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers


def refused(request: HttpRequest, sentence: str, status: int, *, back: str = "") -> HttpResponse:
    """Say why there is nothing else: as a page to a browser, as plain text to a program.

    ``back`` is the address that the page's button leads to, the person's orders by default.
    """
    if request.accepts("text/html") and "text/html" in request.headers.get("Accept", ""):
        response = render(request, "refused.html", {"sentence": sentence, "back": back}, status=status)
    else:
        response = HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
    patch_cache_control(response, private=True, no_cache=True)
    patch_vary_headers(response, ["Accept"])
    return response
