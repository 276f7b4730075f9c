"""One formatter for money, dates and rates: pages, PDFs and mails all speak through it.

Patterns stand in the catalogue of each language, separators are Django's own for it.
French typography: U+202F between thousands, U+00A0 before € and %, U+2212 for a minus; U+202F before
; : ! ? stands in the catalogue.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache

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


@dataclass(frozen=True, slots=True)
class Manner:
    """How a language writes numbers and moments: what stands between figures, and its patterns."""

    thousands: str
    point: str
    money: str
    exactly: str
    just_now: str
    minutes_ago: str
    today: str
    yesterday: str


@cache
def _manner(language: str | None) -> Manner:
    """Look the manner of the current language up, once for each: a page writes some hundred figures."""
    code = language or settings.LANGUAGE_CODE
    return Manner(
        thousands=THOUSANDS.get(code[:2]) or str(get_format("THOUSAND_SEPARATOR", code)),
        point=str(get_format("DECIMAL_SEPARATOR", code)),
        money=pgettext("amount of money", "%(symbol)s%(amount)s"),
        exactly=_("%(date)s at %(time)s"),
        just_now=_("just now"),
        minutes_ago=_("%(minutes)s min ago"),
        today=_("today, %(time)s"),
        yesterday=_("yesterday, %(time)s"),
    )


def decimal(value: Decimal | int, places: int | None = 2) -> str:
    """Write a number in the reader's language; ``places=None`` keeps only the decimals it needs."""
    number = Decimal(value)
    return (MINUS + FIXED if number < 0 else "") + _figures(number, places, _manner(get_language()))


def _figures(number: Decimal, places: int | None, manner: Manner) -> str:
    """A number without its sign."""
    text = f"{abs(number):,.{places}f}" if places is not None else f"{abs(number.normalize()):,f}"
    whole, dot, rest = text.partition(".")
    return whole.replace(",", manner.thousands) + (manner.point + rest if dot else "")


def money(amount: Decimal, currency: str = "EUR", places: int | None = 2) -> str:
    """Write an amount with its currency: ``1 234,50 €`` in French, ``€1,234.50`` in English."""
    manner = _manner(get_language())
    text = _figures(Decimal(amount), places, manner)
    symbol = SYMBOLS.get(currency, currency)
    sign = MINUS + FIXED if amount < 0 else ""
    said = manner.money % {"symbol": symbol, "amount": text}
    if len(symbol) > 1:
        said = said.replace(symbol + text, symbol + FIXED + text)
    return sign + said


def added(amount: Decimal, currency: str = "EUR") -> str:
    """Write an amount that is added with its sign: ``+ 1,20 €``."""
    return ("+" + FIXED if amount > 0 else "") + money(amount, currency)


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


class Clock:
    """Writes moments for the reader, as things are ``now``: zone and language are looked up but once."""

    def __init__(self, now: datetime) -> None:
        self.now, self.zone, self.language = now, timezone.get_current_timezone(), get_language()
        self.today, self.manner = self.local(now).date(), _manner(self.language)

    def local(self, value: datetime) -> datetime:
        return timezone.localtime(value, self.zone)

    def exact(self, value: datetime) -> str:
        """Write a moment exactly: ``23/11/2026 à 14:05``."""
        local = self.local(value)
        return self.manner.exactly % {"date": self.day(local), "time": f"{local:%H:%M}"}

    def recent(self, value: datetime) -> str:
        """Write a moment as a person would: « il y a 8 min », « hier, 18:20 », « lun. 16 nov., 09:00 ».

        What is older than some months is a date in figures.
        """
        age, local = self.now - value, self.local(value)
        day, clock = local.date(), f"{local:%H:%M}"
        if timedelta(0) <= age < timedelta(minutes=1):
            return self.manner.just_now
        if timedelta(0) <= age < timedelta(hours=1):
            return self.manner.minutes_ago % {"minutes": age.seconds // 60}
        if day == self.today:
            return self.manner.today % {"time": clock}
        if day == self.today - timedelta(days=1):
            return self.manner.yesterday % {"time": clock}
        if day.year == self.today.year or age < timedelta(days=120):
            return f"{_weekday_and_day(day, self.language)}, {clock}"
        return self.day(local)

    def day(self, local: datetime) -> str:
        return _in_figures(local.date(), self.language)


def exact_time(value: datetime) -> str:
    """Write a moment exactly: ``23/11/2026 à 14:05``."""
    return Clock(value).exact(value)


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
