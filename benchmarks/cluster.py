"""A PostgreSQL cluster that lives as long as a benchmark."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "512MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "random_page_cost": "1.1",
}


@contextmanager
def cluster(folder: Path, **settings: str) -> Iterator[str]:
    """Start a cluster of its own below ``folder`` and yield its DATABASE_URL; it is gone afterwards.

    Sorts by ICU's French rules, as a shop's database may. ``settings`` are postgresql.conf's.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise SystemExit("PostgreSQL's server is missing: apt-get install postgresql")
    port, home = free_port(), folder / "postgresql"
    home.mkdir()
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        os.chmod(folder, 0o755)
        shutil.chown(home, "postgres")
    data, bin_ = home / "cluster", programs[-1]
    locale = ["--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "fr-FR"]
    as_postgres(
        bin_ / "initdb", "--pgdata", data, "--username", "comptoir", "--auth", "trust", "-E", "UTF8", *locale
    )
    options = " ".join(f"-c {name}={value}" for name, value in {**SETTINGS, **settings}.items())
    log = home / "log"
    as_postgres(
        *(bin_ / "pg_ctl", "start", "--wait", "--pgdata", data, "--log", log),
        *("--options", f"-p {port} -k {home} {options}"),
    )
    try:
        as_postgres(bin_ / "createdb", "--host", home, "--port", port, "--username", "comptoir", "comptoir")
        yield f"postgres://comptoir@127.0.0.1:{port}/comptoir"
    finally:
        as_postgres(bin_ / "pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")


@contextmanager
def cluster_database(url: str, name: str) -> Iterator[str]:
    """Make another empty database in the cluster of ``url`` and yield its own address."""
    import psycopg2

    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    connection.close()
    yield f"{url.rpartition('/')[0]}/{name}"


def as_postgres(*command: object) -> None:
    """Run a program of PostgreSQL's, which refuses to be root; raises CalledProcessError where it fails."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*prefix, *map(str, command)],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
