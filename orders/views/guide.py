"""The guide of a new shop: three steps to the first invoice, gone once it is issued."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.first_steps import FirstStep, first_steps
from vendors.access import VendorRequest


@dataclass(frozen=True)
class GuideStep:
    """One step in words; ``address`` is where the person takes it, empty where that is not theirs to do."""

    title: str
    why: str
    address: str
    button: str
    is_done: bool
    is_next: bool


def guide_of(request: VendorRequest) -> list[GuideStep]:
    """Return the steps for who issues invoices, the first open one marked; empty once all are taken."""
    if not request.may["issue_invoices"]:
        return []
    steps = first_steps(request.vendor)
    following = next((each.step for each in steps if not each.is_done), None)
    words = _words(request)
    return [GuideStep(*words[each.step], each.is_done, each.step == following) for each in steps]


def _words(request: VendorRequest) -> dict[FirstStep, tuple[str, str, str, str]]:
    slug = request.vendor.slug
    identity = reverse("shop:identity", args=[slug]) if request.may["manage_shop"] else ""
    return {
        FirstStep.IDENTITY: (
            _("Complete the legal identity"),
            _("Name, address, SIRET, VAT: every invoice must say them. An owner fills them in once."),
            identity,
            _("Complete the identity"),
        ),
        FirstStep.ORDER: (
            _("Receive the first order"),
            _("It appears here by itself as soon as a customer orders, and you are told by e-mail."),
            "",
            "",
        ),
        FirstStep.INVOICE: (
            _("Issue the first invoice"),
            _("From the page of an order, or for a whole selection. Until then each order has a proforma."),
            reverse("orders:list", args=[slug]) + "?status=processing",
            _("Choose an order"),
        ),
    }
