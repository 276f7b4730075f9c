"""A chart of sales and gains as numbers that a template writes into an SVG.

Across in percent, down in pixels, without a ``viewBox``: text keeps its size at every width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from marketplace.formats import money
from orders.domain.overview import Period

TOP, BOTTOM = 16, 204  # pixels
ROUND_STEPS = (1, 2, 5)
LINES = 4
GAP = Decimal("0.35")  # of a period's width


@dataclass(frozen=True)
class Bar:
    """One period: where its bars stand, in SVG's own words, and what is written under it."""

    x: str
    width: str
    middle: str
    sales_y: str
    sales_height: str
    gains_y: str
    gains_height: str
    label: str
    is_named_on_a_phone: bool


@dataclass(frozen=True)
class Line:
    """A line across with its amount."""

    y: str
    text_y: str
    label: str


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    lines: list[Line]


def draw(periods: Sequence[Period], labels: Sequence[str], currency: str) -> Chart:
    """Return the chart of ``periods``; what is below nothing is drawn as nothing (the table tells it)."""
    step = _round_step(max((net(period) for period in periods), default=Decimal(0)))
    top = step * LINES
    return Chart(
        bars=[
            _bar(place, len(periods), period, label, top)
            for place, (period, label) in enumerate(zip(periods, labels, strict=True))
        ],
        lines=[_line(step * n, top, currency) for n in range(LINES + 1)],
    )


def net(period: Period) -> Decimal:
    """What customers paid, less what they got back: the list's total of these days."""
    return period.sales - period.refunded


def _round_step(most: Decimal) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50… of which ``LINES`` reach ``most``."""
    scale = 1
    while True:
        for step in ROUND_STEPS:
            if step * scale * LINES >= most:
                return step * scale
        scale *= 10


def _bar(place: int, count: int, period: Period, label: str, top: int) -> Bar:
    whole = Decimal(100) / count
    x, width = whole * (place + GAP / 2), whole * (1 - GAP)
    sales, gains = _height(net(period), top), _height(period.earnings, top)
    every = max(1, -(-count // 12))
    return Bar(
        x=f"{x:.2f}%",
        width=f"{width:.2f}%",
        middle=f"{x + width / 2:.2f}%",
        sales_y=f"{BOTTOM - sales:.1f}",
        sales_height=f"{sales:.1f}",
        gains_y=f"{BOTTOM - gains:.1f}",
        gains_height=f"{gains:.1f}",
        label=label if (count - 1 - place) % every == 0 else "",
        is_named_on_a_phone=(count - 1 - place) % (every * 3) == 0,
    )


def _height(amount: Decimal, top: int) -> Decimal:
    return max(Decimal(0), amount) / top * (BOTTOM - TOP)


def _line(amount: int, top: int, currency: str) -> Line:
    y = BOTTOM - _height(Decimal(amount), top)
    return Line(f"{y:.1f}", f"{y + 4:.1f}", money(Decimal(amount), currency, 0))
