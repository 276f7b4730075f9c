"""What the frame of a shop's pages shows, and what its mails count."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.db.models import Count, Exists, IntegerField, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from marketplace.questions import Question, read_from
from orders.domain.tallies import rows_between
from orders.models import Delivery, OrderLine
from orders.periods import address_of
from orders.states import OrderStatus, Stage
from vendors.domain.saved_views import landing_of
from vendors.models import User, Vendor

register = template.Library()
SHOP, PERSON = -1, -2  # ids that nobody has: they stand for the shop's and the person's


@dataclass(frozen=True)
class Frame:
    """``to_prepare`` counts the shop's orders that wait to be prepared.

    ``set_aside`` counts what the storefront told of its orders and could not be read. ``orders_address``
    is the list as the person wants to find it.
    """

    to_prepare: int
    has_other_shops: bool
    set_aside: int
    orders_address: str


@register.simple_tag(takes_context=True)
def frame(context: Any) -> Frame:
    """What surrounds each page of the shop, in one query."""
    request = context["request"]
    facts = _facts(request.vendor, request.user)
    landing = landing_of(request.membership)
    address = address_of(landing, request.vendor.slug, timezone.localdate())
    return Frame(facts["waiting"], bool(facts["has_others"]), facts["unread"], address)


def _facts(vendor: Vendor, person: User) -> dict[str, Any]:
    """Ask what waits in the shop, whether the person has others, and what could not be read."""
    database = read_from(Vendor)
    [facts] = _question(database.vendor).ask(database, {SHOP: vendor.pk, PERSON: person.pk})
    return facts


@cache
def _question(_database: str) -> Question:
    """Put the question together, once for each kind of database: SHOP and PERSON are its stand-ins."""
    shop, person = Vendor(pk=SHOP), User(pk=PERSON)
    waiting = (
        rows_between(shop, None, None)
        .filter(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE)
        .values("vendor")
        .annotate(number=Sum("orders"))
        .values("number")
    )
    unread = (
        Delivery.objects.quarantined()
        .filter(vendor=shop)
        .order_by()
        .values("vendor")
        .annotate(number=Count("pk"))
        .values("number")
    )
    facts = (
        Vendor.objects.filter(pk=SHOP)
        .order_by()
        .annotate(
            waiting=Coalesce(Subquery(waiting, output_field=IntegerField()), 0),
            has_others=Exists(Vendor.objects.of(person).exclude(pk=SHOP)),
            unread=Coalesce(Subquery(unread, output_field=IntegerField()), 0),
        )
        .values("waiting", "has_others", "unread")
    )
    return Question.of(facts)


@dataclass(frozen=True)
class Undo:
    """What takes back the step that a notice tells of."""

    version: str
    order: str
    number: str
    address: str


@register.simple_tag(takes_context=True)
def undo_of(context: Any, message: Message) -> Undo | None:
    """How to take back what the notice says was done: told by its tags, ``undo <version> <id> <number>``."""
    parts = (message.extra_tags or "").split(" ", 3)
    vendor = getattr(context.get("request"), "vendor", None)
    if vendor is None or parts[0] != "undo" or len(parts) != 4:
        return None
    _undo, version, order, number = parts
    return Undo(version, order, number, reverse("orders:undo_validation", args=[vendor.slug, number]))


@register.filter
def units(lines: Iterable[OrderLine]) -> int:
    """How many units these lines have together."""
    return sum(line.quantity for line in lines)
