#!/usr/bin/env python3
"""How quick the desk is, beside a bare page of the same process in the same run.

    python benchmarks/run.py --size 20k|200k|10m [--rounds 40] [--note TEXT]

Sets up a PostgreSQL cluster of its own and fills it with the demo, serves the product by gunicorn
as production does, signs in, and asks for each page in turn, round after round. The bare page
(``benchmarks/bare.py``) is 25 orders by one query and a plain template behind the same
middleware, session and check of who asks: ratios to it hold on any machine, times do not.
Prints a table, adds it to ``benchmarks/RESULTS.md``, and exits 1 where a goal is missed; the
last line says which one and by how much.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from cluster import cluster, cluster_database
from demo import ROOT, commit, cpu
from serve import served

SIZES = {"2k": 2_000, "20k": 20_000, "200k": 200_000, "10m": 10_000_000}
MANY = 200_000  # orders from which the rate of filling says something
LARGEST = 1_000_000  # orders of the largest shop, at most
RESULTS = Path(__file__).parent / "RESULTS.md"


@dataclass
class Line:
    """A row of the table; ``ratio`` is what the goal is about, at most or at least."""

    what: str
    ratio: float
    goal: float
    unit: str = "×"
    at_least: bool = False
    times: tuple[float, ...] = ()
    queries: int | None = None
    more: str = ""

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    @property
    def distance(self) -> str:
        return f"{self.what}: {self.ratio:.2f} {self.unit}, goal {self.sign} {self.goal:g}"

    @property
    def sign(self) -> str:
        return "≥" if self.at_least else "≤"

    def __str__(self) -> str:
        middle = f"{median(self.times) * 1000:.1f} ms" if self.times else ""
        slow = f"{quantiles(self.times, n=20)[-1] * 1000:.1f} ms" if len(self.times) > 1 else ""
        cells = [
            self.what,
            middle,
            slow,
            f"{self.ratio:,.2f} {self.unit}",
            f"{self.sign} {self.goal:g}",
            "" if self.queries is None else str(self.queries),
            self.more,
            "met" if self.is_met else "**missed**",
        ]
        return "| " + " | ".join(cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=SIZES, default="20k", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=40, metavar="N", help="default: %(default)s")
    parser.add_argument("--note", default="", help="stands beside the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, cluster(Path(name)) as url:
        folder = Path(name)
        orders = SIZES[options.size]
        rate = fill(url, folder, orders)
        lines = []
        if orders >= MANY:
            lines.append(Line("demo data in bulk, orders a second", rate, 10_000, "/s", at_least=True))
        with served(url, folder) as server:
            import beyond
            import pages

            lines += pages.measure(server, options.rounds, Line)
            paths = {beyond.kind(what): path for what, (path, _goal) in pages.pages(pages.shops()[0]).items()}
            with cluster_database(url, "small") as small:
                lines.append(beyond.growth(Line, small, folder, server, paths, options.rounds))
            sizes = pages.sizes()
            lines += [beyond.intake(Line), *beyond.papers(Line)]
        if orders >= MANY:
            lines += beyond.on_sqlite(Line)
    return told(table(options, lines, sizes), lines)


def told(report: str, lines: list[Line]) -> int:
    """Print the table and keep it; return the exit status, 1 where a goal is missed."""
    print(report)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write("\n" + report)
    missed = [line.distance for line in lines if not line.is_met]
    print("Missed: " + "; ".join(missed) if missed else "Every goal is met.")
    return 1 if missed else 0


def fill(url: str, folder: Path, orders: int) -> float:
    """Migrate and fill the database; return how many orders a second were written in bulk."""
    os.environ.update(
        DATABASE_URL=url,
        VAR_DIR=str(folder / "var"),
        DJANGO_SETTINGS_MODULE="settings",
        DEBUG="False",
        SECRET_KEY=secrets.token_urlsafe(60),
        ALLOWED_HOSTS="127.0.0.1,testserver",
    )
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
    import django
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    from orders.demo.fill import RICH, make_demo

    rich, moments = RICH, [time.perf_counter()]
    make_demo(
        orders,
        seed=1,
        now=timezone.now(),
        rich=rich,
        invoices=0,
        plans=plans(orders),
        progress=lambda _made: moments.append(time.perf_counter()),
    )
    rate = (orders - rich) / (time.perf_counter() - moments[rich])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return rate


def plans(orders: int) -> list[Any]:
    """The demo's shops, and so many of their kind beside them that none has more than ``LARGEST`` orders."""
    from orders.demo.shops import PLANS

    kinds = ceil(orders * max(plan.share for plan in PLANS) / LARGEST)
    return [
        replace(
            plan,
            slug=f"{plan.slug}{n or ''}",
            share=plan.share / kinds,
            identity={**plan.identity, "prefix": f"{plan.identity['prefix']}{n or ''}"},
            people=[(role, f"{n or ''}{email}", name) for role, email, name in plan.people],
            storefront_id=f"{plan.storefront_id}{n or ''}",
        )
        for n in range(kinds)
        for plan in PLANS
    ]


def table(options: Any, lines: list[Line], sizes: str) -> str:
    """The run as Markdown."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    head = [
        f"## {options.size}, {time.strftime('%Y-%m-%d %H:%M')}",
        "",
        f"Commit {commit()} · {os.cpu_count()} × {cpu()}, {memory:.0f} GB, load {os.getloadavg()[0]:.1f} · "
        f"{sizes} · {options.rounds} rounds" + (f" · {options.note}" if options.note else ""),
        "",
        "| what | median | p95 | ratio | goal | queries | more | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *map(str, lines)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
