import pytest
from django.apps import apps
from django.db.models import Count, Q
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from marketplace.urls import urlpatterns as site
from orders.models import Customer, Order
from orders.states import OrderStatus
from tests.factories import make_customer, make_order, make_product, make_vendor
from vendors.access import vendor_required
from vendors.models import Product
from vendors.roles import Permission
from vendors.scope import OutsideShop, OwnedByShop, inside, within

pytestmark = pytest.mark.django_db


@pytest.fixture
def neighbour(vendor):
    """Another shop with order 2077, beside ours with 1042."""
    make_order(vendor, number="1042", status=OrderStatus.PROCESSING)
    other = make_vendor("miel-et-cie")
    make_order(other, number="2077", status=OrderStatus.PROCESSING, customer=make_customer(other))
    make_product(other)
    return other


FORGETFUL = {
    "a row": lambda: Order.objects.get(number="2077"),
    "rows": lambda: list(Order.objects.order_by("id")),
    "rows of another manager": lambda: Order._base_manager.get(number="2077"),
    "a filter by something else": lambda: list(Product.objects.filter(name__startswith="Product")),
    "a joined row": lambda: list(Order.objects.select_related("customer").filter(number="2077")),
    "names": lambda: list(Customer.objects.values_list("name", flat=True)),
    "a stream of names": lambda: list(Customer.objects.values_list("name").iterator()),
    "a number": lambda: Order.objects.count(),
    "a sum": lambda: Order.objects.filter(status="processing").aggregate(n=Count("pk")),
    "whether": lambda: Order.objects.filter(number="2077").exists(),
    "a change": lambda: Order.objects.update(customer_note="x"),
    "a deletion": lambda: Product.objects.all().delete(),
    "either shop": lambda: Order.objects.filter(Q(vendor=1) | Q(number="2077")).count(),
    "all but ours": lambda: Order.objects.exclude(vendor_id=1).count(),
}


@pytest.mark.parametrize("query", FORGETFUL.values(), ids=FORGETFUL)
def test_a_forgotten_filter_is_refused(vendor, neighbour, query):
    query()  # outside a shop's page it answers

    with within(vendor.pk), pytest.raises(OutsideShop):
        query()


def test_the_neighbours_id_is_refused_too(vendor, neighbour):
    with within(vendor.pk), pytest.raises(OutsideShop):
        Order.objects.filter(vendor=neighbour).count()


def test_a_foreign_row_is_not_saved(vendor, neighbour):
    order = Order.objects.get(number="2077")

    with within(vendor.pk), pytest.raises(OutsideShop):
        order.save()


def test_our_own_rows_are_read_counted_and_changed(vendor, neighbour):
    with within(vendor.pk):
        mine = Order.objects.for_vendor(vendor)
        order = mine.get(number="1042")
        order.refresh_from_db()

        assert (mine.count(), list(mine.values_list("number")), mine.update(stage="")) == (1, [("1042",)], 1)


def test_an_answer_that_outlives_its_view_stays_inside(vendor, neighbour):
    def parts():
        yield b"ours"
        yield Order.objects.get(number="2077").number.encode()

    stream = inside(vendor.pk, parts())

    assert next(stream) == b"ours"
    assert Order.objects.count() == 2  # between the parts the shop is left
    with pytest.raises(OutsideShop):
        next(stream)


@vendor_required(Permission.VIEW_ORDERS)
def forgetful_page(request, number):
    return HttpResponse(Order.objects.get(number=number).customer_name)


urlpatterns = [path("vendors/<slug:slug>/forgetful/<str:number>/", forgetful_page), *site]


@override_settings(ROOT_URLCONF="tests.test_scope")
def test_a_forgetful_page_answers_as_if_the_order_were_not_there(client_of, owner, neighbour, caplog):
    client = client_of(owner)

    ours = client.get("/vendors/rucher-des-baux/forgetful/1042/")
    foreign = client.get("/vendors/rucher-des-baux/forgetful/2077/")

    assert (ours.status_code, foreign.status_code) == (200, 404)
    assert b"Camille" not in foreign.content
    assert "was about to touch orders.Order" in caplog.text


@pytest.mark.parametrize(("path", "part"), [("export.csv", "csv"), ("export.xlsx", "sent")])
def test_an_export_stays_inside_until_its_last_byte(client_of, owner, neighbour, monkeypatch, path, part):
    def forgetful(*args):
        yield b"ours"
        yield Order.objects.get(number="2077").number.encode()

    monkeypatch.setattr(f"orders.exports.export.Export.{part}", forgetful)

    stream = client_of(owner).get(f"/vendors/rucher-des-baux/orders/{path}").streaming_content

    with pytest.raises(OutsideShop):
        list(stream)


@pytest.mark.parametrize("step", ["bulk_create", "bulk_update"])
def test_many_foreign_rows_at_once_are_refused_too(vendor, neighbour, step):
    rows = (
        [Customer(vendor=neighbour, name="x")] if step == "bulk_create" else list(neighbour.customers.all())
    )
    fields = {} if step == "bulk_create" else {"fields": ["name"]}

    with within(vendor.pk), pytest.raises(OutsideShop):
        getattr(Customer.objects, step)(rows, **fields)


# Models with a shop that stand outside the second belt, and why.
OUTSIDE = {
    "vendors.Membership": "read before the shop is known, to know who asks",
    "vendors.Invitation": "read by its secret, before the person belongs to the shop",
    "vendors.LegalIdentity": "reached from the shop alone, one row each",
    "orders.DocumentSeries": "numbers, locked by their shop when one is given; no page reads them",
    "orders.OrderNameStart": "joined below orders, which are checked",
    "orders.StaleFigures": "ids of orders whose figures the worker makes anew",
    "orders.Tally": "figures of one shop, asked for by it in one place (orders.domain.tallies)",
    "orders.SourceVendor": "the worker's and the office's alone",
    "orders.Delivery": "the worker's and the office's; a page counts those set aside by its shop",
    "marketplace.AuditEntry": "written by pages, read in the office alone",
}


def test_every_model_of_a_shop_is_inside_or_says_why_not():
    of_a_shop = {
        model._meta.label: issubclass(model, OwnedByShop)
        for model in apps.get_models()
        if any(field.name == "vendor" for field in model._meta.concrete_fields) and not model._meta.proxy
    }

    assert {label for label, is_inside in of_a_shop.items() if not is_inside} == set(OUTSIDE)
