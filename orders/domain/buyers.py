"""Who an invoice is for."""

from django.db import transaction
from django.utils.translation import gettext as _

from orders.domain.credit_notes import invoice_of, is_taken_back
from orders.domain.locking import lock
from orders.models import Order


class BuyerIsFixed(Exception):
    """The invoice is issued and says who buys; the message says so."""


@transaction.atomic
def name_buyer(order: Order, *, is_business: bool, siren: str = "", vat_number: str = "") -> None:
    """Say whether a business buys, and its numbers; raises BuyerIsFixed once the invoice is issued."""
    lock(order)
    invoice = invoice_of(order)
    if invoice is not None and not is_taken_back(invoice):
        raise BuyerIsFixed(
            _("Invoice %(number)s is issued and cannot be changed.") % {"number": invoice.number}
        )
    order.buyer_is_business, order.buyer_siren, order.buyer_vat_number = is_business, siren, vat_number
    order.version += 1
    order.save(update_fields=["buyer_is_business", "buyer_siren", "buyer_vat_number", "version"])
