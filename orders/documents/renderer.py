"""Template → HTML → PDF bytes, in French, made by a process of their own within a bounded time.

One such process serves all threads of this one. A document that takes too long, or all memory,
ends with that process and not with this one; the next document gets a new process.
"""

import logging
import threading
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import gettext as _
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from marketplace.checks import PANGO_LINE, can_render
from orders.documents import typesetting
from orders.documents.typesetting import EInvoice

LOGO_SECONDS = 10
MOST_CHARACTERS = 1_000_000  # of HTML: some two thousand lines
MOST_DOCUMENTS = 500  # that one process makes: what a large one took of the memory is given back
TRIES = 2  # a process may have been ended from outside, between two documents too
logger = logging.getLogger(__name__)
_pool: ProcessPool | None = None
_pool_lock = threading.Lock()


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


class TooSlow(CannotRender):
    """The document was not made in time and was given up."""

    def __init__(self) -> None:
        super().__init__(
            _("This document was given up: it was not made in %(seconds)d seconds.")
            % {"seconds": settings.DOCUMENT_SECONDS}
        )


class Stopped(CannotRender):
    """The process that made the document was ended, again and again."""

    def __init__(self) -> None:
        super().__init__(_("This document could not be made: the process that made it was ended."))


class NotMade(CannotRender):
    """Something in the document stopped the program that makes it; the log has the details."""

    def __init__(self) -> None:
        super().__init__(
            _("This document could not be made: something in it, such as the logo, cannot be printed.")
        )


def draws(uri: str) -> bool:
    """Say whether an image, given as a data: address, is printed within ``LOGO_SECONDS``."""
    page = format_html('<html lang="fr"><title>x</title><img alt="" src="{}">', uri)
    try:
        _within_time(page, "#000000", None, seconds=LOGO_SECONDS)
    except PangoMissing:
        return True  # nobody can tell here
    except CannotRender:
        return False
    except (ProcessExpired, BrokenProcessPool):
        return False
    return True


def render_pdf(
    template: str, context: Mapping[str, Any], *, color: str, einvoice: EInvoice | None = None
) -> bytes:
    """Return the PDF of ``template``, in French whoever asks, with the shop's ``color``.

    With ``einvoice`` it is Factur-X. Raises CannotRender: Pango is missing, it is too long, or
    it takes longer than ``settings.DOCUMENT_SECONDS``.
    """
    if not can_render():
        raise PangoMissing
    with translation.override("fr"):
        html = render_to_string(template, dict(context))
    return html_to_pdf(html, color=color, einvoice=einvoice)


def html_to_pdf(html: str, *, color: str, einvoice: EInvoice | None = None) -> bytes:
    """Return the tagged PDF of an HTML page, as ``typesetting.html_to_pdf`` makes it. Raises CannotRender."""
    if len(html) > MOST_CHARACTERS:
        raise TooLong
    for _attempt in range(TRIES):
        try:
            return _within_time(html, color, einvoice, seconds=settings.DOCUMENT_SECONDS)
        except (ProcessExpired, BrokenProcessPool):
            continue
    raise Stopped


def _within_time(html: str, color: str, einvoice: EInvoice | None, *, seconds: float) -> bytes:
    options = {"color": color, "einvoice": einvoice}
    made: ProcessFuture[bytes] = _processes().schedule(
        typesetting.html_to_pdf, args=[html], kwargs=options, timeout=seconds
    )
    try:
        return made.result()
    except ProcessExpired:
        raise
    except TimeoutError as error:
        raise TooSlow from error
    except OSError as error:
        raise PangoMissing from error
    except BrokenProcessPool:
        raise
    except Exception as error:
        logger.exception("A document could not be made.")
        raise NotMade from error


def _processes() -> ProcessPool:
    """Return the pool of one process that makes documents; a new one where it broke.

    It begins anew instead of as a copy of this process, whose threads and connections it must not have.
    """
    global _pool
    with _pool_lock:
        if _pool is None or not _pool.active:
            _pool = ProcessPool(
                max_workers=1,
                max_tasks=MOST_DOCUMENTS,
                initializer=typesetting.warm_up,
                context=get_context("spawn"),
            )
        return _pool
