"""Where an order here is not what its storefront says, and what to do about it, in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from marketplace.formats import money
from orders.models import Answer, Delivery, Order, ReportedOrder
from orders.states import OrderStatus
from vendors.access import VendorRequest

BUYER = frozenset({"buyer_siren", "buyer_vat_number"})
OTHERS = frozenset({"status", "lines", "refunds", *BUYER})


@dataclass(frozen=True)
class Difference:
    """What differs, and what the vendor can do."""

    what: str
    advice: str


def differences_of(request: VendorRequest, order: Order, answers: Iterable[Answer]) -> list[Difference]:
    """Return what an order's page says of the storefront's other view of it; nothing where all agree.

    Those who may see no amounts are told the same without them.
    """
    found = [_set_aside(order)] if _waits_for_the_marketplace(order) else []
    reported = ReportedOrder.objects.filter(order=order).only("differences").first()
    told = {each["field"]: each for each in reported.differences} if reported else {}
    if contact := sorted(told.keys() - OTHERS):
        found.append(_contact(order, contact))
    if told.keys() & BUYER:
        found.append(_buyer(order))
    if "lines" in told:
        found.append(_lines(order, told["lines"], shows_amounts=request.may["view_amounts"]))
    if "status" in told and _is_open(order, told["status"], answers):
        found.append(_status(order, told["status"]["there"]))
    if "refunds" in told:
        found.append(_refunds(order))
    return found


def _waits_for_the_marketplace(order: Order) -> bool:
    waiting = Delivery.objects.quarantined().filter(vendor=order.vendor_id, source=order.source_id)
    return bool(order.external_id) and waiting.filter(external_id=order.external_id).exists()


def _set_aside(order: Order) -> Difference:
    return Difference(
        _("%(storefront)s reported something about this order that could not be read.")
        % {"storefront": order.source},
        _(
            "The marketplace sees it and takes it in once the cause is mended; "
            "until then this page may be behind."
        ),
    )


def _contact(order: Order, fields: list[str]) -> Difference:
    names = dict.fromkeys(_name_of(field) for field in fields)
    return Difference(
        _("%(storefront)s has changed since a parcel left: %(fields)s.")
        % {"storefront": order.source, "fields": ", ".join(names)},
        _(
            "Here stays what the parcel was sent with. Look at the order at the storefront, "
            "and write to the customer if the parcel may miss its way."
        ),
    )


def _name_of(field: str) -> str:
    if field.startswith("shipping_"):
        return _("delivery address")
    if field.startswith("billing_"):
        return _("billing address")
    return {
        "customer_name": _("customer’s name"),
        "customer_email": _("e-mail address"),
        "customer_phone": _("telephone"),
        "customer_note": _("customer’s message"),
    }.get(field, field)


def _buyer(order: Order) -> Difference:
    return Difference(
        _("%(storefront)s has other numbers of the business that buys than the invoice says.")
        % {"storefront": order.source},
        _("The invoice stays as it was issued. Tell the marketplace if the storefront is right."),
    )


def _lines(order: Order, told: dict[str, str], *, shows_amounts: bool) -> Difference:
    names = {"storefront": order.source}
    what = _("%(storefront)s now has other lines than this order.") % names
    if shows_amounts and told["here"] != told["there"]:
        amounts = {name: money(Decimal(told[name]), order.currency) for name in ("here", "there")}
        what = _("%(storefront)s now has other lines: %(there)s in all, here it is %(here)s.") % {
            **names,
            **amounts,
        }
    return Difference(
        what,
        _(
            "Lines with a parcel, a document or a refund stay as they are. "
            "Settle the rest with the customer: by a refund here, or by another order."
        ),
    )


def _is_open(order: Order, told: dict[str, str], answers: Iterable[Answer]) -> bool:
    """Whether the states still differ, and nothing is on its way or said elsewhere on the page."""
    on_its_way = any(
        answer.kind == Answer.Kind.STATUS and answer.state != Answer.State.DONE for answer in answers
    )
    return order.status != told["there"] and not on_its_way


def _status(order: Order, there: str) -> Difference:
    names = {
        "storefront": order.source,
        "there": OrderStatus(there).label,
        "here": order.get_status_display(),
    }
    return Difference(
        _("%(storefront)s says “%(there)s”, here it is “%(here)s”.") % names,
        _(
            "What was done here counts. Set the same state at the storefront, "
            "so that the customer sees it too."
        ),
    )


def _refunds(order: Order) -> Difference:
    return Difference(
        _("A refund of this order is not, or no longer, known to %(storefront)s.")
        % {"storefront": order.source},
        _(
            "Check at the storefront whether it was deleted there. "
            "If the money was not given back, tell the marketplace."
        ),
    )
