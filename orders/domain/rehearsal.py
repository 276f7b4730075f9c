"""Documents are made before anything is locked: who waits for a PDF holds nobody else up.

What a document says is known only where its number is taken, under lock. So the step is rehearsed
and rolled back, what it would print is made with nothing locked, and then the step is done.
"""

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection, transaction

from marketplace.holding import holding
from orders.documents.snapshot import Snapshot
from vendors.models import Vendor

P = ParamSpec("P")
R = TypeVar("R")
Render = Callable[[Snapshot], bytes]


class _Over(Exception):
    """The rehearsal is over: nothing of it stays."""


@dataclass
class _Papers:
    """What a rehearsed step asked for, and what became of each: its bytes, or why it cannot be made."""

    asked: list[tuple[Render, Snapshot]] = field(default_factory=list)
    made: list[tuple[Snapshot, bytes | Exception]] | None = None

    def make(self) -> None:
        self.made = [(snapshot, _made(render, snapshot)) for render, snapshot in self.asked]


_papers: ContextVar[_Papers | None] = ContextVar("papers", default=None)


def papers_first(step: Callable[P, R]) -> Callable[P, R]:
    """Make the documents of an atomic step before it locks anything, unless a transaction is open already.

    The step is carried out twice, the first time to be rolled back: it reads what it decides by
    from the database, and changes nothing else. A document that says something else by then
    (another took its number) is made under lock; one that cannot be made fails where it is wanted.
    """

    @wraps(step)
    def done(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return step(*args, **kwargs)
        papers = _Papers()
        with suppress(_Over), holding(_papers, papers), transaction.atomic():
            step(*args, **kwargs)
            raise _Over
        papers.make()
        with holding(_papers, papers):
            return step(*args, **kwargs)

    return done


def done_by(vendor: Vendor, step: Callable[[], R]) -> R:
    """Take a step of an order; where the shop has invoices issued on completion, papers are made first."""
    return papers_first(step)() if vendor.issues_on_completion else step()


def is_rehearsed() -> bool:
    """Say whether what is done now will be rolled back: no file may be written for it."""
    papers = _papers.get()
    return papers is not None and papers.made is None


def paper(render: Render, snapshot: Snapshot) -> bytes:
    """Return the PDF of a snapshot, which may have been made ahead; none while the step is rehearsed.

    Raises what ``render`` raises.
    """
    papers = _papers.get()
    if papers is None:
        return render(snapshot)
    if papers.made is None:
        papers.asked.append((render, snapshot))
        return b""
    for said, pdf in papers.made:
        if said == snapshot:
            if isinstance(pdf, Exception):
                raise pdf
            return pdf
    return render(snapshot)


def _made(render: Render, snapshot: Snapshot) -> bytes | Exception:
    try:
        return render(snapshot)
    except Exception as reason:  # told where the document is wanted
        return reason
