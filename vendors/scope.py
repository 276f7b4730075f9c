"""The second belt around a shop's rows: inside a shop's page nothing of another shop can be read or written.

The first is the filter in each view; this one holds where that is forgotten. Why it stands here and
not in the database: ``docs/decisions/0030-a-shops-page-reads-only-the-shops-rows.md``.
"""

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from contextvars import ContextVar
from functools import partial
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models.lookups import Exact, In
from django.db.models.sql import Query
from django.http import Http404

from marketplace.holding import holding
from marketplace.streams import made_inside

logger = logging.getLogger(__name__)
_shop: ContextVar[int | None] = ContextVar("shop", default=None)
Row = TypeVar("Row", bound=models.Model)


class OutsideShop(Http404):
    """A shop's page was about to touch another shop's rows: a mistake of the program, answered with 404."""

    def __init__(self, what: str) -> None:
        logger.error("A page of shop %s was about to touch %s outside it.", _shop.get(), what)
        super().__init__("outside the shop")


def within(vendor_id: int) -> AbstractContextManager[None]:
    """Inside, only the rows of this shop can be read or written."""
    return holding(_shop, vendor_id)


def inside(vendor_id: int, parts: Generator[bytes, None, None]) -> Iterator[bytes]:
    """Yield what ``parts`` yields, each made inside the shop: for answers that outlive their view."""
    with closing(parts):
        yield from made_inside(partial(within, vendor_id), parts)


class OwnedByShop(models.Model):
    """A row of one shop (``vendor``): inside a page of another shop it can be neither read nor saved."""

    vendor_id: int

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row; raises OutsideShop for another shop's."""
        _check(self)
        super().save(*args, **kwargs)

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the row that the database answered with; raises OutsideShop for another shop's."""
        row = super().from_db(*args, **kwargs)
        _check(row)
        return row


class ScopedQuerySet(models.QuerySet[Row]):
    """Inside a shop's page, figures and mass changes need a filter by that shop, or by known rows.

    Rows need none here: each is checked when it is read (``OwnedByShop``).
    """

    def count(self) -> int:
        _need_filter(self.query)
        return super().count()

    def exists(self) -> bool:
        _need_filter(self.query)
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        _need_filter(self.query)
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        _need_filter(self.query)
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        _need_filter(self.query)
        return super().delete()

    def bulk_create(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> list[Row]:
        rows = list(objs)
        for row in rows:
            if isinstance(row, OwnedByShop):
                _check(row)
        return super().bulk_create(rows, *args, **kwargs)

    def iterator(self, chunk_size: int | None = None) -> Iterator[Row]:
        self._need_filter_of_figures()
        return super().iterator(chunk_size)

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._need_filter_of_figures()
        super()._fetch_all()

    def _need_filter_of_figures(self) -> None:
        """``values()`` and ``values_list()`` make no rows that could be checked."""
        if self._fields is not None:  # type: ignore[attr-defined]
            _need_filter(self.query)


def _check(row: OwnedByShop) -> None:
    shop = _shop.get()
    if shop is not None and row.__dict__.get("vendor_id") != shop:
        raise OutsideShop(f"{row._meta.label} {row.pk}")


def _need_filter(query: Query) -> None:
    shop = _shop.get()
    if shop is None or query.is_empty():
        return
    narrows = query.where.connector == "AND" and not query.where.negated
    if narrows and any(_is_ours(condition, shop) for condition in query.where.children):
        return
    raise OutsideShop(f"rows of {query.model._meta.label}")  # type: ignore[union-attr]


def _is_ours(condition: Any, shop: int) -> bool:
    """Whether a condition leaves only the shop's rows, those of orders read before, or one row."""
    target = getattr(getattr(condition, "lhs", None), "target", None)
    if target is None or not isinstance(condition, Exact | In):
        return False
    if target.name == "order":
        return True
    return isinstance(condition, Exact) and bool(
        target.primary_key or (target.name == "vendor" and condition.rhs == shop)
    )
