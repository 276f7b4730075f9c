"""Why something a storefront reported cannot be taken: codes and values, told in the reader's language."""

import re
from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

HIDDEN_VALUE = "…"


class Problem(models.TextChoices):
    """What is wrong at a place of a body; the end of a sentence that begins with the place."""

    MISSING = "missing", _("is missing")
    NOT_OBJECT = "not_object", _("must be an object, got %(got)s")
    NOT_LIST = "not_list", _("must be a list, got %(got)s")
    NOT_TEXT = "not_text", _("must be a text, got %(got)s")
    NOT_AMOUNT = "not_amount", _("must be an amount, got %(got)s")
    NOT_WHOLE = "not_whole", _("must be a whole number, got %(got)s")
    NOT_PERCENTAGE = "not_percentage", _("must be a percentage, got %(got)s")
    NOT_DATE = "not_date", _("must be a date and time, got %(got)s")
    TOO_SMALL = "too_small", _("must be at least %(least)s, got %(got)s")
    TOO_LARGE = "too_large", _("must be at most %(most)s, got %(got)s")
    TOO_LONG = "too_long", _("must have at most %(most)s entries, got %(got)s")
    TOO_MUCH = "too_much", _("must add up to at most %(most)s, got %(got)s")
    POSITIVE = "positive", _("must not be positive, got %(got)s")
    REPEATED = "repeated", _("must occur once, got %(got)s")
    YEAR = "year", _("must be of the years %(first)s to %(last)s, got %(got)s")
    CURRENCY = "currency", _("must be three capital letters, got %(got)s")
    STATUS = "status", _("unknown status %(got)s")
    COMMISSION = "commission", _("must be a known type of commission, got %(got)s")
    SUM = "sum", _("lines, shipping and fees add up to %(found)s, got %(got)s")
    REFUNDS = "refunds", _("add up to %(got)s, more than the total of %(total)s")
    TAX = "tax", _("no tax rate makes %(got)s of %(net)s")
    VENDORS = "vendors", _("several vendors are named: %(got)s")
    JSON = "json", _("cannot be read as JSON")
    UNKNOWN_VENDOR = "unknown_vendor", _("no shop stands for vendor %(got)s of %(source)s")
    OTHER_SHOP = "other_shop", _("order %(number)s belongs to %(old)s and is now reported for %(got)s")
    OTHER_CURRENCY = (
        "other_currency",
        _("order %(number)s was taken with %(old)s and is now reported with %(got)s"),
    )
    REFUND_LEFT = "refund_left", _("more is refunded than is left of order %(number)s")
    PROGRAM = "program", _("could not be processed: %(got)s")
    TOO_OLD = "too_old", _("was not processed in time and is removed; a reconciliation fetches what it told")

    def told(self, values: Mapping[str, str]) -> str:
        """Say it in the language of the moment, with the values that are known."""
        return str(self.label) % {name: _in_words(values.get(name, HIDDEN_VALUE)) for name in VALUES}


# The first part of a place in a body, and what people call it.
SUBJECTS = {
    "status": _("The order’s state"),
    "line_items": _("The products"),
    "shipping_lines": _("The delivery charges"),
    "fee_lines": _("The fees"),
    "refunds": _("The refunds"),
    "total": _("The amounts"),
    "total_tax": _("The amounts"),
    "tax_lines": _("The taxes"),
    "currency": _("The currency"),
    "billing": _("The customer’s details"),
    "shipping": _("The delivery address"),
    "customer_id": _("The customer’s details"),
    "customer_note": _("The customer’s message"),
    "payment_method": _("The payment"),
    "payment_method_title": _("The payment"),
    "meta_data": _("The shop it belongs to, or another extra value"),
    "store": _("The shop it belongs to"),
    "stores": _("The shop it belongs to"),
}
BOUNDS = ("least", "most", "first", "last")  # what was wished for: nothing of a body
VALUES = ("got", "least", "most", "first", "last", "found", "total", "net", "source", "number", "old")
# What stands for values that are not written out; a text of the body would stand in quotes.
KINDS = {
    "a list": _("a list"),
    "an object": _("an object"),
    "a number of more than 38 digits": _("a number of more than 38 digits"),
    "(none)": _("(none)"),
}


def _in_words(value: str) -> str:
    return str(KINDS.get(value, value))


def subject_of(place: str) -> str:
    """Say what a place of a body is about, in words of a shop; by default the message as a whole."""
    first = re.split(r"[.\[]", place, maxsplit=1)[0]
    if first.startswith("date_"):
        return gettext("A date")
    return str(SUBJECTS.get(first, _("The message as a whole")))


def sentence_of(place: str, why: str) -> str:
    """Put the place of a body and what is wrong there into a sentence; either may be unknown."""
    if not (place and why):
        return place or why
    return gettext("%(place)s: %(problem)s") % {"place": place, "problem": why}


class CannotTake(ValueError):
    """Something reported that cannot be taken as it is; says where and why, fit to show.

    ``str(error)`` is ``line_items[2].quantity: must be at least 1, got 0``.
    """

    def __init__(self, path: str, problem: Problem, **values: object) -> None:
        super().__init__(path, problem, values)
        self.path, self.problem = path, problem
        self.values = {name: str(value) for name, value in values.items()}

    @property
    def why(self) -> str:
        """What is wrong there."""
        return self.problem.told(self.values)

    def __str__(self) -> str:
        return sentence_of(self.path, self.why)
