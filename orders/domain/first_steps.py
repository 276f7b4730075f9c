"""What a new shop does first: its legal identity, an order, an invoice."""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Exists, OuterRef

from orders.domain.invoicing import missing_identity
from orders.models import Document, DocumentKind, Order
from vendors.models import Vendor


class FirstStep(StrEnum):
    IDENTITY = "identity"
    ORDER = "order"
    INVOICE = "invoice"


@dataclass(frozen=True)
class Done:
    """A first step, and whether it is behind the shop."""

    step: FirstStep
    is_done: bool


def first_steps(vendor: Vendor) -> list[Done]:
    """Return the shop's first steps in their order; empty once the last one is done."""
    found = (
        Vendor.objects.filter(pk=vendor.pk)
        .annotate(
            has_order=Exists(Order.objects.filter(vendor=OuterRef("pk"))),
            has_invoice=Exists(Document.objects.filter(vendor=OuterRef("pk"), kind=DocumentKind.INVOICE)),
        )
        .values("has_order", "has_invoice")
        .get()
    )
    if found["has_invoice"]:
        return []
    return [
        Done(FirstStep.IDENTITY, not missing_identity(vendor)),
        Done(FirstStep.ORDER, found["has_order"]),
        Done(FirstStep.INVOICE, False),
    ]
