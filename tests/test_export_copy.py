"""What PostgreSQL writes itself is to the byte what Python writes, and figures are never old."""

import itertools
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DataError, connection, transaction
from django.db.models import CharField, F, TextField
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketplace.management.commands.db_worker import every_minute
from orders.domain.earnings import CommissionRules
from orders.domain.refunds import refund_order
from orders.exports import blocks, figures
from orders.exports import export as export_module
from orders.exports.export import Export
from orders.exports.options import Options
from orders.models import ExportLog, Order, OrderFigures, OrderLine, Shipment, StaleFigures
from orders.models.figure_triggers import TRIGGERS, figures_come_along, keep_figures
from orders.states import OrderStatus
from tests.factories import NOON, TWENTY, make_document, make_line, make_member, make_order, make_vendor
from tests.test_exports import CSV, copies, issue, lines_of_an_order, neighbor  # noqa: F401
from vendors.models import LegalIdentity, Vendor
from vendors.roles import Role

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

S = OrderStatus
DIALECTS = [
    Options(rows, headers, dialect)
    for rows, headers, dialect in itertools.product(
        ("orders", "lines"), ("labels", "codes"), ("strict", "excel")
    )
]
BY_CODES, LINES_BY_CODES = (Options(rows, "codes", "strict") for rows in ("orders", "lines"))
RISKY = st.text(st.sampled_from("=+-@\t\r\n\v\f\x1c\x1d\x1e\u2028 \"'\\;,0é9a×|"), max_size=12)


def written(orders, options, vendor, *, by_python=False, are_many=False):
    """The file, and whether the database wrote it."""
    export = Export(orders, options, vendor=vendor, are_many=lambda: are_many)
    asked = []
    say = export._copy
    export._copy = lambda dialect: asked.append(None if by_python else say(dialect)) or asked[-1]
    data = b"".join(export.csv(ExportLog(vendor=vendor, user=make_somebody(vendor), format="test")))
    return data, asked[0] is not None


def make_somebody(vendor):
    return vendor.memberships.first().user if vendor.memberships.exists() else make_member(vendor, Role.OWNER)


@pytest.fixture(autouse=True)
def unlogged(monkeypatch):
    """The log has its own tests."""
    monkeypatch.setattr(Export, "_settle", lambda self, log: None)


def assert_both_ways_agree(vendor, orders=None):
    orders = orders if orders is not None else Order.objects.for_vendor(vendor)
    for options in (BY_CODES, LINES_BY_CODES):
        data, by_database = written(orders, options, vendor)
        assert by_database
        assert data == written(orders, options, vendor, by_python=True)[0]


# The same bytes


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    baskets=st.lists(lines_of_an_order(), min_size=1, max_size=3),
    texts=st.lists(RISKY, min_size=8, max_size=8),
    shares=st.lists(st.fractions(0, 1), max_size=2),
    order_fee=st.sampled_from([Decimal(0), Decimal("0.35")]),
    franchise=st.booleans(),
    currency=st.sampled_from(["EUR", "EUR", "JPY", "TND"]),
    status=st.sampled_from([S.PROCESSING, S.COMPLETED, S.PENDING]),
    moments=st.lists(st.datetimes(NOON.replace(tzinfo=None) - timedelta(days=9000)), min_size=3, max_size=3),
    zone=st.sampled_from(["Europe/Paris", "Indian/Reunion", "Asia/Kolkata", "America/St_Johns", "UTC"]),
    are_many=st.booleans(),
    language=st.sampled_from(["fr", "en"]),
)
def test_both_ways_write_the_same_bytes(
    baskets, texts, shares, order_fee, franchise, currency, status, moments, zone, are_many, language
):
    rules = CommissionRules(rate=Decimal("0.125"), vat_rate=TWENTY, order_fee=order_fee)
    vendor = make_vendor(uuid4().hex, time_zone=zone)
    if franchise:
        LegalIdentity.objects.update_or_create(vendor=vendor, defaults={"vat_regime": "franchise"})
    for number, lines in enumerate(baskets):
        told = iter(texts)
        for line in lines:
            line.name, line.sku = f"{texts[number]}{line.name}", texts[number]
        text = f"{texts[number]}{number}"
        order = make_order(vendor, lines=lines, rules=rules, status=status, number=text, currency=currency)
        for share in shares:
            amount = Decimal(int(int(order.refundable * 100) * share)) / 100
            if amount and order.status in (S.PROCESSING, S.COMPLETED):
                refund_order(order, amount=amount, by=None, at=NOON)
        Order.objects.filter(pk=order.pk).update(
            placed_at=moments[0].replace(tzinfo=NOON.tzinfo) + timedelta(seconds=number // 2),
            paid_at=moments[1].replace(tzinfo=NOON.tzinfo),
            customer_name=next(told),
            customer_note=next(told),
            billing_city=next(told),
            payment_title=next(told),
            payment_method=next(told),
            shipping_method=next(told),
        )
        Shipment.objects.create(order=order, number=1, tracking_number=next(told), shipped_at=NOON)
        Shipment.objects.create(order=order, number=2, tracking_number=next(told), shipped_at=NOON)
    orders = Order.objects.for_vendor(Vendor.objects.get(pk=vendor.pk))
    figures.settle(vendor.pk)

    for options in DIALECTS:
        with translation.override(language):
            data, by_database = written(orders, options, vendor, are_many=are_many)
            same, _by_python = written(orders, options, vendor, by_python=True)
        assert (options, data) == (options, same)
        assert by_database


def test_every_text_of_an_order_is_guarded(vendor):
    order = make_order(vendor, number="1")
    texts = {
        field.name: f"=\u2028{field.name}"[: field.max_length]
        for field in Order._meta.concrete_fields
        if isinstance(field, CharField | TextField) and not field.choices
    }
    figures.settle(vendor.pk)
    for name, text in texts.items():
        Order.objects.filter(pk=order.pk).update(**{name: text})

        assert_both_ways_agree(vendor)

    assert written(Order.objects.all(), BY_CODES, vendor)[0].count(b"'= ") >= len(texts) - 8


def test_a_selection_of_nothing_is_a_header(vendor):
    make_order(vendor, number="1")

    assert_both_ways_agree(vendor, Order.objects.for_vendor(vendor).none())
    assert_both_ways_agree(vendor, Order.objects.for_vendor(vendor).filter(number="2"))


@pytest.mark.parametrize(("options", "rows"), [(BY_CODES, 3), (LINES_BY_CODES, 6)])
def test_the_rows_are_counted(vendor, options, rows):
    for number in ("1", "2", "3"):
        make_order(vendor, number=number, lines=[make_line(None), make_line(None)])
    export = Export(Order.objects.for_vendor(vendor), options, vendor=vendor)

    _data = b"".join(export.csv(None))

    assert export.rows == rows


def test_an_order_of_nothing_is_no_row_of_a_line(vendor):
    order = make_order(vendor, number="1")
    order.lines.all().delete()
    Order.objects.filter(pk=order.pk).update(commission=0, earnings=F("net_total"))

    data, by_database = written(Order.objects.for_vendor(vendor), LINES_BY_CODES, vendor)

    assert (by_database, data.count(b"\n")) == (True, 1)


def test_the_settings_of_the_connection_stay_as_they_were(vendor):
    make_order(vendor, number="1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings")
        before = dict(cursor.fetchall())

    written(Order.objects.for_vendor(vendor), BY_CODES, vendor, are_many=True)

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings")
        after = dict(cursor.fetchall())
    assert {name: value for name, value in after.items() if before[name] != value} == {}


# Figures are never old


def put_aside(vendor):
    """An order whose figures are worked out."""
    order = make_order(vendor, number="1", status=S.PROCESSING, lines=[make_line(None, total="12.00")])
    figures.settle(vendor.pk)
    assert not figures.is_stale(vendor)
    return order


CHANGES = {
    "an order": lambda order: make_order(order.vendor, number="2"),
    "a name": lambda order: Order.objects.filter(pk=order.pk).update(customer_name="=1"),
    "a line": lambda order: OrderLine.objects.filter(order=order).update(name="Bol"),
    "a line's price": lambda order: OrderLine.objects.filter(order=order).update(total=Decimal(6)),
    "one line more": lambda order: make_line_of(order),
    "a line less": lambda order: OrderLine.objects.filter(order=order).delete(),
    "a commission": lambda order: charge(order, "commission", 1),
    "a commission given back": lambda order: charge(order, "commission_given_back", -1),
    "a commission per order": lambda order: charge(order, "commission_order_fee", 0),
    "a refund": lambda order: refund_order(order, amount=Decimal("5.00"), by=None, at=NOON),
    "a parcel": lambda order: Shipment.objects.create(
        order=order, number=1, tracking_number="6A", shipped_at=NOON
    ),
    "an invoice": lambda order: make_document(order),
}


def make_line_of(order):
    line = make_line(None, total="3.00", vat_rate=TWENTY)
    line.order, line.position = order, 9
    line.save()


def charge(order, column, sign):
    earnings = F("earnings") - sign
    Order.objects.filter(pk=order.pk).update(**{column: F(column) + 1, "earnings": earnings})


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_is_in_the_next_file(vendor, change):
    order = put_aside(vendor)

    CHANGES[change](order)

    assert figures.is_stale(vendor)
    assert_both_ways_agree(vendor)


OF_A_LINE = {
    **dict.fromkeys(["total_before_discount", "total", "refunded_total"], Decimal("3.33")),
    **dict.fromkeys(["commission", "commission_vat", "commission_given_back"], Decimal("0.33")),
    **dict.fromkeys(["position", "quantity", "units_refunded"], 3),
    "kind": "fee",
    "sku": "=S",
    "name": "Bol",
    "taxes": [],
}


def test_whatever_is_read_of_a_line_is_in_the_next_file(vendor):
    order = put_aside(vendor)
    assert {"order_id", *OF_A_LINE} == {*blocks._PLAIN, *blocks._AMOUNTS, "position"}
    for column, value in OF_A_LINE.items():
        OrderLine.objects.filter(order=order).update(**{column: value})

        assert (column, figures.is_stale(vendor)) == (column, True)
        assert_both_ways_agree(vendor)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (Shipment, {"tracking_number": "6B"}),
        (Shipment, {"number": 7}),
    ],
)
def test_a_parcel_told_anew_is_in_the_next_file(vendor, table, change):
    order = put_aside(vendor)
    Shipment.objects.create(order=order, number=1, tracking_number="6A", shipped_at=NOON)
    figures.settle(vendor.pk)

    table.objects.filter(order=order).update(**change)

    assert figures.is_stale(vendor)
    assert_both_ways_agree(vendor)


def test_a_parcel_taken_back_is_in_no_file(vendor):
    order = put_aside(vendor)
    parcel = Shipment.objects.create(order=order, number=1, tracking_number="6A", shipped_at=NOON)
    figures.settle(vendor.pk)

    parcel.delete()

    assert_both_ways_agree(vendor)


def test_a_step_costs_no_figures(vendor):
    order = put_aside(vendor)

    Order.objects.filter(pk=order.pk).update(status=S.COMPLETED, completed_at=NOON, version=2)
    OrderLine.objects.filter(order=order).update(held=1)

    assert not figures.is_stale(vendor)
    assert_both_ways_agree(vendor)


def test_python_writes_while_many_figures_are_to_work_out(vendor, monkeypatch):
    monkeypatch.setattr(export_module, "AT_FIRST", 1)
    for number in ("1", "2", "3"):
        make_order(vendor, number=number)

    data, by_database = written(Order.objects.for_vendor(vendor), BY_CODES, vendor)

    assert (by_database, data.count(b"\r\n")) == (False, 4)


def test_python_writes_where_days_decide_about_vat(vendor):
    make_order(vendor, number="1")
    vendor.identity.vat_changes.create(starts_on=NOON.date(), regime="franchise")

    assert written(Order.objects.for_vendor(vendor), BY_CODES, vendor)[1] is False


def test_the_worker_works_out_every_shops_figures(vendor):
    for number in ("1", "2", "3"):
        make_order(vendor, number=number)
    make_order(make_vendor(), number="4")

    settled = figures.settle_all()

    assert (settled, StaleFigures.objects.count(), OrderFigures.objects.count()) == (4, 0, 4)


@pytest.mark.django_db(transaction=True)
def test_a_worker_works_out_figures_every_minute(vendor):
    make_order(vendor, number="1")

    every_minute()

    assert not figures.is_stale(vendor)


@pytest.mark.django_db(transaction=True)
def test_a_minute_that_fails_is_told_and_the_next_one_comes(vendor, settings, caplog):
    settings.EVERY_MINUTE = ["orders.exports.figures.missing"]

    every_minute()

    assert "What is due every minute failed." in caplog.text


def test_a_table_of_orders_that_is_divided_keeps_its_triggers(vendor):
    with connection.cursor() as cursor:
        for name, table, _definition in TRIGGERS:
            cursor.execute(f"DROP TRIGGER {name} ON {table}")
        cursor.execute("ALTER TABLE orders_order RENAME TO orders_whole")
        cursor.execute("CREATE TABLE orders_order (LIKE orders_whole) PARTITION BY HASH (vendor_id)")
        cursor.execute(
            "CREATE TABLE orders_part PARTITION OF orders_order FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
        )
    keep_figures(None)

    with CaptureQueriesContext(connection) as asked:
        keep_figures(None)

    assert [each["sql"] for each in asked if "TRIGGER" in each["sql"]] == []


def test_orders_that_come_with_their_figures_are_not_stale(vendor):
    order = put_aside(vendor)

    with figures_come_along():
        Order.objects.filter(pk=order.pk).update(customer_name="Zoé")
    assert not figures.is_stale(vendor)

    Order.objects.filter(pk=order.pk).update(customer_name="Léa")
    assert figures.is_stale(vendor)


@pytest.mark.django_db(transaction=True)
def test_what_another_writes_meanwhile_stays_to_be_worked_out(vendor, neighbor):  # noqa: F811
    order = put_aside(vendor)
    Order.objects.filter(pk=order.pk).update(customer_name="Zoé")
    neighbor.set_autocommit(False)
    with neighbor.cursor() as cursor:
        cursor.execute("UPDATE orders_order SET customer_name = '=1' WHERE id = %s", [order.pk])

    assert figures.settle(vendor.pk) == 1
    neighbor.commit()

    assert figures.is_stale(vendor)
    assert_both_ways_agree(vendor)


@pytest.mark.django_db(transaction=True)
def test_two_do_not_work_out_one_shops_figures_at_once(vendor, neighbor):  # noqa: F811
    make_order(vendor, number="1")
    neighbor.set_autocommit(False)
    with neighbor.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended('comptoir figures', %s))", [vendor.pk]
        )

    assert figures.settle(vendor.pk) == 0
    neighbor.rollback()
    assert figures.settle(vendor.pk) == 1


@pytest.mark.django_db(transaction=True)
def test_what_another_writes_while_the_file_is_written_is_not_in_it(vendor, neighbor, monkeypatch):  # noqa: F811
    put_aside(vendor)
    before, _by_database = written(Order.objects.for_vendor(vendor), BY_CODES, vendor, by_python=True)
    write = export_module.copied

    def disturbed(*args, **kwargs):
        with neighbor.cursor() as cursor:
            copies(Order.objects.get(number="1"), 1, cursor)
            cursor.execute("UPDATE orders_orderline SET name = 'Bowl'")
            cursor.execute("DELETE FROM orders_orderfigures")
        return write(*args, **kwargs)

    monkeypatch.setattr(export_module, "copied", disturbed)

    assert written(Order.objects.for_vendor(vendor), BY_CODES, vendor) == (before, True)


# Broken off


@pytest.mark.django_db(transaction=True)
def test_a_copy_broken_off_leaves_a_connection_that_works(vendor):
    order = make_order(vendor, number="1", lines=[make_line(None)])
    with transaction.atomic(), connection.cursor() as cursor:
        copies(order, 4000, cursor)
    while figures.settle(vendor.pk):
        pass
    export = Export(Order.objects.for_vendor(vendor), BY_CODES, vendor=vendor).csv(None)
    _header, _first_piece = next(export), next(export)
    assert connection.in_atomic_block

    export.close()

    assert not connection.in_atomic_block
    assert_both_ways_agree(vendor)


@pytest.mark.django_db(transaction=True)
def test_an_error_of_the_database_is_told(vendor, monkeypatch):
    put_aside(vendor)
    broken = Order.objects.for_vendor(vendor).extra(where=["1 / (id - id) = 1"])

    with pytest.raises(DataError, match="division by zero"):
        b"".join(Export(broken, BY_CODES, vendor=vendor).csv(None))

    assert not connection.in_atomic_block


# Cost


@pytest.mark.parametrize("orders", [1, 3])
def test_a_file_costs_the_same_queries_whatever_it_holds(
    client_of, owner, vendor, django_assert_num_queries, orders
):
    for number in range(orders):
        order = make_order(vendor, number=str(number), status=S.PROCESSING, lines=[make_line(None)])
        issue(order, f"RDB-F2026-{number:06}", number)
    figures.settle(vendor.pk)
    browser = client_of(owner)

    for rows in ("orders", "lines"):
        with django_assert_num_queries(13):
            b"".join(browser.get(f"{CSV}?rows={rows}").streaming_content)
