"""Make the README's pictures over demo data: ``.venv/bin/python docs/screenshots/make.py [FOLDER]``.

Needs playwright, a Chromium and pdftoppm. With FOLDER every page is drawn there instead: both
widths, themes and languages.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = {"1440": {"width": 1440, "height": 900}, "390": {"width": 390, "height": 844}}
SHOP = "/vendors/atelier-verveine"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="draw every page here, in all forms")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as var, demo(var) as site, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if folder:
            draw_all(browser, site, folder)
        else:
            draw_for_readme(browser, site)


@contextmanager
def demo(var: str) -> Iterator[str]:
    """Fill and serve a demo of its own; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "VAR_DIR": var, "SITE_URL": site}
    manage = [sys.executable, str(ROOT / "manage.py")]
    for command in (["migrate", "--verbosity", "0"], ["demo"]):
        subprocess.run([*manage, *command], env=environment, check=True)
    server = subprocess.Popen([*manage, "runserver", "--noreload", f"127.0.0.1:{port}"], env=environment)
    try:
        wait_for(f"{site}/healthz")
        yield site
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str) -> None:
    for _attempt in range(100):
        try:
            urllib.request.urlopen(address)
        except urllib.error.URLError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"{address} does not answer.")


def signed_in(
    browser: Browser, site: str, *, size: str, theme: str, language: str, who: str = "owner"
) -> Page:
    context = browser.new_context(
        viewport=SIZES[size],
        color_scheme=theme,
        locale=language,
        has_touch=size == "390",
        device_scale_factor=1,
    )
    page = context.new_page()
    page.goto(f"{site}/accounts/login/")
    page.fill("[name=login]", f"{who}@demo.example")
    page.fill("[name=password]", "comptoir-demo")
    page.click("main button[type=submit], main .btn--main")
    page.wait_for_url(f"{site}{SHOP}/**")
    return page


def draw_for_readme(browser: Browser, site: str) -> None:
    page = signed_in(browser, site, size="1440", theme="light", language="fr")
    page.screenshot(path=HERE / "orders.png")
    number = number_of(page, site, "completed")
    draw_pdf(page, f"{site}{SHOP}/orders/{number}/invoice.pdf", HERE / "invoice")


def number_of(page: Page, site: str, status: str) -> str:
    """The number of the newest order in ``status``."""
    page.goto(f"{site}{SHOP}/orders/?status={status}")
    return page.locator(".c-id a").first.inner_text().strip()


def draw_pdf(page: Page, address: str, target: Path) -> None:
    answer = page.request.get(address)
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(answer.body())
        file.flush()
        subprocess.run(["pdftoppm", "-png", "-r", "80", "-singlefile", file.name, str(target)], check=True)


def draw_all(browser: Browser, site: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        for theme in ("light", "dark"):
            for language in ("fr", "en"):
                page = signed_in(browser, site, size=size, theme=theme, language=language)
                for name, path in addresses(page, site).items():
                    page.goto(f"{site}{path}")
                    page.screenshot(path=folder / f"{name}-{size}-{theme}-{language}.png", full_page=True)
                page.context.close()
    page = signed_in(browser, site, size="1440", theme="light", language="fr", who="preparer")
    page.screenshot(path=folder / "preparer.png", full_page=True)


def addresses(page: Page, site: str) -> dict[str, str]:
    """The pages to draw, by name."""
    open_order, done = number_of(page, site, "processing"), number_of(page, site, "completed")
    orders = f"{SHOP}/orders/"
    return {
        "orders": orders,
        "orders-filtered": f"{orders}?status=processing&customer=b%C3%A9n",
        "orders-wrong": f"{orders}?placed_after=31/02/2026",
        "orders-empty": f"{orders}?customer=zzzz",
        "order": f"{orders}{open_order}/",
        "order-done": f"{orders}{done}/",
        "order-refunded": f"{orders}{number_of(page, site, 'refunded')}/",
        "refund": f"{orders}{open_order}/refund/",
        "ship": f"{orders}{open_order}/ship/",
        "reopen": f"{orders}{done}/steps/reopen/",
        "products": f"{SHOP}/products/",
        "settings": f"{SHOP}/settings/",
        "mails": f"{SHOP}/my-mails/",
        "missing": f"{orders}none/",
    }


if __name__ == "__main__":
    main()
