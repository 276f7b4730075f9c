"""What the console is told."""

import logging
import smtplib
import traceback
from types import TracebackType

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError

# Errors of machines and files. All others may quote what a person typed: a database the values of
# a row, a mail server the address, Python the text that is no number.
QUOTE_NOBODY = (OSError, OperationalError, InterfaceError, ImproperlyConfigured)

SECRETS = {"secret", "key"}  # parts of an address that open something


class RefusalsInOneLine(logging.Filter):
    """Takes the traceback off an answer that is no fault of ours: a refusal is one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
            record.exc_text = None
        return True


class SecretsInNoAddress(logging.Filter):
    """Tells an address that holds a secret (an invitation, a link to a new password) by its pattern."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        match = getattr(request, "resolver_match", None)
        if request and match and isinstance(record.args, tuple) and SECRETS & match.kwargs.keys():
            told = f"/{match.route}"
            record.args = tuple(told if value == request.path else value for value in record.args)
        return True


def said(error: BaseException) -> str:
    """Return an error's name, with its words or codes as far as they quote nobody.

    >>> said(ValueError("no number: Camille")), said(smtplib.SMTPDataError(554, b"a@b.example"))
    ('ValueError', 'SMTPDataError 554')
    """
    name = type(error).__name__
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return " ".join([name, *(str(code) for code, _words in error.recipients.values())])
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{name} {error.smtp_code}"
    if isinstance(error, QUOTE_NOBODY) and not isinstance(error, smtplib.SMTPException):
        return f"{name}: {error}"
    return name


def told(error: BaseException) -> str:
    """Return the traceback of an error and of those that led to it, without the words that quote somebody."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    frames = "".join(traceback.format_tb(error.__traceback__))
    text = f"Traceback (most recent call last):\n{frames}{said(error)}"
    return f"{told(before)}\n\nThen:\n\n{text}" if before else text


class WithoutWords(logging.Formatter):
    """Tells where an error came from and what it is called, and nothing that a person typed."""

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return told(ei[1]) if ei[1] else ""
