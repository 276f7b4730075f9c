"""The demo: believable, right to the cent, the same for the same seed, and made once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F, ForeignKey, JSONField, Model, Q, Sum
from django.test import override_settings

from marketplace.checks import can_render
from marketplace.models import OutgoingEmail
from orders.demo.bulk import CHUNK, Filling
from orders.demo.calendar import Calendar
from orders.demo.copies import TABLES
from orders.demo.fill import DemoImpossible, Made, _issue, make_demo
from orders.demo.shops import PASSWORD, PLANS
from orders.demo.tables import null, row
from orders.domain.invoicing import missing_identity
from orders.domain.refunds import refund_order
from orders.models import (
    Customer,
    Document,
    HistoryEntry,
    Note,
    Order,
    OrderLine,
    OrderNameStart,
    Refund,
    Shipment,
    Source,
    StockMovement,
)
from orders.models.customers import name_starts
from orders.states import GIVES_BACK, TAKES_STOCK, OrderStatus
from tests.factories import NOON, make_member, make_order, make_user, make_vendor
from vendors.models import LegalIdentity, Product, User, Vendor

ORDERS = 60
FAST_HASH = ["django.contrib.auth.hashers.MD5PasswordHasher"]

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="class")
def demo(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Made]:
    """A small demo that the tests of a class share; they only read it."""
    documents = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path_factory.mktemp("documents")), "base_url": None},
    }
    with (
        django_db_blocker.unblock(),
        override_settings(PASSWORD_HASHERS=FAST_HASH, STORAGES={**settings.STORAGES, "documents": documents}),
        transaction.atomic(),
    ):
        yield make_demo(ORDERS, seed=1, now=NOON, invoices=2)
        transaction.set_rollback(True)


@pytest.fixture
def verveine(demo: Made) -> Vendor:
    return Vendor.objects.get(slug="atelier-verveine")


class TestTheDemo:
    """What is there, who may sign in, and that all of it adds up."""

    def test_every_state_is_there(self, verveine):
        assert set(Order.objects.for_vendor(verveine).values_list("status", flat=True)) == set(OrderStatus)

    def test_the_first_shop_has_most_of_the_orders(self, demo, verveine):
        assert demo.orders == Order.objects.count() == ORDERS
        assert 0.5 < Order.objects.for_vendor(verveine).count() / ORDERS < 0.85

    def test_rarities_are_there(self, demo):
        is_several = Order.objects.exclude(basket_number="").values("basket_number").annotate(n=Count("id"))
        found = {
            "partial refund": Order.objects.filter(refund_state="partial"),
            "to refund": Order.objects.filter(status="cancelled", paid_at__isnull=False, net_total__gt=0),
            "two parcels": Order.objects.annotate(n=Count("shipments")).filter(n=2),
            "forty lines": Order.objects.annotate(n=Count("lines")).filter(n__gte=40),
            "dollars": Order.objects.filter(currency="USD"),
            "nothing to pay": Order.objects.filter(total=0),
            "nameless": Order.objects.filter(customer_name=""),
            "company": Order.objects.exclude(billing_company=""),
            "gift wrap": Order.objects.filter(fees_total__gt=0),
            "discount": Order.objects.filter(discount_total__gt=0),
            "customer's note": Order.objects.exclude(customer_note=""),
            "private note": Note.objects.filter(is_for_customer=False),
            "note to the customer": Note.objects.filter(is_for_customer=True),
            "several shops": is_several.filter(n__gte=2),
            "oversold": Product.objects.filter(stock__lt=0),
        }

        assert [name for name, rows in found.items() if not rows.exists()] == []

    def test_a_line_may_bear_two_rates_or_a_levy(self, demo):
        lines = list(OrderLine.objects.all())

        assert {line.kind for line in lines if len(line.vat_rates) == 2} == {"shipping"}
        assert {line.sku for line in lines if line.levies} == {"DIF"}

    def test_a_search_for_ben_finds_several_open_orders_of_the_last_month(self, verveine):
        orders = Order.objects.for_vendor(verveine).named("bén", of=verveine)

        assert orders.filter(status="processing", placed_at__gte=NOON - timedelta(days=30)).count() >= 5

    def test_a_few_orders_are_late_and_none_comes_from_the_future(self, verveine):
        orders = Order.objects.for_vendor(verveine)

        assert orders.late(NOON).count() == 2
        assert not HistoryEntry.objects.filter(at__gt=NOON).exists()
        assert orders.filter(placed_at__gte=NOON - timedelta(hours=12)).count() >= 3

    def test_the_shops_may_invoice(self, demo):
        assert [missing_identity(vendor) for vendor in Vendor.objects.all()] == [[], [], []]

    @pytest.mark.parametrize("slug", [plan.slug for plan in PLANS])
    def test_the_colour_of_a_shop_is_readable_on_white(self, demo, slug):
        color = LegalIdentity.objects.get(vendor__slug=slug).color

        assert 1.05 / (luminance(color) + 0.05) >= 4.5

    @pytest.mark.pdf
    def test_invoices_are_issued_in_the_order_of_their_dates(self, demo):
        assert can_render()
        invoices = Document.objects.filter(kind="F").order_by("sequence")
        issued = invoices.values_list("sequence", "number", "issued_on")

        assert [(sequence, number) for sequence, number, _on in issued] == [
            (1, "AVE-F2026-000001"),
            (2, "AVE-F2026-000002"),
        ]
        assert issued[0][2] <= issued[1][2]

    @pytest.mark.pdf
    def test_one_of_the_invoices_has_a_credit_note(self, demo):
        note = Document.objects.get(kind="A")

        assert note.corrects.kind == "F"
        assert note.order.refunded_total == note.total > 0

    def test_only_the_newest_orders_are_announced(self, demo):
        newest = Order.objects.order_by("-placed_at")[:3]
        announced = OutgoingEmail.objects.values_list("template", "topic").distinct()

        assert set(announced) == {("new_order", f"order:{order.pk}") for order in newest}

    @pytest.mark.parametrize(
        ("email", "home"),
        [
            ("owner@demo.example", "/vendors/atelier-verveine/orders/"),
            ("manager@demo.example", "/vendors/atelier-verveine/orders/"),
            ("preparer@demo.example", "/vendors/atelier-verveine/orders/"),
            ("accountant@demo.example", "/vendors/atelier-verveine/orders/"),
            ("owner@other.example", "/vendors/miel-et-cie/orders/"),
        ],
    )
    def test_people_sign_in_and_come_to_their_shop(self, demo, client, email, home):
        client.post("/accounts/login/", {"login": email, "password": PASSWORD})

        assert client.get("/").headers["Location"] == home

    def test_the_staff_signs_in(self, demo, client):
        client.post("/accounts/login/", {"login": "admin@demo.example", "password": PASSWORD})

        assert client.get("/admin/").status_code == 200

    def test_every_order_adds_up(self, demo):
        assert wrong_orders() == {}

    def test_stock_is_what_its_movements_say(self, demo):
        assert wrong_stocks() == []

    def test_the_second_run_changes_nothing(self, demo):
        before = digest()
        out = StringIO()

        call_command("demo", "--orders", "5", stdout=out)

        assert out.getvalue() == "The demo is here already, with 60 orders: nothing was changed.\n"
        assert digest() == before


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def wrong_orders() -> dict[str, list[str]]:
    """Return what is wrong, by order number."""
    orders = Order.objects.select_related("vendor").prefetch_related(
        "lines__product", "lines__shipped", "refunds__lines", "history", "name_starts"
    )
    return {order.number: wrong for order in orders if (wrong := list(_wrong(order)))}


def _wrong(order: Order) -> Iterator[str]:
    lines, refunds = list(order.lines.all()), list(order.refunds.all())
    history = sorted(order.history.all(), key=lambda entry: entry.pk)
    steps = [entry for entry in history if entry.kind in ("arrived", "status")]
    facts = {
        "lines": sum(line.total for line in lines) == order.total,
        "refunds": sum(refund.amount for refund in refunds) == order.refunded_total,
        "refunds of lines": sum(line.refunded_total for line in lines) == order.refunded_total,
        "net": order.net_total == order.total - order.refunded_total,
        "gains": order.earnings + order.commission_kept == order.net_total,
        "commission": sum(line.commission for line in lines) == order.commission,
        "commission back": sum(line.commission_given_back for line in lines) == order.commission_given_back,
        "taxes": all(line.total - line.storefront_net == _tax(line) for line in lines),
        "held": all(line.held == _should_hold(order, line) for line in lines),
        "shipped": all(sum(part.units for part in line.shipped.all()) <= line.quantity for line in lines),
        "first entry": history[0].kind == "arrived",
        "steps": all(a.new_status == b.old_status for a, b in pairwise(steps)),
        "status": steps[-1].new_status == order.status,
        "version": max(entry.version for entry in history) == order.version,
        "order of history": [entry.at for entry in history] == sorted(entry.at for entry in history),
        "names": sorted(name.start for name in order.name_starts.all())
        == sorted(name_starts(order.customer_name)),
        "shop": all(line.product.vendor_id == order.vendor_id for line in lines if line.product),
        "customer": order.customer is None or order.customer.vendor_id == order.vendor_id,
    }
    yield from (name for name, is_right in facts.items() if not is_right)


def _tax(line: OrderLine) -> Decimal:
    return sum((Decimal(tax["amount"]) for tax in line.taxes), Decimal(0))


def _should_hold(order: Order, line: OrderLine) -> int:
    """For every state but refunded: what the state takes, less what came back."""
    if line.product is None or not line.product.is_managed or order.status in GIVES_BACK:
        return 0
    return line.quantity - line.units_returned if order.status in TAKES_STOCK else line.held


def wrong_stocks() -> list[str]:
    moved = Product.objects.annotate(moved=Sum("movements__units"))
    return [product.sku for product in moved if product.stock != product.moved]


# Made once, the same each time


def test_the_same_day_and_seed_make_the_same_demo():
    first = made_and_taken_back(seed=7, now=NOON)
    later = made_and_taken_back(seed=7, now=NOON + timedelta(hours=9))
    other = made_and_taken_back(seed=8, now=NOON)

    assert first == later
    assert first != other


def made_and_taken_back(**arguments: Any) -> list[Any]:
    with transaction.atomic():
        make_demo(24, rich=20, invoices=0, **arguments)
        made = digest()
        transaction.set_rollback(True)
    return made


def digest() -> list[Any]:
    """All that the rows say, without what the database numbers."""
    models = [Customer, Order, OrderLine, Note, HistoryEntry, Refund, Shipment, StockMovement, Product]
    return [rows_of(model) for model in models]


def rows_of(model: type[Model]) -> list[Any]:
    numbered = {"cause"}  # holds ids
    names = [
        field.attname
        for field in model._meta.concrete_fields
        if not field.primary_key
        and not isinstance(field, ForeignKey | JSONField)
        and field.attname not in numbered
    ]
    return list(model._default_manager.order_by("pk").values_list(*names))


@pytest.mark.parametrize(
    "now",
    [
        datetime(2027, 1, 1, 5, 30, tzinfo=UTC),  # a holiday before seven
        datetime(2027, 3, 28, 12, 0, tzinfo=UTC),  # the day that the clocks go forward, a Sunday
        datetime(2028, 2, 29, 23, 30, tzinfo=UTC),
    ],
)
def test_any_day_will_do(now):
    make_demo(20, seed=3, now=now, invoices=0)

    assert wrong_orders() == {}
    assert Order.objects.filter(vendor__slug="atelier-verveine").late(now).count() == 2
    assert not HistoryEntry.objects.filter(at__gt=now).exists()


def test_the_demos_day_begins_at_seven_in_paris():
    before, after = (datetime(2026, 11, 23, hour, 59, tzinfo=UTC) for hour in (5, 6))

    assert (Calendar.of(before).today.day, Calendar.of(after).today.day) == (22, 23)


# Beside others


def test_other_shops_are_left_alone():
    owner = make_member(make_vendor("rucher-des-baux"))

    make_demo(3, seed=1, now=NOON, invoices=0)

    assert list(Vendor.objects.of(owner).values_list("slug", flat=True)) == ["rucher-des-baux"]
    assert not Order.objects.filter(vendor__slug="rucher-des-baux").exists()


def test_a_shop_of_the_same_name_is_not_overwritten():
    make_vendor("miel-et-cie")

    with pytest.raises(CommandError, match="A shop “miel-et-cie” is here that the demo did not make"):
        call_command("demo", "--orders", "3")
    assert Vendor.objects.count() == 1


def test_a_person_of_the_same_address_is_not_overwritten():
    make_user("Admin@demo.example")

    with pytest.raises(DemoImpossible, match=r"admin@demo\.example is here"):
        make_demo(3, seed=1, now=NOON)
    assert User.objects.count() == 1


def test_a_demo_that_breaks_off_leaves_nothing(monkeypatch):
    def breaks_off(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orders.demo.fill.fill_up", breaks_off)

    with pytest.raises(KeyboardInterrupt):
        make_demo(12, seed=1, now=NOON, invoices=0)
    assert [model.objects.count() for model in (Vendor, User, Order, Source)] == [0, 0, 0, 0]


@pytest.mark.parametrize("wish", ["-1", "many", "1.5"])
def test_a_wrong_number_of_orders_is_refused(wish):
    with pytest.raises(CommandError, match="is not a number of orders"):
        call_command("demo", f"--orders={wish}")


# Many


@pytest.mark.parametrize(("orders", "builds_indexes_anew"), [(700, False), (200, True)])
def test_many_orders_are_as_right_as_few(monkeypatch, orders, builds_indexes_anew):
    if builds_indexes_anew:
        monkeypatch.setattr("orders.demo.bulk.MANY", 100)
    before = indexes()
    told: list[int] = []

    make_demo(orders, seed=1, now=NOON, rich=30, invoices=0, progress=told.append)

    connection.check_constraints()
    assert sum(told) == Order.objects.count() == orders
    assert wrong_orders() == {}
    assert wrong_stocks() == []
    assert set(Order.objects.values_list("status", flat=True)) == set(OrderStatus)
    assert not HistoryEntry.objects.filter(at__gt=NOON).exists()
    assert Customer.objects.count() < 200
    assert indexes() == before


def indexes() -> dict[str, Any]:
    with connection.cursor() as cursor:
        return {
            model._meta.db_table: connection.introspection.get_constraints(cursor, model._meta.db_table)
            for model in TABLES
        }


def test_after_many_orders_a_new_one_finds_its_id_free():
    make_demo(40, seed=1, now=NOON, rich=10, invoices=0)
    last = Order.objects.latest("pk")

    Order.objects.create(vendor=last.vendor, number="new", placed_at=NOON)

    assert Order.objects.latest("pk").number == "new"


def test_what_the_database_refuses_of_many_orders_is_told_and_leaves_nothing(monkeypatch):
    filling = Filling([], 3 * CHUNK, Calendar.of(NOON), Random(1), originals=SimpleNamespace())
    rows = iter([["1", "1", "1", "camille"], [null()] * 4, ["3", "1", "1", "martin"]])
    monkeypatch.setattr(filling, "copy_orders", lambda _ranks: filling.names.rows.append(row(next(rows))))

    with pytest.raises(IntegrityError, match=r"(?i)null"), transaction.atomic():
        filling.write_orders(lambda _made: None)

    assert not OrderNameStart.objects.exists()


def test_history_of_a_copy_names_its_own_rows():
    make_demo(160, seed=1, now=NOON, rich=0, invoices=0)
    refunds = HistoryEntry.objects.filter(kind="refund")

    assert refunds.exists()
    named = {(entry.order_id, entry.data["refund"]) for entry in refunds}
    assert named == set(Refund.objects.values_list("order", "pk"))
    assert not Refund.objects.exclude(lines__line__order=F("order")).exists()
    assert not Shipment.objects.filter(~Q(lines__line__order=F("order"))).exists()


def test_what_was_refunded_is_invoiced_after_its_refund(vendor, owner, monkeypatch):
    for place in ("invoicing", "credit_notes"):
        monkeypatch.setattr(f"orders.domain.{place}.invoice_pdf", lambda said: said["number"].encode())
    monkeypatch.setattr("orders.demo.fill.can_render", lambda: True)
    orders = [make_order(vendor, status="completed", placed_at=NOON - timedelta(days=9)) for _ in range(8)]
    refund = refund_order(orders[-1], amount=Decimal("5.00"), by=owner, at=NOON - timedelta(days=3))
    shop = SimpleNamespace(vendor=vendor, someone=lambda role: owner)

    assert _issue(orders, shop, Calendar.of(NOON), most=2) == 2

    first, second = Document.objects.filter(kind="F").order_by("sequence")
    note = Document.objects.get(kind="A", refund=refund)
    assert (second.order, note.issued_at >= refund.at) == (orders[-1], True)
    assert first.issued_at < second.issued_at <= note.issued_at
