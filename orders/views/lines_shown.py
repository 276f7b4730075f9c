"""The lines of one order as its page shows them: how far each is on its way."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from django.utils.translation import ngettext

from marketplace.formats import decimal
from orders.domain.parcels import units_left
from orders.models import Order, OrderLine


class LineShown(NamedTuple):
    """A line, and in words how many of its units are shipped and to be shipped; none where no parcel left."""

    line: OrderLine
    progress: str


def lines_shown(order: Order, lines: Sequence[OrderLine]) -> tuple[list[LineShown], int]:
    """Return the lines, and how many units of a partly shipped order are to be shipped.

    Its parcels are loaded.
    """
    if not order.is_partly_shipped:
        return [LineShown(line, "") for line in lines], 0
    shipped: Counter[int] = Counter()
    for parcel in order.shipments.all():
        shipped.update({part.line_id: part.units for part in parcel.lines.all()})
    left = units_left(order)
    shown = [LineShown(line, _progress(shipped[line.pk], left.get(line.pk, 0))) for line in lines]
    return shown, sum(left.values())


def _progress(shipped: int, left: int) -> str:
    parts = []
    if shipped:
        parts.append(ngettext("%(n)s shipped", "%(n)s shipped", shipped) % {"n": decimal(shipped, 0)})
    if left:
        parts.append(ngettext("%(n)s to ship", "%(n)s to ship", left) % {"n": decimal(left, 0)})
    return ", ".join(parts)
