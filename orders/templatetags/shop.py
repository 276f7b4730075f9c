"""What the frame of a shop's pages shows, and what its mails count."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import Count, Exists, IntegerField, Subquery, Sum
from django.db.models.functions import Coalesce

from orders.domain.tallies import rows_between
from orders.models import Delivery, OrderLine
from orders.states import OrderStatus, Stage
from vendors.models import Vendor

register = template.Library()


@dataclass(frozen=True)
class Frame:
    """``to_prepare`` counts the shop's orders that wait to be prepared.

    ``set_aside`` counts what the storefront told of its orders and could not be read.
    """

    to_prepare: int
    has_other_shops: bool
    set_aside: int


@register.simple_tag(takes_context=True)
def frame(context: Any) -> Frame:
    """What surrounds each page of the shop, in one query."""
    request = context["request"]
    waiting = (
        rows_between(request.vendor, None, None)
        .filter(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE)
        .values("vendor")
        .annotate(number=Sum("orders"))
        .values("number")
    )
    unread = (
        Delivery.objects.quarantined()
        .filter(vendor=request.vendor)
        .order_by()
        .values("vendor")
        .annotate(number=Count("pk"))
        .values("number")
    )
    facts = (
        Vendor.objects.filter(pk=request.vendor.pk)
        .annotate(
            waiting=Coalesce(Subquery(waiting, output_field=IntegerField()), 0),
            has_others=Exists(Vendor.objects.of(request.user).exclude(pk=request.vendor.pk)),
            unread=Coalesce(Subquery(unread, output_field=IntegerField()), 0),
        )
        .values_list("waiting", "has_others", "unread")
    )
    return Frame(*facts.get())


@register.filter
def units(lines: Iterable[OrderLine]) -> int:
    """How many units these lines have together."""
    return sum(line.quantity for line in lines)
