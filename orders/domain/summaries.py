"""What the list's menu counts and its totals add up, from groups of orders."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from marketplace.money import round_half_up
from orders.domain.tallies import ZERO, Group
from orders.states import EARNS, EXPECTS, OrderStatus, Stage


@dataclass(frozen=True)
class Sums:
    """Money of a selection in one currency: what is earned, and what is only expected."""

    currency: str
    total: Decimal
    earnings: Decimal
    expected_total: Decimal
    expected_earnings: Decimal


class Summary:
    """What the menu and the totals say; « refunded » counts partly refunded orders too.

    ``late`` of the orders are late.
    """

    def __init__(self, status: str, groups: list[Group], *, late: int) -> None:
        self.groups, self.selected = groups, [group for group in groups if group.is_under(status)]
        self.late = late

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
