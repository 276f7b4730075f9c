"""Make the README's pictures over demo data: ``.venv/bin/python docs/screenshots/make.py``.

Needs playwright, a Chromium and pdftoppm. With ``--all`` every page and state is drawn into
``docs/screenshots/all/`` instead, in each width, theme and language, and a contact sheet for each
page; ``--only NAME`` draws those whose name begins so. With ``--site`` the mails are those of
``VAR_DIR``. ``--compare FOLDER`` then names the pictures that differ from those of FOLDER, made
earlier on the same day.
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
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import product
from pathlib import Path

import django
from pages import OWNER, SHOP, STAFF, VISITOR, Picture, pictures
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = {
    "390": {"width": 390, "height": 844},
    "768": {"width": 768, "height": 1024},
    "1440": {"width": 1440, "height": 900},
}
EVERYTHING = HERE / "all"
ERRORS = (400, 413, 429, 500, 503)
Form = tuple[str, ...]  # width, theme, language
GAP = 12  # px between the pictures of a sheet


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="draw every page and state, in all forms")
    parser.add_argument("--only", default="", metavar="NAME", help="those whose name begins so")
    parser.add_argument("--compare", type=Path, metavar="FOLDER", help="name what differs from these")
    parser.add_argument("--site", default="", metavar="ADDRESS", help="a demo that is served already")
    parser.add_argument(
        "--forms",
        nargs="+",
        default=["-".join(form) for form in product(SIZES, ("light", "dark"), ("fr", "en"))],
        metavar="FORM",
        help="such as 390-light-fr; default: all twelve",
    )
    options = parser.parse_args()
    forms = [tuple(form.split("-")) for form in options.forms]
    with tempfile.TemporaryDirectory() as var, sync_playwright() as play:
        prepare_django(os.environ.get("VAR_DIR", var) if options.site else var)
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with nullcontext(options.site) if options.site else demo(var) as site:
            if options.all or options.only:
                draw_all(browser, site, options.only, forms)
            else:
                draw_for_readme(browser, site)
    if options.compare:
        report_changes(options.compare)


def prepare_django(var: str) -> None:
    """Let this process read the demo of ``var`` too, beside Playwright's loop."""
    os.environ |= {
        "VAR_DIR": var,
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
    sys.path.insert(0, str(ROOT))
    django.setup()


@contextmanager
def demo(var: str) -> Iterator[str]:
    """Fill and serve a demo of its own; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "VAR_DIR": var, "SITE_URL": site, "DEMO": "True"}
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


def signed_in(browser: Browser, site: str, *, size: str, theme: str, language: str, who: str = OWNER) -> Page:
    """A browser's page of that person; of nobody where ``who`` is empty."""
    context = browser.new_context(
        viewport=SIZES[size],
        color_scheme=theme,
        locale={"fr": "fr-FR", "en": "en-GB"}[language],
        has_touch=size == "390",
        device_scale_factor=1,
    )
    page = context.new_page()
    if who:
        page.goto(f"{site}/accounts/login/")
        page.fill("[name=login]", who)
        page.fill("[name=password]", "comptoir-demo")
        page.click("main button[type=submit], main .btn--main")
        page.wait_for_load_state("networkidle")
    return page


def draw_for_readme(browser: Browser, site: str) -> None:
    page = signed_in(browser, site, size="1440", theme="light", language="fr")
    page.screenshot(path=HERE / "orders.png")
    page.goto(f"{site}{SHOP}/documents/?kind=F")
    invoice = page.locator("main tbody a[href$='.pdf']").first.get_attribute("href")
    draw_pdf(page, f"{site}{invoice}", HERE / "invoice")


def first_number(page: Page, site: str, query: str) -> str:
    """The number of the list's first order under ``query``."""
    page.goto(f"{site}{SHOP}/orders/?{query}")
    return page.locator(".c-id a").first.inner_text().strip()


def draw_pdf(page: Page, address: str, target: Path) -> None:
    answer = page.request.get(address)
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(answer.body())
        file.flush()
        subprocess.run(["pdftoppm", "-png", "-r", "80", "-singlefile", file.name, str(target)], check=True)


def draw_all(browser: Browser, site: str, only: str, forms: list[Form]) -> None:
    EVERYTHING.mkdir(exist_ok=True)
    page = signed_in(browser, site, size="1440", theme="light", language="fr")
    wanted = [
        picture
        for picture in (
            *pictures(lambda query: first_number(page, site, query)),
            *map(without_address, drawn("fr")),
        )
        if picture.name.startswith(only)
    ]
    page.context.close()
    for who in dict.fromkeys(picture.who for picture in wanted):
        for form in forms:
            size, theme, language = form
            page = signed_in(browser, site, size=size, theme=theme, language=language, who=who)
            serve_drawn(page, site, language)
            for picture in wanted:
                if picture.who == who:
                    draw(page, site, picture, file_of(picture.name, form))
            page.context.close()
    for picture in wanted:
        make_sheet(picture.name, forms)
    print(f"{len(wanted)} pages in {len(forms)} forms: {EVERYTHING}")


@cache
def drawn(language: str) -> dict[str, str]:
    """What no address shows: error pages, and a mail of each kind."""
    from django.template.loader import render_to_string
    from django.utils.translation import override
    from mails import written_mails  # once Django is ready

    with override(language):
        pages = {f"error-{code}": render_to_string(f"{code}.html") for code in ERRORS}
    mails = written_mails(SHOP.rpartition("/")[2], owner=OWNER, staff=STAFF)
    return pages | {f"mail-{kind}": html for kind, html in mails.items()}


def without_address(name: str) -> Picture:
    return Picture(name, f"/drawn/{name}", VISITOR)


def serve_drawn(page: Page, site: str, language: str) -> None:
    """Let the browser find under ``/drawn/`` what the server has no address for."""
    pages = drawn(language)
    page.route(
        f"{site}/drawn/*",
        lambda route: route.fulfill(
            body=pages[route.request.url.rpartition("/")[2]], content_type="text/html; charset=utf-8"
        ),
    )


def draw(page: Page, site: str, picture: Picture, file: Path) -> None:
    page.goto(f"{site}{picture.path}", wait_until="networkidle")
    if picture.act:
        picture.act(page)
        page.wait_for_load_state("networkidle")
    page.screenshot(path=file, full_page=True)
    if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
        print(f"{file.name} is {over} px wider than the screen.")


def file_of(name: str, form: Form) -> Path:
    return EVERYTHING / f"{name}-{'-'.join(form)}.png"


def make_sheet(name: str, forms: list[Form]) -> None:
    """All forms of one page beside each other, at a third of their size."""
    parts = [Image.open(file_of(name, form)).convert("RGB") for form in forms]
    parts = [part.crop((0, 0, part.width, min(part.height, part.width * 4))) for part in parts]
    parts = [part.reduce(2 if part.width < 500 else 3) for part in parts]
    sheet = Image.new(
        "RGB", (sum(part.width + GAP for part in parts), max(part.height for part in parts)), "grey"
    )
    left = 0
    for part in parts:
        sheet.paste(part, (left, 0))
        left += part.width + GAP
    sheet.save(EVERYTHING / f"sheet-{name}.png")


def report_changes(before: Path) -> None:
    """Name the pictures that are new, gone, or differ from those of ``before``."""
    names = {file.name for folder in (before, EVERYTHING) for file in folder.glob("*.png")}
    changed = [name for name in sorted(names) if not is_same(before / name, EVERYTHING / name)]
    print("\n".join(changed) or "No picture differs.")


def is_same(one: Path, other: Path) -> bool:
    if not (one.exists() and other.exists()):
        return False
    left, right = Image.open(one).convert("RGB"), Image.open(other).convert("RGB")
    return left.size == right.size and ImageChops.difference(left, right).getbbox() is None


if __name__ == "__main__":
    main()
