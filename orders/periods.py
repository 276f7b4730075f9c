"""Some days that people often ask the list for, and where a saved view leads today."""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from vendors.domain.saved_views import SavedView

DAYS = ("placed_after", "placed_before")


@dataclass(frozen=True)
class Period:
    """Days from ``first`` to ``last``, both included; ``said`` is how a sentence names them."""

    code: str
    label: str
    said: str
    first: date
    last: date


def periods(today: date) -> list[Period]:
    """Return the periods that the list offers, as they are on ``today``."""
    month = today.replace(day=1)
    end_of_month = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    end_of_last = month - timedelta(days=1)
    return [
        Period("today", _("Today"), _("today"), today, today),
        Period("week", _("7 days"), _("last 7 days"), today - timedelta(days=6), today),
        Period("days", _("30 days"), _("last 30 days"), today - timedelta(days=29), today),
        Period("month", _("This month"), _("this month"), month, end_of_month),
        Period("last-month", _("Last month"), _("last month"), end_of_last.replace(day=1), end_of_last),
    ]


def period_of(query: QueryDict, today: date) -> Period | None:
    """Return the period whose days the query asks for, if they are one's."""
    days = tuple(query.get(name, "") for name in DAYS)
    return next((p for p in periods(today) if (p.first.isoformat(), p.last.isoformat()) == days), None)


def parameters_of(view: SavedView, today: date) -> dict[str, str]:
    """Return the list's parameters that the view stands for on ``today``."""
    params = dict(parse_qsl(view.query))
    period = next((p for p in periods(today) if p.code == view.period), None)
    if period:
        params |= dict(zip(DAYS, (period.first.isoformat(), period.last.isoformat()), strict=True))
    return params


def address_of(view: SavedView | None, slug: str, today: date) -> str:
    """Return where the view leads in the shop ``slug``; the whole list for None."""
    query = urlencode(parameters_of(view, today)) if view else ""
    return reverse("orders:list", args=[slug]) + (f"?{query}" if query else "")
