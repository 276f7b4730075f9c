"""Two steps in one team at the same moment: the second waits for the first, and looks again. On PostgreSQL."""

import threading
import time

import pytest
from django.db import connection, transaction

from tests.factories import NOON, make_member, make_user
from vendors.domain import team

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def while_the_first_is_open(first, second):
    """Take the first step, begin the second before the first is committed; return what the second came to."""
    came = []

    def begin():
        try:
            came.append(second())
        except Exception as error:
            came.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=begin)
    with transaction.atomic():
        first()
        thread.start()
        time.sleep(0.5)  # the second reads what stands, and waits for the shop
        assert came == []
    thread.join(10)
    return came[0]


def test_two_owners_who_demote_each_other_leave_one(owner, vendor):
    other = make_member(vendor)
    mine, theirs = owner.memberships.get(), other.memberships.get()

    came = while_the_first_is_open(
        lambda: team.change_role(theirs, "manager", by=owner, at=NOON),
        lambda: team.change_role(mine, "manager", by=other, at=NOON),
    )

    assert isinstance(came, team.TeamRefused)
    assert vendor.memberships.filter(role="owner").count() == 1


def test_an_invitation_that_is_withdrawn_while_it_is_accepted_lets_nobody_in(owner, vendor, monkeypatch):
    monkeypatch.setattr("vendors.domain.team.secrets.token_urlsafe", lambda n: "secret")
    invitation = team.invite(vendor, email="lea@example.com", role="owner", by=owner, at=NOON)
    lea = make_user("lea@example.com")

    came = while_the_first_is_open(
        lambda: team.revoke(invitation, by=owner, at=NOON),
        lambda: team.accept("secret", user=lea, at=NOON),
    )

    assert isinstance(came, team.InvitationGone)
    assert not lea.memberships.exists()
