"""The overview: what must be done now, what was sold and gained, and how that compares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from marketplace.formats import FIXED
from marketplace.replica import reads_replica
from orders.domain.overview import (
    Period,
    Step,
    best_products,
    currencies,
    refunds_of_month,
    sales,
    to_do,
)
from orders.views.chart import draw, net
from orders.views.guide import guide_of
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@dataclass(frozen=True)
class Span:
    """How far a chart reaches back, by the length of its periods."""

    step: Step
    label: str | Promise
    said: str | Promise
    head: str | Promise
    begins: Callable[[date], date]


def _month_start(today: date, months: int) -> date:
    """The first day of the month ``months`` before the one of ``today``."""
    number = today.year * 12 + today.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


SPANS = [
    Span(Step.DAY, _("Day"), _("the last 30 days"), _("Day"), lambda today: today - timedelta(days=29)),
    Span(
        Step.WEEK,
        _("Week"),
        _("the last 12 weeks"),
        _("Week of"),
        lambda today: today - timedelta(days=today.weekday(), weeks=11),
    ),
    Span(Step.MONTH, _("Month"), _("the last 12 months"), _("Month"), lambda today: _month_start(today, 11)),
]
USUAL = SPANS[1]


@dataclass(frozen=True)
class Compared:
    """A sum, the same of as many days before, and the change between them as a fraction if it has one."""

    label: str | Promise
    css: str
    now: Decimal
    before: Decimal

    @property
    def change(self) -> Decimal | None:
        return (self.now - self.before) / self.before if self.before > 0 else None


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
@reads_replica
def overview(request: VendorRequest) -> HttpResponse:
    """Show what waits and, to those who may see amounts, sales and gains over time."""
    now = timezone.now()
    context: dict[str, Any] = {"to_do": to_do(request.vendor, now), "guide": guide_of(request)}
    if request.may[Permission.VIEW_AMOUNTS]:
        today = timezone.localdate(now)
        context |= {"refunds": refunds_of_month(request.vendor, today)} | _money(request, today)
    return render(request, "orders/overview.html", context)


def _money(request: VendorRequest, today: date) -> dict[str, Any]:
    asked = request.GET.get("by", USUAL.step.value)
    span = next((span for span in SPANS if span.step == asked), None)
    known = currencies(request.vendor) or ["EUR"]
    currency = request.GET.get("currency", known[0])
    shown = {"spans": SPANS, "span": span, "currencies": known, "currency": currency}
    if span is None or currency not in known:
        return {**shown, "is_wrong": True}
    first = span.begins(today)
    periods = sales(request.vendor, first, today, span.step, currency=currency)
    before = _before(request, span, first, today, currency)
    labels = [_label(period, span.step) for period in periods]
    return {
        **shown,
        "chart": draw(periods, labels, currency),
        "rows": list(zip(labels, periods, [net(period) for period in periods], strict=True)),
        "compared": _compared(periods, before),
        "best": best_products(request.vendor, currency=currency),
    }


def _before(request: VendorRequest, span: Span, first: date, today: date, currency: str) -> list[Period]:
    """The same stretch of the calendar just before: as many days, or months up to the same day."""
    if span.step != Step.MONTH:
        days = today - first
        last = first - timedelta(days=1)
        return sales(request.vendor, last - days, last, Step.MONTH, currency=currency)
    end = _month_start(today, -1) - timedelta(days=1)
    year_ago = _month_start(today, 12)
    last_day = min(today.day, (_month_start(today, 11) - timedelta(days=1)).day)
    last = year_ago.replace(day=last_day) if today < end else _month_start(today, 11) - timedelta(days=1)
    return sales(request.vendor, _month_start(today, 23), last, Step.MONTH, currency=currency)


def _compared(periods: Sequence[Period], before: Sequence[Period]) -> list[Compared]:
    zero = Decimal("0.00")
    return [
        Compared(_("Sales incl. VAT"), "sales", sum(map(net, periods), zero), sum(map(net, before), zero)),
        Compared(
            _("Gains"),
            "gains",
            sum((period.earnings for period in periods), zero),
            sum((period.earnings for period in before), zero),
        ),
    ]


def _label(period: Period, step: Step) -> str:
    text = date_format(period.first, "N Y" if step == Step.MONTH else "j N")
    return text.replace(" ", FIXED)
