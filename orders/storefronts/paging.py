"""A storefront's list of orders, page by page, while orders come and go.

A list is asked for by places, and places move: what is deleted in front moves all that follows
up, past a reader who goes on at the next place. So every page begins with the last order that
was read already; where it does not, the reader goes back until it is found again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orders.connectors.woocommerce_rest import Storefront


@dataclass(frozen=True)
class Page:
    """Orders that were not read before; ``passed`` of ``total`` are read, ``last_id`` the highest of them."""

    orders: list[Any]
    passed: int
    last_id: int
    total: int


def each_page(
    shop: Storefront,
    *,
    since: datetime | None = None,
    status: str = "any",
    passed: int = 0,
    last_id: int = 0,
) -> Iterator[Page]:
    """Yield the orders changed after ``since``, by id, each once and none left out.

    With ``passed`` and ``last_id`` of an earlier page it goes on after that one, however long
    ago. An order that comes in before the place where it reads is one that changed meanwhile:
    the next question with a later ``since`` finds it. Raises StorefrontError.
    """
    doubted: set[tuple[int, int]] = set()
    while True:
        skip = max(passed - 1, 0)
        found = shop.orders(skip=skip, modified_after=since, status=status)
        ids = [_id_of(payload) for payload in found.orders]
        is_found = any(0 <= each <= last_id for each in ids)
        if (
            skip and not is_found and (skip, last_id) not in doubted
        ):  # once: the last one may be shown no more
            doubted.add((skip, last_id))
            passed = max(skip - shop.per_page + 1, 0)
            continue
        new = [payload for payload, each in zip(found.orders, ids, strict=True) if not 0 <= each <= last_id]
        last_id = max([last_id, *ids])
        passed = min(skip + shop.per_page, found.total)
        yield Page(new, passed, last_id, found.total)
        if passed >= found.total:
            return


def _id_of(payload: Any) -> int:
    """The order's id; -1 where it has none: it is read, and said to be unreadable."""
    number = payload.get("id") if isinstance(payload, dict) else None
    return number if isinstance(number, int) else -1
