import re

import pytest
from django.db import DatabaseError, connection, transaction

from orders.domain.fulfillment import ship
from orders.domain.notes import add_note
from orders.domain.refunds import refund_order
from orders.domain.transitions import validate
from orders.models.history import AppendOnlyError
from orders.states import OrderStatus
from tests.factories import NOON, make_order, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(vendor):
    return make_order(vendor).history.get()


def test_an_entry_cannot_be_changed(entry):
    entry.kind = "note"

    with pytest.raises(AppendOnlyError):
        entry.save()


def test_an_entry_cannot_be_deleted(entry):
    with pytest.raises(AppendOnlyError):
        entry.delete()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders_historyentry SET kind = 'note' WHERE id = %s",
        "DELETE FROM orders_historyentry WHERE id = %s",
    ],
)
def test_the_database_refuses_both(entry, statement):
    with (
        pytest.raises(DatabaseError, match="never changed nor deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [entry.pk])


def test_a_bulk_update_is_refused_by_the_database(entry):
    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        type(entry).objects.filter(pk=entry.pk).update(kind="note")


@pytest.mark.parametrize(
    "statement", ["UPDATE orders_stockmovement SET units = 0", "DELETE FROM orders_stockmovement"]
)
def test_the_stock_ledger_is_only_added_to(vendor, statement):
    make_product(vendor, stock=5)

    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        connection.cursor().execute(statement)


# What the page shows of it


@pytest.fixture
def lived(vendor, owner):
    """An order with two steps, a parcel, a refund and a note."""
    order = make_order(
        vendor, number="7", status=OrderStatus.PROCESSING, lines=[(make_product(vendor, stock=9), 2)]
    )
    ship(order, units={order.lines.get().pk: 2}, by=owner, at=NOON)
    validate(order, by=owner, at=NOON)
    add_note(order, "Call back", for_customer=False, by=owner, at=NOON)
    refund_order(order, amount=1, by=None, at=NOON)
    return order


def shown(client, query=""):
    html = client.get(f"/vendors/rucher-des-baux/orders/7/{query}").content.decode()
    log = re.search(r'<ol class="log" id="log">(.*?)</ol>', html, re.DOTALL).group(1)
    choices = re.findall(r'id="log-(\w+)"[^>]*?( aria-current="true")?>[^<]*<b>(\d+)</b>', html)
    return len(re.findall("<small>", log)), {name: int(n) for name, _now, n in choices}


@pytest.mark.parametrize("group", ["steps", "parcels", "refunds", "mails", "notes"])
def test_the_history_is_narrowed_to_what_is_looked_for(client_of, owner, lived, group):
    lines, counts = shown(client_of(owner), f"?history={group}")

    assert 0 < counts[group] < counts["all"]
    assert lines == counts[group]


@pytest.mark.parametrize("query", ["", "?history=documents", "?history=%00<b>"])
def test_the_whole_history_is_shown_otherwise(client_of, owner, lived, query):
    lines, counts = shown(client_of(owner), query)

    assert lines == counts["all"] == sum(counts.values()) - counts["all"]


def test_a_history_of_one_kind_offers_no_choice(client_of, owner, vendor):
    make_order(vendor, number="7")

    assert shown(client_of(owner)) == (1, {})
