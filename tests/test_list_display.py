"""Which columns a person sees, and how close the rows stand."""

import re

import pytest

from orders.states import OrderStatus
from tests.factories import make_member, make_order
from vendors.roles import Role

LIST = "/vendors/rucher-des-baux/orders/"
DISPLAY = "/vendors/rucher-des-baux/my-list/display/"
pytestmark = pytest.mark.django_db


def heads(html):
    found = re.findall(r'<th role="columnheader"[^>]*>(.*?)</th>', html, re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", head).split()) for head in found]


@pytest.fixture
def show(client_of, owner, vendor):
    make_order(vendor, status=OrderStatus.COMPLETED, shipping_method="Colissimo")

    def choose(user=owner, **choice):
        client = client_of(user)
        assert client.post(DISPLAY, choice).status_code == 302
        return client.get(LIST).content.decode()

    return choose


def test_columns_are_left_out_and_added(show):
    html = show(column=["total", "town", "payment"])

    assert heads(html) == [
        *("Select all on this page", "Order", "Order total", "Status", "Payment", "Town", "Actions"),
    ]
    assert re.findall(r'class="c-more c-[a-z]+" data-l="([^"]*)">([^<]*)<', html) == [
        ("Payment", "Carte bancaire"),
        ("Town", "Rennes"),
    ]
    assert 'class="c-who"' not in html


def test_number_and_status_are_always_there(show):
    assert heads(show(column=["no such column"]))[1:] == ["Order", "Status", "Actions"]


def test_rows_stand_closer_together(show):
    assert '<div class="list is-compact">' in show(column=["total"], density="compact")
    assert '<div class="list">' in show(column=["total"], density="comfortable")


def test_the_usual_list_comes_back(show, owner):
    show(column=["town"], density="compact")

    html = show(column=["town"], do="usual")

    owner.refresh_from_db()
    assert (owner.list_columns, owner.list_is_compact) == (None, False)
    assert "Gains (incl. VAT)" in heads(html)


def test_letters_are_keys_until_the_person_wants_none(show, owner):
    assert "<body>" in show(column=["total"])
    assert "You have switched them off" in show(column=["total"])
    assert "<body data-keys>" in show(column=["total"], keys="on")

    assert "<body data-keys>" in show(do="usual")


def test_a_choice_counts_in_every_shop_and_for_nobody_else(show, owner, vendor):
    html = show(user=make_member(vendor, Role.MANAGER), column=["town"])

    owner.refresh_from_db()
    assert (owner.list_columns, "Town" in heads(html)) == (None, True)


def test_a_preparer_chooses_no_amount_and_loses_none(show, vendor):
    preparer = make_member(vendor, Role.PREPARER)
    preparer.list_columns = ["total", "customer"]
    preparer.save()

    html = show(user=preparer, column=["total", "earnings", "town"])

    preparer.refresh_from_db()
    assert heads(html)[1:] == ["Order", "Status", "Town", "Actions"]
    assert "12.00" not in html
    assert 'value="earnings"' not in html


def test_the_choice_leads_back_to_the_list_as_it_was(client_of, owner):
    response = client_of(owner).post(DISPLAY, {"column": "total", "next": LIST + "?late=1"})

    assert response["Location"] == LIST + "?late=1"


def test_the_keys_are_told_on_a_page(client_of, owner):
    html = client_of(owner).get("/vendors/rucher-des-baux/my-list/keys/").content.decode()

    assert re.findall("<kbd>([^<]*)</kbd>", html) == ["/", "j", "k", "Enter", "x", "v", "b", "Esc", "?"]
