import re
import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from marketplace.models import AuditEntry, OutgoingEmail
from tests.factories import PASSWORD, make_member, make_user
from vendors.devices import device_of
from vendors.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]
SECRET = "JBSWY3DPEHPK3PXP"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PERSONAL = [
    "password/change",
    "email",
    "2fa",
    "2fa/totp/activate",
    "2fa/recovery-codes/generate",
    "2fa/webauthn",
    "2fa/webauthn/add",
    "sessions",
]


@pytest.fixture
def anna():
    return make_user("anna@example.com", name="Anna")


def sign_in(client, password=PASSWORD, email="anna@example.com", **meta):
    return client.post("/accounts/login/", {"login": email, "password": password}, **meta)


def confirm(client):
    """Type the password once more, as sensitive pages ask."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def code(secret=SECRET, shift=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + shift))


def test_sign_in_asks_for_the_code_of_the_app(client, anna):
    TOTP.activate(anna, SECRET)

    asked = sign_in(client)
    assert asked.headers["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session

    client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert client.session["_auth_user_id"] == str(anna.pk)


def test_a_wrong_code_signs_nobody_in(client, anna):
    TOTP.activate(anna, SECRET)
    sign_in(client)

    client.post("/accounts/2fa/authenticate/", {"code": "000000"})

    assert "_auth_user_id" not in client.session


def test_the_office_asks_for_the_code_too(client, anna):
    anna.is_staff = anna.is_superuser = True
    anna.save()
    TOTP.activate(anna, SECRET)

    client.post("/admin/login/", {"username": anna.email, "password": PASSWORD})
    client.post("/admin/login/", {"login": anna.email, "password": PASSWORD}, follow=True)

    assert "_auth_user_id" not in client.session
    assert client.get("/admin/").status_code == 302


def test_a_code_works_once(anna):
    TOTP.activate(anna, SECRET)
    used = code()
    signed_in = []
    for _ in range(2):
        client = Client()
        sign_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": used})
        signed_in.append("_auth_user_id" in client.session)

    assert signed_in == [True, False]


def test_an_app_is_added_on_its_page_and_gives_recovery_codes(client, anna):
    sign_in(client)
    confirm(client)
    text = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'value="([A-Z2-7]{16,40})"', text).group(1)

    client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})

    kinds = set(Authenticator.objects.filter(user=anna).values_list("type", flat=True))
    assert kinds == {"totp", "recovery_codes"}


def test_a_recovery_code_signs_in_once(client, anna):
    sign_in(client)
    confirm(client)
    text = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r'value="([A-Z2-7]{16,40})"', text).group(1)
    client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    codes = client.get("/accounts/2fa/recovery-codes/").content.decode()
    one = re.search(r"\b(\d{8})\b", codes).group(1)
    signed_in = []
    for _ in range(2):
        other = Client()
        sign_in(other)
        other.post("/accounts/2fa/authenticate/", {"code": one})
        signed_in.append("_auth_user_id" in other.session)

    assert signed_in == [True, False]


def test_secrets_are_encrypted_at_rest(anna):
    TOTP.activate(anna, SECRET)

    assert SECRET not in str(list(Authenticator.objects.values()))


def test_sensitive_pages_ask_for_the_password_again(client, anna):
    client.force_login(anna, backend="allauth.account.auth_backends.AuthenticationBackend")

    response = client.get("/accounts/2fa/totp/activate/")

    assert response.headers["Location"].startswith("/accounts/reauthenticate/")


@pytest.mark.parametrize("page", PERSONAL)
def test_personal_pages_are_for_who_is_signed_in(client, page):
    response = client.get(f"/accounts/{page}/")

    assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("page", PERSONAL)
def test_personal_pages_speak_both_languages_without_inline_code(client, anna, page, language):
    sign_in(client)
    confirm(client)

    response = client.get(f"/accounts/{page}/", headers={"accept-language": language}, follow=True)

    text = response.content.decode()
    assert (response.status_code, f'<html lang="{language}">' in text) == (200, True)
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*(src=|application/json))", text)


@pytest.mark.parametrize(
    ("setting", "role", "is_staff", "asked"),
    [
        ("optional", Role.OWNER, True, False),
        ("staff", Role.OWNER, False, False),
        ("staff", Role.PREPARER, True, True),
        ("staff-and-owners", Role.OWNER, False, True),
        ("staff-and-owners", Role.MANAGER, False, False),
    ],
)
def test_the_marketplace_may_require_it(client_of, vendor, settings, setting, role, is_staff, asked):
    settings.SECOND_FACTOR = setting
    user = make_member(vendor, role, is_staff=is_staff)

    response = client_of(user).get("/vendors/rucher-des-baux/orders/")

    assert (response.headers.get("Location") == "/accounts/2fa/") == asked


def test_who_has_it_is_let_in(client, anna, vendor, settings):
    settings.SECOND_FACTOR = "staff-and-owners"
    vendor.memberships.create(user=anna, role=Role.OWNER)
    TOTP.activate(anna, SECRET)
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code()})

    assert client.get("/vendors/rucher-des-baux/orders/").status_code == 200


def test_a_security_key_is_listed_in_the_persons_language(client, anna):
    credential = {"clientExtensionResults": {"credProps": {"rk": True}}}
    Authenticator.objects.create(user=anna, type="webauthn", data={"name": "Clé", "credential": credential})
    client.force_login(anna, backend="allauth.account.auth_backends.AuthenticationBackend")

    text = client.get("/accounts/2fa/webauthn/", HTTP_ACCEPT_LANGUAGE="fr").content.decode()

    assert "sans mot de passe" in text
    assert "pas encore utilisée" in text


def test_sessions_are_listed_with_little_and_ended(client, anna):
    sign_in(client, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.77")
    other = Client()
    sign_in(other, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="198.51.100.9")

    rows = UserSession.objects.order_by("id").values_list("ip", "user_agent")
    assert list(rows) == [("192.0.2.0", "Firefox · Linux"), ("198.51.100.0", "Firefox · Linux")]

    client.post("/accounts/sessions/")
    assert other.get("/").headers["Location"].startswith("/accounts/login/")
    assert client.get("/accounts/sessions/").status_code == 200


def test_a_new_password_ends_the_other_sessions(client, anna):
    other = Client()
    sign_in(other)
    sign_in(client)

    client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "une-autre-phrase", "password2": "une-autre-phrase"},
        HTTP_USER_AGENT=FIREFOX,
    )
    told = OutgoingEmail.objects.get(template="account/email/password_changed").text

    assert client.get("/accounts/sessions/").status_code == 200
    assert other.get("/").headers["Location"].startswith("/accounts/login/")
    assert ("Firefox · Linux" in told, "Mozilla" in told) == (True, False)
    assert AuditEntry.objects.get(data={"what": "password"}).user == anna


def test_a_new_device_is_told_by_mail_but_not_the_first(client, anna):
    sign_in(client)
    assert not OutgoingEmail.objects.filter(template="new_device").exists()

    sign_in(Client(), HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.77")

    mail = OutgoingEmail.objects.get(template="new_device")
    assert (mail.to, "Firefox · Linux" in mail.text, "192.0.2.0" in mail.text) == (anna.email, True, True)


def test_a_known_device_is_no_news(client, anna):
    sign_in(client)
    client.post("/accounts/logout/")

    sign_in(client)

    assert not OutgoingEmail.objects.filter(template="new_device").exists()


def test_a_made_up_cookie_makes_no_known_device(client, anna):
    sign_in(Client())
    client.cookies["known_device"] = f"[{anna.pk}]"

    sign_in(client)

    assert OutgoingEmail.objects.filter(template="new_device").count() == 1


def test_a_stranger_elsewhere_locks_nobody_out(client, anna):
    for _ in range(8):
        sign_in(Client(), "wrong", REMOTE_ADDR="203.0.113.5")

    assert sign_in(client, REMOTE_ADDR="192.0.2.77").status_code == 302


def test_guessing_from_everywhere_ends_but_not_for_a_device_that_is_known(client, anna):
    sign_in(client)
    client.post("/accounts/logout/")
    for n in range(51):
        response = sign_in(Client(), "wrong", REMOTE_ADDR=f"10.0.{n}.1")

    assert "Too many failed login attempts" in response.content.decode()
    assert "Too many failed" in sign_in(Client(), REMOTE_ADDR="10.1.0.1").content.decode()
    assert sign_in(client).status_code == 302


def test_one_network_shuts_no_new_device_out(anna, monkeypatch):
    now = [time.time()]
    monkeypatch.setattr("time.time", lambda: now[0])
    for _ in range(11):
        for _ in range(5):
            sign_in(Client(), "wrong", REMOTE_ADDR="203.0.113.5")
        now[0] += 301

    assert sign_in(Client(), REMOTE_ADDR="192.0.2.77").status_code == 302


def reset_by_mail(client, password):
    client.post("/accounts/password/reset/", {"email": "anna@example.com"})
    mail = OutgoingEmail.objects.filter(template="account/email/password_reset_key").latest("id")
    link = re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", mail.text)[1]
    form = client.get(link).headers["Location"]
    client.post(form, {"password1": password, "password2": password})


def test_a_reset_by_mail_lets_the_person_in_while_strangers_guess(client, anna):
    for n in range(51):
        sign_in(Client(), "wrong", REMOTE_ADDR=f"10.0.{n}.1")

    reset_by_mail(client, "une-autre-phrase")

    assert "Too many failed" in sign_in(Client(), "une-autre-phrase").content.decode()
    assert sign_in(client, "une-autre-phrase").status_code == 302


def test_a_right_password_is_no_attempt(anna):
    for n in range(55):
        response = sign_in(Client(), REMOTE_ADDR=f"10.0.{n}.1")

    assert response.status_code == 302


def test_signing_in_changes_the_session(client, anna):
    client.get("/accounts/login/")
    client.cookies["sessionid"] = "a-session-fixed-by-a-stranger-00"
    sign_in(client)

    cookie = client.cookies["sessionid"]
    assert cookie.value != "a-session-fixed-by-a-stranger-00"
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert not Session.objects.filter(session_key="a-session-fixed-by-a-stranger-00").exists()


@pytest.mark.parametrize("email", ["anna@example.com", "nobody@example.com"])
def test_a_reset_answers_alike_and_does_the_same_work(client, anna, email, django_assert_max_num_queries):
    with django_assert_max_num_queries(40) as queries:
        response = client.post("/accounts/password/reset/", {"email": email})

    assert response.headers["Location"] == "/accounts/password/reset/done/"
    assert sum("marketplace_outgoingemail" in q["sql"] and "INSERT" in q["sql"] for q in queries) == 1
    assert OutgoingEmail.objects.count() == (email == "anna@example.com")
    assert AuditEntry.objects.filter(data={"what": "new password asked for"}).count() == 1


def test_strangers_who_ask_for_a_reset_shut_nobody_out(client, anna):
    answers = [
        client.post("/accounts/password/reset/", {"email": "anna@example.com"}, REMOTE_ADDR=f"10.0.{n}.1")
        for n in range(7)
    ]

    assert {answer.headers["Location"] for answer in answers} == {"/accounts/password/reset/done/"}
    assert OutgoingEmail.objects.count() == 5


def test_a_password_is_hashed_for_an_unknown_address_too(client, anna, monkeypatch):
    hashed = []
    monkeypatch.setattr("vendors.models.User.set_password", lambda self, raw: hashed.append(raw))

    sign_in(client, "typed", "nobody@example.com")

    assert hashed == ["typed"]


@pytest.mark.parametrize(
    ("agent", "words"),
    [(FIREFOX, "Firefox · Linux"), ("curl/8", ""), ("Mozilla/5.0 (iPhone) Safari/604.1", "Safari · iPhone")],
)
def test_a_user_agent_is_two_words(agent, words):
    assert device_of(agent) == words


def test_expired_sessions_are_forgotten_with_what_was_kept_of_them(client, anna, capsys):
    sign_in(Client())
    sign_in(client)
    other = Session.objects.exclude(session_key=client.session.session_key)
    other.update(expire_date=timezone.now() - timedelta(seconds=1))

    call_command("prune_sessions")

    assert list(UserSession.objects.values_list("session_key", flat=True)) == [client.session.session_key]
    assert Session.objects.count() == 1
    assert "1 expired sessions and 1 rows" in capsys.readouterr().out
    assert client.get("/accounts/sessions/").status_code == 200


def hashed_by(client, monkeypatch, **typed):
    """How often a password is hashed for a sign-in, by the hasher that production uses."""
    calls = []
    encode = PBKDF2PasswordHasher.encode
    monkeypatch.setattr(
        PBKDF2PasswordHasher,
        "encode",
        lambda self, *args, **more: calls.append(1) or encode(self, *args, **more),
    )
    client.post("/accounts/login/", {"login": typed["email"], "password": typed["password"]})
    monkeypatch.undo()
    return len(calls)


@pytest.mark.parametrize(
    ("email", "is_active"),
    [
        ("anna@example.com", True),
        ("ANNA@example.com", True),
        ("nobody@example.com", True),
        ("anna@example.com", False),
    ],
)
def test_signing_in_costs_the_same_hashing_whoever_is_named(
    client, anna, monkeypatch, settings, email, is_active
):
    """Time tells nobody which addresses have an account: the work is counted, since a clock would be guessing."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    anna.set_password(PASSWORD)
    anna.is_active = is_active
    anna.save()

    assert hashed_by(client, monkeypatch, email=email, password="wrong-password") == 1
