"""What Django's checks say about this machine."""

from functools import cache
from typing import Any

from django.core.checks import CheckMessage, Warning, register

PANGO_LINE = "sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


@cache
def can_render() -> bool:
    """Whether PDFs can be made here: WeasyPrint loads Pango when it is imported."""
    try:
        import weasyprint  # noqa: F401
    except OSError:
        return False
    return True


@register()
def pango(**kwargs: Any) -> list[CheckMessage]:
    """Warn where PDFs cannot be made; everything else works."""
    from ctypes.util import find_library

    if find_library("pango-1.0") and find_library("pangoft2-1.0"):
        return []
    return [Warning("PDFs cannot be made: Pango is missing.", hint=PANGO_LINE, id="comptoir.W001")]
