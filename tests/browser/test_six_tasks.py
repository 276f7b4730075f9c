"""The six tasks of a shop's day, on a phone and at a desk, with scripts and without, and by the keyboard alone.

Each is done as a person would: by what is seen, clicked and typed. The end of the run tells clicks,
keys and seconds, and with scripts the longest interaction to next paint, in steps of 8 ms as browsers
tell it; a task that takes more clicks than it did is a defect.
"""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from orders.states import OrderStatus
from tests.browser.conftest import IN_BROWSER, tell
from tests.factories import make_line, make_order, make_product

pytest.importorskip("pytest_playwright")
S = OrderStatus
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True)]
DEVICES = {
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "desk": {"viewport": {"width": 1440, "height": 900}},
}
KEEP_LONGEST = """new PerformanceObserver((list) => {
  const longest = list.getEntries().filter((entry) => entry.interactionId).map((entry) => entry.duration);
  sessionStorage.longest = Math.max(sessionStorage.longest ?? 0, ...longest);
}).observe({ type: 'event', durationThreshold: 16, buffered: true })"""
WAYS = [(device, scripts) for device in DEVICES for scripts in (True, False)]


class Hand:
    """A person's hand on the page: it clicks and types what can be seen, and counts."""

    def __init__(self, page, scripts):
        self.page, self.scripts, self.clicks, self.keys = page, scripts, 0, 0

    @property
    def longest(self):
        """The longest interaction to next paint so far; nothing where no script may ask."""
        return f"{self.page.evaluate('sessionStorage.longest ?? 0')} ms to paint" if self.scripts else ""

    def click(self, what):
        what.click()
        self.clicks += 1

    def type(self, field, text):
        self.click(field)
        field.press_sequentially(text, delay=15)
        self.keys += len(text)

    def button(self, name, **more):
        self.click(self.page.get_by_role("button", name=name, **more))

    def link(self, name, **more):
        self.click(self.page.get_by_role("link", name=name, **more).first)

    def unfold(self):
        """On a phone filters are folded until they are wanted."""
        fold = self.page.locator("#list-fold summary")
        if fold.is_visible() and not self.page.locator("#list-dates").is_visible():
            self.click(fold)


@pytest.fixture(params=WAYS, ids=[f"{device}-{'scripts' if s else 'plain'}" for device, s in WAYS])
def hand(request, new_context, live_server, client_of, owner):
    """The owner's hand on the list of orders."""
    device, scripts = request.param
    context = new_context(
        **DEVICES[device], locale="en-US", java_script_enabled=scripts, accept_downloads=True
    )
    session = client_of(owner).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    context.add_init_script(KEEP_LONGEST)
    page = context.new_page()

    def at_work(task, most):
        page.goto(f"{live_server.url}/vendors/rucher-des-baux/orders/")
        return _timed(Hand(page, scripts), task, device, scripts, most)

    return at_work


class _timed:
    """Clicks and seconds from the first click to the end of the block."""

    def __init__(self, hand, task, device, scripts, most):
        self.hand, self.row, self.most = hand, (task, device, scripts), most

    def __enter__(self):
        self.began = time.monotonic()
        return self.hand

    def __exit__(self, kind, *_rest):
        if kind is None:
            seconds = time.monotonic() - self.began
            task, device, scripts = self.row
            way = f"{device}, {'scripts' if scripts else 'no scripts'}"
            clicks, keys = self.hand.clicks, self.hand.keys
            tell(f"{task:32}{way:20}{clicks:3} clicks{keys:4} keys{seconds:6.1f} s{self.hand.longest:>18}")
            assert self.hand.clicks <= self.most


@pytest.fixture
def day(vendor):
    """Ten orders to prepare, one of them of Bénédicte Roux, and what was sold in July."""
    soap = make_product(vendor, name="Savon", stock=100)
    for n in range(10):
        make_order(
            vendor,
            number=str(1001 + n),
            status=S.PROCESSING,
            customer_name="Bénédicte Roux" if n == 4 else f"Client {n}",
            placed_at=timezone.now() - timedelta(minutes=90 - n),
            shipping_method="Colissimo à domicile",
            lines=[make_line(soap, 3, total="18.00")],
        )
    for n in range(3):
        make_order(
            vendor, number=str(700 + n), status=S.COMPLETED, placed_at=datetime(2026, 7, 5 + n, tzinfo=UTC)
        )
    return vendor


def test_find_an_order_by_its_customer(hand, day):
    with hand("find an order by client", most=2) as person:
        person.type(person.page.locator("#id_customer"), "roux")
        if not person.scripts:
            person.page.keyboard.press("Enter")
            person.keys += 1
        person.page.wait_for_url("**customer=roux**")
        person.link("1005", exact=True)
        person.page.get_by_role("heading", name="Order 1005").wait_for()


def test_validate_ten(hand, day):
    with hand("validate ten", most=4) as person:
        person.click(person.page.locator("#quick-orders"))
        person.page.wait_for_url("**stage=to_prepare**")
        if person.scripts:
            everything = person.page.locator("[type=checkbox]:visible").first
            person.click(everything)
        else:
            person.click(person.page.locator("tbody [type=checkbox]").first)
            person.click(person.page.get_by_label("Take all 10"))
        person.click(person.page.locator("#bulk").get_by_role("button", name="Validate"))
        person.page.wait_for_url("**/bulk/**")

    assert day.orders.filter(number__startswith="10", status=S.COMPLETED).count() == 10


def test_ship_one_with_tracking(hand, day):
    with hand("ship one with tracking", most=4) as person:
        person.link("1003", exact=True)
        person.link("Ship…")
        person.type(person.page.get_by_label("Tracking number"), "8R41234567890")
        person.button("Record the parcel")
        person.page.get_by_text("The parcel of order 1003 is recorded.").wait_for()

    parcel = day.orders.get(number="1003").shipments.get()
    assert (parcel.carrier, parcel.tracking_number) == ("colissimo", "8R41234567890")


def test_refund_one_unit(hand, day):
    with hand("refund one unit", most=6) as person:
        person.link("1002", exact=True)
        person.click(person.page.get_by_text("Other steps"))
        person.link("Refund…")
        person.type(person.page.get_by_label("Units, Savon").first, "1")
        if person.scripts:
            person.button("Refund €6.00")
        else:
            person.button("Refund now")  # which shows the amount first
            person.button("Refund €6.00")
        person.page.get_by_text("€6.00 of order 1002 are refunded.").wait_for()

    assert day.orders.get(number="1002").refunded_total == 6


def test_send_july_to_the_accountant(hand, day):
    with hand("send July to the accountant", most=6) as person:
        person.unfold()
        person.click(person.page.get_by_text("From… to…"))
        person.page.locator("#id_placed_after").fill("2026-07-01")
        person.page.locator("#id_placed_before").fill("2026-07-31")
        person.clicks += 2
        person.keys += 16
        person.button("Show these days")
        person.page.wait_for_url("**placed_before=2026-07-31**")
        with person.page.expect_download() as download:
            person.link("Export the selection")
        rows = download.value.path().read_text(encoding="utf-8").splitlines()

    assert len(rows) == 1 + 3


@pytest.mark.pdf
def test_print_todays_delivery_notes(hand, day):
    day.orders.filter(number__gt="1003").update(stage="shipped")
    with (
        hand("print today's delivery notes", most=1) as person,
        person.page.expect_response("**/notes.pdf") as answer,
    ):
        person.button("Delivery notes of the day")

    assert (answer.value.status, answer.value.headers["content-type"]) == (200, "application/pdf")
    answer.value.finished()  # a page that is closed before never ends


NAMED = """() => {
  const { activeElement: element } = document;
  return element === document.body ? "" : (element.labels?.[0] ?? element).innerText;
}"""


class Keyboard:
    """Hands that have no mouse: Tab leads to what has a name, Enter and letters do the rest."""

    def __init__(self, page):
        self.page, self.presses = page, 0

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
            self.presses += 1

    def type(self, text):
        self.page.keyboard.type(text, delay=5)
        self.presses += len(text)

    def to(self, name):
        for _ in range(200):
            if self.page.evaluate(NAMED).strip().startswith(name):
                return self
            self.press("Tab")
        raise AssertionError(f"no Tab leads to {name}")


@pytest.fixture
def keyboard(new_context, live_server, client_of, owner, day, request):
    context = new_context(**DEVICES["desk"], locale="en-US", accept_downloads=True)
    session = client_of(owner).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/vendors/rucher-des-baux/orders/")
    keyboard = Keyboard(page)
    yield keyboard
    tell(f"{request.node.name.split('[')[0].removeprefix('test_')}: {keyboard.presses} keys")


def test_find_an_order_by_the_keyboard(keyboard, day):
    keyboard.press("/")
    keyboard.type("roux")
    keyboard.page.wait_for_url("**customer=roux**")
    keyboard.to("1005").press("Enter")

    keyboard.page.get_by_role("heading", name="Order 1005").wait_for()


def test_validate_ten_by_the_keyboard(keyboard, day):
    keyboard.to("To prepare").press("Enter")
    keyboard.page.wait_for_url("**stage=to_prepare**")
    keyboard.to("Select all on this page").press("Space", "b", "Enter")
    keyboard.page.wait_for_url("**/bulk/**")

    assert day.orders.filter(number__startswith="10", status=S.COMPLETED).count() == 10


def test_ship_one_by_the_keyboard(keyboard, day):
    keyboard.to("1003").press("Enter")
    keyboard.page.get_by_role("heading", name="Order 1003").wait_for()
    keyboard.to("Ship…").press("Enter")
    keyboard.page.get_by_role("dialog").wait_for()
    keyboard.type("8R41234567890")
    keyboard.press("Enter")
    keyboard.page.get_by_text("The parcel of order 1003 is recorded.").wait_for()

    assert day.orders.get(number="1003").shipments.get().tracking_number == "8R41234567890"


def test_refund_one_unit_by_the_keyboard(keyboard, day):
    keyboard.to("1002").press("Enter")
    keyboard.page.get_by_role("heading", name="Order 1002").wait_for()
    keyboard.to("Other steps").press("Enter")
    keyboard.to("Refund…").press("Enter")
    keyboard.page.get_by_role("dialog").wait_for()
    keyboard.type("1")
    keyboard.page.get_by_role("button", name="Refund €6.00").wait_for()
    keyboard.to("Refund €6.00").press("Enter")
    keyboard.page.get_by_text("€6.00 of order 1002 are refunded.").wait_for()


def test_send_july_by_the_keyboard(keyboard, day):
    keyboard.to("From… to…").press("Enter", "Tab")
    keyboard.type("07012026")
    keyboard.press("Tab", "Tab")
    keyboard.type("07312026")
    keyboard.to("Show these days").press("Enter")
    keyboard.page.wait_for_url("**placed_after=2026-07-01&placed_before=2026-07-31**")
    with keyboard.page.expect_download() as download:
        keyboard.to("Export the selection").press("Enter")

    assert len(download.value.path().read_text(encoding="utf-8").splitlines()) == 1 + 3


@pytest.mark.pdf
def test_print_todays_notes_by_the_keyboard(keyboard, day):
    day.orders.filter(number__gt="1003").update(stage="shipped")
    with keyboard.page.expect_response("**/notes.pdf") as answer:
        keyboard.to("Delivery notes of the day").press("Enter")

    assert answer.value.status == 200
    answer.value.finished()
