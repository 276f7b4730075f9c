"""Filters that show values through ``marketplace.formats``, and icons."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from marketplace import formats
from marketplace.addresses import page_of

register = template.Library()


@register.filter
def money(amount: Decimal | None, currency: str = "EUR") -> str:
    """``{{ order.total|money:order.currency }}``"""
    return "" if amount is None else formats.money(amount, currency)


@register.filter
def taken_off(amount: Decimal, currency: str = "EUR") -> str:
    """An amount that is taken off, with its minus."""
    return formats.money(-amount, currency)


@register.filter
def added(amount: Decimal, currency: str = "EUR") -> str:
    """An amount that is added, with its plus."""
    return formats.added(amount, currency)


@register.filter
def exact_money(amount: Decimal, currency: str = "EUR") -> str:
    """An amount with as many decimals as it needs, at least two."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return formats.money(amount, currency, places)


@register.filter
def percent(rate: Decimal) -> str:
    return formats.percent(rate)


@register.filter
def change(fraction: Decimal) -> str:
    """A change in whole percent with its sign: ``+12 %``."""
    return formats.change(fraction)


@register.filter
def number(value: int) -> str:
    return formats.decimal(value, 0)


@register.filter
def span(length: timedelta | None) -> str:
    """How long something takes: « 12 min »; empty for None."""
    return "" if length is None else formats.span(length)


@register.filter
def signed(value: int) -> str:
    """A change in units with its sign."""
    return formats.signed(value)


@register.filter
def labelled(label: str, value: object) -> str:
    """``{{ name|labelled:amount }}``: a colon as the reader's language sets it."""
    return formats.labelled(str(label), str(value))


@register.filter
def spaced(text: str) -> str:
    """A storefront's own words, with the reader's colon."""
    return formats.spaced(text)


@register.filter
def short_date(value: date | datetime | None) -> str:
    return formats.short_date(value) if value else ""


@register.filter
def long_date(value: date | datetime | None) -> str:
    return formats.long_date(value) if value else ""


@register.filter
def exact_time(value: datetime) -> str:
    """A moment with date and time, as text."""
    return formats.exact_time(value)


@register.simple_tag
def exactly(value: datetime) -> SafeString:
    """A moment with date and time, for what must be read as evidence: ``23/11/2026 à 14:05``."""
    return format_html(
        '<time datetime="{}">{}</time>',
        timezone.localtime(value).isoformat(timespec="seconds"),
        formats.exact_time(value),
    )


@register.simple_tag
def moment(value: datetime, *, keeps_time: bool = False) -> SafeString:
    """A moment as a person would say it, exact in the tooltip, ISO for machines.

    With ``keeps_time`` an old moment keeps its hour too: steps of one day can be told apart.
    """
    return moment_by(formats.Clock(timezone.now()), value, keeps_time=keeps_time)


def moment_by(clock: formats.Clock, value: datetime, *, keeps_time: bool = False) -> SafeString:
    """What ``{% moment %}`` writes, for many moments of one page by one clock.

    Escaped by hand: ``format_html`` takes as long as all the rest.
    """
    exact, said, local = clock.exact(value), clock.recent(value), clock.local(value)
    shown = exact if keeps_time and said == clock.day(local) else said
    iso = local.isoformat(timespec="seconds")
    text = f'<time datetime="{iso}" title="{escape(exact)}">{escape(shown)}</time>'
    return SafeString(text)  # escaped, but for the figures of ISO  # nosec B703


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, css: str = "") -> SafeString:
    """A drawing of the page's sprite; decoration, hidden from screen readers."""
    return format_html('<svg class="i {}" aria-hidden="true"><use href="#{}"/></svg>', css, name)


@register.simple_tag(takes_context=True)
def query(context: Any, **changes: Any) -> str:
    """The page's query string with ``changes``; an empty value takes a parameter out, paging starts anew."""
    params = {name: values for name, values in context["request"].GET.lists() if name != "cursor"}
    params |= {name: [] if value in (None, "") else [str(value)] for name, value in changes.items()}
    text = urlencode([(name, value) for name, values in params.items() for value in values if value != ""])
    return f"?{text}" if text else "?"


@register.simple_tag(takes_context=True)
def come_back(context: Any) -> str:
    """Where this page is found again, or the form that it answers: a view may name that (``came_from``)."""
    return str(context.get("came_from") or page_of(context["request"]))
