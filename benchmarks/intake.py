#!/usr/bin/env python3
"""Deliveries of a storefront: how fast they are stored and processed, and that their order does not matter.

    python benchmarks/intake.py [--deliveries 1000] [--clients 8] [--workers 2] [--parts load replay kill]

Sends recorded deliveries, and as many copies for other orders as are asked for, to a server of
its own; then lets workers process them. Prints the commit, the machine, deliveries stored and
processed a second, the processor's time that the server and the workers took for each (the
database's not counted: on a machine that does other work too it tells more than the clock),
the answers' times, and the lag. After that the recorded deliveries are
processed in order, reversed and each twice, and with a worker that is killed half-way: one
digest of orders, stock and mails each time, undecidable fields left out and listed.

Works in an empty database of its own: a file in a temporary folder, or beside the one that
``DATABASE_URL`` names.
"""

import argparse
import http.client
import json
import os
import resource
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from demo import ROOT, commit, empty_database, machine, set_up

PATH = "/webhooks/woocommerce/naturalconect/"
PATIENCE = 900.0  # seconds
WORKER = ("manage.py", "db_worker", "--queue-name", "*", "--no-reload", "--no-startup-delay")
PARTS = ["load", "replay", "kill"]
Sent = tuple[dict[str, str], bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--deliveries", type=int, default=1000, metavar="N", help="default: %(default)s")
    parser.add_argument("--clients", type=int, default=8, metavar="N", help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default: %(default)s")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(60))  # the server's too: it opens the secret
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        print(f"commit   {commit()}")
        print(f"machine  {machine()}")
        sent = copies(options.deliveries)
        if "load" in options.parts:
            with empty_database(folder):
                load(sent, options.clients, options.workers)
        if "replay" in options.parts:
            with empty_database(folder):
                replay()
        if "kill" in options.parts:
            kill(folder, sent)


def recorded_deliveries() -> list[Sent]:
    from tests.recorded import recorded

    return [(each.headers, each.body) for each in recorded() if not each.is_ping]


def copies(number: int) -> list[Sent]:
    """The recorded deliveries, again and again with other ids, signed anew, until there are enough."""
    from tests.recorded import sign

    made: list[Sent] = []
    for turn, (headers, body) in enumerate(cycle(recorded_deliveries())):
        if len(made) == number:
            return made
        payload = json.loads(body)
        shift = 10_000 * (turn // len(recorded_deliveries()))
        for key in ("id", "parent_id"):
            if payload.get(key):
                payload[key] += shift
        if "number" in payload:
            payload["number"] = str(payload["id"])
        raw = json.dumps(payload).encode()
        made.append(({**headers, "X-WC-Webhook-Signature": sign(raw)}, raw))
    return made


def prepare() -> Any:
    """A storefront whose two vendors are shops that count what they sell."""
    from django.utils import timezone

    from tests.recorded import KEY
    from tests.test_intake_order import set_up as shops

    source = shops()
    source.rotate_secret(at=timezone.now(), secret=KEY)
    return source


def load(sent: list[Sent], clients: int, workers: int) -> None:
    """Send everything to a server, then process everything, and print how fast that was."""
    prepare()
    port = free_port()
    server = start(
        *("-m", "gunicorn", "marketplace.wsgi", "--worker-class", "gthread", "--workers", "2"),
        *("--threads", "4", "--no-control-socket", "--bind", f"127.0.0.1:{port}"),
    )
    try:
        wait_for(server, port)
        begun, used = time.perf_counter(), used_by(server)
        times = send(sent, port, clients)
        seconds, used = time.perf_counter() - begun, used_by(server) - used
    finally:
        stop(server)
    print(
        f"stored    {len(sent):,} in {seconds:.1f} s, {len(sent) / seconds:,.0f}/s by {clients} clients, "
        f"{used * 1000 / len(sent):.1f} ms of processor each; "
        f"answers: median {statistics.median(times) * 1000:.0f} ms, slowest {max(times) * 1000:.0f} ms"
    )
    begun, before = time.perf_counter(), time_of_children()
    in_turns = [start(*WORKER, "--batch") for _ in range(workers)]
    for worker in in_turns:
        worker.wait(PATIENCE)
    seconds, used = time.perf_counter() - begun, time_of_children() - before
    print(
        f"processed {len(sent):,} in {seconds:.1f} s, {len(sent) / seconds:,.0f}/s by {workers} workers "
        f"with their start, {used * 1000 / len(sent):.1f} ms of processor each; {fates()}"
    )
    lag(sent[0])


def used_by(server: "subprocess.Popen[bytes]") -> float:
    """The processor's time, in seconds, that a server's processes have taken so far."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in children]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def time_of_children() -> float:
    """The processor's time, in seconds, of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def lag(one: Sent) -> None:
    """How long a single delivery waits for a worker that is idle."""
    from orders.models import Delivery

    worker = start(*WORKER)
    waits = []
    try:
        for _ in range(5):
            row = queue([one])[0]
            end = time.monotonic() + PATIENCE
            while (delivery := Delivery.objects.get(pk=row)).processed_at is None:
                if time.monotonic() > end:
                    raise SystemExit("The worker does not process anything.")
                time.sleep(0.02)
            waits.append((delivery.processed_at - delivery.received_at).total_seconds())
    finally:
        stop(worker)
    print(f"lag       median {statistics.median(waits):.2f} s with one idle worker")


def replay() -> None:
    """Process the recorded deliveries in three ways; stop where the results differ."""
    from tests.digest import without
    from tests.test_intake_order import in_turn, scenarios

    told = [delivery for deliveries in scenarios().values() for delivery in deliveries]
    source = prepare()
    print("replays of the recorded deliveries, and of an order that changes in every way")
    ways = {"in order": told, "reversed": told[::-1], "each twice": [each for each in told for _ in "12"]}
    found = {name: in_turn(source, deliveries) for name, deliveries in ways.items()}
    for name, (state, undecided) in found.items():
        print(f"  {name:<16} {digest_of(without(state, undecided))}")
    for key, names in sorted(found["in order"][1].items()):
        print(f"  undecidable in {key}: {', '.join(sorted(names))}")
    if len({digest_of(without(*each)) for each in found.values()}) != 1:
        raise SystemExit("The results differ.")


def digest_of(state: Any) -> str:
    from tests.digest import digest

    return digest(state)


def kill(folder: str, sent: list[Sent]) -> None:
    """Compare what comes of a worker that is killed with what comes of one that is not."""
    found = []
    for kills in (True, False):
        with empty_database(folder):
            found.append(process_all(sent, kills=kills))
    if found[0] != found[1]:
        raise SystemExit("The results differ.")


def process_all(sent: list[Sent], *, kills: bool) -> str:
    """Process everything, with a worker that is killed -9 half-way or without; return the digest."""
    from marketplace.queue import requeue_lost
    from tests.digest import state, undecidable, without

    prepare()
    queue(sent)
    name = "undisturbed"
    if kills:
        left = kill_half_way(len(sent))
        lost = requeue_lost(lease=timedelta(0))
        name = f"killed -9 with {left:,} of {len(sent):,} left, {lost} lost task found again"
    work_off()
    found = digest_of(without(state(), undecidable()))
    print(f"  {found}  {name}")
    return found


def kill_half_way(number: int) -> int:
    """Start a worker, kill it once half of the deliveries are processed, and return how many are left."""
    from orders.models import Delivery

    worker = start(*WORKER)
    end = time.monotonic() + PATIENCE
    while Delivery.objects.waiting().count() > number / 2:
        if time.monotonic() > end:
            raise SystemExit("The worker does not process anything.")
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    return Delivery.objects.waiting().count()


def queue(sent: list[Sent]) -> list[int]:
    """Store deliveries as the receiver does; return their numbers."""
    from django.utils import timezone

    from orders.jobs import receive_delivery
    from orders.models import Source

    source = Source.objects.get()
    return [receive_delivery(source, body, headers=h, at=timezone.now()).pk for h, body in sent]


def work_off() -> None:
    from django.core.management import call_command

    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0, queue_name="*")


def fates() -> str:
    from collections import Counter

    from orders.models import Delivery

    counts = Counter(Delivery.objects.values_list("state", flat=True))
    return ", ".join(f"{number:,} {name}" for name, number in counts.most_common())


def send(sent: list[Sent], port: int, clients: int) -> list[float]:
    """Send all deliveries by several clients at once; return how long each answer took."""
    waiting, lock = list(reversed(sent)), threading.Lock()
    times: list[float] = []
    refused: list[int] = []

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                if not waiting:
                    return
                headers, body = waiting.pop()
            named = {name: value for name, value in headers.items() if name != "Connection"}
            begun = time.perf_counter()
            connection.request("POST", PATH, body, named)
            response = connection.getresponse()
            response.read()
            times.append(time.perf_counter() - begun)
            if response.status != 200:
                refused.append(response.status)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused or len(times) != len(sent):
        raise SystemExit(f"{len(refused)} of {len(sent)} were refused: {sorted(set(refused))}")
    return times


def start(*arguments: str, private: bool = False) -> "subprocess.Popen[bytes]":
    """A process of the project on the benchmark's own database; ``private`` storefronts may be asked."""
    from django.conf import settings
    from django.db import connection

    environment = {
        **os.environ,
        "DEBUG": "False",
        "SECRET_KEY": settings.SECRET_KEY,
        "ALLOWED_HOSTS": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
        "STOREFRONT_PRIVATE_ADDRESSES": str(private),
    }
    if connection.vendor == "postgresql":
        front = os.environ["DATABASE_URL"].rpartition("/")[0]
        environment["DATABASE_URL"] = f"{front}/{connection.settings_dict['NAME']}"
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(30)


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


def wait_for(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until the server answers; its port is open long before that."""
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit("The server does not start.")


if __name__ == "__main__":
    main()
