"""A list that has not changed is not sent again; one that has, always is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.domain.refunds import refund_order
from orders.models import Order
from orders.states import OrderStatus
from tests.factories import NOON, make_document, make_member, make_order
from vendors.domain.saved_views import keep_view
from vendors.models import Membership

S = OrderStatus
LIST = "/vendors/rucher-des-baux/orders/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def order(vendor):
    return make_order(vendor, number="7", status=S.COMPLETED, placed_at=NOON)


def ask(client, tag="", query=""):
    return client.get(LIST + query, headers={"If-None-Match": tag} if tag else {})


def test_the_same_list_is_not_sent_again(client_of, owner, order):
    client = client_of(owner)
    tag = ask(client)["ETag"]

    answer = ask(client, tag)

    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)


def test_browsers_keep_no_copy_of_amounts_and_names(client_of, owner, order):
    assert ask(client_of(owner))["Cache-Control"] == "private, no-store"


def test_a_tag_is_no_key_to_the_list(client, client_of, owner, order):
    tag = ask(client_of(owner))["ETag"]
    client.logout()

    assert ask(client, tag).status_code == 302


def refund(order, owner):
    refund_order(order, amount=1, by=None, at=NOON)


def issue(order, owner):
    make_document(order)


def come_in(order, owner):
    make_order(order.vendor, status=S.PROCESSING)


def rename(order, owner):
    Order.objects.filter(pk=order.pk).update(customer_name="Else")


def speak_french(order, owner):
    owner.language = "fr"
    owner.save()


def choose_columns(order, owner):
    owner.list_columns = ["town"]
    owner.save()


def keep(order, owner):
    keep_view(Membership.objects.get(user=owner), "Late", "late=1")


def lose_the_right(order, owner):
    Membership.objects.filter(user=owner).update(role="preparer")


@pytest.mark.parametrize(
    "change", [refund, issue, come_in, rename, speak_french, choose_columns, keep, lose_the_right]
)
def test_whatever_changes_the_page_changes_its_tag(client_of, owner, order, change):
    client = client_of(owner)
    tag = ask(client)["ETag"]

    change(order, owner)

    assert ask(client, tag).status_code == 200


def test_each_person_has_a_tag_of_their_own(client_of, owner, vendor, order):
    tag = ask(client_of(owner))["ETag"]

    assert ask(client_of(make_member(vendor, name="Claire Fabre")), tag).status_code == 200


def test_a_notice_is_always_shown(client_of, owner, vendor):
    make_order(vendor, number="8", status=S.PROCESSING, placed_at=NOON)
    client = client_of(owner)
    tag = ask(client)["ETag"]
    client.post(f"{LIST}8/validate/", {"version": "7", "next": LIST})

    answer = ask(client, tag)

    assert (answer.status_code, b"Nothing was changed" in answer.content) == (200, True)


def test_time_passes_too(client_of, owner, vendor):
    order = make_order(vendor, number="8", status=S.PROCESSING, placed_at=NOON)
    client = client_of(owner)
    tag = ask(client)["ETag"]
    Order.objects.filter(pk=order.pk).update(prepare_by=timezone.now() - timedelta(days=10))

    assert ask(client, tag).status_code == 200
