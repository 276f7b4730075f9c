"""A storefront's list of orders, page by page, while orders come and go.

A list is asked for by places, and places move: what is deleted in front moves all that follows
up, past a reader who goes on at the next page. So after each page the place just before it is
looked at: where an order stands there that was not read, the reader goes back.
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
    page, doubted = passed // shop.per_page + 1, set[tuple[int, int]]()
    while True:
        found = shop.orders(page=page, modified_after=since, status=status)
        if page > 1 and (page, last_id) not in doubted:
            doubted.add((page, last_id))  # once: what is listed may not be shown
            before = shop.orders(
                page=(page - 1) * shop.per_page, per_page=1, modified_after=since, status=status
            )
            if not before.orders or _id_of(before.orders[0]) > last_id:
                page -= 1
                continue
        ids = [_id_of(payload) for payload in found.orders]
        new = [payload for payload, each in zip(found.orders, ids, strict=True) if not 0 <= each <= last_id]
        last_id, passed = max([last_id, *ids]), min(page * shop.per_page, found.total)
        yield Page(new, passed, last_id, found.total)
        if passed >= found.total:
            return
        page += 1


def _id_of(payload: Any) -> int:
    """The order's id; -1 where it has none: it is read, and said to be unreadable."""
    number = payload.get("id") if isinstance(payload, dict) else None
    return number if isinstance(number, int) else -1
