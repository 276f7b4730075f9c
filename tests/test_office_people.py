import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from marketplace.models import AuditEntry, OutgoingEmail
from tests.factories import make_member, make_staff, make_user
from tests.test_office_audit import NO_SHOPS, filled
from tests.test_second_factor import sign_in
from vendors.domain import team
from vendors.models import Invitation, User
from vendors.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]
NEW = "une-phrase-du-bureau"


@pytest.fixture
def boss():
    return make_user("boss@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def support():
    """A member of the staff who may change people, and is no superuser."""
    rights = ["view_user", "change_user", "change_group", "add_group"]
    rights += ["view_authenticator", "delete_authenticator"]
    return make_staff(*rights, email="support@example.com")


def save(client, person, **changes):
    kept = {"email": person.email, "name": person.name, "is_active": "on", **NO_SHOPS}
    if person.is_staff:
        kept["is_staff"] = "on"
    return client.post(f"/admin/vendors/user/{person.pk}/change/", {**kept, **changes})


def set_password(client, person):
    words = {"password1": NEW, "password2": NEW, "usable_password": "true", "set-password": "x"}
    return client.post(f"/admin/vendors/user/{person.pk}/password/", words)


def test_who_may_change_people_gives_no_rights(client_of, support):
    lou = make_user("lou@example.com")
    right = Permission.objects.get(codename="change_vendor")

    given = {"is_staff": "on", "is_superuser": "on", "user_permissions": [right.pk]}
    save(client_of(support), lou, name="Lou", **given)

    lou.refresh_from_db()
    assert (lou.name, lou.is_staff, lou.is_superuser) == ("Lou", False, False)
    assert not lou.user_permissions.exists()


@pytest.mark.parametrize("whose", ["boss", "support"])
def test_accounts_of_the_staff_are_for_superusers(client_of, support, boss, whose):
    person = {"boss": boss, "support": support}[whose]
    client = client_of(support)

    answers = [save(client, person, is_superuser="on"), set_password(client, person)]

    person.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403]
    assert (person.is_superuser, person.check_password(NEW)) == (whose == "boss", False)


def test_nobody_changes_their_own_rights(client_of, boss):
    save(client_of(boss), boss, is_superuser="", is_staff="", is_active="", name="Boss")

    boss.refresh_from_db()
    assert (boss.name, boss.is_superuser, boss.is_staff, boss.is_active) == ("Boss", True, True, True)


def test_groups_are_for_superusers(client_of, support):
    group = Group.objects.create(name="Support")
    client = client_of(support)

    answers = [
        client.post("/admin/auth/group/add/", {"name": "Mine"}),
        client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Mine"}),
        client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Group.objects.get().name == "Support"


def test_a_second_factor_of_the_staff_is_taken_away_by_superusers_alone(client_of, support, boss):
    factor = Authenticator.objects.create(user=boss, type="totp", data={})
    client = client_of(support)

    client.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [factor.pk], "post": "yes"}
    client.post("/admin/mfa/authenticator/", chosen)

    assert Authenticator.objects.filter(pk=factor.pk).exists()


def test_a_password_of_the_office_ends_sessions_and_is_told(client_of, support):
    lou = make_user("lou@example.com")
    theirs = Client()
    sign_in(theirs, email=lou.email)

    set_password(client_of(support), lou)

    lou.refresh_from_db()
    entry = AuditEntry.objects.get(kind="account_changed")
    mail = OutgoingEmail.objects.get(template="account/email/password_changed")
    assert (lou.check_password(NEW), theirs.get("/accounts/sessions/").status_code) == (True, 302)
    assert (entry.user, entry.subject, entry.data) == (support, f"user:{lou.pk}", {"what": "password"})
    assert mail.to == lou.email


def test_a_refused_password_is_no_news(client_of, boss):
    lou = make_user("lou@example.com")

    client_of(boss).post(f"/admin/vendors/user/{lou.pk}/password/", {"password1": "a", "password2": "b"})

    assert not AuditEntry.objects.filter(kind="account_changed").exists()


def test_the_account_of_a_shops_only_owner_is_not_closed(client_of, boss, owner, vendor):
    make_member(vendor, Role.OWNER, is_active=False)

    response = save(client_of(boss), owner, is_active="")

    owner.refresh_from_db()
    assert owner.is_active
    assert "Rucher des Baux would be without an owner" in response.content.decode()


def test_a_closed_account_leaves_no_invitation_behind(client_of, boss, owner, vendor):
    other = make_member(vendor, Role.OWNER)
    invited = team.invite(vendor, email="lea@example.com", role="owner", by=other, at=timezone.now())

    save(client_of(boss), other, is_active="")

    assert not User.objects.get(pk=other.pk).is_active
    assert not Invitation.objects.open().filter(pk=invited.pk).exists()


# The team of a shop, changed in the office.


@pytest.fixture
def shop_page(client_of, boss, owner, vendor):
    """Saves the shop's page of the office as it is, with ``changes``; the team's places by the person."""

    def save_page(changes):
        client = client_of(boss)
        url = f"/admin/vendors/vendor/{vendor.pk}/change/"
        page = client.get(url)
        data = filled(page)
        places = next(
            one.formset
            for one in page.context["inline_admin_formsets"]
            if one.formset.prefix == "memberships"
        )
        prefixes = {form.instance.user.email: form.prefix for form in places.initial_forms}
        for (email, field), value in changes.items():
            data[f"{prefixes.get(email, f'memberships-{len(prefixes)}')}-{field}"] = value
        data["memberships-TOTAL_FORMS"] = len(
            {
                name.split("-")[1]
                for name in data
                if name.startswith("memberships-") and name.split("-")[1].isdigit()
            }
        )
        return client.post(url, data)

    return save_page


def told():
    return set(OutgoingEmail.objects.filter(template="team_changed").values_list("to", flat=True))


def test_a_role_given_by_the_office_is_written_and_told(shop_page, boss, owner, vendor):
    prep = make_member(vendor, Role.PREPARER, email="prep@example.com")

    assert shop_page({("prep@example.com", "role"): "owner"}).status_code == 302

    entry = AuditEntry.objects.get(kind="role_changed")
    assert (entry.user, entry.subject, entry.vendor) == (boss, f"user:{prep.pk}", vendor)
    assert entry.data == {"changes": {"role": ["preparer", "owner"]}}
    assert told() == {owner.email, "prep@example.com"}


def test_a_place_given_by_the_office_is_written_and_told(shop_page, owner, vendor):
    new = make_user("new@example.com")

    assert shop_page({("", "user"): new.pk, ("", "role"): "owner"}).status_code == 302

    assert AuditEntry.objects.get(kind="joined").subject == f"user:{new.pk}"
    assert vendor.memberships.get(user=new).role == "owner"
    assert told() == {owner.email, "new@example.com"}


def test_a_place_taken_by_the_office_is_written_and_told(shop_page, owner, vendor):
    other = make_member(vendor, Role.OWNER, email="other@example.com")
    team.invite(vendor, email="lea@example.com", role="owner", by=other, at=timezone.now())

    assert shop_page({("other@example.com", "DELETE"): "on"}).status_code == 302

    assert AuditEntry.objects.get(kind="left").subject == f"user:{other.pk}"
    assert not vendor.invitations.open().exists()
    assert told() == {owner.email, "other@example.com"}


def test_the_only_owner_is_replaced_in_one_go(shop_page, owner, vendor):
    make_member(vendor, Role.MANAGER, email="next@example.com")

    shop_page({("next@example.com", "role"): "owner", (owner.email, "role"): "manager"})

    assert dict(vendor.memberships.values_list("user__email", "role"))["next@example.com"] == "owner"
    assert vendor.memberships.get(user=owner).role == "manager"


def test_an_owner_with_a_closed_account_does_not_count_in_the_office(shop_page, owner, vendor):
    make_member(vendor, Role.OWNER, is_active=False)

    response = shop_page({(owner.email, "role"): "manager"})

    assert "A shop keeps an owner" in response.content.decode()
    assert vendor.memberships.get(user=owner).role == "owner"


def test_a_place_keeps_its_person(shop_page, owner, vendor):
    new = make_user("new@example.com")

    response = shop_page({(owner.email, "user"): new.pk})

    assert "A place keeps its person" in response.content.decode()
    assert vendor.memberships.get().user == owner
