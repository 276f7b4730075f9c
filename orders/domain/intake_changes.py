"""What a later report changes of a stored order: what it says anew, where nothing stands against it.

A field is taken from a report only where it differs from the last one that was applied; a step
taken here that the storefront has not acknowledged yet wins, and is listed as a difference.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from orders.domain import stock
from orders.domain.credit_notes import open_invoice
from orders.domain.customers import customer_of, free_number, index_name, number_value
from orders.domain.history import record
from orders.domain.intake_lines import change_lines, is_fixed, lines_differ
from orders.domain.order_data import OrderData
from orders.domain.refunds import BY_STATUS, refund_what_no_refund_accounts_for
from orders.domain.reports import Rank, buyer_of, columns_of, contact_of, digest, digests_of, latest
from orders.domain.transitions import after_working_days, change_status
from orders.models import Answer, HistoryKind, Order, ReportedOrder, Source
from orders.states import PAID, TAKES_STOCK, OrderStatus

DATES = ("paid_at", "completed_at")
# What reports did not tell at first: a person may have entered it since.
NEVER_TOLD = {"buyer_siren": digest(""), "buyer_vat_number": digest("")}


@dataclass
class Merge:
    """One report on its way into one order, both locked.

    ``is_newer``: it beats all that was told before. ``is_first``: the order comes with it.
    """

    order: Order
    data: OrderData
    source: Source
    reported: ReportedOrder
    rank: Rank
    is_newer: bool
    at: datetime
    is_first: bool = False
    changed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.told = digests_of(self.data)
        self.base = {**NEVER_TOLD, **self.reported.applied}

    @cached_property
    def refunds_here(self) -> set[str]:
        """The storefront's ids of the order's refunds, as they were before this report."""
        if self.order.pk is None or self.is_first:
            return set()
        return set(self.order.refunds.values_list("external_id", flat=True))

    def says_anew(self, name: str) -> bool:
        """Whether the report is the latest and says of a field what the last one did not."""
        return self.is_newer and self.told[name] != self.base.get(name)

    def takes(self, name: str, ours: Any) -> bool:
        """Whether a field is taken; ``ours`` is what stands here, as ``reports.digests_of`` tells it."""
        base = self.base.get(name)
        is_ours = base is not None and base != ours and self.source.has_rest
        return self.says_anew(name) and not is_ours


def take_lines(merge: Merge) -> None:
    """Bring lines and total to what is reported, unless something stands on them (``is_fixed``)."""
    order, data = merge.order, merge.data
    if not merge.says_anew("lines") or not lines_differ(order, data):
        return
    if is_fixed(order) or data.total < order.refunded_total:
        merge.refused.add("lines")
        return
    before = order.total
    order.version += 1
    change_lines(order, data, merge.source, at=merge.at)
    facts = {
        "fields": ["lines"],
        "before": str(before),
        "after": str(order.total),
        "currency": order.currency,
    }
    record(order, HistoryKind.CHANGED, by=merge.source, at=merge.at, data=facts)
    merge.changed.add("lines")


def take_dates(merge: Merge) -> None:
    """Set when the order was paid and completed: the latest report's dates, else the latest of any."""
    order, reported = merge.order, merge.reported
    moments = [*DATES, "prepare_by"]
    before = [getattr(order, name) for name in moments]
    for name in DATES:
        told = getattr(merge.data, name)
        setattr(reported, name, latest([getattr(reported, name), told]))
        if merge.is_newer:
            reported.applied[f"{name}_told"] = told is not None
        own = told if merge.is_newer else None
        if own is None and not reported.applied.get(f"{name}_told"):
            own = getattr(reported, name)
        _set_date(merge, name, own)
    if merge.is_newer and merge.data.status in PAID and order.paid_at is None:
        _set_date(merge, "paid_at", order.placed_at)
    if order.prepare_by is not None and order.paid_at is not None:
        order.prepare_by = after_working_days(order.paid_at, order.vendor)
    if [getattr(order, name) for name in moments] != before:
        order.save(update_fields=moments)


def _set_date(merge: Merge, name: str, moment: datetime | None) -> None:
    """Set a date that the storefront tells; one that was set here stays."""
    ours = getattr(merge.order, name)
    is_theirs = ours is None or merge.reported.applied.get(f"{name}_set") == digest(ours)
    if moment is not None and is_theirs:
        setattr(merge.order, name, moment)
        merge.reported.applied[f"{name}_set"] = digest(moment)


def take_status(merge: Merge) -> None:
    """Take the step that the storefront reports, by the same door as a person's.

    A refunded order is told of an earlier state as well: what it holds follows from that.
    """
    order, data = merge.order, merge.data
    is_known_refunded = order.status == merge.reported.applied.get("status") == OrderStatus.REFUNDED
    if learn_what_was_before_refund(merge) and is_known_refunded and not merge.is_newer:
        hold_what_was_held_before_refund(merge)
    if not merge.takes("status", order.status) or _is_on_its_way(order):
        return
    if data.status == OrderStatus.REFUNDED and order.status != OrderStatus.CANCELLED:
        hold_what_was_held_before_refund(merge)
    moments = {OrderStatus.COMPLETED: order.completed_at, OrderStatus.PROCESSING: order.paid_at}
    told = moments.get(data.status) or data.modified_at or merge.at
    if change_status(order, data.status, by=merge.source, at=told, issue_at=merge.at):
        merge.changed.add("status")
        mark_dates(merge)
    if data.status == OrderStatus.REFUNDED:
        refund_what_no_refund_accounts_for(order, by=merge.source, at=told, issue_at=merge.at)


def _is_on_its_way(order: Order) -> bool:
    """Whether the last step that was taken here has not been taken by the storefront yet."""
    last = order.answers.filter(kind=Answer.Kind.STATUS).order_by("-id").first()
    return last is not None and last.state != Answer.State.DONE


def mark_dates(merge: Merge) -> None:
    """Remember that the dates which the order has now come from the storefront."""
    for name in DATES:
        merge.reported.applied[f"{name}_set"] = digest(getattr(merge.order, name))


def learn_what_was_before_refund(merge: Merge) -> bool:
    """Remember what tells, of a refunded order, what it holds; return whether any of it is new.

    That is the latest state that any report tells but « refunded », and whether the storefront
    ever took units off its shelf.
    """
    is_new_state, is_new_shelf = _learn_state_before_refund(merge), _learn_off_shelf(merge)
    return is_new_state or is_new_shelf


def _learn_state_before_refund(merge: Merge) -> bool:
    reported = merge.reported
    if merge.data.status == OrderStatus.REFUNDED:
        return False
    if reported.before_refund and merge.rank <= reported.before_refund[0]:
        return False
    reported.before_refund = [merge.rank, str(merge.data.status)]
    return True


def _learn_off_shelf(merge: Merge) -> bool:
    applied = merge.reported.applied
    if not merge.data.is_off_shelf or applied.get("was_off_shelf"):
        return False
    applied["was_off_shelf"] = True
    return True


def hold_what_was_held_before_refund(merge: Merge) -> None:
    """Let a refunded order hold what it held before, less what came back: nothing where it was cancelled.

    Of an order that was paid and refunded between two reports it is what it took. One that was
    cancelled between two reports is known by the storefront having put its units back.
    """
    order, reported = merge.order, merge.reported
    before = reported.before_refund[1] if reported.before_refund else ""
    was_paid = reported.paid_at is not None and before != OrderStatus.CANCELLED
    is_off_shelf = merge.data.is_off_shelf if merge.is_newer else reported.applied.get("is_off_shelf", True)
    was_put_back = reported.applied.get("was_off_shelf") and not is_off_shelf
    cause = f"reported:{order.pk}:{order.version}:{merge.rank[-1][:8]}"
    if (before in TAKES_STOCK or was_paid) and not was_put_back:
        stock.take(order, cause=cause, at=merge.at, oversell=True)
    else:
        stock.give_back(order, cause=cause, at=merge.at)


def take_columns(merge: Merge) -> None:
    """Take customer, addresses, message, payment and number, where nothing was shipped or issued yet."""
    order, data = merge.order, merge.data
    columns = columns_of(data)
    anew = {
        name
        for name, value in columns.items()
        if getattr(order, name) != value and merge.takes(name, digest(getattr(order, name)))
    }
    if (contact := anew & {*contact_of(data)}) and order.shipments.exists():
        merge.refused |= contact
    if (buyer := anew & {*buyer_of(data)}) and open_invoice(order) is not None:
        merge.refused |= buyer
    changed = anew - merge.refused
    for name in changed:
        setattr(order, name, columns[name])
    if merge.says_anew("number") and _take_number(order, data, merge.source):
        changed.add("number")
    saved = {*changed}
    if merge.says_anew("customer"):
        order.customer = customer_of(data, order.customer_name, merge.source, order.vendor)
        saved.add("customer")
    if data.modified_at and data.modified_at != order.reported_at:
        order.reported_at = data.modified_at
        saved.add("reported_at")
    order.version += bool(changed)
    if saved:
        order.save(update_fields=[*saved, "version", "number_value"])
    if "customer_name" in changed:
        order.name_starts.all().delete()
        index_name(order)
    if changed:
        facts = {"fields": sorted(changed)}
        record(order, HistoryKind.CHANGED, by=merge.source, at=merge.at, data=facts)
    merge.changed |= changed


def _take_number(order: Order, data: OrderData, source: Source) -> bool:
    """Take another number, unless a document names the one there is."""
    if order.number_value == number_value(data.number) or order.documents.exists():
        return False
    order.number = free_number(data.number, order.vendor, source)
    order.number_value = number_value(data.number)
    return True


def remember(merge: Merge) -> None:
    """Keep what was applied, and where the order here is meant to differ; saves nothing."""
    reported = merge.reported
    if not merge.is_newer:
        others = [each for each in reported.differences if each["field"] != "refunds"]
        reported.differences = others + _refunds_not_known_there(merge)
        return
    kept = {name: merge.base.get(name) for name in merge.refused}
    refunds = sorted(refund.external_id for refund in merge.data.refunds)
    reported.applied |= {**merge.told, **kept, "refunds": refunds, "is_off_shelf": merge.data.is_off_shelf}
    reported.differences = _differences(merge)


def _differences(merge: Merge) -> list[dict[str, str]]:
    order, data = merge.order, merge.data
    found = [{"field": name} for name in sorted(merge.refused - {"lines"})]
    if "lines" in merge.refused:
        found.append({"field": "lines", "here": str(order.total), "there": str(data.total)})
    if order.status != data.status:
        found.append({"field": "status", "here": str(order.status), "there": str(data.status)})
    return found + _refunds_not_known_there(merge)


def _refunds_not_known_there(merge: Merge) -> list[dict[str, str]]:
    """The refunds that any report told of, and the latest does not."""
    any_told = {refund.external_id for refund in merge.data.refunds} | merge.refunds_here
    told = merge.reported.applied.get("refunds", any_told)
    only_here = any_told - {"", BY_STATUS, *told}
    return [{"field": "refunds", "here": external_id, "there": ""} for external_id in sorted(only_here)]
