import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from marketplace.models import AuditEntry, OutgoingEmail
from tests.factories import NOON, make_member, make_order, make_user, make_vendor
from vendors.domain import team
from vendors.models import Invitation, Membership, User
from vendors.roles import IN_WORDS, Permission, Role, table

pytestmark = pytest.mark.django_db
TEAM = "/vendors/rucher-des-baux/team/"


def invite(client, email="lea@example.com", role="preparer"):
    return client.post(f"{TEAM}invite/", {"email": email, "role": role})


def link():
    """The link in the newest invitation, once the worker has sent it."""
    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)
    return re.search(r"http://\S+?(/invitations/\S+/)", mail.outbox[-1].body).group(1)


@pytest.fixture
def offered(client_of, owner):
    """The link that lea@example.com got."""
    client = client_of(owner)
    invite(client)
    client.logout()
    return link()


def test_a_new_person_joins_with_a_name_and_a_password(client, vendor, offered):
    response = client.post(offered, {"name": "Léa", "password": "une-belle-phrase-longue"})

    member = Membership.objects.get(user__email="lea@example.com")
    assert (member.vendor, member.role, member.user.name) == (vendor, "preparer", "Léa")
    assert client.get(response.headers["Location"]).status_code == 200
    assert "this one" in client.get("/accounts/sessions/").content.decode()


def test_who_has_an_account_is_asked_to_sign_in_first(client, vendor, offered):
    make_user("lea@example.com")

    text = client.get(offered).content.decode()
    response = client.post(offered, {"name": "Evil", "password": "une-belle-phrase-longue"})

    assert f'/accounts/login/?next={offered}"' in text
    assert not Membership.objects.filter(user__email="lea@example.com").exists()
    assert (response.status_code, "_auth_user_id" in client.session) == (200, False)


def test_who_has_an_account_accepts_signed_in(client_of, vendor, offered):
    lea = make_user("lea@example.com")

    client_of(lea).post(offered)

    assert Membership.objects.get(user=lea).vendor == vendor


def test_the_link_is_bound_to_the_address(client_of, offered):
    other = make_user("other@example.com")

    response = client_of(other).post(offered)

    assert response.status_code == 403
    assert not Membership.objects.filter(user=other).exists()


def test_the_link_works_once(client, offered):
    client.post(offered, {"name": "Léa", "password": "une-belle-phrase-longue"})
    Membership.objects.get(user__email="lea@example.com").delete()

    assert client.post(offered).status_code == 410
    assert not Membership.objects.filter(user__email="lea@example.com").exists()


def test_looking_at_the_link_changes_nothing(client, offered):
    assert client.get(offered).status_code == 200
    assert Invitation.objects.open().count() == 1


def test_an_expired_link_is_gone(client, offered):
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert client.get(offered).status_code == 410


def test_a_withdrawn_link_is_gone(client, owner, offered):
    team.revoke(Invitation.objects.get(), by=owner, at=NOON)

    assert AuditEntry.objects.get(kind="invitation_ended").user == owner
    assert client.get(offered).status_code == 410


def test_sending_again_ends_the_earlier_link(client_of, owner, offered):
    client = client_of(owner)
    client.post(f"{TEAM}invitations/{Invitation.objects.get().pk}/again/")
    client.logout()

    assert (client.get(offered).status_code, client.get(link()).status_code) == (410, 200)


def test_nobody_is_written_to_without_end(owner, offered):
    invitation = Invitation.objects.get()
    for _ in range(4):
        team.resend(invitation, by=owner, at=NOON)

    with pytest.raises(team.TeamRefused, match="5 times"):
        team.resend(invitation, by=owner, at=NOON)


def test_a_link_of_a_closed_shop_is_gone(client, vendor, offered):
    vendor.is_active = False
    vendor.save()

    assert client.get(offered).status_code == 410


def test_the_secret_is_stored_nowhere(client, offered):
    secret = offered.split("/")[2]

    rows = [*Invitation.objects.values(), *OutgoingEmail.objects.values(), *AuditEntry.objects.values()]
    assert secret not in str(rows)


@pytest.mark.parametrize("password", ["short", "password1234", "lea@example.com"])
def test_a_guessable_password_is_refused(client, offered, password):
    client.post(offered, {"name": "Léa", "password": password})

    assert not User.objects.filter(email="lea@example.com").exists()


def test_one_address_has_one_open_invitation(client_of, owner):
    client = client_of(owner)
    invite(client)

    response = invite(client, "LEA@example.com")

    assert "is invited already" in response.content.decode()
    assert Invitation.objects.count() == 1


def test_a_member_is_not_invited(client_of, owner):
    response = invite(client_of(owner), owner.email)

    assert response.status_code == 422
    assert "is in the team already" in response.content.decode()


def test_a_role_is_changed_and_counts_at_once(client_of, owner, vendor, client):
    lea = make_member(vendor, Role.PREPARER)
    member = lea.memberships.get()

    client_of(owner).post(f"{TEAM}members/{member.pk}/role/", {"role": "manager"})

    member.refresh_from_db()
    entry = AuditEntry.objects.get(kind="role_changed")
    assert (member.role, entry.data) == ("manager", {"changes": {"role": ["preparer", "manager"]}})


def test_a_made_up_role_is_refused(client_of, owner, vendor):
    member = make_member(vendor, Role.PREPARER).memberships.get()

    client_of(owner).post(f"{TEAM}members/{member.pk}/role/", {"role": "god"})

    member.refresh_from_db()
    assert member.role == "preparer"


def test_a_removed_member_has_no_access_in_an_open_session(client_of, client, owner, vendor):
    lea = make_member(vendor, Role.MANAGER)
    client_of(lea)
    assert client.get("/vendors/rucher-des-baux/orders/").status_code == 200

    team.remove(lea.memberships.get(), by=owner, at=timezone.now())

    assert client.get("/vendors/rucher-des-baux/orders/").status_code == 404


def test_removing_asks_first(client_of, owner, vendor):
    member = make_member(vendor, Role.MANAGER).memberships.get()

    response = client_of(owner).get(f"{TEAM}members/{member.pk}/remove/")

    assert "The access ends at once" in response.content.decode()
    assert Membership.objects.filter(pk=member.pk).exists()


@pytest.mark.parametrize("step", ["remove", "change_role", "leave"])
def test_the_last_owner_stays(client_of, owner, vendor, step):
    make_member(vendor, Role.MANAGER)
    member = owner.memberships.get()
    path = "leave/" if step == "leave" else f"members/{member.pk}/{step.removeprefix('change_')}/"

    response = client_of(owner).post(TEAM + path, {"role": "manager"}, follow=True)

    member.refresh_from_db()
    assert member.role == "owner"
    assert "is the only owner of Rucher des Baux" in response.content.decode()


def test_an_owner_whose_account_is_closed_does_not_count(owner, vendor):
    make_member(vendor, Role.OWNER, is_active=False)

    with pytest.raises(team.LastOwner):
        team.remove(owner.memberships.get(), by=owner, at=timezone.now())


def test_an_owner_may_leave_another_behind(client_of, owner, vendor):
    make_member(vendor, Role.OWNER)

    response = client_of(owner).post(f"{TEAM}leave/")

    assert response.headers["Location"] == "/"
    assert not owner.memberships.exists()


def test_removing_twice_is_once(owner, vendor):
    member = make_member(vendor, Role.MANAGER).memberships.get()
    team.remove(member, by=owner, at=timezone.now())

    team.remove(member, by=owner, at=timezone.now())

    assert AuditEntry.objects.filter(kind="left").count() == 1


def test_a_person_has_a_role_in_each_shop(client_of, owner, vendor):
    other = make_vendor("miel-et-cie")
    Membership.objects.create(user=owner, vendor=other, role=Role.PREPARER)
    client = client_of(owner)

    answers = [
        client.get(f"/vendors/{shop}/team/").status_code for shop in ("rucher-des-baux", "miel-et-cie")
    ]

    assert answers == [200, 403]


@pytest.mark.parametrize("n", [1, 3])
def test_the_page_costs_the_same_queries(client_of, owner, vendor, django_assert_num_queries, n):
    for number in range(n):
        make_member(vendor, Role.PREPARER)
        team.invite(vendor, email=f"new{number}@example.com", role="manager", by=owner, at=NOON)
    client = client_of(owner)

    with django_assert_num_queries(6):
        client.get(TEAM)


def test_every_permission_is_told_in_words():
    assert set(IN_WORDS) == set(Permission)


def test_the_table_says_what_the_code_does():
    rows = {words: [has for _role, has in rights] for words, rights in table()}

    assert rows["See amounts and gains"] == [True, True, False, True]
    assert rows["Change team, legal identity and settings"] == [True, False, False, False]


def test_the_page_shows_the_table(client_of, owner):
    text = client_of(owner).get(TEAM).content.decode()

    assert text.count('scope="row"') == len(Permission)


def test_an_address_is_written_to_five_times_a_week_at_most(client_of, owner, vendor):
    client = client_of(owner)
    for _ in range(7):
        response = invite(client, "stranger@example.com")
        vendor.invitations.open().update(revoked_at=timezone.now())

    assert "stranger@example.com was written to 5 times in a week" in response.content.decode()
    assert OutgoingEmail.objects.filter(to="stranger@example.com").count() == 5


def test_a_shop_sends_sixty_invitations_a_day_at_most(owner, vendor):
    now = timezone.now()
    for n in range(60):
        team.revoke(
            team.invite(vendor, email=f"p{n}@example.com", role="manager", by=owner, at=now), by=owner, at=now
        )

    with pytest.raises(team.TeamRefused, match="60 invitations were sent since yesterday"):
        team.invite(vendor, email="lea@example.com", role="manager", by=owner, at=now)

    tomorrow = now + timedelta(days=1, minutes=1)
    assert team.invite(vendor, email="lea@example.com", role="manager", by=owner, at=tomorrow)


@pytest.mark.parametrize("step", ["remove", "role"])
def test_who_is_no_owner_any_more_has_no_way_back_in(client_of, owner, vendor, step):
    other = make_member(vendor, Role.OWNER)
    invited = team.invite(vendor, email="second@example.com", role="owner", by=other, at=timezone.now())
    own = team.invite(vendor, email="lea@example.com", role="manager", by=owner, at=timezone.now())

    client_of(owner).post(f"{TEAM}members/{other.memberships.get().pk}/{step}/", {"role": "manager"})

    assert list(vendor.invitations.open()) == [own]
    assert AuditEntry.objects.get(kind="invitation_ended").subject == f"invitation:{invited.pk}"


def gone_at_the_lock(monkeypatch, member):
    """Another request removes ``member`` just before this one has the shop's lock."""
    lock = team._lock

    def after_the_other(vendor, by=None):
        Membership.objects.filter(pk=member.pk).delete()
        lock(vendor, by)

    monkeypatch.setattr(team, "_lock", after_the_other)


def test_a_role_for_somebody_who_has_just_left_is_refused(client_of, owner, vendor, monkeypatch):
    member = make_member(vendor, Role.MANAGER, name="Léa").memberships.get()
    gone_at_the_lock(monkeypatch, member)

    response = client_of(owner).post(f"{TEAM}members/{member.pk}/role/", {"role": "preparer"}, follow=True)

    assert "Léa is no longer in the team." in response.content.decode()


@pytest.mark.parametrize("step", ["invite", "resend", "revoke", "change_role", "remove"])
def test_an_owner_who_was_removed_a_moment_ago_changes_nothing(vendor, owner, monkeypatch, step):
    other = make_member(vendor, Role.OWNER)
    member = make_member(vendor, Role.MANAGER).memberships.get()
    now = {"by": owner, "at": timezone.now()}
    invitation = team.invite(vendor, email="lea@example.com", role="manager", **(now | {"by": other}))
    gone_at_the_lock(monkeypatch, owner.memberships.get())
    steps = {
        "invite": lambda: team.invite(vendor, email="new@example.com", role="owner", **now),
        "resend": lambda: team.resend(invitation, **now),
        "revoke": lambda: team.revoke(invitation, **now),
        "change_role": lambda: team.change_role(member, "owner", **now),
        "remove": lambda: team.remove(member, **now),
    }

    with pytest.raises(team.TeamRefused, match="You are no owner of Rucher des Baux any more"):
        steps[step]()


def test_who_was_removed_gets_no_mail_that_still_waited(vendor, owner):
    lea = make_member(vendor, email="lea@example.com")
    make_order(vendor, status="processing", announce=True)

    team.remove(lea.memberships.get(), by=owner, at=NOON)
    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)

    assert [message.to for message in mail.outbox] == [["owner@rucher.example"]]
