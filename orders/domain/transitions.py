"""The only place where an order changes state."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orders import emails
from orders.domain import answers, stock
from orders.domain.credit_notes import issue_due_if_possible
from orders.domain.history import By, actor_of, record, said, write_note
from orders.domain.invoicing import issue_on_completion
from orders.domain.locking import lock as lock
from orders.domain.parcels import is_all_refunded, units_outstanding
from orders.domain.stock import OutOfStock
from orders.models import Document, HistoryKind, Order, Source, StatusChange
from orders.states import (
    CANCELS,
    CONFIRM_PAYMENT,
    GIVES_BACK,
    NEEDS_REASON,
    PAID,
    REOPEN,
    STAFF_STEPS,
    STOPPED,
    TAKES_STOCK,
    VALIDATE,
    OrderStatus,
    Stage,
)
from vendors.models import Membership, User, Vendor
from vendors.roles import Permission

SATURDAY = 5


class StepRefused(Exception):
    """The order stays as it is; the message says why."""


class TransitionNotAllowed(StepRefused):
    """The order may not go from its present state to the one asked for."""

    def __init__(self, order: Order, to: OrderStatus) -> None:
        self.order, self.to = order, to
        super().__init__(
            _("Order %(number)s is “%(status)s” and cannot become “%(to)s”: nothing was changed.")
            % {"number": order.number, "status": order.get_status_display(), "to": to.label}
        )


class ReasonMissing(StepRefused):
    """The step asks for a reason."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("A reason is needed to reopen order %(number)s: nothing was changed.")
            % {"number": order.number}
        )


class NotPermitted(StepRefused):
    """The person's role does not allow this."""

    def __init__(self, order: Order) -> None:
        super().__init__(
            _("Your role in this shop does not allow this for order %(number)s: nothing was changed.")
            % {"number": order.number}
        )


class StaleOrder(StepRefused):
    """The order moved since the form was opened."""

    def __init__(self, order: Order) -> None:
        self.order = order
        last = order.history.select_related("user", "source").order_by("-version", "-id").first()
        super().__init__(
            _("Nothing was changed: order %(number)s is not what you saw any more. %(what)s")
            % {"number": order.number, "what": said(last, now=timezone.now()) if last else ""}
        )


def allowed_steps(order: Order, by: By) -> frozenset[OrderStatus]:
    """Return the states that ``by`` may bring the order to now.

    A person of the shop has the steps of the role, staff and the system the marketplace's,
    a storefront every one: it reports what has happened already.
    """
    now = OrderStatus(order.status)
    if isinstance(by, Source):
        return frozenset(OrderStatus) - {now}
    steps = set(STAFF_STEPS) if by is None or (by.is_staff and by.is_active) else set()
    if isinstance(by, User):
        steps |= _steps_of_person(by, order.vendor)
    return frozenset(to for origin, to in steps if origin == now)


def _steps_of_person(user: User, vendor: Vendor) -> set[tuple[OrderStatus, OrderStatus]]:
    membership = Membership.objects.filter(
        user=user, user__is_active=True, vendor=vendor, vendor__is_active=True
    ).first()
    if membership is None:
        return set()
    return steps_of_member(membership, vendor)


def may(by: By, order: Order, permission: Permission) -> bool:
    """Say whether ``by`` may do ``permission`` for this order; staff and Comptoir itself may everything."""
    if not isinstance(by, User) or (by.is_staff and by.is_active):
        return True
    membership = Membership.objects.filter(
        user=by, user__is_active=True, vendor_id=order.vendor_id, vendor__is_active=True
    ).first()
    return membership is not None and membership.may(permission)


def steps_of_member(membership: Membership, vendor: Vendor) -> set[tuple[OrderStatus, OrderStatus]]:
    """Return every step (from, to) that this member of the shop may take."""
    steps = {VALIDATE} if membership.may(Permission.FULFILL) else set()
    if membership.may(Permission.MANAGE_ORDERS):
        steps |= {*CANCELS, REOPEN}
        if vendor.confirms_payments:
            steps.add(CONFIRM_PAYMENT)
    return steps


def change_status(
    order: Order,
    to: OrderStatus | str,
    *,
    by: By,
    at: datetime,
    note: str = "",
    version: int | None = None,
    issue_at: datetime | None = None,
) -> StatusChange | None:
    """Move ``order`` to ``to`` with everything that follows from it, or change nothing.

    Locks the order row, so that of two simultaneous requests the second sees the first's
    result. ``by`` is a person, the storefront that reports, or None for Comptoir itself;
    ``at`` is timezone-aware; ``version`` is the order's version that a form was opened on.
    ``at`` may come from the storefront's clock and be long ago: ``issue_at`` is then when the
    documents that follow from the step are issued, which is never but now. Returns None, and
    does nothing, where the order has the state already.

    Raises StaleOrder if the order moved since ``version``, TransitionNotAllowed if ``by`` may
    not take the step, ReasonMissing if it needs a ``note``, and
    ``orders.domain.stock.OutOfStock`` if a person's step needs stock that is gone. Refused,
    ``order`` is as the database has it.
    """
    try:
        with transaction.atomic():
            return _step(order, OrderStatus(to), by=by, at=at, note=note, version=version, issue_at=issue_at)
    except OutOfStock:
        order.refresh_from_db()
        raise


def _step(
    order: Order,
    to: OrderStatus,
    *,
    by: By,
    at: datetime,
    note: str,
    version: int | None,
    issue_at: datetime | None,
) -> StatusChange | None:
    lock(order)
    if order.status == to:
        return None
    if version not in (None, order.version):
        raise StaleOrder(order)
    if to not in allowed_steps(order, by):
        raise TransitionNotAllowed(order, to)
    if isinstance(by, User) and (order.status, to) in NEEDS_REASON and not note.strip():
        raise ReasonMissing(order)
    return move(order, to, by=by, at=at, note=note, issue_at=issue_at)


def move(
    order: Order,
    to: OrderStatus,
    *,
    by: By,
    at: datetime,
    note: str = "",
    issue_at: datetime | None = None,
) -> StatusChange:
    """Take a step that was found possible: state, dates, stock, history, documents, mails.

    The caller holds the lock; ``issue_at`` is as in ``change_status``.
    """
    old = order.status
    order.status = to
    order.version += 1
    set_dates_and_stage(order, at)
    if to == OrderStatus.COMPLETED:
        order.completed_at = at
    order.save(update_fields=["status", "version", "paid_at", "completed_at", "stage", "prepare_by"])
    who = actor_of(by, order)
    change = StatusChange.objects.create(
        order=order,
        kind=HistoryKind.STATUS,
        at=at,
        actor=who.actor,
        user=who.user,
        source=who.source,
        old_status=old,
        new_status=to,
        note=write_note(order, note, who, at),
        version=order.version,
    )
    move_stock(order, cause=f"change:{change.pk}", by=by, at=at)
    issued = _settle_documents(order, by=by, at=issue_at or at)
    emails.announce_step(order, change, issued)
    if to != OrderStatus.REFUNDED:  # follows from the refund there as it does here
        answers.tell_status(order, change, by=by)
    return change


def _settle_documents(order: Order, *, by: By, at: datetime) -> list[Document]:
    """Issue and return what the step asks for: an invoice, or the note on one that will not be paid."""
    if order.status == OrderStatus.COMPLETED:
        return issue_on_completion(order, at=at)
    if order.status in STOPPED:
        return issue_due_if_possible(order, by=by, at=at)
    return []


def arrive(order: Order, *, by: By, at: datetime) -> None:
    """Let a new order enter the state that it was reported with: stock, stage, history, documents, mails.

    The order's row and lines are stored; ``at`` is when it arrived.
    """
    set_dates_and_stage(order, order.paid_at or order.placed_at)
    if order.status == OrderStatus.COMPLETED:
        order.completed_at = order.completed_at or order.paid_at
    order.save(update_fields=["paid_at", "completed_at", "stage", "prepare_by"])
    entry = record(order, HistoryKind.ARRIVED, by=by, at=at, new_status=order.status)
    move_stock(order, cause=f"change:{entry.pk}", by=by, at=at)
    if order.status == OrderStatus.COMPLETED:
        done = order.completed_at or order.placed_at
        issue_on_completion(order, at=at, completed_at=done, is_history=emails.is_silent())
    emails.announce_arrival(order)


def set_dates_and_stage(order: Order, at: datetime) -> None:
    """Set paid_at (once), the stage and the hour the order is late from; saves nothing.

    The shop's delay runs from ``at``: an order that is reopened is to be prepared from then on.
    """
    if order.status in PAID and order.paid_at is None:
        order.paid_at = at
    order.prepare_by = None
    if order.status != OrderStatus.PROCESSING:
        order.stage = ""
    elif order.shipments.exists():
        order.stage = Stage.TO_PREPARE if units_outstanding(order) else Stage.SHIPPED
    elif is_all_refunded(order):
        order.stage = ""
    else:
        order.stage = Stage.TO_PREPARE
        order.prepare_by = after_working_days(at, order.vendor)


def move_stock(order: Order, *, cause: str, by: By, at: datetime) -> None:
    """Take or give back what the order's state asks for; ``refunded`` moves nothing."""
    if order.status in TAKES_STOCK:
        stock.take(order, cause=cause, at=at, oversell=isinstance(by, Source))
    elif order.status in GIVES_BACK:
        stock.give_back(order, cause=cause, at=at)


def after_working_days(start: datetime, vendor: Vendor) -> datetime:
    """Return ``start`` plus the shop's delay, Saturdays and Sundays not counted, in the shop's time zone."""
    moment = start.astimezone(ZoneInfo(vendor.time_zone))
    left = vendor.late_after_days
    while left > 0 or moment.weekday() >= SATURDAY:
        moment += timedelta(days=1)
        if moment.weekday() < SATURDAY:
            left -= 1
    return moment


def validate(order: Order, *, by: By, at: datetime, version: int | None = None) -> StatusChange | None:
    """The order was dealt with: processing → completed; raises as ``change_status`` does."""
    return change_status(order, OrderStatus.COMPLETED, by=by, at=at, version=version)


def reopen_at_once(order: Order, *, by: By, at: datetime, version: int) -> StatusChange | None:
    """Take a validation back: completed → processing, with the reason that it was a mistake.

    ``version`` is the order's after the validation: once anything else has happened, nothing is
    taken back. Returns None where the order is in progress already; raises as ``change_status`` does,
    TransitionNotAllowed also from any state but completed.
    """
    if order.status not in REOPEN:
        raise TransitionNotAllowed(order, REOPEN[1])
    return change_status(order, REOPEN[1], by=by, at=at, note=_("Validated by mistake."), version=version)
