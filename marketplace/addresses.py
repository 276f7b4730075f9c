"""Where a form may lead: to pages of this site, never elsewhere."""

from urllib.parse import SplitResult, urlsplit

from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def own_page(request: HttpRequest, default: str) -> str:
    """Return the page that the form's ``next`` names if it is one of this site, else ``default``."""
    target = request.POST.get("next", "")
    return target if _is_ours(request, target) and target.startswith("/") else default


def page_of(request: HttpRequest) -> str:
    """Return the page that is asked for; of a form, the page it stood on: its own address shows nothing."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    origin = _origin(request)
    stood_on = origin._replace(scheme="", netloc="", fragment="").geturl() if origin else ""
    return stood_on or resolve_url("home")


def with_query_of_origin(request: HttpRequest, path: str) -> str:
    """Return ``path`` as the person saw it who comes from there: with its query; else ``path`` alone."""
    origin = _origin(request)
    return f"{path}?{origin.query}" if origin and origin.path == path and origin.query else path


def _origin(request: HttpRequest) -> SplitResult | None:
    """The page of this site that the person comes from; None for any other, and where it is not told."""
    referer = request.headers.get("Referer", "")
    is_told = bool(referer) and _is_ours(request, referer)  # which no parser stumbles over then
    return urlsplit(referer) if is_told else None


def _is_ours(request: HttpRequest, address: str) -> bool:
    return url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
