"""Views that a person keeps of a shop's list: filters under a name, one of them first."""

import re
from html import unescape

import pytest
from django.utils import timezone

from orders.periods import address_of, periods
from tests.factories import make_member, make_order, make_vendor
from vendors.domain.saved_views import MOST, SavedView, ViewRefused, keep_view, land_on, rename_view, views_of
from vendors.models import Membership
from vendors.roles import Role

LIST = "/vendors/rucher-des-baux/orders/"
MINE = "/vendors/rucher-des-baux/my-list/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def member(vendor, owner):
    return Membership.objects.get(vendor=vendor, user=owner)


def kept(member):
    member.refresh_from_db()
    return [(view.name, view.query, view.period) for view in views_of(member)]


def test_what_the_list_shows_is_kept_under_a_name(client_of, owner, member):
    response = client_of(owner).post(
        MINE + "views/",
        {"name": "  To prepare  today ", "query": "status=processing&stage=to_prepare&sort=-total&cursor=x"},
    )

    assert kept(member) == [("To prepare today", "sort=-total&stage=to_prepare&status=processing", "")]
    assert response["Location"] == f"{LIST}?sort=-total&stage=to_prepare&status=processing"


def test_what_is_no_filter_is_not_kept(client_of, owner, member):
    client_of(owner).post(MINE + "views/", {"name": "X", "query": "q=10&next=//evil.example&customer="})

    assert kept(member) == [("X", "q=10", "")]


def test_a_period_stays_a_period(client_of, owner, member):
    days = periods(timezone.localdate())[1]

    client_of(owner).post(
        MINE + "views/",
        {"name": "This week", "query": f"placed_after={days.first}&placed_before={days.last}&late=1"},
    )

    assert kept(member) == [("This week", "late=1", "week")]
    tomorrow = periods(timezone.localdate())[1].last.replace(year=2030, month=3, day=7)
    [view] = views_of(member)
    assert address_of(view, "rucher-des-baux", tomorrow) == (
        f"{LIST}?late=1&placed_after=2030-03-01&placed_before=2030-03-07"
    )


def test_own_days_stay_those_days(client_of, owner, member):
    client_of(owner).post(
        MINE + "views/", {"name": "Fair", "query": "placed_after=2026-05-01&placed_before=2026-05-03"}
    )

    assert kept(member) == [("Fair", "placed_after=2026-05-01&placed_before=2026-05-03", "")]


def test_a_view_of_the_same_name_gets_the_new_filters(member):
    first = keep_view(member, "Late", "late=1")

    again = keep_view(member, "LATE", "late=1&sort=total")

    assert (again.key, kept(member)) == (first.key, [("LATE", "late=1&sort=total", "")])


@pytest.mark.parametrize("name", ["", "   ", "\0", "x" * 41])
def test_a_name_that_cannot_be_is_refused_in_words(client_of, owner, member, name):
    response = client_of(owner).post(MINE + "views/", {"name": name, "query": "late=1"}, follow=True)

    assert kept(member) == []
    assert re.search("Give the view a name|40 characters", unescape(response.content.decode()))


def test_twenty_views_are_enough(member):
    for n in range(MOST):
        keep_view(member, f"View {n}", "late=1")

    with pytest.raises(ViewRefused, match="You have 20 views already"):
        keep_view(member, "One more", "late=1")
    assert len(kept(member)) == MOST


def test_filters_without_end_are_refused(member):
    with pytest.raises(ViewRefused, match="too long"):
        keep_view(member, "Long", "q=" + "1" * 2000)


def test_two_views_never_share_a_name(member):
    keep_view(member, "Late", "late=1")
    other = keep_view(member, "Paid", "status=processing")

    with pytest.raises(ViewRefused, match="Another of your views"):
        rename_view(member, other.key, "late")


def test_a_view_is_renamed_put_first_and_deleted(client_of, owner, member):
    client, key = client_of(owner), keep_view(member, "Late", "late=1").key
    address = f"{MINE}views/{key}/"

    client.post(address, {"do": "rename", "name": "Too late"})
    client.post(address, {"do": "first", "name": "ignored"})
    assert kept(member) == [("Too late", "late=1", "")]
    assert client.get("/", follow=True).redirect_chain[-1][0] == f"{LIST}?late=1"

    client.post(address, {"do": "delete"})
    assert (kept(member), member.landing_view) == ([], None)
    assert client.get("/")["Location"] == LIST


def test_the_whole_list_may_come_first_again(client_of, owner, member):
    view = keep_view(member, "Late", "late=1")
    land_on(member, view.key)

    client_of(owner).post(f"{MINE}views/{view.key}/", {"do": "not-first"})

    member.refresh_from_db()
    assert member.landing_view is None


def test_the_menu_leads_to_the_view_that_comes_first_and_the_bare_address_to_all(client_of, owner, member):
    land_on(member, keep_view(member, "Late", "late=1").key)
    make_order(member.vendor, number="7")

    html = client_of(owner).get(LIST).content.decode()

    assert 'class="brand" href="/vendors/rucher-des-baux/orders/?late=1"' in html
    assert ">7</a>" in html


def test_the_list_names_the_view_it_shows(client_of, owner, member):
    keep_view(member, "Late <3", "late=1")

    shown = client_of(owner).get(f"{LIST}?late=1").content.decode()
    other = client_of(owner).get(f"{LIST}?late=1&q=7").content.decode()

    assert '<span class="head__word">Late &lt;3</span>' in shown
    assert '<span class="head__word">My views</span>' in other
    assert 'name="query" value="late=1&amp;q=7"' in other


def test_nobody_sees_another_persons_views(client_of, vendor, member):
    keep_view(member, "Secret plan", "late=1")
    colleague = make_member(vendor, Role.MANAGER)

    assert b"Secret plan" not in client_of(colleague).get(LIST).content
    assert client_of(colleague).post(f"{MINE}views/1/", {"do": "delete"}).status_code == 404
    assert len(kept(member)) == 1


def test_views_belong_to_one_shop(client_of, owner, member):
    keep_view(member, "Late", "late=1")
    other = make_vendor("miel-et-cie")
    Membership.objects.create(vendor=other, user=owner, role=Role.OWNER)

    assert b"Late</" not in client_of(owner).get("/vendors/miel-et-cie/my-list/views/").content


def test_a_view_whose_period_is_gone_still_opens():
    view = SavedView(1, "Old", "late=1", "fortnight")

    assert address_of(view, "rucher-des-baux", timezone.localdate()) == f"{LIST}?late=1"


@pytest.mark.parametrize("views", [1, 3])
def test_views_cost_the_list_no_query(client_of, owner, member, views, django_assert_num_queries):
    for n in range(views):
        keep_view(member, f"View {n}", f"q={n}")
    make_order(member.vendor)
    client = client_of(owner)

    with django_assert_num_queries(6):
        client.get(LIST)


def test_a_page_of_views_explains_itself_while_there_is_none(client_of, owner):
    assert "No view yet" in client_of(owner).get(MINE + "views/").content.decode()
