"""Limits and refusals that stand before any page: uploads, settings, passwords, cookies, caches."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from marketplace.checks import hosts
from marketplace.uploads import MOST_BYTES
from orders.states import OrderStatus
from tests.factories import make_order
from tests.test_attacks import STRONG, settings_with
from vendors.forms import JoinForm

KEY = "Vb3nQ8sLx1RzT5kYp7WmA2cDe9FgH4jKuN6iOoUqSwE="
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/reset/", "/language/"])
def test_a_stranger_uploads_no_large_file(client, path, monkeypatch):
    kept = []
    monkeypatch.setattr("django.core.files.uploadhandler.TemporaryFileUploadHandler.new_file", kept.append)
    large = SimpleUploadedFile("x.bin", b"x" * (MOST_BYTES + 1))

    response = client.post(path, {"file": large, "login": "a@example.com", "password": "x"})

    assert (response.status_code, kept) == (413, [])


def test_a_small_file_is_taken(client):
    small = SimpleUploadedFile("x.bin", b"x" * 1000)

    assert client.post("/accounts/login/", {"file": small, "login": "a@b.example"}).status_code == 200


@pytest.mark.parametrize("key", ["abc", "a" * 43, f"change-me-{KEY}", f"abc,{KEY}"])
def test_a_weak_field_key_is_refused_in_production(key, tmp_path):
    said = settings_with(SECRET_KEY=STRONG, FIELD_ENCRYPTION_KEY=key, VAR_DIR=str(tmp_path))

    assert "FIELD_ENCRYPTION_KEY is weak" in said


def test_a_weak_one_may_follow_until_its_secrets_are_renewed(tmp_path):
    said = settings_with(SECRET_KEY=STRONG, FIELD_ENCRYPTION_KEY=f"{KEY},abc", VAR_DIR=str(tmp_path))

    assert said == "__Host-session"


@pytest.mark.parametrize(
    ("names", "warned"), [(["example.test", "*"], ["comptoir.W002"]), (["example.test"], [])]
)
def test_any_host_is_warned_of(settings, names, warned):
    settings.ALLOWED_HOSTS = names

    assert [warning.id for warning in hosts()] == warned


@pytest.mark.parametrize(
    "password",
    [
        "motdepasse1",
        "MotDePasse!2026",
        "azertyuiop1",
        "comptoir2026",
        "naturalconect",
        "Février2026",
        "bonjourbonjour",
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password):
    with pytest.raises(ValidationError, match="guessed first"):
        validate_password(password)


@pytest.mark.parametrize(
    "password", ["correct-horse-battery", "la table verte du comptoir", "soleil-sur-la-mer"]
)
def test_a_sentence_is_taken(password):
    validate_password(password)


@pytest.mark.pdf
def test_a_document_is_not_kept_on_a_shared_phone(client_of, owner, vendor):
    make_order(vendor, number="1042", status=OrderStatus.PROCESSING)

    response = client_of(owner).get("/vendors/rucher-des-baux/orders/1042/invoice.pdf")

    assert "no-store" in response.headers["Cache-Control"]


def test_signing_out_clears_what_the_browser_kept(client_of, owner):
    browser = client_of(owner)

    answer = browser.post("/accounts/logout/")

    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Clear-Site-Data" not in browser.get("/accounts/login/").headers


@pytest.mark.parametrize(
    "name", ["Colis bloqué : https://evil.example/pay", "www.evil.example", "Payez sur evil.example/x"]
)
def test_a_persons_name_is_no_address(name):
    form = JoinForm({"name": name, "password": "une-belle-phrase"}, email="lea@example.com")

    assert list(form.errors) == ["name"]


@pytest.mark.parametrize("name", ["Léa Martin", "M. Dupont-Aignan", "J.-P. Durand / Anne"])
def test_other_names_are_taken(name):
    assert JoinForm({"name": name, "password": "une-belle-phrase"}, email="lea@example.com").is_valid()
