import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django_tasks_db.models import DBTaskResult

from marketplace.models import AuditEntry, OutgoingEmail
from orders.states import OrderStatus
from tests.factories import (
    NOON,
    make_document,
    make_member,
    make_order,
    make_product,
    make_source,
    make_user,
    make_vendor,
)
from vendors.domain.mandate import accept_mandate
from vendors.models import Vendor
from vendors.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]
SHOPS = "/admin/vendors/vendor/"
SHOP = "/vendors/rucher-des-baux"


@pytest.fixture
def staff():
    return make_user("staff@example.com", is_staff=True, is_superuser=True, name="Sam")


@pytest.fixture
def seen(client_of, staff, owner, vendor):
    """The browser of support that sees as our shop."""
    client = client_of(staff)
    client.post(f"{SHOPS}{vendor.pk}/see-as/", {"reason": "Ticket 7"})
    return client


def close(client, vendor, **data):
    return client.post(SHOPS, {"action": "close_shops", "_selected_action": [vendor.pk], **data})


def test_closing_a_shop_asks_first(client_of, staff, vendor):
    text = close(client_of(staff), vendor).content.decode()

    assert "The teams lose their pages at once" in text
    assert Vendor.objects.get(pk=vendor.pk).is_active


def test_closing_a_shop_needs_a_reason(client_of, staff, vendor):
    close(client_of(staff), vendor, confirmed="1", reason=" ")

    assert Vendor.objects.get(pk=vendor.pk).is_active


def test_a_closed_shop_stands_in_the_audit_with_its_reason(client_of, staff, vendor):
    close(client_of(staff), vendor, confirmed="1", reason="Fraud")

    entry = AuditEntry.objects.get(kind="shop_changed")
    assert not Vendor.objects.get(pk=vendor.pk).is_active
    assert entry.data == {"changes": {"is_active": [True, False]}, "reason": "Fraud"}


def shop_form(vendor, **changes):
    member = vendor.memberships.get()
    return {
        "name": vendor.name,
        "slug": vendor.slug,
        "time_zone": "Europe/Paris",
        "late_after_days": 2,
        "low_stock_at": 3,
        "identity-TOTAL_FORMS": 0,
        "identity-INITIAL_FORMS": 0,
        "mandate_steps-TOTAL_FORMS": 0,
        "mandate_steps-INITIAL_FORMS": 0,
        "identity_changes-TOTAL_FORMS": 0,
        "identity_changes-INITIAL_FORMS": 0,
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": member.pk,
        "memberships-0-vendor": vendor.pk,
        "memberships-0-user": member.user_id,
        "memberships-0-role": "owner",
        **changes,
    }


def test_a_changed_commission_is_written_before_and_after(client_of, staff, owner, vendor):
    client_of(staff).post(f"{SHOPS}{vendor.pk}/change/", shop_form(vendor, commission_rate="0.15"))

    entry = AuditEntry.objects.get(kind="office_changed")
    assert (entry.vendor, entry.user) == (vendor, staff)
    assert entry.data == {"changes": {"commission_rate": [None, "0.1500"]}}


@pytest.mark.parametrize("change", [{"memberships-0-DELETE": "on"}, {"memberships-0-role": "manager"}])
def test_the_office_leaves_no_shop_without_an_owner(client_of, staff, owner, vendor, change):
    response = client_of(staff).post(f"{SHOPS}{vendor.pk}/change/", shop_form(vendor, **change))

    assert "A shop keeps an owner" in response.content.decode()
    assert vendor.memberships.get().role == "owner"


def test_staff_reopens_with_a_reason(client_of, staff, vendor):
    order = make_order(vendor, status=OrderStatus.COMPLETED)
    client = client_of(staff)
    action = {"action": "move_to_processing", "_selected_action": [order.pk]}

    asked = client.post("/admin/orders/order/", action).content.decode()
    client.post("/admin/orders/order/", {**action, "confirmed": "1", "reason": "Parcel came back"})

    order.refresh_from_db()
    assert "Stock, gains and e-mails follow the step" in asked
    assert (order.status, order.history.latest("id").note.text) == ("processing", "Parcel came back")


def test_support_reads_the_shops_pages(seen, vendor):
    make_order(vendor, number="1042", status=OrderStatus.PROCESSING)

    page = seen.get(f"{SHOP}/orders/1042/").content.decode()

    assert "You see Rucher des Baux as support" in page
    assert AuditEntry.objects.filter(kind="customer_seen", subject=f"{SHOP}/orders/1042/").exists()


@pytest.mark.parametrize(
    "path", ["orders/1042/validate/", "team/invite/", "settings/", "my-mails/", "documents/originals/"]
)
def test_support_changes_nothing(seen, vendor, path):
    make_order(vendor, number="1042", status=OrderStatus.PROCESSING)

    assert seen.post(f"{SHOP}/{path}").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["orders/export.csv", "team/", "orders/1042/delivery-note.pdf"],
)
def test_support_exports_and_numbers_nothing(seen, vendor, path):
    make_document(make_order(vendor, number="1042", status=OrderStatus.PROCESSING))

    assert seen.get(f"{SHOP}/{path}").status_code == 403


def test_support_is_offered_no_export(seen, vendor):
    make_document(make_order(vendor, status=OrderStatus.PROCESSING))

    page = seen.get(f"{SHOP}/documents/").content.decode()

    assert ("RDB-F2026-000001" in page, "documents/originals/" in page) == (True, False)


def test_support_sees_no_other_shop(seen):
    make_vendor("miel-et-cie")

    assert seen.get("/vendors/miel-et-cie/orders/").status_code == 404


def test_the_owners_are_told(seen, owner, staff):
    mail = OutgoingEmail.objects.get(template="seen_as")

    assert (mail.to, "Ticket 7" in mail.text, "Sam" in mail.text) == (owner.email, True, True)


def test_support_ends_after_an_hour(seen, monkeypatch):
    import time

    later = time.time() + 3601
    monkeypatch.setattr("vendors.access.time.time", lambda: later)

    assert seen.get(f"{SHOP}/orders/").status_code == 404


def test_sight_needs_a_reason_and_the_right(client_of, client, staff, vendor):
    client_of(staff).post(f"{SHOPS}{vendor.pk}/see-as/", {"reason": ""})
    assert client.get(f"{SHOP}/orders/").status_code == 404

    client_of(make_user(is_staff=True)).post(f"{SHOPS}{vendor.pk}/see-as/", {"reason": "x"})
    assert client.get(f"{SHOP}/orders/").status_code == 404


def test_a_member_who_is_staff_stays_a_member(client_of, vendor):
    user = make_member(vendor, Role.MANAGER, is_staff=True)

    assert "as support" not in client_of(user).get(f"{SHOP}/orders/").content.decode()


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    ("model", "queries"),
    [
        ("orders/order", 6),
        ("orders/historyentry", 6),
        ("vendors/product", 6),
        ("marketplace/outgoingemail", 6),
        ("marketplace/auditentry", 6),
    ],
)
def test_a_list_counts_no_table_and_costs_the_same(client_of, staff, vendor, model, queries, n):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for _ in range(n):
        make_order(vendor, lines=[(make_product(vendor), 1)], status=OrderStatus.PROCESSING, announce=True)
    client = client_of(staff)

    with CaptureQueriesContext(
        connection,
    ) as found:
        client.get(f"/admin/{model}/")

    counts = [q["sql"] for q in found if "COUNT(" in q["sql"]]
    assert len(found) <= queries
    assert all("LIMIT 10000" in sql for sql in counts), counts


def delete_in_office(client, path, row):
    client.post(f"/admin/{path}/{row.pk}/delete/", {"post": "yes"})


def test_a_lost_second_factor_is_taken_away_told_and_written(client_of, staff, owner):
    factor = Authenticator.objects.create(user=owner, type="totp", data={"secret": "x"})

    page = client_of(staff).get(f"/admin/mfa/authenticator/{factor.pk}/change/").content.decode()
    delete_in_office(client_of(staff), "mfa/authenticator", factor)

    assert '"secret"' not in page
    assert not Authenticator.objects.exists()
    assert OutgoingEmail.objects.get(template="mfa/email/totp_deactivated").to == owner.email
    entry = AuditEntry.objects.get(kind="account_changed")
    assert (entry.user, entry.subject, entry.data) == (staff, f"user:{owner.pk}", {"what": "totp taken away"})


def test_the_office_ends_a_session(client_of, staff, owner):
    theirs = Client()
    theirs.force_login(owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    row = UserSession.objects.create(user=owner, ip="192.0.2.0", session_key=theirs.session.session_key)

    delete_in_office(client_of(staff), "usersessions/usersession", row)

    assert theirs.get(f"{SHOP}/orders/").headers["Location"].startswith("/accounts/login/")
    assert AuditEntry.objects.filter(kind="account_changed", subject=f"user:{owner.pk}").exists()


def test_a_task_that_was_given_up_is_run_again(client_of, staff, vendor):
    make_order(vendor, status=OrderStatus.PROCESSING, announce=True)
    make_member(vendor)
    make_order(vendor, status=OrderStatus.PROCESSING, announce=True)
    task = DBTaskResult.objects.first()
    DBTaskResult.objects.filter(pk=task.pk).update(status="FAILED", worker_ids=["w"] * 9)

    client_of(staff).post(
        "/admin/django_tasks_database/dbtaskresult/", {"action": "run_again", "_selected_action": [task.pk]}
    )

    task.refresh_from_db()
    assert (task.status, task.worker_ids) == ("READY", [])
    assert AuditEntry.objects.get(subject="queue").data == {"run_again": 1}


def test_a_changed_storefront_stands_in_the_audit(client_of, staff):
    source = make_source()
    client = client_of(staff)

    client.post(f"/admin/orders/source/{source.pk}/rotate/")

    entry = AuditEntry.objects.get(kind="office_changed")
    assert (entry.subject, entry.data) == (f"source:{source.pk}", {"changes": {"secret": ["…", "…"]}})


def test_the_office_sees_the_mandate_and_cannot_give_it(client_of, staff, owner, vendor):
    client = client_of(staff)
    before = client.get(f"{SHOPS}{vendor.pk}/change/").content.decode()
    accept_mandate(vendor, by=owner, at=NOON)
    after = client.get(f"{SHOPS}{vendor.pk}/change/").content.decode()

    assert "may not issue invoices in the shop’s name" in before
    assert "by Claire Fabre, in the words of" in after
    assert 'name="mandate"' not in after
