"""What a script adds: dialogs over an order, suggestions by arrows, moments that move on, lost connections."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import BulkItem, BulkJob, Order
from orders.states import OrderStatus
from tests.browser.conftest import IN_BROWSER, expect
from tests.factories import NOON, make_line, make_order, make_product

pytest.importorskip("pytest_playwright")
S = OrderStatus
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(new_context, live_server, client_of, owner, vendor):
    """The owner's browser; ``page.at(path)`` opens a page of the shop, ``page.said`` is its console."""
    soap = make_product(vendor, name="Savon", stock=20)
    for number, name in [("7", "Bénédicte Roux"), ("8", "Benoît Blanc"), ("9", "Louis Martin")]:
        make_order(
            vendor,
            number=number,
            status=S.PROCESSING,
            customer_name=name,
            placed_at=timezone.now() - timedelta(seconds=10),
            lines=[make_line(soap, 3, total="18.00")],
        )
    context = new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    session = client_of(owner).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.said = []
    page.on("console", lambda message: page.said.extend([message.text] if not is_taken_back(message) else []))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.at = lambda path: page.goto(f"{live_server.url}/vendors/rucher-des-baux/orders/{path}")
    return page


def is_taken_back(message):
    """htmx tells the console of a request that it gave up because a later one made it needless."""
    return message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))


def test_a_refund_is_worked_out_in_a_dialog_over_the_order(page, vendor):
    page.at("7/")
    page.get_by_text("Other steps").click()
    page.get_by_role("link", name="Refund…", exact=True).click()
    dialog = page.get_by_role("dialog", name="Refund order 7")

    dialog.get_by_label("Units, Savon").fill("2")
    page.keyboard.press("Tab")
    dialog.get_by_role("button", name="Refund €12.00").click()

    page.get_by_text("€12.00 of order 7 are refunded.").wait_for()
    assert (vendor.orders.get(number="7").refunded_total, page.said) == (12, [])


def test_escape_closes_the_dialog_and_gives_the_focus_back(page):
    page.at("7/")
    page.get_by_role("link", name="Ship…").click()
    page.get_by_role("dialog", name="Ship order 7").wait_for()

    page.keyboard.press("Escape")

    expect(page.locator("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Ship…")).to_be_focused()


def test_what_was_typed_is_there_again_after_escape_but_not_after_closing(page):
    page.at("7/")
    refund = page.get_by_role("link", name="Refund…", exact=True)
    dialog = page.get_by_role("dialog", name="Refund order 7")
    page.get_by_text("Other steps").click()
    refund.click()
    dialog.get_by_label("Units, Savon").fill("2")
    dialog.get_by_label("Reason").fill("Broken")
    page.keyboard.press("Escape")

    page.get_by_text("Other steps").click()
    refund.click()
    dialog.get_by_role("button", name="Refund €12.00").wait_for()
    expect(dialog.get_by_label("Reason")).to_have_value("Broken")
    dialog.get_by_role("link", name="Close, change nothing").click()

    page.get_by_text("Other steps").click()
    refund.click()
    expect(dialog.get_by_label("Units, Savon")).to_have_value("")
    assert page.said == []


def test_a_wrong_form_in_the_dialog_says_so_on_its_page(page):
    page.at("7/")
    page.get_by_role("link", name="Ship…").click()
    dialog = page.get_by_role("dialog", name="Ship order 7")
    dialog.get_by_label("Units, Savon").evaluate("field => { field.removeAttribute('max'); field.value = 9 }")

    dialog.get_by_role("button", name="Record the parcel").click()

    page.wait_for_url("**/7/ship/")
    assert "3 units left" in page.locator("main").inner_text().replace("\u00a0", " ") or (
        page.locator("[aria-invalid=true], .error").count() > 0
    )


def test_suggestions_are_a_combobox_walked_by_arrows(page):
    page.at("")
    field = page.get_by_role("combobox", name="Customer, first letters of a name")
    field.press_sequentially("ben", delay=40)
    page.get_by_role("listbox", name="Customers of the shop").wait_for()
    expect(field).to_have_attribute("aria-expanded", "true")

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", re.compile("."))
    chosen = field.get_attribute("aria-activedescendant")
    name = page.locator(f"#{chosen}").get_attribute("data-value")
    page.keyboard.press("Enter")
    page.wait_for_url("**customer=B*")

    expect(field).to_have_value(name)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(field).to_have_attribute("aria-expanded", "false")
    assert page.said == []


def test_escape_closes_the_suggestions_and_keeps_what_was_typed(page):
    page.at("")
    field = page.get_by_role("combobox", name="Customer, first letters of a name")
    field.press_sequentially("ben", delay=40)
    page.get_by_role("listbox").wait_for()

    page.keyboard.press("Escape")

    expect(page.locator("#customer-names")).to_be_hidden()
    expect(field).to_have_value("ben")


def test_moments_move_on(page):
    page.clock.install()
    page.at("")
    expect(page.locator("tbody time").first).to_have_text("just now")

    page.clock.fast_forward("10:00")

    expect(page.locator("tbody time").first).to_have_text("10 min ago")


def test_a_lost_connection_is_said_and_taken_back(page):
    page.at("")
    page.context.set_offline(True)
    page.get_by_text("Comptoir gives no answer").wait_for()

    page.context.set_offline(False)

    page.get_by_text("Comptoir gives no answer").wait_for(state="hidden")


def test_a_list_that_was_left_open_is_asked_for_again(page, vendor):
    page.clock.install()
    page.at("")
    make_order(vendor, number="10", status=S.PROCESSING, placed_at=timezone.now())
    page.clock.fast_forward("02:00")

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    page.get_by_role("link", name="10", exact=True).wait_for()
    Order.objects.update(placed_at=NOON)  # a moment that is said alike a minute later
    refreshed(page)
    page.evaluate(ASK_FOR_NEWS)
    assert refreshed(page) == 304
    expect(page.locator("tbody tr")).to_have_count(4)
    assert page.said == []


ASK_FOR_NEWS = "htmx.ajax('GET', document.getElementById('news').getAttribute('hx-get'), '#news')"
COME_BACK = """() => new Promise(done => {
    document.addEventListener("htmx:afterRequest", event => {
        if (event.detail.target?.id === "order-list") done(event.detail.xhr.status);
    });
    document.dispatchEvent(new Event("visibilitychange"));
})"""


def refreshed(page):
    """Come back to the page after two minutes; the status of the list's answer, once the page has heard it."""
    page.clock.fast_forward("02:00")
    return page.evaluate(COME_BACK)


def test_a_ticked_selection_is_not_swept_away(page, vendor):
    page.clock.install()
    page.at("")
    page.locator("tbody [type=checkbox]").first.check()
    page.clock.fast_forward("02:00")

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(1000)

    expect(page.locator("tbody :checked")).to_have_count(1)


def test_the_history_is_narrowed_in_place(page):
    page.at("7/")
    page.get_by_text("Add a note").click()
    page.locator("#history textarea").fill("Call back")
    page.get_by_role("button", name="Keep the note").click()
    page.locator("#log-notes").click()

    page.wait_for_url("**history=notes**")
    page.locator("#log > li:only-child").wait_for()
    expect(page.locator("#log-notes")).to_have_attribute("aria-current", "true")
    expect(page.locator("#log-notes")).to_be_focused()


def test_what_was_validated_under_a_typed_filter_stays_where_it_is(page, vendor):
    page.at("")
    page.locator("#id_customer").press_sequentially("ben", delay=40)
    page.wait_for_url("**?customer=ben")
    expect(page.locator("tbody tr")).to_have_count(2)
    lists = []
    page.on("request", lambda request: lists.append(request.url) if "?customer=" in request.url else None)

    page.get_by_role("button", name="Validate order 7").click()
    page.locator(".floats .note").wait_for()

    expect(page.locator(f"#row-{vendor.orders.get(number='7').pk} .st")).to_have_text("Completed")
    assert lists == []


def test_an_offer_stays_until_it_is_taken_or_closed(page):
    page.clock.install()
    page.at("?status=processing")
    page.get_by_role("button", name="Validate order 7").click()
    note = page.locator(".floats .note")
    note.wait_for()
    page.clock.fast_forward("05:00")
    note.get_by_role("button", name="Close").click()
    expect(note).to_have_count(0)
    expect(page.get_by_role("link", name="7", exact=True)).to_be_focused()

    page.get_by_role("button", name="Validate order 8").click()
    note.get_by_role("button", name="Undo").click()
    expect(note).to_have_text(re.compile("in progress again"))
    expect(page.get_by_role("link", name="8", exact=True)).to_be_focused()
    page.mouse.move(5, 5)  # what is pointed at stays
    page.clock.fast_forward("00:30")
    expect(note).to_have_count(0)


def test_an_undo_shown_over_another_list_works(page):
    page.at("?status=processing")
    held = []
    page.route("**/validate/", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="Validate order 7").click()
    page.click("#status-completed")
    page.wait_for_url("**status=completed")
    first_of(page, held).fulfill(response=held[0].fetch())

    page.get_by_role("button", name="Undo").click()

    page.get_by_text("Order 7 is in progress again.").wait_for()
    assert Order.objects.get(number="7").status == S.PROCESSING


def test_menus_tell_of_the_list_that_was_typed(page):
    page.at("")
    page.locator("#id_customer").press_sequentially("louis", delay=40)
    page.wait_for_url("**?customer=louis")

    for place in ("#list-display", "#language"):
        expect(page.locator(f"{place} [name=next]")).to_have_value(re.compile("customer=louis"))
    expect(page.locator("#list-views [name=query]")).to_have_value("customer=louis")


def test_the_focus_falls_to_the_heading_where_its_place_is_gone(page):
    page.at("?customer=ben")
    page.get_by_role("link", name="Remove the filter Customer").press("Enter")
    page.wait_for_url("**/orders/")
    expect(page.get_by_role("heading", name="Orders", level=1)).to_be_focused()

    page.keyboard.press("j")
    page.evaluate("htmx.ajax('GET', location.href, {source: '#order-list', select: '#order-list'})")
    expect(page.locator("tr:focus-within")).to_have_count(1)


def test_no_letter_is_a_key_for_who_wants_none(page, owner):
    page.at("")
    page.locator("#list-display summary").click()
    page.get_by_role("checkbox", name="Keys of one letter").uncheck()
    page.get_by_role("button", name="Show it so").click()
    page.get_by_text("The list is shown as you chose.").wait_for()

    for key in ("/", "j", "?"):
        page.keyboard.press(key)

    expect(page.locator("dialog[open], .is-cursor, #id_customer:focus")).to_have_count(0)


def test_a_running_job_leaves_the_focus_and_says_its_end_once(page, vendor, owner):
    job = BulkJob.objects.create(vendor=vendor, asked_by=owner, action="validate", asked_at=NOON)
    items = [BulkItem(job=job, order=order) for order in vendor.orders.all()]
    BulkItem.objects.bulk_create(items)
    page.at(f"bulk/{job.pk}/")
    page.get_by_role("link", name="8", exact=True).focus()
    page.evaluate(
        """() => {
            window.heard = [];
            const listen = (records) => heard.push(...records.flatMap(({addedNodes}) => [...addedNodes]));
            new MutationObserver(listen).observe(document.getElementById("bulk-said"), {childList: true});
        }"""
    )

    with page.expect_response(f"**/bulk/{job.pk}/"):
        pass
    BulkJob.objects.update(finished_at=NOON)
    BulkItem.objects.update(state=BulkItem.State.DONE)

    expect(page.locator("#bulk-said")).to_have_text("Finished.")
    expect(page.get_by_role("link", name="8", exact=True)).to_be_focused()
    assert page.evaluate("heard.map((node) => node.textContent.trim())") == ["Finished."]


def test_a_refund_s_sums_are_said_in_the_place_that_is_listened_to(page):
    page.at("7/refund/")
    page.evaluate("window.place = document.querySelector('[aria-live] .sum').closest('[aria-live]')")

    page.get_by_label("Units, Savon").fill("2")

    page.get_by_role("button", name="Refund €12.00").wait_for()
    expect(page.locator("#live tr")).to_have_count(4)
    assert page.evaluate("place.isConnected && place.querySelectorAll('tr').length") == 4


def test_a_refund_s_sums_give_way_to_what_is_wrong(page):
    page.at("7/")
    page.get_by_text("Other steps").click()
    page.get_by_role("link", name="Refund…", exact=True).click()
    units = page.get_by_label("Units, Savon")
    units.fill("1")
    page.get_by_role("button", name="Refund €6.00").wait_for()

    units.fill("99")

    page.locator("#live").get_by_text(": 3 units are left.").wait_for()
    expect(page.locator("#refund-now")).to_have_text("Refund now")


def test_enter_works_a_refund_out_in_its_dialog(page, vendor):
    page.at("7/")
    page.get_by_text("Other steps").click()
    page.get_by_role("link", name="Refund…", exact=True).click()
    page.get_by_label("Reason").fill("Broken")
    page.get_by_label("Units, Savon").fill("2")

    page.keyboard.press("Enter")

    page.get_by_role("dialog").get_by_role("button", name="Refund €12.00").wait_for()
    expect(page.get_by_label("Reason")).to_have_value("Broken")
    assert (page.url.endswith("/7/"), vendor.orders.get(number="7").refunded_total) == (True, 0)


def test_who_was_signed_out_is_told_at_the_door_that_a_click_did_nothing(page, vendor):
    page.at("")
    page.context.clear_cookies(name="sessionid")

    page.get_by_role("button", name="Validate order 7", exact=True).click()

    page.get_by_text("You were signed out: nothing was recorded.").wait_for()
    assert ("/accounts/login/" in page.url, vendor.orders.get(number="7").status) == (True, S.PROCESSING)


def test_a_double_click_opens_one_dialog(page):
    page.at("7/")

    page.get_by_role("link", name="Ship…").dblclick()

    page.get_by_role("dialog", name="Ship order 7").wait_for()
    expect(page.locator("dialog")).to_have_count(1)


def test_a_server_that_does_not_answer_in_time_is_said(page):
    page.at("")
    assert page.evaluate("htmx.config.timeout") == 20_000
    page.evaluate("htmx.config.timeout = 200")
    page.route("**/orders/?**", lambda _route: None)

    page.click("#status-completed")

    page.get_by_text("Comptoir gives no answer").wait_for()


def test_no_page_is_kept_in_the_browser_s_storage(page):
    page.at("")
    page.click("#status-processing")
    page.wait_for_url("**status=processing")

    kept = page.evaluate("[...Object.keys(sessionStorage), ...Object.keys(localStorage)]")
    assert kept == ["htmx-current-path-for-history"]


@pytest.mark.parametrize("pause", [0, 600], ids=["about to be asked for", "asked for"])
def test_letters_typed_while_a_filter_is_on_its_way_are_kept(page, pause):
    page.at("")
    held = []
    page.route("**/orders/?status=processing", lambda route: held.append(route), times=1)
    page.click("#status-processing")
    page.locator("#id_customer").press_sequentially("ben")
    page.wait_for_timeout(pause)
    expect(page.locator("#list-results")).to_have_css("opacity", "0.55")

    first_of(page, held).fulfill(response=held[0].fetch())

    page.wait_for_url("**?status=processing&customer=ben")
    expect(page.locator("#id_customer")).to_be_focused()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_list_that_is_refused_says_so_itself(page):
    page.at("")
    page.route("**/orders/?status=completed", lambda route: route.fulfill(status=503), times=1)

    page.click("#status-completed")

    page.wait_for_url("**?status=completed")
    expect(page.get_by_role("link", name="Completed")).to_have_attribute("aria-current", "page")
    expect(page.locator("#trouble")).to_be_hidden()


def test_two_quick_steps_back_lead_to_the_list_of_that_address(page):
    page.at("")
    for status in ("processing", "completed"):
        page.click(f"#status-{status}")
        page.wait_for_url(f"**status={status}")

    page.evaluate("history.back(); setTimeout(() => history.back())")

    expect(page.locator("#status-all")).to_have_attribute("aria-current", "page")
    expect(page).to_have_url(re.compile("/orders/$"))
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_field_is_marked_as_long_as_it_is_typed_wrong(page):
    page.at("")
    field = page.locator("#id_q")

    field.press_sequentially("#")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("Type the first digits of a number."))
    field.press_sequentially("7")

    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_no_answer_is_said_where_one_is(page):
    page.at("7/")
    page.get_by_role("link", name="Ship…").click()
    dialog = page.get_by_role("dialog", name="Ship order 7")
    dialog.wait_for()

    page.context.set_offline(True)
    expect(dialog.get_by_text("Comptoir gives no answer")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.locator("main > #trouble")).to_be_in_viewport()


def first_of(page, held):
    """What a route has held back, once it has."""
    for _ in range(200):
        if held:
            break
        page.wait_for_timeout(20)
    return held[0]


def orders_said(page):
    return page.locator("#list-totals dd").first


def test_an_undo_answers_for_the_list_that_is_shown(page):
    page.at("?status=processing")
    page.get_by_role("button", name="Validate order 7").click()
    page.get_by_role("button", name="Undo").wait_for()
    page.click("#status-completed")
    page.wait_for_url("**status=completed")
    expect(page.locator("#row-1, tbody tr")).to_have_count(1)

    page.get_by_role("button", name="Undo").click()

    page.get_by_text("Order 7 is in progress again.").wait_for()
    expect(page.locator("#status-completed")).to_have_attribute("aria-current", "page")
    expect(orders_said(page)).to_have_text("0")
    assert "status=processing" not in page.locator("#list-totals").inner_html()


def test_sums_that_were_overtaken_are_asked_for_again(page):
    page.at("?status=processing")
    held = []
    page.route("**/7/validate/", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="Validate order 7").click()
    route = first_of(page, held)
    answer = route.fetch()
    page.get_by_role("button", name="Validate order 8").click()
    page.get_by_text("Order 8 is completed.").wait_for()

    route.fulfill(response=answer, body=answer.text().replace("<dd>\n        1\n", "<dd>\n        2\n"))

    page.get_by_text("Order 7 is completed.").wait_for()
    expect(orders_said(page)).to_have_text("1")


def test_a_list_that_was_overtaken_by_a_step_is_asked_for_again(page):
    page.at("?status=processing")
    held = []
    page.route(re.compile(r"/orders/[?]?$"), lambda route: held.append(route), times=1)
    page.click("#status-all")
    route = first_of(page, held)
    answer = route.fetch()
    page.get_by_role("button", name="Validate order 7").click()
    page.get_by_text("Order 7 is completed.").wait_for()

    route.fulfill(response=answer)

    page.wait_for_url("**/orders/")
    expect(page.locator("tbody tr", has_text="Completed")).to_have_count(1)


def test_what_was_typed_without_an_answer_is_asked_for_once_there_is_one(page):
    page.at("")
    page.context.set_offline(True)
    page.locator("#id_customer").press_sequentially("ben")
    page.get_by_text("Comptoir gives no answer").wait_for()

    page.context.set_offline(False)

    page.wait_for_url("**?customer=ben")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("#trouble")).to_be_hidden()


def test_after_a_download_another_button_does_its_work_and_the_same_waits(page):
    asked = []
    page.at("")
    page.route("**/bulk/", lambda route: (asked.append(route.request.post_data), route.fulfill(status=204)))
    page.locator("tbody [name=order]").first.check()
    bar = page.locator("#bulk")

    for name in ("Delivery notes", "Delivery notes", "Mark shipped"):
        bar.get_by_role("button", name=name).click(force=True)

    page.wait_for_function("document.querySelectorAll('#bulk [aria-disabled]').length === 1")
    expect(bar.get_by_role("button", name="Mark shipped")).to_have_attribute("aria-disabled", "true")
    assert [("notes" in data, "ship" in data) for data in asked] == [(True, False), (False, True)]


def test_who_asks_for_the_page_anew_in_a_dialog_gets_it(page):
    page.at("7/")
    page.get_by_role("link", name="Ship…").click()
    dialog = page.get_by_role("dialog", name="Ship order 7")
    dialog.wait_for()
    page.evaluate("window.isOld = true; dispatchEvent(new Event('offline'))")

    dialog.get_by_role("link", name="Load the page again").click()

    page.wait_for_function("window.isOld === undefined")


def test_a_validation_that_is_refused_says_why(page):
    page.at("?status=processing")
    page.context.clear_cookies(name="csrftoken")

    page.get_by_role("button", name="Validate order 7").click()

    expect(page.locator("#messages [role=alert]")).to_have_text(re.compile(r"\w+ – \w+"))
    assert Order.objects.get(number="7").status == S.PROCESSING


def test_a_view_that_is_kept_while_an_answer_comes_is_that_of_the_list(page):
    page.at("?status=processing")
    held = []
    page.route(re.compile("/orders/[?].*customer=ben"), lambda route: held.append(route), times=1)
    with page.expect_request(re.compile("/orders/[?].*customer=ben")):
        page.locator("#id_customer").press_sequentially("ben")
    page.locator("#list-views > summary").click()

    first_of(page, held).fulfill(response=held[0].fetch())
    page.wait_for_url("**?status=processing&customer=ben")

    expect(page.locator("#list-views")).to_have_attribute("open", "")
    expect(page.locator("#list-views [name=query]").first).to_have_value("status=processing&customer=ben")


def test_news_that_are_known_leave_the_focus_alone(page, vendor):
    page.clock.install()
    page.at("")
    make_order(vendor, number="10", status=S.PROCESSING, placed_at=timezone.now(), received_at=timezone.now())
    page.clock.run_for("01:01")
    link = page.locator("#news a")
    link.focus()
    with page.expect_response("**/news/**"):
        page.clock.run_for("01:01")

    expect(link).to_be_focused()


def test_on_paper_moments_are_exact(page):
    page.at("")
    moment = page.locator("tbody time").first
    expect(moment).to_have_text("just now")

    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    expect(moment).to_have_text(moment.get_attribute("title"))


@pytest.mark.parametrize("width", [320, 360, 390])
def test_a_notice_and_its_buttons_are_on_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 760})
    page.at("?status=processing")
    page.get_by_role("button", name="Validate order 7").click()
    note = page.locator(".floats .note")
    note.wait_for()

    for part in (note, note.get_by_role("button", name="Undo"), note.get_by_role("button", name="Close")):
        box = part.bounding_box()
        assert (box["x"] >= 0, box["x"] + box["width"] <= width) == (True, True)


def test_with_ticks_only_what_the_bar_exports_is_offered(page):
    page.at("")
    export = page.get_by_role("link", name="Export the selection (3)")
    tick = page.locator("tbody [name=order]").first
    expect(export).to_be_visible()

    tick.check()
    expect(export).to_be_hidden()
    tick.uncheck()

    expect(export).to_be_visible()
