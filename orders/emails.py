"""Which mails an order sends to whom: rows of the outbox, each once per event.

The table of mails is in ``docs/rules/order-states.md``, "Mails".
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from django.conf import settings

from marketplace.holding import holding
from marketplace.mail import Attachment, queue_email
from orders.models import Document, DocumentKind, Note, Order, Refund, Shipment, StatusChange
from orders.states import PAID, STOPPED, OrderStatus, RefundState, Stage
from vendors.models import LegalIdentity, Membership, Vendor
from vendors.roles import Permission

ANNOUNCED = frozenset({OrderStatus.ON_HOLD, OrderStatus.PROCESSING, OrderStatus.COMPLETED})

_silent: ContextVar[bool] = ContextVar("silent", default=False)


def silence() -> AbstractContextManager[None]:
    """Queue no mail inside: for history that is taken in or made up, which is no news to anybody."""
    return holding(_silent, True)


def is_silent() -> bool:
    """Say whether what happens now is history, of which nobody is told."""
    return _silent.get()


def topic_of(order: Order) -> str:
    """What mails about this order are filed under."""
    return f"order:{order.pk}"


def announce_arrival(order: Order) -> None:
    """Tell the shop of a new order that is paid, or whose payment is to be confirmed."""
    if order.status in ANNOUNCED:
        _tell_of_new_order(order)


def announce_reported(order: Order) -> None:
    """Tell the shop of an order that a late report shows to have been paid or on hold."""
    _tell_of_new_order(order)


def announce_step(order: Order, change: StatusChange, issued: Sequence[Document] = ()) -> None:
    """Tell shop and customer of a step that concerns them; ``issued`` are the documents that it brought."""
    notes = [document for document in issued if document.kind == DocumentKind.CREDIT_NOTE]
    old, new = change.old_status, change.new_status
    is_news = old not in ANNOUNCED and new in ANNOUNCED and _tell_of_new_order(order)
    if new == OrderStatus.PROCESSING and old not in PAID and not is_news and _was_announced(order, change):
        _tell_shop(order, "payment_confirmed", f"payment:{change.pk}", "wants_new_order_mail")
    if new == OrderStatus.COMPLETED:
        documents = [*order.documents.open_invoices().order_by("-pk")[:1], *notes]
        if _tell_customer(order, "order_completed", f"completed:{order.pk}", documents=documents):
            notes = []
    if new in STOPPED and _was_announced(order):
        if old not in STOPPED:
            _tell_shop(order, "order_stopped", f"stopped:{change.pk}", "wants_stopped_mail")
        if new == OrderStatus.CANCELLED and _tell_customer(
            order, "order_cancelled", f"cancelled:{change.pk}", documents=notes
        ):
            notes = []
    announce_notes(order, notes)


def announce_notes(order: Order, notes: Sequence[Document]) -> None:
    """Send the customer credit notes that no other mail carries, where the shop wants documents attached."""
    if notes and order.vendor.attaches_documents:
        send_documents(order, notes)


def announce_refund(order: Order, refund: Refund, issued: Sequence[Document] = ()) -> None:
    """Tell the shop that a refund is recorded, and the customer what is given back.

    Its credit note is attached, and what else was ``issued`` with it: notes that could not be made before.
    """
    is_whole = order.refund_state == RefundState.FULL
    facts: dict[str, Any] = {"refund": refund, "is_whole": is_whole}
    _tell_shop(order, "refund_recorded", f"refund:{refund.pk}", "wants_refund_mail", **facts)
    others = [document for document in issued if document.refund_id != refund.pk]
    notes = [*others, *order.documents.filter(refund=refund)]
    _tell_customer(order, "order_refunded", f"refunded:{refund.pk}", documents=notes, **facts)


def tell_customer_of_parcel(order: Order, shipment: Shipment, *, correction: int | None = None) -> None:
    """Tell the customer that a parcel is on its way, with its tracking number.

    ``correction`` is the history's entry that gave a parcel, already told of, this number.
    """
    _tell_customer(
        order,
        "order_tracking" if correction else "order_shipped",
        f"tracking:{correction}" if correction else f"shipped:{shipment.pk}",
        shipment=shipment,
        parcel=list(shipment.lines.select_related("line").order_by("line")),
        more_follows=order.stage != Stage.SHIPPED,
    )


def tell_customer_of_pickup(order: Order, entry_id: int) -> None:
    """Tell the customer that the goods wait in the shop, with address and hours."""
    _tell_customer(order, "order_ready", f"ready:{entry_id}")


def tell_customer_of_note(order: Order, note: Note) -> None:
    """Send the vendor's words to the customer."""
    _tell_customer(order, "note_to_customer", f"note:{note.pk}", note=note)


def may_send_documents(order: Order) -> bool:
    """Say whether the customer can be written to from here."""
    return settings.CUSTOMER_MAILS and bool(order.customer_email)


def send_documents(order: Order, documents: Sequence[Document], *, attempt: int = 0) -> bool:
    """Send issued documents to the customer because a person of the shop asks for it.

    ``attempt`` is how many such mails the person saw for the order: the second of two clicks
    sends nothing. Return whether a mail was queued.
    """
    event = f"documents:{documents[-1].pk}:{attempt}"
    return _tell_customer(order, "order_documents", event, documents=documents, always_attach=True)


def _tell_of_new_order(order: Order) -> bool:
    """Queue "New order" once per order and person, whatever the path; return whether any was queued."""
    lines = [line for line in order.lines.all() if line.kind == "product"]
    return _tell_shop(order, "new_order", f"new-order:{order.pk}", "wants_new_order_mail", lines=lines)


def _was_announced(order: Order, before: StatusChange | None = None) -> bool:
    """Whether the order ever stood in a state that shop and customer are told of, ``before`` this step."""
    told = order.history.filter(new_status__in=ANNOUNCED)
    return (told.filter(pk__lt=before.pk) if before else told).exists()


def _tell_shop(order: Order, template: str, event: str, wish: str, **facts: Any) -> bool:
    """Queue a mail to every member who wants this kind; without amounts to those who may see none.

    Return whether any was queued.
    """
    if _silent.get():
        return False
    members = Membership.objects.filter(vendor_id=order.vendor_id, user__is_active=True, **{wish: True})
    queued = [
        queue_email(
            event=f"{event}:{member.user_id}",
            topic=topic_of(order),
            template=template,
            to=member.user.email,
            language=member.user.language,
            context={
                "order": order,
                "shop": order.vendor,
                "is_to_team": True,
                "shows_amounts": member.may(Permission.VIEW_AMOUNTS),
                **facts,
            },
        )
        for member in members.select_related("user")
    ]
    return any(queued)


def _tell_customer(
    order: Order,
    template: str,
    event: str,
    *,
    documents: Iterable[Document] = (),
    always_attach: bool = False,
    **facts: Any,
) -> bool:
    """Queue a mail to the customer, unless the marketplace's storefront writes these itself.

    ``documents`` are attached, and named, where the shop wants that or with ``always_attach``.
    Return whether it was queued.
    """
    if _silent.get() or not may_send_documents(order):
        return False
    shop = order.vendor
    attached = list(documents) if shop.attaches_documents or always_attach else []
    reply_to = _address_of(shop)
    queued = queue_email(
        event=event,
        topic=topic_of(order),
        template=template,
        to=order.customer_email,
        language=settings.LANGUAGE_CODE,
        context={
            "order": order,
            "shop": shop,
            "can_answer": bool(reply_to),
            "attached": attached,
            **facts,
        },
        sender=shop.name,
        reply_to=reply_to,
        attachments=[_attached(document) for document in attached],
    )
    return queued is not None


def _address_of(shop: Vendor) -> str:
    """Where a customer's answer reaches the shop: the address on its documents."""
    identity = LegalIdentity.objects.filter(vendor=shop).only("email").first()
    return identity.email if identity else ""


def _attached(document: Document) -> Attachment:
    name = f"{document.number.replace('/', '-')}.pdf"
    return Attachment("documents", document.pdf.name or "", name, document.sha256)
