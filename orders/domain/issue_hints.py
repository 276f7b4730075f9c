"""What an invoice can be issued without, and better is not: told on the page that asks."""

from copy import copy
from datetime import datetime

from django.utils.translation import gettext as _

from orders.documents.exemptions import exemption_of
from orders.documents.invoice_snapshot import is_by_transfer
from orders.documents.legal_texts import texts_on
from orders.documents.parties import identity_of
from orders.documents.snapshot import Snapshot
from orders.documents.vat import line_parts
from orders.domain.invoicing import preview
from orders.domain.originals import day_of
from orders.models import Order
from vendors.domain.identity import Missing


def hints_of(order: Order, at: datetime) -> list[Missing]:
    """Return what the shop's identity should say before this invoice is issued, each with its field.

    The order may be invoiced, and nothing that an invoice must say is missing.
    """
    said = preview(order, at)
    found = [
        (
            "iban",
            _("The customer pays by transfer, and the invoice names no account to pay to."),
            _is_without_account(order, said),
        ),
        (
            "exemption_terms",
            _("Something in this order has no VAT, and the invoice gives no reason for it."),
            _is_without_reason(order, said, at),
        ),
    ]
    return [Missing(field, phrase) for field, phrase, is_missing in found if is_missing]


def _is_without_account(order: Order, said: Snapshot) -> bool:
    return not said["is_paid"] and is_by_transfer(order) and not said["seller"]["iban"]


def _is_without_reason(order: Order, said: Snapshot, at: datetime) -> bool:
    """Say whether the identity could give a reason and does not; there is none for a consumer elsewhere."""
    if said.get("exemption") or said["seller"]["is_franchise"]:
        return False
    identity = copy(identity_of(order.vendor))
    identity.exemption_terms = "said"
    parts = line_parts(list(order.lines.all()), currency=order.currency)
    return exemption_of(order, parts, identity, texts_on(day_of(order.vendor, at))) is not None
