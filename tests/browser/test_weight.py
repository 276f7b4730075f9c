"""The first view: light, still, one stylesheet, two scripts, and kept by the browser."""

import gzip
import os
import subprocess
import sys

import pytest

from tests.browser.conftest import IN_BROWSER, tell
from tests.browser.states import SHOP

pytest.importorskip("pytest_playwright")
MOST_BYTES = 100_000  # of the first view, compressed, all told
MOST_JUMP = 0.01  # cumulative layout shift; 0.1 is what the web calls good
WATCH = (
    "window.jumped = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => "
    "window.jumped += entry.value)).observe({type: 'layout-shift', buffered: true});"
)
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True, reset_sequences=True)]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("path", ["orders/", "orders/1042/", "overview/", "documents/"])
def test_the_first_view_is_light_and_does_not_jump(person, path, width):
    page = person(width=width)
    sizes = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(gzip.compress(answer.body()))}))
    page.add_init_script(WATCH)
    page.goto(f"{page.site}{SHOP}{path}", wait_until="networkidle")

    jumped = page.evaluate("window.jumped")
    weight = sum(sizes.values())
    tell(f"first view of {path} at {width} px: {weight} bytes in {len(sizes)} files, CLS {jumped:.3f}")
    assert weight < MOST_BYTES
    assert len([url for url in sizes if url.endswith(".css")]) == 1
    assert len([url for url in sizes if url.endswith(".js")]) <= 2
    assert jumped < MOST_JUMP


def test_the_browser_keeps_what_does_not_change_and_no_page(tmp_path):
    """As production serves it: hashed names for good, compressed; pages are never stored."""
    code = """
import django; django.setup()
from django.contrib.staticfiles.storage import staticfiles_storage as files
from django.core.management import call_command
call_command("collectstatic", interactive=False, verbosity=0)
call_command("migrate", verbosity=0)
from django.test import Client
client = Client(headers={"accept-encoding": "gzip", "host": "example.test"})
for path in (files.url("css/comptoir.css"), files.url("js/comptoir.js"), "/accounts/login/"):
    answer = client.get(path, secure=True)
    kept = "for good" if "immutable" in (said := answer.headers["Cache-Control"]) else ""
    print(answer.status_code, kept or said.count("no-store"), answer.headers.get("Content-Encoding"))
"""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DEBUG": "False",
        "ALLOWED_HOSTS": "example.test",
        "SECRET_KEY": "kZ8vQ2xW9mB4nC7rT1yU5iO3pL6jH0gF-dSaEqRwXzVbNmKlJhGf",
        "VAR_DIR": str(tmp_path),
    }

    said = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).splitlines()

    assert said == [
        "200 for good gzip",
        "200 for good gzip",
        "200 1 None",
    ]
