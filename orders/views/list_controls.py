"""What stands above the rows of the list: menu of states, quick filters, periods, chips, exports, views."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from marketplace.formats import short_date
from orders.filters import NUMBER_SIGN, OrderFilter
from orders.periods import Period, periods
from orders.states import MEANINGS, OrderStatus, Stage
from vendors.access import VendorRequest

WITHOUT_CONTROL = ("status", "late", "sort")  # links choose them; the form of the filters has no field


def controls_of(request: VendorRequest, order_filter: OrderFilter, today: date) -> dict[str, Any]:
    """Everything above the rows: menu, quick filters, periods, chips, exports."""
    values, form = order_filter.values, order_filter.form
    menu, spans = _menu(order_filter), periods(today)
    days = (values.get("placed_after"), values.get("placed_before"))
    period = next((period for period in spans if (period.first, period.last) == days), None)
    return {
        "menu": menu,
        "chosen": next((entry for entry in menu if entry.status and entry.is_chosen), None),
        "quick_filters": _quick_filters(request, order_filter),
        "periods": spans,
        "period": period,
        "has_own_days": any(days) and period is None,
        "days": [form["placed_after"], form["placed_before"]],
        "stages": Stage.choices,
        "kept": [(name, request.GET[name]) for name in WITHOUT_CONTROL if request.GET.get(name)],
        "without_control": WITHOUT_CONTROL,
        "chips": _chips(request, values, period),
        "selection_query": urlencode(parameters(values.items())),
        "exports": _exports(request, values) if request.may["export"] else None,
    }


@dataclass(frozen=True)
class Entry:
    """One entry of the status menu; ``count`` is None where a filter is wrong."""

    status: str
    label: str
    meaning: str
    count: int | None
    is_chosen: bool


def _menu(order_filter: OrderFilter) -> list[Entry]:
    chosen = order_filter.values.get("status", "") if order_filter.is_valid() else None
    counts = order_filter.summary.counts if order_filter.is_valid() else {}
    labels = [("", pgettext("statuses", "All"), ""), *((s.value, s.label, MEANINGS[s]) for s in OrderStatus)]
    return [
        Entry(status, str(label), str(meaning), counts.get(status), status == chosen)
        for status, label, meaning in labels
    ]


@dataclass(frozen=True)
class QuickFilter:
    """What must be done now, one click away; ``count`` is None where other filters hide it."""

    label: str
    icon: str
    address: str
    count: int | None
    is_chosen: bool


def _quick_filters(request: VendorRequest, order_filter: OrderFilter) -> list[QuickFilter]:
    to_prepare = {"status": OrderStatus.PROCESSING.value, "stage": Stage.TO_PREPARE.value}
    counts = (order_filter.summary.to_prepare, order_filter.summary.late) if order_filter.is_valid() else None
    shown = {
        name: value for name, value in order_filter.values.items() if name in ("status", "stage", "late")
    }
    others = dict(parameters(request.GET.items(), but=("status", "stage", "late")))
    return [
        QuickFilter(
            label,
            icon,
            "?" + urlencode(others if shown == params else {**others, **params}),
            count=counts[place]
            if counts and (shown == params or not shown.keys() & {"stage", "late"})
            else None,
            is_chosen=shown == params,
        )
        for place, (label, icon, params) in enumerate(
            [(_("To prepare"), "orders", to_prepare), (_("Late"), "clock", {"late": "1"})]
        )
    ]


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address without it."""

    name: str
    value: str
    without: str


def _chips(request: VendorRequest, values: dict[str, Any], period: Period | None) -> list[Chip]:
    days = period.said if period else _said_days(values.get("placed_after"), values.get("placed_before"))
    stage = Stage(values["stage"]).label if "stage" in values else ""
    said = [
        (_("Date"), days, ("placed_after", "placed_before")),
        (_("Customer"), values.get("customer", ""), ("customer",)),
        (_("Number"), values.get("q", ""), ("q",)),
        (_("Stage"), stage, ("stage",)),
        (_("Delay"), _("late") if "late" in values else "", ("late",)),
    ]
    return [
        Chip(name, str(value), "?" + urlencode(parameters(request.GET.items(), but=names)))
        for name, value, names in said
        if value
    ]


def _said_days(first: date | None, last: date | None) -> str:
    if first and last:
        both = _("%(first)s to %(last)s") % {"first": short_date(first), "last": short_date(last)}
        return short_date(first) if first == last else both
    if first:
        return _("since %(first)s") % {"first": short_date(first)}
    return _("until %(last)s") % {"last": short_date(last)} if last else ""


@dataclass(frozen=True)
class Instead:
    """Another place to look for what a text filter did not find."""

    label: str
    address: str


def instead_of(request: VendorRequest, values: dict[str, Any]) -> Instead | None:
    """Where what was typed may belong: a number, a name or an address in the wrong field."""
    name, number = values.get("customer", ""), values.get("q", "")
    others = parameters(request.GET.items(), but=("customer", "q"))
    if "@" in name:
        address = reverse("customers:list", args=[request.vendor.slug]) + "?" + urlencode({"q": name})
        return Instead(_("Look for this address among the customers"), address)
    if digits := number_in(name):
        label = _("Look for order number %(number)s") % {"number": digits}
        return Instead(label, "?" + urlencode([*others, ("q", digits)]))
    if number.replace(" ", "").isalpha():
        label = _("Look for the customer “%(name)s”") % {"name": number}
        return Instead(label, "?" + urlencode([*others, ("customer", number)]))
    return None


def number_in(text: str) -> str:
    """Return the order number that a text is, without its sign; empty where it is none."""
    number = NUMBER_SIGN.sub("", text, count=1)
    return number if number.isdecimal() else ""


def parameters(pairs: Iterable[tuple[str, Any]], *, but: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Name and value of each parameter that says something; the place in the list is left out."""
    return [(name, str(value)) for name, value in pairs if value and name not in ("cursor", *but)]


@dataclass(frozen=True)
class Export:
    label: str
    address: str


def _exports(request: VendorRequest, values: dict[str, Any]) -> dict[str, list[Export]]:
    """The files of the selection and of the whole shop; the first of each is the usual one."""
    return {"selection": _files(request, dict(parameters(values.items()))), "shop": _files(request, {})}


def _files(request: VendorRequest, params: dict[str, str]) -> list[Export]:
    csv, xlsx = (reverse(f"orders:export_{kind}", args=[request.vendor.slug]) for kind in ("csv", "xlsx"))
    return [
        Export(label, f"{address}?{query}" if (query := urlencode({**more, **params})) else address)
        for label, address, more in [
            (_("CSV, one row per order"), csv, {}),
            (_("CSV, one row per item"), csv, {"rows": "lines"}),
            (_("CSV for Excel (French)"), csv, {"dialect": "excel"}),
            (_("Excel workbook (.xlsx)"), xlsx, {}),
        ]
    ]
