"""Any order of arrival, any repetition, any subset with the last, any number of workers: one result."""

import json
import random
import threading
from datetime import timedelta
from functools import cache
from itertools import permutations

import pytest
from django.db import connection, transaction

from marketplace.models import OutgoingEmail
from orders.jobs import process_delivery
from orders.models import (
    Customer,
    Delivery,
    HistoryEntry,
    Note,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    ReportedOrder,
    Source,
    StockMovement,
)
from tests.digest import State, digest, shown, state, undecidable, without
from tests.factories import NOON, make_member, make_product, make_source, make_vendor
from tests.recorded import recorded

# What may differ where reports are missing: no body tells when a refund was made.
DATES_OF_REFUNDS = {"refunded_at"}


Told = list[tuple[str, bytes]]  # topic, body
GIFT = {"id": 77, "name": "Gift", "total": "3.00", "total_tax": "0.00", "taxes": []}
UNPAID = {"date_paid": None, "date_paid_gmt": None}


def report(order_id: int, minute: int, status: str, **changes: object) -> tuple[str, bytes]:
    """A recorded order as another one, told of at a minute."""
    first = json.loads(recorded()[28].body)
    date = f"2026-11-23T07:{minute:02}:00"
    body = {**first, "id": order_id, "number": str(order_id), "status": status, "date_modified_gmt": date}
    return "order.updated", json.dumps({**body, **changes}).encode()


def _changes() -> Told:
    """An order whose lines, address and state change, with two reports of one second."""
    line = json.loads(recorded()[28].body)["line_items"][0]
    other = {**line, "id": 4242, "product_id": 4242, "variation_id": 0}
    paid_later = {"date_paid": "2026-11-23T07:03:30", "date_paid_gmt": "2026-11-23T07:03:30"}
    more = {"fee_lines": [GIFT], "total": "51.07"}
    return [
        report(9100, 1, "pending", **UNPAID),
        report(9100, 1, "pending", **UNPAID, customer_note="Bonjour"),
        report(9100, 2, "on-hold", **UNPAID, **more),
        report(9100, 3, "processing", **more, line_items=[other], **paid_later),
        report(9100, 3, "processing", **more, billing={"first_name": "Léa", "city": "Arles"}),
        report(9100, 4, "cancelled", **more),
    ]


def _refunds(*amounts: str) -> list[dict[str, object]]:
    return [{"id": 500 + n, "reason": "", "total": f"-{amount}"} for n, amount in enumerate(amounts)]


def _stopped_then_refunded() -> Told:
    """Cancelled, so that its units are back on the shelf, and refunded afterwards."""
    return [
        report(9101, 1, "processing"),
        report(9101, 2, "cancelled"),
        report(9101, 3, "refunded", refunds=_refunds("48.07")),
    ]


def _held_then_refunded() -> Told:
    """Never paid, taken from the shelf all the same, and called refunded."""
    return [
        report(9102, 1, "on-hold", **UNPAID),
        report(9102, 2, "refunded", **UNPAID),
    ]


def _changed_after_a_refund() -> Told:
    """Lines and total that change under refunds, several of them of one second."""
    more = {"fee_lines": [GIFT], "total": "51.07"}
    done = {"date_completed": "2026-11-23T07:05:00", "date_completed_gmt": "2026-11-23T07:05:00"}
    one, two, three = _refunds("5.00", "7.02", "1.01")
    return [
        report(9103, 1, "processing"),
        report(9103, 2, "processing", refunds=[one]),
        report(9103, 2, "processing", refunds=[two, one]),
        report(9103, 3, "processing", refunds=[two, one], **more),
        report(9103, 3, "processing", refunds=[three, two, one], **more),
        report(9103, 5, "completed", refunds=[three, two, one], **more, **done),
    ]


@cache
def scenarios() -> dict[str, list[tuple[str, bytes]]]:
    """Deliveries (topic, body) by what they are about: an order, or a basket."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for each in recorded():
        if each.is_ping:
            continue
        body = json.loads(each.body)
        key = "1570" if body.get("id") in (1571, 1572) else str(body.get("id", 1576))
        found.setdefault(key, []).append((each.headers["X-WC-Webhook-Topic"], each.body))
    made = [_changes(), _stopped_then_refunded(), _held_then_refunded(), _changed_after_a_refund()]
    return found | {str(json.loads(told[0][1])["id"]): told for told in made}


@pytest.fixture
def source(db) -> Source:
    return set_up()


def set_up() -> Source:
    """A storefront whose two vendors are shops that count every product that is sold."""
    source = make_source()
    products = {"2": set(), "3": set()}
    for deliveries in scenarios().values():
        for _topic, body in deliveries:
            payload = json.loads(body)
            vendor = next(
                (m["value"] for m in payload.get("meta_data", []) if m["key"] == "_dokan_vendor_id"), 0
            )
            for line in payload.get("line_items", []) if vendor else []:
                pid, variation = line["product_id"], line["variation_id"]
                products[str(vendor)].add(f"{pid}:{variation}" if variation else str(pid))
    for external_id, ids in products.items():
        vendor = make_vendor()
        make_member(vendor, email=f"owner{external_id}@example.com")
        source.vendors.create(external_id=external_id, vendor=vendor)
        for pid in sorted(ids):
            make_product(vendor, stock=100, external_id=pid)
    return source


def store(source: Source, deliveries: list[tuple[str, bytes]]) -> list[int]:
    return [
        Delivery.objects.create(
            source=source,
            topic=topic,
            external_id=str(json.loads(body).get("id", "")),
            body=body,
            received_at=NOON + timedelta(seconds=n),
        ).pk
        for n, (topic, body) in enumerate(deliveries)
    ]


def tells_alone(told: tuple[str, bytes]) -> bool:
    """Whether no other body says it: what an order held before a refund, where that is not what was paid for."""
    body = json.loads(told[1])
    return body.get("status") == "cancelled" or (body.get("status"), body.get("date_paid")) == (
        "on-hold",
        None,
    )


def shuffled(
    rng: random.Random, deliveries: list[tuple[str, bytes]], *, whole: bool
) -> list[tuple[str, bytes]]:
    """The deliveries in any order, some of them twice; unless ``whole`` without some that are not the last."""
    # A deletion says nothing else of its order: the last body that does is the last one too.
    last = {(json.loads(body).get("id"), len(body) < 100): n for n, (_topic, body) in enumerate(deliveries)}
    kept = [
        told
        for n, told in enumerate(deliveries)
        if whole or n in last.values() or tells_alone(told) or rng.random() < 0.6
    ]
    kept += [d for d in kept if rng.random() < 0.4]
    rng.shuffle(kept)
    return kept


def outcome() -> tuple[State, dict[str, set[str]]]:
    assert not Delivery.objects.exclude(state__in=["applied", "unchanged", "left_alone"]).exists()
    assert sum(StockMovement.objects.values_list("units", flat=True)) == sum(
        value for value in state()["stock"].values()
    )
    return state(), undecidable()


def in_turn(source, deliveries):
    """What deliveries come to, one after the other; nothing of it stays."""
    with transaction.atomic():
        for number in store(source, deliveries):
            process_delivery.call(number)
        found = outcome()
        transaction.set_rollback(True)
    return found


def assert_same(one, other, *, whole):
    """Equal but for what is undecidable in either, and for refunds' dates where reports are missing."""
    undecided = {key: one[1].get(key, set()) | other[1].get(key, set()) for key in {*one[1], *other[1]}}
    states = [without(found, undecided) for found, _undecided in (one, other)]
    if not whole:
        for found in states:
            for values in found.values():
                values.pop("refunded_at", None)
                if "refunds" in values:
                    values["refunds"] = [(r[0], r[1], r[3]) for r in values["refunds"]]
    assert states[0] == states[1]


def try_many(source, name, runs):
    deliveries = scenarios()[name]
    expected = in_turn(source, deliveries)
    for seed in range(runs):
        rng = random.Random(f"{name} {seed}")
        whole = bool(seed % 2)
        assert_same(in_turn(source, shuffled(rng, deliveries, whole=whole)), expected, whole=whole)


@pytest.mark.parametrize("name", scenarios())
def test_any_order_of_arrival_ends_in_the_same_state(source, name):
    try_many(source, name, 24)


@pytest.mark.slow
@pytest.mark.parametrize("name", scenarios())
def test_ten_thousand_orders_of_arrival_end_in_the_same_state(source, name):
    try_many(source, name, 10_000 // len(scenarios()))


def test_all_together_forwards_backwards_and_twice(source):
    everything = [delivery for deliveries in scenarios().values() for delivery in deliveries]
    expected = in_turn(source, everything)

    for deliveries in (everything[::-1], everything * 2, [d for d in everything for _ in "12"]):
        assert_same(in_turn(source, deliveries), expected, whole=True)


def test_a_refund_that_was_taken_back_is_listed_in_whatever_order_it_was_told(source):
    told = [report(9104, 1, "processing"), report(9104, 2, "processing", refunds=_refunds("5.00"))]
    told.append(report(9104, 3, "processing", refunds=[]))
    found = []
    for order in permutations(told):
        with transaction.atomic():
            for number in store(source, list(order)):
                process_delivery.call(number)
            found.append(ReportedOrder.objects.get(external_id="9104").differences)
            transaction.set_rollback(True)

    assert found == [[{"field": "refunds", "here": "500", "there": ""}]] * 6


def test_two_databases_show_one_digest():
    """PostgreSQL gives back what it keeps as JSON with its keys sorted, SQLite as it was written."""
    tax = {"label": "TVA 20 %", "rate": "0.2000", "amount": "17.36", "kind": "vat"}

    assert shown([dict(sorted(tax.items()))]) == shown([tax])
    assert digest({"1": {"taxes": shown([tax])}}) == "73ece071feb4a9c7"


def at_once(source, deliveries, workers):
    """What deliveries come to with several workers, each with a connection of its own."""
    numbers = store(source, deliveries)
    lock, errors = threading.Lock(), []

    def work():
        try:
            while True:
                with lock:
                    if not numbers:
                        return
                    number = numbers.pop(0)
                process_delivery.call(number)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    found = outcome()
    forget(source)
    return found


def forget(source):
    """Take the orders away again, and put the stock back."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for model in (
            RefundLine,
            Refund,
            HistoryEntry,
            Note,
            StockMovement,
            OrderLine,
            Delivery,
            ReportedOrder,
        ):
            rows = StockMovement.objects.exclude(line=None) if model is StockMovement else model.objects.all()
            rows._raw_delete(rows.db)
        cursor.execute("DELETE FROM orders_ordernamestart")
        for model in (Order, Customer, OutgoingEmail):
            model.objects.all()._raw_delete("default")
        cursor.execute("DELETE FROM orders_stockmovement WHERE cause NOT LIKE 'count:%'")
        cursor.execute("UPDATE vendors_product SET stock = 100 WHERE stock IS NOT NULL")
        cursor.execute("SET session_replication_role = origin")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", scenarios())
def test_several_workers_end_in_the_same_state(name):
    source = set_up()
    deliveries = scenarios()[name]
    expected = at_once(source, deliveries, 1)

    for seed in range(9):
        rng = random.Random(seed)
        found = at_once(source, shuffled(rng, deliveries, whole=seed % 2), 1 + seed % 3)
        assert_same(found, expected, whole=seed % 2)
