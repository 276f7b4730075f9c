"""Pages by key: every row once, in order, whatever arrives meanwhile."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Order
from orders.paging import BadCursor, Cursor, Keyset, Page, paginate
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order

COLUMNS = ["number_value", "net_total", "earnings", "placed_at"]
KEYSETS = [Keyset(column, is_descending=down) for column in COLUMNS for down in (False, True)]
NEWEST = Keyset("placed_at", is_descending=True)


def make_ties(vendor, count=11):
    """Orders of which several share each sort value."""
    for n in range(count):
        make_order(
            vendor,
            number=f"{n % 3}" + "x" * n,
            status=OrderStatus.COMPLETED,
            lines=[make_line(None, total=f"{n % 2 + 1}.00")],
            placed_at=NOON + timedelta(microseconds=n // 4),
        )


def page_at(vendor, keyset, cursor="", size=3):
    orders = Order.objects.for_vendor(vendor)
    return paginate(orders, keyset, cursor, total=orders.count(), size=size)


def walk(vendor, keyset, side, cursor="", size=3):
    """The pages from ``cursor`` on, by following one side's links."""
    page = page_at(vendor, keyset, cursor, size)
    pages = [page]
    while getattr(page, side):
        page = page_at(vendor, keyset, getattr(page, side), size)
        pages.append(page)
        assert len(pages) <= Order.objects.count(), "the walk does not end"
    return pages


def ids(pages):
    return [order.pk for page in pages for order in page.rows]


@pytest.mark.parametrize("keyset", KEYSETS, ids=lambda keyset: keyset.order_by[0])
@pytest.mark.parametrize("size", [1, 3, 5, 11, 25])
def test_walking_forward_gives_each_row_once_in_order(vendor, keyset, size):
    make_ties(vendor)

    pages = walk(vendor, keyset, "next", size=size)

    assert ids(pages) == list(Order.objects.order_by(*keyset.order_by).values_list("pk", flat=True))
    assert [(page.first, page.last) for page in pages] == [
        (first, min(first + size - 1, 11)) for first in range(1, 12, size)
    ]


@pytest.mark.parametrize("keyset", KEYSETS, ids=lambda keyset: keyset.order_by[0])
def test_walking_back_shows_the_same_pages(vendor, keyset):
    make_ties(vendor, 12)
    forward = walk(vendor, keyset, "next")

    back = walk(vendor, keyset, "previous", cursor=forward[-2].next)

    assert [ids([page]) for page in back] == [ids([page]) for page in reversed(forward)]
    assert [page.first for page in back] == [10, 7, 4, 1]


def test_a_new_order_does_not_move_what_is_being_read(vendor):
    make_ties(vendor)
    first = page_at(vendor, NEWEST)
    expected = ids([page_at(vendor, NEWEST, first.next)])

    make_order(vendor, placed_at=NOON + timedelta(days=1))

    assert ids([page_at(vendor, NEWEST, first.next)]) == expected


def test_the_way_back_ends_with_a_whole_first_page(vendor):
    make_ties(vendor, 6)
    second = page_at(vendor, NEWEST, page_at(vendor, NEWEST).next)
    Order.objects.filter(pk=second.rows[0].pk).update(placed_at=NOON + timedelta(days=9))
    Order.objects.filter(pk__in=ids([page_at(vendor, NEWEST)])[1:]).update(hidden_at=NOON)

    page = page_at(vendor, NEWEST, second.previous)

    assert (page.first, len(page.rows), page.previous) == (1, 3, "")


def test_a_last_page_whose_rows_are_gone_shows_the_one_before(vendor):
    make_ties(vendor, 6)
    first = page_at(vendor, NEWEST)
    Order.objects.exclude(pk__in=ids([first])).update(hidden_at=NOON)

    page = page_at(vendor, NEWEST, first.next)

    assert (ids([page]), page.first, page.next) == (ids([first]), 1, "")


def test_places_are_mended_where_orders_came_meanwhile(vendor):
    make_ties(vendor, 6)
    first = page_at(vendor, NEWEST)
    for _new in range(2):
        make_order(vendor, placed_at=NOON + timedelta(days=1))

    last = page_at(vendor, NEWEST, first.next)
    middle = page_at(vendor, NEWEST, last.previous)

    assert (last.first, last.last) == (6, 8)
    assert (middle.first, bool(middle.previous)) == (3, True)


def test_an_empty_list_is_an_empty_page(vendor):
    assert page_at(vendor, NEWEST) == Page([])


@given(
    value=st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),
    pk=st.integers(1, 2**63 - 1),
    is_backward=st.booleans(),
)
def test_a_moment_comes_back_to_the_microsecond(value, pk, is_backward):
    cursor = Cursor(NEWEST, is_backward, value, pk, 25)

    assert Cursor.read(str(cursor), NEWEST) == cursor


@given(value=st.decimals(Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2))
def test_an_amount_comes_back_to_the_cent(value):
    keyset = Keyset("net_total", is_descending=False)
    cursor = Cursor(keyset, False, value, 7, 25)

    assert Cursor.read(str(cursor), keyset) == cursor


def encoded(*parts):
    return urlsafe_b64encode(json.dumps(parts).encode()).decode()


GOOD = ["-placed_at", ">", "2026-11-23T11:00:00+00:00", 7, 25]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "é",
        "AAAA",
        "\0",
        "=" * 9,
        encoded(),
        encoded(*GOOD, 1),
        encoded("placed_at", *GOOD[1:]),
        encoded("-net_total", ">", "1.00", 7, 25),
        encoded(GOOD[0], "!", *GOOD[2:]),
        encoded(*GOOD[:2], "2026-11-23T11:00:00", 7, 25),
        encoded(*GOOD[:2], "0001-01-01T00:00:00+14:00", 7, 25),
        encoded(*GOOD[:2], "soon", 7, 25),
        encoded(*GOOD[:2], None, 7, 25),
        encoded(*GOOD[:3], "7", 25),
        encoded(*GOOD[:3], 2**63, 25),
        encoded(*GOOD[:3], -1, 25),
        encoded(*GOOD[:3], True, 25),
        encoded(*GOOD[:3], 7, 1.5),
        urlsafe_b64encode(b"[" * 5000).decode(),
        urlsafe_b64encode(b'{"a":1}').decode(),
    ],
)
def test_a_cursor_made_by_hand_is_refused(text):
    with pytest.raises(BadCursor):
        Cursor.read(text, NEWEST)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e9", "1.000", "١.٠٠", "", 1.0, "99999999999.00"])
def test_an_amount_made_by_hand_is_refused(value):
    with pytest.raises(BadCursor):
        Cursor.read(encoded("net_total", ">", value, 7, 25), Keyset("net_total", is_descending=False))


@pytest.mark.parametrize("value", ["x", "-1", str(2**63), "9" * 5000, None, []])
def test_a_number_made_by_hand_is_refused(value):
    with pytest.raises(BadCursor):
        Cursor.read(encoded("number_value", ">", value, 7, 25), Keyset("number_value", is_descending=False))
