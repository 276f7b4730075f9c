import re
from importlib import import_module

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.test import Client
from django.utils import timezone

from marketplace.models import OutgoingEmail
from tests.factories import PASSWORD, make_user
from tests.test_second_factor import confirm, sign_in
from vendors.domain import team
from vendors.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]
NO_SHOPS = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}


@pytest.fixture
def office(client_of):
    return client_of(make_user("boss@example.com", is_staff=True, is_superuser=True))


def made_in_the_office(office, email):
    """A person whom the office makes, as its form does."""
    words = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    office.post("/admin/vendors/user/add/", {"email": email, "name": "Lou", **words, **NO_SHOPS})
    return User.objects.get(email=email.lower())


def signed_in(email):
    client = Client()
    sign_in(client, email=email)
    confirm(client)
    return client


def ask_for(client, email):
    return client.post("/accounts/email/", {"action_add": "", "email": email})


def open_link(client, email):
    """Confirm as the mailbox of ``email`` does."""
    mail = OutgoingEmail.objects.filter(to=email).latest("id")
    return client.post(re.search(r"/accounts/confirm-email/\S+", mail.text)[0])


def test_an_address_changes_by_its_mailbox_alone(office):
    lou = made_in_the_office(office, "lou@example.com")
    client = signed_in("lou@example.com")
    ask_for(client, "victim@example.com")

    response = client.post("/accounts/email/", {"action_primary": "", "email": "victim@example.com"})

    lou.refresh_from_db()
    assert (response.status_code, lou.email) == (400, "lou@example.com")


def test_a_person_of_the_office_changes_the_address_by_mail(office):
    lou = made_in_the_office(office, "lou@example.com")
    client = signed_in("lou@example.com")
    ask_for(client, "lou@new.example")
    lou.refresh_from_db()
    assert lou.email == "lou@example.com"

    open_link(client, "lou@new.example")

    lou.refresh_from_db()
    assert lou.email == "lou@new.example"


def test_an_address_of_somebody_else_is_refused_without_telling(office):
    make_user("victim@example.com")
    lou = made_in_the_office(office, "lou@example.com")
    client = signed_in("lou@example.com")
    asked = [ask_for(client, email).status_code for email in ("nobody@example.com", "victim@example.com")]

    confirmed = open_link(client, "victim@example.com")

    lou.refresh_from_db()
    assert (asked, confirmed.status_code < 500, lou.email) == ([302, 302], True, "lou@example.com")


def test_capital_letters_of_the_office_are_no_hindrance(office):
    made_in_the_office(office, "Lou@Example.com")

    assert sign_in(Client(), email="LOU@example.com").status_code == 302


def test_an_address_that_the_office_changes_is_the_persons(office):
    lou = made_in_the_office(office, "lou@example.com")

    office.post(
        f"/admin/vendors/user/{lou.pk}/change/", {"email": "Lou@new.example", "is_active": "on", **NO_SHOPS}
    )

    rows = EmailAddress.objects.filter(user=lou).values_list("email", "verified", "primary")
    assert list(rows) == [("lou@new.example", True, True)]


def test_an_account_made_meanwhile_is_not_made_twice(owner, vendor, monkeypatch):
    team.invite(vendor, email="lou@example.com", role="manager", by=owner, at=timezone.now())
    secret = re.search(r"/invitations/([^/\s]+)/", OutgoingEmail.objects.get(to="lou@example.com").text)[1]
    make_user("lou@example.com")

    with pytest.raises(team.ForSomebodyElse):
        team.join(secret, name="Lou", password=PASSWORD, at=timezone.now())


def test_people_of_before_get_their_address(office):
    old = User.objects.create(email="Old@Example.com")

    import_module("vendors.migrations.0095_addresses_of_people").vouch_for_addresses(apps, None)

    old.refresh_from_db()
    assert old.email == "old@example.com"
    assert EmailAddress.objects.filter(user=old, email=old.email, verified=True, primary=True).exists()
