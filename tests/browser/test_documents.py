"""Documents in a browser: a download that tells how far it is, a refusal that leads to its field."""

import pytest
from django.utils import timezone

from orders.bulk.work import work_on
from orders.models import BulkJob
from tests.browser.conftest import IN_BROWSER, expect

pytest.importorskip("pytest_playwright")
SHOP = "/vendors/rucher-des-baux/"
pytestmark = [*IN_BROWSER, pytest.mark.django_db(transaction=True, reset_sequences=True)]


@pytest.mark.pdf
def test_a_download_tells_how_far_it_is_and_offers_its_file(person):
    page = person()
    page.goto(page.site + SHOP + "orders/bulk/2/")
    expect(page.locator("progress")).to_have_attribute("value", "0")
    expect(page.get_by_role("link", name="Télécharger")).to_have_count(0)

    work_on(BulkJob.objects.get(pk=2), now=timezone.now, most=10)

    link = page.get_by_role("link", name="Télécharger")
    link.wait_for(timeout=30_000)  # the page looks again by itself
    answer = page.request.get(link.evaluate("link => link.href"))
    assert (answer.status, answer.body()[:5]) == (200, b"%PDF-")


def test_a_missing_field_is_reached_from_the_refusal(person, vendor):
    vendor.identity.siret = ""
    vendor.identity.save()
    page = person(width=390)
    page.goto(page.site + SHOP + "identity/")

    page.get_by_role("link", name="un SIRET valide").click()

    page.wait_for_url("**#id_siret")
    assert page.locator("#id_siret").bounding_box()["width"] <= 390
