"""Open the demo as a visitor would: make it, serve it, sign in, ask for its pages, close it.

Fails at the first page that does not answer as it should, and where the demo does not close cleanly.
"""

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = [sys.executable, str(ROOT / "bootstrap.py"), "demo", "--orders", "60"]
ORDERS = "/vendors/atelier-verveine/orders/"
OPEN_WITHIN = 180  # seconds


class Visitor:
    """A browser without a window: keeps cookies, follows redirects, insists on 200."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, content_type: str = "text/html") -> bytes:
        return self.open(path, None, content_type)

    def open(self, path: str, form: dict[str, str] | None, content_type: str = "text/html") -> bytes:
        """Return the body of the page at ``path``, asked for by POST where there is a ``form``."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self.opener.open(self.address + path, data, timeout=60) as page:
                body: bytes = page.read()
                found = page.headers.get_content_type()
                arrived = page.url
        except urllib.error.HTTPError as error:
            sys.exit(f"{error.url} answers {error.code} {error.reason}.")
        if found != content_type:
            sys.exit(f"{path} is {found}, not {content_type}.")
        if form is None and arrived != self.address + path:
            sys.exit(f"{path} leads to {arrived}.")
        print(f"{path}: {len(body)} bytes")
        return body

    def sign_in(self, email: str) -> None:
        page = self.get("/accounts/login/").decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if token is None:
            sys.exit("The sign-in form has no token.")
        form = {"login": email, "password": "comptoir-demo", "csrfmiddlewaretoken": token[1]}
        self.open("/accounts/login/", form)


def main() -> None:
    if subprocess.call([*DEMO, "--no-serve"]) != 0:
        sys.exit("The demo's data could not be made.")
    port = free_port()
    demo = subprocess.Popen([*DEMO, "--port", str(port)])
    try:
        wait_until_open(port, demo)
        visit_pages(Visitor(f"http://127.0.0.1:{port}"))
    finally:
        demo.terminate()
        code = demo.wait(60)
    if code != 0:
        sys.exit(f"The demo closed with exit code {code}.")


def visit_pages(visitor: Visitor) -> None:
    visitor.get("/healthz", "text/plain")
    visitor.sign_in("owner@demo.example")
    visitor.get(ORDERS)
    order = first_order(visitor.get(f"{ORDERS}?status=completed").decode())
    visitor.get(order)
    for document in ("invoice.pdf", "delivery-note.pdf"):
        if not visitor.get(order + document, "application/pdf").startswith(b"%PDF-"):
            sys.exit(f"{order}{document} is no PDF.")
    if visitor.get(f"{ORDERS}export.csv", "text/csv").count(b"\n") < 2:
        sys.exit("The export is empty.")


def first_order(page: str) -> str:
    """Return the path of the first order that the list links to."""
    link = re.search(rf'href="({ORDERS}[^/"?]+/)[?"]', page)
    if link is None:
        sys.exit("The list of completed orders links to none.")
    return link[1]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def wait_until_open(port: int, demo: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + OPEN_WITHIN
    while time.monotonic() < deadline and demo.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    sys.exit("The demo did not open.")


if __name__ == "__main__":
    main()
