"""The process that makes PDFs: its time is bounded, and it is replaced when it ends."""

import os
import signal
import threading
import time

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from orders.bulk.work import ask_for_bulk, progress, work_on
from orders.documents import renderer
from orders.documents.renderer import NotMade, Stopped, TooSlow, draws, html_to_pdf
from orders.models import BulkAction, Document, DocumentSeries, Order
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_order
from vendors.logo import clean_logo, data_uri

pytestmark = pytest.mark.pdf

SHORT = "<html lang=fr><title>x</title><p>Bonjour"
LONG = "<html lang=fr><title>x</title><table>" + "<tr><td>Savon<td>12,00 €" * 20_000


def process():
    """The process that makes documents now."""
    [pid] = renderer._processes()._pool_manager.worker_manager.workers
    return pid


@pytest.fixture
def slow(settings, monkeypatch):
    """Every document takes far too long."""
    settings.DOCUMENT_SECONDS = 0.3
    monkeypatch.setattr("orders.documents.renderer.render_to_string", lambda *said: LONG)


def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_made(settings):
    html_to_pdf(SHORT, color="#000000")
    settings.DOCUMENT_SECONDS = 1
    begun = time.monotonic()

    with pytest.raises(TooSlow, match="not made in 1 seconds"):
        html_to_pdf(LONG, color="#000000")

    assert time.monotonic() - begun < 10
    settings.DOCUMENT_SECONDS = 60
    assert html_to_pdf(SHORT, color="#000000").startswith(b"%PDF")


def test_an_ended_process_is_replaced():
    html_to_pdf(SHORT, color="#000000")
    os.kill(process(), signal.SIGKILL)

    assert html_to_pdf(SHORT, color="#000000").startswith(b"%PDF")


def test_a_process_that_ends_each_time_is_told(settings):
    settings.DOCUMENT_SECONDS = 120
    html_to_pdf(SHORT, color="#000000")
    stop = threading.Event()

    def kill():
        while not stop.wait(0.3):
            for pid in list(renderer._processes()._pool_manager.worker_manager.workers):
                os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(Stopped, match="was ended"):
            html_to_pdf(LONG, color="#000000")
    finally:
        stop.set()
        killer.join()
    assert html_to_pdf(SHORT, color="#000000").startswith(b"%PDF")


def test_what_stops_the_program_is_told_and_the_next_is_made():
    bad = data_uri('<svg xmlns="http://www.w3.org/2000/svg" viewBox="a b c d"><path d="M0 0h4"/></svg>')

    with pytest.raises(NotMade, match="cannot be printed"):
        html_to_pdf(f"<html lang=fr><title>x</title><img alt='' src='{bad}'>", color="#000000")

    assert html_to_pdf(SHORT, color="#000000").startswith(b"%PDF")


def test_a_drawing_without_end_is_found_out(monkeypatch):
    monkeypatch.setattr("orders.documents.renderer.LOGO_SECONDS", 2)
    endless = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><defs>
      <linearGradient id="a" gradientUnits="userSpaceOnUse" x2="0.00001" spreadMethod="repeat">
      <stop offset="0" stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient></defs>
      <rect fill="url(#a)" width="50" height="50"/></svg>"""

    assert not draws(data_uri(endless))
    assert draws(data_uri(clean_logo(endless)))


def test_threads_share_the_process_and_get_the_same_bytes():
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(html_to_pdf(SHORT, color="#123456"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(made), len(set(made))) == (6, 1)


@pytest.mark.django_db
def test_an_invoice_that_takes_too_long_uses_no_number(client_of, owner, vendor, slow):
    order = make_order(vendor, status=OrderStatus.PROCESSING, lines=[make_line(None)])
    issue = reverse("orders:issue_invoice", args=[vendor.slug, order.number])

    response = client_of(owner).post(issue)

    [message] = get_messages(response.wsgi_request)
    assert "given up" in message.message
    assert (Document.objects.count(), DocumentSeries.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_the_worker_goes_on_after_a_document_that_takes_too_long(owner, vendor, settings, monkeypatch):
    slow, quick = (make_order(vendor, status=OrderStatus.PROCESSING, number=n) for n in ("1", "2"))
    settings.DOCUMENT_SECONDS = 2
    pages = iter([LONG, SHORT])
    monkeypatch.setattr("orders.documents.renderer.render_to_string", lambda *said: next(pages))
    job = ask_for_bulk(vendor, Order.objects.filter(vendor=vendor), BulkAction.NOTES, by=owner, at=NOON)

    assert not work_on(job, now=lambda: NOON, most=10)

    counts = progress(job)
    assert (counts["done"], counts["refused"]) == (1, 1)
    assert "given up" in job.items.get(order=slow).why
    assert job.items.get(order=quick).why == ""
