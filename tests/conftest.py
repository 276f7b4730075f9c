"""What every test may ask for."""

import os
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import Model
from django.test import Client
from django_tasks_db.models import DBTaskResult
from hypothesis import HealthCheck, settings

from marketplace.append_only import release
from marketplace.checks import can_render
from marketplace.models import OutgoingEmail
from orders.models import HistoryEntry, Note, Order, OrderLine, Refund, RefundLine, Shipment, StockMovement
from orders.models.tally_triggers import release_tally
from tests.factories import make_member, make_vendor
from vendors.models import (
    IdentityChange,
    Invitation,
    LegalIdentity,
    MandateStep,
    Membership,
    Product,
    User,
    Vendor,
)
from vendors.roles import Role

# HYPOTHESIS_PROFILE=nightly looks much longer.
_slow_is_fine: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", derandomize=True, **_slow_is_fine)
settings.register_profile("nightly", max_examples=2000, **_slow_is_fine)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

LIFE: list[type[Model]] = [
    *(Order, OrderLine, HistoryEntry, Note, Product, StockMovement),
    *(Refund, RefundLine, Shipment, OutgoingEmail, DBTaskResult),
    *(Vendor, User, Membership, Invitation, LegalIdentity, IdentityChange, MandateStep),
]


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
        **{
            place: {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": str(tmp_path / place), "base_url": None},
            }
            for place in ("documents", "downloads")
        },
    }
    settings.LANGUAGE_CODE = "en"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_USE_FINDERS = False  # each client would look for every static file first


@pytest.fixture
def fresh_throttle(db):
    """No attempt to sign in was counted yet."""
    cache.clear()


@pytest.fixture(autouse=True)
def emptied(request):
    """A test with real transactions leaves rows behind: the triggers go, so that they can be deleted.

    Django's flush puts the triggers back.
    """
    marker = request.node.get_closest_marker("django_db")
    if "transactional_db" not in request.fixturenames and not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")  # set up before this one, so that it is emptied after
    yield
    release()
    release_tally()


@pytest.fixture
def everything():
    """``everything()``: every row that the life of an order writes, to see that nothing was changed."""

    def rows() -> dict[str, list[tuple[Any, ...]]]:
        return {model.__name__: list(model._default_manager.order_by("pk").values_list()) for model in LIFE}

    return rows


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


@pytest.fixture(autouse=True)
def one_connection(monkeypatch, request):
    """A worker inside a test keeps the test's connection, and with it the test's transaction."""
    if "transactional_db" not in request.fixturenames:
        command = "django_tasks_db.management.commands.db_worker.close_old_connections"
        monkeypatch.setattr(command, lambda: None)
