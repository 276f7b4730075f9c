"""Eight processes issue at the same moment, some of them break: no gap, no double, one whole chain."""

import multiprocessing
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections, transaction

from orders.domain.continuity import verify
from orders.domain.corrections import correct_invoice
from orders.domain.invoicing import issue_invoice
from orders.domain.refunds import refund_order
from orders.models import Document, DocumentSeries, Order
from tests.factories import NOON, buyer_data_of, make_order, make_vendor

PROCESSES = 8
FORK = multiprocessing.get_context("fork")

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


class Broken(Exception):
    """The transaction around an issue fails after the number was taken."""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(
        "orders.domain.invoicing.invoice_pdf", lambda said: b"%PDF " + said["number"].encode()
    )


def issue_all(keys, failures):
    """Issue the invoices of these orders; the attempt before each third one is rolled back."""
    connections.close_all()
    try:
        for n, key in enumerate(keys):
            order = Order.objects.get(pk=key)
            if n % 3 == 0:
                break_off(order)
            issue_invoice(order, by=None, at=NOON + timedelta(seconds=n))
    except BaseException:
        failures.put(traceback.format_exc())
    finally:
        connections.close_all()


def break_off(order):
    try:
        with transaction.atomic():
            issue_invoice(order, by=None, at=NOON)
            raise Broken
    except Broken:
        pass


def issue_at_once(each):
    """Let the processes issue ``each`` invoices; the first orders are wanted by two of them."""
    vendor = make_vendor()
    keys = [make_order(vendor, status="processing").pk for _ in range(PROCESSES * each)]
    shares = [keys[n::PROCESSES] + keys[:2] for n in range(PROCESSES)]
    failures = FORK.SimpleQueue()
    connections.close_all()
    workers = [FORK.Process(target=issue_all, args=(share, failures)) for share in shares]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures.empty(), failures.get()
    return PROCESSES * each


def check(count):
    [report] = verify()

    assert (report.count, report.gaps, report.troubles) == (count, [], [])
    assert sorted(Document.objects.values_list("sequence", flat=True)) == list(range(1, count + 1))
    assert DocumentSeries.objects.get().last_number == count


def test_eight_processes_leave_no_gap_and_no_double():
    check(issue_at_once(4))


@pytest.mark.slow
def test_eight_processes_with_two_hundred_each():
    check(issue_at_once(200))


def test_a_correction_and_an_issue_with_a_credit_note_do_not_wait_for_each_other(monkeypatch):
    vendor = make_vendor()
    invoiced, refunded = (make_order(vendor, status="processing") for _ in range(2))
    invoice = issue_invoice(invoiced, by=None, at=NOON)
    refund_order(refunded, amount=Decimal("5.00"), by=None, at=NOON)
    both = threading.Barrier(2)

    def meet(said):
        """Go on when both have taken their first number, or one of them waits for the other."""
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=1)
        return said["number"].encode()

    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", meet)

    def correct():
        buyer = replace(buyer_data_of(invoiced), billing_city="Brest")
        correct_invoice(invoiced, buyer, invoice=invoice.number, by=None, at=NOON)

    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(in_a_transaction, act) for act in (correct, lambda: issue(refunded))]
    assert [task.exception() for task in tasks] == [None, None]


def issue(order):
    issue_invoice(order, by=None, at=NOON)


def in_a_transaction(act):
    try:
        with transaction.atomic():
            act()
    finally:
        connections.close_all()
