"""A request's frames: one piece of memory for all of them, at whatever depth."""

import resource
import sys
import threading

import pytest

from marketplace.frames import with_room


def most_faults(wrapped):
    """How many pages of memory a loop of 200 calls is given at the worst of many depths."""
    return max(faults(wrapped, depth) for depth in range(30, 250))


def faults(wrapped, depth):
    found = []

    def down(left, _start_response):
        if left:
            return down(left - 1, None)
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for _turn in range(200):
            leaf()
        return found.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)

    def leaf(a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8):  # a larger frame than the loop's own
        i, j, k, l, m, n = a, b, c, d, e, f  # noqa: E741
        return g, h, i, j, k, l, m, n

    thread = threading.Thread(target=wrapped(down), args=(depth, None))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or not hasattr(resource, "RUSAGE_THREAD"), reason="CPython on Linux"
)
def test_a_loop_at_any_depth_is_given_memory_once():
    assert most_faults(lambda application: application) >= 200  # at each turn, at the edge of a piece
    assert most_faults(with_room) < 20


def test_the_answer_is_the_application_s():
    assert with_room(lambda environ, start_response: [environ, start_response])({"a": "b"}, print) == [
        {"a": "b"},
        print,
    ]
