"""Template → HTML → PDF bytes. French, tagged, the same bytes for the same input; fetches nothing.

WeasyPrint is imported when the first PDF is asked for: it needs Pango, and everything else
works without. Its fonts and the parsed style sheet belong to one thread; shared between
threads they corrupt memory, and made anew for each document they leak.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from marketplace.checks import PANGO_LINE, can_render
from orders.documents.colors import readable
from orders.documents.facturx import attachment, declare
from orders.documents.glyphs import printable

STYLE_SHEET = settings.BASE_DIR / "static" / "css" / "documents.css"
MOST_CHARACTERS = 1_000_000  # of HTML: some two thousand lines, a minute of work
_of_thread = threading.local()


class CannotRender(Exception):
    """No document can be made; the message says why."""


class PangoMissing(CannotRender):
    """No PDF can be made on this machine; the message has the line to type."""

    def __init__(self) -> None:
        super().__init__(
            _("PDFs cannot be made on this machine, because Pango is missing. Type: %(line)s")
            % {"line": PANGO_LINE}
        )


class TooLong(CannotRender):
    """The document would keep a machine busy for minutes."""

    def __init__(self) -> None:
        super().__init__(
            _("This document is too long to be made: it has more than %(most)d characters.")
            % {"most": MOST_CHARACTERS}
        )


@dataclass(frozen=True)
class EInvoice:
    """The XML that goes into an invoice's PDF, and the invoice's date."""

    xml: bytes
    issued_on: str


def render_pdf(
    template: str, context: Mapping[str, Any], *, color: str, einvoice: EInvoice | None = None
) -> bytes:
    """Return the PDF of ``template``, in French whoever asks, with the shop's ``color``.

    With ``einvoice`` it is Factur-X. Raises CannotRender: Pango is missing, or it is too long.
    """
    if not can_render():
        raise PangoMissing
    with translation.override("fr"):
        html = render_to_string(template, dict(context))
    return html_to_pdf(html, color=color, einvoice=einvoice)


def html_to_pdf(html: str, *, color: str, einvoice: EInvoice | None = None) -> bytes:
    """Return the tagged PDF of an HTML page; whatever it links to is left out.

    It is PDF/UA-1 and, with ``einvoice``, PDF/A-3a. Raises TooLong.
    """
    from weasyprint import CSS, HTML

    if len(html) > MOST_CHARACTERS:
        raise TooLong
    fonts, sheet = _fonts_and_sheet()
    shop = CSS(string=f":root {{ --doc-shop: {readable(color)} }}", font_config=fonts)
    page = HTML(string=printable(html), url_fetcher=_fetcher())
    options: dict[str, Any] = {"pdf_variant": "pdf/ua-1"}
    if einvoice is not None:
        options = {
            "pdf_variant": "pdf/a-3a",
            "attachments": [attachment(einvoice.xml, einvoice.issued_on)],
            "finisher": declare,
        }
    return bytes(page.write_pdf(font_config=fonts, stylesheets=[sheet, shop], **options))


def _fonts_and_sheet() -> tuple[Any, Any]:
    """Return this thread's own font configuration and style sheet."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    if not hasattr(_of_thread, "fonts"):
        _of_thread.fonts = FontConfiguration()
        text = STYLE_SHEET.read_text(encoding="utf-8")
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
