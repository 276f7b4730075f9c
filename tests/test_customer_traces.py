"""A customer who left a trace wherever one can: who of the staff sees it, what erasure leaves, what is handed out."""

import json
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection, models

from marketplace.models import AuditEntry, OutgoingEmail
from orders.domain.intake import index_name
from orders.domain.invoicing import delivery_note
from orders.domain.privacy import PERSONAL, anonymise, erase
from orders.models import Answer, Customer, Delivery, Note, Order, Refund, Shipment
from orders.states import OrderStatus
from tests.factories import NOON, make_customer, make_document, make_line, make_order, make_product, make_user

pytestmark = pytest.mark.django_db
NAME = "Zéphyrine Quatrebarbes"
WORDS = ["Quatrebarbes", "quatrebarbes", "phyrine", "zq@example.com", "404833048", "6A0002", "Alouettes"]


@pytest.fixture
def order(vendor, owner, client_of):
    """A finished order of a sole trader, whose name stands in every table that could hold it."""
    order = make_order(
        vendor,
        number="1042",
        lines=[make_line(make_product(vendor), 1, details=f"Gravure : {NAME}")],
        status=OrderStatus.COMPLETED,
        customer=make_customer(vendor, NAME, email="zq@example.com"),
        customer_name=NAME,
        customer_email="zq@example.com",
        billing_address_1="2 rue des Alouettes",
        buyer_siren="404833048",
        buyer_vat_number="FR83404833048",
        received_at=NOON,
        completed_at=NOON,
        announce=True,
    )
    index_name(order)
    note = Note.objects.create(order=order, text=f"{NAME} a appelé", written_at=NOON)
    refund = Refund.objects.create(
        order=order, amount=1, commission_given_back=0, at=NOON, answer=f"{NAME} : carte refusée", reason=note
    )
    Answer.objects.create(
        order=order,
        kind="refund",
        cause="refund:1",
        asked_at=NOON,
        next_try_at=NOON,
        refund=refund,
        said=f"zq@example.com ({NAME}) is no customer",
        state="refused",
    )
    Shipment.objects.create(order=order, number=1, tracking_number="6A00026927507", shipped_at=NOON)
    delivery_note(order, at=NOON)
    make_document(order, snapshot={"buyer": {"name": NAME}})
    OutgoingEmail.objects.create(
        event="x",
        topic=f"order:{order.pk}",
        template="x",
        to="zq@example.com",
        text=f"Bonjour {NAME}",
        subject=NAME,
    )
    Delivery.objects.create(
        source=order.source,
        order=order,
        state="applied",
        body=NAME.encode(),
        headers={"x": NAME},
        problem_values={"got": NAME},
    )
    shop = client_of(owner)
    shop.get("/vendors/rucher-des-baux/orders/export.csv?customer=Quatrebarbes&status=completed").getvalue()
    shop.logout()
    return order


def everything_written():
    """Every value of every table, as text; issued documents apart, which are kept."""
    with connection.cursor() as cursor:
        for table in set(connection.introspection.table_names(cursor)) - {"orders_document"}:
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor:
                yield from (str(bytes(v) if isinstance(v, memoryview) else v) for v in row)


def test_erasure_leaves_no_word_in_any_table(order):
    erase("zq@example.com", at=NOON)

    left = "\n".join(everything_written())
    assert [word for word in WORDS if word in left] == []


def test_a_business_stays_one_without_its_number(order):
    anonymise(Order.objects.all(), at=NOON)

    order.refresh_from_db()
    assert (order.is_for_business, order.buyer_siren) == (True, "")


def test_an_export_keeps_what_was_asked_for_but_not_whom(order):
    assert order.vendor.exports.get().filters == "status=completed&customer=*"


# What the tables around an order keep in words, and why none of it tells who bought.
HARMLESS = {
    "a code of ours or of the storefront": {
        *("Order.status", "Order.stage", "Order.way", "Order.refund_state", "Order.currency"),
        "Order.payment_method",
        *("OrderLine.kind", "OrderLine.commission_rate_source", "OrderLine.commission_fixed_source"),
        *("Shipment.carrier", "Refund.progress", "Answer.kind", "Answer.cause", "Answer.status"),
        *("Answer.state", "Answer.trouble", "HistoryEntry.kind", "HistoryEntry.actor"),
        *("HistoryEntry.old_status", "HistoryEntry.new_status", "HistoryEntry.data"),
        *("Delivery.topic", "Delivery.state", "Delivery.note", "Delivery.problem_path"),
        *("Delivery.problem_code", "Delivery.body_sha256", "BulkItem.state", "Document.kind"),
        *("Document.currency", "Document.sha256", "Document.previous_hash", "Document.chain_hash"),
    },
    "a number of an order, a line, a document": {
        *("Order.number", "Order.external_id", "Order.basket_number", "OrderLine.external_id"),
        *("Refund.external_id", "Answer.external_id", "Note.external_id", "Delivery.external_id"),
        *("ReportedOrder.external_id", "Document.number", "DeliveryNote.number"),
        "OrderFigures.invoice_number",
    },
    "a country, which VAT follows from": {"Order.billing_country", "Order.shipping_country"},
    "a name of the storefront's settings": {"Order.payment_title", "Order.shipping_method"},
    "what was sold, and amounts": {
        *("OrderLine.sku", "OrderLine.name", "OrderLine.taxes", "OrderFigures.items", "OrderFigures.lines"),
        *(f"OrderFigures.{name}" for name in ("lines_total", "total_excl_vat", "vat_total", "refunded_vat")),
        *(
            f"OrderFigures.{kind}_{rate}"
            for kind in ("base", "vat")
            for rate in ["20", "10", "5_5", "2_1", "other"]
        ),
    },
    "a digest of such, and names of fields": {
        *(
            "ReportedOrder.rank",
            "ReportedOrder.before_refund",
            "ReportedOrder.applied",
            "ReportedOrder.undecidable",
        ),
        "ReportedOrder.differences",
    },
    "a sentence of ours": {"BulkItem.why"},
    "an issued document, kept by law": {"Document.snapshot", "Document.pdf"},
}
# What erasure empties, as the tests above show.
EMPTIED = {
    *(f"Order.{name}" for name in PERSONAL),
    *("OrderLine.details", "OrderNameStart.start", "Shipment.tracking_number", "Note.text", "Refund.answer"),
    *("Answer.said", "DeliveryNote.said", "OrderFigures.tracking_numbers", "OrderFigures.cells"),
    *("Delivery.body", "Delivery.headers", "Delivery.problem_values", "Delivery.problem"),
}


def around_an_order():
    """Every text column of an order and of the tables that name one."""
    texts = models.CharField | models.TextField | models.JSONField | models.BinaryField | models.FileField
    for model in apps.get_app_config("orders").get_models():
        names_one = any(f.related_model is Order for f in model._meta.concrete_fields if f.is_relation)
        if (model is Order or names_one) and not model._meta.proxy:
            for field in model._meta.concrete_fields:
                if isinstance(field, texts):
                    yield f"{model.__name__}.{field.name}"


def test_every_word_around_an_order_is_erased_or_says_why_not():
    known = EMPTIED.union(*HARMLESS.values())

    assert set(around_an_order()) == known


@pytest.mark.parametrize("page", admin.site._registry.values(), ids=lambda page: page.opts.label)
def test_whoever_of_the_staff_sees_the_person_stands_in_the_audit(client_of, order, page):
    """Every list and every row of the office: where a word of the person is shown, it is written down."""
    staff = client_of(make_user(is_staff=True, is_superuser=True))
    path = f"/admin/{page.opts.app_label}/{page.opts.model_name}/"
    paths = [path, *(f"{path}{pk}/change/" for pk in page.model._base_manager.values_list("pk", flat=True))]

    unwritten = []
    for each in paths:
        before = AuditEntry.objects.filter(kind="customer_seen").count()
        text = staff.get(each).content.decode()
        written = AuditEntry.objects.filter(kind="customer_seen").count() - before
        if any(word in text for word in WORDS) and written != 1:
            unwritten.append(each)

    assert unwritten == []


def test_a_search_for_a_customer_is_written_without_the_words(client_of, order):
    staff = client_of(make_user(is_staff=True, is_superuser=True))

    staff.get("/admin/orders/order/", {"q": "zq@example.com"})

    entry = AuditEntry.objects.get(kind="customer_seen")
    assert (entry.subject, entry.data) == ("order", {"rows": 1, "filters": ["q"]})


def test_a_customer_is_handed_out_all_that_is_stored(order, capsys):
    call_command("customer_data", "ZQ@example.com")

    found = json.loads(capsys.readouterr().out)
    [told], [customer] = found["orders"], found["customers"]
    assert (customer["name"], customer["shop"]) == (NAME, "Rucher des Baux")
    assert {name: told[name] for name in PERSONAL} == {name: getattr(order, name) for name in PERSONAL}
    assert (told["parcels"][0]["tracking_number"], told["refunds"][0]["amount"]) == ("6A00026927507", "1.00")
    assert (told["notes"][0]["text"], told["notes"][0]["is_for_customer"]) == (f"{NAME} a appelé", False)
    assert ([mail["subject"] for mail in told["mails"]], len(told["documents"])) == ([NAME], 1)
    assert told["steps"][0]["kind"]


def test_a_customer_who_never_ordered_is_handed_out_and_erased(vendor, capsys):
    make_customer(vendor, NAME, email="zq@example.com")

    call_command("customer_data", "zq@example.com")
    call_command("customer_data", "zq@example.com", "--erase")

    assert NAME in capsys.readouterr().out
    assert not Customer.objects.exists()


def test_who_asked_on_the_command_line_stands_in_the_audit(order, monkeypatch):
    monkeypatch.setattr("orders.management.commands.customer_data.getuser", lambda: "alix")

    call_command("customer_data", "zq@example.com")
    call_command("customer_data", "zq@example.com", "--erase")

    kinds = ["customer_exported", "customer_erased"]
    assert [AuditEntry.objects.get(kind=kind).data["account"] for kind in kinds] == ["alix", "alix"]


def test_what_exports_were_narrowed_by_before_loses_its_names(order):
    log = order.vendor.exports.get()
    log.filters = "status=completed&customer=Quatrebarbes&late=1"
    log.save()

    import_module("orders.migrations.0096_exports_name_nobody").forget_names(apps, None)

    log.refresh_from_db()
    assert log.filters == "status=completed&customer=*&late=1"
