"""Money, dates and words as each language writes them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import translation

from marketplace import formats
from tests.factories import NOON

FIXED = "\u00a0"


def said(year, month, day, language, now=NOON):
    with translation.override(language):
        return formats.Clock(now).recent(datetime(year, month, day, 7, 5, tzinfo=UTC)).replace(FIXED, " ")


@pytest.mark.parametrize(
    ("month", "day", "french", "english"),
    [
        (6, 17, "mer. 17 juin, 09:05", "Wed 17 Jun, 09:05"),
        (7, 14, "mar. 14 juil., 09:05", "Tue 14 Jul, 09:05"),
        (8, 20, "jeu. 20 août, 09:05", "Thu 20 Aug, 09:05"),
        (9, 3, "jeu. 3 sept., 09:05", "Thu 3 Sep, 09:05"),
        (11, 16, "lun. 16 nov., 08:05", "Mon 16 Nov, 08:05"),
    ],
)
def test_a_day_of_this_year_is_abbreviated_as_each_language_does(month, day, french, english):
    assert (said(2026, month, day, "fr"), said(2026, month, day, "en")) == (french, english)


def test_a_step_of_long_ago_keeps_its_hour_in_the_history():
    template = Template("{% moment at keeps_time=True %} {% moment at %}")
    at = datetime.now(UTC).replace(hour=9, minute=30) - timedelta(days=500)

    with translation.override("en"):
        text = template.render(Context({"at": at}))

    assert text.count(formats.exact_time(at) + "</time>") == 1


@pytest.mark.parametrize(("units", "text"), [(12, "+12"), (-1, "\u22121"), (0, "0")])
def test_a_change_of_stock_has_its_sign(units, text):
    assert formats.signed(units) == text


@pytest.mark.parametrize(
    ("language", "text"), [("fr", f"Savon\u202f: 12{FIXED}%"), ("en", "Savon: 12\u00a0%")]
)
def test_a_colon_stands_as_the_language_sets_it(language, text):
    with translation.override(language):
        assert formats.labelled("Savon", f"12{FIXED}%") == text


@pytest.mark.parametrize(
    ("text", "french"),
    [
        ("Contenance: 30 ml", "Contenance\u202f: 30 ml"),
        ("remise déduite : 2", "remise déduite : 2"),
        ("10:30", "10:30"),
    ],
)
def test_a_storefronts_words_get_the_french_colon_once(text, french):
    with translation.override("fr"):
        assert formats.spaced(text) == french
    with translation.override("en"):
        assert formats.spaced(text) == text


def test_how_long_something_takes_is_told_in_its_largest_unit():
    lengths = [timedelta(seconds=1.2), timedelta(minutes=6), timedelta(hours=47), timedelta(days=3)]

    assert [formats.span(length) for length in lengths] == ["1 s", "6 min", "47 h", "3 d"]
