"""What a person can do with an order now: the one next action, the others, and why some are not possible."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from orders.domain.invoicing import is_invoiceable
from orders.domain.parcels import goods, units_left
from orders.domain.transitions import steps_of_member
from orders.models import DocumentKind, Order
from orders.states import CANCELS, CONFIRM_PAYMENT, REOPEN, VALIDATE, OrderStatus, RefundState, Stage
from vendors.access import VendorRequest

S = OrderStatus


@dataclass(frozen=True)
class Action:
    """A button or link; ``why_not`` keeps a refused one visible with its reason."""

    label: str
    url: str
    is_post: bool = False
    why_not: str = ""


@dataclass(frozen=True)
class Actions:
    """The one primary action of the page, the one often wanted beside it, and the menu of the others."""

    primary: Action | None
    beside: Action | None
    others: list[Action]


def actions_of(request: VendorRequest, order: Order) -> Actions:
    """Return what this member can do with the order; what the role forbids is absent."""
    steps = {
        to for origin, to in steps_of_member(request.membership, request.vendor) if origin == order.status
    }
    work, money = _fulfillment(request, order, steps), _money(request, order, steps)
    papers = _papers(request, order)
    if order.status == S.PROCESSING and work:
        return Actions(work[0], work[1] if len(work) > 1 else None, work[2:] + money + papers)
    primary = next((action for action in money if not action.why_not), None)
    if order.status != S.ON_HOLD:
        primary = None
    return Actions(primary, None, [action for action in work + money if action is not primary] + papers)


def _url(request: VendorRequest, order: Order, name: str, *more: str) -> str:
    return reverse(f"orders:{name}", args=[request.vendor.slug, order.number, *more])


def _fulfillment(request: VendorRequest, order: Order, steps: set[OrderStatus]) -> list[Action]:
    """What brings the goods to the customer, the likeliest first; validating is first or second."""
    if not request.may["fulfill"] or order.status != S.PROCESSING:
        return []
    handed_over = Action(_("Handed over to the customer"), _url(request, order, "hand_over"), is_post=True)
    validate = Action(_("Validate the order"), _url(request, order, "validate"), is_post=True)
    ship = Action(_("Ship…"), _url(request, order, "ship"))
    ready = Action(_("Ready for pickup"), _url(request, order, "ready"), is_post=True)
    validates = [validate] if VALIDATE[1] in steps else []
    if order.stage == Stage.READY_FOR_PICKUP:
        return [handed_over, *validates, ship]
    if not units_left(order):
        return validates
    return [ready, *validates, ship] if order.is_collected else [ship, *validates, ready]


def _papers(request: VendorRequest, order: Order) -> list[Action]:
    """What corrects an issued invoice; ``order.documents`` are loaded."""
    if not request.may["issue_invoices"]:
        return []
    invoices = [document for document in order.documents.all() if document.kind == DocumentKind.INVOICE]
    is_left = order.refund_state != RefundState.FULL and is_invoiceable(order)
    if not invoices or not is_left:
        return []
    return [Action(_("Correct the invoice…"), _url(request, order, "correct_invoice"))]


def _money(request: VendorRequest, order: Order, steps: set[OrderStatus]) -> list[Action]:
    if not request.may["manage_orders"]:
        return []
    found = []
    if order.status == CONFIRM_PAYMENT[0]:
        confirm = _url(request, order, "step", "confirm-payment")
        refusal = "" if CONFIRM_PAYMENT[1] in steps else _("The marketplace confirms payments for this shop.")
        found.append(Action(_("Confirm the payment…"), confirm, why_not=refusal))
    if order.is_refundable or order.needs_refund:
        found.append(Action(_("Refund…"), _url(request, order, "refund")))
    elif order.may_get_goods_back and any(line.units_returned < line.quantity for line in goods(order)):
        found.append(Action(_("Goods came back…"), _url(request, order, "refund")))
    if order.is_refundable:
        found.append(Action(_("Cancel and refund…"), _url(request, order, "stop_and_refund")))
    cancel = _url(request, order, "step", "cancel")
    if (order.status, S.CANCELLED) in CANCELS:
        found.append(Action(_("Cancel the order…"), cancel))
    elif order.status == S.PROCESSING:
        refusal = _("Only the marketplace can cancel a paid order.")
        if order.is_refundable:
            refusal = _(
                "Only the marketplace can cancel a paid order without refunding it; "
                "you can cancel and refund it."
            )
        found.append(Action(_("Cancel the order"), cancel, why_not=refusal))
    if order.status == REOPEN[0]:
        found.append(Action(_("Reopen the order…"), _url(request, order, "step", "reopen")))
    return found
