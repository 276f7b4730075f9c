import csv
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketplace.models import AuditEntry, OutgoingEmail
from orders.models import HistoryEntry, Order, StockMovement
from tests.factories import make_source, make_user
from vendors.models import Vendor

DATA = Path(__file__).parent / "data" / "woocommerce"
pytestmark = pytest.mark.django_db


def import_(*paths, **options):
    """Run the command; return its lines on both channels and whether it failed."""
    out, err = StringIO(), StringIO()
    try:
        call_command("import_woocommerce", *map(str, paths), stdout=out, stderr=err, **options)
    except CommandError as error:
        return out.getvalue() + err.getvalue() + str(error), True
    return out.getvalue() + err.getvalue(), False


def a_payload(**changes):
    return {**json.loads((DATA / "orders" / "guest_processing__single__1368.json").read_text()), **changes}


@pytest.fixture
def imported():
    return import_(DATA / "orders", create_shops=True)


def test_every_order_is_in_and_parents_and_drafts_are_skipped(imported):
    text, failed = imported

    assert (text.strip(), failed) == ("33 created, 0 changed, 0 unchanged, 4 skipped, 0 refused.", False)


def test_totals_and_states_are_those_of_the_files(imported):
    files = [json.loads(path.read_text()) for path in (DATA / "orders").glob("*.json")]
    stored = {order.external_id: order for order in Order.objects.all()}

    assert {pk: (order.total, order.status, order.currency) for pk, order in stored.items()} == {
        str(each["id"]): (Decimal(each["total"]), each["status"], each["currency"])
        for each in files
        if str(each["id"]) in stored
    }


def test_gains_agree_with_dokan_within_half_a_cent_per_line(imported):
    with (DATA / "dokan_gains.csv").open() as file:
        oracle = {row["order_id"]: Decimal(row["net_amount"]) for row in csv.DictReader(file)}

    differing = [
        order.number
        for order in Order.objects.prefetch_related("lines")
        if abs(order.total - order.commission - oracle[order.external_id])
        > Decimal("0.005") * len(order.lines.all())
    ]

    assert differing == []


def test_refunds_of_the_storefront_are_recorded_once(imported):
    import_(DATA / "orders", create_shops=True)
    order = Order.objects.get(number="1434")

    assert (order.refund_state, order.refunded_total, order.refunds.count()) == (
        "partial",
        Decimal("5.00"),
        1,
    )


def test_a_second_run_changes_nothing_and_says_so(imported):
    before = (Order.objects.count(), HistoryEntry.objects.count(), OutgoingEmail.objects.count())

    text, failed = import_(DATA / "orders", create_shops=True)

    assert "Nothing was changed." in text
    assert not failed
    assert (Order.objects.count(), HistoryEntry.objects.count(), OutgoingEmail.objects.count()) == before


def test_shops_are_made_with_a_slug_from_the_stores_name(imported):
    assert set(Vendor.objects.values_list("slug", flat=True)) == {
        "boutique-big",
        "boutique-vendor2",
        "boutique-vendor3",
    }


def test_a_file_is_read_by_the_settings_of_its_storefront(tmp_path):
    source = make_source()
    source.tax_kinds, source.time_zone = {"TVA 20 %": "levy"}, "Indian/Reunion"
    source.save()
    file = tmp_path / "order.json"
    file.write_text(json.dumps(a_payload(date_created_gmt=None, date_created="2026-11-23T12:00:00")))

    import_(file, source=source.slug, create_shops=True)

    order = Order.objects.get()
    assert {tax["kind"] for line in order.lines.all() for tax in line.taxes} == {"levy"}
    assert order.placed_at.isoformat() == "2026-11-23T08:00:00+00:00"
    assert order.vendor.time_zone == "Indian/Reunion"


def test_the_owner_gets_the_shops_that_are_made():
    make_user("anna@example.com")

    import_(DATA / "orders", create_shops=True, owner="anna@example.com")

    assert Vendor.objects.filter(memberships__user__email="anna@example.com").count() == 3
    assert AuditEntry.objects.filter(kind="joined", data={"role": "owner"}).count() == 3


def test_an_unknown_owner_is_said():
    text, failed = import_(DATA / "orders", owner="nobody@example.com")

    assert failed
    assert "nobody has the address nobody@example.com" in text


def test_an_unknown_vendor_is_named_where_no_shops_are_made():
    text, failed = import_(DATA / "orders" / "guest_processing__single__1368.json")

    assert failed
    assert "meta_data[_dokan_vendor_id]: no shop stands for vendor 2 of woocommerce" in text


def test_what_cannot_be_taken_is_named_and_the_rest_is_in(tmp_path):
    bad = a_payload(id=9)
    bad["line_items"][0]["quantity"] = 0
    (tmp_path / "a.json").write_text(json.dumps(bad))
    (tmp_path / "b.json").write_text(json.dumps(a_payload()))
    (tmp_path / "c.json").write_text("{ not json")

    text, failed = import_(tmp_path, create_shops=True)

    assert failed
    assert f"{tmp_path}/a.json: line_items[0].quantity: must be at least 1, got 0" in text
    assert f"{tmp_path}/c.json: not readable as JSON" in text
    assert "1 created" in text


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("list.json", lambda payloads: json.dumps(payloads)),
        ("lines.jsonl", lambda payloads: "\n".join(json.dumps(payload) for payload in payloads)),
    ],
)
def test_lists_and_json_lines_are_read(tmp_path, name, write):
    (tmp_path / name).write_text(write([a_payload(), a_payload(id=77, number="77")]))

    text, failed = import_(tmp_path / name, create_shops=True)

    assert not failed
    assert "2 created" in text


def test_a_basket_is_taken_whole_or_not_at_all(tmp_path):
    orders = [a_payload(id=n, number=str(n), parent_id=50) for n in (51, 52)]
    orders[1]["meta_data"] = [{"id": 1, "key": "_dokan_vendor_id", "value": "99"}]
    (tmp_path / "known.json").write_text(json.dumps(a_payload()))
    import_(tmp_path / "known.json", create_shops=True)
    (tmp_path / "basket.json").write_text(json.dumps(orders))

    text, failed = import_(tmp_path / "basket.json")

    assert failed
    assert "2 refused" in text
    assert not Order.objects.filter(basket_number="50").exists()


def test_a_later_file_moves_the_order_on(tmp_path):
    path = tmp_path / "order.json"
    path.write_text(json.dumps(a_payload()))
    import_(path, create_shops=True)
    path.write_text(
        json.dumps(
            a_payload(
                status="completed",
                date_modified_gmt="2026-11-24T06:00:00",
                date_completed_gmt="2026-11-24T06:00:00",
            )
        )
    )

    text, _failed = import_(path)

    order = Order.objects.get(external_id="1368")
    assert "1 changed" in text
    assert (order.status, order.completed_at.isoformat()) == ("completed", "2026-11-24T06:00:00+00:00")
    assert [entry.kind for entry in order.history.order_by("id")] == ["arrived", "status"]


def test_products_of_the_storefront_are_not_counted(imported):
    assert StockMovement.objects.count() == 0


def test_orders_are_found_by_every_word_of_the_name(imported):
    vendor = Vendor.objects.get(slug="boutique-big")

    found = (
        Order.objects.for_vendor(vendor).named("NGUYEN", of=vendor).values_list("customer_name", flat=True)
    )

    assert set(found) >= {"Zoé Nguyễn"}


def test_a_slash_in_a_number_becomes_a_dash(tmp_path):
    (tmp_path / "order.json").write_text(json.dumps(a_payload(number="2026/17")))

    import_(tmp_path, create_shops=True)

    assert Order.objects.get().number == "2026-17"
