"""Customers' data: forgotten after the marketplace's delay or on request, handed out on request.

Issued documents are kept, as the law asks; figures never change. ``docs/rules/privacy.md``.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from marketplace.audit import AuditKind, audit
from marketplace.models import OutgoingEmail
from orders.domain.deliveries import EMPTIED
from orders.emails import topic_of
from orders.models import (
    Answer,
    Customer,
    Delivery,
    DeliveryNote,
    DeliveryState,
    Document,
    Note,
    Order,
    OrderFigures,
    OrderLine,
    OrderNameStart,
    Refund,
    ReportedOrder,
    Shipment,
    StaleFigures,
)
from orders.models.customers import name_ends, name_starts, normalise
from orders.states import OrderStatus
from vendors.domain.saved_views import drop_views

BATCH = 500
FINISHED = frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.REFUNDED, OrderStatus.FAILED})
# What names a person on an order; countries stay, since VAT follows from them.
PERSONAL = [
    *("customer_name", "customer_email", "customer_phone", "customer_note"),
    *("buyer_siren", "buyer_vat_number"),  # a sole trader's lead to the name
    *(
        f"{kind}_{part}"
        for kind in ("billing", "shipping")
        for part in ("name", "company", "address_1", "address_2", "postcode", "city")
    ),
]
# What is told of an order to its customer, beside all that names them.
FACTS = [
    *("number", "placed_at", "status", "total", "currency", "billing_country", "shipping_country"),
    *("buyer_is_business", "payment_title", "shipping_method", "paid_at", "completed_at", "refunded_at"),
]
TOLD_WITH_AN_ORDER = ("lines", "shipments", "refunds", "notes", "history", "documents")
TOLD_OF_A_PERSON = frozenset({*PERSONAL, "customer"})  # among what reports told


class StillOpen(Exception):
    """Orders are on their way: what they need of the customer cannot be erased yet."""

    def __init__(self, numbers: list[str]) -> None:
        shown = ", ".join(numbers[:10])
        super().__init__(f"Orders {shown} are not finished: nothing was erased. Ask again once they are.")


@dataclass
class Forgotten:
    """How many rows lost their personal data; ``documents`` are kept."""

    orders: int = 0
    customers: int = 0
    notes: int = 0
    mails: int = 0
    deliveries: int = 0
    documents: int = 0

    def add(self, more: "Forgotten") -> None:
        """Count another batch."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(more, field.name))


def finished_before(at: datetime) -> QuerySet[Order]:
    """Orders that were finished, and untouched, before ``at``, and still hold personal data."""
    return Order.objects.filter(
        Q(completed_at=None) | Q(completed_at__lt=at),
        Q(refunded_at=None) | Q(refunded_at__lt=at),
        Q(reported_at=None) | Q(reported_at__lt=at),
        status__in=FINISHED,
        placed_at__lt=at,
        received_at__lt=at,
        anonymised_at=None,
    )


def anonymise(orders: QuerySet[Order], *, at: datetime, by: AbstractBaseUser | None = None) -> Forgotten:
    """Erase the personal data of ``orders``; each batch has its own transaction and audit entry.

    Locks the orders of a batch and asks again: one that was reopened meanwhile is left as it is.
    """
    total = Forgotten()
    for batch in _batches(orders):
        with transaction.atomic():
            forgotten = _forget(_still(orders, batch), at)
            audit(AuditKind.ANONYMISED, by=by, rows=asdict(forgotten))
        total.add(forgotten)
    return total


def personal_data(email: str, *, account: str) -> dict[str, Any]:
    """Return what is stored about the customer of ``email``, in all shops, fit for JSON.

    ``account`` of the machine asked, which the audit keeps. Of issued documents the numbers are told;
    the shop hands out their copies.
    """
    orders = _orders_of(email).select_related("vendor", "customer").prefetch_related(*TOLD_WITH_AN_ORDER)
    found = [_data_of(order) for order in orders.order_by("placed_at")]
    customers = [
        _customer(row) for row in Customer.objects.filter(email__iexact=email).select_related("vendor")
    ]
    counts = {"orders": len(found), "customers": len(customers)}
    audit(AuditKind.CUSTOMER_EXPORTED, by=None, account=account, rows=counts)
    return {"email": email, "customers": customers, "orders": found}


@transaction.atomic
def erase(email: str, *, at: datetime, account: str = "") -> Forgotten:
    """Erase the customer of ``email`` from all shops; issued documents are kept.

    ``account`` of the machine asked, which the audit keeps. Raises StillOpen, and changes nothing,
    while an order is not finished: also one that was reopened, or came in, meanwhile.
    """
    orders = _orders_of(email)
    forgotten = anonymise(orders.filter(status__in=FINISHED), at=at)
    if still_open := list(orders.order_by("number").values_list("number", flat=True)):
        raise StillOpen(still_open)
    known = Customer.objects.filter(email__iexact=email).values_list("pk", flat=True)
    forgotten.customers += _forget_customers(list(known))  # those who never ordered
    audit(AuditKind.CUSTOMER_ERASED, by=None, account=account, rows=asdict(forgotten))
    return forgotten


def _orders_of(email: str) -> QuerySet[Order]:
    mine = Q(customer_email__iexact=email) | Q(customer__email__iexact=email)
    return Order.objects.filter(mine, anonymised_at=None)


def _batches(orders: QuerySet[Order]) -> Iterator[list[int]]:
    """Yield the ids, batch by batch; each batch must leave ``orders`` before the next is read."""
    last = 0
    while batch := list(orders.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield batch
        last = batch[-1]


def _still(orders: QuerySet[Order], batch: list[int]) -> list[int]:
    """Lock the orders of ``batch``; return those that ``orders`` still asks for."""
    list(Order.objects.select_for_update().filter(pk__in=batch).order_by("pk").values_list("pk", flat=True))
    return list(orders.filter(pk__in=batch).order_by("pk").values_list("pk", flat=True))


def _forget(batch: list[int], at: datetime) -> Forgotten:
    orders = Order.objects.filter(pk__in=batch)
    customers = list(orders.exclude(customer=None).values_list("customer", flat=True).distinct())
    mails = OutgoingEmail.objects.filter(topic__in=[topic_of(Order(pk=pk)) for pk in batch])
    _forget_reports(batch)
    _forget_views(orders)
    OrderNameStart.objects.filter(order__in=batch).delete()
    Shipment.objects.filter(order__in=batch).update(tracking_number="")
    OrderLine.objects.filter(order__in=batch).update(details="")
    Answer.objects.filter(order__in=batch).update(said="")
    Refund.objects.filter(order__in=batch).update(answer="")
    orders.exclude(buyer_siren="", buyer_vat_number="").update(buyer_is_business=True)
    mails.exclude(state=OutgoingEmail.State.SENT).update(state=OutgoingEmail.State.ERASED)
    DeliveryNote.objects.filter(order__in=batch).update(said={})
    forgotten = Forgotten(
        mails=mails.update(to="", subject="", text="", html="", last_error="", reply_to="", attachments=[]),
        deliveries=_forget_deliveries(batch, at),
        notes=Note.objects.filter(order__in=batch).exclude(text="").update(text=""),
        orders=orders.update(**dict.fromkeys(PERSONAL, ""), customer=None, anonymised_at=at),
        customers=_forget_customers(customers),
        documents=Document.objects.filter(order__in=batch).count(),
    )
    _forget_figures(batch)
    return forgotten


def _forget_figures(batch: list[int]) -> None:
    """Empty the texts that exports keep of these orders at once; before a file they are worked out again."""
    stale = StaleFigures.objects.filter(order__in=batch).values("order")
    OrderFigures.objects.filter(order__in=stale).update(tracking_numbers="", cells=None)


def _forget_views(orders: QuerySet[Order]) -> None:
    """Views that look for one of these customers by the name, or by its last words, go too."""
    vendors, names = set(), set()
    for vendor, name in orders.values_list("vendor", "customer_name"):
        vendors.add(vendor)
        names.update(name_starts(name) + name_ends(name))
    drop_views(vendors, lambda view: normalise(dict(parse_qsl(view.query)).get("customer", "")) in names)


def _forget_deliveries(batch: list[int], at: datetime) -> int:
    """Empty what a storefront sent about these orders and their baskets, whatever became of it.

    What still waits is emptied once it is processed (``orders.domain.deliveries.settle``).
    """
    told: dict[int, set[str]] = defaultdict(set)
    orders = Order.objects.filter(pk__in=batch).exclude(source=None)
    for source, *numbers in orders.values_list("source", "external_id", "basket_number"):
        told[source] |= {number for number in numbers if number}
    about = Q(order__in=batch)
    for source, ids in told.items():
        about |= Q(source=source, external_id__in=ids)
    found = Delivery.objects.filter(about, pruned_at=None).exclude(state=DeliveryState.WAITING)
    return found.update(**EMPTIED, headers={}, pruned_at=at)


def _forget_reports(batch: list[int]) -> None:
    """Take the digests of personal fields away: those of short texts could be guessed."""
    rows = list(ReportedOrder.objects.filter(order__in=batch).only("applied"))
    for row in rows:
        row.applied = {name: value for name, value in row.applied.items() if name not in TOLD_OF_A_PERSON}
    ReportedOrder.objects.bulk_update(rows, ["applied"])


def _forget_customers(customers: list[int]) -> int:
    """Delete the customers who have no order left that still names them."""
    left = Customer.objects.filter(pk__in=customers).exclude(
        Exists(Order.objects.filter(customer=OuterRef("pk")))
    )
    return left.delete()[0]


def _customer(row: Customer) -> dict[str, Any]:
    return {
        "shop": row.vendor.name,
        "name": row.name,
        "email": row.email,
        "account": row.external_id,
        "first_seen": row.created_at.isoformat(),
    }


def _data_of(order: Order) -> dict[str, Any]:
    return {
        "shop": order.vendor.name,
        **{name: str(getattr(order, name)) for name in FACTS},
        **{name: getattr(order, name) for name in PERSONAL},
        "lines": _rows(order.lines, "name", "details", "quantity", "total"),
        "parcels": _rows(order.shipments, "carrier", "tracking_number", "shipped_at"),
        "refunds": _rows(order.refunds, "at", "amount", "answer"),
        "notes": _rows(order.notes, "written_at", "text", "is_for_customer"),
        "steps": _rows(order.history, "at", "kind", "old_status", "new_status"),
        "mails": [
            {"to": mail.to, "at": mail.created_at.isoformat(), "subject": mail.subject, "text": mail.text}
            for mail in OutgoingEmail.objects.filter(topic=topic_of(order), to=order.customer_email)
        ],
        "documents": [document.number for document in order.documents.all()],
    }


def _rows(related: Any, *names: str) -> list[dict[str, Any]]:
    """What is told of each row below an order, as texts and numbers."""
    return [
        {name: value if isinstance(value := getattr(row, name), int | str) else str(value) for name in names}
        for row in related.all()
    ]
