"""Storefronts, deliveries and what was set aside: in the admin, and on the shop's page."""

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone, translation
from django_tasks_db.models import DBTaskResult

from marketplace.models import AuditEntry
from orders.domain.health import health_of
from orders.domain.intake import take_trash
from orders.domain.invoicing import issue_invoice
from orders.jobs import process_delivery, receive_delivery
from orders.models import Delivery, DeliveryState, ReconcileRun, Source
from orders.states import OrderStatus
from tests.factories import make_member, make_order, make_source, make_user, make_vendor
from tests.recorded import body_of, sign
from vendors.roles import Role

pytestmark = pytest.mark.django_db
SOURCE = "/admin/orders/source/"
FORM = {
    "name": "Marché",
    "slug": "marche",
    "time_zone": "Europe/Paris",
    "unknown_vendors": "quarantine",
    "tax_kinds": "{}",
    "vendors-TOTAL_FORMS": 0,
    "vendors-INITIAL_FORMS": 0,
}


@pytest.fixture
def staff(client_of):
    return client_of(make_user("staff@example.com", is_staff=True, is_superuser=True))


@pytest.fixture
def source(db) -> Source:
    source = make_source()
    source.rotate_secret(at=timezone.now(), secret="first-secret")
    return source


def text_of(response) -> str:
    return response.content.decode()


def put_aside(source, vendor, n=1, **fields) -> Delivery:
    return Delivery.objects.create(
        source=source,
        vendor=vendor,
        topic="order.updated",
        external_id=str(n),
        body=b'{"billing": "Zoe"}',
        problem_path="billing",
        **{
            "state": DeliveryState.QUARANTINED,
            "problem_code": "not_object",
            "problem_values": {"got": '"Zoe"'},
            **fields,
        },
    )


def test_a_new_storefront_shows_its_secret_once(staff):
    shown = text_of(staff.post(f"{SOURCE}add/", FORM))

    source = Source.objects.get()
    later = text_of(staff.get(f"{SOURCE}{source.pk}/change/"))
    assert re.search('id="secret">([^<]+)<', shown)[1] == source.secret
    assert (source.secret in later, "/webhooks/woocommerce/marche/" in later) == (False, True)


def test_a_storefront_may_bring_its_own_secret(staff):
    staff.post(f"{SOURCE}add/", {**FORM, "own_secret": "clé-à-nous-de-vingt-lettres"})

    assert Source.objects.get().secret == "clé-à-nous-de-vingt-lettres"


def test_keys_are_kept_where_the_form_leaves_them_empty(staff, source):
    url = f"{SOURCE}{source.pk}/change/"
    staff.post(url, {**FORM, "new_consumer_key": "ck_42", "new_consumer_secret": "cs_42"})
    staff.post(url, {**FORM, "name": "Renamed"})

    source.refresh_from_db()
    assert (source.name, source.consumer_key, source.consumer_secret) == ("Renamed", "ck_42", "cs_42")
    assert "ck_42" not in text_of(staff.get(url))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("time_zone", "Paris", "Paris is no time zone; write it as Europe/Paris."),
        ("tax_kinds", '{"TVA": "tax"}', "Write each tax with its kind"),
        ("tax_kinds", "[1]", "Write each tax with its kind"),
    ],
)
def test_a_wrong_value_is_said_at_its_field(staff, field, value, sentence):
    assert sentence in text_of(staff.post(f"{SOURCE}add/", {**FORM, field: value}))


def test_a_rotation_shows_the_new_secret_and_keeps_the_old(staff, source):
    response = staff.post(f"{SOURCE}{source.pk}/rotate/")

    source.refresh_from_db()
    assert source.secret in text_of(response)
    assert source.valid_secrets(timezone.now()) == [source.secret, "first-secret"]
    assert "no-store" in response["Cache-Control"]


def test_changes_of_a_storefront_stand_in_the_audit_without_secrets(staff, source):
    url = f"{SOURCE}{source.pk}/change/"
    staff.post(url, {**FORM, "slug": source.slug, "is_paused": "on", "new_consumer_key": "ck_42"})
    staff.post(f"{SOURCE}{source.pk}/rotate/")

    said = [
        entry.data["changes"] for entry in AuditEntry.objects.filter(kind="office_changed").order_by("pk")
    ]
    assert said[0]["is_paused"] == [False, True]
    assert said[1:] == [{"consumer_key": ["…", "…"]}, {"secret": ["…", "…"]}]
    assert "ck_42" not in str(said)


def test_a_paused_storefront_is_answered_503_from_then_on(staff, client, source):
    staff.post(f"{SOURCE}{source.pk}/change/", {**FORM, "slug": source.slug, "is_paused": "on"})

    headers = {"X-WC-Webhook-Signature": sign(b"{}", "first-secret")}
    address = f"/webhooks/woocommerce/{source.slug}/"
    assert client.post(address, b"{}", "application/json", headers=headers).status_code == 503


@pytest.mark.parametrize("page", ["rotate", "replay"])
def test_rotation_and_replay_ask_for_post_and_the_right(client_of, source, page):
    staff = client_of(make_user(is_staff=True, is_superuser=True))
    assert staff.get(f"{SOURCE}{source.pk}/{page}/").status_code == 403
    helper = client_of(make_user(is_staff=True))

    assert helper.post(f"{SOURCE}{source.pk}/{page}/").status_code == 403
    source.refresh_from_db()
    assert source.secret == "first-secret"


def test_the_health_of_a_storefront(source, vendor):
    now = timezone.now()
    put_aside(source, vendor, received_at=now - timedelta(hours=2))
    for minutes in (5, 90):
        Delivery.objects.create(source=source, body=b"", received_at=now - timedelta(minutes=minutes))

    health = health_of(source, at=now)

    assert (health.last_hour, health.last_day, health.quarantined, health.unmapped) == (1, 3, 1, [])
    assert (health.waiting, health.waiting_for) == (2, timedelta(minutes=90))
    assert health.last_at == now - timedelta(minutes=5)


def test_the_storefronts_page_tells_of_its_last_reconciliation(staff, source):
    now = timezone.now()
    run = ReconcileRun.objects.create(
        source=source,
        started_at=now,
        continued_at=now,
        problem="naturalconect did not answer in time.",
        counts={"changed": 1, "field:status": 1},
        differences=[
            {
                "order": "12",
                "outcome": "changed",
                "fields": [{"field": "status", "before": "pending", "after": "completed"}],
            }
        ],
    )

    text = text_of(staff.get(f"{SOURCE}{source.pk}/change/"))

    assert f"/admin/orders/reconcilerun/{run.pk}/change/" in text
    assert "naturalconect did not answer in time." in text
    assert "Steps the storefront has not taken" in text
    page = text_of(staff.get(f"/admin/orders/reconcilerun/{run.pk}/change/"))
    assert "<div>12: changed, status (pending → completed)</div>" in page


def test_the_pages_of_the_admin_show_health_and_sentences(staff, source, vendor):
    delivery = put_aside(source, vendor)

    assert "Wrong signatures" in text_of(staff.get(f"{SOURCE}{source.pk}/change/"))
    assert staff.get(SOURCE).status_code == 200
    for url in ("/admin/orders/delivery/", f"/admin/orders/delivery/{delivery.pk}/change/"):
        assert "billing: must be an object, got &quot;Zoe&quot;" in text_of(staff.get(url))
    assert staff.get("/admin/orders/reportedorder/?differs=differences").status_code == 200


def test_one_or_all_are_processed_again_after_mapping(staff, source):
    first, second = (
        receive_delivery(
            source, json.dumps({**body_of(1573), "id": n}).encode(), headers={}, at=timezone.now()
        )
        for n in (11, 12)
    )
    for delivery in (first, second):
        process_delivery.call(delivery.pk)
    assert health_of(source, at=timezone.now()).unmapped == [("2", 2)]
    assert "2 (2)" in text_of(staff.get(f"{SOURCE}{source.pk}/change/"))
    assert Delivery.objects.quarantined().count() == 2
    source.vendors.create(external_id="2", vendor=make_vendor())
    DBTaskResult.objects.all().delete()

    staff.post("/admin/orders/delivery/", {"action": "replay", "_selected_action": [first.pk]})
    assert DBTaskResult.objects.count() == 1
    staff.post(f"{SOURCE}{source.pk}/replay/")

    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)
    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == ["applied", "applied"]


def test_a_shop_sees_its_own_orders_that_were_set_aside_and_no_value(client_of, source, vendor):
    put_aside(source, vendor, 1565)
    put_aside(source, make_vendor(), 7777)
    client = client_of(make_member(vendor, Role.PREPARER))

    text = text_of(client.get(f"/vendors/{vendor.slug}/orders/set-aside/"))

    assert ("1565" in text, "billing" in text, "7777" in text, "Zoe" in text) == (True, True, False, False)
    assert "The customer’s details" in text


def test_the_menu_leads_there_only_where_something_is_set_aside(client_of, source, vendor):
    client = client_of(make_member(vendor))
    address = f"/vendors/{vendor.slug}/orders/set-aside/"
    assert address not in text_of(client.get(f"/vendors/{vendor.slug}/orders/"))

    put_aside(source, vendor)

    assert address in text_of(client.get(f"/vendors/{vendor.slug}/orders/"))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_takes_as_many_queries_for_any_number(
    client_of, source, vendor, rows, django_assert_num_queries
):
    client = client_of(make_member(vendor))
    for n in range(rows):
        put_aside(source, vendor, n)

    with django_assert_num_queries(6):
        assert client.get(f"/vendors/{vendor.slug}/orders/set-aside/").status_code == 200


def prune(**fields) -> str:
    out = StringIO()
    call_command("prune_deliveries", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("state", "days", "after"),
    [
        ("applied", 31, "applied"),
        ("unchanged", 31, "unchanged"),
        ("left_alone", 31, "left_alone"),
        ("quarantined", 31, "given_up"),
        ("waiting", 61, "given_up"),
    ],
)
def test_old_bodies_are_removed_with_what_they_quote(source, vendor, settings, state, days, after):
    settings.DELIVERIES_KEPT_DAYS = 30
    now = timezone.now()
    old = put_aside(source, vendor, state=state, received_at=now - timedelta(days=days))
    young = put_aside(source, vendor, state=state, received_at=now - timedelta(days=days - 2))

    assert prune().startswith("1 bodies removed")

    old.refresh_from_db()
    young.refresh_from_db()
    assert (bytes(old.body), old.problem_values, old.pruned_at is None) == (b"", {}, False)
    assert (old.state, young.state, bool(young.body)) == (after, state, True)
    assert "Zoe" in young.sentence


def test_a_delivery_that_waited_too_long_says_what_to_do(source, vendor, settings):
    old = put_aside(source, vendor, state="waiting", received_at=timezone.now() - timedelta(days=61))

    prune()

    old.refresh_from_db()
    assert old.why == "was not processed in time and is removed; a reconciliation fetches what it told"


def test_what_was_given_up_waits_for_nobody(client_of, source, vendor):
    put_aside(source, vendor, received_at=timezone.now() - timedelta(days=31))
    address = f"/vendors/{vendor.slug}/orders/set-aside/"
    prune()

    assert address not in text_of(client_of(make_member(vendor)).get(f"/vendors/{vendor.slug}/orders/"))
    assert health_of(source, at=timezone.now()).quarantined == 0


def test_a_delivery_whose_task_is_lost_is_queued_again(source):
    yesterday = timezone.now() - timedelta(days=2)
    kept, lost = (receive_delivery(source, b"{}", headers={}, at=yesterday) for _ in range(2))
    DBTaskResult.objects.filter(args_kwargs__args=[lost.pk]).update(status="FAILED")

    assert prune() == "0 bodies removed, 1 lost deliveries queued again.\n"
    assert prune() == "0 bodies removed, 0 lost deliveries queued again.\n"
    ready = DBTaskResult.objects.filter(status="READY").values_list("args_kwargs", flat=True)
    assert sorted(told["args"] for told in ready) == [[kept.pk], [lost.pk]]


def test_what_is_wrong_is_told_in_the_readers_language(source, vendor, staff):
    delivery = put_aside(source, vendor)
    before = put_aside(source, vendor, problem_code="", problem_values={}, problem="told before")

    with translation.override("fr"):
        told = (delivery.sentence, delivery.why_without_values, before.sentence)

    assert told == (
        'billing\u202f: doit être un objet, reçu\u202f: "Zoe"',
        "doit être un objet, reçu\u202f: …",
        "billing\u202f: told before",
    )


def test_a_pruned_delivery_is_not_processed_again(staff, source, vendor):
    pruned = put_aside(source, vendor, pruned_at=timezone.now())

    staff.post("/admin/orders/delivery/", {"action": "replay", "_selected_action": [pruned.pk]})

    pruned.refresh_from_db()
    assert (pruned.state, DBTaskResult.objects.count()) == ("quarantined", 0)


@pytest.mark.pdf
def test_an_invoice_of_a_deleted_order_stays(client_of, vendor):
    owner = make_member(vendor)
    order = make_order(vendor, status=OrderStatus.PROCESSING)
    issue_invoice(order, by=owner, at=timezone.now())
    take_trash(order.source, order.external_id, is_trashed=True, number=1, at=timezone.now())
    order.refresh_from_db()
    client = client_of(owner)

    page = f"/vendors/{vendor.slug}/orders/{order.number}/"
    statuses = [client.get(url).status_code for url in (page, f"{page}invoice.pdf")]

    assert (order.hidden_at is None, statuses) == (False, [404, 200])


def test_a_hidden_order_is_in_no_list_count_or_export(client_of, vendor):
    order = make_order(vendor, status=OrderStatus.PROCESSING, number="4711")
    client = client_of(make_member(vendor))
    take_trash(order.source, order.external_id, is_trashed=True, number=1, at=timezone.now())

    texts = [
        client.get(f"/vendors/{vendor.slug}/orders/"),
        b"".join(client.get(f"/vendors/{vendor.slug}/orders/export.csv").streaming_content),
    ]

    assert "4711" not in text_of(texts[0])
    assert b"4711" not in texts[1]


def test_the_signature_of_a_rotated_secret_opens_the_door(client, source):
    body = b"{}"
    headers = {"X-WC-Webhook-Signature": sign(body, "first-secret")}

    response = client.post("/webhooks/woocommerce/naturalconect/", body, "application/json", headers=headers)

    assert response.status_code == 200
