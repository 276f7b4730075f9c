"""Ticks survive the question about a bulk action that is not agreed to."""

import re
from html import unescape

import pytest

from orders.models import BulkJob
from orders.states import OrderStatus
from tests.factories import make_line, make_order, make_vendor
from vendors.models import Membership

pytestmark = pytest.mark.django_db
ORDERS = "/vendors/rucher-des-baux/orders/"


@pytest.fixture
def owned(client_of, owner, vendor):
    for number in ("2001", "2002", "2003"):
        make_order(vendor, number=number, status=OrderStatus.PROCESSING, lines=[make_line(None)])
    return client_of(owner)


def ticked(page):
    return re.findall(r'name="order" form="bulk" value="(\d+)" checked', page.content.decode())


def question(owned, **fields):
    """What the form of the page that asks holds."""
    form = {"action": "invoice", "list": "sort=number", **fields}
    html = owned.post(f"{ORDERS}bulk/", form).content.decode()
    [asked] = re.findall(r'<form class="stack" id="sure".*?</form>', html, re.DOTALL)
    sent = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked):
        sent.setdefault(name, []).append(unescape(value))
    return sent, 'name="leave"' in asked


def test_who_changes_nothing_finds_the_ticks_again_once(owned):
    sent, can_leave = question(owned, order=["2001", "2003"])
    assert can_leave

    page = owned.post(f"{ORDERS}bulk/", {**sent, "leave": "1"}, follow=True)

    assert page.redirect_chain == [(f"{ORDERS}?sort=number", 302)]
    assert ticked(page) == ["2001", "2003"]
    assert not BulkJob.objects.exists()
    assert ticked(owned.get(ORDERS)) == []


def test_ticks_of_one_shop_are_not_those_of_another(owned, owner):
    other = make_vendor("miel-et-cie")
    Membership.objects.create(user=owner, vendor=other, role="owner")
    make_order(other, number="2001")
    owned.post(f"{ORDERS}bulk/", {"order": ["2001"], "leave": "1"})

    assert ticked(owned.get("/vendors/miel-et-cie/orders/")) == []
    assert ticked(owned.get(ORDERS)) == ["2001"]


def test_where_all_are_taken_a_link_leads_back(owned):
    _sent, can_leave = question(owned, all="1", filters="")

    assert not can_leave


@pytest.mark.parametrize("numbers", [[], ["\0"], ["9" * 100_000], [str(n) for n in range(900)]])
def test_numbers_that_nobody_has_tick_nothing(owned, numbers):
    page = owned.post(f"{ORDERS}bulk/", {"order": numbers, "leave": "1"}, follow=True)

    assert (page.status_code, ticked(page)) == (200, [])
