"""A new shop is led to its first invoice, and then left alone."""

import re

import pytest

from orders.states import OrderStatus
from tests.factories import make_document, make_member, make_order, make_vendor
from vendors.roles import Role

pytestmark = pytest.mark.django_db


def steps(html):
    """Each step of the guide: is it done, is it the next one."""
    guide = re.search(r'<ol class="guide__steps">(.*?)</ol>', html, re.DOTALL)
    found = (
        re.findall(r'<li( aria-current="step")?>.*?<h3>([^<]*)', guide.group(1), re.DOTALL) if guide else []
    )
    done = re.findall(r"#st-(completed|pending)", guide.group(1)) if guide else []
    return [
        (title.strip(), state == "completed", bool(now))
        for (now, title), state in zip(found, done, strict=True)
    ]


@pytest.fixture
def shop(db):
    return make_vendor("new-shop", identity=False)


@pytest.fixture
def see(client_of, shop):
    def page(path, role=Role.OWNER):
        return client_of(make_member(shop, role)).get(f"/vendors/new-shop/{path}").content.decode()

    return page


@pytest.mark.parametrize("path", ["orders/", "overview/"])
def test_a_new_shop_is_led_to_its_identity_first(see, path):
    html = see(path)

    assert steps(html) == [
        ("Complete the legal identity", False, True),
        ("Receive the first order", False, False),
        ("Issue the first invoice", False, False),
    ]
    assert 'href="/vendors/new-shop/identity/"' in html


def test_what_is_done_is_ticked(client_of, owner, vendor):
    make_order(vendor, status=OrderStatus.PROCESSING)

    html = client_of(owner).get("/vendors/rucher-des-baux/overview/").content.decode()

    assert [state[1:] for state in steps(html)] == [(True, False), (True, False), (False, True)]


def test_after_the_first_invoice_the_guide_is_gone(client_of, owner, vendor):
    make_document(make_order(vendor))

    assert steps(client_of(owner).get("/vendors/rucher-des-baux/overview/").content.decode()) == []


def test_a_manager_reads_that_the_identity_is_an_owners(see):
    html = see("orders/", Role.MANAGER)

    assert len(steps(html)) == 3
    assert "/identity/" not in html


def test_a_preparer_is_not_asked_for_invoices(see):
    html = see("orders/", Role.PREPARER)

    assert steps(html) == []
    assert "No order yet" in html
