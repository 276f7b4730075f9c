"""A person's own account on one page."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from marketplace.models import AuditEntry
from tests.factories import make_member, make_vendor

pytestmark = pytest.mark.django_db


def test_every_part_of_an_account_says_how_it_stands(client_of, owner):
    EmailAddress.objects.create(user=owner, email="new@rucher.example", verified=False)
    Authenticator.objects.create(user=owner, type="webauthn", data={})
    owner.memberships.create(
        vendor=make_vendor("miel-et-cie", name="Miel et Cie"),
        role="manager",
        wants_refund_mail=False,
        wants_stopped_mail=False,
    )
    client = client_of(owner)

    parts = {part.title: part.state for part in client.get("/accounts/").context["parts"]}

    assert parts == {
        "E-mail address": "owner@rucher.example; new@rucher.example waits to be confirmed",
        "Password": "A password is set.",
        "Second factor: authenticator app": "None is set up.",
        "Passkeys and security keys": "1 is added.",
        "Sessions": "1 session is open.",
        "E-mails of Miel et Cie": "New orders and confirmed payments",
        "E-mails of Rucher des Baux": "New orders and confirmed payments · Refunds · Cancelled and failed orders",
    }


def test_every_part_leads_to_a_page(client_of, owner):
    client = client_of(owner)

    for part in client.get("/accounts/").context["parts"]:
        assert client.get(part.address).status_code in (200, 302), part.title


def test_a_name_is_changed_and_stands_in_the_audit(client_of, owner):
    client = client_of(owner)

    for _ in range(2):
        client.post("/accounts/", {"name": "Claire Fabre-Roux"})

    owner.refresh_from_db()
    [entry] = AuditEntry.objects.filter(kind="account_changed")
    assert (owner.name, entry.user_id) == ("Claire Fabre-Roux", owner.pk)
    assert entry.data == {"what": "name", "changes": {"name": ["Claire Fabre", "Claire Fabre-Roux"]}}


@pytest.mark.parametrize("name", ["", "  ", "https://evil.example/ Claire", "x" * 201])
def test_a_name_is_checked_as_at_joining(client_of, owner, name):
    response = client_of(owner).post("/accounts/", {"name": name})

    owner.refresh_from_db()
    assert (owner.name, bool(response.context["form"].errors)) == ("Claire Fabre", True)


def test_the_menu_opens_the_page_and_its_pages_lead_back(client_of, vendor):
    client = client_of(make_member(vendor))

    pages = [client.get(page, follow=True) for page in ("/vendors/rucher-des-baux/orders/", "/accounts/2fa/")]

    assert ['href="/accounts/"' in page.content.decode() for page in pages] == [True, True]


def test_a_visitor_is_led_to_the_door(client):
    assert client.get("/accounts/").headers["Location"] == "/accounts/login/?next=/accounts/"
