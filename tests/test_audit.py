import re
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from marketplace.audit import AuditKind, audit, changes
from marketplace.models import AuditEntry, AuditIsFrozen, OutgoingEmail
from marketplace.networks import shortened
from orders.states import OrderStatus
from tests.factories import PASSWORD, make_member, make_order, make_user
from tests.test_second_factor import SECRET, code, confirm
from vendors.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]
SHOP = "/vendors/rucher-des-baux"


def written(kind):
    return AuditEntry.objects.filter(kind=kind)


def sign_in(client, email="anna@example.com", password=PASSWORD):
    return client.post("/accounts/login/", {"login": email, "password": password}, REMOTE_ADDR="192.0.2.77")


def test_signing_in_and_out_is_written(client):
    anna = make_user("anna@example.com")

    sign_in(client)
    client.post("/accounts/logout/")

    entries = AuditEntry.objects.order_by("id").values_list("kind", "user", "address")
    assert list(entries) == [("signed_in", anna.pk, "192.0.2.0"), ("signed_out", anna.pk, "127.0.0.0")]


def test_a_failed_sign_in_names_the_account_but_nobody_as_its_author(client):
    anna = make_user("anna@example.com")

    sign_in(client, password="wrong-password")

    entry = written("sign_in_failed").get()
    assert (entry.user, entry.subject) == (None, f"user:{anna.pk}")


def test_a_superuser_made_on_the_command_line_is_written():
    call_command("createsuperuser", email="boss@example.com", interactive=False, verbosity=0)

    boss = User.objects.get(is_superuser=True)
    assert written("account_changed").get().subject == f"user:{boss.pk}"


def test_what_a_stranger_typed_is_never_kept(client):
    sign_in(client, "typed.here@example.com", "a-password-typed-in-the-wrong-field")

    assert "typed" not in str(list(written("sign_in_failed").values()))


def test_a_changed_setting_is_written_with_before_and_after(client_of, owner, vendor):
    client_of(owner).post(f"{SHOP}/settings/", {"late_after_days": 5, "low_stock_at": 3})

    entry = written("settings_changed").get()
    assert (entry.vendor, entry.user) == (vendor, owner)
    assert entry.data == {"changes": {"late_after_days": [2, 5]}}


def test_unchanged_settings_are_no_news(client_of, owner):
    client_of(owner).post(f"{SHOP}/settings/", {"late_after_days": 2, "low_stock_at": 3})

    assert not written("settings_changed").exists()


def test_an_export_is_written_without_what_was_searched(client_of, owner, vendor):
    client_of(owner).get(f"{SHOP}/orders/export.csv?customer=Camille")

    entry = written("exported").get()
    assert entry.data == {"format": "csv orders strict labels", "filters": ["customer"]}


@pytest.mark.pdf
@pytest.mark.parametrize(
    ("kind", "document"), [("invoice", "proforma"), ("delivery-note", "RDB-BL2026-000001")]
)
def test_a_download_is_written(client_of, owner, vendor, kind, document):
    order = make_order(vendor, number="1042", status=OrderStatus.PROCESSING)

    client_of(owner).get(f"{SHOP}/orders/1042/{kind}.pdf")

    entry = written("downloaded").get()
    assert (entry.subject, entry.data) == (f"order:{order.pk}", {"document": document})


def test_staff_who_opens_an_order_stands_in_the_audit(client_of, vendor):
    staff = make_user(is_staff=True, is_superuser=True)
    order = make_order(vendor)

    client_of(staff).get(f"/admin/orders/order/{order.pk}/change/")

    entry = written("customer_seen").get()
    assert (entry.user, entry.vendor, entry.subject) == (staff, vendor, f"order:{order.pk}")


def test_entries_are_never_changed():
    entry = audit(AuditKind.SIGNED_IN, by=None)
    entry.subject = "user:1"

    with pytest.raises(AuditIsFrozen):
        entry.save()
    with pytest.raises(AuditIsFrozen):
        entry.delete()


@pytest.mark.parametrize(
    "act", [lambda rows: rows.update(subject="user:1"), lambda rows: rows.delete()], ids=["update", "delete"]
)
def test_the_database_refuses_too(act):
    audit(AuditKind.SIGNED_IN, by=None)

    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        act(AuditEntry.objects.all())


def aged(days):
    return AuditEntry.objects.create(kind="signed_in", at=timezone.now() - timedelta(days=days))


def test_old_entries_are_pruned(capsys):
    aged(366)
    kept = aged(364)

    call_command("prune_audit", "--dry-run")
    call_command("prune_audit")

    assert list(AuditEntry.objects.all()) == [kept]
    assert "1 audit entries older than 365 days would be deleted." in capsys.readouterr().out


def test_young_entries_survive_even_a_wrong_setting(settings):
    settings.AUDIT_KEPT_DAYS = 1
    aged(100)

    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        call_command("prune_audit")

    assert AuditEntry.objects.count() == 1


def test_the_audit_is_searched_by_address_shop_and_subject(
    client_of, owner, vendor, django_assert_num_queries
):
    staff = client_of(make_user(is_staff=True, is_superuser=True))
    AuditEntry.objects.create(kind="exported", user=owner, vendor=vendor, subject="exportlog:4711")
    AuditEntry.objects.create(kind="exported", subject="exportlog:9999")

    for words in (owner.email, vendor.slug, "exportlog:4711"):
        text = staff.get("/admin/marketplace/auditentry/", {"q": words}).content.decode()
        assert ("exportlog:4711" in text, "exportlog:9999" in text) == (True, False)


def test_changes_are_what_differs():
    assert changes({"a": 1, "b": None}, {"a": 1, "b": "x"}) == {"b": [None, "x"]}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3::4", "2001:db8:1::"),
        ("::ffff:192.0.2.77", "192.0.2.0"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_network_addresses_are_shortened(address, network):
    assert shortened(address) == network


def test_people_of_the_audit_are_never_deleted(owner):
    audit(AuditKind.SIGNED_IN, by=owner)

    with pytest.raises(Exception, match="protected"):
        User.objects.filter(pk=owner.pk).delete()


def test_a_preparer_does_not_export(client_of, vendor):
    client_of(make_member(vendor, "preparer")).get(f"{SHOP}/orders/export.csv")

    assert not written("exported").exists()


def account_changes():
    return list(written("account_changed").order_by("id").values_list("data__what", flat=True))


def signed_in(client):
    anna = make_user("anna@example.com")
    sign_in(client)
    confirm(client)
    return anna


def test_second_factors_are_written(client, django_capture_on_commit_callbacks):
    anna = signed_in(client)
    text = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'value="([A-Z2-7]{16,40})"', text)[1]
    steps = [
        ("totp/activate", {"code": code(secret)}),
        ("recovery-codes/generate", {}),
        ("totp/deactivate", {}),
    ]

    for page, data in steps:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(f"/accounts/2fa/{page}/", data)

    gone = ["totp taken away", "recovery_codes taken away"]
    assert account_changes() == ["totp added", "recovery_codes added", "recovery_codes renewed", *gone]
    assert set(written("account_changed").values_list("user", "subject")) == {(anna.pk, f"user:{anna.pk}")}


def test_a_changed_address_is_written_with_before_and_after(client):
    signed_in(client)
    client.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    mail = OutgoingEmail.objects.filter(to="new@example.com").latest("id")

    client.post(re.search(r"/accounts/confirm-email/\S+", mail.text)[0])

    assert account_changes() == ["new address asked for", "address"]
    changed = written("account_changed").latest("id").data["changes"]
    assert changed == {"email": ["anna@example.com", "new@example.com"]}


def test_ended_sessions_are_written(client):
    signed_in(client)

    client.post("/accounts/sessions/")

    assert account_changes() == ["other sessions ended"]


def test_wrong_codes_are_written_and_too_many_once(client):
    anna = make_user("anna@example.com")
    TOTP.activate(anna, SECRET)
    sign_in(client)

    for _ in range(8):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})

    rows = written("sign_in_failed").order_by("id").values_list("subject", "data__what")
    assert list(rows) == [*[(f"user:{anna.pk}", "code")] * 5, (f"user:{anna.pk}", "too many")]


MADE_UP = [
    '{"id": "made up"}',
    "[]",
    '"x"',
    "7",
    '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {}}',
]


@pytest.mark.parametrize("credential", MADE_UP)
@pytest.mark.parametrize("page", ["authenticate", "webauthn/login", "webauthn/add"])
def test_a_made_up_passkey_is_refused(client, page, credential):
    anna = make_user("anna@example.com")
    if page == "authenticate":
        TOTP.activate(anna, SECRET)
    if page != "webauthn/login":
        sign_in(client)
        confirm(client)
    client.get(f"/accounts/2fa/{page}/")

    assert client.post(f"/accounts/2fa/{page}/", {"credential": credential}).status_code < 400


@pytest.mark.parametrize("page", ["authenticate", "webauthn/login"])
def test_a_refused_passkey_is_written(client, page):
    anna = make_user("anna@example.com")
    TOTP.activate(anna, SECRET)
    if page == "authenticate":
        sign_in(client)

    client.post(f"/accounts/2fa/{page}/", {"credential": '{"id": "made up"}'})

    subject = f"user:{anna.pk}" if page == "authenticate" else ""
    assert written("sign_in_failed").values_list("subject", "data__what").get() == (subject, "passkey")


def test_attempts_that_are_too_many_are_written_once_in_a_while(client):
    anna = make_user("anna@example.com")

    for _ in range(29):
        sign_in(client, password="wrong")

    rows = written("sign_in_failed").order_by("id").values_list("subject", "data__what")
    assert list(rows) == [*[(f"user:{anna.pk}", None)] * 5, (f"user:{anna.pk}", "too many")]


def test_a_network_that_tries_too_often_is_written_once_in_a_while(client):
    for n in range(40):
        answer = sign_in(client, f"n{n}@example.com", "wrong")

    assert answer.status_code == 429
    assert written("sign_in_failed").filter(data={"what": "too many"}).count() == 1
