"""The order list as a table: which columns, for whom, sorted how, and what each row offers."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import django_tables2 as tables
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from orders.models import Order
from orders.table_rows import RowMaker, row_words
from vendors.models import User

ROWS = "orders/list_rows.jinja"
AMOUNTS = frozenset({"total", "earnings"})
# A person may leave these out, or add them; the number and the status are always there.
USUAL_COLUMNS = ("total", "earnings", "customer", "placed_at")
OPTIONAL_COLUMNS = (*USUAL_COLUMNS, "payment", "delivery", "town")


def columns_of(person: User, may: dict[str, bool]) -> set[str]:
    """Return the optional columns that the person sees in a shop where the role allows ``may``."""
    chosen = USUAL_COLUMNS if person.list_columns is None else person.list_columns
    return set(chosen) - (set() if may["view_amounts"] else AMOUNTS)


def out_of_sight(person: User, may: dict[str, bool]) -> set[str]:
    """Return the chosen columns that this shop does not offer the person: choices here leave them alone."""
    everything = columns_of(person, {"view_amounts": True})
    return everything & AMOUNTS if not may["view_amounts"] else set()


@dataclass(frozen=True)
class Heading:
    """A column's head: its label, and what sorting by it asks for; ``sort`` is empty where it cannot be."""

    name: str
    label: str
    css: str
    sort: str = ""
    direction: str = ""


class OrderColumn(tables.Column):  # type: ignore[misc]
    """A column with the class of its head."""

    def __init__(self, label: Any, css: str = "", *, is_sortable: bool = False) -> None:
        super().__init__(verbose_name=label, orderable=is_sortable)
        self.css = css


OF_SELECTION = ("fulfill", "issue_invoices", "view_invoices", "delivery_notes", "export")


class OrderTable(tables.Table):  # type: ignore[misc]
    """One page of orders.

    ``sort`` is the order that the rows have already, ``shop`` the shop's slug, ``may`` what the
    person's role allows, ``columns`` the optional ones that the person wants, ``invoiced`` the ids of
    the orders whose invoice is issued, ``guests`` of those without an account, ``ticked`` the numbers
    that are ticked already. Who may not see amounts
    has no column of amounts.
    """

    number = OrderColumn(pgettext_lazy("column", "Order"), is_sortable=True)
    total = OrderColumn(_("Order total"), "num", is_sortable=True)
    earnings = OrderColumn(_("Gains (incl. VAT)"), "num", is_sortable=True)
    status = OrderColumn(_("Status"))
    customer = OrderColumn(_("Customer"))
    placed_at = OrderColumn(_("Date"), is_sortable=True)
    payment = OrderColumn(_("Payment"))
    delivery = OrderColumn(_("Delivery"))
    town = OrderColumn(_("Town"))

    class Meta:
        orderable = False
        template_name = "orders/_list_table.html"

    def __init__(
        self,
        orders: Sequence[Order],
        *,
        sort: str,
        shop: str,
        may: dict[str, bool],
        now: datetime,
        columns: Collection[str] = USUAL_COLUMNS,
        invoiced: Collection[int] = (),
        guests: Collection[int] = (),
        ticked: Collection[str] = (),
    ) -> None:
        self.chosen = set(columns) - (set() if may["view_amounts"] else AMOUNTS)
        super().__init__(orders, exclude=set(OPTIONAL_COLUMNS) - self.chosen)
        self.sort, self.shop, self.may, self.now = sort, shop, may, now
        self.invoiced, self.guests, self.ticked = invoiced, guests, ticked

    @property
    def shows_amounts(self) -> bool:
        return self.may["view_amounts"]

    @property
    def has_selection(self) -> bool:
        """Whether the person may do anything with a selection."""
        return any(self.may[name] for name in OF_SELECTION)

    def headings(self) -> Iterator[Heading]:
        """The columns' heads; a second click on one turns the order round, the first one goes down."""
        for column in self.columns:
            css = column.column.css
            if not column.orderable:
                yield Heading(column.name, column.header, css)
            elif self.sort.removeprefix("-") == column.name:
                falls = self.sort.startswith("-")
                turned = column.name if falls else f"-{column.name}"
                yield Heading(column.name, column.header, css, turned, "descending" if falls else "ascending")
            else:
                yield Heading(column.name, column.header, css, f"-{column.name}")

    @cached_property
    def sorts(self) -> list[tuple[str, str]]:
        """Every order that the list may have, named: for the narrow forms, which have no heads."""
        names = [
            ("-placed_at", _("Newest first")),
            ("placed_at", _("Oldest first")),
            ("-total", _("Highest total first")),
            ("total", _("Lowest total first")),
            ("-earnings", _("Highest gains first")),
            ("earnings", _("Lowest gains first")),
            ("-number", _("Highest number first")),
            ("number", _("Lowest number first")),
        ]
        return [
            (sort, str(name))
            for sort, name in names
            if self.shows_amounts or sort.removeprefix("-") not in AMOUNTS
        ]

    def choices(self) -> list[tuple[str, str, bool]]:
        """The columns that the person may leave out or add: name, label, whether it is there."""
        return [
            (name, str(self.base_columns[name].verbose_name), name in self.chosen)
            for name in OPTIONAL_COLUMNS
            if self.shows_amounts or name not in AMOUNTS
        ]

    @cached_property
    def sort_name(self) -> str:
        return dict(self.sorts)[self.sort]

    def rows_as_html(self) -> SafeString:
        """The page's rows, by a Jinja template: a sixth of what Django's own would take for them."""
        maker = RowMaker(self.shop, self.may, self.now, self.invoiced, self.guests)
        rows = [maker.row(bound.record) for bound in self.rows]
        shows = {
            "selection": self.has_selection,
            **{column: column in self.chosen for column in OPTIONAL_COLUMNS},
            "invoices": self.may["view_invoices"],
            "notes": self.may["delivery_notes"],
        }
        words = row_words(get_language())
        shown = {"rows": rows, "shows": shows, "words": words, "ticked": self.ticked}
        html = get_template(ROWS, using="jinja2").render(shown)
        return SafeString(html)  # a template of our own made it, with its escaping  # nosec B703
