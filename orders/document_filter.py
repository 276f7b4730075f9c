"""A shop's issued documents, narrowed by a query string: the page and its ZIP use the same filter."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.db.models import F, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from orders.domain.continuity import CHAINED, Continuity
from orders.models import Document, DocumentKind, Order
from orders.models.customers import normalise
from vendors.models import Vendor

KINDS = [(DocumentKind.INVOICE.value, _("Invoices")), (DocumentKind.CREDIT_NOTE.value, _("Credit notes"))]
LAST_ID = 2**62


class DocumentFilter(forms.Form):
    """Kind, year or month of issue, and a number or a customer; a wrong value leaves no document at all.

    ``before`` is the id that a page begins after.
    """

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[("", _("All")), *KINDS],
        required=False,
        error_messages={"invalid_choice": _("There is no kind “%(value)s”.")},
    )
    year = forms.ChoiceField(
        label=_("Year"),
        required=False,
        error_messages={"invalid_choice": _("Nothing was issued in “%(value)s”.")},
    )
    month = forms.ChoiceField(
        label=_("Month of issue"),
        required=False,
        error_messages={"invalid_choice": _("Nothing was issued in “%(value)s”.")},
    )
    q = forms.CharField(
        label=_("Number or customer"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    before = forms.IntegerField(
        label=_("Page"), min_value=1, max_value=LAST_ID, required=False, widget=forms.HiddenInput
    )

    def __init__(self, data: Any, *, vendor: Vendor, series: Sequence[Continuity]) -> None:
        super().__init__(data, label_suffix="")
        self.vendor = vendor
        self.years = sorted({one.year for one in series}, reverse=True)
        self.fields["year"].choices = [("", _("All years")), *((str(y), str(y)) for y in self.years)]  # type: ignore[attr-defined]
        self.fields["month"].choices = [("", _("All months")), *_months(series)]  # type: ignore[attr-defined]

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields that the page shows beside the tabs."""
        return [self[name] for name in ("month", "year", "q")]

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is asked for."""
        return any(self.data.get(name) for name in self.fields)

    @property
    def selection(self) -> QuerySet[Document]:
        """The documents that the filter leaves, on all pages, newest first."""
        if not self.is_valid():
            return Document.objects.none()
        asked = self.cleaned_data
        wanted = Q(vendor=self.vendor, kind__in=[asked["kind"]] if asked["kind"] else CHAINED)
        if asked["year"]:
            wanted &= Q(year=int(asked["year"]))
        if asked["month"]:
            year, month = map(int, asked["month"].split("-"))
            first, last = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
            wanted &= Q(issued_on__gte=first, issued_on__lt=last)
        if asked["q"]:
            wanted &= self._named(asked["q"])
        return Document.objects.filter(wanted).order_by("-pk")

    @property
    def rows(self) -> QuerySet[Document]:
        """One page of it and what follows, with ``buyer``, ``net``, ``vat`` and ``corrected`` as they say."""
        chosen = self.selection
        if self.is_valid() and (before := self.cleaned_data["before"]):
            chosen = chosen.filter(pk__lt=before)
        return (
            chosen.select_related("order")
            .defer("snapshot")
            .annotate(
                buyer=KT("snapshot__buyer__lines__0"),
                net=KT("snapshot__totals__net"),
                vat=KT("snapshot__totals__vat"),
                corrected=F("corrects__number"),
            )
        )

    def _named(self, text: str) -> Q:
        found = Q(number__icontains=text) | Q(order__number__iexact=text)
        if normalise(text):
            mine = Order.objects.for_vendor(self.vendor)
            found |= Q(order__in=mine.named(text, of=self.vendor).values("pk"))
        return found


def _months(series: Sequence[Continuity]) -> list[tuple[str, str]]:
    """The months from the first issue to the last, newest first."""
    days = [day for one in series for day in (one.first_on, one.last_on) if day]
    if not days:
        return []
    first, last = min(days), max(days)
    numbers = range(last.year * 12 + last.month - 1, first.year * 12 + first.month - 2, -1)
    return [
        (f"{number // 12}-{number % 12 + 1:02d}", f"{MONTHS[number % 12 + 1]} {number // 12}")
        for number in numbers
    ]
