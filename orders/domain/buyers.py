"""Who an invoice is for."""

from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from orders.domain.credit_notes import open_invoice
from orders.domain.locking import lock
from orders.models import Order


class BuyerIsFixed(Exception):
    """The invoice is issued and says who buys; the message says so."""


@dataclass(frozen=True)
class BuyerData:
    """Who is billed, as it stands on the order; the numbers are of a business."""

    billing_name: str = ""
    billing_company: str = ""
    billing_address_1: str = ""
    billing_address_2: str = ""
    billing_postcode: str = ""
    billing_city: str = ""
    billing_country: str = ""
    buyer_is_business: bool = False
    buyer_siren: str = ""
    buyer_vat_number: str = ""


@transaction.atomic
def name_buyer(order: Order, buyer: BuyerData) -> None:
    """Say who is billed, before the invoice; raises BuyerIsFixed once it is issued."""
    lock(order)
    if (invoice := open_invoice(order)) is not None:
        raise BuyerIsFixed(
            _("Invoice %(number)s is issued and cannot be changed.") % {"number": invoice.number}
        )
    write_buyer(order, buyer)


def write_buyer(order: Order, buyer: BuyerData) -> None:
    """Write who is billed on the order; the caller holds its lock."""
    columns = asdict(buyer)
    for name, value in columns.items():
        setattr(order, name, value)
    order.version += 1
    order.save(update_fields=[*columns, "version"])
