"""What every test may ask for."""

import pytest
from django.test import Client

from marketplace.checks import can_render
from tests.factories import make_member, make_vendor
from vendors.models import User, Vendor
from vendors.roles import Role


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot do, with the reason."""
    from django.db import connection

    for item in items:
        if item.get_closest_marker("pdf") and not can_render():
            item.add_marker(pytest.mark.skip(reason="Pango is missing: no PDF can be made here"))
        if item.get_closest_marker("postgresql") and connection.vendor != "postgresql":
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL"))


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    """Each test has its own folders, and mails stay in memory."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.STORAGES = {
        **settings.STORAGES,
        "documents": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "documents"), "base_url": None},
        },
    }
    settings.LANGUAGE_CODE = "en"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def vendor(db) -> Vendor:
    return make_vendor("rucher-des-baux", name="Rucher des Baux")


@pytest.fixture
def owner(vendor: Vendor) -> User:
    return make_member(vendor, Role.OWNER, email="owner@rucher.example", name="Claire Fabre")


@pytest.fixture
def client_of(client: Client):
    """``client_of(user)``: a browser in which that person is signed in."""

    def sign_in(user: User) -> Client:
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in
