#!/usr/bin/env python3
"""Whether a tally makes the writers of one shop wait for each other, by four designs.

    python benchmarks/tally_writers.py [--writers 8] [--seconds 5]

Each writer moves orders of today from one state to another, works on for a while in the same
transaction as ``change_status`` does (5 ms), and commits. Without a tally; with rows that are
counted up in place; the same in sixteen slots; with rows that are only added, and folded now and
then, which is what the product does. Prints transactions a second, the slowest in twenty, and errors.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from cluster import cluster
from demo import commit, machine

ROOT = Path(__file__).resolve().parent.parent
ORDERS = 8000
WORK = 0.005  # seconds
IN_PLACE = """
CREATE TABLE bench_tally (vendor_id bigint, day date, status text, slot int, orders int, cents bigint,
    PRIMARY KEY (vendor_id, day, status, slot));
CREATE FUNCTION bench_in_place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE slot_ int := pg_backend_pid() % SLOTS;
BEGIN
    INSERT INTO bench_tally SELECT OLD.vendor_id, OLD.placed_at::date, OLD.status, slot_, -1, -OLD.total * 100
    ON CONFLICT (vendor_id, day, status, slot) DO UPDATE
        SET orders = bench_tally.orders + excluded.orders, cents = bench_tally.cents + excluded.cents;
    INSERT INTO bench_tally SELECT NEW.vendor_id, NEW.placed_at::date, NEW.status, slot_, 1, NEW.total * 100
    ON CONFLICT (vendor_id, day, status, slot) DO UPDATE
        SET orders = bench_tally.orders + excluded.orders, cents = bench_tally.cents + excluded.cents;
    RETURN NULL;
END $$;
CREATE TRIGGER bench_in_place AFTER UPDATE OF status ON orders_order
    FOR EACH ROW EXECUTE FUNCTION bench_in_place();
"""
STEPS = ["on-hold", "processing", "completed", "processing", "on-hold", "pending"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--writers", type=int, default=8, metavar="N", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=5, metavar="S", help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder)) as url:
        set_up(folder, url)
        from orders.models.tally_triggers import keep_tally, release_tally

        print(f"commit   {commit()}")
        print(f"machine  {machine()}")
        from django.apps import apps

        designs: dict[str, Any] = {
            "no tally": release_tally,
            "counted in place": lambda: run_sql(IN_PLACE.replace("SLOTS", "1")),
            "in place, 16 slots": lambda: run_sql(
                "DROP TABLE bench_tally; DROP FUNCTION bench_in_place CASCADE;"
                + IN_PLACE.replace("SLOTS", "16")
            ),
            "added and folded": lambda: (
                run_sql("DROP TABLE bench_tally; DROP FUNCTION bench_in_place CASCADE"),
                keep_tally(apps.get_app_config("orders")),
            ),
        }
        usual = 0.0
        for name, prepare in designs.items():
            prepare()
            times, errors = measure(url, options.writers, options.seconds)
            rate = len(times) / options.seconds
            usual = usual or rate
            slow = quantiles(times, n=20)[-1]
            print(
                f"{name:<20} {rate:7.0f}/s  ×{rate / usual:.2f}  median {median(times) * 1000:6.1f} ms  "
                f"p95 {slow * 1000:6.1f} ms  {errors} errors"
            )


def set_up(folder: str, url: str) -> None:
    os.environ.update(DATABASE_URL=url, VAR_DIR=folder, DJANGO_SETTINGS_MODULE="marketplace.settings")
    sys.path.insert(0, str(ROOT))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.utils import timezone

    from orders.models import Order
    from vendors.models import Vendor

    vendor = Vendor.objects.create(slug="shop", name="Shop")
    money: dict[str, Any] = dict.fromkeys(["items_total", "total", "net_total", "earnings"], 12)
    orders = [Order(vendor=vendor, number=str(n), placed_at=timezone.now(), **money) for n in range(ORDERS)]
    Order.objects.bulk_create(orders, batch_size=1000)


def run_sql(sql: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)


def measure(url: str, writers: int, seconds: float) -> tuple[list[float], int]:
    """Let the writers work; return how long each transaction took, and how many failed."""
    times: list[float] = []
    errors: list[Exception] = []
    ends = time.monotonic() + seconds
    threads = [
        threading.Thread(target=write, args=(url, n, writers, ends, times, errors)) for n in range(writers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, len(errors)


def write(
    url: str, mine: int, writers: int, ends: float, times: list[float], errors: list[Exception]
) -> None:
    import psycopg2

    connection = psycopg2.connect(url)
    step = 0
    while time.monotonic() < ends:
        number = str(mine + writers * (step // len(STEPS) % (ORDERS // writers)))
        begun = time.monotonic()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE orders_order SET status = %s WHERE vendor_id = 1 AND number = %s",
                    [STEPS[step % len(STEPS)], number],
                )
                time.sleep(WORK)
            times.append(time.monotonic() - begun)
        except psycopg2.Error as error:
            errors.append(error)
        step += 1
    connection.close()


if __name__ == "__main__":
    main()
