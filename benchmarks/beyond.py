"""What is measured beside the pages: intake, papers, growth, SQLite; each in processes of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from demo import ROOT
from serve import Server, served

DELIVERIES = 600
NOTES = 300
INVOICES = 15
SMALL = 10_000  # orders that growth begins at
ON_SQLITE = 100_000
WORKERS = 2


def child(*arguments: str, url: str = "", start: bool = False) -> Any:
    """Run a Python process with the benchmark's settings; return it, or what it printed as JSON."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'benchmarks'}"}
    if url:
        environment["DATABASE_URL"] = url
    if start:
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
        )
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def intake(line: Any) -> Any:
    """Store recorded deliveries, and let two workers process them; the rate is that of the processing."""
    from django.db.models import Max, Min
    from intake import copies, prepare, queue

    from orders.models import Delivery, DeliveryState

    prepare()
    queue(copies(DELIVERIES))
    command = ["manage.py", "db_worker", "--queue-name", "*", "--no-reload", "--no-startup-delay", "--batch"]
    workers = [child(*command, start=True) for _worker in range(WORKERS)]
    for worker in workers:
        worker.wait(900)
    done = Delivery.objects.exclude(state=DeliveryState.WAITING)
    moments = done.aggregate(first=Min("processed_at"), last=Max("processed_at"))
    rate = (done.count() - 1) / (moments["last"] - moments["first"]).total_seconds()
    return line(f"intake by {WORKERS} workers, orders a second", rate, 50, "/s", at_least=True)


def papers(line: Any) -> list[Any]:
    """An invoice beside WeasyPrint alone, and the memory of a process that makes and merges many notes."""
    found, notes = (child("benchmarks/beyond.py", part) for part in ("invoices", "notes"))
    return [
        line(
            "invoice, beside WeasyPrint alone on the same page",
            found["ratio"],
            1.2,
            times=tuple(found["times"]),
        ),
        line(f"{NOTES} delivery notes made and merged", notes["memory"], 150, "MB", more=notes["more"]),
    ]


def growth(line: Any, url: str, folder: Path, server: Server, paths: dict[str, str], rounds: int) -> Any:
    """The list and the order page of the largest shop, beside those of a database of ``SMALL`` orders."""
    import pages

    with served(url, folder) as little:
        told = child("benchmarks/beyond.py", "small", url=url)
        little.cookies["sessionid"] = told["session"]
        large: dict[str, list[float]] = {}
        small: dict[str, list[float]] = {}
        for _round in range(max(rounds // 4, 5)):
            for into, asked, where in ((large, server, paths), (small, little, told["paths"])):
                for what, times in pages.asked(asked, where, 1, warm_up=0).items():
                    into.setdefault(what, []).extend(times)
    names = [what for what in large if what in small and what != "bare"]
    ratios = {what: median(large[what]) / median(small[what]) for what in names}
    worst = max(ratios, key=lambda what: ratios[what])
    return line(f"growth from {SMALL:,} orders, at most", ratios[worst], 1.2, more=worst)


def on_sqlite(line: Any) -> list[Any]:
    """The slowest list of a shop on SQLite beside its own bare page; a common prefix has its own goal."""
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{name}/benchmark.sqlite3"
        told = child("benchmarks/beyond.py", "sqlite", url=url)
        with served(url, Path(name)) as server:
            server.cookies["sessionid"] = told["session"]
            import pages

            times = pages.asked(server, told["paths"], 20)
    usual = median(times["bare"])
    common = {what for what in times if what.endswith("of two letters")}
    worst = max(times.keys() - common, key=lambda what: median(times[what]))
    return [
        line(
            f"SQLite, {ON_SQLITE:,} orders: {what}",
            median(times[what]) / usual,
            6 if what in common else 4,
            times=tuple(times[what]),
        )
        for what in (worst, *common)
    ]


# In processes of their own


def _filled(orders: int) -> dict[str, Any]:
    """Fill an empty database, sign its owner in, and tell the session and the pages."""
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone
    from pages import BACKEND, owner_of, pages, shops

    from orders.demo.fill import make_demo

    call_command("migrate", verbosity=0)
    make_demo(orders, seed=1, now=timezone.now(), rich=200, invoices=0)
    shop = shops()[0]
    client = Client()
    client.force_login(owner_of(shop), backend=BACKEND)
    found = {what.split(" (")[0]: path for what, (path, _goal) in pages(shop).items()}
    lists = {kind(what): path for what, path in found.items() if what.startswith(("list", "detail"))}
    return {
        "session": client.cookies["sessionid"].value,
        "paths": {"bare": f"/bare/{shop.slug}/", **lists},
    }


def kind(what: str) -> str:
    """A page's name without the prefix that was looked for, which differs from filling to filling."""
    if what.startswith("list, client"):
        return "list, client " + ("of five letters" if len(what.split()[2]) > 4 else "of two letters")
    return what


def _invoices() -> dict[str, Any]:
    from django.utils import timezone

    from orders.documents import renderer, typesetting
    from orders.domain import invoicing

    orders = _completed()
    now, told, times, alone = timezone.now(), [], [], []
    usual = renderer.html_to_pdf
    renderer.html_to_pdf = lambda html, **more: told.append((html, more)) or usual(html, **more)
    for order in [orders[0], *orders[:INVOICES]]:
        begun = time.perf_counter()
        invoicing.proforma_pdf(order, at=now)
        times.append(time.perf_counter() - begun)
        html, more = told[-1]
        begun = time.perf_counter()
        typesetting.html_to_pdf(html, **more)
        alone.append(time.perf_counter() - begun)
    return {"ratio": median(times[1:]) / median(alone[1:]), "times": times[1:]}


def _completed() -> Any:
    """Orders that have papers, the newest first."""
    from orders.models import Order
    from orders.states import OrderStatus

    orders = Order.objects.filter(status=OrderStatus.COMPLETED, vendor__identity__isnull=False)
    return orders.order_by("-pk")


def _notes() -> dict[str, Any]:
    """Make each order's notes and merge them, as the worker does: the most memory of its process, in MB."""
    from django.utils import timezone

    from orders.bulk import downloads

    orders, now, begun = _completed()[:NOTES], timezone.now(), time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        for order in orders:
            (Path(name) / str(order.pk)).write_bytes(downloads._notes_pdf(order, now).read())
        with (Path(name) / "all.pdf").open("wb") as file:
            downloads.merge((path.read_bytes() for path in sorted(Path(name).iterdir())[:-1]), file)
    tasks = Path("/proc/self/task").iterdir()
    makers = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    making = max((peak(pid) for pid in makers), default=0.0)
    more = f"{time.perf_counter() - begun:.0f} s; {making:.0f} MB in the process that makes them"
    return {"memory": peak(os.getpid()), "more": more}


def peak(pid: int) -> float:
    """The most memory that a process has held, in MB."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmHWM")) / 1000


def main() -> None:
    import django

    django.setup()
    parts = {
        "invoices": _invoices,
        "notes": _notes,
        "small": lambda: _filled(SMALL),
        "sqlite": lambda: _filled(ON_SQLITE),
    }
    print(json.dumps(parts[sys.argv[1]]()))


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
    main()
