#!/usr/bin/env python3
"""Twenty vendors at once on two web workers: how long a page then takes beside what one alone waits for it.

    python benchmarks/load.py [--size 20k] [--vendors 20] [--minutes 10] [--pause 1]

Sets up a PostgreSQL cluster of its own, fills it with the demo, and lets each vendor work on the
orders of a shop, a second (``--pause``, on average) between an answer and the next page: lists,
filters, searches, order pages, the overview, validations. One of them takes all orders out as a
file meanwhile, again and again. Prints a table, adds it to ``benchmarks/RESULTS.md``, and exits 1
where an answer was an error, a page took more than ten times the median of one vendor alone, or
the workers' memory grew.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from cluster import cluster
from run import SIZES, Line, fill, table, told
from serve import Server, served

ALONE = 15  # rounds of one vendor alone
MOST_TIMES = 10.0  # the median of one vendor alone
MOST_GROWTH = 1.1  # of the memory, from the first fifth of the run to the last


class Desk:
    """One vendor at work: a session, a shop, and the orders that wait to be validated."""

    def __init__(self, port: int, shop: Any, owner: Any, waiting: list[Any], seed: int) -> None:
        from django.test import Client
        from pages import BACKEND

        client = Client()
        client.force_login(owner, backend=BACKEND)
        self.server = Server(port, {"sessionid": client.cookies["sessionid"].value})
        self.base, self.waiting, self.random = f"/vendors/{shop.slug}/orders/", waiting, random.Random(seed)
        self.overview = f"/vendors/{shop.slug}/overview/"
        self.numbers = list(shop.orders.order_by("-placed_at").values_list("number", flat=True)[:500])

    def pages(self) -> dict[str, str]:
        """One address of each kind of page."""
        letters = "".join(self.random.choices("abcdelmprs", k=2))
        number = self.random.choice(self.numbers)
        return {
            "list": self.base,
            "list, one status": f"{self.base}?status=completed",
            "list, client": f"{self.base}?customer={letters}",
            "list, a number": f"{self.base}?q={number}",
            "detail": f"{self.base}{number}/",
            "overview": self.overview,
        }

    def validate(self) -> tuple[int, float]:
        """Validate the next order that waits."""
        order = self.waiting.pop()
        answer = self.server.post(f"{self.base}{order.number}/validate/", version=str(order.version))
        return answer.status, answer.seconds


class Crowd:
    """The vendors' threads, and what they saw: seconds by page, answers by status."""

    def __init__(self, desks: list[Desk], pause: float) -> None:
        self.desks, self.pause = desks, pause
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[int] = Counter()
        self.validated = self.files = 0
        self.lock = threading.Lock()

    def work(self, until: float) -> None:
        threads = [threading.Thread(target=self._vendor, args=(desk, until)) for desk in self.desks]
        threads.append(threading.Thread(target=self._accountant, args=(self.desks[0], until)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _vendor(self, desk: Desk, until: float) -> None:
        while time.perf_counter() < until:
            time.sleep(desk.random.uniform(0, 2 * self.pause))
            if desk.waiting and desk.random.random() < 0.1:
                self._note("validate one", *desk.validate())
                continue
            what, path = desk.random.choice(list(desk.pages().items()))
            answer = desk.server.get(path)
            self._note(what, answer.status, answer.seconds)

    def _accountant(self, desk: Desk, until: float) -> None:
        server = Server(desk.server.port, dict(desk.server.cookies))
        while time.perf_counter() < until:
            answer = server.get(f"{desk.base}export.csv", keep=False)
            with self.lock:
                self.statuses[answer.status] += 1
                self.files += 1

    def _note(self, what: str, status: int, seconds: float) -> None:
        with self.lock:
            self.seconds[what].append(seconds)
            self.statuses[status] += 1
            self.validated += what == "validate one" and status == 302


def memory_of(pid: int) -> int:
    """What a process and its children hold, in kB."""
    held = 0
    for each in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        status = Path(f"/proc/{each}/status").read_text()
        held += int(status.partition("VmRSS:")[2].split()[0])
    return held


class Watch(threading.Thread):
    """Looks at the memory every other second until it is told to end."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.held, self.is_over = pid, [memory_of(pid)], threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(2):
            self.held.append(memory_of(self.pid))

    @property
    def growth(self) -> float:
        fifth = max(1, len(self.held) // 5)
        return median(self.held[-fifth:]) / median(self.held[fifth : 2 * fifth] or self.held[:1])


def desks_of(port: int, vendors: int) -> list[Desk]:
    """A desk for each vendor; where there are fewer shops than vendors, several work in one."""
    from pages import owner_of, shops

    from orders.states import OrderStatus, Stage

    found, kept = shops(), []
    for number in range(vendors):
        shop = found[number % len(found)]
        turn = number // len(found)
        ready = shop.orders.filter(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE).order_by("pk")
        waiting = list(ready.only("number", "version", "vendor"))[turn :: -(-vendors // len(found))]
        kept.append(Desk(port, shop, owner_of(shop), waiting, number))
    return kept


def alone(desk: Desk) -> dict[str, float]:
    """The median of each page for one vendor alone."""
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(ALONE + 3):
        for what, path in desk.pages().items():
            answer = desk.server.get(path)
            if number >= 3:
                times[what].append(answer.seconds)
        if desk.waiting:
            times["validate one"].append(desk.validate()[1])
    return {what: median(each) for what, each in times.items()}


def lines_of(crowd: Crowd, usual: dict[str, float], watch: Watch) -> list[Line]:
    lines = []
    for what, seconds in sorted(crowd.seconds.items()):
        slow, times = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0], tuple(seconds)
        more = f"{len(seconds):,} asked; {usual[what] * 1000:.1f} ms alone"
        lines.append(
            Line(f"{what}: p95 beside one alone", slow / usual[what], MOST_TIMES, times=times, more=more)
        )
    wrong = {status: count for status, count in crowd.statuses.items() if status not in (200, 302)}
    more = f"{sum(crowd.statuses.values()):,} answers, {crowd.validated:,} validated, {crowd.files} files"
    lines.append(Line(f"errors {wrong or ''}".strip(), float(sum(wrong.values())), 0, "answers", more=more))
    more = f"{watch.held[0] / 1000:.0f} MB at first, {watch.held[-1] / 1000:.0f} MB at the end"
    return [
        *lines,
        Line("memory of the workers, at the end beside the beginning", watch.growth, MOST_GROWTH, more=more),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="20k", help="default: %(default)s")
    parser.add_argument("--vendors", type=int, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=10, metavar="M", help="default: %(default)s")
    parser.add_argument("--pause", type=float, default=1, metavar="S", help="default: %(default)s")
    parser.add_argument("--note", default="", help="stands beside the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, cluster(Path(name)) as url:
        fill(url, Path(name), SIZES[options.size])
        with served(url, Path(name), workers=2) as server:
            import pages

            desks = desks_of(server.port, options.vendors)
            for desk in desks:
                desk.server.get(desk.base)  # brings the cookie that a form needs
            usual = alone(desks[0])
            crowd, watch = Crowd(desks, options.pause), Watch(server.pid)
            watch.start()
            crowd.work(time.perf_counter() + options.minutes * 60)
            watch.is_over.set()
            watch.join()
            lines, sizes = lines_of(crowd, usual, watch), pages.sizes()
    options.rounds = ALONE
    options.size += f", {options.vendors} vendors at once, {options.pause:g} s between pages"
    options.note = f"{options.minutes:g} minutes {options.note}".strip()
    return told(table(options, lines, sizes), lines)


if __name__ == "__main__":
    sys.exit(main())
