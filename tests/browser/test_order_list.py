"""The order list in a browser: quick with a script, complete without one, usable on a phone."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from orders.states import OrderStatus
from orders.tables import OPTIONAL_COLUMNS
from tests.browser.conftest import IN_BROWSER, expect
from tests.factories import make_order

pytest.importorskip("pytest_playwright")
S = OrderStatus
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def open_list(new_context, live_server, client_of, owner):
    """``open_list("?status=…", width=390)``: the owner's browser on the list."""

    def visit(query="", *, width=1440, height=900, **options):
        context = new_context(viewport={"width": width, "height": height}, locale="en-US", **options)
        session = client_of(owner).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"{live_server.url}/vendors/rucher-des-baux/orders/{query}")
        return page

    return visit


@pytest.fixture
def orders(vendor):
    """Thirty orders, newest first 30 to 1; every third is of Bénédicte Roux."""
    for n in range(1, 31):
        make_order(
            vendor,
            number=str(n),
            status=[S.PROCESSING, S.COMPLETED, S.PENDING][n % 3],
            customer_name="Bénédicte Roux" if n % 3 == 0 else "Louis Martin",
            placed_at=timezone.now() - timedelta(minutes=40 - n),
        )


def numbers(page):
    return page.locator("tbody .c-id")


def asked(page):
    """The list's addresses that the page asks the server for, from now on."""
    queries = []
    page.on(
        "request",
        lambda request: (
            request.url.split("/orders/")[1:2] and queries.append(request.url.split("/orders/")[1])
        ),
    )
    return queries


def settle(page):
    page.wait_for_load_state("networkidle")


def test_typing_a_name_narrows_the_list_in_place(open_list, orders):
    page = open_list()
    queries = asked(page)

    page.locator("#id_customer").press_sequentially("bene", delay=40)
    page.wait_for_url("**?customer=bene")

    expect(numbers(page)).to_have_text([str(n) for n in range(30, 0, -3)])
    expect(page.locator("#status-all b")).to_have_text("10")
    expect(page.locator("#id_customer")).to_be_focused()
    expect(page.locator("#id_customer")).to_have_value("bene")
    assert len([query for query in queries if query.startswith("?")]) == 1


def test_customers_are_suggested_while_typing(open_list, orders):
    page = open_list()

    page.locator("#id_customer").press_sequentially("be", delay=40)

    names = page.locator("#customer-names [role=option]")
    expect(names).to_have_count(1)
    expect(names).to_have_attribute("data-value", "Bénédicte Roux")


def test_a_finger_takes_a_suggestion_and_nothing_beneath_it(open_list, orders):
    page = open_list(width=390, has_touch=True)
    page.locator("#list-fold summary").tap()
    page.locator("#id_customer").press_sequentially("be", delay=40)
    page.wait_for_url("**customer=be")
    page.evaluate("document.addEventListener('click', event => { window.hit = event.target.role }, true)")

    page.locator("#customer-names [role=option]").tap()
    page.wait_for_url("**customer=B*n*dicte*Roux")

    assert page.evaluate("window.hit") == "option"


def test_enter_asks_once(open_list, orders):
    page = open_list()
    queries = asked(page)

    page.locator("#id_customer").press_sequentially("bene")
    page.keyboard.press("Enter")
    page.wait_for_url("**?customer=bene")
    page.wait_for_timeout(600)

    assert len([query for query in queries if query.startswith("?")]) == 1


def test_back_leads_from_filter_to_filter(open_list, orders):
    page = open_list()
    page.click("#status-pending")
    page.wait_for_url("**?status=pending")
    page.click("#sort-number")
    page.wait_for_url("**sort=-number")

    page.go_back()

    page.wait_for_url("**/orders/?status=pending")
    expect(page.locator("#list-menu [aria-current]")).to_have_text(re.compile(r"Pending payment\s*10"))


def test_the_list_is_never_shown_twice(open_list, orders):
    page = open_list("?customer=b")
    for link in ["#status-processing", "#period-days", "#sort-total", "#quick-orders", ".chip a >> nth=0"]:
        page.mouse.move(700, 850)
        page.click(link)
        settle(page)

    expect(page.locator("#filters, #list-menu, #list-results, #list-status")).to_have_count(4)


def test_the_focus_stays_where_it_was(open_list, orders):
    page = open_list()
    page.focus("#sort-total")

    page.keyboard.press("Enter")
    page.wait_for_url("**sort=-total")

    expect(page.locator("#sort-total")).to_be_focused()


def test_the_number_of_orders_is_told_to_screen_readers(open_list, orders):
    page = open_list()

    page.click("#status-pending")
    page.wait_for_url("**?status=pending")

    expect(page.locator("#list-status")).to_have_text("10 orders")


def row(page, number):
    return page.locator("tbody tr", has=page.get_by_role("link", name=number, exact=True))


def test_an_order_is_validated_in_its_place_and_taken_back(open_list, orders):
    page = open_list("?status=processing")
    before = numbers(page).all_inner_texts()

    row(page, "30").get_by_role("button", name="Validate").click()
    page.wait_for_selector(".floats .note")

    expect(row(page, "30").locator(".st")).to_have_text("Completed")
    expect(page.locator("#status-processing b")).to_have_text("9")
    expect(page.locator("#to-prepare b")).to_have_text(re.compile(r"^9\b"))
    expect(page.get_by_role("link", name="30", exact=True)).to_be_focused()
    expect(numbers(page)).to_have_text(before)
    assert page.url.endswith("?status=processing")

    page.locator(".floats").get_by_role("button", name="Undo").click()
    expect(page.locator("#status-processing b")).to_have_text("10")
    expect(row(page, "30").locator(".st")).to_have_text("Processing")


def test_two_orders_are_validated_by_keys(open_list, orders):
    page = open_list("?status=processing")
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("v")
        page.locator("tr:focus-within .s-completed").wait_for()

    expect(page.locator("#status-processing b")).to_have_text("8")
    expect(page.get_by_role("link", name="27", exact=True)).to_be_focused()


def test_a_double_click_validates_once(open_list, orders, vendor):
    page = open_list("?status=processing")

    row(page, "30").get_by_role("button", name="Validate").dblclick()
    page.wait_for_selector(".floats .note")
    settle(page)

    order = vendor.orders.get(number="30")
    assert (order.status, order.history.filter(kind="status").count()) == ("completed", 1)


def test_everything_works_without_a_script(open_list, orders):
    page = open_list(java_script_enabled=False)
    page.fill("#id_customer", "louis")
    page.select_option("#id_stage", "")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.click("#sort-number")
    page.click("#sort-number")
    page.click("#status-completed")

    expect(numbers(page)).to_have_text([str(n) for n in range(1, 31, 3)])
    page.go_back()
    page.go_back()
    page.go_back()
    page.go_back()
    page.click("#page-next")
    expect(numbers(page)).to_have_text(["5", "4", "3", "2", "1"])
    page.get_by_role("button", name="Validate").first.click()
    expect(page.locator("tbody .s-completed").nth(1)).to_be_visible()


def test_nothing_breaks_the_content_security_policy(open_list, orders):
    page = open_list()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    page.locator("#id_customer").press_sequentially("louis", delay=30)
    page.wait_for_url("**?customer=louis")
    page.click("#period-days")
    page.wait_for_url("**placed_after=*")
    settle(page)

    assert said == []


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_no_width_scrolls_sideways(open_list, orders, width):
    page = open_list(width=width)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 390, 768, 1200, 1440, 1920])
@pytest.mark.parametrize("columns", [["town"], list(OPTIONAL_COLUMNS)])
def test_chosen_columns_fit_at_every_width(open_list, orders, owner, width, columns):
    owner.list_columns = columns
    owner.save()
    page = open_list(width=width)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.orders').scrollWidth") <= page.evaluate(
        "document.querySelector('.list').clientWidth"
    )


@pytest.mark.parametrize("menu", ["#list-views", "#list-display"])
@pytest.mark.parametrize("width", [390, 1440])
def test_open_menus_are_accessible_and_on_the_screen(open_list, orders, menu, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_list("?status=processing", width=width)
    if width < 700:
        page.click("#list-fold summary")
    page.click(f"{menu} summary")

    box = page.locator(f"{menu} > :last-child").bounding_box()
    found = axe.Axe().run(page)

    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert found.violations_count == 0, found.generate_report()


def test_a_notice_and_suggestions_are_accessible(open_list, orders):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_list("?status=processing")
    row(page, "30").get_by_role("button", name="Validate").click()
    page.wait_for_selector(".floats .note")
    page.locator("#id_customer").press_sequentially("bene", delay=40)
    page.get_by_role("option").first.wait_for()

    found = axe.Axe().run(page)

    assert found.violations_count == 0, found.generate_report()


def test_on_a_phone_filters_are_folded_until_they_are_wanted(open_list, orders):
    page = open_list(width=390, height=844)

    expect(page.locator("#list-dates")).to_be_hidden()
    expect(page.locator("#id_customer")).to_be_visible()
    page.click("#list-fold summary")
    expect(page.locator("#list-dates")).to_be_visible()


def test_on_a_phone_opened_filters_stay_open_and_the_chosen_status_is_seen(open_list, orders):
    page = open_list("?status=failed", width=390, height=844)
    expect(page.locator("#status-failed")).to_be_in_viewport()
    page.click("#list-fold summary")
    page.locator("#id_stage").focus()

    page.locator("#id_stage").select_option("to_prepare")
    page.wait_for_url("**stage=to_prepare")

    expect(page.locator("#filters")).to_be_visible()
    expect(page.locator("#id_stage")).to_be_focused()
    expect(page.locator("#status-failed")).to_be_in_viewport()


def test_ticks_come_back_on_no_other_order(open_list, orders):
    page = open_list("?status=processing")
    page.locator("tbody [name=order]").nth(1).check()
    page.get_by_role("link", name="30", exact=True).click()
    page.get_by_role("heading", name="Order 30").wait_for()

    page.go_back()

    expect(row(page, "30")).to_be_visible()
    expect(page.locator("tbody :checked")).to_have_count(0)


def test_on_a_phone_buttons_are_large_enough_for_a_thumb(open_list, orders):
    page = open_list("?status=processing", width=390, height=844, has_touch=True)

    box = page.get_by_role("button", name="Validate").first.bounding_box()

    assert box["height"] >= 44


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
@pytest.mark.parametrize("query", ["", "?status=failed", "?placed_after=31/02/2026"])
def test_the_page_is_accessible(open_list, orders, width, scheme, query):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_list(query, width=width, color_scheme=scheme)

    found = axe.Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
