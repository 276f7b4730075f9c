"""``manage.py cancel_unpaid``: orders that nobody paid for are cancelled in the end."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from marketplace.models import OutgoingEmail
from orders.domain.transitions import StaleOrder, change_status
from orders.management.commands import cancel_unpaid
from orders.states import OrderStatus
from tests.factories import make_order, make_product

S = OrderStatus
pytestmark = pytest.mark.django_db


def placed(vendor, days, status=S.PENDING, **fields):
    return make_order(
        vendor, status=status, placed_at=timezone.now() - timedelta(days=days, hours=1), **fields
    )


def run(capsys, *args):
    call_command("cancel_unpaid", *args)
    return capsys.readouterr().out.strip()


def status(order):
    order.refresh_from_db()
    return order.status


def test_orders_unpaid_for_too_long_are_cancelled(vendor, capsys):
    old, young = placed(vendor, 7), placed(vendor, 6)

    assert run(capsys) == "1 unpaid orders cancelled."
    assert (status(old), status(young)) == (S.CANCELLED, S.PENDING)


def test_the_history_says_why(vendor, capsys):
    order = placed(vendor, 30)
    run(capsys, "--days=10")

    entry = order.history.get(kind="status")
    assert (entry.actor, entry.note.text) == ("system", "Unpaid for 10 days.")


def test_a_second_run_does_nothing(vendor, capsys, everything):
    placed(vendor, 30)
    run(capsys)
    before = everything()

    assert run(capsys) == "0 unpaid orders cancelled."
    assert everything() == before


@pytest.mark.parametrize("kept", sorted(set(S) - {S.PENDING}))
def test_other_orders_stay(vendor, capsys, kept):
    order = placed(vendor, 30, kept)
    run(capsys)

    assert status(order) == kept


def test_orders_in_the_storefronts_bin_stay(vendor, capsys):
    order = placed(vendor, 30, hidden_at=timezone.now())
    run(capsys)

    assert status(order) == S.PENDING


def test_it_moves_no_stock_and_tells_nobody(vendor, owner, capsys):
    shelf = make_product(vendor, stock=10)
    placed(vendor, 30, lines=[(shelf, 3)])
    run(capsys)

    shelf.refresh_from_db()
    assert (shelf.stock, OutgoingEmail.objects.count()) == (10, 0)


def test_zero_days_cancel_nothing(vendor, capsys, settings):
    order = placed(vendor, 30)

    assert run(capsys, "--days=0") == "Unpaid orders are never cancelled here."
    assert status(order) == S.PENDING


def test_less_than_zero_days_are_refused():
    with pytest.raises(CommandError, match="from 0 to 3650, got -1"):
        call_command("cancel_unpaid", "--days=-1")


def test_an_order_that_is_paid_meanwhile_stays_paid(vendor, monkeypatch, capsys):
    order = placed(vendor, 30)

    def after_payment(read_before, *args, **kwargs):
        change_status(order, S.PROCESSING, by=order.source, at=timezone.now())
        return change_status(read_before, *args, **kwargs)

    monkeypatch.setattr(cancel_unpaid, "change_status", after_payment)
    call_command("cancel_unpaid")

    captured = capsys.readouterr()
    assert (status(order), captured.out.strip()) == (S.PROCESSING, "0 unpaid orders cancelled.")
    assert "is not what you saw any more" in captured.err
    assert StaleOrder.__name__ not in captured.err


def test_the_wait_begins_when_the_order_became_unpaid_again(vendor, capsys):
    order = placed(vendor, 30, S.FAILED)
    change_status(order, S.PENDING, by=None, at=timezone.now() - timedelta(minutes=5))

    assert run(capsys) == "0 unpaid orders cancelled."
    assert status(order) == S.PENDING


def test_more_days_than_a_calendar_has_are_refused():
    with pytest.raises(CommandError, match="from 0 to 3650, got 999999999999"):
        call_command("cancel_unpaid", "--days=999999999999")
