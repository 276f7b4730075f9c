"""Deliveries of a storefront, processed by the worker: one order from whatever comes, in whatever order."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from marketplace.models import OutgoingEmail
from orders import jobs
from orders.domain.buyers import name_buyer
from orders.domain.invoicing import issue_invoice
from orders.domain.refund_lines import set_refund_lines
from orders.domain.refunds import RefundedLine, ask_for_refund, refund_order
from orders.domain.transitions import validate
from orders.jobs import process_again, process_delivery, receive_delivery
from orders.models import Delivery, Order, ReportedOrder, Source, UnknownVendors
from orders.states import OrderStatus
from tests.factories import (
    NOON,
    buyer_data_of,
    make_document,
    make_identity,
    make_member,
    make_product,
    make_source,
)
from tests.recorded import body_of, recorded
from vendors.models import LegalIdentity, Product, Vendor

pytestmark = pytest.mark.django_db
BASE = 1573  # recorded: processing, then a refund of 14.39 with a unit back, then the rest


@pytest.fixture
def source(db) -> Source:
    source = make_source()
    source.unknown_vendors = UnknownVendors.CREATE
    source.save()
    return source


def deliver(source, payload, topic="order.updated"):
    """Store one delivery and process it; returns it."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    delivery = receive_delivery(source, body, headers={"X-WC-Webhook-Topic": topic}, at=timezone.now())
    process_delivery.call(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def told(n):
    """The recorded delivery number ``n``: its body."""
    return json.loads(recorded()[n - 1].body)


def order_of(payload) -> Order:
    return Order.objects.get(external_id=str(payload["id"]))


def later(payload, **changes):
    """The payload, changed a minute later."""
    minute = "2026-11-23T07:30:00"
    return {**payload, "date_modified_gmt": minute, "date_modified": minute, **changes}


def test_a_reported_order_is_stored_and_announced_once(source):
    deliver(source, told(29), "order.created")
    make_member(Vendor.objects.get(), email="owner@example.com")
    deliver(source, {**told(29), "id": 9001, "number": "9001"}, "order.created")
    deliver(source, {**told(29), "id": 9001, "number": "9001"})

    assert list(Order.objects.order_by("id").values_list("number", "status")) == [
        ("1573", "processing"),
        ("9001", "processing"),
    ]
    assert OutgoingEmail.objects.filter(template="new_order").count() == 1


def test_a_repeat_changes_nothing(source, everything):
    deliver(source, told(29))
    before = everything()

    again = deliver(source, told(29))

    assert (again.state, again.note) == ("unchanged", "repeat")
    assert {**everything(), "DBTaskResult": 0} == {**before, "DBTaskResult": 0}


def test_an_older_report_is_left(source):
    deliver(source, told(12))

    assert deliver(source, told(9)).note == "older"
    assert order_of(told(9)).status == OrderStatus.COMPLETED


def test_of_two_reports_of_one_second_the_one_with_more_refunds_wins(source):
    for numbers in [(30, 31), (31, 30)]:
        Delivery.objects.all().delete()
        for n in numbers:
            deliver(source, told(n))
        order = order_of(told(31))
        assert (order.refunded_total, order.status) == (Decimal("14.39"), "processing")


def test_a_tie_is_undecidable_until_a_later_report(source):
    deliver(source, told(41))
    deliver(source, told(40))
    reported = ReportedOrder.objects.get()
    assert ("status" in reported.undecidable, order_of(told(40)).status) == (True, "completed")

    deliver(source, later(told(41)))

    reported.refresh_from_db()
    assert (reported.undecidable, order_of(told(40)).status) == ([], "processing")


def test_an_early_report_that_comes_late_still_announces_the_order(source):
    vendor = shop(source, "2")
    make_member(vendor, email="owner@example.com")
    cancelled = later(told(29), status="cancelled", date_paid_gmt=None, date_paid=None)
    deliver(source, cancelled)
    assert OutgoingEmail.objects.filter(template="new_order").count() == 0

    deliver(source, told(29))
    deliver(source, told(30))

    assert OutgoingEmail.objects.filter(template="new_order").count() == 1


def shop(source, external_id) -> Vendor:
    from tests.factories import make_vendor

    vendor = make_vendor()
    source.vendors.create(external_id=external_id, vendor=vendor)
    return vendor


# --- Refunds ---


def counted(vendor, payload, stock=10) -> Product:
    """The product of the payload's first line, counted before the order."""
    line = payload["line_items"][0]
    pid = f"{line['product_id']}:{line['variation_id']}" if line["variation_id"] else str(line["product_id"])
    return make_product(vendor, stock=stock, external_id=pid)


@pytest.mark.parametrize("numbers", [(29, 31, 32), (32, 31, 29), (31, 32), (32,)])
def test_refunds_and_units_back_are_the_same_by_every_way(source, numbers):
    product = counted(shop(source, "2"), told(29))

    for n in numbers:
        deliver(source, told(n))

    order = order_of(told(29))
    product.refresh_from_db()
    line = order.lines.get(kind="product")
    assert (order.status, order.refunded_total, product.stock) == ("refunded", Decimal("48.07"), 8)
    assert (line.held, line.units_returned) == (2, 1)
    assert list(order.refunds.values_list("external_id", "amount").order_by("external_id")) == [
        ("1574", Decimal("14.39")),
        ("1575", Decimal("33.68")),
    ]


def test_units_that_are_told_after_their_refund_come_back(source):
    product = counted(shop(source, "2"), told(29))
    without = told(31)
    for meta in without["line_items"][0]["meta_data"]:
        if meta["key"] == "_restock_refunded_items":
            meta["value"] = "0"
    deliver(source, without)

    deliver(source, told(31))

    product.refresh_from_db()
    assert product.stock == 8


def test_an_order_that_was_paid_and_refunded_unseen_holds_its_stock(source):
    product = counted(shop(source, "2"), told(13))

    deliver(source, told(13))

    product.refresh_from_db()
    assert (order_of(told(13)).status, product.stock) == ("refunded", 9)


@pytest.mark.parametrize("turn", [(0, 1), (1, 0)])
def test_a_refund_after_a_cancellation_that_nobody_told_of_holds_nothing(source, turn):
    product = counted(shop(source, "2"), told(12))
    refunded = later(told(13))
    refunded["line_items"][0]["meta_data"] = []  # the cancellation took « _reduced_stock » away
    reports = [told(12), refunded]

    for n in turn:
        deliver(source, reports[n])

    product.refresh_from_db()
    assert (order_of(told(13)).status, product.stock) == ("refunded", 10)


def test_a_refund_waits_for_its_lines_where_they_can_be_asked(source):
    deliver(source, told(30))
    source.rest_url, source.consumer_key, source.consumer_secret = "https://shop.example", "ck", "cs"
    source.save()

    deliver(source, told(31))

    refund = order_of(told(31)).refunds.get()
    assert (refund.awaits_lines, refund.is_spread) == (True, True)


def test_a_credit_note_waits_for_the_lines_of_its_refund(source, monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", lambda said: said["number"].encode())
    deliver(source, told(30))
    order = order_of(told(30))
    LegalIdentity.objects.all().delete()
    make_identity(order.vendor)
    issue_invoice(order, by=None, at=NOON)
    source.rest_url, source.consumer_key, source.consumer_secret = "https://shop.example", "ck", "cs"
    source.save()

    deliver(source, told(31))

    assert not order.documents.filter(kind="A").exists()

    line = order.lines.filter(kind="product").first()
    set_refund_lines(
        order.refunds.get(), {line.pk: RefundedLine(1, Decimal("14.39"))}, by=source, at=timezone.now()
    )

    assert [note.total for note in order.documents.filter(kind="A")] == [Decimal("14.39")]


def test_a_source_without_rest_keys_spreads_its_refunds(source):
    deliver(source, told(31))

    assert order_of(told(31)).refunds.get().awaits_lines is False


def test_the_echo_of_a_refund_confirms_what_was_asked_for(source):
    deliver(source, told(30))
    order = order_of(told(30))
    source.confirms_refunds = True
    source.save()
    owner = make_member(order.vendor)
    asked = ask_for_refund(order, amount=Decimal("14.39"), by=owner, at=NOON)

    deliver(source, told(31))

    asked.refresh_from_db()
    assert (asked.progress, asked.external_id, order.refunds.count()) == ("confirmed", "1574", 1)


# --- The business that buys ---


def of_business(payload, siren):
    return later(payload, meta_data=[*payload["meta_data"], {"id": 1, "key": "siren", "value": siren}])


@pytest.mark.parametrize("turn", [1, -1])
def test_a_buyers_number_is_known_whatever_report_comes_first(source, turn):
    for payload in [told(30), of_business(told(30), "732829320")][::turn]:
        deliver(source, payload)

    assert order_of(told(30)).buyer_siren == "732829320"


def test_a_buyer_whom_the_shop_named_stays_while_the_storefront_says_nothing(source):
    deliver(source, told(30))
    order = order_of(told(30))
    named = {"billing_company": "Chez Camille", "buyer_is_business": True, "buyer_siren": "732829320"}
    name_buyer(order, replace(buyer_data_of(order), **named))

    deliver(source, later(told(30)))

    order.refresh_from_db()
    assert (order.buyer_siren, order.billing_company) == ("732829320", "Chez Camille")


def test_a_report_changes_no_buyer_of_an_issued_invoice(source):
    deliver(source, told(30))
    make_document(order_of(told(30)))

    deliver(source, of_business(told(30), "732829320"))

    assert order_of(told(30)).buyer_siren == ""
    assert {"field": "buyer_siren"} in ReportedOrder.objects.get().differences


# --- Deletions ---


def test_a_deleted_order_is_hidden_and_kept(source):
    deliver(source, told(33), "order.created")

    deliver(source, {"id": 1576}, "order.deleted")

    order = Order.objects.get()
    assert (order.hidden_at is None, Order.objects.for_vendor(order.vendor).count()) == (False, 0)
    assert ReportedOrder.objects.get().undecidable == ["hidden"]


def test_a_restored_order_is_shown_again(source):
    for n, topic in [(33, "order.created"), (35, "order.deleted"), (36, "order.restored")]:
        deliver(source, told(n), topic)

    assert Order.objects.get().hidden_at is None


def test_a_deletion_may_come_before_its_order(source):
    deliver(source, {"id": 1576}, "order.deleted")

    deliver(source, told(33), "order.created")

    assert Order.objects.get().hidden_at is not None


def test_of_deletions_and_restorations_the_last_to_arrive_counts(source):
    deliver(source, told(33))
    deleted, restored = (
        receive_delivery(source, json.dumps(told(n)).encode(), headers={"X-WC-Webhook-Topic": topic}, at=NOON)
        for n, topic in [(35, "order.deleted"), (36, "order.restored")]
    )

    process_delivery.call(restored.pk)
    process_delivery.call(deleted.pk)

    assert Order.objects.get().hidden_at is None


def test_a_deletion_of_no_order_is_set_aside(source):
    delivery = deliver(source, {"id": True}, "order.deleted")

    assert (delivery.state, delivery.sentence) == ("quarantined", "id: is missing")
    assert not ReportedOrder.objects.exists()


# --- What is no order of a shop ---


@pytest.mark.parametrize(
    ("payload", "topic", "note"),
    [
        (told(16), "order.created", "multi-vendor-basket"),
        (told(38), "order.updated", "gone"),
        ({**told(29), "status": "checkout-draft"}, "order.created", "checkout-draft"),
        ({**told(29), "status": "auto-draft"}, "order.created", "auto-draft"),
        (told(29), "product.updated", "topic"),
    ],
)
def test_what_is_left_alone(source, payload, topic, note):
    delivery = deliver(source, payload, topic)

    assert (delivery.state, delivery.note, Order.objects.count()) == ("left_alone", note, 0)


# --- Changes ---


def changed_line(payload, **changes):
    first, *rest = payload["line_items"]
    return {**payload, "line_items": [{**first, **changes}, *rest]}


def test_changed_lines_and_total_are_taken_with_their_stock(source):
    payload = told(29)
    product = counted(shop(source, "2"), payload)
    deliver(source, payload)
    line = payload["line_items"][0]
    net, tax = Decimal(line["total"]) / 3, Decimal(line["total_tax"]) / 3
    net, tax = net.quantize(Decimal("0.01")), tax.quantize(Decimal("0.01"))
    one = changed_line(
        payload,
        quantity=1,
        total=str(net),
        subtotal=str(net),
        total_tax=str(tax),
        subtotal_tax=str(tax),
        taxes=[],
    )
    total = Decimal(payload["total"]) - Decimal(line["total"]) - Decimal(line["total_tax"]) + net + tax

    delivery = deliver(source, later(one, total=str(total)))

    order = order_of(payload)
    product.refresh_from_db()
    assert (delivery.state, order.total, product.stock) == ("applied", total, 9)
    assert order.lines.get(kind="product").quantity == 1
    assert order.commission == sum(line.commission for line in order.lines.all())
    entry = order.history.get(kind="changed")
    assert entry.data == {
        "fields": ["lines"],
        "before": payload["total"],
        "after": str(total),
        "currency": "EUR",
    }


def test_another_product_on_a_line_moves_both_stocks(source):
    payload = told(29)
    vendor = shop(source, "2")
    old, new = counted(vendor, payload), make_product(vendor, stock=10, external_id="777")
    deliver(source, payload)

    line = {**payload["line_items"][0], "id": 999_999, "product_id": 777, "variation_id": 0}
    deliver(source, later(payload, line_items=[line]))

    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.stock, new.stock) == (10, 7)
    assert sum(old.movements.values_list("units", flat=True)) == 10


def test_lines_change_under_a_refund_of_the_storefront_which_is_spread_anew(source):
    Source.objects.update(commission_order_fee=Decimal("1.00"))
    deliver(source, told(31))
    payload = later(told(31), total="60.00", fee_lines=[{"id": 5, "name": "Gift", "total": "11.93"}])

    deliver(source, payload)

    order = order_of(payload)
    (refund,) = order.refunds.all()
    shares = dict(refund.lines.values_list("line__name", "amount"))
    assert (order.total, order.refunded_total, "Gift" in shares) == (Decimal("60.00"), refund.amount, True)
    assert sum(shares.values()) == sum(line.refunded_total for line in order.lines.all()) == refund.amount
    assert (
        order.total - order.refunded_total == order.earnings + order.commission - order.commission_given_back
    )
    assert ReportedOrder.objects.get().differences == []


def test_lines_that_come_to_less_than_was_refunded_are_a_difference(source):
    deliver(source, told(31))
    rebate = {"id": 5, "name": "Rebate", "total": "-38.07"}

    deliver(source, later(told(31), total="10.00", fee_lines=[rebate], refunds=[]))

    assert order_of(told(31)).total == Decimal("48.07")
    assert [each["field"] for each in ReportedOrder.objects.get().differences] == ["lines", "refunds"]


def test_lines_of_an_order_with_a_refund_of_the_shop_are_a_difference(source):
    deliver(source, told(29))
    order = order_of(told(29))
    refund_order(order, amount=Decimal("1.00"), by=None, at=NOON)
    payload = later(told(29), total="60.00", fee_lines=[{"id": 5, "name": "Gift", "total": "11.93"}])

    deliver(source, payload)

    assert order_of(payload).total == order.total
    assert [each["field"] for each in ReportedOrder.objects.get().differences][:1] == ["lines"]


def test_a_changed_address_and_message_are_taken_and_told(source):
    payload = told(29)
    deliver(source, payload)

    deliver(
        source,
        later(payload, customer_note="Merci", billing={**payload["billing"], "city": "Arles"}),
    )

    order = order_of(payload)
    assert (order.billing_city, order.customer_note) == ("Arles", "Merci")
    assert order.history.get(kind="changed").data["fields"] == ["billing_city", "customer_note"]


def test_a_step_taken_here_stays_until_the_storefront_says_anew(source):
    deliver(source, told(29))
    order = order_of(told(29))
    validate(order, by=None, at=NOON)

    deliver(source, later(told(29), customer_note="Merci"))

    order.refresh_from_db()
    assert (order.status, order.customer_note) == ("completed", "Merci")
    assert ReportedOrder.objects.get().differences == [
        {"field": "status", "here": "completed", "there": "processing"}
    ]


@pytest.mark.parametrize(("rest_url", "status"), [("", "cancelled"), ("https://shop.example", "completed")])
def test_a_step_that_is_still_to_be_answered_back_wins(source, rest_url, status):
    source.rest_url, source.consumer_key, source.consumer_secret = rest_url, "ck", "cs"
    source.save()
    deliver(source, told(29))
    validate(order_of(told(29)), by=None, at=NOON)

    deliver(source, later(told(29), status="cancelled"))

    assert order_of(told(29)).status == status


def test_the_echo_of_a_step_changes_nothing(source, everything):
    source.rest_url, source.consumer_key, source.consumer_secret = "https://shop.example", "ck", "cs"
    source.save()
    deliver(source, told(29))
    validate(order_of(told(29)), by=None, at=NOON)
    before = everything()

    deliver(source, later(told(29), status="completed", date_completed_gmt="2026-11-23T07:30:00"))

    after = everything()
    names = [field.name for field in Order._meta.fields]
    old, new = (dict(zip(names, rows["Order"][0], strict=True)) for rows in (before, after))
    assert {name for name in names if old[name] != new[name]} == {"reported_at"}
    assert after["HistoryEntry"] == before["HistoryEntry"]
    assert ReportedOrder.objects.get().differences == []


# --- Quarantine ---


@pytest.mark.parametrize(
    ("changes", "path", "problem"),
    [
        ({"status": "wc-lost"}, "status", 'unknown status "wc-lost"'),
        ({"total": "abc"}, "total", 'must be an amount, got "abc"'),
        ({"total": "-1.00"}, "total", 'must be at least 0, got "-1.00"'),
        ({"currency": "€"}, "currency", 'must be three capital letters, got "€"'),
    ],
)
def test_what_cannot_be_taken_is_set_aside_with_place_and_value(source, changes, path, problem):
    shop_ = shop(source, "2")

    delivery = deliver(source, {**told(29), **changes})

    assert (delivery.state, delivery.problem_path, delivery.why) == ("quarantined", path, problem)
    assert (delivery.vendor, Order.objects.count()) == (shop_, 0)


def test_another_currency_is_set_aside(source):
    deliver(source, told(29))

    delivery = deliver(source, later(told(29), currency="USD"))

    assert (delivery.state, delivery.problem_path) == ("quarantined", "currency")
    assert order_of(told(29)).currency == "EUR"


def test_an_unknown_vendor_is_replayed_once_it_is_mapped(source):
    Source.objects.update(unknown_vendors=UnknownVendors.QUARANTINE)
    delivery = deliver(source, told(29))
    assert delivery.problem_path == "meta_data[_dokan_vendor_id]"

    shop(source, "2")
    process_again([delivery])
    process_delivery.call(delivery.pk)

    delivery.refresh_from_db()
    assert (delivery.state, Order.objects.count(), delivery.attempts) == ("applied", 1, 2)


def test_an_order_does_not_change_shops(source):
    deliver(source, told(29))

    moved = later(told(29))
    moved["meta_data"] = [{"key": "_dokan_vendor_id", "value": "3"}]
    moved["store"] = []

    assert deliver(source, moved).problem_path == "meta_data[_dokan_vendor_id]"


def test_a_program_error_is_set_aside_and_others_go_on(source, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyError("x")

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "take_order", fail)
        poisonous = deliver(source, told(29))

    assert (poisonous.state, poisonous.why) == ("quarantined", "could not be processed: KeyError")
    assert deliver(source, told(12)).state == "applied"


def test_a_database_error_is_tried_again_by_the_queue(source, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("deadlock")

    monkeypatch.setattr(jobs, "take_order", fail)

    with pytest.raises(OperationalError):
        deliver(source, told(29))
    assert Delivery.objects.get().state == "waiting"


def test_a_delivery_is_processed_once(source):
    delivery = deliver(source, told(29))

    process_delivery.call(delivery.pk)

    delivery.refresh_from_db()
    assert delivery.attempts == 1


def test_the_task_is_queued_with_the_delivery(source):
    receive_delivery(source, b"{}", headers={}, at=NOON)

    assert DBTaskResult.objects.count() == 1


def test_all_recorded_deliveries_end_in_the_orders_of_the_storefront(source):
    for each in recorded():
        if not each.is_ping:
            deliver(source, each.body, each.headers["X-WC-Webhook-Topic"])

    assert dict(Order.objects.values_list("external_id", "status")) == {
        "1565": "completed",
        "1566": "completed",
        "1567": "refunded",
        "1569": "completed",
        "1571": "completed",
        "1572": "completed",
        "1573": "refunded",
        "1576": "processing",
        "1578": "completed",
    }
    assert body_of(1578)["status"] == "processing"  # one second told of both: undecidable
    assert not Delivery.objects.quarantined().exists()
