"""One formatter for money, dates and rates: pages, PDFs and mails all speak through it.

Patterns stand in the catalogue of each language, separators are Django's own for it.
French typography: U+202F between thousands, U+00A0 before € and % and before a colon, U+2212 for a minus.
"""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format, get_format
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

NARROW = "\u202f"
FIXED = "\u00a0"
MINUS = "\u2212"
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF"}


# Between thousands, where the language's typography has something better than Django.
THOUSANDS = {"fr": NARROW}


def decimal(value: Decimal | int, places: int | None = 2) -> str:
    """Write a number in the reader's language; ``places=None`` keeps only the decimals it needs."""
    number = Decimal(value)
    text = f"{abs(number):,.{places}f}" if places is not None else f"{abs(number.normalize()):,f}"
    whole, _dot, rest = text.partition(".")
    language = get_language() or settings.LANGUAGE_CODE
    thousands = THOUSANDS.get(language[:2]) or str(get_format("THOUSAND_SEPARATOR", language))
    text = whole.replace(",", thousands)
    if rest:
        text += str(get_format("DECIMAL_SEPARATOR", language)) + rest
    return (MINUS + FIXED if number < 0 else "") + text


def money(amount: Decimal, currency: str = "EUR", places: int | None = 2) -> str:
    """Write an amount with its currency: ``1 234,50 €`` in French, ``€1,234.50`` in English."""
    text = decimal(abs(amount), places)
    symbol = SYMBOLS.get(currency, currency)
    sign = MINUS + FIXED if amount < 0 else ""
    said = pgettext("amount of money", "%(symbol)s%(amount)s") % {"symbol": symbol, "amount": text}
    if len(symbol) > 1:
        said = said.replace(symbol + text, symbol + FIXED + text)
    return sign + said


def signed(units: int) -> str:
    """Write a change in whole units with its sign: ``+12``, U+2212 before what was taken."""
    return ("+" if units > 0 else MINUS if units < 0 else "") + decimal(abs(units), 0)


def labelled(label: str, value: str) -> str:
    """Join a label and what it says: « Cause : casse », “Cause: breakage”."""
    return _("%(label)s: %(value)s") % {"label": label, "value": value}


def spaced(text: str) -> str:
    """Give text from a storefront the colon of the reader's language: « Contenance : 30 ml »."""
    return re.sub(r"(?<=\S): ", pgettext("colon between two words", ": "), text)


def percent(rate: Decimal) -> str:
    """Write a fraction as a percentage: 0.055 is ``5,5 %``."""
    return _percent(decimal(rate * 100, None))


def change(fraction: Decimal) -> str:
    """Write a change in whole percent with its sign: 0.123 is ``+12 %``."""
    whole = round(fraction * 100)
    return _percent(signed(whole))


def _percent(number: str) -> str:
    return pgettext("percentage", "%(number)s%%") % {"number": number}


def long_date(value: date | datetime) -> str:
    """Write a date in full, in the current time zone: ``23 novembre 2026``."""
    return date_format(_local(value), "j F Y").replace(" ", FIXED)


def short_date(value: date | datetime) -> str:
    """Write a date in figures: ``23/11/2026``."""
    return _in_figures(_local(value), get_language())


@lru_cache(maxsize=4096)
def _in_figures(day: date, _language: str | None) -> str:
    return date_format(day, pgettext("short date, in Django's letters", "d M Y"))


def exact_time(value: datetime) -> str:
    """Write a moment exactly: ``23/11/2026 à 14:05``."""
    local = timezone.localtime(value)
    return _("%(date)s at %(time)s") % {"date": short_date(local), "time": f"{local:%H:%M}"}


def recent_time(value: datetime, now: datetime) -> str:
    """Write a moment as a person would: « il y a 8 min », « hier, 18:20 », « lun. 16 nov., 09:00 ».

    What is older than some months is a date in figures.
    """
    local, today = timezone.localtime(value), timezone.localtime(now)
    age = now - value
    clock = f"{local:%H:%M}"
    if timedelta(0) <= age < timedelta(minutes=1):
        return _("just now")
    if timedelta(0) <= age < timedelta(hours=1):
        return _("%(minutes)s min ago") % {"minutes": age.seconds // 60}
    if local.date() == today.date():
        return _("today, %(time)s") % {"time": clock}
    if local.date() == today.date() - timedelta(days=1):
        return _("yesterday, %(time)s") % {"time": clock}
    if local.year == today.year or age < timedelta(days=120):
        return f"{_weekday_and_day(local.date(), get_language())}, {clock}"
    return short_date(local)


def span(length: timedelta) -> str:
    """Write how long something takes in its largest unit: « 40 s », « 12 min », « 3 h », « 2 j »."""
    seconds = max(round(length.total_seconds()), 0)
    if seconds < 60:
        return _("%(n)s s") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)s min") % {"n": seconds // 60}
    if seconds < 48 * 3600:
        return _("%(n)s h") % {"n": seconds // 3600}
    return _("%(n)s d") % {"n": seconds // 86_400}


@lru_cache(maxsize=4096)
def _weekday_and_day(day: date, _language: str | None) -> str:
    """« mer. 17 juin », “Wed 17 Jun”: abbreviations as each language writes them."""
    text = date_format(day, pgettext("weekday and day, in Django's letters", "D j M"))
    return text.replace(" ", FIXED)


def _local(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value
