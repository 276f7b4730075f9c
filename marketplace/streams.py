"""Answers that are made piece by piece, after their view has returned."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager


def made_inside(
    context: Callable[[], AbstractContextManager[None]], parts: Iterator[bytes]
) -> Iterator[bytes]:
    """Yield what ``parts`` yields, each made inside a context of its own; whoever has ``parts`` closes it."""
    while True:
        with context():
            part = next(parts, None)
        if part is None:
            return
        yield part
