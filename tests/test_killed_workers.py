"""Workers that are killed in the middle of their work: nothing is lost, and nothing is done twice.

A worker of its own process, on a database file of its own, with a mail server that stalls when told to.
"""

import json
import os
import shutil
import signal
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from email import message_from_bytes
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent
ORDERS = 60

SET_UP = f"""
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from orders.bulk.work import ask_for_bulk
from orders.jobs import run_bulk
from orders.models import BulkAction, Order
from tests.factories import *
vendor = make_vendor("atelier")
owner = make_member(vendor, email="owner@atelier.example")
mug = make_product(vendor, stock={ORDERS})
for n in range({ORDERS}):
    make_order(vendor, number=str(n), lines=[(mug, 1)], status=OrderStatus.PROCESSING)
job = ask_for_bulk(vendor, Order.objects.all(), BulkAction.VALIDATE, by=owner, at=NOON)
run_bulk.enqueue(job.pk)
"""

FINISH = """
import django
django.setup()
from datetime import timedelta
from django.core.management import call_command
from marketplace.queue import requeue_lost
print(requeue_lost(lease=timedelta(0)))
call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)
"""


class MailServer(socketserver.ThreadingTCPServer):
    """Just enough SMTP: keeps what it gets, and answers nothing any more after the word ``stalls_at``."""

    daemon_threads = allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.mails, self.stalls_at, self.stalled = [], None, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def ids(self):
        return Counter(message_from_bytes(mail)["Message-ID"] for mail in self.mails)


class Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        self.answer("hello", "220 here")
        for line in self.rfile:
            word = line.split()[0].upper().decode()
            if word == "QUIT":
                return self.answer(word, "221 bye")
            if word == "DATA":
                self.answer(word, "354 go on")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                word = "accepted"
            self.answer(word, "250 yes")
        return None

    def answer(self, word, reply):
        if word == self.server.stalls_at:
            self.server.stalled.set()
            threading.Event().wait(60)
        self.wfile.write(reply.encode() + b"\r\n")


@pytest.fixture
def mail_server():
    server = MailServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with a database that has the orders and the bulk action, nothing of it done."""
    folder = tmp_path_factory.mktemp("filled")
    subprocess.run([sys.executable, "-c", SET_UP], cwd=BASE, env=environment(folder), check=True)
    return folder


def environment(folder, port=0):
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'comptoir.sqlite3'}",
        "VAR_DIR": str(folder),
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(port),
        "EMAIL_USE_TLS": "False",
    }


class Site:
    """A folder, its database, and workers on it."""

    def __init__(self, folder, port):
        self.folder, self.environment = folder, environment(folder, port)

    def start_worker(self):
        command = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay"]
        return subprocess.Popen(
            [*command, "--interval=0.05"], cwd=BASE, env=self.environment, stderr=subprocess.DEVNULL
        )

    def finish(self):
        """Let a new worker find what was lost, and do all there is; return how many tasks it found."""
        done = subprocess.run(
            [sys.executable, "-c", FINISH],
            cwd=BASE,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return json.loads(done.stdout)

    def ask(self, query):
        connection = sqlite3.connect(self.folder / "comptoir.sqlite3", timeout=20)
        try:
            return [row[0] if len(row) == 1 else row for row in connection.execute(query)]
        finally:
            connection.close()

    def wait_for(self, query, least):
        end = time.monotonic() + 60
        while self.ask(query)[0] < least:
            assert time.monotonic() < end
            time.sleep(0.005)

    def assert_all_done_once(self):
        assert self.ask("SELECT count(*) FROM orders_order WHERE status = 'completed'") == [ORDERS]
        assert self.ask("SELECT state, count(*) FROM orders_bulkitem GROUP BY 1") == [("done", ORDERS)]
        steps = "SELECT order_id, count(*) AS n FROM orders_historyentry WHERE kind = 'status' GROUP BY 1"
        assert set(self.ask(f"SELECT n FROM ({steps})")) == {1}
        assert self.ask("SELECT stock FROM vendors_product") == [0]
        assert self.ask("SELECT state, count(*) FROM marketplace_outgoingemail GROUP BY 1") == [
            ("sent", ORDERS)
        ]
        assert self.ask("SELECT DISTINCT status FROM django_tasks_database_dbtaskresult") == ["SUCCESSFUL"]


@pytest.fixture
def site(filled, tmp_path, mail_server):
    folder = tmp_path / "site"
    shutil.copytree(filled, folder)
    return Site(folder, mail_server.server_address[1])


def kill(worker):
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)


def test_killed_in_the_middle_of_a_bulk_action(site, mail_server):
    worker = site.start_worker()
    site.wait_for("SELECT count(*) FROM orders_bulkitem WHERE state = 'done'", 3)
    kill(worker)
    done = site.ask("SELECT count(*) FROM orders_bulkitem WHERE state = 'done'")[0]
    completed = site.ask("SELECT count(*) FROM orders_order WHERE status = 'completed'")[0]

    lost = site.finish()

    assert (3 <= done < ORDERS, done == completed, lost) == (True, True, 1)
    site.assert_all_done_once()
    assert list(mail_server.ids().values()) == [1] * ORDERS


@pytest.mark.parametrize(("stalls_at", "copies"), [("RCPT", 1), ("accepted", 2)])
def test_killed_while_a_mail_is_sent(site, mail_server, stalls_at, copies):
    mail_server.stalls_at = stalls_at
    worker = site.start_worker()
    assert mail_server.stalled.wait(60)
    kill(worker)
    recorded = site.ask("SELECT count(*) FROM marketplace_outgoingemail WHERE state = 'sent'")
    mail_server.stalls_at = None

    lost = site.finish()

    assert (recorded, lost) == ([0], 1)
    site.assert_all_done_once()
    times = sorted(mail_server.ids().values())
    assert times == [1] * (ORDERS - 1) + [copies]  # a second copy has the same Message-ID
