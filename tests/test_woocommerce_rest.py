"""Asking a storefront that behaves, and one that does not."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from orders.connectors.woocommerce_rest import Standing, Storefront, StorefrontError
from orders.models import Trouble as T
from orders.storefronts.paging import each_page
from tests.doubles.woocommerce import KEY, SECRET, Trouble, WooCommerce, recorded


@pytest.fixture
def shop():
    shop = WooCommerce(recorded("reg_", "guest_"))
    yield shop
    shop.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Pauses between attempts are noted and not waited for."""
    pauses = []
    monkeypatch.setattr("orders.connectors.woocommerce_rest.rest", pauses.append)
    return pauses


def ask(shop, *, attempts=1, key=KEY, longest=60.0, address=None, pause=0.0):
    return Storefront(
        address or shop.url,
        key,
        SECRET,
        name="Marché",
        attempts=attempts,
        pause=pause,
        timeouts=(1.0, 0.3),
        longest=longest,
    )


def trouble_of(shop, **options):
    with ask(shop, **options) as storefront, pytest.raises(StorefrontError) as raised:
        storefront.orders()
    return raised.value


def test_orders_come_by_id_with_their_count(shop):
    with ask(shop) as storefront:
        page = storefront.orders()

    assert [order["id"] for order in page.orders] == sorted(shop.orders)
    assert page.total == len(shop.orders)


def test_only_orders_changed_after_a_moment_are_asked_for(shop):
    since = shop.clock
    shop.change(1360, status="completed")

    with ask(shop) as storefront:
        page = storefront.orders(modified_after=since)

    assert [order["id"] for order in page.orders] == [1360]


def test_a_count_that_a_proxy_takes_away_leaves_no_page_out(shop, monkeypatch):
    list_of = shop._page
    monkeypatch.setattr(shop, "_page", lambda *args: (*list_of(*args)[:2], {}))

    with ask(shop) as storefront:
        storefront.per_page = 2
        found = [order["id"] for page in each_page(storefront) for order in page.orders]

    assert found == sorted(shop.orders)


def test_a_moment_is_said_in_utc(shop):
    paris = datetime(2026, 11, 23, 8, 0, tzinfo=UTC).astimezone()

    with ask(shop) as storefront:
        storefront.orders(modified_after=paris)

    assert "modified_after=2026-11-23T08%3A00%3A00&dates_are_gmt=true" in shop.requests[0].path


def test_every_page_of_refunds_is_read(shop):
    shop.refunds[1360] = [{"id": n, "amount": "0.01"} for n in range(1, 251)]

    with ask(shop) as storefront:
        refunds = storefront.refunds("1360")

    assert len({refund["id"] for refund in refunds}) == 250


@pytest.mark.parametrize(
    ("trouble", "expected", "sentence"),
    [
        (Trouble.UNAUTHORIZED, T.KEYS, "Marché does not accept the REST keys: Sorry, you cannot list resources (401)."),
        (Trouble.FORBIDDEN, T.KEYS, "Marché does not accept the REST keys: Sorry, you are not allowed to do that (403)."),
        (Trouble.NOT_FOUND, T.GONE, "Marché does not have this order any more: Invalid ID (404)."),
        (Trouble.BAD_REQUEST, T.REFUSED, "Marché refused: Invalid parameter(s): status (400)."),
        (Trouble.TOO_MANY, T.TOO_MANY, "Marché asks to wait: too many requests."),
        (Trouble.ERROR, T.BROKEN, "Marché answered with an error of its own: 500."),
        (Trouble.UNAVAILABLE, T.BROKEN, "Marché answered with an error of its own: 503."),
        (Trouble.GATEWAY, T.REFUSED, "Marché refused: The card has expired (500)."),
        (Trouble.SILENCE, T.SILENT, "Marché did not answer in time."),
        (Trouble.HTML, T.UNREADABLE, "The answer of Marché cannot be read: it is not the JSON that was asked for."),
        (
            Trouble.ELSEWHERE,
            T.ADDRESS,
            "The REST address of Marché may not be asked: it leads to http://elsewhere.example/wp-json/wc/v3/orders.",
        ),
    ],
)  # fmt: skip
def test_each_trouble_is_one_sentence(shop, trouble, expected, sentence):
    shop.fails(trouble)

    error = trouble_of(shop)

    assert (error.trouble, str(error)) == (expected, sentence)


def test_a_body_cut_in_half_is_not_taken(shop):
    shop.fails(Trouble.HALF)

    error = trouble_of(shop)

    assert (error.trouble, "IncompleteRead" in str(error)) == (T.UNREADABLE, True)


def test_a_body_without_end_is_left(shop, monkeypatch):
    monkeypatch.setattr("orders.connectors.woocommerce_rest.MOST_BYTES", 200_000)
    shop.fails(Trouble.HUGE)

    assert str(trouble_of(shop)) == "The answer of Marché cannot be read: it has more than 200000 bytes."


def test_an_answer_that_drips_is_left(shop):
    shop.fails(Trouble.DRIP)
    start = time.monotonic()

    error = trouble_of(shop, longest=0.4)

    assert (error.trouble, time.monotonic() - start < 2) == (T.SILENT, True)


def test_a_storefront_that_is_down_is_said_to_be(shop):
    shop.is_down = True

    assert trouble_of(shop).trouble == T.UNREACHABLE


def test_wrong_keys_are_not_tried_again(shop):
    error = trouble_of(shop, attempts=5, key="ck_other")

    assert (error.trouble, error.passes, len(shop.requests)) == (T.KEYS, False, 1)


def test_a_question_is_asked_again_with_growing_pauses(shop, no_pauses):
    shop.fails(Trouble.ERROR, times=3)

    with ask(shop, attempts=5) as storefront:
        assert storefront.order("1360")["id"] == 1360

    assert no_pauses == sorted(no_pauses)
    assert 1 <= no_pauses[0] < 3 < no_pauses[2]


def test_a_question_is_given_up_after_its_attempts(shop):
    shop.fails(Trouble.ERROR, times=9)

    error = trouble_of(shop, attempts=3)

    assert (error.trouble, len(shop.requests)) == (T.BROKEN, 3)


@pytest.mark.parametrize(
    ("asked_for", "waited"), [("7", 7), ("86400", 120), ("Wed, 21 Oct 2099 07:28:00 GMT", 120)]
)
def test_the_storefront_says_how_long_to_wait_within_reason(shop, no_pauses, asked_for, waited):
    shop.fails(Trouble.TOO_MANY, retry_after=asked_for)

    with ask(shop, attempts=2) as storefront:
        storefront.orders()

    assert no_pauses == [waited]


def test_a_change_is_sent_once_only(shop):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")

    with ask(shop, attempts=5) as storefront, pytest.raises(StorefrontError):
        storefront.refund("1360", {"amount": "1.00"})

    assert len(shop.made("POST")) == len(shop.refunds[1360]) == 1


def test_requests_keep_their_distance(shop):
    with ask(shop, pause=0.15) as storefront:
        for _n in range(3):
            storefront.order("1360")

    first, second, third = (request.at for request in shop.requests)
    assert min(second - first, third - second) > 0.13


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://shop.example"])
def test_http_is_refused_where_addresses_have_to_be_public(settings, address):
    settings.STOREFRONT_PRIVATE_ADDRESSES = False

    with pytest.raises(StorefrontError) as raised:
        Storefront(address, KEY, SECRET, name="Marché")

    assert "it begins with http://" in str(raised.value)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost"],
)
def test_private_addresses_are_refused(settings, shop, host):
    settings.STOREFRONT_PRIVATE_ADDRESSES = False

    error = trouble_of(shop, address=f"https://{host}")

    assert (error.trouble, error.passes, "is a private address" in str(error)) == (T.ADDRESS, False, True)


@pytest.mark.parametrize(
    "address", ["", "shop.example", "ftp://shop.example", "file:///etc/passwd", "https://"]
)
def test_an_address_is_https(address):
    with pytest.raises(StorefrontError) as raised:
        Storefront(address, KEY, SECRET, name="Marché")

    assert raised.value.trouble == T.ADDRESS


def test_a_certificate_of_nobody_is_not_trusted(shop, tmp_path):
    error = trouble_of(shop, address=shop.url.replace("http://", "https://"))

    assert error.trouble == T.UNREACHABLE


def test_what_was_changed_is_found_by_its_date(shop):
    with ask(shop) as storefront:
        storefront.change_order("1360", {"status": "completed"})
        page = storefront.orders(modified_after=shop.clock - timedelta(seconds=1))

    assert [(order["id"], order["status"]) for order in page.orders] == [(1360, "completed")]


def test_standing_names_the_orders_that_are_there(shop):
    shop.change(1361, status="trash")
    shop.delete(1362)

    with ask(shop) as storefront:
        assert storefront.standing(["1360", "1361", "1362"]) == {"1360": Standing("processing", frozenset())}
