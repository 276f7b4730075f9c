"""An order's number stands in its address."""

import pytest

from orders.domain.customers import NOT_NUMBERS, free_number
from orders.urls import urlpatterns
from tests.factories import make_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("number", [".", "..", "customers", "bulk", "export.csv"])
def test_a_number_that_is_another_address_gets_a_dash(vendor, number):
    source = make_order(vendor).source

    assert free_number(number, vendor, source) == f"-{number}"


def test_every_page_beside_the_orders_is_known():
    begins = {str(entry.pattern).split("/")[0] for entry in urlpatterns} - {""}

    assert {begin for begin in begins if "<" not in begin} <= NOT_NUMBERS
