"""A third language needs a catalogue and nothing else: here a made-up one, in Dutch's place."""

import re
import struct
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import translation

from marketplace import formats
from marketplace.languages import languages
from orders.states import OrderStatus
from tests.factories import NOON, make_order

CATALOGUE = {
    "": "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n",
    "Sign in": "AANMELDEN",
    "Orders": "BESTELLINGEN",
    "amount of money\x04%(symbol)s%(amount)s": "%(symbol)s %(amount)s",
    "short date, in Django's letters\x04d M Y": "d-m-Y",
}


def write_catalogue(file: Path, words: dict[str, str]) -> None:
    """Write a compiled catalogue: two tables of lengths and places, then the texts."""
    pairs = sorted((key.encode(), text.encode()) for key, text in words.items())
    texts, tables = b"", []
    for column in (0, 1):
        for pair in pairs:
            tables += [len(pair[column]), 28 + 16 * len(pairs) + len(texts)]
            texts += pair[column] + b"\0"
    head = (0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    file.parent.mkdir(parents=True)
    file.write_bytes(struct.pack("<7I", *head) + struct.pack(f"<{len(tables)}I", *tables) + texts)


@pytest.fixture
def dutch(settings, tmp_path):
    write_catalogue(tmp_path / "nl" / "LC_MESSAGES" / "django.mo", CATALOGUE)
    settings.LOCALE_PATHS = [*settings.LOCALE_PATHS, tmp_path]
    settings.LANGUAGES = [*settings.LANGUAGES, *languages(tmp_path, first="nl")[:1]]
    return tmp_path


def test_each_catalogue_is_a_language_after_the_first(dutch):
    assert [code for code, _name in languages(dutch, first="en")] == ["en", "nl"]
    assert [code for code, _name in languages(dutch, first="nl")] == ["nl", "en"]


@pytest.mark.django_db
def test_a_visitor_is_met_in_the_third_language(dutch, client):
    text = client.get("/accounts/login/", headers={"accept-language": "nl-BE,nl;q=0.9"}).content.decode()

    assert '<html lang="nl">' in text
    assert "AANMELDEN" in text
    assert re.findall(r'name="language" value="(\w+)"', text) == ["fr", "en"]


@pytest.mark.django_db
def test_a_person_chooses_the_third_language(dutch, client_of, vendor, owner):
    make_order(vendor, status=OrderStatus.PROCESSING, placed_at=NOON)
    client = client_of(owner)

    client.post("/language/", {"language": "nl"})
    text = client.get("/vendors/rucher-des-baux/orders/").content.decode()

    assert "BESTELLINGEN" in text
    assert "€ 12,00" in text


def test_numbers_and_dates_follow_it(dutch):
    with translation.override("nl"):
        said = (
            formats.money(Decimal("1234.5")),
            formats.percent(Decimal("0.055")),
            formats.short_date(NOON),
            formats.spaced("Inhoud: 30 ml"),
        )

    assert said == ("€ 1.234,50", "5,5%", "23-11-2026", "Inhoud: 30 ml")


CATALOGUE_FILE = Path(__file__).parent.parent / "marketplace" / "locale" / "fr" / "LC_MESSAGES" / "django.po"
FRENCH = re.findall(r'^msgstr(?:\[\d\])? ((?:"(?:[^"\\]|\\.)*"\n)+)', CATALOGUE_FILE.read_text("utf-8"), re.M)
# Before a high sign and within « » stands U+202F; addresses, times and entities are no sentences.
LOOSE = re.compile(
    r"[\w»)] [:;!?»]|« |\u00a0[:;!?»]|«\u00a0|[A-Za-zà-ÿ»)][;!?](?!\w)|(?<![\w/])[A-Za-zà-ÿ»)]+:(?=\s|$)"
)


def test_french_signs_have_their_space():
    texts = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)) for text in FRENCH]
    sentences = [re.sub(r"&\w+;|https?:\S*|%\(\w+\)s", "X", text) for text in texts[1:]]

    assert len(sentences) > 1000
    assert [text for text in sentences if LOOSE.search(text)] == []
