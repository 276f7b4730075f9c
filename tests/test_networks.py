import pytest
from django.test import Client, RequestFactory

from marketplace.models import AuditEntry
from marketplace.networks import client_address
from tests.factories import PASSWORD, make_user
from tests.test_attacks import STRONG, settings_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_throttle")]
PROXY = "127.0.0.1"


@pytest.fixture
def behind_a_proxy(settings):
    settings.TRUSTED_PROXIES = 1


def sign_in(address, password=PASSWORD, email="anna@example.com"):
    """Sign in through the proxy, as the visitor of ``address``."""
    return Client().post(
        "/accounts/login/",
        {"login": email, "password": password},
        REMOTE_ADDR=PROXY,
        HTTP_X_FORWARDED_FOR=address,
    )


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "203.0.113.5", PROXY),
        (1, "203.0.113.5", "203.0.113.5"),
        (1, "198.51.100.1, 203.0.113.5", "203.0.113.5"),
        (2, "198.51.100.1, 203.0.113.5, 10.0.0.1", "203.0.113.5"),
        (2, "203.0.113.5", "203.0.113.5"),
        (1, "203.0.113.5:4711", "203.0.113.5"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, " , ", PROXY),
        (1, "", PROXY),
    ],
)
def test_only_the_entries_of_our_own_proxies_are_believed(settings, proxies, header, address):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=header)

    assert client_address(request) == address


def test_a_stranger_behind_the_same_proxy_locks_nobody_out(behind_a_proxy):
    make_user("anna@example.com")
    for _ in range(8):
        sign_in("203.0.113.5", "wrong")

    assert sign_in("192.0.2.77").status_code == 302


def test_attempts_of_one_visitor_do_not_count_for_all(behind_a_proxy):
    make_user("anna@example.com")
    for n in range(31):
        refused = sign_in("203.0.113.5", "wrong", f"n{n}@example.com")

    assert (refused.status_code, sign_in("192.0.2.77").status_code) == (429, 302)


def test_a_forged_entry_makes_no_new_visitor(behind_a_proxy):
    for n in range(31):
        refused = sign_in(f"198.51.{n}.1, 203.0.113.5", "wrong", f"n{n}@example.com")

    assert refused.status_code == 429


def test_audit_and_sessions_keep_the_visitors_network(behind_a_proxy):
    anna = make_user("anna@example.com")

    sign_in("192.0.2.77")

    assert AuditEntry.objects.get().address == "192.0.2.0"
    assert anna.usersession_set.get().ip == "192.0.2.0"


@pytest.mark.parametrize(
    ("variables", "proxies"),
    [
        ({}, "0"),
        ({"BEHIND_TLS_PROXY": "True"}, "1"),
        ({"BEHIND_TLS_PROXY": "True", "TRUSTED_PROXIES": "2"}, "2"),
    ],
)
def test_behind_a_proxy_one_entry_is_believed_unless_said_otherwise(tmp_path, variables, proxies):
    told = settings_with("TRUSTED_PROXIES", SECRET_KEY=STRONG, VAR_DIR=str(tmp_path), **variables)

    assert told == proxies
