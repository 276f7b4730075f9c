"""What the overview of a shop says: sales over time, what waits, what was given back, what sells best.

All of it is read from the tally or from a bounded number of rows, so that a shop with a
million orders waits no longer than a small one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q, Sum

from orders.domain.tallies import ZERO, euros, rows_between, tallied
from orders.models import LineKind, Order, OrderLine, Refund, RefundProgress
from orders.states import EARNS, OrderStatus, RefundState, Stage
from vendors.models import Vendor

BEST_OF = 500  # the latest sold orders that the best products are counted over
BEST = 5


class Step(StrEnum):
    """How long a period of a chart is; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """The orders that were placed from ``first`` to ``last`` and count as sold: paid, or refunded later.

    ``sales`` are what customers paid, ``refunded`` what they got back of it since, ``earnings``
    the shop's gains, all incl. VAT; ``sales − refunded`` is the list's total of these days.
    """

    first: date
    last: date
    orders: int = 0
    sales: Decimal = ZERO
    refunded: Decimal = ZERO
    earnings: Decimal = ZERO


@dataclass(frozen=True)
class ToDo:
    """Orders that wait for somebody."""

    to_prepare: int
    late: int
    payments_to_confirm: int


@dataclass(frozen=True)
class Refunds:
    """Confirmed refunds of one currency."""

    currency: str
    refunds: int
    amount: Decimal


@dataclass(frozen=True)
class BestProduct:
    """A product, by what was sold of it; ``sales`` are after discounts and refunds, incl. VAT."""

    product: int
    name: str
    sku: str
    units: int
    sales: Decimal


@dataclass(frozen=True)
class BestProducts:
    """The products that brought most in the latest ``orders`` sold orders, the oldest placed at ``since``."""

    currency: str
    orders: int
    since: datetime | None
    products: list[BestProduct]


def currencies(vendor: Vendor) -> list[str]:
    """Return the currencies of the shop's sold orders, the commonest first."""
    counts: dict[str, int] = {}
    for group in tallied(vendor, with_amounts=False):
        if group.status in EARNS:
            counts[group.currency] = counts.get(group.currency, 0) + group.orders
    return sorted(counts, key=lambda currency: (-counts[currency], currency))


def sales(vendor: Vendor, first: date, last: date, step: Step, *, currency: str = "EUR") -> list[Period]:
    """Return the shop's sales from ``first`` to ``last``, both included, cut into periods.

    Days are those of the shop's time zone. No period is left out, and the first and the last one
    may be cut short. Raises ValueError where ``last`` is before ``first``.
    """
    if last < first:
        raise ValueError(f"The last day {last} is before the first one {first}.")
    periods = list(_periods(first, last, step))
    sums: dict[date, list[int]] = {}
    for row in _daily(vendor, first, last, currency, by_month=step == Step.MONTH):
        begin = max(_beginning(row[0], step), first)
        total = sums.setdefault(begin, [0, 0, 0, 0])
        for place, number in enumerate(row[1:]):
            total[place] += number
    return [_filled(period, sums.get(period.first)) for period in periods]


def _filled(period: Period, sums: list[int] | None) -> Period:
    if sums is None:
        return period
    orders, total, refunded, earnings = sums
    return Period(period.first, period.last, orders, euros(total), euros(refunded), euros(earnings))


def _daily(
    vendor: Vendor, first: date, last: date, currency: str, *, by_month: bool
) -> Iterator[tuple[date, int, int, int, int]]:
    """Day, orders and cents (paid, refunded, gains) of what was sold; a month as one row if ``by_month``."""
    rows = rows_between(vendor, first, last, by_month=by_month)
    sums = rows.filter(status__in=EARNS, currency=currency).values("day").order_by("day")
    yield from sums.annotate(
        n=Sum("orders"), total=Sum("total_cents"), back=Sum("refunded_cents"), gains=Sum("earnings_cents")
    ).values_list("day", "n", "total", "back", "gains")


def _periods(first: date, last: date, step: Step) -> Iterator[Period]:
    begin = first
    while begin <= last:
        following = _following(begin, step)
        yield Period(begin, min(following - timedelta(days=1), last))
        begin = following


def _beginning(day: date, step: Step) -> date:
    match step:
        case Step.DAY:
            return day
        case Step.WEEK:
            return day - timedelta(days=day.weekday())
        case Step.MONTH:
            return day.replace(day=1)


def _following(day: date, step: Step) -> date:
    """The first day of the period after the one that ``day`` is in."""
    begin = _beginning(day, step)
    match step:
        case Step.DAY:
            return begin + timedelta(days=1)
        case Step.WEEK:
            return begin + timedelta(days=7)
        case Step.MONTH:
            return (begin + timedelta(days=31)).replace(day=1)


def to_do(vendor: Vendor, at: datetime) -> ToDo:
    """Count what waits: to be prepared, late of it ``at``, and payments to confirm."""
    groups = tallied(vendor, with_amounts=False)
    return ToDo(
        to_prepare=sum(group.orders for group in groups if group.stage == Stage.TO_PREPARE),
        late=Order.objects.for_vendor(vendor).late(at).count(),
        payments_to_confirm=sum(group.orders for group in groups if group.status == OrderStatus.ON_HOLD),
    )


def refunds_of_month(vendor: Vendor, day: date) -> list[Refunds]:
    """Return the refunds that were confirmed in the month of ``day``, in the shop's zone, per currency."""
    zone = ZoneInfo(vendor.time_zone)
    begin = datetime.combine(_beginning(day, Step.MONTH), time.min, zone)
    end = datetime.combine(_following(day, Step.MONTH), time.min, zone)
    # The order knows when it was last refunded, and those of a shop that were are indexed by that.
    confirmed = Refund.objects.filter(
        ~Q(order__refund_state=RefundState.NONE),
        order__vendor=vendor,
        order__hidden_at=None,
        order__refunded_at__gte=begin,
        progress=RefundProgress.CONFIRMED,
        at__gte=begin,
        at__lt=end,
    )
    found = confirmed.order_by().values_list("order__currency")
    return [Refunds(*row) for row in sorted(found.annotate(n=Count("pk"), amount=Sum("amount")))]


def best_products(vendor: Vendor, *, currency: str = "EUR", most: int = BEST) -> BestProducts:
    """Return what brought most in the shop's latest sold orders; of equals, what sold more units."""
    sold = Order.objects.for_vendor(vendor).filter(status__in=EARNS, currency=currency)
    latest = sold.order_by("-placed_at", "-pk")[:BEST_OF]
    placed = list(latest.values_list("placed_at", flat=True))
    lines = OrderLine.objects.filter(
        order__in=latest.values("pk"), kind=LineKind.PRODUCT, product__isnull=False
    )
    found = (
        lines.order_by()
        .values("product", "product__name", "product__sku")
        .annotate(units=Sum(F("quantity") - F("units_refunded")), sales=Sum(F("total") - F("refunded_total")))
        .filter(Q(units__gt=0) | Q(sales__gt=0))
        .order_by("-sales", "-units", "product")[:most]
    )
    return BestProducts(
        currency,
        orders=len(placed),
        since=placed[-1] if placed else None,
        products=[
            BestProduct(row["product"], row["product__name"], row["product__sku"], row["units"], row["sales"])
            for row in found
        ],
    )
