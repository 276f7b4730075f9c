"""The life of an order: its states, who may take which step, and what follows from each.

Pure data: imports no model, so anything may import it. The rules are told in
``docs/rules/order-states.md``.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class OrderStatus(models.TextChoices):
    """The seven states, in the order of the menu; the codes are stable."""

    COMPLETED = "completed", pgettext_lazy("order status", "Completed")
    PROCESSING = "processing", pgettext_lazy("order status", "Processing")
    ON_HOLD = "on-hold", pgettext_lazy("order status", "On hold")
    PENDING = "pending", pgettext_lazy("order status", "Pending payment")
    CANCELLED = "cancelled", pgettext_lazy("order status", "Cancelled")
    REFUNDED = "refunded", pgettext_lazy("order status", "Refunded")
    FAILED = "failed", pgettext_lazy("order status", "Failed")


S = OrderStatus

MEANINGS = {
    S.COMPLETED: _("The order has been dealt with."),
    S.PROCESSING: _(
        "The order is paid and not yet dealt with: being prepared, on its way or ready in the shop; "
        "the customer has not received it yet."
    ),
    S.ON_HOLD: _("Order received, stock reduced, payment to be confirmed."),
    S.PENDING: _("Order received, not paid yet, stock unchanged."),
    S.CANCELLED: _("The order was cancelled."),
    S.REFUNDED: _("Refunded, wholly or in part."),
    S.FAILED: _("The order failed."),
}


class RefundState(models.TextChoices):
    """How much of an order has been refunded."""

    NONE = "none", _("Not refunded")
    PARTIAL = "partial", _("Refunded in part")
    FULL = "full", _("Refunded in full")


class Stage(models.TextChoices):
    """Where a paid order stands in the shop; empty outside processing."""

    TO_PREPARE = "to_prepare", _("To prepare")
    SHIPPED = "shipped", _("Shipped")
    READY_FOR_PICKUP = "ready_for_pickup", _("Ready for pickup")


PARTLY_SHIPPED = _("Partly shipped")  # said of an order to prepare once its first parcel left


class Way(models.TextChoices):
    """How an order's goods reach the customer, once that is a fact; empty while it is only foreseen."""

    PARCEL = "parcel", _("By parcel")
    PICKUP = "pickup", _("Fetched in the shop")


class EarningsState(models.TextChoices):
    """Whether an order's gains are the vendor's."""

    EARNED = "earned", _("Earned")
    EXPECTED = "expected", _("Expected")
    NONE = "none", _("None")


class Actor(models.TextChoices):
    """Who did something to an order."""

    PERSON = "person", _("A person of the shop")
    STAFF = "staff", _("The marketplace")
    SOURCE = "source", _("The storefront")
    SYSTEM = "system", _("Comptoir")


# What moves follows from the set an order enters, not from the edge it took.
TAKES_STOCK = frozenset({S.ON_HOLD, S.PROCESSING, S.COMPLETED})
GIVES_BACK = frozenset({S.PENDING, S.CANCELLED, S.FAILED})
# REFUNDED is in neither: it keeps what is held; units come back only when the goods do.
EARNS = frozenset({S.PROCESSING, S.COMPLETED, S.REFUNDED})
EXPECTS = frozenset({S.PENDING, S.ON_HOLD})
PAID = frozenset({S.PROCESSING, S.COMPLETED})
INVOICEABLE = frozenset({S.PROCESSING, S.COMPLETED, S.REFUNDED})
STOPPED = frozenset({S.CANCELLED, S.FAILED})
DELIVERABLE = frozenset({S.ON_HOLD, S.PROCESSING, S.COMPLETED, S.REFUNDED})

# Steps of the marketplace's staff, and of Comptoir itself.
STAFF_STEPS = frozenset(
    {
        (S.PENDING, S.ON_HOLD),
        (S.PENDING, S.PROCESSING),
        (S.PENDING, S.CANCELLED),
        (S.PENDING, S.FAILED),
        (S.ON_HOLD, S.PENDING),
        (S.ON_HOLD, S.PROCESSING),
        (S.ON_HOLD, S.CANCELLED),
        (S.ON_HOLD, S.FAILED),
        (S.PROCESSING, S.ON_HOLD),
        (S.PROCESSING, S.COMPLETED),
        (S.PROCESSING, S.CANCELLED),
        (S.PROCESSING, S.FAILED),
        (S.COMPLETED, S.PROCESSING),
        (S.CANCELLED, S.PENDING),
        (S.CANCELLED, S.ON_HOLD),
        (S.CANCELLED, S.PROCESSING),
        (S.FAILED, S.PENDING),
        (S.FAILED, S.ON_HOLD),
        (S.FAILED, S.PROCESSING),
        (S.FAILED, S.CANCELLED),
    }
)
# Steps of a person of the shop whose role allows them.
VALIDATE = (S.PROCESSING, S.COMPLETED)
CANCELS = frozenset({(S.PENDING, S.CANCELLED), (S.ON_HOLD, S.CANCELLED), (S.FAILED, S.CANCELLED)})
REOPEN = (S.COMPLETED, S.PROCESSING)
CONFIRM_PAYMENT = (S.ON_HOLD, S.PROCESSING)  # only where the marketplace lets this vendor
NEEDS_REASON = frozenset({REOPEN})


def earnings_state(status: str) -> EarningsState:
    """Say whether the gains of an order in ``status`` are earned, expected or none."""
    if status in EARNS:
        return EarningsState.EARNED
    return EarningsState.EXPECTED if status in EXPECTS else EarningsState.NONE
