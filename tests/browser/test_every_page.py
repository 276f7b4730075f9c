"""Every page in a browser: no violation of WCAG 2.2 AA, nothing wider than the screen, light enough, quiet.

On each page axe looks at both widths and both themes; the console stays empty, which also says
that the content policy was never broken.
"""

import gzip
import os
import shutil

import pytest
from django.utils import timezone

from orders.domain.bulk import ask_for_bulk, work_on
from orders.domain.refunds import refund_order
from orders.models import BulkAction, BulkJob
from orders.states import OrderStatus
from tests.factories import NOON, make_customer, make_document, make_line, make_order, make_product

pytest.importorskip("pytest_playwright")
axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in the tests' thread

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
S = OrderStatus
SHOP = "/vendors/rucher-des-baux/"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "overview": "overview/",
    "overview by month": "overview/?by=month",
    "overview of no chart": "overview/?by=year",
    "orders": "orders/",
    "orders, none found": "orders/?customer=nobody",
    "orders, wrong filter": "orders/?placed_after=31/02/2026",
    "order to prepare": "orders/1042/",
    "order refunded in part": "orders/1043/",
    "order that failed": "orders/1044/",
    "ship": "orders/1042/ship/",
    "refund": "orders/1042/refund/",
    "issue an invoice": "orders/1042/invoice/",
    "documents": "documents/",
    "documents, none of the kind": "documents/?kind=A",
    "legal identity": "identity/",
    "download under way": "orders/bulk/1/",
    "download that is over": "orders/bulk/2/",
    "cancel and refund": "orders/1042/cancel-and-refund/",
    "step refused": "orders/1044/steps/reopen/",
    "customers": "customers/",
    "customers, none found": "customers/?q=nobody",
    "customer": "customers/1/",
    "products": "products/",
    "products, wrong shelf": "products/?shelf=foo",
    "product": "products/1/",
    "settings": "settings/",
    "my e-mails": "my-mails/",
    "no document": "orders/1044/invoice.pdf",
    "not found": "orders/9999/",
}
MOST_BYTES = 100_000  # of the first view, compressed, all told
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, reset_sequences=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture
def shop(vendor, owner):
    """A shop with something on every page."""
    customer = make_customer(vendor, "Bénédicte Roux", pk=1)
    soap = make_product(vendor, pk=1, name="Savon", stock=20)
    make_order(
        vendor,
        number="1042",
        status=S.PROCESSING,
        customer=customer,
        customer_name="Bénédicte Roux",
        placed_at=timezone.now(),
        lines=[make_line(soap, 2, details="Parfum: lavande"), make_line(None, kind="shipping")],
        customer_note="Laisser chez la gardienne",
    )
    refund_order(make_order(vendor, number="1043", status=S.COMPLETED), amount=2, by=None, at=NOON)
    make_order(vendor, number="1044", status=S.FAILED)
    for status in S:
        make_order(vendor, status=status, placed_at=timezone.now())
    make_document(vendor.orders.get(number="1043"))
    mine = vendor.orders.filter(number__in=["1042", "1044"])
    ask_for_bulk(vendor, mine, BulkAction.NOTES, by=owner, at=timezone.now())
    over = ask_for_bulk(vendor, mine, BulkAction.ORIGINALS, by=owner, at=NOON)
    work_on(over, at=NOON, most=10)


@pytest.fixture
def visit(new_context, live_server, client_of, owner, shop):
    """``visit(path, width=390)``: the owner's browser on a page, and what its console said."""
    session = client_of(owner).cookies["sessionid"].value

    def go(path, *, width=1440, **options):
        context = new_context(viewport={"width": width, "height": 900}, locale="fr-FR", **options)
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.goto(live_server.url + SHOP + path, wait_until="networkidle")
        return page

    return go


def violations(page):
    """What axe finds, as lines that name the rule and the element."""
    options = {"runOnly": {"type": "tag", "values": STANDARD}}
    found = axe_playwright.Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_every_page_is_accessible_at_both_widths_and_in_both_themes(visit, path):
    for width in (1440, 390):
        page = visit(path, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert violations(page) == []
        assert [text for text in page.said if "the server responded with a status of" not in text] == []


def test_the_first_view_is_light_and_does_not_jump(visit):
    page = visit("orders/")
    sizes = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(gzip.compress(answer.body()))}))
    page.add_init_script(
        "window.jumped = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => "
        "window.jumped += entry.value)).observe({type: 'layout-shift', buffered: true});"
    )
    page.reload(wait_until="networkidle")

    scripts = [url for url in sizes if url.endswith(".js")]
    print(f"first view: {sum(sizes.values())} bytes compressed, {len(sizes)} files")
    assert sum(sizes.values()) < MOST_BYTES
    assert len(scripts) <= 2
    assert page.evaluate("window.jumped") < 0.01


def test_the_list_is_moved_through_by_keys(visit):
    page = visit("orders/")
    numbers = page.locator("tbody .c-id").all_inner_texts()

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("k")

    assert page.evaluate("document.activeElement.innerText") == numbers[0]
    assert page.locator("tbody input:checked").evaluate_all("boxes => boxes.map(box => box.value)") == [
        numbers[1]
    ]

    page.keyboard.press("?")
    assert page.locator("dialog#keys").is_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/orders/{numbers[0]}/")


def test_v_validates_the_order_in_hand(visit):
    page = visit("orders/?status=processing&q=1042")

    page.keyboard.press("j")
    page.keyboard.press("v")

    page.get_by_text("La commande 1042 est terminée.").wait_for()


def test_the_bar_counts_all_that_are_taken(visit, vendor):
    for n in range(30):
        make_order(vendor, number=str(3000 + n), status=S.PROCESSING)
    page = visit("orders/?status=processing")

    page.locator("tbody [name=order]").first.check()
    page.locator(".bulk [name=all]").check()

    assert page.locator(".bulk [role=status]").inner_text() == "32 sélectionnées"


@pytest.mark.pdf
def test_a_download_tells_how_far_it_is_and_offers_its_file(visit):
    job = BulkJob.objects.get(pk=1)
    page = visit("orders/bulk/1/")
    assert page.locator("progress").get_attribute("value") == "0"
    assert page.get_by_role("link", name="Télécharger").count() == 0

    work_on(job, at=timezone.now(), most=10)

    link = page.get_by_role("link", name="Télécharger")
    link.wait_for(timeout=20_000)  # the page looks again by itself
    answer = page.request.get(link.evaluate("link => link.href"))
    assert (answer.status, answer.body()[:5]) == (200, b"%PDF-")


def test_a_missing_field_is_reached_from_the_refusal(visit, vendor):
    vendor.identity.siret = ""
    vendor.identity.save()
    page = visit("identity/", width=390)

    page.get_by_role("link", name="un SIRET valide").click()

    assert page.evaluate("location.hash") == "#id_siret"
    assert page.locator("#id_siret").bounding_box()["width"] <= 390
