"""Template → HTML → PDF bytes. French, tagged, the same bytes for the same input; fetches nothing.

WeasyPrint is imported when the first PDF is asked for: it needs Pango, and everything else
works without. Its fonts and the parsed style sheet belong to one thread; shared between
threads they corrupt memory, and made anew for each document they leak.
"""

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from marketplace.checks import PANGO_LINE, can_render
from orders.documents.colors import readable

STYLE_SHEETS = [settings.BASE_DIR / "static" / "css" / name for name in ("tokens.css", "documents.css")]
_of_thread = threading.local()


class CannotRender(Exception):
    """No PDF can be made on this machine; the message has the line to type."""

    def __init__(self) -> None:
        super().__init__(
            _("PDFs cannot be made on this machine, because Pango is missing. Type: %(line)s")
            % {"line": PANGO_LINE}
        )


def render_pdf(template: str, context: Mapping[str, Any], *, color: str) -> bytes:
    """Return the PDF of ``template``, in French whoever asks, with the shop's ``color``.

    Raises CannotRender where Pango is missing.
    """
    if not can_render():
        raise CannotRender
    with translation.override("fr"):
        html = render_to_string(template, dict(context))
    return html_to_pdf(html, color=color)


def html_to_pdf(html: str, *, color: str) -> bytes:
    """Return the tagged PDF (PDF/UA-1) of an HTML page; whatever it links to is left out."""
    from weasyprint import CSS, HTML

    fonts, sheet = _fonts_and_sheet()
    shop = CSS(string=f":root {{ --doc-shop: {readable(color)} }}", font_config=fonts)
    page = HTML(string=html, url_fetcher=_fetcher())
    pdf = page.write_pdf(font_config=fonts, stylesheets=[sheet, shop], pdf_variant="pdf/ua-1")
    return bytes(pdf)


def _fonts_and_sheet() -> tuple[Any, Any]:
    """Return this thread's own font configuration and style sheet."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    if not hasattr(_of_thread, "fonts"):
        _of_thread.fonts = FontConfiguration()
        text = "".join(sheet.read_text(encoding="utf-8") for sheet in STYLE_SHEETS)
        _of_thread.sheet = CSS(string=text, font_config=_of_thread.fonts, url_fetcher=_fetcher())
    return _of_thread.fonts, _of_thread.sheet


@cache
def _fetcher() -> Any:
    """Return what WeasyPrint asks for addresses: it knows images that are written in the page, no other."""
    from weasyprint.urls import URLFetcher

    class DataOnly(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.startswith("data:"):
                raise ValueError("Documents fetch nothing.")
            return super().fetch(url, headers)

    return DataOnly(allowed_protocols={"data"}, allow_redirects=False)
