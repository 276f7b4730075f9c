import re

import pytest
from django.conf import settings as project_settings
from django.core import mail
from django.core.management import call_command

from marketplace.models import OutgoingEmail
from tests.factories import PASSWORD, make_member, make_user, make_vendor
from vendors.models import Vendor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]


def sign_in(client, email="anna@example.com", password=PASSWORD, **data):
    return client.post("/accounts/login/", {"login": email, "password": password, **data})


def work():
    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)


def asked_link(client, email="anna@example.com"):
    """Ask for a new password, let the worker send the mail, and return the link in it."""
    client.post("/accounts/password/reset/", {"email": email})
    work()
    return re.search(r"http://\S+(/accounts/password/reset/key/\S+)", mail.outbox[-1].body).group(1)


def test_signing_in_leads_to_the_only_shop(client, vendor):
    make_member(vendor, email="anna@example.com")

    response = sign_in(client)

    assert client.get(response.headers["Location"]).headers["Location"] == "/vendors/rucher-des-baux/orders/"


def test_capitals_in_the_address_do_not_matter(client, vendor):
    make_member(vendor, email="anna@example.com")

    assert sign_in(client, "Anna@Example.com").status_code == 302


def test_signing_in_leads_to_the_page_that_was_asked_for(client, vendor):
    make_member(vendor, email="anna@example.com")

    response = sign_in(client, next="/vendors/rucher-des-baux/products/")

    assert response.headers["Location"] == "/vendors/rucher-des-baux/products/"


def test_never_to_another_site(client, vendor):
    make_member(vendor, email="anna@example.com")

    assert "evil" not in sign_in(client, next="https://evil.example/").headers["Location"]


@pytest.mark.parametrize("email", ["anna@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_look_the_same(client, email):
    make_user("anna@example.com")

    response = sign_in(client, email, "wrong-password")

    assert response.status_code == 200
    assert "email address and/or password you specified are not correct" in response.content.decode()


def test_a_closed_account_cannot_sign_in(client):
    make_user("anna@example.com", is_active=False)

    sign_in(client)

    assert "_auth_user_id" not in client.session


def test_guessing_is_slowed_down(client):
    make_user("anna@example.com")
    for _ in range(6):
        response = sign_in(client, password="wrong-password")

    assert "Too many failed login attempts" in response.content.decode()


def test_a_person_of_several_shops_chooses(client_of, vendor):
    user = make_member(vendor)
    user.memberships.create(vendor=make_vendor("miel-et-cie", name="Miel et Cie"), role="manager")

    text = client_of(user).get("/").content.decode()

    assert "/vendors/rucher-des-baux/orders/" in text
    assert "Miel et Cie" in text


def test_who_belongs_to_a_closed_shop_is_told_so(client_of, vendor, owner):
    Vendor.objects.update(is_active=False)

    text = client_of(owner).get("/").content.decode()

    assert "has closed the pages of Rucher des Baux" in text
    assert "to add owner@rucher.example" not in text


def test_a_person_without_a_shop_is_told(client_of):
    assert "No shop is open to you yet" in client_of(make_user()).get("/").content.decode()


def test_staff_without_a_shop_goes_to_the_office(client_of):
    response = client_of(make_user(is_staff=True)).get("/")

    assert response.headers["Location"] == "/admin/"


def test_signing_out_ends_the_session(client_of, owner):
    client = client_of(owner)

    client.post("/accounts/logout/")

    assert client.get("/").headers["Location"].startswith("/accounts/login/")


def test_signing_out_is_said(client_of, owner):
    response = client_of(owner).post("/accounts/logout/", follow=True)

    assert response.request["PATH_INFO"] == "/accounts/login/"
    assert "You are signed out." in response.content.decode()


def test_signing_in_is_not_announced(client, vendor):
    make_member(vendor, email="anna@example.com")

    response = client.post(
        "/accounts/login/", {"login": "anna@example.com", "password": PASSWORD}, follow=True
    )

    assert list(response.context["messages"]) == []


def test_asking_to_sign_out_is_asked_back(client_of, owner):
    assert "Sign out?" in client_of(owner).get("/accounts/logout/").content.decode()


def test_who_is_signed_in_is_led_past_the_door(client_of, owner):
    assert client_of(owner).get("/accounts/login/").headers["Location"] == "/"


def test_too_many_attempts_from_one_place_are_refused(client):
    for _ in range(31):
        response = sign_in(client, "", "")

    assert response.status_code == 429
    assert "Too many attempts" in response.content.decode()


def test_an_empty_form_names_what_is_missing(client):
    text = sign_in(client, "", "").content.decode()

    assert '<a href="#id_login">E-mail address</a> · This field is required.' in text
    assert text.count('aria-invalid="true"') == 2


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    "page",
    ["login", "inactive", "password/reset", "password/reset/done", "password/reset/key/done"],
)
def test_every_page_of_the_door_speaks_both_languages(client, page, language):
    response = client.get(f"/accounts/{page}/", headers={"accept-language": language})

    assert response.status_code == 200
    assert f'<html lang="{language}">' in response.content.decode()


def test_a_forgotten_password_is_reset_by_mail(client):
    make_user("anna@example.com")

    form = client.get(asked_link(client), follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "une-autre-phrase", "password2": "une-autre-phrase"})

    assert sign_in(client, password="une-autre-phrase").status_code == 302


def test_a_changed_password_is_told_with_the_moment_as_the_person_writes_it(client):
    make_user("anna@example.com", language="fr")
    sign_in(client)
    new = {"password1": "une-autre-phrase", "password2": "une-autre-phrase"}

    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})

    assert re.search(r"^[0-9/]{10} à [0-9:]{5}$", OutgoingEmail.objects.latest("id").text, re.MULTILINE)


def test_a_link_works_once(client):
    make_user("anna@example.com")
    link = asked_link(client)
    form = client.get(link, follow=True).request["PATH_INFO"]
    client.post(form, {"password1": "une-autre-phrase", "password2": "une-autre-phrase"})

    assert "This link no longer works" in client.get(link).content.decode()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("short", "short", "too short"),
        ("une-autre-phrase", "une-troisieme", "same password each time"),
        ("password123", "password123", "too common"),
    ],
)
def test_a_weak_or_mistyped_password_is_refused_beside_the_field(client, first, second, words):
    make_user("anna@example.com")
    form = client.get(asked_link(client), follow=True).request["PATH_INFO"]

    text = client.post(form, {"password1": first, "password2": second}).content.decode()

    assert text.count(words) == 2
    assert 'aria-invalid="true"' in text


def test_the_link_is_as_old_as_the_mail_says():
    assert project_settings.PASSWORD_RESET_TIMEOUT == 3 * 24 * 60 * 60


def test_the_mail_speaks_the_persons_language_in_two_parts(client):
    make_user("anna@example.com", language="fr")

    link = asked_link(client)

    message = mail.outbox[0]
    assert message.subject == "Choisissez un nouveau mot de passe"
    assert (message.alternatives[0].mimetype, link in message.alternatives[0].content) == ("text/html", True)


def test_the_link_is_forgotten_once_it_is_sent(client):
    make_user("anna@example.com")

    asked_link(client)

    assert (OutgoingEmail.objects.get().text, OutgoingEmail.objects.get().html) == ("", "")


def test_a_dead_mail_server_breaks_no_page(client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    make_user("anna@example.com")

    response = client.post("/accounts/password/reset/", {"email": "anna@example.com"}, follow=True)

    assert "Look into your mailbox" in response.content.decode()
    assert OutgoingEmail.objects.get().state == "queued"


def test_a_closed_account_gets_no_link(client):
    make_user("anna@example.com", is_active=False)

    client.post("/accounts/password/reset/", {"email": "anna@example.com"})

    assert OutgoingEmail.objects.count() == 0


def test_an_unknown_address_gets_the_same_page_and_no_mail(client):
    response = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})

    assert response.headers["Location"] == "/accounts/password/reset/done/"
    assert OutgoingEmail.objects.count() == 0
    assert mail.outbox == []


def test_a_used_link_says_so(client):
    response = client.get("/accounts/password/reset/key/1-abc-def/")

    assert "This link no longer works" in response.content.decode()


def test_nobody_signs_up_by_themselves(client):
    assert client.get("/accounts/signup/").headers["Location"] == "/accounts/login/"


def test_the_language_is_kept_with_the_account(client_of, owner):
    client = client_of(owner)

    client.post("/language/", {"language": "fr", "next": "/vendors/rucher-des-baux/products/"})

    owner.refresh_from_db()
    assert owner.language == "fr"
    assert "Produits" in client.get("/vendors/rucher-des-baux/products/").content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", ""])
def test_choosing_a_language_leads_nowhere_else(client, target):
    assert client.post("/language/", {"language": "fr", "next": target}).headers["Location"] == "/"
