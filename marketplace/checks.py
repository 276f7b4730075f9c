"""What Django's checks say about this machine."""

from ctypes.util import find_library
from functools import cache
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

PANGO_LINE = "sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"

FONT_LINE = "sudo apt-get install fonts-dejavu-core"


@cache
def can_render() -> bool:
    """Whether PDFs can be made here. WeasyPrint, which tells for sure, is heavy and asked only in doubt."""
    if _has_pango():
        return True
    try:
        import weasyprint  # noqa: F401
    except OSError:
        return False
    return True


def _has_pango() -> bool:
    return bool(find_library("pango-1.0") and find_library("pangoft2-1.0"))


@register()
def pango(**kwargs: Any) -> list[CheckMessage]:
    """Warn where PDFs cannot be made; everything else works."""
    if _has_pango():
        return []
    return [Warning("PDFs cannot be made: Pango is missing.", hint=PANGO_LINE, id="comptoir.W001")]


@register(Tags.security, deploy=True)
def hosts(**kwargs: Any) -> list[CheckMessage]:
    """Warn where any host name will do: a request could then choose what links in mails begin with."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [Warning("ALLOWED_HOSTS=* lets anybody name this site: name its hosts.", id="comptoir.W002")]
