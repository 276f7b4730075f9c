"""One filter: the list, the menu's counts, the totals and every export use it.

``OrderFilter(request.GET, queryset=…, vendor=…, may_see_amounts=…)``. A wrong value leaves no
row at all: the list says so beside the field, an export refuses.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django_filters import CharFilter, ChoiceFilter, DateFilter, FilterSet

from marketplace.questions import Question, read_from
from orders.domain.summaries import Summary
from orders.domain.tallies import FIRST, LAST, NOBODY, beside, bounds, counted, tallied_group, tally_rows
from orders.models import Order, Tally
from orders.models.customers import normalise
from orders.models.orders import OrderQuerySet
from orders.paging import Keyset
from orders.states import OrderStatus, Stage
from vendors.models import Vendor

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
NUMBER_SIGN = re.compile(r"^\s*(#|№|n[°ºo]\.?(?![a-z]))?\s*", re.IGNORECASE)
SORTS = {"number": "number_value", "total": "net_total", "earnings": "earnings", "placed_at": "placed_at"}
SORTS_OF_AMOUNTS = frozenset({"total", "earnings"})
DEFAULT_SORT = "-placed_at"
PARAMETERS = frozenset(
    {"status", "stage", "late", "placed_after", "placed_before", "customer", "q", "sort"}
)  # what the list's address may ask for, but the place in it
TALLIED = frozenset({"status", "stage", "placed_after", "placed_before"})  # what the tally can tell
TEXTS: dict[str, Callable[..., OrderQuerySet]] = {
    "customer": OrderQuerySet.named,
    "q": OrderQuerySet.numbered,
}
FEW = 10_000  # orders; looked up first they cost less than going through a shop for a page of them


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
    the shop's time zone, both ends included. ``queryset`` is all of the
    shop's orders. Whoever may not see amounts cannot sort by them.
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
        data: QueryDict | dict[str, Any],
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

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The first and the last day asked for."""
        return self.values.get("placed_after"), self.values.get("placed_before")

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

    @property
    def first_of_selection(self) -> OrderQuerySet:
        """The selection, for a page of it: names and numbers that few orders have are looked up first."""
        return self._narrowed(set(self.filters), few=self.summary.orders <= FEW)

    @cached_property
    def ordered(self) -> OrderQuerySet:
        return self.selection.order_by(*self.keyset.order_by)

    @property
    def qs(self) -> OrderQuerySet:
        return self.ordered

    def _narrowed(self, names: set[str], *, few: bool = False) -> OrderQuerySet:
        orders: OrderQuerySet = self.queryset.all()
        if not self.is_valid():
            return orders.none()
        for name in names & set(self.values):
            if few and name in TEXTS:
                orders = TEXTS[name](orders, self.values[name], of=self.vendor)
                continue
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
        return orders.named(prefix, of=self.vendor, first=False)

    def numbered(self, orders: OrderQuerySet, _name: str, prefix: str) -> OrderQuerySet:
        return orders.numbered(prefix, of=self.vendor, first=False)

    def _midnight(self, day: date) -> datetime:
        """The moment a day begins in the shop; where midnight is skipped or doubled, its first moment."""
        return datetime.combine(day, time.min, tzinfo=ZoneInfo(self.vendor.time_zone))

    @cached_property
    def summary(self) -> Summary:
        """Counts for the menu and totals of the selection: from the tally unless a row must be looked at."""
        status, values = self.values.get("status", ""), self.values
        if not self.is_valid():
            return Summary(status, [], late=0)
        if not values.keys() <= TALLIED:
            found, late = counted(self.without_status, self.now, with_amounts=self.may_see_amounts)
            return Summary(status, found, late=late)
        rows = self._ask_tally()
        return Summary(status, [tallied_group(row) for row in rows], late=rows[0]["late"] if rows else 0)

    def _ask_tally(self) -> list[dict[str, Any]]:
        """Ask the tally, by the question of a filter just like this one, of nobody's shop."""
        database, stage = read_from(Tally), self.values.get("stage", "")
        first, last = self.days
        form = (first and FIRST, last and LAST, stage, self.may_see_amounts)
        question, stand_ins = _question_of_tally(database.vendor, *form)
        return question.ask(database, dict(zip(stand_ins, self.asked_with, strict=True)))

    @property
    def asked_with(self) -> list[Any]:
        """What the question to the tally is asked with: the shop, the moment, days and where they begin."""
        first, last = self.days
        midnights = [first and self._midnight(first), last and self._midnight(last + timedelta(days=1))]
        return [self.vendor.pk, self.now, *bounds(first, last), *midnights]

    def tally(self) -> Any:
        """Groups of the tally, each with how many of all these orders are late."""
        (first, last), stage = self.days, self.values.get("stage", "")
        rows = tally_rows(self.vendor, first=first, last=last, stage=stage, with_amounts=self.may_see_amounts)
        return rows.annotate(late=beside(self.without_status.late(self.now)))


@cache
def _question_of_tally(
    _database: str, first: date | None, last: date | None, stage: str, may_see_amounts: bool
) -> tuple[Question, list[Any]]:
    """Put the question together for filters of such a form, once for each kind of database."""
    nobody = Vendor(pk=NOBODY, time_zone="UTC")
    form = {"stage": stage, "placed_after": first, "placed_before": last}
    stand_in = OrderFilter(
        form,
        Order.objects.for_vendor(nobody),
        vendor=nobody,
        may_see_amounts=may_see_amounts,
        now=datetime(1970, 1, 1, tzinfo=UTC),
    )
    return Question.of(stand_in.tally()), stand_in.asked_with
