"""Values that hold for what runs inside a ``with``, in this thread or task alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Inside, ``variable`` is ``value``; afterwards it is again what it was."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
