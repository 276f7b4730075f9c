"""The order list by the keyboard's letters."""

import pytest

from orders.models import Order
from orders.states import OrderStatus
from tests.browser.conftest import IN_BROWSER, expect, violations
from tests.browser.states import SHOP
from tests.factories import make_order

pytest.importorskip("pytest_playwright")
S = OrderStatus
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True, reset_sequences=True)]


def on(page, path):
    page.goto(f"{page.site}{SHOP}{path}", wait_until="networkidle")
    return page


def test_the_list_is_moved_through_by_keys(person):
    page = on(person(), "orders/")
    numbers = page.locator("tbody .c-id").all_inner_texts()

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("k")

    expect(page.get_by_role("link", name=numbers[0], exact=True)).to_be_focused()
    taken = page.locator("tbody input:checked")
    expect(taken).to_have_count(1)
    expect(taken).to_have_value(numbers[1])

    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/orders/{numbers[0]}/")


def test_v_validates_the_order_in_hand(person):
    page = on(person(), "orders/?status=processing&q=1042")

    page.keyboard.press("j")
    page.keyboard.press("v")

    page.get_by_text("La commande 1042 est terminée.").wait_for()


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_on_a_tick_does_nothing(person, scripts):
    page = on(person(java_script_enabled=scripts), "orders/?status=processing")
    ticks = page.locator("tbody [name=order]")
    ticks.first.check()

    ticks.last.press("Enter")
    page.locator("#status-completed").click()
    page.wait_for_url("**status=completed")

    assert Order.objects.filter(history__new_status=S.COMPLETED, number="1042").count() == 0


def test_b_leads_to_what_can_be_done_with_the_ticked_ones(person):
    page = on(person(), "orders/?status=processing")

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("b")

    expect(page.locator(".bulk").get_by_role("button", name="Valider")).to_be_focused()


def test_the_bar_counts_all_that_are_taken(person, vendor):
    for n in range(30):
        make_order(vendor, number=str(3000 + n), status=S.PROCESSING)
    page = on(person(), "orders/?status=processing")

    page.locator("tbody [name=order]").first.check()
    page.locator(".bulk [name=all]").check()

    taken = Order.objects.filter(vendor=vendor, status=S.PROCESSING).count()
    expect(page.locator(".bulk [role=status]")).to_have_text(f"{taken} cochées")

    page.locator("tbody [name=order]").nth(1).check()
    page.locator("tbody [name=order]").first.uncheck()

    expect(page.locator(".bulk [name=all]")).not_to_be_checked()
    expect(page.locator(".bulk [role=status]")).to_have_text("1 cochée")


def test_the_ticked_orders_are_exported_and_the_bar_is_free_again(person):
    page = on(person(), "orders/?status=processing&sort=number")
    for n in (0, 1):
        page.locator("tbody [name=order]").nth(n).check()

    with page.expect_download() as download:
        page.locator(".bulk [value=export-csv]").click()

    assert len(download.value.path().read_text(encoding="utf-8").splitlines()) == 1 + 2
    page.wait_for_timeout(1200)
    page.locator(".bulk [value=validate]").click()
    page.wait_for_url("**/bulk/*/**")


def test_who_changes_nothing_finds_the_bar_with_its_ticks(person):
    page = on(person(), "orders/?status=processing&sort=number")
    page.locator("tbody [name=order]").nth(1).check()
    page.locator(".bulk [value=invoice]").click()

    page.get_by_role("button", name="Ne rien changer", exact=True).click()

    page.wait_for_url("**/orders/?status=processing&sort=number")
    expect(page.locator(".bulk [role=status]")).to_have_text("1 cochée")
    expect(page.locator("tbody [name=order]").nth(1)).to_be_checked()
