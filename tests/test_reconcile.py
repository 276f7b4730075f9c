"""Comparing with the storefront: what deliveries lost is repaired, once, and said."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from marketplace.models import OutgoingEmail
from orders.connectors.woocommerce import parse_order
from orders.domain.intake import take_order, take_trash
from orders.domain.transitions import validate
from orders.jobs import process_delivery
from orders.models import Delivery, Note, Order, ReconcileRun, Refund, ReportedOrder, Source
from tests.digest import state, undecidable, without
from tests.doubles.woocommerce import KEY, SECRET, Trouble, WooCommerce, recorded
from tests.factories import NOON, make_member, make_source
from tests.test_intake_order import scenarios, set_up, shuffled, store, tells_alone

pytestmark = pytest.mark.django_db
BASE = Path(__file__).resolve().parent.parent


@pytest.fixture
def shop():
    shop = WooCommerce(recorded())
    yield shop
    shop.close()


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch, tmp_path):
    settings.STOREFRONT_PAUSE = 0
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr("orders.connectors.woocommerce_rest.TIMEOUTS", (1.0, 0.3))
    monkeypatch.setattr("orders.connectors.woocommerce_rest.rest", lambda seconds: None)


@pytest.fixture
def source(shop):
    return connect(make_source(), shop)


def connect(source, shop):
    source.rest_url, source.confirms_refunds, source.unknown_vendors = shop.url, True, "create"
    source.consumer_key, source.consumer_secret = KEY, SECRET
    source.save()
    return source


def run(*arguments, **options):
    """Run the command; return what it said, and whether it failed."""
    out, err = StringIO(), StringIO()
    try:
        call_command("reconcile", *(arguments or ["naturalconect"]), stdout=out, stderr=err, **options)
    except CommandError as error:
        return out.getvalue() + err.getvalue() + str(error), True
    return out.getvalue() + err.getvalue(), False


@pytest.fixture
def loaded(source, shop):
    """Everything is in, and was compared once."""
    text, failed = run()
    assert not failed, text
    return text


def now_says(shop):
    """What the storefront says of every order: state and refunds."""
    return {
        str(pk): (order["status"], sum((Decimal(r["total"]) for r in order["refunds"]), Decimal(0)))
        for pk, order in shop.orders.items()
        if not any(m["key"] == "has_sub_order" for m in order["meta_data"])
        and order["status"] not in ("trash", "checkout-draft")
    }


def stands_here():
    return {
        order.external_id: (order.status, -order.refunded_total)
        for order in Order.objects.filter(hidden_at=None)
    }


def test_the_first_run_loads_the_whole_history(loaded, shop):
    assert loaded.startswith(
        "naturalconect: the whole history: 33 differed (33 were missing, 0 changed, 0 set aside), "
        "0 were the same, 4 skipped."
    )
    assert stands_here() == now_says(shop)
    assert ReconcileRun.objects.get().finished_at


def test_history_is_no_news(loaded):
    assert OutgoingEmail.objects.count() == 0


def test_a_second_run_finds_nothing_and_changes_nothing(loaded, everything, source):
    before = everything()

    text, failed = run("naturalconect", since="2026-01-01")

    assert ("0 differed" in text, failed) == (True, False)
    assert everything() == before
    assert Source.objects.get().last_differences == 0


def test_only_what_changed_since_is_asked_for(loaded, shop):
    ReconcileRun.objects.update(started_at=shop.clock + timedelta(hours=2))
    shop.clock += timedelta(hours=3)
    shop.change(1360, status="completed")
    shop.requests.clear()

    text, _failed = run()

    assert "1 differed (0 were missing, 1 changed" in text
    assert "1360: changed (status processing → completed" in text
    assert "modified_after=" in shop.requests[0].path


def test_a_look_at_the_last_hours_is_no_history(source, shop):
    run("naturalconect", since="90m")

    text, _failed = run()

    assert ("the whole history" in text, stands_here()) == (True, now_says(shop))


def test_a_look_at_the_last_hours_leaves_no_gap_before_it(loaded, shop):
    ReconcileRun.objects.update(started_at=timezone.now() - timedelta(days=7))
    shop.clock = timezone.now() - timedelta(days=3)
    shop.add({**recorded("guest_processing")[0], "id": 7001, "number": "7001"})
    shop.change(7001)
    run("naturalconect", since="90m")

    text, _failed = run()

    assert ("changes since" in text, "7001: created" in text) == (True, True)


def test_a_look_that_reaches_back_far_enough_counts_as_any(loaded, shop):
    run("naturalconect", since="2h")
    wide = ReconcileRun.objects.latest("id")

    run()

    assert ReconcileRun.objects.latest("id").since == wide.started_at - timedelta(hours=1)


def test_a_look_at_the_last_hours_does_not_end_a_history_that_was_cut_off(source, shop):
    shop.fails(Trouble.UNAUTHORIZED, path="/notes")
    _text, failed = run()
    run("naturalconect", since="90m")

    text, failed_after = run()

    assert ("the whole history" in text, failed, failed_after) == (True, True, False)
    assert stands_here() == now_says(shop)


def test_lost_deliveries_are_repaired_and_stored_with_how(loaded, shop):
    shop.change(1360, status="completed")
    shop.change(1358, billing={**shop.orders[1358]["billing"], "first_name": "Zoé"})
    shop.add({**recorded("guest_processing")[0], "id": 7001, "number": "7001"})
    shop.change(7001)

    run("naturalconect", since="2020-01-01")

    done = ReconcileRun.objects.latest("id")
    assert (done.differed, done.counts["created"], done.counts["changed"]) == (3, 1, 2)
    assert {each["order"]: [f["field"] for f in each["fields"]] for each in done.differences} == {
        "1358": ["customer"],
        "1360": ["status", "completed_at"],
        "7001": [],
    }
    assert stands_here() == now_says(shop)


def test_a_trashed_and_a_deleted_order_are_hidden_and_a_restored_one_is_back(loaded, shop, source):
    shop.change(1360, status="trash")
    shop.delete(1361)
    take_trash(source, "1362", is_trashed=True, number=5, at=NOON)

    run("naturalconect", since="2020-01-01")

    hidden = Order.objects.exclude(hidden_at=None).values_list("external_id", flat=True)
    assert sorted(hidden) == ["1360", "1361"]
    assert not ReportedOrder.objects.exclude(undecidable=[]).exists()


def test_a_change_in_the_second_of_a_reconciliation_is_decided_by_the_next(loaded, shop, source):
    shop.orders[1360]["customer_note"] = "Sonnez deux fois"  # the date of change stays
    deliver(shop, source, 1360)
    marked = ReportedOrder.objects.get(external_id="1360").undecidable

    run()

    order = Order.objects.get(external_id="1360")
    assert (marked, order.customer_note) == (["customer_note"], "Sonnez deux fois")
    assert not ReportedOrder.objects.exclude(undecidable=[]).exists()


def test_the_echo_of_what_was_asked_for_is_no_tie(loaded, shop, source):
    deliver(shop, source, 1360)

    assert not ReportedOrder.objects.exclude(undecidable=[]).exists()


def test_an_old_order_that_was_put_into_the_bin_is_found_there(loaded, shop):
    Order.objects.filter(external_id="1361").update(placed_at=NOON - timedelta(days=400))
    shop.change(1361, status="trash")

    run()

    assert Order.objects.get(external_id="1361").hidden_at is not None


def test_another_shop_at_the_address_hides_nothing(loaded, shop):
    for pk in list(shop.orders):
        shop.delete(pk)

    text, failed = run("naturalconect", since="2020-01-01")

    assert "naturalconect does not have 33 of 33 orders: is it another shop? None was hidden." in text
    assert (failed, Order.objects.exclude(hidden_at=None).count()) == (True, 0)


def test_what_cannot_be_taken_is_set_aside_once_with_its_reason(loaded, shop):
    shop.change(1360, status="wc-packed")

    run("naturalconect", since="2020-01-01")
    text, failed = run("naturalconect", since="2020-01-01")

    assert "set_aside (status: unknown status …)" in text
    assert not failed
    assert Delivery.objects.get().state == "quarantined"


def test_what_was_set_aside_is_over_once_the_order_was_asked_for_and_taken(loaded, shop):
    shop.change(1360, status="wc-packed")
    run("naturalconect", since="2020-01-01")
    shop.change(1360, status="completed")

    run("naturalconect", since="2020-01-01")

    aside = Delivery.objects.get()
    assert (aside.state, aside.note) == ("left_alone", "reconciled")
    assert Order.objects.get(external_id="1360").status == "completed"


def test_steps_that_were_not_acknowledged_are_listed(loaded, shop):
    order = Order.objects.get(external_id="1360")
    validate(order, by=make_member(order.vendor), at=timezone.now())

    text, _failed = run("naturalconect", since="2020-01-01")

    assert "1360: not acknowledged: Completed (Waiting)" in text
    assert "1360: differs on purpose: status" in text
    order.refresh_from_db()
    assert (order.status, ReconcileRun.objects.latest("id").unheard) == ("completed", 1)


def test_people_s_notes_come_and_woocommerces_log_and_our_own_do_not(loaded, shop):
    order = Order.objects.get(external_id="1360")
    ours = Note.objects.create(order=order, text="Merci", is_for_customer=True, written_at=NOON)
    texts = [
        ("system", "Stock reduced", False),
        ("Claire", "Appeler &amp; confirmer", False),
        ("x", "Merci", True),
    ]
    shop.notes[1360] = [
        {"id": n, "author": who, "note": text, "customer_note": for_customer,
         "date_created_gmt": "2026-11-23T09:00:00"}
        for n, (who, text, for_customer) in enumerate(texts, start=1)
    ]  # fmt: skip
    shop.change(1360)

    run("naturalconect", since="2020-01-01")
    run("naturalconect", since="2020-01-01")

    assert list(order.notes.exclude(pk=ours.pk).values_list("text", "external_id")) == [
        ("Appeler & confirmer", "2")
    ]
    assert OutgoingEmail.objects.count() == 0


# Refunds and their lines


def with_refund(shop, *parts, order_id=1360):
    """Refund lines at the storefront: (index of the line, units, share of it)."""
    order = shop.orders[order_id]
    items = []
    amount = Decimal(0)
    for index, units, share in parts:
        line = order["line_items"][index]
        net = (Decimal(line["total"]) * share).quantize(Decimal("0.01"))
        taxes = [
            {"id": t["id"], "refund_total": str((Decimal(t["total"] or 0) * share).quantize(Decimal("0.01")))}
            for t in line["taxes"]
        ]
        amount += net + sum(Decimal(t["refund_total"]) for t in taxes)
        items.append({"id": line["id"], "quantity": units, "refund_total": str(net), "refund_tax": taxes})
    body = {"amount": str(amount), "reason": "", "line_items": items, "api_restock": False}
    shop.answer("POST", f"/wp-json/wc/v3/orders/{order_id}/refunds", body, "")
    return amount


def deliver(shop, source, order_id):
    order = Order.objects.get(external_id=str(order_id))
    data = parse_order(shop.orders[order_id])
    take_order(data, source=source, vendor=order.vendor, at=timezone.now())


def test_a_refund_that_waits_for_its_lines_is_planned_by_line(loaded, shop, source):
    amount = with_refund(shop, (0, 1, Decimal(1) / 3))
    deliver(shop, source, 1360)
    refund = Refund.objects.get(order__external_id="1360")
    waited = (refund.is_spread, refund.awaits_lines)

    run("naturalconect", since="2020-01-01")

    refund.refresh_from_db()
    (part,) = refund.lines.all()
    line = str(shop.orders[1360]["line_items"][0]["id"])
    assert (waited, refund.is_spread, refund.awaits_lines) == ((True, True), False, False)
    assert (part.line.external_id, part.units, part.amount) == (line, 1, amount)
    assert_adds_up(refund.order)


def test_a_cent_that_the_storefront_rounds_otherwise_falls_on_another_line(loaded, shop, source):
    with_refund(shop, (0, 3, Decimal(1)))  # 120.22 there, where our line has 120.21 of the total
    deliver(shop, source, 1360)

    run("naturalconect", since="2020-01-01")

    refund = Refund.objects.get(order__external_id="1360")
    assert sorted(part.amount for part in refund.lines.all()) == [Decimal("0.01"), Decimal("120.21")]
    assert (refund.is_spread, refund.awaits_lines) == (False, False)
    assert_adds_up(refund.order)


def test_two_waiting_refunds_of_one_order_are_planned_together(loaded, shop, source):
    order_id = next(pk for pk, o in shop.orders.items() if len(o["line_items"]) > 1 and o["status"] == "processing"
                    and not o["refunds"] and str(pk) in stands_here())  # fmt: skip
    for index in (0, 1):
        with_refund(shop, (index, 1, Decimal(1)), order_id=order_id)
        deliver(shop, source, order_id)

    run("naturalconect", since="2020-01-01")

    refunds = Refund.objects.filter(order__external_id=str(order_id)).order_by("id")
    ids = [str(line["id"]) for line in shop.orders[order_id]["line_items"][:2]]
    assert [[part.line.external_id for part in refund.lines.all()] for refund in refunds] == [
        [pk] for pk in ids
    ]
    assert_adds_up(refunds[0].order)


def test_a_refund_without_lines_makes_room_for_one_that_has_them(loaded, shop, source):
    body = {"amount": "3.00", "reason": "", "line_items": []}
    shop.answer("POST", "/wp-json/wc/v3/orders/1360/refunds", body, "")
    deliver(shop, source, 1360)
    with_refund(shop, (1, 1, Decimal(1)))
    deliver(shop, source, 1360)

    run("naturalconect", since="2020-01-01")

    without_lines, with_lines = Refund.objects.filter(order__external_id="1360").order_by("id")
    line = str(shop.orders[1360]["line_items"][1]["id"])
    assert [part.line.external_id for part in with_lines.lines.all()] == [line]
    assert (without_lines.is_spread, with_lines.is_spread) == (True, False)
    assert_adds_up(with_lines.order)


def test_a_refund_that_has_no_lines_there_stays_spread(loaded, shop, source):
    body = {"amount": "3.00", "reason": "", "line_items": []}
    shop.answer("POST", "/wp-json/wc/v3/orders/1360/refunds", body, "")
    deliver(shop, source, 1360)

    run()

    refund = Refund.objects.get(order__external_id="1360")
    assert (refund.is_spread, refund.awaits_lines, refund.lines.count() > 1) == (True, False, True)
    assert_adds_up(refund.order)


def test_a_lost_refund_that_left_the_date_of_change_alone_is_found(loaded, shop):
    amount = with_refund(shop, (0, 1, Decimal(1) / 3))
    ReconcileRun.objects.update(started_at=timezone.now())

    text, _failed = run()
    again, _failed = run()

    order = Order.objects.get(external_id="1360")
    assert ("1360: changed (refunded 0.00 → " in text, "0 differed" in again) == (True, True)
    assert (order.refunded_total, order.refunds.get().awaits_lines) == (amount, False)
    assert_adds_up(order)


def test_a_lost_state_that_left_the_date_of_change_alone_is_found(loaded, shop):
    shop.orders[1360]["status"] = "cancelled"
    ReconcileRun.objects.update(started_at=timezone.now())

    run()

    assert Order.objects.get(external_id="1360").status == "cancelled"


def test_a_state_that_is_set_aside_is_not_asked_for_each_time(loaded, shop):
    shop.change(1360, status="wc-packed")
    run("naturalconect", since="2020-01-01")
    ReconcileRun.objects.update(started_at=timezone.now() + timedelta(hours=2))
    shop.requests.clear()

    text, _failed = run()

    assert "0 differed" in text
    assert not [each for each in shop.requests if each.path.endswith("/orders/1360")]


def assert_adds_up(order):
    order.refresh_from_db()
    refunds = list(order.refunds.filter(progress="confirmed"))
    lines = list(order.lines.all())
    assert sum(line.refunded_total for line in lines) == order.refunded_total
    assert sum(refund.amount for refund in refunds) == order.refunded_total
    assert sum(refund.commission_given_back for refund in refunds) == order.commission_given_back
    for line in lines:
        parts = list(line.refund_lines.all())
        assert sum(part.amount for part in parts) == line.refunded_total
        assert sum(part.commission_given_back for part in parts) == line.commission_given_back
        assert sum(part.units for part in parts) == line.units_refunded


# Trouble


@pytest.mark.parametrize(
    ("trouble", "times", "says"),
    [
        (Trouble.UNAUTHORIZED, 1, "does not accept the REST keys"),
        (Trouble.ERROR, 9, "answered with an error of its own"),
        (Trouble.TOO_MANY, 9, "asks to wait"),
        (Trouble.HALF, 9, "cannot be read"),
        (Trouble.HTML, 9, "cannot be read"),
        (Trouble.SILENCE, 9, "did not answer in time"),
    ],
)
def test_trouble_stops_a_run_with_a_sentence_and_the_next_goes_on(
    source, shop, trouble, times, says, monkeypatch
):
    monkeypatch.setattr("orders.connectors.woocommerce_rest.PER_PAGE", 10)
    shop.fails(trouble, times=times, path="page=3&per_page=10")
    text, failed = run()
    stopped = ReconcileRun.objects.get()
    shop._planned.clear()
    shop.requests.clear()

    again, failed_again = run()

    assert (failed, says in text, says in stopped.problem, stopped.passed) == (True, True, True, 20)
    assert (failed_again, "going on after 20 of 37 orders" in again) == (False, True)
    assert "page=3&" in shop.requests[0].path
    assert (ReconcileRun.objects.count(), stands_here()) == (1, now_says(shop))


@pytest.mark.parametrize("trouble", [Trouble.ERROR, Trouble.TOO_MANY, Trouble.HALF, Trouble.SILENCE])
def test_a_trouble_that_passes_is_waited_for(source, shop, trouble):
    shop.fails(trouble, times=2)

    text, failed = run()

    assert ("33 were missing" in text, failed) == (True, False)


def with_waiting_refund(shop, source):
    with_refund(shop, (0, 1, Decimal(1) / 3))
    deliver(shop, source, 1360)
    return Refund.objects.get(order__external_id="1360")


def test_an_order_that_was_deleted_for_good_holds_no_run_up(loaded, shop, source):
    refund = with_waiting_refund(shop, source)
    shop.delete(1360)

    text, failed = run()

    refund.refresh_from_db()
    assert (failed, "1360: changed (hidden False → True)" in text) == (False, True)
    assert (refund.awaits_lines, refund.is_spread) == (False, True)
    assert not ReconcileRun.objects.filter(finished_at=None).exists()


def test_a_deleted_order_that_is_hidden_already_waits_for_no_lines(loaded, shop, source):
    refund = with_waiting_refund(shop, source)
    shop.delete(1360)
    take_trash(source, "1360", is_trashed=True, number=5, at=NOON)

    _text, failed = run()

    refund.refresh_from_db()
    assert (failed, refund.awaits_lines) == (False, False)


@pytest.mark.parametrize("trouble", [Trouble.ERROR, Trouble.BAD_REQUEST, Trouble.SILENCE, Trouble.HTML])
@pytest.mark.parametrize("what", ["refunds", "notes"])
def test_what_one_order_does_not_tell_is_named_and_the_run_goes_on(loaded, shop, source, trouble, what):
    refund = with_waiting_refund(shop, source)
    shop.change(1360)
    shop.fails(trouble, times=99, path=f"/1360/{what}")

    text, failed = run("naturalconect", since="2020-01-01")
    shop._planned.clear()
    run()

    refund.refresh_from_db()
    assert (text.count("1360: not_told (storefront: "), failed) == (1, False)
    assert (refund.awaits_lines, refund.is_spread) == (False, False)


def test_an_order_that_has_no_page_of_its_own_there_stops_no_run(loaded, shop, source):
    ReportedOrder.objects.create(source=source, external_id="True", undecidable=["hidden"])

    text, failed = run()

    assert (text.count("True: not_told (storefront: "), failed) == (1, False)


def test_a_storefront_that_answers_nothing_any_more_stops_the_run(loaded, shop, source):
    with_waiting_refund(shop, source)
    shop.fails(Trouble.ERROR, times=5, path="/1360/refunds")
    shop.fails(Trouble.ERROR, times=5, path="include=0")

    text, failed = run()

    assert (failed, "answered with an error of its own" in text) == (True, True)


def test_going_on_after_the_last_page_counts_no_further(loaded, shop, source):
    with_waiting_refund(shop, source)
    shop.fails(Trouble.UNAUTHORIZED, times=2, path="/1360/refunds")
    run()
    before = ReconcileRun.objects.latest("id").passed

    run()

    assert ReconcileRun.objects.latest("id").passed == before


@pytest.mark.parametrize(
    ("per_page", "went", "came"), [(10, 4, 0), (10, 4, 30), (5, 12, 4), (5, 20, 0), (5, 20, 30)]
)
def test_orders_that_come_and_go_between_two_pages_make_none_be_overlooked(
    source, shop, monkeypatch, per_page, went, came
):
    monkeypatch.setattr("orders.connectors.woocommerce_rest.PER_PAGE", per_page)
    template = shop.orders[1360]
    gone = sorted(shop.orders)[:went]

    def change(request):
        if f"page=2&per_page={per_page}&" in request.path and gone:
            for n in range(came):
                shop.add({**template, "id": 800_000 + n, "number": str(800_000 + n)})
            while gone:
                shop.delete(gone.pop())

    shop.after_request = change
    run()

    assert (gone, now_says(shop).keys() - stands_here().keys()) == ([], set())


def test_orders_that_go_away_while_a_history_is_cut_off_make_none_be_overlooked(source, shop, monkeypatch):
    monkeypatch.setattr("orders.connectors.woocommerce_rest.PER_PAGE", 5)
    shop.fails(Trouble.UNAUTHORIZED, path="page=5&per_page=5")
    _text, failed = run()
    for pk in sorted(shop.orders)[:12]:
        shop.delete(pk)

    run()

    assert (failed, now_says(shop).keys() - stands_here().keys()) == (True, set())


def test_a_last_order_that_is_shown_no_more_is_not_looked_for_for_ever(source, shop, monkeypatch):
    monkeypatch.setattr("orders.connectors.woocommerce_rest.PER_PAGE", 5)
    list_of = shop._page

    def without_the_fifth(found, query, host, path):
        status, page, headers = list_of(found, query, host, path)
        fifth = sorted(shop.orders)[4]
        return status, [each for each in page if "page" not in query or each["id"] != fifth], headers

    monkeypatch.setattr(shop, "_page", without_the_fifth)
    _text, failed = run()

    assert (failed, len(stands_here())) == (False, 32)


def test_only_one_run_at_a_time(source, shop):
    from orders.storefronts.reconcile import alone

    with alone(source):
        text, failed = run()

    assert ("is being reconciled already" in text, failed) == (True, True)


def wait_for_the_end_of(process):
    """A closed connection's process lives on for a moment, with its locks."""
    with connection.cursor() as cursor:
        for _attempt in range(200):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = %s", [process])
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.05)


@pytest.mark.postgresql
def test_only_one_run_at_a_time_on_whatever_machine(source, shop):
    name = int.from_bytes(hashlib.sha256(f"reconcile-{source.pk}".encode()).digest()[:8], signed=True)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s), pg_backend_pid()", [name])
        process = cursor.fetchone()[1]

    text, failed = run()
    other.close()  # as when that machine's process is killed
    wait_for_the_end_of(process)
    _text, failed_after = run()

    assert ("is being reconciled already" in text, failed, failed_after) == (True, True, False)


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        (["nobody"], {}, "There is no storefront nobody."),
        (["naturalconect"], {"since": "soon"}, "--since: soon is no date"),
        (["--all", "naturalconect"], {}, "Name one storefront, or use --all."),
    ],
)
def test_bad_wishes_are_answered_with_a_sentence(source, arguments, options, says):
    assert says in run(*arguments, **options)[0]


def test_a_storefront_without_keys_says_so(db):
    make_source()

    assert run() == (
        "naturalconect has no REST address and keys yet.\nNot finished: naturalconect. It goes on the next time.",
        True,
    )


def test_all_takes_every_storefront_that_can_be_asked(source, shop):
    make_source("paper")
    paused = connect(make_source("paused"), shop)
    Source.objects.filter(pk=paused.pk).update(is_paused=True)

    _text, failed = run("--all")

    assert (failed, [each.source.slug for each in ReconcileRun.objects.all()]) == (False, ["naturalconect"])


# Lost deliveries of every recorded scenario


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", sorted(scenarios()))
def test_after_lost_deliveries_one_run_makes_the_state_that_of_all_of_them(name, seed, db):
    from django.db import transaction

    deliveries = scenarios()[name]
    rng = random.Random(seed)
    there = WooCommerce(last_bodies(deliveries))
    try:
        with transaction.atomic():
            whole = outcome_of(there, deliveries)
            transaction.set_rollback(True)
        with transaction.atomic():
            told = shuffled(rng, deliveries, whole=True)
            lost = [each for each in told if tells_alone(each) or rng.random() < 0.5]
            some = outcome_of(there, lost)
            transaction.set_rollback(True)
    finally:
        there.close()

    assert some == whole


def last_bodies(deliveries):
    """The orders as the storefront has them at the end; deleted ones are not there."""
    bodies = {}
    for topic, body in deliveries:
        payload = json.loads(body)
        if "id" not in payload or topic == "order.deleted":
            bodies.pop(payload.get("id"), None)
        else:
            bodies[payload["id"]] = payload
    return list(bodies.values())


def outcome_of(there, deliveries):
    """Orders, refunds and stock after these deliveries and one run; nothing stays undecidable."""
    source = connect(set_up(), there)
    for number in store(source, deliveries):
        process_delivery.call(number)
    text, failed = run()
    assert not failed, text
    assert undecidable() == {}
    return comparable(there)


# No body tells when a refund was made; an order that is gone says no more than its last delivery.
UNTOLD = {"refunded_at", "mails"}


def comparable(there):
    found = without(state([str(pk) for pk in there.orders]), {})
    for values in found.values():
        for name in UNTOLD:
            values.pop(name, None)
        values["refunds"] = sorted((r[0], r[1], r[3]) for r in values.get("refunds", []))
    return found


# A worker that is killed

SET_UP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.factories import make_source
from tests.test_reconcile import connect
class Shop: url = "{url}"
connect(make_source(), Shop)
"""


@pytest.mark.slow
def test_killed_in_the_middle_of_the_history_it_goes_on(tmp_path):
    template = recorded("guest_processing")[0]
    there = WooCommerce([{**template, "id": pk, "number": str(pk)} for pk in range(3000, 3260)])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'comptoir.sqlite3'}",
        "VAR_DIR": str(tmp_path),
        "STOREFRONT_PAUSE": "0",
        "STOREFRONT_PRIVATE_ADDRESSES": "True",
    }
    python = [sys.executable]
    try:
        subprocess.run([*python, "-c", SET_UP.format(url=there.url)], cwd=BASE, env=environment, check=True)
        command = [*python, "manage.py", "reconcile", "naturalconect"]
        worker = subprocess.Popen(command, cwd=BASE, env=environment, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not any("page=4&" in each.path for each in there.requests):
            assert time.monotonic() < end
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        asked = len(there.requests)
        done = subprocess.run(command, cwd=BASE, env=environment, check=True, capture_output=True, text=True)
    finally:
        there.close()

    assert "going on after" in done.stdout
    first = "/wp-json/wc/v3/orders?page=1&per_page=50&"
    assert not any(each.path.startswith(first) for each in there.requests[asked:])
    counts = subprocess.run(
        [*python, "-c", COUNT], cwd=BASE, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(counts) == [260, 260, 1]


COUNT = """
import django
django.setup()
from orders.models import HistoryEntry, Order, ReconcileRun
print([Order.objects.count(), HistoryEntry.objects.filter(kind="arrived").count(), ReconcileRun.objects.count()])
"""
