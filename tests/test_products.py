import pytest

from orders.models import StockMovement
from orders.states import OrderStatus
from tests.factories import make_member, make_order, make_product, make_vendor
from vendors.roles import Role

pytestmark = pytest.mark.django_db
LIST = "/vendors/rucher-des-baux/products/"


def names(response):
    return [product.name for product in response.context["page"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Cire", "Miel", "Pain"]),
        ("?shelf=low", ["Miel", "Pain"]),
        ("?shelf=oversold", ["Pain"]),
        ("?q=mie", ["Miel"]),
    ],
)
def test_products_are_found_by_name_and_by_what_runs_low(client_of, owner, vendor, query, found):
    make_product(vendor, name="Miel", stock=2)
    make_product(vendor, name="Cire", stock=50)
    make_product(vendor, name="Pain", stock=-1)
    make_product(make_vendor("miel-et-cie"), name="Miel étranger", stock=0)

    assert names(client_of(owner).get(LIST + query)) == found


def test_a_product_shows_its_movements(client_of, owner, vendor):
    product = make_product(vendor, name="Miel", stock=10)
    make_order(vendor, number="1042", lines=[(product, 3)], status=OrderStatus.PROCESSING)

    response = client_of(owner).get(f"{LIST}{product.pk}/")

    assert [movement.units for movement in response.context["page"]] == [-3, 10]
    assert "Order 1042" in response.content.decode()


def test_the_count_stands_before_the_movements(client_of, owner, vendor):
    html = (
        client_of(owner).get(f"/vendors/rucher-des-baux/products/{make_product(vendor).pk}/").content.decode()
    )

    assert 0 < html.index("Record the count") < html.index('id="h-moves"')


def test_a_count_is_a_movement_of_the_difference(client_of, vendor):
    product = make_product(vendor, stock=10)

    client_of(make_member(vendor, Role.PREPARER)).post(f"{LIST}{product.pk}/count/", {"units": 7})

    product.refresh_from_db()
    assert (product.stock, StockMovement.objects.latest("id").units) == (7, -3)


@pytest.mark.parametrize("units", ["-1", "abc", "", "99999999999"])
def test_an_impossible_count_is_said(client_of, owner, vendor, units):
    product = make_product(vendor, stock=10)

    client_of(owner).post(f"{LIST}{product.pk}/count/", {"units": units})

    product.refresh_from_db()
    assert product.stock == 10


def test_a_preparer_sees_no_price(client_of, vendor):
    make_product(vendor, name="Miel", stock=10, price="12.34")

    assert "12.34" not in client_of(make_member(vendor, Role.PREPARER)).get(LIST).content.decode()


@pytest.mark.parametrize("more", [1, 3])
def test_the_number_of_queries_does_not_grow(client_of, owner, vendor, django_assert_num_queries, more):
    for _ in range(more):
        make_product(vendor, stock=1)
    client = client_of(owner)

    with django_assert_num_queries(6):
        client.get(LIST)


def test_a_shelf_that_is_not_there_shows_no_product_and_says_so(client_of, owner, vendor):
    make_product(vendor, name="Miel", stock=2)

    response = client_of(owner).get(LIST + "?shelf=foo")

    assert names(response) == []
    assert "there is no shelf “foo”" in response.content.decode()


def test_a_count_says_what_is_on_the_shelf(client_of, owner, vendor):
    product = make_product(vendor, name="Miel", stock=0)

    page = client_of(owner).post(f"{LIST}{product.pk}/count/", {"units": "12"}, follow=True)

    assert "Miel: 12 units on the shelf." in page.content.decode()


def test_a_count_that_is_missing_names_its_field(client_of, owner, vendor):
    product = make_product(vendor, stock=10)

    page = client_of(owner).post(f"{LIST}{product.pk}/count/", {"units": ""}, follow=True)

    assert "Units on the shelf: say how many units you counted." in page.content.decode()
