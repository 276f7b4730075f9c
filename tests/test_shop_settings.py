import pytest
from django.core.exceptions import ValidationError

from tests.factories import make_member
from vendors.roles import Role

pytestmark = pytest.mark.django_db


def test_the_owner_changes_how_the_shop_works(client_of, owner, vendor):
    client_of(owner).post(
        "/vendors/rucher-des-baux/settings/",
        {
            "late_after_days": "4",
            "low_stock_at": "5",
            "completes_on_last_parcel": "on",
            "pickup_address": "1 rue",
        },
    )

    vendor.refresh_from_db()
    assert (vendor.late_after_days, vendor.low_stock_at, vendor.completes_on_last_parcel) == (4, 5, True)


def test_a_wrong_value_is_said_beside_the_field(client_of, owner, vendor):
    response = client_of(owner).post("/vendors/rucher-des-baux/settings/", {"late_after_days": "soon"})

    vendor.refresh_from_db()
    assert vendor.late_after_days == 2
    assert "late_after_days" in response.context["form"].errors


def test_everybody_chooses_their_own_mails(client_of, vendor):
    user = make_member(vendor, Role.PREPARER)

    client_of(user).post("/vendors/rucher-des-baux/my-mails/", {"wants_refund_mail": "on"})

    membership = user.memberships.get()
    assert (membership.wants_new_order_mail, membership.wants_refund_mail) == (False, True)


def test_a_time_zone_that_does_not_exist_is_refused(vendor):
    vendor.time_zone = "Paris/Europe"

    with pytest.raises(ValidationError, match="There is no time zone “Paris/Europe”"):
        vendor.full_clean()
