"""Which mails an order sends to whom: rows of the outbox, each once per event.

The table of mails is in ``docs/rules/order-states.md``, "Mails".
"""

from marketplace.mail import queue_email
from orders.models import Order
from orders.states import OrderStatus
from vendors.models import Membership
from vendors.roles import Permission

ANNOUNCED = frozenset({OrderStatus.ON_HOLD, OrderStatus.PROCESSING, OrderStatus.COMPLETED})


def topic_of(order: Order) -> str:
    """What mails about this order are filed under."""
    return f"order:{order.pk}"


def announce_arrival(order: Order) -> None:
    """Tell the shop of a new order that is paid, or whose payment is to be confirmed."""
    if order.status in ANNOUNCED:
        tell_of_new_order(order)


def announce_step(order: Order, *, old: str) -> None:
    """Tell the shop of an order that became its business with this step."""
    if old == OrderStatus.PENDING and order.status in ANNOUNCED:
        tell_of_new_order(order)


def tell_of_new_order(order: Order) -> None:
    """Queue "New order" to every member who wants it, once per order and person, whatever the path.

    A member who may not see amounts gets a mail without any.
    """
    members = Membership.objects.filter(
        vendor_id=order.vendor_id, wants_new_order_mail=True, user__is_active=True
    ).select_related("user")
    lines = [line for line in order.lines.all() if line.kind == "product"]
    for member in members:
        queue_email(
            event=f"new-order:{order.pk}:{member.user_id}",
            topic=topic_of(order),
            template="new_order",
            to=member.user.email,
            language=member.user.language,
            context={
                "order": order,
                "lines": lines,
                "shop": order.vendor,
                "shows_amounts": member.may(Permission.VIEW_AMOUNTS),
            },
        )
