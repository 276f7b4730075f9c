"""What keeps the office's lists quick, however long a table is: pages, searches and dates by index."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Max, Min, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property

YEARS = (1900, 9000)  # that a list may be narrowed to
MOST_RELATED = 1_000  # rows of another table that a search may lead through


class CappedPaginator(Paginator[Any]):
    """Pages that never count a whole table: beyond ``MOST`` rows the count says ``MOST``."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most ``MOST``."""
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[: self.MOST].count()


class SearchedSelect(AutocompleteSelect):
    """Django's field that is searched in; what is no number is a wrong choice, where Django's breaks."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> list[Any]:
        numbers = [one for one in value if str(one).isdecimal() and len(str(one)) < 19]
        return list(super().optgroups(name, numbers, attrs))


class WithSearchedSelects:
    """The form of a page or an inline, with ``SearchedSelect`` for its ``autocomplete_fields``."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs["widget"] = SearchedSelect(db_field, self.admin_site)  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class OrderedList(ChangeList):
    """A list in the order of its index; on a long table every other one would sort the whole of it."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        if not self.sortable_by:
            self.params.pop(ORDER_VAR, None)
        return list(super().get_ordering(request, queryset))


def found_exactly(rows: QuerySet[Any], names: list[str], text: str) -> QuerySet[Any]:
    """Return the rows of which one of ``names`` is exactly ``text``.

    A name of another table (``order__number``) is looked up there first, so that the list is
    asked for columns of its own, each of which has an index; an OR over joins has none.
    """
    wanted = Q(pk__in=[])
    for name in names:
        own, _sep, column = name.partition("__")
        if not column:
            wanted |= Q(**{own: text})
            continue
        related = cast(type[Model], rows.model._meta.get_field(own).related_model)
        keys = related._base_manager.filter(**{column: text}).values_list("pk", flat=True)[:MOST_RELATED]
        wanted |= Q(**{f"{own}__in": list(keys)})
    return rows.filter(wanted)


class ByDate(admin.SimpleListFilter):
    """Years, of a year its months, of a month its days: read from the first and the last date alone.

    Django's own date hierarchy asks for all the different dates of a table.
    """

    field = ""

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        self.column = model._meta.get_field(self.field)
        self.title = getattr(self.column, "verbose_name", self.field)
        super().__init__(request, params, model, model_admin)

    @property
    def chosen(self) -> tuple[int, ...]:
        """The year, month and day that are chosen; empty for none, and for nonsense."""
        try:
            parts = tuple(int(part) for part in (self.value() or "").split("-") if part)
            date(*(*parts, 1, 1)[:3])
        except (ValueError, OverflowError, TypeError):
            return ()
        return parts if len(parts) <= 3 and YEARS[0] <= parts[0] <= YEARS[1] else ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ends = model_admin.model._base_manager.aggregate(first=Min(self.field), last=Max(self.field))
        if ends["first"] is None:
            return []
        first, last = _day(ends["first"]), _day(ends["last"])
        return list(_periods(self.chosen, first, last))

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.chosen:
            return queryset
        start, end = _bounds(self.chosen)
        if isinstance(self.column, DateTimeField):
            start, end = _midnight(start), _midnight(end)
        return queryset.filter(**{f"{self.field}__gte": start, f"{self.field}__lt": end})


def by_date(field: str) -> type[ByDate]:
    """Return the filter of a date or a moment; the column needs an index."""
    return type("ByDate", (ByDate,), {"field": field, "parameter_name": f"{field}_in"})


def _periods(chosen: tuple[int, ...], first: date, last: date) -> Iterator[tuple[str, str]]:
    """Yield what may be chosen: the years, the chosen year's months, the chosen month's days."""
    for year in range(last.year, first.year - 1, -1):
        yield str(year), str(year)
        if chosen and chosen[0] == year:
            yield from _months(year, chosen, first, last)


def _months(year: int, chosen: tuple[int, ...], first: date, last: date) -> Iterator[tuple[str, str]]:
    for month in range(1, 13):
        start, end = _bounds((year, month))
        if not (start <= last and first < end):
            continue
        yield f"{year}-{month:02}", date_format(start, "F Y")
        if chosen[1:2] == (month,):
            days = [start + timedelta(days=n) for n in range((end - start).days)]
            yield from ((d.isoformat(), date_format(d, "l j F")) for d in days if first <= d <= last)


def _bounds(chosen: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the first day of the period, and the first one after it."""
    year, month, day = (*chosen, 0, 0)[:3]
    if day:
        start = date(year, month, day)
        return start, start + timedelta(days=1)
    if month:
        return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _day(moment: date) -> date:
    return timezone.localdate(moment) if isinstance(moment, datetime) else moment


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
