"""The product behind gunicorn, and a person of the demo's largest shop who asks it for pages."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from cluster import free_port
from demo import ROOT


@dataclass
class Answer:
    """What came back: when the first byte and when the last one did, in seconds."""

    status: int
    first: float
    seconds: float
    body: bytes
    size: int


@dataclass
class Server:
    """A running gunicorn and a signed-in person's cookies; one connection, kept open."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    pid: int = 0  # of gunicorn itself

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def get(self, path: str, *, keep: bool = True) -> Answer:
        """Ask for a page; with ``keep`` off its body is only counted."""
        return self._ask("GET", path, None, keep=keep)

    def post(self, path: str, **fields: str) -> Answer:
        return self._ask("POST", path, urlencode(fields).encode(), keep=True)

    def _ask(self, method: str, path: str, body: bytes | None, *, keep: bool) -> Answer:
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Accept-Language": "fr",
        }
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["X-CSRFToken"] = self.cookies.get("csrftoken", "")
        begun = time.perf_counter()
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        parts, size, first = [], 0, 0.0
        while piece := response.read1(65_536):
            first = first or time.perf_counter() - begun
            size += len(piece)
            if keep:
                parts.append(piece)
        seconds = time.perf_counter() - begun
        response.close()  # read1 leaves it open, and the connection busy
        for header in response.headers.get_all("Set-Cookie") or []:
            name, _sign, rest = header.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return Answer(response.status, first or seconds, seconds, b"".join(parts), size)

    def memory(self) -> tuple[int, int]:
        """The most memory that the worker has held, and what it holds, in kB."""
        most, now = self.get("/memory/").body.split()
        return int(most), int(now)


@contextmanager
def served(url: str, folder: Path, *, workers: int = 1) -> Iterator[Server]:
    """Start gunicorn with so many workers on this database; stop it afterwards."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "marketplace.wsgi", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--workers", str(workers), "--threads", "4", "--keep-alive", "600"),
        *("--timeout", "600", "--no-control-socket", "--log-level", "warning"),
        *("--pythonpath", f"{ROOT},{ROOT / 'benchmarks'}"),
    ]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, "DATABASE_URL": url})
    try:
        server = Server(port, pid=process.pid)
        for _attempt in range(100):
            try:
                server.get("/healthz")
                break
            except OSError:
                server.connection.close()
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(20)
