#!/usr/bin/env python3
"""How fast the demo is made: orders lived through by the domain, and orders written in bulk.

    python benchmarks/demo.py [--orders 20000 100000 …] [--rich 200]

Works in an empty database of its own, which it removes: a file in a temporary folder, or
beside the one that ``DATABASE_URL`` names. Prints the commit, the machine, and for each size
the orders a second, the ratio of bulk to lived-through, and what an order weighs.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, nargs="+", default=[20_000, 100_000], metavar="N")
    parser.add_argument("--rich", type=int, default=200, metavar="N", help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        print(f"commit   {commit()}")
        print(f"machine  {machine()}")
        for orders in options.orders:
            with empty_database(folder):
                measure(orders, options.rich)


def set_up(folder: str) -> None:
    """Start Django with every file it writes in ``folder``, and without the log of DEBUG."""
    os.environ["VAR_DIR"] = folder
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/benchmark.sqlite3")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    sys.path.insert(0, str(ROOT))
    import django
    from django.conf import settings

    django.setup()
    settings.DEBUG = False


def commit() -> str:
    """The commit, marked where the files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "none"


def machine() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT version()" if connection.vendor == "postgresql" else "SELECT sqlite_version()")
        version = " ".join(str(cursor.fetchone()[0]).split()[:2])
    load = os.getloadavg()[0]
    database = version if connection.vendor == "postgresql" else f"SQLite {version}"
    return f"{os.cpu_count()} × {cpu()}, load {load:.1f}; Python {platform.python_version()}, {database}"


def cpu() -> str:
    """The processor's name as Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


@contextmanager
def empty_database(folder: str) -> Iterator[None]:
    """A migrated database without rows; it is gone afterwards."""
    from django.core.management import call_command
    from django.db import connection

    if connection.vendor == "postgresql":
        usual = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        yield
        connection.creation.destroy_test_db(usual, verbosity=0)
    else:
        call_command("migrate", verbosity=0)
        yield
        connection.close()
        for file in Path(folder).glob("benchmark.sqlite3*"):
            file.unlink()


def measure(orders: int, rich: int) -> None:
    """Make one demo and print its rates."""
    from django.utils import timezone

    from orders.demo.fill import make_demo

    moments: list[tuple[int, float]] = []
    arguments: dict[str, Any] = {"seed": 1, "now": timezone.now(), "rich": rich, "invoices": 0}
    begun = time.perf_counter()
    make_demo(orders, progress=lambda made: moments.append((made, time.perf_counter())), **arguments)
    ended = time.perf_counter()
    lived_until = moments[min(rich, len(moments)) - 1][1]
    one_by_one = rich / (lived_until - begun)
    in_bulk = (orders - rich) / (ended - lived_until)
    print(
        f"{orders:>9,} orders in {ended - begun:6.1f} s: {rich} lived through at {one_by_one:,.0f}/s, "
        f"{orders - rich:,} in bulk at {in_bulk:,.0f}/s, ×{in_bulk / one_by_one:,.0f}; "
        f"{size() / orders / 1000:.1f} kB an order"
    )


def size() -> int:
    """What the database takes on the disk, in bytes."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
