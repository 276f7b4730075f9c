"""Headers that every answer carries beside Django's own."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

HEADERS = {
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
        "midi=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}
PRIVATE = "private, no-store"


@receiver(user_logged_out)
def note_sign_out(request: HttpRequest, **kwargs: Any) -> None:
    """Remember, until the answer, that somebody signed out."""
    request.signed_out_now = True  # type: ignore[attr-defined]


class HeadersMiddleware:
    """Closes the browser's features that no page uses, keeps pages out of caches, clears at sign-out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", PRIVATE)
        if getattr(request, "signed_out_now", False):
            response.headers["Clear-Site-Data"] = '"cache", "storage"'  # a shop's phone is shared
        return response
