"""The mails of an order's life and of a shop's team: written for the demo's orders, then taken back."""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from marketplace.models import OutgoingEmail
from orders.domain.fulfillment import correct_tracking, ready_for_pickup, ship
from orders.domain.notes import add_note
from orders.domain.refunds import refund_order
from orders.domain.transitions import change_status
from orders.states import OrderStatus, Stage
from vendors.domain.office import see_as
from vendors.domain.team import invite
from vendors.models import User, Vendor
from vendors.roles import Role


def written_mails(slug: str, *, owner: str, staff: str) -> dict[str, str]:
    """Return the HTML of the shop's latest mail of each kind, by its kind; nothing of it stays."""
    with transaction.atomic():
        shop = Vendor.objects.get(slug=slug)
        _live(shop)
        at = timezone.now()
        invite(shop, email="lea@example.com", role=Role.PREPARER, by=User.objects.get(email=owner), at=at)
        see_as(shop, by=User.objects.get(email=staff), reason="Une facture introuvable", at=at)
        mails = OutgoingEmail.objects.exclude(html="").order_by("template", "pk")
        found = {mail.template: mail.html for mail in mails}
        transaction.set_rollback(True)
    return found


def _live(shop: Vendor) -> None:
    """Let something happen to some of the shop's orders that a mail tells of."""
    at = timezone.now()
    orders = shop.orders.order_by("-placed_at")
    to_prepare = iter(orders.filter(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE)[:6])
    shipped = next(to_prepare)
    ship(shipped, carrier="colissimo", tracking_number="6A12345678901", by=None, at=at)
    correct_tracking(shipped, 1, carrier="colissimo", tracking_number="6A12345678910", by=None, at=at)
    ready_for_pickup(next(to_prepare), by=None, at=at)
    refund_order(next(to_prepare), amount=Decimal("3.50"), by=None, at=at)
    words = "Votre savon part demain : le parfum lavande est de nouveau là."
    add_note(next(to_prepare), words, for_customer=True, by=None, at=at)
    change_status(next(to_prepare), OrderStatus.COMPLETED, by=None, at=at)
    change_status(next(to_prepare), OrderStatus.CANCELLED, by=None, at=at)
    change_status(orders.filter(status=OrderStatus.ON_HOLD)[0], OrderStatus.PROCESSING, by=None, at=at)
