"""Forced colours, no movement, the keyboard alone, and the names that a screen reader says."""

import re

import pytest

from tests.browser.conftest import IN_BROWSER, expect, tell
from tests.browser.states import SHOP

pytest.importorskip("pytest_playwright")
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True, reset_sequences=True)]


def on(page, path):
    page.goto(f"{page.site}{SHOP}{path}", wait_until="networkidle")
    return page


def style(page, selector, name):
    return page.locator(selector).first.evaluate(f"element => getComputedStyle(element).{name}")


def test_under_forced_colors_the_choice_and_the_notice_are_seen(person):
    page = on(person(forced_colors="active"), "orders/?placed_after=31/02/2026")

    chosen = style(page, ".nav [aria-current]", "backgroundColor")
    assert chosen != style(page, ".nav a:not([aria-current])", "backgroundColor")
    assert style(page, ".note.s-failed", "borderTopStyle") == "solid"


def test_under_forced_colors_a_taken_row_and_a_main_button_have_a_line(person):
    page = on(person(forced_colors="active"), "orders/?status=processing")
    page.locator("tbody [name=order]").first.check()

    assert style(page, "tbody tr:has(:checked)", "outlineStyle") == "solid"
    assert style(on(page, "orders/1042/"), ".btn--main", "borderTopStyle") == "solid"


@pytest.mark.parametrize(("wish", "movements"), [("reduce", 0), ("no-preference", 1)])
def test_nothing_moves_for_whom_wants_no_movement(person, wish, movements):
    page = on(person(reduced_motion=wish), "orders/1042/")
    page.locator(".head .menu > summary").evaluate("button => button.setAttribute('aria-busy', 'true')")

    assert page.evaluate("document.getAnimations().length") == movements


def test_the_first_stop_leads_past_the_menu(person):
    page = on(person(), "orders/")

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#main")).to_be_focused()


# What has the focus: whether it is seen, and which it is.
STOP = """() => {
    const element = document.activeElement, shown = element.closest(".in") ?? element;
    const box = shown.getBoundingClientRect(), look = getComputedStyle(shown);
    return {
        which: [...document.querySelectorAll("*")].indexOf(element),
        what: element.outerHTML.slice(0, 80),
        isRinged: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2,
        isOnScreen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        isBody: element === document.body,
    };
}"""


@pytest.mark.parametrize("path", ["orders/", "orders/1042/", "orders/1042/refund/", "settings/", "team/"])
def test_every_stop_of_the_keyboard_is_seen_and_none_holds_it(person, path):
    page = on(person(), path)
    stops = []
    for _ in range(400):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop["isBody"] or any(stop["which"] == earlier["which"] for earlier in stops):
            break
        stops.append(stop)

    tell(f"keyboard, {path}: {len(stops)} stops")
    assert len(stops) > 10
    assert [stop["what"] for stop in stops if not (stop["isRinged"] and stop["isOnScreen"])] == []
    assert stop["isBody"] or stop["which"] == stops[0]["which"], "the walk came back to its beginning"


# Whether what has the focus lies wholly under what is fixed to the window.
COVERED = """() => {
    const element = document.activeElement, box = element.getBoundingClientRect();
    if (element.closest(".bulk, .floats, .nav, #trouble") || element === document.body) return "";
    const at = (x, y) => document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
    const isHidden = [.2, .5, .8].every((y) => at(.5, y)?.closest(".bulk, .floats, .nav, #trouble"));
    return isHidden ? element.outerHTML.slice(0, 80) : "";
}"""


@pytest.mark.parametrize(("width", "height"), [(390, 844), (640, 512), (1440, 900)])
@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_what_has_the_focus_is_not_hidden_by_bar_or_notice(person, width, height, key):
    page = on(person(width=width, height=height), "orders/?status=processing")
    page.get_by_role("button", name="Valider la commande 1042").click()
    page.locator(".floats .note").wait_for()
    page.locator("tbody [name=order]").nth(1).check()
    if key == "Shift+Tab":
        page.evaluate("document.getElementById('trouble').hidden = false")
        page.locator("#bulk .btn--main").focus()
    covered = set()
    for _ in range(120):
        page.keyboard.press(key)
        covered.add(page.evaluate(COVERED))

    assert covered <= {""}


def test_a_menu_is_opened_and_left_by_the_keyboard(person):
    page = on(person(), "orders/1042/")
    page.locator(".head .menu > summary").focus()

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = page.evaluate("!!document.activeElement.closest('.menu > div')")
    page.keyboard.press("Escape")

    assert inside
    expect(page.locator(".head .menu[open]")).to_have_count(0)
    expect(page.locator(".head .menu > summary")).to_be_focused()


NAMES = {
    "orders/": [
        'navigation "Principale"',
        'link "Commandes',
        'navigation "États des commandes"',
        'heading "Commandes" [level=1]',
        'columnheader "Montant total"',
        'checkbox "Sélectionner la commande 1042"',
        'link "1042"',
        'button "Valider la commande 1042"',
        'link "Accessibilité"',
    ],
    "orders/1042/": [
        'heading "Commande 1042" [level=1]',
        'button "Copier l’adresse de livraison"',
        'region "Historique"',
        'link "Bon de livraison"',
    ],
    "orders/1042/refund/": [
        'group "Rembourser la commande 1042"',
        'spinbutton "Unités',
        'textbox "Motif',
        'link "Fermer sans rien changer"',
    ],
}


@pytest.mark.parametrize("path", NAMES)
def test_the_main_controls_have_names(person, path):
    tree = on(person(), path).locator("body").aria_snapshot().replace("\u202f", " ").replace("\u00a0", " ")

    assert [name for name in NAMES[path] if name not in tree] == []
    assert (
        re.findall(r"- (?:button|link|checkbox|textbox|combobox|spinbutton)(?: \[[^\]]*\])*:?$", tree, re.M)
        == []
    )
