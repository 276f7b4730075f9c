"""When documents are issued: now, whatever a storefront's clock says of what they are about."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from marketplace.models import OutgoingEmail
from orders.domain.credit_notes import has_due
from orders.domain.intake import take_order
from orders.domain.invoicing import issue_invoice
from orders.domain.order_data import LineData, OrderData, RefundData, TaxData
from orders.domain.originals import NotYet
from orders.domain.refunds import refund_order
from orders.domain.transitions import change_status
from orders.models import Document, DocumentSeries, Order
from orders.states import OrderStatus
from orders.views.timeline import timeline
from tests.factories import NOON, make_order, make_source, make_vendor
from vendors.domain.mandate import accept_mandate

TODAY = date(2026, 11, 23)
LAST_YEAR = datetime(2025, 12, 30, 9, 0, tzinfo=UTC)
TO_COME = datetime(2028, 5, 5, 9, 0, tzinfo=UTC)

TAXES = (TaxData("TVA 20 %", Decimal("0.2"), Decimal("2.00")),)
LINE = LineData(
    "product", "1", "Savon", 1, Decimal("10.00"), Decimal("2.00"), Decimal("10.00"), Decimal("2.00"), TAXES
)
PAID = OrderData(
    external_id="900",
    number="900",
    status=OrderStatus.PROCESSING,
    currency="EUR",
    placed_at=LAST_YEAR,
    paid_at=LAST_YEAR,
    modified_at=LAST_YEAR,
    total=Decimal("12.00"),
    total_tax=Decimal("2.00"),
    email="camille@example.com",
    payment_method="stripe",
    payment_title="Carte bancaire",
    lines=(LINE,),
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", lambda said: said["number"].encode())


@pytest.fixture
def by_itself(vendor, owner):
    """A shop whose invoices are issued on completion."""
    accept_mandate(vendor, by=owner, at=NOON)
    vendor.issues_on_completion = True
    vendor.save()
    return vendor


def report(vendor, **says) -> Order:
    """What the storefront says of its order, told here at noon."""
    return take_order(replace(PAID, **says), source=make_source(), vendor=vendor, at=NOON).order


def completed(vendor, at: datetime) -> Document:
    report(vendor)
    order = report(vendor, status=OrderStatus.COMPLETED, completed_at=at, modified_at=at)
    return order.documents.get()


@pytest.mark.parametrize("told", [LAST_YEAR + timedelta(hours=5), NOON - timedelta(days=3), TO_COME])
def test_an_order_that_was_completed_there_is_invoiced_here_and_now(by_itself, told):
    invoice = completed(by_itself, told)

    assert (invoice.number, invoice.year) == ("RDB-F2026-000001", 2026)
    assert (invoice.issued_on, invoice.issued_at) == (TODAY, NOON)


def unpaid_and_stopped(vendor) -> Order:
    """An order of a business whose invoice was taken back, because it was cancelled before it was paid."""
    order = make_order(vendor, status=OrderStatus.ON_HOLD, buyer_is_business=True)
    issue_invoice(order, by=None, at=NOON)
    change_status(order, OrderStatus.CANCELLED, by=None, at=NOON)
    return order


def attached_to_completed() -> list[str]:
    [mail] = OutgoingEmail.objects.filter(template="order_completed")
    return [file["name"] for file in mail.attachments]


def test_an_order_that_comes_back_is_invoiced_anew_when_it_is_completed(by_itself):
    by_itself.attaches_documents = True
    by_itself.save()
    order = unpaid_and_stopped(by_itself)

    change_status(order, OrderStatus.PROCESSING, by=None, at=NOON)
    change_status(order, OrderStatus.COMPLETED, by=None, at=NOON)

    assert [one.number for one in order.documents.order_by("pk")] == [
        "RDB-F2026-000001",
        "RDB-A2026-000001",
        "RDB-F2026-000002",
    ]
    assert attached_to_completed() == ["RDB-F2026-000002.pdf"]


def test_an_invoice_that_was_taken_back_goes_to_nobody(vendor):
    vendor.attaches_documents = True
    vendor.save()
    order = unpaid_and_stopped(vendor)

    change_status(order, OrderStatus.PROCESSING, by=None, at=NOON)
    change_status(order, OrderStatus.COMPLETED, by=None, at=NOON)

    assert attached_to_completed() == []


def test_an_order_that_comes_in_completed_is_invoiced_too(by_itself):
    order = report(by_itself, status=OrderStatus.COMPLETED, completed_at=NOON + timedelta(minutes=1))

    assert [document.number for document in order.documents.all()] == ["RDB-F2026-000001"]
    assert order.completed_at == NOON + timedelta(minutes=1)


@pytest.mark.parametrize("known", [{"completed_at": NOON - timedelta(hours=1)}, {}])
def test_what_was_completed_before_the_mandate_is_left_to_the_shop(by_itself, known):
    order = report(by_itself, status=OrderStatus.COMPLETED, **known)

    assert not order.documents.exists()
    [said] = timeline(order, order.history.filter(kind="document"), [], [], shows_amounts=True)
    assert said.what == ("No invoice was issued on completion: that was before the shop accepted the mandate")


@pytest.mark.parametrize(("completed_at", "invoices"), [(NOON + timedelta(minutes=1), 1), (LAST_YEAR, 0)])
def test_what_is_read_in_later_is_invoiced_where_it_was_completed_since(by_itself, completed_at, invoices):
    data = replace(PAID, status=OrderStatus.COMPLETED, completed_at=completed_at)

    order = take_order(data, source=make_source(), vendor=by_itself, at=NOON, announce=False).order

    assert (order.documents.count(), order.history.filter(kind="document").count()) == (invoices, invoices)


def test_an_order_that_comes_in_completed_is_not_invoiced_where_the_shop_does_not_want_it(vendor):
    order = report(vendor, status=OrderStatus.COMPLETED, completed_at=NOON + timedelta(minutes=1))

    assert (order.documents.count(), order.history.filter(kind="document").count()) == (0, 0)


def test_the_day_of_supply_is_the_storefronts(by_itself):
    assert completed(by_itself, LAST_YEAR + timedelta(hours=5)).snapshot["supplied_on"] == "2025-12-30"


def test_what_is_told_happened_whatever_the_storefronts_clock_says(by_itself):
    said = completed(by_itself, TO_COME).snapshot

    assert (said["issued_on"], said["supplied_on"]) == ("2026-11-23", "2026-11-23")


def test_what_is_told_to_be_paid_in_the_future_is_paid_today(vendor):
    order = make_order(vendor, status=OrderStatus.PROCESSING, paid_at=TO_COME)

    said = issue_invoice(order, by=None, at=NOON).snapshot

    assert (said["paid_on"], said["due_on"]) == ("2026-11-23", "2026-11-23")


@pytest.mark.parametrize(
    ("told", "refunded_on"), [(TO_COME, "2026-11-23"), (LAST_YEAR + timedelta(days=4), "2026-01-03")]
)
def test_a_reported_refund_has_its_note_here_and_now(vendor, told, refunded_on):
    issue_invoice(report(vendor), by=None, at=NOON)

    order = report(vendor, modified_at=told, refunds=(RefundData("77", Decimal("5.00")),))

    note = order.documents.get(kind="A")
    assert (note.number, note.issued_on, note.issued_at) == ("RDB-A2026-000001", TODAY, NOON)
    assert note.snapshot["refunded_on"] == refunded_on


def test_a_state_that_tells_of_a_refund_has_its_note_here_and_now(vendor):
    issue_invoice(report(vendor), by=None, at=NOON)

    order = report(vendor, status=OrderStatus.REFUNDED, modified_at=TO_COME)

    assert order.documents.get(kind="A").number == "RDB-A2026-000001"


def test_a_cancelled_invoice_is_taken_back_here_and_now(vendor):
    order = make_order(
        vendor, status=OrderStatus.ON_HOLD, buyer_is_business=True, number="901", source=make_source()
    )
    issue_invoice(order, by=None, at=NOON)

    change_status(order, OrderStatus.CANCELLED, by=order.source, at=TO_COME, issue_at=NOON)

    assert order.documents.get(kind="A").issued_on == TODAY


def test_nothing_is_issued_in_the_future(vendor):
    order = make_order(vendor, status=OrderStatus.PROCESSING)

    with pytest.raises(NotYet, match="2028-05-05T09:00:00"):
        issue_invoice(order, by=None, at=TO_COME)

    assert not DocumentSeries.objects.exists()


def test_a_note_of_the_future_stays_due(vendor):
    order = make_order(vendor, status=OrderStatus.PROCESSING)
    issue_invoice(order, by=None, at=NOON)

    refund_order(order, amount=Decimal("5.00"), by=None, at=timezone.now() + timedelta(days=1))

    assert (order.documents.filter(kind="A").count(), has_due(order)) == (0, True)


def test_a_note_is_never_dated_before_its_invoice(db, monkeypatch):
    vendor = make_vendor(time_zone="Pacific/Auckland")
    order = make_order(vendor, status=OrderStatus.PROCESSING)
    late = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)  # 1 January there
    monkeypatch.setattr("orders.domain.originals.timezone.now", lambda: late)
    issue_invoice(order, by=None, at=late)
    vendor.time_zone = "Europe/Paris"
    vendor.save()

    refund_order(Order.objects.get(pk=order.pk), amount=Decimal("5.00"), by=None, at=late)

    invoice, note = order.documents.order_by("pk")
    assert (invoice.issued_on, note.number, note.issued_on) == (
        date(2027, 1, 1),
        "RDB-A2027-000001",
        date(2027, 1, 1),
    )
