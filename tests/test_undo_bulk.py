"""A bulk validation can be undone from its page, order by order, while nothing else has happened."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from marketplace.models import OutgoingEmail
from orders.bulk.work import ask_for_bulk, ask_to_undo, progress, work_on
from orders.domain.transitions import reopen_at_once, validate
from orders.jobs import run_bulk
from orders.models import BulkAction, BulkItem, BulkJob, Order, StatusChange
from orders.states import OrderStatus
from tests.factories import NOON, make_member, make_order, make_vendor
from vendors.roles import Role

S = OrderStatus
pytestmark = pytest.mark.django_db


def make_orders(vendor, count):
    return [make_order(vendor, number=str(2000 + n), status=S.PROCESSING) for n in range(count)]


def validated(vendor, by, count):
    """A bulk validation of so many orders that was done."""
    make_orders(vendor, count)
    job = ask_for_bulk(vendor, Order.objects.for_vendor(vendor), BulkAction.VALIDATE, by=by, at=NOON)
    work_on(job, now=lambda: NOON, most=100)
    return job


def page_of(job):
    return reverse("orders:bulk", args=[job.vendor.slug, job.pk])


def see(browser, job):
    return browser.get(page_of(job)).content.decode()


def undo(browser, job, **fields):
    return browser.post(reverse("orders:undo_bulk", args=[job.vendor.slug, job.pk]), fields, follow=True)


def statuses(vendor):
    return dict(vendor.orders.values_list("number", "status"))


def offered(html):
    """The orders whose validation the page offers to undo."""
    return re.findall(r"/orders/(\d+)/undo/", html)


def test_each_validation_can_be_undone_from_the_page(client_of, owner, vendor):
    job = validated(vendor, owner, 2)
    browser = client_of(owner)
    html = see(browser, job)
    [form] = re.findall(r'<form[^>]*/orders/2001/undo/".*?</form>', html, re.DOTALL)
    fields = dict(re.findall(r'name="(version|next)" value="([^"]*)"', form))

    page = browser.post(reverse("orders:undo_validation", args=[vendor.slug, "2001"]), fields, follow=True)

    assert statuses(vendor) == {"2000": S.COMPLETED, "2001": S.PROCESSING}
    assert page.request["PATH_INFO"] == page_of(job)
    html = page.content.decode()
    assert "Order 2001 is in progress again." in html
    assert (offered(html), "by now: Processing" in html) == (["2000"], True)


def test_all_are_undone_at_once_and_each_is_told(client_of, owner, vendor):
    job = validated(vendor, owner, 3)
    browser = client_of(owner)
    assert "Undo 3 validations" in see(browser, job)

    page = undo(browser, job, filters="status=completed")

    done = BulkJob.objects.get(action=BulkAction.UNDO)
    assert set(statuses(vendor).values()) == {S.PROCESSING}
    assert progress(done)["done"] == 3
    assert page.request["PATH_INFO"] == page_of(done)
    assert page.context["list_url"].endswith("/orders/?status=completed")
    assert StatusChange.objects.filter(new_status=S.PROCESSING, user=owner).count() == 3
    assert OutgoingEmail.objects.filter(template="order_completed").count() == 3
    assert "/undo/" not in see(browser, job)


def test_an_order_to_which_something_happened_is_not_offered(client_of, owner, vendor):
    job = validated(vendor, owner, 2)
    order = vendor.orders.get(number="2000")
    reopen_at_once(order, by=owner, at=NOON, version=order.version)
    validate(order, by=owner, at=NOON)

    html = see(client_of(owner), job)
    undo(client_of(owner), job)

    assert (offered(html), "Undo 1 validation" in html) == (["2001"], True)
    assert statuses(vendor) == {"2000": S.COMPLETED, "2001": S.PROCESSING}


def test_what_happens_between_asking_and_undoing_is_told(owner, vendor):
    job = validated(vendor, owner, 2)
    undoing = ask_to_undo(job, by=owner, at=NOON)
    order = vendor.orders.get(number="2000")
    reopen_at_once(order, by=owner, at=NOON, version=order.version)
    validate(order, by=owner, at=NOON)

    work_on(undoing, now=lambda: NOON, most=100)

    assert statuses(vendor) == {"2000": S.COMPLETED, "2001": S.PROCESSING}
    refused = undoing.items.get(state=BulkItem.State.REFUSED)
    assert refused.order.number == "2000"
    assert refused.why.startswith("Nothing was changed: order 2000 is not what you saw any more.")


def test_an_order_that_was_completed_before_is_not_undone(client_of, owner, vendor):
    make_order(vendor, number="1999", status=S.COMPLETED)
    job = validated(vendor, owner, 1)

    undo(client_of(owner), job)

    assert statuses(vendor) == {"1999": S.COMPLETED, "2000": S.PROCESSING}


def test_asking_twice_has_one_effect(client_of, owner, vendor):
    job = validated(vendor, owner, 2)
    browser = client_of(owner)
    undo(browser, job)

    page = undo(browser, job, filters="q=20")

    assert "something else has happened to each order: nothing was changed." in page.content.decode()
    assert page.request["QUERY_STRING"] == "filters=q%3D20"
    assert BulkJob.objects.filter(action=BulkAction.UNDO).count() == 1
    assert StatusChange.objects.filter(new_status=S.PROCESSING).count() == 2


def test_many_are_asked_about_and_are_the_workers(client_of, owner, vendor):
    job = validated(vendor, owner, 21)
    browser = client_of(owner)

    asked = undo(browser, job).content.decode()
    assert "Undo 21 validations?" in asked
    assert set(statuses(vendor).values()) == {S.COMPLETED}
    undo(browser, job, sure="21")
    run_bulk.call(BulkJob.objects.get(action=BulkAction.UNDO).pk)

    assert set(statuses(vendor).values()) == {S.PROCESSING}


@pytest.mark.parametrize("role", [Role.PREPARER, Role.ACCOUNTANT])
def test_who_may_not_reopen_is_offered_nothing(client_of, owner, vendor, role):
    job = validated(vendor, owner, 1)
    browser = client_of(make_member(vendor, role))

    assert "/undo/" not in see(browser, job)
    assert undo(browser, job).status_code == 403


def test_no_other_action_is_undone(client_of, owner, vendor):
    make_orders(vendor, 1)
    job = ask_for_bulk(vendor, Order.objects.for_vendor(vendor), BulkAction.SHIP, by=owner, at=NOON)
    work_on(job, now=lambda: NOON, most=100)

    assert "/undo/" not in see(client_of(owner), job)
    assert undo(client_of(owner), job).status_code == 404


def test_the_list_cannot_ask_to_undo(client_of, owner, vendor):
    order = make_order(vendor, status=S.COMPLETED)

    client_of(owner).post(
        reverse("orders:start_bulk", args=[vendor.slug]), {"action": "undo", "order": order.number}
    )

    assert not BulkJob.objects.exists()


def test_a_neighbours_validation_is_out_of_reach(client_of, owner, vendor):
    neighbour = make_vendor("miel-et-cie")
    job = validated(neighbour, make_member(neighbour), 1)

    url = reverse("orders:undo_bulk", args=[vendor.slug, job.pk])

    assert client_of(owner).post(url).status_code == 404
    assert statuses(neighbour) == {"2000": S.COMPLETED}


def test_more_orders_ask_no_more_of_the_database_to_show_the_offers(client_of, owner, vendor):
    browser, asked = client_of(owner), []
    for count in (1, 3):
        job = BulkJob.objects.create(
            vendor=vendor, asked_by=owner, action=BulkAction.VALIDATE, asked_at=NOON, finished_at=NOON
        )
        for _ in range(count):
            order = make_order(vendor, status=S.COMPLETED)
            BulkItem.objects.create(job=job, order=order, state="done", version=order.version)
        with CaptureQueriesContext(connection) as queries:
            assert len(offered(see(browser, job))) == count
        asked.append(len(queries))

    assert asked[0] == asked[1]
