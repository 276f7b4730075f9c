"""What the frame of a shop's pages shows."""

from typing import Any

from django import template

from orders.models import Order
from orders.states import OrderStatus, Stage

register = template.Library()


@register.simple_tag(takes_context=True)
def to_prepare(context: Any) -> int:
    """How many orders of the shop wait to be prepared."""
    orders = Order.objects.for_vendor(context["request"].vendor)
    return orders.filter(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE).count()
