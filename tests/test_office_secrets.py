"""What the office must never show: words that open an account, and columns that no page prints."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.contrib import admin

from marketplace.mail import send_email
from marketplace.models import OutgoingEmail
from tests.factories import NOON, make_order, make_staff, make_user
from vendors.domain import team
from vendors.roles import Role

pytestmark = pytest.mark.django_db
MAILS = "/admin/marketplace/outgoingemail/"


@pytest.fixture
def viewer():
    """A member of the staff who may look at mails and sessions, and nothing else."""
    return make_staff("view_outgoingemail", "view_usersession", email="viewer@example.com")


@pytest.fixture
def dead_server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


def asked_for_a_reset(client):
    make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.post("/accounts/password/reset/", {"email": "boss@example.com"})
    return OutgoingEmail.objects.get(to="boss@example.com")


def test_a_link_to_a_new_password_is_not_shown_to_the_office(client, client_of, viewer):
    mail = asked_for_a_reset(client)
    assert "/accounts/password/reset/key/" in mail.text

    page = client_of(viewer).get(f"{MAILS}{mail.pk}/change/")

    assert page.status_code == 200
    assert "/accounts/password/reset/key/" not in page.content.decode()


def test_an_invitation_is_not_shown_to_the_office(client_of, viewer, vendor, owner):
    team.invite(vendor, email="new@example.com", role=Role.OWNER, by=owner, at=NOON)
    mail = OutgoingEmail.objects.get(to="new@example.com")
    link = re.search(r"/invitations/\S+", mail.text).group()

    assert link not in client_of(viewer).get(f"{MAILS}{mail.pk}/change/").content.decode()


def test_other_mails_are_shown(client_of, viewer, vendor, owner):
    make_order(vendor, status="processing", announce=True)
    mail = OutgoingEmail.objects.get(to=owner.email)

    assert mail.text.splitlines()[0] in client_of(viewer).get(f"{MAILS}{mail.pk}/change/").content.decode()


def test_a_link_that_was_given_up_is_forgotten_and_never_sent_empty(client, dead_server, settings):
    mail = asked_for_a_reset(client)
    OutgoingEmail.objects.update(attempts=8)

    with pytest.raises(ConnectionRefusedError):
        send_email.call(mail.pk)

    mail.refresh_from_db()
    assert (mail.state, mail.text, mail.html) == ("failed", "", "")
    send_email.call(mail.pk)
    assert OutgoingEmail.objects.get(pk=mail.pk).attempts == 9


@pytest.mark.parametrize("page", admin.site._registry.values(), ids=lambda page: page.opts.label)
def test_no_list_answers_a_guess_at_a_column(client_of, page):
    client = client_of(make_user(is_staff=True, is_superuser=True))
    path = f"/admin/{page.opts.app_label}/{page.opts.model_name}/"
    columns = [field.name for field in page.model._meta.concrete_fields if not field.is_relation]

    answers = {name: client.get(path, {f"{name}__startswith": "a"}).status_code for name in columns}

    assert answers == dict.fromkeys(columns, 400)


def test_no_list_answers_a_guess_at_a_column_of_another_table(client_of):
    client = client_of(make_user(is_staff=True, is_superuser=True))

    answer = client.get("/admin/orders/delivery/", {"source__secret_encrypted__startswith": "a"})

    assert answer.status_code == 400


def test_a_session_key_is_not_guessed(client_of, viewer):
    boss = make_user("boss@example.com", is_superuser=True)
    UserSession.objects.create(user=boss, ip="192.0.2.0", session_key="abc")

    answers = [
        client_of(viewer).get("/admin/usersessions/usersession/", {"session_key__startswith": letter})
        for letter in "ax"
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
