"""Anonymisation of the demo's shops: no personal word is left, documents verify, no figure moves."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models
from django.db.models import Sum
from django.utils import timezone

from marketplace.models import AuditEntry
from orders.domain.privacy import PERSONAL, anonymise, finished_before
from orders.models import Customer, Document, Note, Order, Shipment

pytestmark = [pytest.mark.slow, pytest.mark.pdf, pytest.mark.django_db]
# What a finished order keeps on purpose: its issued documents, which the law wants as they are.
KEPT = {"orders.Document": {"snapshot"}}
LIVE = [
    model
    for model in apps.get_models()
    if model._meta.app_label in ("orders", "vendors", "marketplace", "django_tasks_database")
]


def words_of(orders):
    """Everything that names a person on or around ``orders``, longer than what stands in any text."""
    found = set()
    for row in orders.values_list(*PERSONAL):
        found |= set(row)
    customers = Customer.objects.filter(orders__in=orders)
    for row in customers.values_list("name", "email"):
        found |= set(row)
    found |= set(Note.objects.filter(order__in=orders).values_list("text", flat=True))
    found |= set(Shipment.objects.filter(order__in=orders).values_list("tracking_number", flat=True))
    return {word for word in found if len(word) > 7}


def texts():
    """Every text of every live table: (model, column, value)."""
    for model in LIVE:
        kept = KEPT.get(model._meta.label, set())
        columns = [f.attname for f in model._meta.concrete_fields if is_text(f) and f.name not in kept]
        for row in model._base_manager.values_list(*columns) if columns else []:
            for column, value in zip(columns, row, strict=True):
                yield (
                    f"{model._meta.label}.{column}",
                    bytes(value) if isinstance(value, memoryview) else value,
                )


def is_text(field):
    return isinstance(field, models.CharField | models.TextField | models.JSONField | models.BinaryField)


def figures():
    """What accounts and lists are made of, shop by shop and state by state."""
    sums = {name: Sum(name) for name in ("total", "refunded_total", "commission", "earnings")}
    return list(
        Order.objects.values("vendor", "status", "currency")
        .annotate(n=models.Count("pk"), **sums)
        .order_by("vendor", "status", "currency")
    )


def test_no_personal_word_of_the_demo_is_left(capsys):
    call_command("demo", orders=60)
    later = timezone.now() + timedelta(days=2000)
    finished = finished_before(later)
    theirs, before, documents = words_of(finished), figures(), list(Document.objects.values_list())
    theirs -= words_of(Order.objects.exclude(pk__in=finished.values("pk")))  # a name may live in two orders
    assert len(theirs) > 100

    forgotten = anonymise(finished, at=later)
    left = {(place, word) for place, text in texts() for word in theirs if word in str(text)}
    capsys.readouterr()
    call_command("verify_documents")

    assert left == set()
    assert figures() == before
    assert list(Document.objects.values_list()) == documents
    assert forgotten.documents > 0
    assert not finished_before(later).exists()
    assert "theirs" not in str(list(AuditEntry.objects.values()))
    print(forgotten, capsys.readouterr().out)
