"""Neither the log nor the queue's table keeps what a person typed: docs/rules/privacy.md."""

import logging
import smtplib

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError
from django_tasks_db.models import DBTaskResult

from marketplace.logs import SecretsInNoAddress, WithoutWords
from marketplace.mail import queue_email
from marketplace.models import OutgoingEmail
from tests.factories import make_order

WHO = "zach@example.com"


def logged(error):
    """What the console is told of ``error``."""
    try:
        raise error
    except type(error) as raised:
        info = (type(raised), raised, raised.__traceback__)
    record = logging.LogRecord("django_tasks", logging.ERROR, "", 0, "Task", None, info)
    return WithoutWords("{message}", style="{").format(record)


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({WHO: (550, b"<zach@example.com>: unknown")}),
        smtplib.SMTPSenderRefused(550, b"zach@example.com", WHO),
        smtplib.SMTPDataError(554, b"to zach@example.com"),
        IntegrityError(f"duplicate key\nDETAIL:  Key (email)=({WHO}) already exists."),
        ValueError(f"no number: {WHO}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_log_says_where_and_what_but_not_who(error):
    text = logged(error)

    assert WHO not in text
    assert type(error).__name__ in text
    assert "in logged" in text


def test_the_error_before_is_told_without_its_words_too():
    try:
        try:
            raise ValueError(WHO)
        except ValueError as first:
            raise KeyError("email") from first
    except KeyError as second:
        text = logged(second)

    assert (WHO in text, "ValueError" in text, "KeyError" in text) == (False, True, True)


def test_the_words_of_machines_are_kept():
    assert "Connection refused" in logged(ConnectionRefusedError(111, "Connection refused"))


@pytest.mark.django_db
def test_a_refused_address_stands_in_neither_table(vendor, monkeypatch):
    def refuse(self):
        raise smtplib.SMTPRecipientsRefused({WHO: (550, WHO.encode())})

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", refuse)
    queue_email(
        event="x",
        topic="",
        template="order_completed",
        to=WHO,
        language="en",
        context={"order": make_order(vendor), "shop": vendor},
    )

    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)

    task = DBTaskResult.objects.get()
    assert OutgoingEmail.objects.get().last_error == "SMTPRecipientsRefused 550"
    assert (WHO in task.traceback, "SMTPRecipientsRefused 550" in task.traceback) == (False, True)


@pytest.mark.django_db
def test_an_address_that_opens_something_is_told_without_its_secret(client, caplog):
    caplog.handler.addFilter(SecretsInNoAddress())

    client.get("/invitations/a-very-secret-word/")
    client.put("/invitations/a-very-secret-word/")

    assert "/invitations/<str:secret>/" in caplog.text
    assert "a-very-secret-word" not in caplog.text
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["secrets_in_no_address"]
