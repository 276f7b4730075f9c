"""Lists, exports and figures are read from a replica of the database, where there is one.

``DATABASE_REPLICA_URL`` names a streaming replica. A view that says ``@reads_replica`` reads from
it; all else, and every change, is the primary's. Nobody sees an older state than one he has seen:
an answer of the primary leaves the place it was read at in a cookie, and the replica answers
whoever has one only when it has come that far. A replica that is gone, or far behind, is passed
over. Why so: ``docs/decisions/0091-a-reader-never-goes-back-in-time.md``.
"""

import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError, connections
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from marketplace.holding import holding
from marketplace.streams import made_inside

REPLICA = "replica"
SEEN = "seen"  # the cookie: how far the primary was when this person was last answered by it
SEEN_FOR = 600  # seconds
MOST_BEHIND = 10  # seconds that a replica may be behind and still answer
LEFT_ALONE = 15  # seconds that a replica which gave no answer is not asked again
PLACE = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}", re.ASCII)
NEWS_FOR = timedelta(days=1)  # a replica on which nothing happened for longer is as it was a day ago
HAS_COME_THERE = """
    SELECT pg_last_xact_replay_timestamp() AS read_at
     WHERE pg_last_wal_replay_lsn() >= %s::pg_lsn
       AND EXISTS (SELECT FROM pg_stat_wal_receiver)
       AND (pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()
            OR clock_timestamp() - pg_last_xact_replay_timestamp() < make_interval(secs => %s))
"""

logger = logging.getLogger(__name__)
P = ParamSpec("P")
Request = TypeVar("Request", bound=HttpRequest)
_state: ContextVar[datetime | None] = ContextVar("state of the replica that is read", default=None)
_left_alone_until = 0.0


class ReplicaRouter:
    """Reads go to the replica inside ``@reads_replica``, but those of a transaction; writes never do."""

    def db_for_read(self, _model: type[Model], **_hints: Any) -> str | None:
        """Name the replica, or leave it to the row that is gone out from."""
        return REPLICA if _state.get() and not connections["default"].in_atomic_block else None

    def db_for_write(self, _model: type[Model], **_hints: Any) -> str:
        return "default"

    def allow_relation(self, _one: Model, _other: Model, **_hints: Any) -> bool:
        """A row of the replica is the same row."""
        return True

    def allow_migrate(self, db: str, _app_label: str, **_hints: Any) -> bool:
        return db != REPLICA


class ReplicaMiddleware:
    """Leaves in a cookie how far the primary was, whenever the primary was what answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if REPLICA not in settings.DATABASES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        with suppress(DatabaseError):  # a page that says that the database is gone stays that page
            if not getattr(response, "is_of_replica", False) and request.user.is_authenticated:
                is_secure = request.is_secure()
                response.set_cookie(SEEN, _place(), SEEN_FOR, secure=is_secure, httponly=True, samesite="Lax")
        return response


def _place() -> str:
    """How far the primary has written."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        return str(cursor.fetchone()[0])


def reads_replica(
    view: Callable[Concatenate[Request, P], HttpResponseBase],
) -> Callable[Concatenate[Request, P], HttpResponseBase]:
    """Let a view that changes nothing read from the replica, what it streams afterwards included.

    Where the replica fails on the way, the view is asked again, of the primary.
    """

    @wraps(view)
    def reading(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        state = _state_for(request)
        if state is None:
            return view(request, *args, **kwargs)
        try:
            with holding(_state, state):
                response = view(request, *args, **kwargs)
        except DatabaseError:
            if not connections[REPLICA].errors_occurred:
                raise
            _leave_alone()
            return view(request, *args, **kwargs)
        response.is_of_replica = True  # type: ignore[attr-defined]
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = made_inside(partial(holding, _state, state), iter(response))
        return response

    return reading


def read_at(now: datetime) -> datetime:
    """Return the moment whose state is read: what was committed later is not in it."""
    state = _state.get()
    return now if state is None else min(max(state, now - NEWS_FOR), now)


def _state_for(request: HttpRequest) -> datetime | None:
    """The moment whose state the replica has; None where it is not to be read.

    That is where there is none, and where it has not come as far as this person has already seen.
    """
    if REPLICA not in settings.DATABASES or time.monotonic() < _left_alone_until:
        return None
    seen = request.COOKIES.get(SEEN, "")
    try:
        with connections[REPLICA].cursor() as cursor:
            cursor.execute(HAS_COME_THERE, [seen if PLACE.fullmatch(seen) else "0/0", MOST_BEHIND])
            row = cursor.fetchone()
    except DatabaseError:
        _leave_alone()
        return None
    return None if row is None else row[0] or timezone.now()


def _leave_alone() -> None:
    global _left_alone_until
    logger.warning("The replica of the database gives no answer: pages read from the primary.", exc_info=True)
    connections[REPLICA].close()
    _left_alone_until = time.monotonic() + LEFT_ALONE
