"""What a shop's orders come to: read from the tally, whatever their number; checked, and counted anew.

Groups of a range of days are sums of a few hundred rows: whole months, and the days at both ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, IntegerField, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from marketplace.questions import Question, read_from
from orders.models import Tally
from orders.models.orders import OrderQuerySet, is_late
from orders.models.tally import Span
from orders.models.tally_triggers import (
    AMOUNTS,
    GROUP,
    ORDERS,
    SHOPS,
    TALLY,
    VISIBLE,
    cents,
    count_tally,
    day,
)
from orders.states import OrderStatus, RefundState
from vendors.models import Vendor

ZERO = Decimal("0.00")
NOBODY, FIRST, LAST = -1, date(1970, 1, 2), date(2999, 12, 30)  # a shop and days that nobody asks for


@dataclass(frozen=True)
class Group:
    """Orders that are alike: how many, and their sums; ``total`` is after refunds."""

    status: str
    stage: str
    refund_state: str
    currency: str
    orders: int
    total: Decimal = ZERO
    earnings: Decimal = ZERO

    def is_under(self, status: str) -> bool:
        """Whether these orders stand under the menu's entry ``status``; every one under the empty entry."""
        if status == OrderStatus.REFUNDED:
            return self.status == status or self.refund_state != RefundState.NONE
        return status in ("", self.status)


def rows_between(
    vendor: Vendor, first: date | None, last: date | None, *, by_month: bool = True
) -> QuerySet[Tally]:
    """Return the tally's rows whose sum is the shop's orders of these days, both ends included.

    ``by_month`` takes whole months as one row a group; without it each row is of one day.
    """
    rows = Tally.objects.filter(vendor=vendor)
    if not by_month:
        within = {"day__gte": first, "day__lte": last}
        rows = rows.filter(**{name: day for name, day in within.items() if day})
        return rows.filter(Q(span=Span.NEW) | Q(span=Span.DAY))  # each has an index of its own
    months = Q(span=Span.MONTH)
    edges: Q | None = None
    first, from_month, last, next_month = bounds(first, last)
    if first:
        rows = rows.filter(day__gte=first)
        months &= Q(day__gte=from_month)
        edges = Q(day__lt=from_month)
    if last:
        rows = rows.filter(day__lte=last)
        months &= Q(day__lt=next_month)
        edges = Q(day__gte=next_month) if edges is None else edges | Q(day__gte=next_month)
    spans = Q(span=Span.NEW) | months
    return rows.filter(spans if edges is None else spans | Q(Q(span=Span.DAY) & edges))


def bounds(first: date | None, last: date | None) -> tuple[date | None, ...]:
    """Return the first day and where months begin, the last one and where they end."""
    from_month = _month_on_or_after(first) if first else None
    return first, from_month, last, _month_on_or_before(last + timedelta(days=1)) if last else None


def _month_on_or_after(day: date) -> date:
    return day if day.day == 1 else (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _month_on_or_before(day: date) -> date:
    return day.replace(day=1)


def tallied(
    vendor: Vendor,
    *,
    first: date | None = None,
    last: date | None = None,
    stage: str = "",
    with_amounts: bool = True,
) -> list[Group]:
    """Return the shop's orders of these days as groups, from the tally, in one query.

    ``stage`` leaves the other stages out; without ``with_amounts`` no amount is read.
    """
    database, nobodys = read_from(Tally), (first and FIRST, last and LAST)
    meant = dict(zip([NOBODY, *bounds(*nobodys)], [vendor.pk, *bounds(first, last)], strict=True))
    question = _question(database.vendor, *nobodys, stage, with_amounts)
    return [tallied_group(row) for row in question.ask(database, meant)]


@cache
def _question(
    _database: str, first: date | None, last: date | None, stage: str, with_amounts: bool
) -> Question:
    """Put the question together, once for each kind of database and form of it."""
    nobody = Vendor(pk=NOBODY)
    return Question.of(tally_rows(nobody, first=first, last=last, stage=stage, with_amounts=with_amounts))


def beside(orders: OrderQuerySet) -> Coalesce:
    """How many ``orders`` of one shop there are, to be asked with something else."""
    number = orders.order_by().values("vendor").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)


def tally_rows(
    vendor: Vendor, *, first: date | None, last: date | None, stage: str, with_amounts: bool
) -> Any:
    """Return the rows that ``tallied_group`` makes groups of."""
    rows = rows_between(vendor, first, last)
    if stage:
        rows = rows.filter(stage=stage)
    amounts = (
        {
            "total": Sum(F("total_cents") - F("refunded_cents")),
            "earnings": Sum("earnings_cents"),
        }
        if with_amounts
        else {}
    )
    found = rows.values(*GROUP).annotate(count=Sum("orders"), **amounts)
    return found.filter(count__gt=0)


def tallied_group(row: dict[str, Any]) -> Group:
    return _group(row, euros(row.get("total", 0)), euros(row.get("earnings", 0)))


def counted(orders: OrderQuerySet, at: datetime, *, with_amounts: bool = True) -> tuple[list[Group], int]:
    """Count these orders one by one, in one query: groups, and how many are late ``at``."""
    amounts = {"total": Sum("net_total"), "earnings": Sum("earnings")} if with_amounts else {}
    found = (
        orders.order_by()
        .values(*GROUP)
        .annotate(count=Count("pk"), late=Count("pk", filter=is_late(at)), **amounts)
    )
    rows = list(found)
    groups = [_group(row, row.get("total", ZERO), row.get("earnings", ZERO)) for row in rows]
    return groups, sum(row["late"] for row in rows)


def _group(values: dict[str, Any], total: Decimal, earnings: Decimal) -> Group:
    return Group(
        status=values["status"],
        stage=values["stage"],
        refund_state=values["refund_state"],
        currency=values["currency"],
        orders=values["count"],
        total=total,
        earnings=earnings,
    )


def euros(amount: int) -> Decimal:
    """Whole cents as an amount with two decimals."""
    return Decimal(amount).scaleb(-2)


# Checked, and counted anew


@dataclass(frozen=True)
class Difference:
    """A group for which the tally and the orders do not say the same."""

    span: str
    day: date
    status: str
    stage: str
    refund_state: str
    currency: str
    orders: int

    def __str__(self) -> str:
        group = " ".join(filter(None, [self.status, self.stage, self.refund_state, self.currency]))
        return f"{self.span} {self.day} {group}: {self.orders:+d} orders"


def differences(vendor: Vendor) -> list[Difference]:
    """Compare the shop's tally with its orders, days and months; empty where it is right.

    Orders are counted by the same state of the database that the tally is read from. A
    difference of amounts alone has ``orders`` 0.
    """
    return [found for span in (Span.DAY, Span.MONTH) for found in _differences(vendor, span)]


def _differences(vendor: Vendor, span: Span) -> Iterator[Difference]:
    tally_day = day_of_row(span)
    sums = ", ".join(f"SUM({name})" for name in AMOUNTS)
    wrong = " OR ".join(f"SUM({name}) <> 0" for name in ("orders", *AMOUNTS))
    group = ", ".join(GROUP)
    counted = ", ".join(f"-{cents(connection.vendor, f'o.{name}')} AS {name}" for name in AMOUNTS.values())
    renamed = ", ".join(f"{column} AS {name}" for name, column in AMOUNTS.items())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT day, {group}, SUM(orders), {sums} FROM ("
            f"SELECT {tally_day} AS day, {group}, orders, {', '.join(AMOUNTS)} FROM {TALLY} "
            f"WHERE vendor_id = %s AND span IN ('new', %s) UNION ALL "
            f"SELECT day, {group}, orders, {renamed} FROM ("
            f"SELECT {day(connection.vendor, span)} AS day, {', '.join(f'o.{name}' for name in GROUP)}, "
            f"-1 AS orders, {counted} FROM {ORDERS} o JOIN {SHOPS} v ON v.id = o.vendor_id "
            f"WHERE v.id = %s AND {VISIBLE.format(o='o')}) AS counted) AS both_ways "
            f"GROUP BY day, {group} HAVING {wrong} ORDER BY day",
            [vendor.pk, span, vendor.pk],
        )
        for row in cursor.fetchall():
            yield Difference(span.value, *row[: len(GROUP) + 2])


def day_of_row(span: Span) -> str:
    """SQL for the day of a tally's row, or the first one of its month."""
    if span == Span.DAY:
        return "day"
    return (
        "date(day, 'start of month')" if connection.vendor == "sqlite" else "date_trunc('month', day)::date"
    )


@transaction.atomic
def repair(vendor: Vendor) -> None:
    """Count the shop's tally anew from its orders; nobody who writes orders waits for it on PostgreSQL."""
    count_tally(vendor.pk)
