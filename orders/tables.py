"""The order list as a table: which columns, for whom, sorted how, and what each row offers."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from orders.models import Order
from orders.table_rows import RowMaker, row_words

ROWS = "orders/list_rows.jinja"


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


OF_SELECTION = ("fulfill", "issue_invoices", "view_invoices", "delivery_notes")


class OrderTable(tables.Table):  # type: ignore[misc]
    """One page of orders.

    ``sort`` is the order that the rows have already, ``shop`` the shop's slug, ``may`` what the
    person's role allows, ``invoiced`` the ids of the orders whose invoice is issued.
    Who may not see amounts has no column of amounts.
    """

    number = OrderColumn(pgettext_lazy("column", "Order"), is_sortable=True)
    total = OrderColumn(_("Order total"), "num", is_sortable=True)
    earnings = OrderColumn(_("Gains (incl. VAT)"), "num", is_sortable=True)
    status = OrderColumn(_("Status"))
    customer = OrderColumn(_("Customer"))
    placed_at = OrderColumn(_("Date"), is_sortable=True)

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
        invoiced: Collection[int] = (),
    ) -> None:
        super().__init__(orders, exclude=() if may["view_amounts"] else ("total", "earnings"))
        self.sort, self.shop, self.may, self.now, self.invoiced = sort, shop, may, now, invoiced

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
        return [(sort, str(name)) for sort, name in names if sort.removeprefix("-") in self.columns.names()]

    @property
    def sort_name(self) -> str:
        return dict(self.sorts())[self.sort]

    def rows_as_html(self) -> SafeString:
        """The page's rows, by a Jinja template: a sixth of what Django's own would take for them."""
        maker = RowMaker(self.shop, self.may, self.now, self.invoiced)
        rows = [maker.row(bound.record) for bound in self.rows]
        shows = {
            "selection": self.has_selection,
            "amounts": self.shows_amounts,
            "invoices": self.may["view_invoices"],
            "notes": self.may["delivery_notes"],
        }
        words = row_words()
        html = get_template(ROWS, using="jinja2").render({"rows": rows, "shows": shows, "words": words})
        return SafeString(html)
