import pytest
from django.db import DatabaseError, connection, transaction

from orders.models.history import AppendOnlyError
from tests.factories import make_order, make_product

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
