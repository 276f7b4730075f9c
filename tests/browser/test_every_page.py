"""Every page and state in a browser: no violation of WCAG 2.2 AA, nothing wider than the screen, quiet.

A sample of widths, themes and languages with every change; all of them with ``-m slow``. The
console stays empty, which also says that the content policy was never broken.
"""

from itertools import product

import pytest
from django.template.loader import render_to_string
from django.utils.translation import override

from marketplace.models import OutgoingEmail
from tests.browser.conftest import IN_BROWSER, STANDARD, tell, violations
from tests.browser.states import STATES

pytest.importorskip("pytest_playwright")
pytest.importorskip("axe_playwright_python.sync_playwright")
ON_PHONE, ON_DESK = [(390, "light", "fr")], [(1440, "dark", "en")]
SAMPLE = dict(zip(STATES, [ON_PHONE, ON_DESK] * len(STATES), strict=False))
MATRIX = list(product((390, 768, 1440), ("light", "dark"), ("fr", "en")))
OWN_STATUS = "the server responded with a status of"  # what the browser says of a 404 that is meant
WITHOUT_ADVICE = [tag for tag in STANDARD if tag != "best-practice"]
HTML = "text/html; charset=utf-8"
CUT_MENUS = """width => [...document.querySelectorAll('.menu[open] > :is(div, form)')]
  .map(panel => [panel.getBoundingClientRect(), panel])
  .filter(([box]) => box.left < 0 || box.right > width)
  .map(([box, panel]) => `cut at ${box.left} or ${box.right} px: ${panel.outerHTML.slice(0, 90)}`)"""
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True, reset_sequences=True)]


def visit(page, state):
    page.said.clear()
    page.goto(page.site + state.path, wait_until="networkidle")
    assert (state.who == "visitor") or "/login/" not in page.url, f"{state.name} asks to sign in"
    if state.act:
        state.act(page)


def visits(person, area, variants, **options):
    """Every state of the area in every variant: its name, the page, and the width."""
    for width, theme, language in variants:
        pages = {}
        for state in STATES[area]:
            if state.who not in pages:
                pages[state.who] = person(state.who, width=width, theme=theme, language=language, **options)
            page = pages[state.who]
            visit(page, state)
            yield f"{state.name}, {width} px, {theme}, {language}", page, width
        for page in pages.values():
            page.context.close()


def wider(page, width):
    """By how much the page is wider than the screen, and what of it; the menu that an edge cuts."""
    over = page.evaluate("document.documentElement.scrollWidth") - width
    if over <= 0:
        return page.evaluate(CUT_MENUS, width)
    culprits = page.evaluate(
        "width => [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > width + 1)"
        ".slice(0, 3).map(e => e.outerHTML.slice(0, 90))",
        width,
    )
    return [f"{over} px wider than the screen: {culprits}"]


def troubles(person, area, variants):
    """What is wrong with each state, by its name; those without trouble are left out."""
    found, looked_at = {}, 0
    for name, page, width in visits(person, area, variants):
        looked_at += 1
        said = [text for text in page.said if OWN_STATUS not in text]
        if trouble := [*violations(page), *wider(page, width), *said]:
            found[name] = trouble
    tell(f"axe, {area}: {looked_at} page states, {len(found)} with violations")
    return found


@pytest.mark.parametrize("area", STATES)
def test_every_page_is_accessible(person, area):
    assert troubles(person, area, SAMPLE[area]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("area", STATES)
def test_every_page_is_accessible_in_every_theme_language_and_width(person, area):
    assert troubles(person, area, MATRIX) == {}


@pytest.mark.parametrize(
    "area", [area if area == "list" else pytest.param(area, marks=pytest.mark.slow) for area in STATES]
)
def test_at_four_hundred_percent_nothing_scrolls_sideways(person, area):
    """1280 px at 400 % are 320 px (WCAG 1.4.10)."""
    found = {name: wider(page, width) for name, page, width in visits(person, area, [(320, "light", "fr")])}

    assert {name: trouble for name, trouble in found.items() if trouble} == {}


def test_error_pages_and_mails_are_accessible(person):
    """They have no address: the browser is given what their templates make."""
    with override("fr"):
        pages = {f"error {code}": render_to_string(f"{code}.html") for code in (400, 413, 429, 500, 503)}
    mails = OutgoingEmail.objects.exclude(html="").order_by("pk")
    pages |= {f"mail {mail.template}": mail.html for mail in mails}
    found = {}
    for theme in ("light", "dark"):
        page = person("visitor", width=390, theme=theme)
        for name, html in pages.items():
            page.route(
                f"{page.site}/drawn",
                lambda route, _asked, html=html: route.fulfill(body=html, content_type=HTML),
            )
            page.goto(f"{page.site}/drawn")
            tags = STANDARD if name.startswith("error") else WITHOUT_ADVICE  # a mail stands in another page
            if trouble := [*violations(page, tags), *wider(page, 390)]:
                found[f"{name}, {theme}"] = trouble
        page.context.close()

    tell(f"axe, error pages and mails: {2 * len(pages)} page states, {len(found)} with violations")
    assert found == {}


def test_the_style_guide_is_accessible(person, settings):
    """By the standard's own rules: the middles of many pages on one break the one-heading kind of advice."""
    settings.DEBUG = True
    page = person(width=1440)
    page.goto(f"{page.site}/styleguide/", wait_until="networkidle")

    assert violations(page, WITHOUT_ADVICE) == []
