"""Support that sees as a shop: it reads, and no longer than it may."""

import pytest

from tests.factories import make_staff, make_vendor
from vendors.models import LegalIdentity

pytestmark = pytest.mark.django_db
PAGE = "/vendors/rucher-des-baux/orders/"


@pytest.fixture
def person():
    """A member of the staff who may see as a shop."""
    return make_staff("change_vendor", "view_vendor", email="sam@example.com")


@pytest.fixture
def seen(client_of, person, vendor):
    client = client_of(person)
    client.post(f"/admin/vendors/vendor/{vendor.pk}/see-as/", {"reason": "Ticket 7"})
    assert client.get(PAGE).status_code == 200
    return client


def lose_the_right(person):
    person.user_permissions.clear()


def leave_the_staff(person):
    person.is_staff = False
    person.save()


@pytest.mark.parametrize("step", [lose_the_right, leave_the_staff])
def test_the_sight_ends_with_the_right(seen, person, step):
    step(person)

    assert seen.get(PAGE).status_code == 404


def test_reading_an_empty_identity_makes_none(client_of, person):
    shop = make_vendor("rucher-des-baux", identity=False)
    client = client_of(person)
    client.post(f"/admin/vendors/vendor/{shop.pk}/see-as/", {"reason": "Ticket 7"})

    answer = client.get("/vendors/rucher-des-baux/identity/")

    assert (answer.status_code, LegalIdentity.objects.exists()) == (200, False)
