import pytest
from django.apps import apps
from django.contrib import admin
from django.utils import translation

from orders.models import Order
from orders.states import OrderStatus
from tests.factories import make_order, make_user

pytestmark = pytest.mark.django_db

OURS = [
    model for app in ("orders", "vendors", "marketplace") for model in apps.get_app_config(app).get_models()
]
INSIDE_OTHERS = {
    "OrderFigures",
    "StaleFigures",
    "BulkItem",
    "Tally",
    "OrderLine",
    "OrderNameStart",
    "ShipmentLine",
    "RefundLine",
    "StatusChange",
    "Membership",
    "LegalIdentity",
    "SourceVendor",
}


@pytest.fixture
def staff(client_of):
    return client_of(make_user("staff@example.com", is_staff=True, is_superuser=True))


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_model_can_be_browsed(staff, vendor, model):
    make_order(vendor, status=OrderStatus.PROCESSING)
    if model.__name__ in INSIDE_OTHERS:
        return

    assert model in admin.site._registry
    assert staff.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/").status_code == 200


def test_an_order_shows_its_history_and_nothing_to_fill_in(staff, vendor):
    order = make_order(vendor, status=OrderStatus.PROCESSING)

    text = staff.get(f"/admin/orders/order/{order.pk}/change/").content.decode()

    assert 'name="status"' not in text
    assert 'name="total"' not in text
    assert "Order received" in text


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
def test_orders_are_neither_added_nor_deleted(staff, vendor, path):
    order = make_order(vendor)

    assert staff.post(f"/admin/orders/order/{path.format(pk=order.pk)}").status_code == 403


def test_a_status_change_goes_through_the_same_door(staff, vendor):
    order = make_order(vendor, status=OrderStatus.ON_HOLD)

    staff.post(
        "/admin/orders/order/",
        {"action": "move_to_processing", "_selected_action": [order.pk], "confirmed": "1", "reason": "Paid"},
    )

    order.refresh_from_db()
    assert (order.status, order.history.latest("id").actor) == (OrderStatus.PROCESSING, "staff")


def test_a_refused_step_says_why(staff, vendor):
    order = make_order(vendor, status=OrderStatus.CANCELLED)

    response = staff.post(
        "/admin/orders/order/",
        {"action": "move_to_completed", "_selected_action": [order.pk], "confirmed": "1", "reason": "x"},
        follow=True,
    )

    assert Order.objects.get(pk=order.pk).status == OrderStatus.CANCELLED
    assert "nothing was changed" in response.content.decode()


def test_the_office_names_its_parts_in_french(staff):
    text = staff.get("/admin/", headers={"accept-language": "fr"}).content.decode()

    assert "Place de marché" in text
    assert "File des tâches" in text
    assert "Task" not in text


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_relation_that_the_office_shows_has_a_name_of_its_own(model):
    shown = getattr(admin.site._registry.get(model), "list_display", ())

    with translation.override("fr"):
        raw = [
            field.name
            for field in model._meta.concrete_fields
            if field.is_relation and field.name in shown and str(field.verbose_name) == field.name
        ]

    assert raw == []
