"""Room for a request's frames in one piece, whatever depth its loops are at."""

from collections.abc import Callable, Iterable
from typing import Any

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

PIECE = 16 * 1024  # bytes that CPython asks for at least (DATA_STACK_CHUNK_SIZE in its pystate.c)
WORD = 8  # bytes of a place in a frame


def with_room(application: WSGI) -> WSGI:
    """Return ``application``, called so that the frames of all it calls lie side by side.

    CPython (since 3.11) keeps frames in pieces: the call that finds no room gets one by mmap, and gives
    it back when it returns. A loop whose calls happen to lie there does so at each turn, which a
    middleware more or less decides. A frame larger than four pieces gets eight at once, and leaves the
    rest, 60 kB, to those it calls; what nobody uses is never touched. Elsewhere it is a call more.
    """

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return application(environ, start_response)

    call.__code__ = call.__code__.replace(co_stacksize=4 * PIECE // WORD)
    return call
