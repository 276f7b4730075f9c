"""The order list: what it shows to whom, what each row offers, and how it explains that nothing is there."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.domain.fulfillment import ship
from orders.domain.refunds import refund_order
from orders.domain.transitions import change_status
from orders.models import Order
from orders.states import OrderStatus, Stage
from orders.table_rows import RowMaker
from tests.factories import NOON, make_customer, make_line, make_member, make_order, make_product, make_vendor
from vendors.roles import Permission, Role

S = OrderStatus
LIST = "/vendors/rucher-des-baux/orders/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def see(client_of, owner):
    """``see("?status=…")``: the list's HTML as the owner sees it."""

    def page(query="", user=owner, **headers):
        response = client_of(user).get(LIST + query, headers=headers)
        assert response.status_code == 200
        return unescape(response.content.decode())

    return page


def numbers(html):
    return re.findall(r'<th role="rowheader" scope="row" class="c-id">\s*<a href="[^"]*">([^<]*)</a>', html)


def cells(html, css):
    """The text of every cell with that class, blanks folded."""
    found = re.findall(rf'<td role="cell" class="{css}[^"]*"[^>]*>(.*?)</td>', html, re.DOTALL)
    return [text_of(cell) for cell in found]


def text_of(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def menu_counts(html):
    entries = re.findall(r'id="status-([a-z-]+)".*?</a>', html, re.DOTALL)
    return dict(
        zip(
            entries,
            [int(n) for n in re.findall(r"<b>(\d+)</b>\s*</a>\s*(?:<span|</li>)", html)],
            strict=False,
        )
    )


def href(html, text):
    """Where the link with that text leads."""
    for address, inside in re.findall(r'<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL):
        if text_of(inside) == text:
            return address
    raise AssertionError(f"no link says {text!r}")


# Rows


def test_the_newest_order_stands_first(see, vendor):
    make_order(vendor, number="1", placed_at=NOON)
    make_order(vendor, number="2", placed_at=NOON + timedelta(hours=1))

    assert numbers(see()) == ["2", "1"]


def test_a_row_shows_what_the_customer_paid_and_what_the_shop_keeps(see, vendor):
    make_order(vendor, status=S.COMPLETED)

    html = see()

    assert (cells(html, "c-total"), cells(html, "c-gains")) == (["€12.00"], ["€11.00"])


def test_after_a_refund_the_net_stands_over_the_struck_total(see, vendor):
    order = make_order(vendor, status=S.COMPLETED)
    refund_order(order, amount=Decimal("2.00"), by=None, at=NOON)

    assert cells(see(), "c-total") == ["€10.00 instead of €12.00"]


def test_a_whole_refund_leaves_zero_not_nothing(see, vendor):
    order = make_order(vendor, status=S.COMPLETED)
    refund_order(order, amount=Decimal("12.00"), by=None, at=NOON)

    html = see()

    assert (cells(html, "c-total"), cells(html, "c-gains")) == (["€0.00 instead of €12.00"], ["€0.00"])


@pytest.mark.parametrize(
    ("status", "gains"),
    [(S.PENDING, "to come"), (S.ON_HOLD, "to come"), (S.CANCELLED, "none –"), (S.FAILED, "none –")],
)
def test_gains_that_are_not_earned_are_no_amount(see, vendor, status, gains):
    make_order(vendor, status=status)

    assert cells(see(), "c-gains") == [gains]


@pytest.mark.parametrize("status", OrderStatus.values)
def test_each_status_is_a_word_a_drawing_and_a_color(see, vendor, status):
    make_order(vendor, status=status)

    html = see()

    assert cells(html, "c-state")[0].startswith(str(OrderStatus(status).label))
    assert f'class="st s-{status}"' in html
    assert f'href="#st-{status}"' in html


@pytest.mark.parametrize("stage", Stage)
def test_the_stage_stands_beside_the_status(see, vendor, stage):
    order = make_order(vendor, status=S.PROCESSING, placed_at=timezone.now())
    Order.objects.filter(pk=order.pk).update(stage=stage)

    assert cells(see(), "c-state") == [f"Processing {stage.label}"]


def test_an_order_whose_first_parcel_left_is_partly_shipped(see, vendor):
    order = make_order(vendor, status=S.PROCESSING, lines=[(make_product(vendor), 2)])
    ship(order, units={order.lines.get().pk: 1}, by=None, at=NOON)

    assert cells(see(), "c-state") == ["Processing Partly shipped"]
    assert cells(see("?stage=to_prepare"), "c-state") == ["Processing Partly shipped"]


@pytest.mark.parametrize(("since", "said"), [(1, "1 d late"), (47, "1 d late"), (49, "2 d late"), (-1, "")])
def test_a_late_order_says_for_how_many_days(see, vendor, since, said):
    order = make_order(vendor, status=S.PROCESSING)
    Order.objects.filter(pk=order.pk).update(prepare_by=timezone.now() - timedelta(hours=since))

    assert cells(see(), "c-state") == [f"Processing To prepare {said}".strip()]


def test_an_order_refunded_in_part_says_so(see, vendor):
    order = make_order(vendor, status=S.COMPLETED)
    refund_order(order, amount=Decimal("2.00"), by=None, at=NOON)

    assert cells(see(), "c-state") == ["Completed Refunded in part"]


def test_a_paid_order_that_was_cancelled_asks_for_its_refund(see, vendor):
    order = make_order(vendor, status=S.PROCESSING)
    change_status(order, S.CANCELLED, by=order.source, at=NOON)

    assert cells(see(), "c-state") == ["Cancelled To be refunded"]


def test_guests_are_told_from_registered_customers(see, vendor):
    make_order(vendor, customer=make_customer(vendor, external_id="7"), customer_name="Registered")
    make_order(vendor, customer=make_customer(vendor), customer_name="By mail")
    make_order(vendor, customer_name="Unknown")

    assert sorted(cells(see(), "c-who")) == ["By mail guest", "Registered", "Unknown guest"]


def test_an_order_without_a_name_shows_the_address_it_came_from(see, vendor):
    make_order(vendor, customer_name="", customer_email="a@example.com")

    assert cells(see(), "c-who") == ["a@example.com guest"]


def test_dates_are_told_to_people_and_to_machines(see, vendor):
    make_order(vendor, placed_at=datetime(2026, 7, 14, 10, 0, tzinfo=UTC))

    assert '<time datetime="2026-07-14T12:00:00+02:00" title="14 Jul 2026 at 12:00">' in see()


def test_what_customers_write_is_never_markup(client_of, owner, vendor):
    make_order(vendor, number="1'\"><i>", customer_name="<script>alert(1)</script>")

    page = client_of(owner).get(LIST, {"customer": "<script>", "q": "1'\"><i>"}).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert '"><i>' not in page


# What a row offers


@pytest.mark.parametrize(
    ("role", "status", "offered"),
    [
        (Role.OWNER, S.PROCESSING, "Validate View Issue the invoice… Delivery note"),
        (Role.OWNER, S.COMPLETED, "View Issue the invoice… Delivery note"),
        (Role.OWNER, S.ON_HOLD, "View Proforma Delivery note"),
        (Role.OWNER, S.PENDING, "View"),
        (Role.OWNER, S.CANCELLED, "View"),
        (Role.OWNER, S.FAILED, "View"),
        (Role.MANAGER, S.PROCESSING, "Validate View Issue the invoice… Delivery note"),
        (Role.PREPARER, S.PROCESSING, "Validate View Delivery note"),
        (Role.ACCOUNTANT, S.PROCESSING, "View Issue the invoice…"),
    ],
)
def test_a_row_offers_what_status_and_role_allow(see, vendor, role, status, offered):
    make_order(vendor, number="7", status=status)

    [cell] = cells(see(user=make_member(vendor, role)), "c-acts")

    assert cell.replace(" order 7", "").replace(" of", "") == offered


def test_validating_from_the_list_comes_back_to_the_same_place(see, client_of, owner, vendor):
    order = make_order(vendor, number="7", status=S.PROCESSING)
    html = see("?status=processing&sort=number")
    address = re.search(r'formaction="([^"]*)" name="version" value="1"', html).group(1)
    back = re.search(r'name="next" value="([^"]*)"', html).group(1)

    response = client_of(owner).post(address, {"version": "1", "next": back})

    order.refresh_from_db()
    assert (order.status, response.headers["Location"]) == (
        "completed",
        LIST + "?status=processing&sort=number",
    )


# The menu, the totals


def test_the_menu_counts_each_status_under_the_other_filters(see, vendor):
    make_order(vendor, status=S.COMPLETED, customer_name="Zoé Petit")
    make_order(vendor, status=S.PENDING, customer_name="Zoé Petit")
    make_order(vendor, status=S.PENDING, customer_name="Louis Martin")

    counts = menu_counts(see("?status=completed&customer=zo"))

    assert (counts["all"], counts["completed"], counts["pending"], counts["failed"]) == (2, 1, 1, 0)


def test_choosing_a_status_keeps_the_other_filters_and_leaves_the_page(see, vendor):
    make_order(vendor)

    link = re.search(
        r'id="status-pending"\s+href="([^"]*)"', see("?customer=cam&sort=number&cursor=x")
    ).group(1)

    assert link == "?customer=cam&sort=number&status=pending"


def test_each_status_explains_itself(see, vendor):
    make_order(vendor)

    html = see("?status=pending")

    assert html.count("Order received, not paid yet, stock unchanged.") == 2
    assert "Order received, stock reduced, payment to be confirmed." in html


def test_totals_are_those_of_the_selection(see, vendor):
    make_order(vendor, status=S.COMPLETED, lines=[make_line(None, total="1200.00")])
    make_order(vendor, status=S.PENDING)

    [totals] = re.findall(r"<dl>(.*?)</dl>", see(), re.DOTALL)

    assert text_of(totals) == (
        "Orders 2 Order total €1,200.00 + €12.00 expected Gains (incl. VAT) €1,100.00 + €11.00 expected"
    )


def test_currencies_stand_apart(see, vendor):
    make_order(vendor, status=S.COMPLETED)
    make_order(vendor, status=S.COMPLETED)
    make_order(vendor, status=S.COMPLETED, currency="USD")

    [totals] = re.findall(r"<dl>(.*?)</dl>", see(), re.DOTALL)

    assert text_of(totals) == "Orders 3 Order total €24.00 $12.00 Gains (incl. VAT) €22.00 $11.00"


def test_what_must_be_done_is_one_click_away(see, vendor):
    make_order(vendor, number="1", status=S.PROCESSING, placed_at=timezone.now() - timedelta(days=30))
    make_order(vendor, number="2", status=S.PROCESSING, placed_at=timezone.now())
    make_order(vendor, number="3", status=S.COMPLETED)

    html = see("?customer=cam")

    assert numbers(see(href(html, "To prepare 2"))) == ["2", "1"]
    assert numbers(see(href(html, "Late 1"))) == ["1"]


def test_a_quick_filter_in_force_is_taken_out_by_a_second_click(see, vendor):
    make_order(vendor, number="1", status=S.PROCESSING, placed_at=timezone.now() - timedelta(days=30))

    assert href(see("?late=1&q=1"), "Late 1") == "?q=1"


# Filters in force


@pytest.mark.parametrize(
    ("query", "chip"),
    [
        ("?customer=cam&q=1", "Customer: cam"),
        ("?q=1", "Number: 1"),
        ("?stage=shipped&q=1", "Stage: Shipped"),
        ("?late=1", "Delay: late"),
        ("?placed_after=2026-11-01", "Date: since 01 Nov 2026"),
        ("?placed_before=2026-11-01", "Date: until 01 Nov 2026"),
        ("?placed_after=2026-11-01&placed_before=2026-11-01", "Date: 01 Nov 2026"),
        ("?placed_after=2026-11-01&placed_before=2026-11-02", "Date: 01 Nov 2026 to 02 Nov 2026"),
    ],
)
def test_a_filter_in_force_is_a_chip(see, vendor, query, chip):
    make_order(vendor)

    assert f"{chip} Remove the filter {chip.split(':')[0]}" in text_of(see(query))


def test_a_chip_takes_its_filter_out_and_no_other(see, vendor):
    make_order(vendor)

    html = see("?placed_after=2020-01-01&placed_before=2030-01-01&customer=cam&sort=number")

    assert href(html, "Remove the filter Date") == "?customer=cam&sort=number"
    assert href(html, "Remove the filter Customer") == (
        "?placed_after=2020-01-01&placed_before=2030-01-01&sort=number"
    )


def test_today_is_today_in_the_shop(see, vendor):
    make_order(vendor, number="today", placed_at=timezone.now())
    make_order(vendor, number="old", placed_at=timezone.now() - timedelta(days=3))

    html = see()

    assert numbers(see(href(html, "Today"))) == ["today"]
    assert numbers(see(href(html, "7 days"))) == ["today", "old"]


def test_a_chosen_period_is_marked_and_named(see, vendor):
    make_order(vendor, placed_at=timezone.now())

    html = see(href(see(), "7 days"))

    assert "Date: last 7 days" in text_of(html)
    assert re.search(r'id="period-week"[^>]*aria-current="true"', html)


# Sorting, pages


@pytest.mark.parametrize(("sort", "head"), [("", "Date"), ("number", "Order"), ("-total", "Order total")])
def test_the_sorted_column_says_so(see, vendor, sort, head):
    make_order(vendor)

    [(direction, label)] = re.findall(r'aria-sort="(\w+)">\s*<a[^>]*>([^<]*)', see(f"?sort={sort}"))

    assert (direction, label) == ("ascending" if sort == "number" else "descending", head)


def test_a_head_sorts_down_first_then_up_and_keeps_the_filters(see, vendor):
    make_order(vendor)

    first = href(see("?customer=cam"), "Order total")
    second = href(see(first), "Order total")

    assert (first, second) == ("?customer=cam&sort=-total", "?customer=cam&sort=total")


def test_twenty_five_rows_are_a_page(see, vendor):
    for n in range(60):
        make_order(vendor, number=f"{n:02}", placed_at=NOON + timedelta(minutes=n))

    first = see("?customer=cam")
    second = see(href(first, "Next"))
    third = see(href(second, "Next"))

    assert [len(numbers(page)) for page in (first, second, third)] == [25, 25, 10]
    assert "26–50 of 60" in second
    assert "customer=cam" in href(second, "Next")
    assert numbers(see(href(second, "Previous"))) == numbers(first)


def test_a_page_that_cannot_be_found_says_so_and_shows_no_row(see, vendor):
    make_order(vendor)

    html = see("?cursor=nonsense&customer=cam")

    assert "This page of the list cannot be found any more." in html
    assert numbers(html) == []
    assert href(html, "Back to the first page") == "?customer=cam"


# What is wrong, what is empty


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("?placed_after=31/02/2026", "placed_after", "There is no day “31/02/2026” in the calendar."),
        ("?placed_before=2026-13-01", "placed_before", "There is no day “2026-13-01” in the calendar."),
        (
            "?placed_after=2026-02-02&placed_before=2026-02-01",
            "placed_before",
            "The last day is before the first one.",
        ),
        ("?status=shipped", "status", "There is no status “shipped”."),
        ("?stage=lost", "stage", "There is no stage “lost”."),
        ("?late=2", "late", "“2” means nothing here: choose “Late” above the list."),
        ("?sort=name", "sort", "The list cannot be sorted by “name”."),
        ("?customer=a%00b", "customer", "Null characters are not allowed."),
    ],
)
def test_a_wrong_value_is_told_at_its_field_with_no_row_and_no_number(see, vendor, query, field, sentence):
    make_order(vendor, number="7")

    html = see(query)

    [item] = re.findall(rf'<li id="id_{field}_error">(.*?)</li>', html, re.DOTALL)
    assert text_of(item).endswith(sentence)
    assert ("<a href" in item) == (f'name="{field}" id=' in html)
    assert numbers(html) == []
    assert menu_counts(html) == {}
    assert "export.csv" not in html


def test_a_shop_without_orders_is_told_what_will_happen(see):
    assert "No order yet" in see()


def test_an_empty_status_explains_itself_and_leads_to_the_orders_that_match(see, vendor):
    make_order(vendor, number="1", status=S.COMPLETED, customer_name="Zoé Petit")
    make_order(vendor, number="2", status=S.PENDING, customer_name="Zoé Petit")

    html = see("?status=on-hold&customer=zo")

    assert "No order is “On hold” under these filters" in text_of(html)
    assert "In the other statuses, 2 orders match." in text_of(html)
    assert sorted(numbers(see(href(html, "See these 2 orders")))) == ["1", "2"]


@pytest.mark.parametrize(
    ("query", "label", "address"),
    [
        ("customer=%231042", "Look for order number 1042", "?q=1042"),
        ("status=pending&q=zoe", "Look for the customer “zoe”", "?status=pending&customer=zoe"),
        (
            "customer=zoe%40a.fr",
            "Look for this address among the customers",
            "/vendors/rucher-des-baux/customers/?q=zoe%40a.fr",
        ),
    ],
)
def test_what_was_typed_in_the_wrong_place_is_led_to_the_right_one(see, vendor, query, label, address):
    make_order(vendor, number="1")

    assert href(see(f"?{query}"), label) == address


def test_a_name_that_finds_nobody_is_told_how_names_are_found(see, vendor):
    make_order(vendor, number="1")

    assert "found by the first letters of any name" in see("?customer=xavier")


def test_filters_that_leave_nothing_can_be_removed_one_by_one(see, vendor):
    make_order(vendor, number="1")

    html = see("?placed_before=2020-01-01&customer=cam")

    assert "No order under these filters" in html
    assert numbers(see(href(html, "Remove the filter Date"))) == ["1"]


# Roles


def test_a_preparer_sees_no_amount_anywhere(see, vendor):
    for status in OrderStatus.values:
        order = make_order(vendor, status=status, lines=[make_line(None, total="1234.56")])
        if status == S.COMPLETED:
            refund_order(order, amount=Decimal("34.56"), by=None, at=NOON)

    main = see(user=make_member(vendor, Role.PREPARER)).split("<main")[1]

    assert len(numbers(main)) == 7
    assert not re.search(
        r"€|1,?234|34\.56|1,?200\.00|\beur\b|order total|=-?total|gains|earnings|export|invoice", main.lower()
    )


@pytest.mark.parametrize("sort", ["total", "-earnings"])
def test_a_preparer_cannot_sort_by_amounts(see, vendor, sort):
    make_order(vendor)

    html = see(f"?sort={sort}", user=make_member(vendor, Role.PREPARER))

    assert f"The list cannot be sorted by “{sort}”." in html
    assert numbers(html) == []


@pytest.mark.parametrize(
    ("role", "may_export"), [("owner", True), ("manager", True), ("preparer", False), ("accountant", True)]
)
def test_exports_are_offered_to_who_may_export(see, vendor, role, may_export):
    make_order(vendor)

    assert ("export.csv" in see(user=make_member(vendor, role))) == may_export


def test_the_selections_export_carries_the_filters_and_nothing_else(see, vendor):
    make_order(vendor, number="1042", status=S.COMPLETED)

    html = see("?status=completed&q=%231042&sort=number&unknown=1")

    assert href(html, "Export the selection (1)") == LIST + "export.csv?status=completed&q=1042"
    assert href(html, "Export all") == LIST + "export.csv"
    assert LIST + "export.csv?dialect=excel&status=completed&q=1042" in html
    assert LIST + "export.csv?rows=lines&status=completed&q=1042" in html
    assert LIST + "export.xlsx?status=completed&q=1042" in html
    assert "When opening: Unicode (UTF-8), separator comma, double quotes" in html


# Suggestions


@pytest.fixture
def suggest(client_of, owner):
    def ask(typed, user=owner):
        html = client_of(user).get(LIST + "customers/", {"customer": typed}).content.decode()
        return re.findall(r'data-value="([^"]*)">[^<]*<small>([^<]*)</small>', html)

    return ask


def test_customers_are_suggested_with_their_number_of_orders(suggest, vendor):
    for name in ["Camille Roux", "Camille Lefèvre", "CAMILLE LEFEVRE", "Louis Martin"]:
        make_order(vendor, customer_name=name)

    assert suggest("cam") == [("CAMILLE LEFEVRE", "2 orders"), ("Camille Roux", "1 order")]


def test_suggestions_never_name_another_shops_customers(suggest, vendor):
    make_order(make_vendor(), customer_name="Camille Secret")

    assert suggest("cam") == []


@pytest.mark.parametrize("typed", ["", "c", " ", "\0", "\0c", "´"])
def test_suggestions_begin_with_the_second_letter(suggest, vendor, typed):
    make_order(vendor, customer_name="Camille Roux")

    assert suggest(typed) == []


def test_at_most_eight_customers_are_suggested(suggest, vendor):
    for n in range(12):
        make_order(vendor, customer_name=f"Camille {n}")

    assert len(suggest("camille")) == 8


def test_a_suggestion_is_text(suggest, vendor):
    make_order(vendor, customer_name='Camille "><b>')

    assert suggest("cam") == [("Camille &quot;&gt;&lt;b&gt;", "1 order")]


# htmx


def test_htmx_is_told_the_address_without_empty_parameters(client_of, owner, vendor):
    response = client_of(owner).get(
        LIST + "?placed_after=&customer=cam&q=&stage=", headers={"HX-Request": "true", "HX-Current-URL": LIST}
    )

    assert response.headers["HX-Push-Url"] == LIST + "?customer=cam"
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("before", "after", "header"),
    [
        ("?customer=c", "?customer=ca", "HX-Replace-Url"),
        ("?customer=c", "?customer=c", "HX-Replace-Url"),
        ("?customer=c&cursor=x", "?customer=ca", "HX-Replace-Url"),
        ("", "?customer=c", "HX-Push-Url"),
        ("?customer=c", "", "HX-Push-Url"),
        ("?customer=c", "?customer=c&status=pending", "HX-Push-Url"),
        ("?customer=c", "?customer=c&cursor=x", "HX-Push-Url"),
    ],
)
def test_going_back_is_one_step_per_filter_not_per_letter(client_of, owner, before, after, header):
    response = client_of(owner).get(
        LIST + after, headers={"HX-Request": "true", "HX-Current-URL": "http://testserver" + LIST + before}
    )

    assert header in response.headers


# What it costs


@pytest.mark.parametrize("rows", [1, 3])
def test_the_number_of_queries_does_not_depend_on_the_rows(
    client_of, owner, vendor, rows, django_assert_num_queries
):
    for n in range(rows):
        order = make_order(vendor, status=S.COMPLETED, customer=make_customer(vendor, f"Customer {n}"))
        refund_order(order, amount=Decimal("2.00"), by=None, at=NOON)
    client = client_of(owner)

    with django_assert_num_queries(6):
        response = client.get(LIST + "?status=completed")

    assert len(numbers(response.content.decode())) == rows


@pytest.mark.parametrize("number", ["1042", "A b%é?#", "n°7;x=~number", "2024-00:1@b"])
def test_a_rows_addresses_are_those_of_its_pages(vendor, number):
    order = make_order(vendor, number=number, status=OrderStatus.PROCESSING)
    everything = dict.fromkeys([permission.value for permission in Permission], True)

    row = RowMaker(vendor.slug, everything, timezone.now(), invoiced=()).row(order)
    invoiced = RowMaker(vendor.slug, everything, timezone.now(), invoiced={order.pk}).row(order)

    pages = ["detail", "validate", "issue_invoice", "delivery_note_pdf", "invoice_pdf"]
    found = [row.address, row.validate_address, row.issue_address, row.note_address, invoiced.invoice_address]
    assert found == [reverse(f"orders:{page}", args=[vendor.slug, number]) for page in pages]


def test_names_and_numbers_are_escaped_in_rows(client_of, owner, vendor):
    make_order(
        vendor, number="<i>1", customer_name="<script>alert(1)</script>", status=OrderStatus.PROCESSING
    )

    page = client_of(owner).get(reverse("orders:list", args=[vendor.slug])).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<i>1" not in page


# New orders


def news(client, since):
    return client.get(LIST + "news/", {"since": since.isoformat()})


def test_orders_that_came_since_are_announced(client_of, owner, vendor):
    shown_at = timezone.now()
    make_order(vendor, placed_at=shown_at)
    make_order(make_vendor("miel-et-cie"), placed_at=shown_at)

    response = news(client_of(owner), shown_at)

    assert "1 new order: show it" in response.content.decode()


def test_no_news_is_no_content(client_of, owner, vendor):
    make_order(vendor, placed_at=timezone.now())

    assert news(client_of(owner), timezone.now()).status_code == 204


@pytest.mark.parametrize(
    "since", ["", "yesterday", "2026-11-27", "2020-01-01T00:00:00+00:00", "9999-12-31T23:59:59Z"]
)
def test_a_moment_that_cannot_be_is_no_news(client_of, owner, vendor, since):
    make_order(vendor, placed_at=timezone.now())

    assert client_of(owner).get(LIST + "news/", {"since": since}).status_code == 204
