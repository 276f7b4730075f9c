"""What is done here goes back to the storefront: in order, once, whatever happens in between."""

import json
from datetime import timedelta
from decimal import Decimal
from unittest.mock import Mock

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from orders.connectors.woocommerce import parse_order
from orders.domain.answers import send_again
from orders.domain.fulfillment import correct_tracking, ready_for_pickup, ship
from orders.domain.intake import take_order
from orders.domain.notes import add_note
from orders.domain.refunds import RefundedLine, ask_for_refund, cancel_and_refund, refund_order
from orders.domain.transitions import change_status, validate
from orders.models import Answer, Order, RefundProgress, ReportedOrder, Source
from orders.storefronts.answers import send_waiting
from tests.doubles.woocommerce import KEY, SECRET, Trouble, WooCommerce, recorded
from tests.factories import NOON, make_member, make_order, make_source

pytestmark = pytest.mark.django_db
State = Answer.State


@pytest.fixture
def shop():
    shop = WooCommerce(recorded("reg_processing", "guest_processing", "tax_mixed"), silence=1.0)
    yield shop
    shop.close()


@pytest.fixture
def source(shop, settings, monkeypatch):
    """A connected storefront."""
    settings.STOREFRONT_PAUSE = 0
    monkeypatch.setattr("orders.connectors.woocommerce_rest.TIMEOUTS", (1.0, 0.3))
    source = make_source()
    return connect(source, shop)


def connect(source, shop):
    source.rest_url = shop.url
    source.consumer_key, source.consumer_secret = KEY, SECRET
    source.save()
    return source


@pytest.fixture
def order(source, shop, vendor):
    return take(1360, source, shop, vendor)


def take(order_id, source, shop, vendor):
    data = parse_order(shop.orders[order_id])
    source.vendors.get_or_create(external_id=data.vendor_external_id, defaults={"vendor": vendor})
    return take_order(data, source=source, vendor=vendor, at=NOON).order


def work():
    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)


def later():
    """Let the pauses go by, and work."""
    DBTaskResult.objects.filter(run_after__gt=timezone.now()).update(run_after=timezone.now())
    Answer.objects.update(
        next_try_at=F("asked_at"), tried_at=F("tried_at") - timedelta(hours=1), claimed_until=None
    )
    work()


def states():
    return list(Answer.objects.order_by("id").values_list("kind", "state"))


def test_a_completed_order_is_told(order, owner, shop):
    validate(order, by=owner, at=NOON)
    work()

    assert (shop.orders[1360]["status"], states()) == ("completed", [("status", "done")])


def test_a_cancelled_order_is_told(order, owner, shop):
    change_status(order, "on-hold", by=None, at=NOON)
    change_status(order, "cancelled", by=owner, at=NOON)
    work()

    assert [each.body for each in shop.made("PUT")] == [{"status": "on-hold"}, {"status": "cancelled"}]


def test_nothing_is_told_of_what_the_storefront_reported(order, source, shop):
    change_status(order, "completed", by=source, at=NOON)
    refund_order(order, amount=Decimal("1.00"), by=source, at=NOON, external_id="77")
    work()

    assert (states(), shop.requests) == ([], [])


def test_nothing_is_told_where_the_storefront_cannot_be_asked(vendor, owner):
    validate(make_order(vendor, status="processing"), by=owner, at=NOON)

    assert (states(), DBTaskResult.objects.filter(task_path__endswith="answer_storefront").count()) == ([], 0)


def test_a_refused_step_tells_nothing(order, owner):
    with pytest.raises(Exception, match="cannot become"):
        change_status(order, "pending", by=owner, at=NOON)

    assert states() == []


def test_a_parcel_is_told_as_tracking_and_as_a_note_for_the_customer(order, owner, shop):
    there = [{"tracking_id": "abc", "tracking_number": "9V"}]
    shop.orders[1360]["meta_data"].append({"id": 5, "key": "_wc_shipment_tracking_items", "value": there})

    ship(order, carrier="colissimo", tracking_number="6A123", by=owner, at=NOON)
    work()

    items = next(m for m in shop.orders[1360]["meta_data"] if m["key"] == "_wc_shipment_tracking_items")[
        "value"
    ]
    assert items[0] == there[0]
    assert (items[1]["custom_tracking_provider"], items[1]["tracking_number"]) == ("Colissimo", "6A123")
    assert items[1]["date_shipped"] == str(int(NOON.timestamp()))
    note = shop.notes[1360][0]
    assert note["customer_note"]
    assert note["note"].startswith(
        "Parcel 1 shipped by Colissimo on 23 Nov 2026, tracking number 6A123. https://www.laposte.fr/"
    )


def test_ready_for_pickup_is_told_as_a_note_with_place_and_hours(order, owner, shop, vendor):
    vendor.pickup_address, vendor.pickup_hours = "3 chemin du Moulin", "9 h – 12 h"
    vendor.save()

    ready_for_pickup(order, by=owner, at=NOON)
    work()

    (note,) = shop.notes[1360]
    words = "Your order 1360 waits for you at Rucher des Baux. 3 chemin du Moulin 9 h – 12 h"
    assert (" ".join(note["note"].split()), note["customer_note"]) == (words, True)
    assert (states(), shop.made("PUT")) == ([("pickup", "done")], [])


def test_ready_for_pickup_is_told_once_however_often_it_is_sent(order, owner, shop):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")
    ready_for_pickup(order, by=owner, at=timezone.now())
    work()
    later()

    assert (len(shop.notes[1360]), states()) == (1, [("pickup", "done")])


def test_a_corrected_tracking_number_takes_the_place_of_the_first(order, owner, shop):
    line = order.lines.filter(kind="product").first()
    for number in ("A", "B"):
        ship(order, units={line.pk: 1}, carrier="ups", tracking_number=number, by=owner, at=NOON)
    work()

    correct_tracking(order, 1, carrier="ups", tracking_number="C", by=owner, at=NOON)
    work()

    items = next(m for m in shop.orders[1360]["meta_data"] if m["key"] == "_wc_shipment_tracking_items")[
        "value"
    ]
    assert sorted(item["tracking_number"] for item in items) == ["B", "C"]
    assert "tracking number C" in shop.notes[1360][-1]["note"]


def test_several_parcels_are_all_in_the_tracking(order, owner, shop):
    line = order.lines.filter(kind="product").order_by("-quantity").first()
    order.lines.filter(pk=line.pk).update(quantity=2)
    ship(order, units={line.pk: 1}, carrier="ups", tracking_number="A", by=owner, at=NOON)
    ship(order, units={line.pk: 1}, carrier="ups", tracking_number="B", by=owner, at=NOON)
    work()

    items = next(m for m in shop.orders[1360]["meta_data"] if m["key"] == "_wc_shipment_tracking_items")[
        "value"
    ]
    assert [item["tracking_number"] for item in items] == ["A", "B"]


def test_a_note_to_the_customer_is_told_and_a_private_one_is_not(order, owner, shop):
    add_note(order, "For us", by=owner, at=NOON)
    add_note(order, "Merci & à bientôt <3", for_customer=True, by=owner, at=NOON)
    work()

    assert [(note["note"], note["customer_note"]) for note in shop.notes[1360]] == [
        ("Merci &amp; à bientôt &lt;3", True)
    ]


def test_a_note_that_arrived_before_the_silence_is_not_sent_twice(order, owner, shop):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")
    add_note(order, "Merci & à bientôt <3", for_customer=True, by=owner, at=timezone.now())
    work()
    before = states()

    later()

    assert (before, states(), len(shop.notes[1360])) == ([("note", "waiting")], [("note", "done")], 1)


def test_the_same_note_written_twice_arrives_twice(order, owner, shop):
    for hours in range(2):
        at = timezone.now() - timedelta(hours=1 - hours)
        add_note(order, "Bonjour", for_customer=True, by=owner, at=at)
    shop.fails(Trouble.SILENCE_AFTERWARDS, times=2, method="POST")
    work()
    later()
    later()
    later()

    assert ({state for _kind, state in states()}, len(shop.notes[1360])) == ({"done"}, 2)


def test_an_earlier_note_of_the_same_words_is_not_taken_for_this_one(order, owner, shop):
    add_note(order, "Bonjour", for_customer=True, by=owner, at=timezone.now() - timedelta(hours=1))
    work()
    shop.fails(Trouble.ERROR, method="POST")
    add_note(order, "Bonjour", for_customer=True, by=owner, at=timezone.now())
    work()

    later()

    assert ({state for _kind, state in states()}, len(shop.notes[1360])) == ({"done"}, 2)


def test_steps_arrive_in_their_order_also_when_the_first_has_trouble(order, owner, shop):
    shop.fails(Trouble.ERROR, times=2)
    ship(order, tracking_number="A", by=owner, at=NOON)
    add_note(order, "Bonjour", for_customer=True, by=owner, at=NOON)
    validate(order, by=owner, at=NOON)
    work()
    held_back = [(request.method, request.path) for request in shop.requests]
    later()
    later()

    assert len(held_back) == 1
    assert [each.body for each in shop.requests if each.body and "status" in each.body] == [
        {"status": "completed"}
    ]
    assert [kind for kind, state in states() if state == "done"] == ["parcel", "note", "status"]
    assert list(shop.requests[-1].body) == ["status"]


# Refunds


def ask(order, owner, **options):
    return ask_for_refund(order, by=owner, at=timezone.now(), **options)


def half_of_a_line(order, units_back=1):
    line = order.lines.filter(kind="product").first()
    return {line.pk: RefundedLine(1, (line.total / line.quantity).quantize(Decimal("0.01")), units_back)}


def test_a_refund_is_asked_for_with_lines_and_confirmed_by_the_answer(order, owner, shop):
    line = order.lines.filter(kind="product").first()
    amount = (line.total / line.quantity).quantize(Decimal("0.01"))

    refund = ask(order, owner, lines=half_of_a_line(order), reason="Cassé")
    reserved = (refund.progress, order.refunded_total)
    work()

    refund.refresh_from_db()
    sent = shop.made("POST", "refunds")[0].body
    assert reserved == ("requested", 0)
    assert (refund.progress, refund.external_id) == ("confirmed", str(shop.refunds[1360][0]["id"]))
    assert (sent["amount"], sent["reason"], sent["api_refund"], sent["api_restock"]) == (
        str(amount),
        "Cassé",
        False,
        True,
    )
    (part,) = sent["line_items"]
    taxes = sum(Decimal(tax["refund_total"]) for tax in part["refund_tax"])
    assert (str(part["id"]), part["quantity"], Decimal(part["refund_total"]) + taxes) == (
        line.external_id,
        1,
        amount,
    )
    assert states() == [("refund", "done")]


def test_the_gateway_is_asked_where_the_storefront_says_so(order, owner, shop, source):
    Source.objects.filter(pk=source.pk).update(asks_gateway=True)
    ask(order, owner, amount=Decimal("1.00"))
    work()

    assert shop.made("POST", "refunds")[0].body["api_refund"] is True


def test_units_that_do_not_come_back_are_not_put_on_the_shelf_there(order, owner, shop):
    ask(order, owner, lines=half_of_a_line(order, units_back=0))
    work()

    sent = shop.made("POST", "refunds")[0].body
    assert (sent["api_restock"], sent["line_items"][0]["quantity"]) == (False, 1)


def test_where_some_come_back_only_those_are_counted(order, owner, shop):
    order.lines.filter(kind="product").update(quantity=3)
    first = order.lines.filter(kind="product").first()
    ask(order, owner, lines={first.pk: RefundedLine(2, Decimal("1.00"), 1)})
    work()

    sent = shop.made("POST", "refunds")[0].body
    assert (sent["api_restock"], sent["line_items"][0]["quantity"]) == (True, 1)


def test_partial_refunds_add_up_to_each_tax_of_the_line(source, shop, vendor, owner):
    order = take(1401, source, shop, vendor)
    shop.change(1401, status="processing")
    change_status(order, "processing", by=source, at=NOON)
    line = order.lines.filter(kind="product").first()
    third = (line.total / 3).quantize(Decimal("0.01"))
    for amount in (third, third, line.total - 2 * third):
        ask(order, owner, lines={line.pk: RefundedLine(0, amount, 0)})
        work()

    body = next(each for each in shop.orders[1401]["line_items"] if str(each["id"]) == line.external_id)
    parts = [part for refund in shop.refunds[1401] for part in refund["line_items"]]
    for tax in body["taxes"]:
        given = sum(Decimal(t["total"]) for part in parts for t in part["taxes"] if t["id"] == tax["id"])
        assert -given == Decimal(tax["total"] or 0).quantize(Decimal("0.01"))
    assert -sum(Decimal(part["total"]) for part in parts) == Decimal(body["total"])


def test_stopping_a_paid_order_refunds_all_of_it_there(order, owner, shop):
    cancel_and_refund(order, by=owner, at=timezone.now(), reason="Rupture")
    work()

    order.refresh_from_db()
    assert (shop.orders[1360]["status"], order.status, order.refund_state) == ("refunded", "refunded", "full")
    assert states() == [("refund", "done")]  # the state follows there by itself


def test_a_refused_refund_has_failed_with_the_storefronts_answer(order, owner, shop):
    shop.fails(Trouble.GATEWAY, method="POST")
    refund = ask(order, owner, amount=Decimal("1.00"))
    work()

    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.progress, refund.answer) == (
        "failed",
        "naturalconect refused: The card has expired (500).",
    )
    assert (order.refund_requested_total, order.refunded_total, shop.refunds[1360]) == (0, 0, [])
    assert states() == [("refund", "refused")]


def test_a_refund_that_was_accepted_before_the_silence_is_not_made_twice(order, owner, shop):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")
    refund = ask(order, owner, amount=Decimal("1.00"))
    work()
    refund.refresh_from_db()
    unknown = refund.progress

    later()

    refund.refresh_from_db()
    order.refresh_from_db()
    assert (unknown, refund.progress, order.refunded_total) == ("requested", "confirmed", 1)
    assert len(shop.refunds[1360]) == len(shop.made("POST")) == 1


def test_a_refund_that_lost_its_mark_is_known_by_amount_and_reason(order, owner, shop):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")
    ask(order, owner, amount=Decimal("1.00"), reason="Cassé & perdu")
    work()
    shop.refunds[1360][0].update(meta_data=[], reason="Cassé &amp; perdu")

    later()

    assert (len(shop.refunds[1360]), states()) == (1, [("refund", "done")])


def test_two_refunds_of_one_amount_are_both_made(order, owner, shop):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")
    for _n in range(2):
        ask(order, owner, amount=Decimal("1.00"), reason="Geste")
    work()
    later()

    ids = {str(refund["id"]) for refund in shop.refunds[1360]}
    assert set(order.refunds.values_list("external_id", "progress")) == {(pk, "confirmed") for pk in ids}
    assert len(ids) == 2


def test_an_earlier_refund_of_the_same_amount_is_not_taken_for_this_one(order, owner, shop):
    ask(order, owner, amount=Decimal("1.00"), reason="Geste")
    work()
    shop.refunds[1360][0]["meta_data"] = []
    shop.fails(Trouble.ERROR, method="POST")
    ask(order, owner, amount=Decimal("1.00"), reason="Geste")
    work()

    later()

    order.refresh_from_db()
    assert (len(shop.refunds[1360]), order.refunded_total) == (2, 2)


def test_an_order_that_is_wholly_refunded_here_tells_no_state(order, owner):
    refund_order(order, amount=order.total, by=owner, at=NOON)

    assert (order.status, states()) == ("refunded", [])


def test_the_echo_of_a_refund_changes_nothing(order, owner, shop, source, everything):
    ask(order, owner, lines=half_of_a_line(order), reason="Cassé")
    work()
    before = everything()

    report(order, shop, source)

    assert {**everything(), "Order": None} == {**before, "Order": None}
    assert order.refunds.count() == 1


def test_an_echo_before_the_answer_confirms_the_refund_once(order, owner, shop, source):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")
    refund = ask(order, owner, amount=Decimal("1.00"))
    work()
    report(order, shop, source)
    refund.refresh_from_db()
    confirmed = refund.progress

    later()

    order.refresh_from_db()
    assert (confirmed, order.refunded_total, len(shop.refunds[1360])) == ("confirmed", 1, 1)
    assert states() == [("refund", "done")]


def report(order, shop, source):
    data = parse_order(shop.orders[int(order.external_id)])
    take_order(data, source=source, vendor=order.vendor, at=timezone.now())


@pytest.mark.parametrize("act", ["complete", "ship", "note"])
def test_the_echo_of_a_step_moves_nothing(order, owner, shop, source, act):
    if act == "complete":
        validate(order, by=owner, at=NOON)
    elif act == "ship":
        ship(order, tracking_number="A", by=owner, at=NOON)
    else:
        add_note(order, "Bonjour", for_customer=True, by=owner, at=NOON)
    work()
    history, version = order.history.count(), Order.objects.get().version

    report(order, shop, source)
    work()

    assert (order.history.count(), Order.objects.get().version) == (history, version)
    assert len(shop.made("PUT") + shop.made("POST")) == {"complete": 1, "ship": 2, "note": 1}[act]


def test_a_step_of_the_storefront_after_it_took_ours_is_taken(order, owner, shop, source):
    validate(order, by=owner, at=NOON)
    work()

    shop.change(1360, status="cancelled")  # before the echo was built: both changes arrive as one
    report(order, shop, source)

    order.refresh_from_db()
    assert (order.status, ReportedOrder.objects.get().differences) == ("cancelled", [])


def test_a_step_of_the_storefront_after_its_refund_of_all_is_taken(order, owner, shop, source):
    cancel_and_refund(order, by=owner, at=timezone.now())
    work()

    shop.change(1360, status="cancelled")
    report(order, shop, source)

    order.refresh_from_db()
    assert (order.status, order.refunds.count()) == ("cancelled", 1)


def test_a_refund_is_made_also_where_the_order_cannot_be_asked_for_after_it(order, owner, shop):
    def fall_silent(request):
        if request.method == "POST":
            shop.fails(Trouble.ERROR)

    shop.after_request = fall_silent
    ask(order, owner, amount=Decimal("1.00"))
    work()

    assert (states(), order.refunds.get().progress) == ([("refund", "done")], "confirmed")


def test_a_delivery_from_before_a_step_that_was_taken_changes_nothing(order, owner, shop, source):
    change_status(order, "on-hold", by=None, at=NOON)
    work()
    shop.change(1360, status="processing")
    late = parse_order(shop.orders[1360])
    change_status(order, "processing", by=None, at=NOON)
    change_status(order, "completed", by=None, at=NOON)
    work()

    take_order(late, source=source, vendor=order.vendor, at=timezone.now())

    order.refresh_from_db()
    assert order.status == "completed"


def test_the_echo_of_a_step_does_not_undo_the_one_after_it(order, owner, shop, source):
    validate(order, by=owner, at=NOON)
    change_status(order, "processing", by=owner, at=NOON, note="Trop tôt")
    shop.change(1360, status="completed")

    report(order, shop, source)

    order.refresh_from_db()
    assert order.status == "processing"


# Trouble


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble.ERROR,
        Trouble.UNAVAILABLE,
        Trouble.TOO_MANY,
        Trouble.SILENCE,
        Trouble.HALF,
        Trouble.HTML,
        Trouble.UNAUTHORIZED,
        Trouble.ELSEWHERE,
    ],
)
def test_what_may_pass_waits_and_arrives(order, owner, shop, trouble):
    shop.fails(trouble)
    validate(order, by=owner, at=NOON)
    work()
    answer = Answer.objects.get()
    waiting, why = answer.state, answer.why
    later()

    assert (waiting, bool(why), states()) == ("waiting", True, [("status", "done")])
    answer.refresh_from_db()
    assert (answer.trouble, shop.orders[1360]["status"]) == ("", "completed")


def test_pauses_grow_and_the_storefront_may_ask_for_longer_ones(order, owner, shop):
    shop.fails(Trouble.ERROR)
    shop.fails(Trouble.ERROR)
    shop.fails(Trouble.TOO_MANY, retry_after="5000")
    validate(order, by=owner, at=NOON)
    pauses = []
    for _n in range(3):
        later()
        pauses.append((Answer.objects.get().next_try_at - timezone.now()).total_seconds())

    assert 8 < pauses[0] < 14 < 55 < pauses[1] < 80 < 4990 < pauses[2] < 5001
    assert DBTaskResult.objects.filter(run_after__gt=timezone.now() + timedelta(seconds=4980)).count() == 1


@pytest.mark.parametrize("trouble", [Trouble.BAD_REQUEST, Trouble.NOT_FOUND])
def test_a_refusal_is_final_and_lets_the_next_step_through(order, owner, shop, trouble):
    shop.fails(trouble)
    validate(order, by=owner, at=NOON)
    add_note(order, "Bonjour", for_customer=True, by=owner, at=NOON)
    work()

    assert states() == [("status", "refused"), ("note", "done")]


def test_after_many_attempts_an_answer_is_given_up_and_can_be_sent_again(order, owner, shop):
    shop.fails(Trouble.ERROR, times=9)
    validate(order, by=owner, at=NOON)
    for _n in range(12):
        later()
    given_up = states()

    sent = send_again(Answer.objects.get(), at=timezone.now())
    work()

    assert (given_up, sent, states()) == ([("status", "given_up")], True, [("status", "done")])
    assert len(shop.requests) == 10


@pytest.mark.parametrize("state", [State.GIVEN_UP, State.REFUSED])
def test_a_status_is_not_sent_again_once_a_later_one_was_told(order, owner, shop, state):
    validate(order, by=owner, at=NOON)
    Answer.objects.update(state=state, trouble="unreachable")
    change_status(order, "processing", by=owner, at=NOON, note="Trop tôt")
    work()

    sent = send_again(Answer.objects.order_by("id")[0], at=timezone.now())
    work()

    assert (sent, shop.orders[1360]["status"]) == (False, "processing")
    assert not Answer.objects.in_trouble().exists()


def test_a_refused_refund_is_not_sent_again(order, owner, shop):
    shop.fails(Trouble.GATEWAY, method="POST")
    ask(order, owner, amount=Decimal("1.00"))
    work()

    assert send_again(Answer.objects.get(), at=timezone.now()) is False


def test_a_refund_that_was_given_up_is_looked_up_before_it_is_sent_again(order, owner, shop):
    shop.fails(Trouble.SILENCE_AFTERWARDS, method="POST")
    ask(order, owner, amount=Decimal("1.00"))
    work()
    Answer.objects.update(state=State.GIVEN_UP)

    send_again(Answer.objects.get(), at=timezone.now())
    later()

    assert (len(shop.refunds[1360]), states()) == (1, [("refund", "done")])


def test_a_paused_storefront_is_left_alone(order, owner, shop, source):
    Source.objects.filter(pk=source.pk).update(is_paused=True)
    validate(order, by=owner, at=NOON)
    work()
    asked = len(shop.requests)
    Source.objects.filter(pk=source.pk).update(is_paused=False)
    later()

    assert (asked, states(), Answer.objects.get().attempts) == (0, [("status", "done")], 1)


def test_a_worker_that_died_while_sending_is_followed_after_its_claim(order, owner, shop, monkeypatch):
    validate(order, by=owner, at=NOON)
    now = timezone.now()
    Answer.objects.update(claimed_until=now + timedelta(minutes=9), attempts=1, tried_at=now)
    work()
    meanwhile = len(shop.requests)
    later()

    assert (meanwhile, states()) == (0, [("status", "done")])


class Killed(BaseException):
    """As a kill -9: nothing catches it."""


@pytest.mark.parametrize("kind", ["note", "refund"])
def test_what_arrived_before_the_worker_was_killed_is_not_sent_twice(order, owner, shop, monkeypatch, kind):
    if kind == "note":
        add_note(order, "Merci", for_customer=True, by=owner, at=timezone.now())
    else:
        real = shop._refund
        monkeypatch.setattr(shop, "_refund", lambda there, body: real(there, {**body, "meta_data": []}))
        ask_for_refund(order, amount=Decimal("5.00"), by=owner, at=timezone.now())
    with monkeypatch.context() as patch:
        patch.setattr("orders.storefronts.answers._note_success", Mock(side_effect=Killed))
        with pytest.raises(Killed):
            send_waiting(order.pk)
    Answer.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

    send_waiting(order.pk)

    assert len((shop.notes if kind == "note" else shop.refunds)[1360]) == 1
    assert states() == [(kind, "done")]


def test_a_storefront_that_is_down_for_a_minute_hears_of_all_fifty_once(source, shop, vendor, owner):
    template = shop.orders[1360]
    for n in range(50):
        shop.add({**template, "id": 5000 + n, "number": str(5000 + n)})
    orders = [take(5000 + n, source, shop, vendor) for n in range(50)]
    shop.is_down = True
    for order in orders:
        validate(order, by=owner, at=NOON)
    work()
    tried = Answer.objects.exclude(tried_at=None).count()
    shop.is_down = False

    later()

    assert tried == 1  # one asks for all
    assert set(states()) == {("status", "done")}
    assert sorted(each.path for each in shop.made("PUT")) == sorted(
        f"/wp-json/wc/v3/orders/{5000 + n}" for n in range(50)
    )
    assert {shop.orders[5000 + n]["status"] for n in range(50)} == {"completed"}


def test_a_refund_that_was_refused_here_is_not_asked_for(order, owner, shop):
    with pytest.raises(Exception, match="can be refunded"):
        ask(order, owner, amount=order.total + 1)

    assert (states(), order.refunds.filter(progress=RefundProgress.REQUESTED).count()) == ([], 0)


def test_the_owner_of_another_shop_cannot_make_this_storefront_hear_anything(order, shop):
    from tests.factories import make_vendor

    stranger = make_member(make_vendor())
    with pytest.raises(Exception, match="nothing was changed"):
        validate(order, by=stranger, at=NOON)

    assert states() == []


def test_keys_that_cannot_be_read_any_more_are_said(order, owner, shop, settings, source):
    settings.FIELD_ENCRYPTION_KEYS = ["another key than the one they were kept with"]
    validate(order, by=owner, at=NOON)
    work()

    assert "does not accept the REST keys: A stored secret cannot be read" in Answer.objects.get().why
    assert states() == [("status", "waiting")]


@pytest.mark.parametrize(
    "odd", [{"line_items": [{"id": None, "taxes": [{"total": "1"}]}]}, {"line_items": 7}]
)
def test_an_order_that_looks_odd_there_does_not_stop_the_worker(order, owner, shop, odd):
    lines = half_of_a_line(order)
    line = next(iter(lines))
    odd = json.loads(json.dumps(odd).replace("null", order.lines.get(pk=line).external_id))
    shop.orders[1360].update(odd)
    ask(order, owner, lines=lines)
    work()

    assert states()[0][0] == "refund"
    assert not DBTaskResult.objects.filter(status="FAILED").exists()


# What people see


def page(client, order, **options):
    return client.get(f"/vendors/{order.vendor.slug}/orders/{order.number}/", **options).content.decode()


def test_the_order_says_in_a_sentence_what_the_storefront_refused(order, owner, shop, client_of):
    shop.fails(Trouble.BAD_REQUEST)
    validate(order, by=owner, at=NOON)
    work()

    text = page(client_of(owner), order)

    assert "naturalconect has not taken everything" in text
    assert "naturalconect refused: Invalid parameter(s): status (400)." in text


def test_the_order_tells_what_the_storefront_was_told_and_no_trouble_then(order, owner, shop, client_of):
    validate(order, by=owner, at=NOON)
    work()

    text = page(client_of(owner), order)

    assert "naturalconect was told: Completed" in text
    assert "has not taken everything" not in text


def test_words_about_a_refund_are_not_shown_to_a_preparer(order, owner, shop, client_of, vendor):
    shop.fails(Trouble.GATEWAY, method="POST")
    ask(order, owner, amount=Decimal("1.00"))
    work()

    text = page(client_of(make_member(vendor, "preparer")), order)

    assert "has not taken everything" in text
    assert "The card has expired" not in text
    assert "Send again now" not in text


def test_a_refused_refund_is_over_once_another_one_was_made(order, owner, shop, client_of):
    shop.fails(Trouble.GATEWAY, method="POST")
    ask(order, owner, amount=Decimal("1.00"))
    work()
    refused = Answer.objects.in_trouble().get()
    assert not refused.is_over

    ask(order, owner, amount=Decimal("1.00"))
    work()

    assert not Answer.objects.in_trouble().exists()
    assert Answer.objects.get(pk=refused.pk).is_over
    assert "has not taken everything" not in page(client_of(owner), order)


def test_a_click_sends_again(order, owner, shop, client_of):
    shop.fails(Trouble.BAD_REQUEST)
    validate(order, by=owner, at=NOON)
    work()

    client_of(owner).post(f"/vendors/{order.vendor.slug}/orders/{order.number}/storefront/")
    work()

    assert (states(), shop.orders[1360]["status"]) == ([("status", "done")], "completed")


def test_a_preparer_sends_no_refund_again(order, owner, shop, client_of, vendor):
    shop.fails(Trouble.UNAUTHORIZED)
    ask(order, owner, amount=Decimal("1.00"))
    work()
    client = client_of(make_member(vendor, "preparer"))

    client.post(f"/vendors/{order.vendor.slug}/orders/{order.number}/storefront/")
    work()

    assert (states(), shop.refunds[1360]) == ([("refund", "waiting")], [])


def test_staff_sends_again_in_the_admin(order, owner, shop, admin_client):
    shop.fails(Trouble.BAD_REQUEST)
    validate(order, by=owner, at=NOON)
    work()
    listed = admin_client.get("/admin/orders/answer/").content.decode()

    admin_client.post(
        "/admin/orders/answer/", {"action": "send_again", "_selected_action": [Answer.objects.get().pk]}
    )
    work()

    assert "Invalid parameter(s): status" in listed
    assert states() == [("status", "done")]
