"""Whatever happens to an order in whatever order: no invoice is credited for more than it states."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from orders.domain import credit_notes
from orders.domain.corrections import correct_invoice
from orders.domain.credit_notes import has_due
from orders.domain.invoicing import InvoiceRefused, issue_invoice
from orders.domain.refunds import RefundRefused, refund_order
from orders.domain.transitions import change_status
from orders.models import Document, Order, Refund
from tests.factories import NOON, buyer_data_of, make_line, make_order, make_source, make_vendor

LATER = NOON + timedelta(days=1)
PARTS = {"refund a bit": "0.31", "refund half": "0.5", "refund the rest": "1"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", lambda said: said["number"].encode())


def for_a_business(vendor, **fields):
    return make_order(vendor, status="on-hold", buyer_siren="732829320", **fields)


def taken_back(vendor):
    """An order whose invoice was taken back: it was stopped before anything was paid."""
    order = for_a_business(vendor, number="1042")
    issue_invoice(order, by=None, at=NOON)
    change_status(order, "cancelled", by=None, at=LATER)
    return order


def credited(order):
    notes = Document.objects.filter(order=order, kind="A").order_by("pk")
    return [(note.number, note.corrects.number, note.total) for note in notes]


def test_a_refund_after_the_invoice_was_taken_back_is_not_credited_again(vendor):
    order = taken_back(vendor)

    refund_order(order, amount=Decimal("12.00"), by=order.source, at=LATER, external_id="99")

    assert credited(order) == [("RDB-A2026-000001", "RDB-F2026-000001", Decimal("12.00"))]
    assert not has_due(order)


def test_the_order_page_offers_no_note_on_an_invoice_that_was_taken_back(client_of, owner, vendor):
    order = taken_back(vendor)
    refund_order(order, amount=Decimal("5.00"), by=order.source, at=LATER, external_id="99")

    page = client_of(owner).get("/vendors/rucher-des-baux/orders/1042/")

    assert not page.context["may_issue_note"]


def test_an_invoice_that_refunds_used_up_is_not_taken_back_besides(client_of, owner, vendor):
    order = for_a_business(vendor, number="1042")
    issue_invoice(order, by=None, at=NOON)
    refund_order(order, amount=Decimal("12.00"), by=order.source, at=LATER, external_id="99")

    change_status(order, "cancelled", by=order.source, at=LATER)

    assert credited(order) == [("RDB-A2026-000001", "RDB-F2026-000001", Decimal("12.00"))]
    assert not has_due(order)
    page = client_of(owner).get("/vendors/rucher-des-baux/orders/1042/")
    assert not page.context["may_issue_note"]


def test_a_refund_from_between_is_credited_on_the_new_invoice_alone(vendor):
    order = taken_back(vendor)
    refund_order(order, amount=Decimal("5.00"), by=order.source, at=LATER, external_id="99")
    change_status(order, "processing", by=None, at=LATER)

    issue_invoice(order, by=None, at=LATER)

    assert credited(order) == [
        ("RDB-A2026-000001", "RDB-F2026-000001", Decimal("12.00")),
        ("RDB-A2026-000002", "RDB-F2026-000002", Decimal("5.00")),
    ]


STEPS = ["on-hold", "processing", "completed", "cancelled", "failed", "invoice", "correct", *PARTS]


class TestAnyLife(TestCase):
    """Lives that begin with an open invoice; ``lines known`` is the storefront telling a refund's lines."""

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @example(["cancelled", "refund the rest"])
    @example(["refund the rest", "cancelled"])
    @example(["refund half", "cancelled", "lines known", "processing", "invoice", "correct"])
    @given(st.lists(st.sampled_from([*STEPS, "lines known"]), max_size=9))
    def test_no_invoice_is_credited_beyond_its_total(self, steps):
        order = for_a_business(make_vendor(), lines=[make_line(None, 3, total="10.00"), make_line(None)])
        issue_invoice(order, by=None, at=NOON)

        for step in steps:
            _live(Order.objects.get(pk=order.pk), step)

            for invoice in Document.objects.filter(order=order, kind="F"):
                notes = Document.objects.filter(corrects=invoice)
                assert (notes.aggregate(all=Sum("total"))["all"] or 0) <= invoice.total
                assert not notes.filter(total=0).exists()


def _live(order, step):
    try:
        if step in PARTS:
            _refund(order, Decimal(PARTS[step]))
        elif step == "invoice":
            issue_invoice(order, by=None, at=LATER)
        elif step == "correct":
            last = order.documents.filter(kind="F").order_by("-pk")[0]
            buyer = replace(buyer_data_of(order), billing_company=f"Instead of {last.number}")
            correct_invoice(order, buyer, invoice=last.number, by=None, at=LATER)
        elif step == "lines known":
            Refund.objects.filter(order=order).update(awaits_lines=False)
            credit_notes.issue_due_if_possible(order, by=None, at=LATER)
        else:
            change_status(order, step, by=make_source(), at=LATER)
    except (InvoiceRefused, RefundRefused):
        pass


def _refund(order, part):
    """A refund that the storefront reports, whose lines it may still tell where it is not the whole."""
    amount = (order.refundable * part).quantize(Decimal("0.01"))
    known = order.refunds.count()
    refund_order(
        order, amount=amount, by=make_source(), at=LATER, external_id=f"r{known}", awaits_lines=part < 1
    )
