"""Money given back: what it does to lines, stock, gains and state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.formats import money
from marketplace.money import split
from orders.domain import earnings, stock
from orders.domain.history import By, actor_of, record
from orders.domain.transitions import StepRefused, lock, move
from orders.models import HistoryKind, Note, Order, OrderLine, Refund, RefundLine, Source
from orders.states import OrderStatus, RefundState
from vendors.models import Membership, User
from vendors.roles import Permission

ZERO = Decimal("0.00")
REFUNDABLE = frozenset({OrderStatus.PROCESSING, OrderStatus.COMPLETED})


class RefundRefused(StepRefused):
    """The refund was not recorded; the message says why."""


@dataclass(frozen=True)
class RefundedLine:
    """What is refunded of one line: units, amount incl. VAT, and units put back on the shelf."""

    units: int
    amount_incl_vat: Decimal
    units_back: int = 0


@transaction.atomic
def refund_order(
    order: Order,
    *,
    lines: Mapping[int, RefundedLine] | None = None,
    amount: Decimal | None = None,
    by: By,
    at: datetime,
    reason: str = "",
    external_id: str | None = None,
) -> Refund:
    """Record a confirmed refund with everything that follows from it, or change nothing.

    ``lines`` is ``{order line id: RefundedLine}``; what ``amount`` has beyond them, or all of
    it where there are none, is spread over all lines, shipping and fees by what is left of
    each. Gains fall, commission goes back in proportion, units go back to the shelf, and an
    order refunded to its last cent becomes ``refunded``. ``external_id`` is the storefront's:
    a known one returns the refund that was recorded and does nothing.

    Locks the order. Raises RefundRefused for what is not possible, never more than is left.
    """
    lock(order)
    if external_id and (known := order.refunds.filter(external_id=external_id).first()):
        return known
    _check_may_refund(order, by)
    stored = {line.pk: line for line in order.lines.select_related("product")}
    asked = _check_lines(order, stored, lines or {})
    shares = {pk: part.amount_incl_vat for pk, part in asked.items()}
    whole = _check_amount(order, sum(shares.values(), ZERO), amount)
    is_spread = whole != sum(shares.values(), ZERO)
    if is_spread:
        shares = _spread(stored, shares, whole - sum(shares.values(), ZERO))
    return _record(order, stored, asked, shares, whole, is_spread, by, at, reason, external_id or "")


def _check_may_refund(order: Order, by: By) -> None:
    """A person needs the permission and a paid order; a storefront reports what has happened."""
    if isinstance(by, Source):
        return
    if isinstance(by, User) and not by.is_staff:
        membership = Membership.objects.filter(user=by, vendor_id=order.vendor_id).first()
        if membership is None or not membership.may(Permission.MANAGE_ORDERS):
            raise RefundRefused(_("You may not refund orders of this shop."))
    paid_then_stopped = order.needs_refund
    if order.status not in REFUNDABLE and not paid_then_stopped:
        raise RefundRefused(
            _("Order %(number)s is “%(status)s” and cannot be refunded: nothing was changed.")
            % {"number": order.number, "status": order.get_status_display()}
        )


def _check_lines(
    order: Order, stored: Mapping[int, OrderLine], asked: Mapping[int, RefundedLine]
) -> dict[int, RefundedLine]:
    for pk, part in asked.items():
        line = stored.get(pk)
        if line is None:
            raise RefundRefused(_("Order %(number)s has no such line.") % {"number": order.number})
        if part.units < 0 or part.units > line.quantity - line.units_refunded:
            raise RefundRefused(
                _("%(line)s: %(left)s units can be refunded, not %(units)s.")
                % {"line": line.name, "left": line.quantity - line.units_refunded, "units": part.units}
            )
        if part.units_back < 0 or part.units_back > line.quantity - line.units_returned:
            raise RefundRefused(
                _("%(line)s: %(left)s units can come back, not %(units)s.")
                % {"line": line.name, "left": line.quantity - line.units_returned, "units": part.units_back}
            )
        low, high = sorted((ZERO, line.refundable))
        if not low <= part.amount_incl_vat <= high:
            raise RefundRefused(
                _("%(line)s: %(left)s can be refunded, not %(amount)s.")
                % {
                    "line": line.name,
                    "left": money(line.refundable, order.currency),
                    "amount": money(part.amount_incl_vat, order.currency),
                }
            )
    return dict(asked)


def _check_amount(order: Order, of_lines: Decimal, amount: Decimal | None) -> Decimal:
    """Return what is refunded in all; raises RefundRefused for nothing, or for more than is left."""
    whole = of_lines if amount is None else amount
    if whole <= 0 or whole != whole.quantize(ZERO):
        raise RefundRefused(_("The amount of a refund is more than nothing, with at most two decimals."))
    if whole > order.refundable:
        raise RefundRefused(
            _("Order %(number)s: %(left)s can be refunded, not %(amount)s.")
            % {
                "number": order.number,
                "left": money(order.refundable, order.currency),
                "amount": money(whole, order.currency),
            }
        )
    if whole < of_lines:
        raise RefundRefused(
            _("The lines add up to %(lines)s, more than the amount of %(amount)s.")
            % {"lines": money(of_lines, order.currency), "amount": money(whole, order.currency)}
        )
    return whole


def _spread(
    stored: Mapping[int, OrderLine], shares: Mapping[int, Decimal], rest: Decimal
) -> dict[int, Decimal]:
    """Add ``rest`` to the shares, over all lines by what is left of each."""
    left = {pk: line.refundable - shares.get(pk, ZERO) for pk, line in stored.items()}
    parts = split(rest, list(left.values()))
    return {pk: shares.get(pk, ZERO) + part for pk, part in zip(left, parts, strict=True)}


def _record(
    order: Order,
    stored: Mapping[int, OrderLine],
    asked: Mapping[int, RefundedLine],
    shares: Mapping[int, Decimal],
    whole: Decimal,
    is_spread: bool,
    by: By,
    at: datetime,
    reason: str,
    external_id: str,
) -> Refund:
    who = actor_of(by, order)
    text = reason.strip()
    refund = Refund.objects.create(
        order=order,
        external_id=external_id,
        amount=whole,
        commission_given_back=ZERO,
        is_spread=is_spread,
        reason=Note.objects.create(order=order, text=text, written_by=who.user, written_at=at)
        if text
        else None,
        at=at,
        by=who.user,
        source=who.source,
    )
    for pk in sorted(
        {*asked, *(pk for pk, share in shares.items() if share)}, key=lambda pk: _lock_key(stored[pk])
    ):
        _refund_line(refund, stored[pk], asked.get(pk, RefundedLine(0, ZERO)), shares.get(pk, ZERO), at)
    _settle_order(order, refund, at)
    record(
        order,
        HistoryKind.REFUND,
        by=by,
        at=at,
        data={"refund": refund.pk, "amount": str(whole), "currency": order.currency, "spread": is_spread},
    )
    if order.refundable == 0 and order.status in REFUNDABLE:
        move(order, OrderStatus.REFUNDED, by=by, at=at)
    return refund


def _lock_key(line: OrderLine) -> tuple[int, int]:
    return line.product_id or 0, line.pk


def _refund_line(refund: Refund, line: OrderLine, part: RefundedLine, share: Decimal, at: datetime) -> None:
    line.refunded_total += share
    before = line.commission_given_back
    line.commission_given_back = earnings.given_back(
        line.commission + line.commission_vat, line.refunded_total, line.total
    )
    line.units_refunded += part.units
    line.units_returned += part.units_back
    RefundLine.objects.create(
        refund=refund,
        line=line,
        units=part.units,
        units_back=part.units_back,
        amount=share,
        commission_given_back=line.commission_given_back - before,
    )
    stock.put_back(line, part.units_back, cause=f"refund:{refund.pk}", at=at)
    line.save(
        update_fields=["refunded_total", "commission_given_back", "units_refunded", "units_returned", "held"]
    )


def _settle_order(order: Order, refund: Refund, at: datetime) -> None:
    order.refunded_total += refund.amount
    before = order.commission_given_back
    order.commission_given_back = sum(
        order.lines.values_list("commission_given_back", flat=True),
        earnings.given_back(order.commission_order_fee, order.refunded_total, order.total),
    )
    refund.commission_given_back = order.commission_given_back - before
    refund.save(update_fields=["commission_given_back"])
    earnings.settle(order)
    order.refund_state = RefundState.FULL if order.refundable == 0 else RefundState.PARTIAL
    order.refunded_at = at
    order.version += 1
    order.save(
        update_fields=[
            "refunded_total",
            "net_total",
            "commission_given_back",
            "earnings",
            "refund_state",
            "refunded_at",
            "version",
        ]
    )
