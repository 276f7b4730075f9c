"""Orders whose customer was forgotten, reported again by their storefront: they stay forgotten."""

import json

import pytest
from django.utils import timezone

from orders.connectors.woocommerce import parse_order
from orders.domain.privacy import PERSONAL, anonymise
from orders.domain.reports import digest
from orders.domain.storefront_notes import NoteData, take_notes
from orders.models import Customer, Delivery, Note, Order, OrderNameStart, ReportedOrder, Source
from tests.factories import NOON, make_source
from tests.recorded import body_of
from tests.test_deliveries import BASE, deliver, later
from tests.test_privacy import everything_written

pytestmark = pytest.mark.django_db
PERSON = {"first_name": "Zéphyrine", "last_name": "Quatrebarbes", "email": "zq@example.com", "country": "FR"}
WORDS = ("Quatrebarbes", "phyrine", "quatrebarbes", "zq@", "Gravure")


@pytest.fixture
def source(db) -> Source:
    source = make_source()
    source.unknown_vendors = "create"
    source.save()
    return source


@pytest.fixture
def told(source):
    """A completed order's body, full of a person; it was taken and then forgotten."""
    payload = body_of(
        BASE, status="completed", refunds=[], customer_id=77, customer_note="Zéphyrine, 3e étage"
    )
    payload |= {"billing": PERSON, "shipping": PERSON, "parent_id": 1500}
    engraving = {
        "key": "gravure",
        "display_key": "Gravure",
        "value": "Zéphyrine",
        "display_value": "Zéphyrine",
    }
    payload["line_items"][0]["meta_data"].append(engraving)
    deliver(source, payload)
    assert "Quatrebarbes" in everything_written()
    anonymise(Order.objects.all(), at=NOON)
    return payload


def words_left() -> list[str]:
    text = everything_written()
    return [word for word in WORDS if word in text]


def test_a_report_changes_the_state_and_brings_nothing_personal_back(source, told):
    changed = later(
        told, status="cancelled", billing={**PERSON, "city": "Arles"}, customer_note="Quatrebarbes"
    )

    delivery = deliver(source, changed)

    order = Order.objects.get()
    assert (delivery.state, order.status, words_left()) == ("applied", "cancelled", [])
    assert ([getattr(order, name) for name in PERSONAL], order.customer) == ([""] * len(PERSONAL), None)
    assert (Customer.objects.exists(), OrderNameStart.objects.exists()) == (False, False)


def test_its_deliveries_are_emptied_once_they_are_processed(source, told):
    delivery = deliver(source, later(told))

    assert (bytes(delivery.body), delivery.headers, delivery.pruned_at is None) == (b"", {}, False)


def test_what_was_set_aside_or_is_about_the_basket_is_emptied_too(source):
    payload = body_of(BASE, status="completed", billing=PERSON, parent_id=1500)
    deliver(source, payload)
    deliver(source, later(payload, currency="x"))
    basket = {**payload, "id": 1500, "meta_data": [{"key": "has_sub_order", "value": True}]}
    assert deliver(source, basket).note == "multi-vendor-basket"
    other = deliver(source, {**payload, "id": 1501, "currency": "x"})

    forgotten = anonymise(Order.objects.all(), at=NOON)

    assert forgotten.deliveries == 3
    assert [each.pk for each in Delivery.objects.filter(pruned_at=None)] == [other.pk]


def test_lines_and_refunds_are_taken_without_words(source, told):
    refund = {"id": 5001, "reason": "Zéphyrine Quatrebarbes est déçue", "total": "-5.00"}

    deliver(source, later(told, refunds=[refund]))

    order = Order.objects.get()
    assert (str(order.refunded_total), order.lines.exclude(details="").count()) == ("5.00", 0)
    assert words_left() == []


def test_notes_of_the_storefront_stay_there(source, told):
    note = NoteData("9", "Madame Quatrebarbes a appelé", timezone.now(), is_for_customer=False)

    assert take_notes(Order.objects.get(), [note], source=source) == 0
    assert not Note.objects.filter(external_id="9").exists()


def test_no_digest_of_a_personal_field_is_kept(source, told):
    applied = ReportedOrder.objects.get().applied
    assert ({*PERSONAL, "customer"} & {*applied}, "status" in applied) == (set(), True)

    deliver(source, later(told))

    kept = json.dumps(ReportedOrder.objects.get().applied)
    data = parse_order(told)
    assert [digest(value) in kept for value in (data.email, data.billing.name, data.customer_note)] == [
        False
    ] * 3
