"""A page that keeps the database busy for too long is given up, in words; a file is not."""

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from marketplace.limits import _limit, limit_pages
from orders.filters import OrderFilter
from tests.factories import make_order

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

LIST = "/vendors/rucher-des-baux/orders/"


@pytest.fixture
def limited(settings):
    """The limit of a web process, of one second."""
    settings.PAGE_SECONDS = 1
    _limit(connection)
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")


def slow(usual):
    def summary(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(3)")
        return usual.func(self)

    return property(summary)


def test_a_list_that_takes_too_long_says_how_to_narrow_it(limited, client_of, owner, vendor, monkeypatch):
    browser = client_of(owner)
    monkeypatch.setattr(OrderFilter, "summary", slow(OrderFilter.__dict__["summary"]))

    response = browser.get(LIST)

    page = response.content.decode()
    assert response.status_code == 503
    assert "Narrow the list" in page
    assert f"{LIST}?placed_after=" in page


def test_a_file_takes_as_long_as_it_needs(limited, client_of, owner, vendor, monkeypatch):
    make_order(vendor, number="1")
    browser = client_of(owner)
    monkeypatch.setattr(OrderFilter, "summary", slow(OrderFilter.__dict__["summary"]))

    data = b"".join(browser.get(LIST + "export.csv").streaming_content)

    assert data.count(b"\r\n") == 2


def test_a_web_process_limits_each_new_connection(settings):
    settings.PAGE_SECONDS = 7
    limit_pages()
    try:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("7s",)
    finally:
        connection_created.disconnect(dispatch_uid="marketplace.limits")
        connection.close()
