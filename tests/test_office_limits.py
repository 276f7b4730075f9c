"""What the office does with many rows, with other hosts, and with one's own password."""

import pytest

from marketplace.admin import MOST_AT_ONCE
from orders.models import Delivery, Order
from orders.states import OrderStatus
from tests.factories import NOON, make_order, make_source, make_user
from tests.test_intake_admin import FORM

pytestmark = pytest.mark.django_db
ORDERS = "/admin/orders/order/"


@pytest.fixture
def staff(client_of):
    return client_of(make_user("staff@example.com", is_staff=True, is_superuser=True))


def test_an_action_on_too_many_ticked_rows_does_nothing(staff, vendor):
    order = make_order(vendor, status=OrderStatus.ON_HOLD)
    ticked = [order.pk, *range(10**6, 10**6 + MOST_AT_ONCE)]
    action = {"action": "move_to_processing", "confirmed": "1", "reason": "Paid"}

    answer = staff.post(ORDERS, {**action, "_selected_action": ticked}, follow=True)

    assert f"More than {MOST_AT_ONCE} rows are chosen" in answer.content.decode()
    assert Order.objects.get().status == OrderStatus.ON_HOLD


def test_an_action_on_all_rows_of_a_long_list_does_nothing(staff, monkeypatch):
    monkeypatch.setattr("marketplace.admin.MOST_AT_ONCE", 2)
    source = make_source()
    rows = [
        Delivery.objects.create(source=source, body=b"{}", state="quarantined", received_at=NOON)
        for _ in "123"
    ]

    answer = staff.post(
        "/admin/orders/delivery/",
        {"action": "replay", "select_across": "1", "_selected_action": [rows[0].pk]},
        follow=True,
    )

    assert "More than 2 rows are chosen" in answer.content.decode()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"quarantined"}


@pytest.mark.parametrize("path", ["orders/order", "marketplace/auditentry"])
def test_no_list_offers_to_count_the_whole_table(staff, vendor, path):
    make_order(vendor)

    assert "_facets" not in staff.get(f"/admin/{path}/").content.decode()


@pytest.fixture
def source():
    source = make_source()
    source.rest_url, source.consumer_key, source.consumer_secret = "https://shop.example", "ck_1", "cs_1"
    source.save()
    return source


def change(staff, source, **values):
    form = {**FORM, "slug": source.slug, "rest_url": "https://shop.example", **values}
    return staff.post(f"/admin/orders/source/{source.pk}/change/", form).content.decode()


def test_stored_keys_are_not_led_to_another_host(staff, source):
    page = change(staff, source, rest_url="https://evil.example.net", new_consumer_key="ck_2")

    source.refresh_from_db()
    assert page.count("the stored one belongs to another host") == 1
    assert (source.rest_url, source.consumer_key) == ("https://shop.example", "ck_1")


def test_another_path_of_the_host_keeps_the_keys(staff, source):
    change(staff, source, rest_url="https://shop.example/boutique")

    source.refresh_from_db()
    assert (source.rest_url, source.consumer_key) == ("https://shop.example/boutique", "ck_1")


def test_another_host_comes_with_its_own_keys(staff, source):
    change(staff, source, rest_url="https://new.example", new_consumer_key="ck_2", new_consumer_secret="cs_2")

    source.refresh_from_db()
    assert (source.rest_url, source.consumer_secret) == ("https://new.example", "cs_2")


def test_an_address_that_anybody_could_read_along_is_refused(staff, source, settings):
    settings.STOREFRONT_PRIVATE_ADDRESSES = False
    assert "anybody on the way could read the keys" in change(staff, source, rest_url="http://shop.example")


def test_an_address_of_this_machine_is_taken_where_the_setting_says_so(staff, source, settings):
    settings.STOREFRONT_PRIVATE_ADDRESSES = True
    keys = {"new_consumer_key": "ck_2", "new_consumer_secret": "cs_2"}

    change(staff, source, rest_url="http://127.0.0.1:8080", **keys)

    source.refresh_from_db()
    assert source.rest_url == "http://127.0.0.1:8080"


def test_a_short_secret_of_webhooks_is_refused(staff):
    page = staff.post("/admin/orders/source/add/", {**FORM, "own_secret": "a"}).content.decode()

    assert "It needs at least 20 characters" in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_ones_own_password_is_changed_on_the_accounts_page_alone(staff, method):
    answer = getattr(staff, method)("/admin/password_change/", {"old_password": "x"})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/password/change/")
