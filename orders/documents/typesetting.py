"""HTML → PDF bytes, tagged, the same bytes for the same input; fetches nothing.

It runs in a process of its own (``orders.documents.renderer``), which knows neither Django nor
the database. WeasyPrint is imported there alone, when the first PDF is asked for: it needs Pango,
and everything else works without. Its fonts and the parsed style sheet are made once a process;
made anew for each document they leak, and shared between threads they corrupt memory.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orders.documents.colors import readable
from orders.documents.facturx import attachment, declare
from orders.documents.glyphs import printable

STYLE_SHEET = Path(__file__).resolve().parent.parent.parent / "static" / "css" / "documents.css"
_of_thread = threading.local()


@dataclass(frozen=True)
class EInvoice:
    """The XML that goes into an invoice's PDF, and the invoice's date."""

    xml: bytes
    issued_on: str


def warm_up() -> None:
    """Load what every document needs, before the time of the first one is counted."""
    with suppress(OSError):  # Pango is missing: the first document says so
        _fonts_and_sheet()


def html_to_pdf(html: str, *, color: str, einvoice: EInvoice | None = None) -> bytes:
    """Return the tagged PDF of an HTML page; whatever it links to is left out.

    It is PDF/UA-1 and, with ``einvoice``, PDF/A-3a. Raises OSError where Pango is missing, and
    ``orders.documents.glyphs.NoFont`` where no font is.
    """
    from weasyprint import CSS, HTML

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
