"""What an order's storefront has not taken yet, and sending it again."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orders.domain.answers import send_again
from orders.models import Answer, Order, Trouble
from vendors.access import VendorRequest, vendor_required
from vendors.roles import Permission


@dataclass(frozen=True)
class Unheard:
    """One thing that the storefront has not taken, why, and what to do."""

    what: str
    why: str
    next_try_at: datetime | None
    advice: str


@dataclass(frozen=True)
class StorefrontTrouble:
    """What the page says above everything else; ``may_send`` offers the button."""

    unheard: list[Unheard]
    may_send: bool


def trouble_of(request: VendorRequest, answers: list[Answer]) -> StorefrontTrouble | None:
    """Return what to say of answers in trouble, None where all is well.

    Words of the storefront about a refund may hold amounts: who may see none is told that it
    was not taken, and no more.
    """
    in_trouble = [answer for answer in answers if answer.trouble and answer.state != Answer.State.DONE]
    shown = [answer for answer in in_trouble if not answer.is_over]
    if not shown:
        return None
    unheard = [
        Unheard(
            answer.what,
            answer.why if _may_read(request, answer) else "",
            answer.next_try_at if answer.state == Answer.State.WAITING else None,
            _advice(answer),
        )
        for answer in shown
    ]
    may_send = any(_may_send(request, answer) for answer in shown)
    return StorefrontTrouble(unheard, may_send)


def _advice(answer: Answer) -> str:
    """What to do about it: for the vendor, or for the marketplace."""
    match answer.trouble:
        case Trouble.KEYS | Trouble.NO_API | Trouble.ADDRESS:
            return _("The marketplace has to mend the connection; what was done here is kept until then.")
        case Trouble.GONE:
            return _("It was deleted there: settle with the marketplace what becomes of it.")
        case Trouble.REFUSED if answer.kind == Answer.Kind.REFUND:
            return _("Its amount is free again: ask for another refund, or refund at the storefront.")
    if answer.state == Answer.State.WAITING:
        return ""
    return _("Do it at the storefront by hand, or send it again once the cause is mended.")


def _may_read(request: VendorRequest, answer: Answer) -> bool:
    return request.may["view_amounts"] or answer.kind != Answer.Kind.REFUND


def _may_send(request: VendorRequest, answer: Answer) -> bool:
    needed = "manage_orders" if answer.kind == Answer.Kind.REFUND else "fulfill"
    return request.may[needed] and answer.may_be_sent_again


@require_POST
@vendor_required(Permission.FULFILL)
def send_order_again(request: VendorRequest, number: str) -> HttpResponse:
    """Send what the storefront has not taken once more; what it has got already is found there."""
    order = get_object_or_404(Order.objects.for_vendor(request.vendor), number=number)
    wanted = [answer for answer in order.answers.in_trouble() if _may_send(request, answer)]
    if sum(send_again(answer, at=timezone.now()) for answer in wanted):
        messages.success(request, _("It is on its way to the storefront again."))
    else:
        messages.info(request, _("There is nothing to send again."))
    return redirect("orders:detail", slug=request.vendor.slug, number=order.number)
