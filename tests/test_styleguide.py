"""The page for developers: there with DEBUG alone, over the person's own shop, from the real templates."""

import re

import pytest

from orders.states import OrderStatus
from orders.views.styleguide import _apart, _colors, _icons
from tests.factories import make_order, make_user, make_vendor

pytestmark = pytest.mark.django_db


@pytest.fixture
def guide(settings, client_of, vendor, owner):
    settings.DEBUG = True
    for n, status in enumerate(OrderStatus):
        make_order(vendor, number=str(1040 + n), status=status)
    make_order(make_vendor(), number="9999", status=OrderStatus.PROCESSING)
    return client_of(owner).get("/styleguide/")


def test_it_is_not_there_for_the_public(client_of, owner):
    assert client_of(owner).get("/styleguide/").status_code == 404


def test_a_visitor_signs_in_first(settings, client):
    settings.DEBUG = True

    assert client.get("/styleguide/").status_code == 302


def test_a_person_without_a_shop_finds_nothing(settings, client_of):
    settings.DEBUG = True

    assert client_of(make_user()).get("/styleguide/").status_code == 404


def test_every_state_and_drawing_is_shown_in_both_themes(guide):
    text = guide.content.decode()

    for status in OrderStatus:
        assert text.count(f'class="st s-{status}"') >= 2
    for name in _icons():
        assert text.count(f'<use href="#{name}"') >= 2
    assert (text.count("theme-light"), text.count("theme-dark")) == (text.count("specimens__side") / 2,) * 2


def test_it_shows_the_persons_own_shop_alone(guide):
    assert "9999" not in guide.content.decode()


def test_no_id_stands_twice(guide):
    ids = re.findall(r'\bid="([^"]+)"', guide.content.decode())

    assert sorted(ids) == sorted(set(ids))


def test_what_refers_to_an_id_follows_it():
    html = '<label for="a">x</label><input id="a" aria-describedby="b c"><use href="#a"/>'

    assert _apart(html, "1") == (
        '<label for="a-1">x</label><input id="a-1" aria-describedby="b-1 c-1"><use href="#a"/>'
    )


def test_the_colors_are_those_of_the_stylesheet():
    assert {"--canvas", "--failed-tint", "--gains"} <= set(_colors())
