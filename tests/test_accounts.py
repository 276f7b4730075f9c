import re

import pytest
from django.core import mail
from django.core.management import call_command

from marketplace.models import OutgoingEmail
from tests.factories import PASSWORD, make_member, make_user, make_vendor

pytestmark = pytest.mark.django_db


def sign_in(client, email="anna@example.com", password=PASSWORD, **data):
    return client.post("/accounts/login/", {"login": email, "password": password, **data})


@pytest.fixture(autouse=True)
def fresh_throttle():
    from django.core.cache import cache

    cache.clear()


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


def test_a_person_without_a_shop_is_told(client_of):
    assert "No shop is open to you yet" in client_of(make_user()).get("/").content.decode()


def test_staff_without_a_shop_goes_to_the_office(client_of):
    response = client_of(make_user(is_staff=True)).get("/")

    assert response.headers["Location"] == "/admin/"


def test_signing_out_ends_the_session(client_of, owner):
    client = client_of(owner)

    client.post("/accounts/logout/")

    assert client.get("/").headers["Location"].startswith("/accounts/login/")


def test_a_forgotten_password_is_reset_by_mail(client):
    make_user("anna@example.com")

    client.post("/accounts/password/reset/", {"email": "anna@example.com"})
    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)
    link = re.search(r"http://\S+(/accounts/password/reset/key/\S+)", mail.outbox[0].body).group(1)
    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "une-autre-phrase", "password2": "une-autre-phrase"})

    assert sign_in(client, password="une-autre-phrase").status_code == 302


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
