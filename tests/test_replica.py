"""A replica of the database is read from, and nobody sees an older state than one he has seen."""

import os
import re
import shutil
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.cluster import as_postgres, free_port
from marketplace import replica
from marketplace.replica import REPLICA, SEEN
from orders.exports.figures import settle_all
from orders.filters import OrderFilter
from orders.models import ExportLog, Order
from orders.states import OrderStatus
from tests.factories import make_line, make_order
from tests.test_attacks import STRONG, settings_with

LIST = "/vendors/rucher-des-baux/orders/"
S = OrderStatus


@pytest.fixture(scope="module")
def standby(tmp_path_factory, django_db_setup, django_db_blocker):
    """A streaming replica of the cluster that the tests run on: its folder, and how it is reached."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if connection.vendor != "postgresql":
        pytest.skip("a replica is PostgreSQL's")
    if not programs:
        pytest.skip("PostgreSQL's programs are not here: no replica can be made")
    server = Standby(programs[-1])
    try:
        server.copy(connection.settings_dict)
        server.start()
        yield server
    finally:
        server.remove()


class Standby:
    """A replica as an operator makes it: pg_basebackup, then a server of its own."""

    def __init__(self, programs):
        self.programs, self.port = programs, free_port()
        self.home = Path("/tmp") / f"comptoir-replica-{os.getpid()}"

    def copy(self, primary):
        self.home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres")
        address = f"host={primary['HOST']} port={primary['PORT']} user={primary['USER']}"
        options = ["--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream"]
        data = f"--pgdata={self.home / 'data'}"
        try:
            as_postgres(self.programs / "pg_basebackup", f"--dbname={address}", data, *options)
        except CalledProcessError:
            pytest.skip("the tests' user of PostgreSQL may not replicate")

    def start(self):
        options = f"-p {self.port} -k {self.home} -c listen_addresses=127.0.0.1 -c max_connections=300"
        where = ["--pgdata", self.home / "data", "--log", self.home / "log"]
        begin = [self.programs / "pg_ctl", "start", "--wait", "--timeout=180"]
        as_postgres(*begin, *where, "--options", options)

    def stop(self):
        with suppress(CalledProcessError):  # it has ended already
            as_postgres(
                self.programs / "pg_ctl", "stop", "--mode", "immediate", "--pgdata", self.home / "data"
            )

    def remove(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture
def with_replica(standby, settings, transactional_db, monkeypatch):
    """The product with a replica; the standby runs and follows."""
    there = {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": standby.port}
    there["OPTIONS"] = {**there["OPTIONS"], "connect_timeout": 2}
    monkeypatch.setitem(connections.settings, REPLICA, there)
    monkeypatch.setitem(settings.DATABASES, REPLICA, there)
    settings.DATABASE_ROUTERS = ["marketplace.replica.ReplicaRouter"]
    monkeypatch.setattr(replica, "_left_alone_until", 0.0)
    there = connections[REPLICA]
    there.ensure_connection = partial(connect, there)  # Django lets a test reach its own databases alone
    yield standby
    connections[REPLICA].close()
    del connections[REPLICA]


def connect(to):
    if to.connection is None:
        with to.wrap_database_errors:
            to.connect()


def on_replica(sql):
    with connections[REPLICA].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


@pytest.fixture
def paused(with_replica):
    """The replica has stopped to follow, though it is still told."""
    caught_up()
    on_replica("SELECT pg_wal_replay_pause()")
    yield with_replica
    connections[REPLICA].close()
    on_replica("SELECT pg_wal_replay_resume()")


def caught_up():
    """Wait until the replica has all that was written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        [place] = cursor.fetchone()
    for _ in range(200):
        if on_replica(f"SELECT pg_last_wal_replay_lsn() >= '{place}'::pg_lsn, pg_sleep(0.05)")[0]:
            return
    raise AssertionError("the replica does not follow")


@pytest.fixture
def desk(with_replica, owner, vendor):
    make_order(vendor, number="1", status=S.PROCESSING, placed_at=timezone.now(), lines=[make_line(None)])
    desk = Client()
    desk.force_login(owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    caught_up()
    return desk


def get(desk, path=LIST):
    """The answer of a page or a file, read to its end, and whether it came from the replica."""
    response = desk.get(path)
    text = b"".join(response) if response.streaming else response.content
    return text.decode(errors="replace"), getattr(response, "is_of_replica", False)


def test_lists_figures_and_files_are_read_from_the_replica(desk, owner):
    paths = [LIST, f"{LIST}?status=processing", f"{LIST}export.csv", f"{LIST}export.csv?rows=lines"]
    paths += [
        f"{LIST}export.xlsx",
        "/vendors/rucher-des-baux/overview/",
        "/vendors/rucher-des-baux/customers/",
    ]
    settle_all()
    caught_up()
    for path in paths:
        on_primary = tables_asked("default")
        with on_primary as asked:
            _text, is_of_replica = get(desk, path)

        assert is_of_replica, path
        assert not [sql for sql in asked if 'FROM "orders_' in sql and "stalefigures" not in sql], path
        caught_up()

    assert ExportLog.objects.count() == 3  # what is written goes to the primary
    assert get(desk, f"{LIST}1/")[1] is False


@contextmanager
def tables_asked(alias):
    """The statements that this database was asked meanwhile."""
    asked = []
    with CaptureQueriesContext(connections[alias]) as captured:
        yield asked
    asked += [query["sql"] for query in captured]


def test_an_order_that_was_changed_is_never_shown_as_it_was_before(desk, paused, vendor):
    assert get(desk)[1] is True
    order = vendor.orders.get(number="1")

    desk.post(f"{LIST}1/validate/", {"version": order.version})
    page, is_of_replica = get(desk, f"{LIST}?status=completed")

    assert not is_of_replica
    assert "Order 1" in page or ">1</a>" in page
    on_replica("SELECT pg_wal_replay_resume()")
    caught_up()
    page, is_of_replica = get(desk, f"{LIST}?status=completed")
    assert is_of_replica
    assert ">1</a>" in page


def test_who_has_seen_an_order_finds_it_on_the_list(desk, paused, vendor):
    """Somebody else's change: seen on the primary's page, it is on the list that follows."""
    make_order(vendor, number="2", status=S.PROCESSING, placed_at=timezone.now())
    assert ">2</a>" not in get(desk)[0]

    assert get(desk, f"{LIST}2/")[1] is False
    page, is_of_replica = get(desk)

    assert (">2</a>" in page, is_of_replica) == (True, False)


def test_a_replica_that_is_gone_costs_no_page(desk, with_replica, caplog):
    assert get(desk)[1]
    with_replica.stop()
    try:
        page, is_of_replica = get(desk)
        again = get(desk)[1]
    finally:
        with_replica.start()

    assert (">1</a>" in page, is_of_replica, again) == (True, False, False)
    assert [record.getMessage()[:30] for record in caplog.records].count(
        "The replica of the database gi"
    ) == 1


def test_a_replica_that_breaks_in_the_middle_of_a_page_costs_no_page(desk, with_replica, monkeypatch):
    usual = OrderFilter.__dict__["summary"]

    def broken(self):
        if connections[Order.objects.all().db].alias == REPLICA:
            with connections[REPLICA].cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return usual.func(self)

    monkeypatch.setattr(OrderFilter, "summary", property(broken))
    page, is_of_replica = get(desk)

    assert (">1</a>" in page, is_of_replica) == (True, False)


def test_news_begin_where_the_list_ended(desk, paused, vendor):
    """An order that the replica did not have yet is news, though it came before the list was asked for."""
    make_order(vendor, number="2", status=S.PROCESSING, placed_at=timezone.now())
    page, is_of_replica = get(desk)
    [since] = re.findall(r"since=([^&\"]+)", page)
    on_replica("SELECT pg_wal_replay_resume()")
    caught_up()

    assert is_of_replica
    assert "1" in get(desk, f"{LIST}news/?since={since}")[0]


@pytest.mark.parametrize("cookie", ["", "FFFFFFFF/FFFFFFFF", "0/1; DROP TABLE x", "x", "0/" + "F" * 5000])
def test_a_cookie_of_ones_own_making_breaks_nothing(desk, cookie):
    desk.cookies[SEEN] = cookie

    page, is_of_replica = get(desk)

    assert (">1</a>" in page, is_of_replica) == (True, cookie != "FFFFFFFF/FFFFFFFF")


@pytest.mark.django_db
def test_without_a_replica_nothing_is_kept(client_of, owner):
    assert SEEN not in client_of(owner).get(LIST).cookies


def test_a_replica_needs_postgresql(tmp_path):
    replica_url = "postgres://comptoir@127.0.0.1/comptoir"
    for primary in (f"sqlite:///{tmp_path}/x.sqlite3", ""):
        urls = {"DATABASE_URL": primary, "DATABASE_REPLICA_URL": replica_url}
        said = settings_with(**urls, SECRET_KEY=STRONG, VAR_DIR=str(tmp_path))
        assert "must both begin with postgres://" in said
