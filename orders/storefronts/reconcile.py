"""Comparing with a storefront: what deliveries lost is repaired, and what differed is said.

The rules are told in docs/rules/storefront-answers.md, « Reconciliation ».
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

import marketplace.alone
from orders.connectors.woocommerce_rest import ATTEMPTS, Storefront, StorefrontError
from orders.models import Answer, Order, ReconcileRun, Refund, ReportedOrder, Source, Trouble
from orders.states import OrderStatus
from orders.storefronts.answers import storefront_of
from orders.storefronts.compare import (
    Compared,
    compare,
    complete_refunds,
    fetch_notes,
    gone_for_good,
    is_news_of,
)
from orders.storefronts.paging import each_page

OVERLAP = timedelta(hours=1)  # the storefront's clock may differ from ours
DIFFERS = {"created", "changed", "set_aside"}
MOST_NAMED = 500  # differences that a run keeps by name
AT_ONCE = 100  # ids a question
REFUNDABLE = timedelta(days=60)  # 14 to withdraw, 14 to send back, 14 to pay back, and some more
OPEN = [OrderStatus.PENDING, OrderStatus.ON_HOLD, OrderStatus.PROCESSING]
# Of one order, though the storefront is well: it says no, breaks over that order, or has no page for it.
OF_ONE_ORDER = {
    Trouble.GONE,
    Trouble.REFUSED,
    Trouble.BROKEN,
    Trouble.SILENT,
    Trouble.UNREADABLE,
    Trouble.NO_API,
}
FEW, SHARE = 10, 0.05  # so many orders may have vanished before it looks like another shop

Progress = Callable[[int, int], None]


class ReconcileRefused(Exception):
    """The comparison cannot begin or go on; the message says why."""


def open_run(source: Source, *, since: datetime | None, now: datetime) -> ReconcileRun:
    """Return the run to work on: one that was cut off, else a new one.

    Without ``since`` a run goes on with what was cut off, whatever it covers; a new one covers
    what changed since all before was compared, or the whole history. With ``since`` it takes the
    place of cut-off runs that reach back less far. Raises ReconcileRefused for a storefront
    without REST keys.
    """
    if not source.has_rest:
        raise ReconcileRefused(_("%(source)s has no REST address and keys yet.") % {"source": source})
    cut_off = source.reconcile_runs.filter(finished_at=None).order_by("-is_gapless", "-started_at", "-id")
    going_on = cut_off.first() if since is None else cut_off.filter(since=since).first()
    if going_on is not None:
        return going_on
    cut_off.filter(since__gt=since or now).update(finished_at=now, problem=_("Another run took its place."))
    compared = source.reconcile_runs.compared_until()
    if since is None and compared is not None:
        since = compared - OVERLAP
    is_gapless = since is None or (compared is not None and since <= compared)
    return ReconcileRun.objects.create(
        source=source, since=since, is_gapless=is_gapless, started_at=now, continued_at=now
    )


@contextmanager
def alone(source: Source) -> Iterator[None]:
    """Let one run at a time work on a storefront, on whatever machine; a killed one leaves nothing behind.

    Raises ReconcileRefused while another is at it.
    """
    with marketplace.alone.alone(f"reconcile-{source.pk}") as is_free:
        if not is_free:
            raise ReconcileRefused(_("%(source)s is being reconciled already.") % {"source": source})
        yield


def reconcile(run: ReconcileRun, *, progress: Progress = lambda done, total: None) -> ReconcileRun:
    """Carry out or continue a run; ``progress`` hears of orders done and in all.

    Every order is a transaction of its own, and where it stands is noted after each page.
    Raises StorefrontError, or ReconcileRefused where it looks like another shop; the run then
    stands where it stopped.
    """
    try:
        with storefront_of(run.source, attempts=ATTEMPTS) as shop:
            _Comparison(run, shop, progress).work()
    except (StorefrontError, ReconcileRefused) as error:
        run.problem = str(error)[:700]
        run.save(update_fields=["problem"])
        raise
    return run


class _Comparison:
    """A run at work: the pages of changed orders, then what those cannot show."""

    def __init__(self, run: ReconcileRun, shop: Storefront, progress: Progress) -> None:
        self.run, self.shop, self.progress = run, shop, progress
        self.source = run.source
        self.not_told: set[str] = set()

    def work(self) -> None:
        self._changes()
        if self.run.since is not None:
            self._bin()
        self._undecided()
        self._what_is_here()
        self._waiting_refunds()
        self._finish()

    def _changes(self) -> None:
        run = self.run
        pages = each_page(self.shop, since=run.since, passed=run.passed, last_id=run.last_id)
        for page in pages:
            for payload in page.orders:
                self._take(payload)
            run.passed, run.last_id, run.total = page.passed, page.last_id, page.total
            self._save()
            self.progress(page.passed, page.total)

    def _take(self, payload: object) -> None:
        compared = compare(payload, source=self.source, at=timezone.now())
        order = self._order(compared.external_id)
        if order is None:
            return self._count(compared)
        fields = [*compared.fields, *self._more_of(order, with_notes=self._wants_notes(order))]
        outcome = "changed" if fields and compared.outcome == "unchanged" else compared.outcome
        return self._count(Compared(outcome, compared.external_id, compared.number, fields))

    def _more_of(self, order: Order, *, with_notes: bool = False) -> list[dict[str, str]]:
        """Fetch what an order's body does not tell, lines of refunds and notes; return what was new."""
        fields = []
        try:
            if complete_refunds(order, self.shop, at=timezone.now()):
                fields.append({"field": "refund_lines"})
            if with_notes and (notes := fetch_notes(order, self.shop)):
                fields.append({"field": "notes", "before": "", "after": str(notes)})
        except StorefrontError as error:
            fields += self._without(order.external_id, error)
        return fields

    def _without(self, external_id: str, error: StorefrontError) -> list[dict[str, str]]:
        """Go on without what one order does not tell, and say so; return what changed by it.

        Raises the error where it is the storefront's: nothing else is answered either.
        """
        if error.trouble not in OF_ONE_ORDER:
            raise error
        if error.trouble == Trouble.GONE:
            return gone_for_good(external_id, source=self.source, at=timezone.now()).fields
        if not error.is_about_order:
            self.shop.standing(["0"])
        if external_id not in self.not_told:
            self.not_told.add(external_id)
            order = self._order(external_id)
            told = {"field": "storefront", "problem": str(error)[:200]}
            self._count(Compared("not_told", external_id, order.number if order else "", [told]))
        return []

    def _wants_notes(self, order: Order) -> bool:
        """Of a whole history only the open orders' notes are asked for: each is a request."""
        return self.run.since is not None or order.status in OPEN

    def _order(self, external_id: str) -> Order | None:
        found = Order.objects.filter(source=self.source, external_id=external_id or None)
        return found.select_related("source").first()

    def _bin(self) -> None:
        for page in each_page(self.shop, since=self.run.since, status="trash"):
            for payload in page.orders:
                self._count(compare(payload, source=self.source, at=timezone.now()))

    def _undecided(self) -> None:
        """What no date decides is decided by asking."""
        told = ReportedOrder.objects.filter(source=self.source).exclude(undecidable=[])
        for external_id in list(told.values_list("external_id", flat=True)):
            self._ask_for(external_id)

    def _what_is_here(self) -> None:
        """What a list of changes does not show: deletions, and what leaves the date of change as it is."""
        here = Order.objects.filter(source=self.source, hidden_at=None).exclude(external_id="")
        if self.run.since is not None:
            here = here.filter(Q(placed_at__gte=self.run.since - REFUNDABLE) | Q(status__in=OPEN))
        ids = list(here.order_by("id").values_list("external_id", flat=True))
        missing: list[str] = []
        changed: list[str] = []
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            there = self.shop.standing(part)
            missing += [external_id for external_id in part if external_id not in there]
            orders = here.filter(external_id__in=there).select_related("reported")
            for order in orders.prefetch_related("refunds"):
                if is_news_of(order, there[order.external_id]):
                    changed.append(order.external_id)
        if len(missing) > max(FEW, len(ids) * SHARE):
            raise ReconcileRefused(
                _(
                    "%(source)s does not have %(missing)s of %(all)s orders: is it another shop? "
                    "None was hidden."
                )
                % {"source": self.source, "missing": len(missing), "all": len(ids)}
            )
        for external_id in [*missing, *changed]:
            self._ask_for(external_id)

    def _ask_for(self, external_id: str) -> None:
        try:
            payload = self.shop.order(external_id)
        except StorefrontError as error:
            self._count_changed(external_id, self._without(external_id, error))
        else:
            self._take(payload)

    def _waiting_refunds(self) -> None:
        """Refunds of orders that did not change since wait for their lines as well."""
        waiting = Refund.objects.filter(order__source=self.source, awaits_lines=True)
        for order in Order.objects.filter(pk__in=waiting.values("order")).select_related("source"):
            self._count_changed(order.external_id, self._more_of(order))

    def _count_changed(self, external_id: str, fields: list[dict[str, str]]) -> None:
        if fields:
            order = self._order(external_id)
            self._count(Compared("changed", external_id, order.number if order else "", fields))

    def _count(self, compared: Compared) -> None:
        run = self.run
        names = [compared.outcome, *(f"field:{each['field']}" for each in compared.fields)]
        for name in names:
            run.counts[name] = run.counts.get(name, 0) + 1
        run.differed += compared.outcome in DIFFERS
        if compared.outcome in {*DIFFERS, "not_told"} and len(run.differences) < MOST_NAMED:
            name = compared.number or compared.external_id
            told = {"order": name, "outcome": compared.outcome, "fields": compared.fields}
            run.differences.append(told)

    def _save(self) -> None:
        self.run.continued_at = timezone.now()
        self.run.save()

    def _finish(self) -> None:
        run = self.run
        run.unheard = unheard(run.source).count()
        run.finished_at, run.problem = timezone.now(), ""
        self._save()
        Source.objects.filter(pk=run.source_id).update(
            last_reconciled_at=run.finished_at, last_differences=run.differed
        )


def unheard(source: Source) -> QuerySet[Answer]:
    """Steps taken here that the storefront has not taken."""
    return (
        Answer.objects.filter(order__source=source).open().select_related("order__source", "note", "refund")
    )


def moment_of(text: str) -> datetime:
    """Read ``--since``: an ISO date or moment, or ``90m``, ``36h``, ``7d`` ago; raises ValueError."""
    if match := re.fullmatch(r"(\d{1,4})([mhd])", text):
        unit = {"m": "minutes", "h": "hours", "d": "days"}[match[2]]
        return timezone.now() - timedelta(**{unit: int(match[1])})
    moment = datetime.fromisoformat(text)
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
