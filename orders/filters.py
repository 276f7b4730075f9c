"""One filter: the list, the menu's counts, the totals and every export use it.

``OrderFilter(request.GET, queryset=…, vendor=…, may_see_amounts=…)``. A wrong value leaves no
row at all: the list says so beside the field, an export refuses.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import Count, Q, Sum
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django_filters import CharFilter, ChoiceFilter, DateFilter, FilterSet

from marketplace.money import round_half_up
from orders.models import Order
from orders.models.customers import normalise
from orders.models.orders import OrderQuerySet
from orders.paging import Keyset
from orders.states import EARNS, EXPECTS, OrderStatus, RefundState, Stage
from vendors.models import Vendor

ZERO = Decimal("0.00")
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
NUMBER_SIGN = re.compile(r"^\s*(#|№|n[°ºo]\.?(?![a-z]))?\s*", re.IGNORECASE)
SORTS = {"number": "number_value", "total": "net_total", "earnings": "earnings", "placed_at": "placed_at"}
SORTS_OF_AMOUNTS = frozenset({"total", "earnings"})
DEFAULT_SORT = "-placed_at"


class OrderFilterForm(forms.Form):
    """What the filters' own fields cannot say alone: the order of rows, and rules between two fields."""

    sort = forms.ChoiceField(
        label=gettext_lazy("Sort order"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("The list cannot be sorted by “%(value)s”.")},
    )

    def clean_customer(self) -> str:
        name: str = self.cleaned_data["customer"]
        if name and not normalise(name):
            raise forms.ValidationError(_("Type the first letters of a name."))
        return name

    def clean_q(self) -> str:
        """A number as people write it: ``#1042`` and ``n° 1042`` are 1042."""
        number: str = NUMBER_SIGN.sub("", self.cleaned_data["q"], count=1)
        if self.cleaned_data["q"] and not number:
            raise forms.ValidationError(_("Type the first digits of a number."))
        return number

    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("placed_after"), self.cleaned_data.get("placed_before")
        if first and last and last < first:
            self.add_error("placed_before", _("The last day is before the first one."))
        return self.cleaned_data


class DayField(forms.DateField):
    """A day as ``2026-11-23``, of this age of the world."""

    def to_python(self, value: Any) -> date | None:
        try:
            day = super().to_python(value)
        except forms.ValidationError as error:
            raise forms.ValidationError(
                _("There is no day “%(value)s” in the calendar."), params={"value": str(value)[:40]}
            ) from error
        if day and not FIRST_DAY <= day <= LAST_DAY:
            raise forms.ValidationError(_("Choose a day between 1970 and 2999."))
        return day


class DayFilter(DateFilter):  # type: ignore[misc]
    field_class = DayField


class OrderFilter(FilterSet):  # type: ignore[misc]
    """Orders of one shop, narrowed and sorted by a query string.

    ``selection`` is what the filters leave, unordered; ``ordered`` and ``qs`` are the same
    sorted; ``without_status`` leaves the status aside, for the menu. Days are whole days of
    the shop's time zone, both ends included. Whoever may not see amounts cannot sort by them.
    """

    status = ChoiceFilter(
        label=gettext_lazy("Status"),
        choices=OrderStatus.choices,
        method="with_status",
        error_messages={"invalid_choice": gettext_lazy("There is no status “%(value)s”.")},
    )
    stage = ChoiceFilter(
        label=gettext_lazy("Stage"),
        choices=Stage.choices,
        method="at_stage",
        error_messages={"invalid_choice": gettext_lazy("There is no stage “%(value)s”.")},
    )
    late = ChoiceFilter(
        label=gettext_lazy("Late"),
        choices=[("1", gettext_lazy("Late"))],
        method="only_late",
        error_messages={
            "invalid_choice": gettext_lazy("“%(value)s” means nothing here: choose “Late” above the list.")
        },
    )
    placed_after = DayFilter(
        label=pgettext_lazy("day", "From"), input_formats=["%Y-%m-%d"], method="from_day"
    )
    placed_before = DayFilter(
        label=pgettext_lazy("day", "To"), input_formats=["%Y-%m-%d"], method="until_day"
    )
    customer = CharFilter(label=gettext_lazy("Customer"), max_length=200, method="named")
    q = CharFilter(label=gettext_lazy("Order number"), max_length=60, method="numbered")

    class Meta:
        model = Order
        fields: list[str] = []
        form = OrderFilterForm

    def __init__(
        self,
        data: QueryDict | dict[str, str],
        queryset: OrderQuerySet,
        *,
        vendor: Vendor,
        may_see_amounts: bool,
        now: datetime | None = None,
    ) -> None:
        super().__init__(data, queryset)
        self.vendor, self.may_see_amounts, self.now = vendor, may_see_amounts, now or timezone.now()
        self.form.fields["sort"].choices = [
            (sign + name, name)
            for name in SORTS
            if may_see_amounts or name not in SORTS_OF_AMOUNTS
            for sign in ("", "-")
        ]

    @cached_property
    def values(self) -> dict[str, Any]:
        """The filters in force, by name; empty where one of them is wrong."""
        if not self.is_valid():
            return {}
        return {name: value for name, value in self.form.cleaned_data.items() if value and name != "sort"}

    @cached_property
    def sort(self) -> str:
        """The order asked for, ``-placed_at`` unless told otherwise."""
        return (self.form.cleaned_data.get("sort") if self.is_valid() else "") or DEFAULT_SORT

    @property
    def keyset(self) -> Keyset:
        """The column and the direction of ``sort``."""
        return Keyset(SORTS[self.sort.removeprefix("-")], is_descending=self.sort.startswith("-"))

    @cached_property
    def without_status(self) -> OrderQuerySet:
        return self._narrowed({name for name in self.filters if name != "status"})

    @cached_property
    def selection(self) -> OrderQuerySet:
        return self._narrowed(set(self.filters))

    @cached_property
    def ordered(self) -> OrderQuerySet:
        return self.selection.order_by(*self.keyset.order_by)

    @property
    def qs(self) -> OrderQuerySet:
        return self.ordered

    def _narrowed(self, names: set[str]) -> OrderQuerySet:
        orders: OrderQuerySet = self.queryset.all()
        if not self.is_valid():
            return orders.none()
        for name in names & set(self.values):
            orders = self.filters[name].filter(orders, self.values[name])
        return orders

    def with_status(self, orders: OrderQuerySet, _name: str, status: str) -> OrderQuerySet:
        return orders.with_status(status)

    def at_stage(self, orders: OrderQuerySet, _name: str, stage: str) -> OrderQuerySet:
        return orders.filter(status=OrderStatus.PROCESSING, stage=stage)

    def only_late(self, orders: OrderQuerySet, _name: str, _value: str) -> OrderQuerySet:
        return orders.late(self.now)

    def from_day(self, orders: OrderQuerySet, _name: str, day: date) -> OrderQuerySet:
        return orders.filter(placed_at__gte=self._midnight(day))

    def until_day(self, orders: OrderQuerySet, _name: str, day: date) -> OrderQuerySet:
        return orders.filter(placed_at__lt=self._midnight(day + timedelta(days=1)))

    def named(self, orders: OrderQuerySet, _name: str, prefix: str) -> OrderQuerySet:
        return orders.named(prefix)

    def numbered(self, orders: OrderQuerySet, _name: str, prefix: str) -> OrderQuerySet:
        return orders.filter(number__prefix=prefix)

    def _midnight(self, day: date) -> datetime:
        """The moment a day begins in the shop; where midnight is skipped or doubled, its first moment."""
        return datetime.combine(day, time.min, tzinfo=ZoneInfo(self.vendor.time_zone))

    @cached_property
    def summary(self) -> "Summary":
        """Counts for the menu and totals of the selection, from one query."""
        amounts = {"total": Sum("net_total"), "earnings": Sum("earnings")} if self.may_see_amounts else {}
        groups = (
            self.without_status.order_by()
            .values("status", "refund_state", "stage", "currency")
            .annotate(orders=Count("pk"), late=Count("pk", filter=_is_late(self.now)), **amounts)
        )
        return Summary(self.values.get("status", ""), [Group(**group) for group in groups])


def _is_late(now: datetime) -> Q:
    return Q(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE, prepare_by__lt=now)


@dataclass(frozen=True)
class Group:
    """Orders that are alike: how many, how many late, and their sums."""

    status: str
    refund_state: str
    stage: str
    currency: str
    orders: int
    late: int
    total: Decimal = ZERO
    earnings: Decimal = ZERO

    def is_under(self, status: str) -> bool:
        """Whether these orders stand under the menu's entry ``status``; every one under the empty entry."""
        if status == OrderStatus.REFUNDED:
            return self.status == status or self.refund_state != RefundState.NONE
        return status in ("", self.status)


@dataclass(frozen=True)
class Sums:
    """Money of a selection in one currency: what is earned, and what is only expected."""

    currency: str
    total: Decimal
    earnings: Decimal
    expected_total: Decimal
    expected_earnings: Decimal


class Summary:
    """What the menu and the totals say; « refunded » counts partly refunded orders too."""

    def __init__(self, status: str, groups: list[Group]) -> None:
        self.groups, self.selected = groups, [group for group in groups if group.is_under(status)]

    @cached_property
    def counts(self) -> dict[str, int]:
        """Orders under each entry of the menu; the empty one counts each order once."""
        return {
            status: _count(g for g in self.groups if g.is_under(status))
            for status in ["", *OrderStatus.values]
        }

    @property
    def to_prepare(self) -> int:
        return _count(group for group in self.groups if group.stage == Stage.TO_PREPARE)

    @property
    def late(self) -> int:
        return sum(group.late for group in self.groups)

    @property
    def orders(self) -> int:
        """How many orders are selected, whatever their status."""
        return _count(self.selected)

    @property
    def sums(self) -> list[Sums]:
        """One row per currency, the commonest first; what is earned is added up, what is expected apart."""
        currencies: Counter[str] = Counter()
        for group in self.selected:
            currencies[group.currency] += group.orders
        return [
            self._sums(currency)
            for currency in sorted(currencies, key=lambda code: (-currencies[code], code))
        ]

    def _sums(self, currency: str) -> Sums:
        groups = [group for group in self.selected if group.currency == currency]
        earned = [group for group in groups if group.status in EARNS]
        expected = [group for group in groups if group.status in EXPECTS]
        return Sums(
            currency,
            total=round_half_up(sum((group.total for group in earned), ZERO)),
            earnings=round_half_up(sum((group.earnings for group in earned), ZERO)),
            expected_total=round_half_up(sum((group.total for group in expected), ZERO)),
            expected_earnings=round_half_up(sum((group.earnings for group in expected), ZERO)),
        )


def _count(groups: Iterable[Group]) -> int:
    return sum(group.orders for group in groups)
