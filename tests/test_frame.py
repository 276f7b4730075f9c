"""What every page keeps to."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    path for path in (ROOT / "templates").rglob("*.html") if path.parts[-2] not in ("emails", "documents")
]
COLOR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_hold_no_inline_style_or_script(path):
    text = path.read_text(encoding="utf-8")

    assert not re.search(r'\sstyle="|<style|\son[a-z]+="|javascript:', text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("name", ["base.css", "components.css"])
def test_only_the_tokens_name_a_color(name):
    text = re.sub(r'\[href="#[^"]*"\]', "", (ROOT / "static" / "css" / name).read_text(encoding="utf-8"))

    assert COLOR.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.S)) == []


def test_nothing_is_fetched_from_another_host():
    for path in [*PAGES, *(ROOT / "static").rglob("*.css"), *(ROOT / "static").rglob("*.js")]:
        text = re.sub(r'xmlns="[^"]*"', "", path.read_text(encoding="utf-8"))
        assert not re.search(r"(?:src|href)=\"https?://|url\(\s*['\"]?https?:|@import", text), path


@pytest.mark.django_db
def test_the_policy_forbids_inline_code(client):
    policy = client.get("/accounts/login/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/nothing-here/", 404), ("/healthz", 200)])
def test_pages_for_everybody(client, path, status):
    assert client.get(path).status_code == status


@pytest.mark.django_db
def test_a_form_without_its_key_is_refused_in_words(vendor, owner):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/accounts/login/", {"login": "x", "password": "y"})

    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()


@pytest.mark.django_db
def test_a_missing_page_speaks_french_to_the_french(client, settings):
    text = client.get("/nothing-here/", headers={"accept-language": "fr"}).content.decode()

    assert "Il n’y a rien ici" in text
