"""Validating from the list, in place and by a whole page, and taking it back."""

import re
from html import unescape

import pytest

from orders.domain.transitions import TransitionNotAllowed, change_status, reopen_at_once
from orders.states import OrderStatus
from tests.factories import NOON, make_member, make_order, make_product
from vendors.roles import Role

S = OrderStatus
LIST = "/vendors/rucher-des-baux/orders/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def press(client_of, owner):
    """``press("7/validate/", …)``: what the button of the list answers to a script."""

    def post(path, user=owner, *, in_place=True, next_=LIST, **data):
        headers = {"HX-Request": "true"} if in_place else {}
        return client_of(user).post(f"{LIST}{path}", {"next": next_, **data}, headers=headers)

    return post


def text(response):
    html = re.sub(r"<svg.*?</svg>", "", unescape(response.content.decode()), flags=re.DOTALL)
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def undo_form(html):
    """The fields of the notice's « undo », and where it leads."""
    found = re.search(r'<form class="push"[^>]* action="([^"]*)".*?</form>', html, re.DOTALL)
    return (
        (found.group(1), dict(re.findall(r'name="([^"]*)" value="([^"]*)"', found.group(0))))
        if found
        else None
    )


def test_a_validated_row_stays_where_it_is_and_counts_follow(press, vendor):
    make_order(vendor, number="7", status=S.PROCESSING)
    make_order(vendor, number="8", status=S.PROCESSING)

    response = press("7/validate/", next_=LIST + "?status=processing", version="1")
    html = response.content.decode()

    assert response.status_code == 200
    assert re.findall(r'class="c-id"><a href="[^"]*">(\d+)<', html) == ["7"]
    assert 'class="st s-completed"' in html
    assert re.search(r'id="status-processing".*?<b>(\d+)</b>', html, re.DOTALL).group(1) == "1"
    assert re.search(r'id="status-completed" href="\?status=completed"', html)
    assert re.search(r'id="to-prepare"><b>(\d+)', html).group(1) == "1"
    assert re.search(r'id="list-totals".*?€12\.00', html, re.DOTALL)
    assert "Order 7 is completed." in text(response)


def test_without_a_script_the_same_button_leads_back_to_the_same_list(press, client, vendor):
    make_order(vendor, number="7", status=S.PROCESSING)

    response = press(
        "7/validate/", in_place=False, next_=LIST + "?status=processing&sort=number", version="1"
    )
    html = client.get(response["Location"]).content.decode()

    assert response["Location"] == LIST + "?status=processing&sort=number"
    assert undo_form(html)[0] == LIST + "7/undo/"


def test_undo_takes_the_validation_back_with_stock_and_reason(press, client, vendor):
    soap = make_product(vendor, stock=5)
    order = make_order(vendor, number="7", status=S.PROCESSING, lines=[(soap, 2)])
    html = press("7/validate/", version="1").content.decode()
    address, fields = undo_form(html)

    response = press("7/undo/", version=fields["version"])

    order.refresh_from_db()
    soap.refresh_from_db()
    assert (address, order.status, order.stage, soap.stock) == (
        LIST + "7/undo/",
        S.PROCESSING,
        "to_prepare",
        3,
    )
    assert order.history.order_by("-pk").first().note.text == "Validated by mistake."
    assert "Order 7 is in progress again." in text(response)
    assert 'class="st s-processing"' in response.content.decode()


def test_a_double_click_has_one_effect(press, vendor):
    order = make_order(vendor, number="7", status=S.PROCESSING)
    press("7/validate/", version="1")

    again = press("7/validate/", version="1")

    assert "Order 7 was completed already." in text(again)
    assert undo_form(again.content.decode()) is None
    assert order.history.filter(new_status=S.COMPLETED).count() == 1


def test_undoing_twice_has_one_effect(press, vendor):
    order = make_order(vendor, number="7", status=S.PROCESSING)
    press("7/validate/", version="1")
    press("7/undo/", version="2")

    again = press("7/undo/", version="2")

    assert "Order 7 is in progress already." in text(again)
    assert order.history.filter(kind="status").count() == 2


def test_what_happened_since_is_not_undone(press, vendor):
    order = make_order(vendor, number="7", status=S.PROCESSING)
    press("7/validate/", version="1")
    change_status(order, S.PROCESSING, by=None, at=NOON)
    change_status(order, S.COMPLETED, by=None, at=NOON)

    response = press("7/undo/", version="2")

    order.refresh_from_db()
    assert order.status == S.COMPLETED
    assert "Nothing was changed" in text(response)


@pytest.mark.parametrize("version", [None, "", "x", "0"])
def test_undo_needs_the_version_of_the_validation(press, vendor, version):
    order = make_order(vendor, number="7", status=S.COMPLETED)

    press("7/undo/", **({} if version is None else {"version": version}))

    order.refresh_from_db()
    assert order.status == S.COMPLETED


@pytest.mark.parametrize("status", [S.ON_HOLD, S.PENDING, S.CANCELLED, S.FAILED, S.REFUNDED])
def test_undo_is_no_way_into_progress_from_elsewhere(vendor, owner, status):
    vendor.confirms_payments = True
    vendor.save()
    order = make_order(vendor, status=status)

    with pytest.raises(TransitionNotAllowed):
        reopen_at_once(order, by=owner, at=NOON, version=order.version)


def test_who_may_not_reopen_is_offered_no_undo(press, vendor):
    make_order(vendor, number="7", status=S.PROCESSING)

    response = press("7/validate/", user=make_member(vendor, Role.PREPARER), version="1")

    assert "Order 7 is completed." in text(response)
    assert undo_form(response.content.decode()) is None
    assert "12.00" not in text(response)


def test_a_refused_step_shows_the_row_as_it_is_and_why(press, vendor):
    order = make_order(vendor, number="7", status=S.PROCESSING)
    change_status(order, S.CANCELLED, by=None, at=NOON)

    response = press("7/validate/", version="1")

    assert 'role="alert"' in response.content.decode()
    assert 'class="st s-cancelled"' in response.content.decode()
    assert "Nothing was changed" in text(response)


def test_from_the_orders_page_a_script_is_led_back_to_it(press, vendor):
    make_order(vendor, number="7", status=S.PROCESSING)

    response = press("7/validate/", next_=LIST + "7/", version="1")

    assert (response.status_code, response["Location"]) == (302, LIST + "7/")


def test_the_addresses_of_the_parts_are_the_lists(press, vendor):
    make_order(vendor, number="7", status=S.PROCESSING, customer_name="Ève")

    html = press("7/validate/", next_=LIST + "?customer=eve&sort=-total", version="1").content.decode()

    assert 'id="status-completed" href="?customer=eve&amp;sort=-total&amp;status=completed"' in html
    assert f'name="next" value="{LIST}?customer=eve&amp;sort=-total"' in html
