"""How a storefront's deliveries are doing: what the marketplace's staff looks at first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, Q

from orders.models import Answer, DeliveryState, Problem, ReconcileRun, ReportedOrder, Source

HOUR = timedelta(hours=1)
MOST_NAMED = 20  # vendors
OPEN = [DeliveryState.WAITING, DeliveryState.QUARANTINED]


@dataclass(frozen=True)
class Health:
    """``waiting_for`` is how long the oldest unprocessed delivery waits.

    ``lag`` is the longest wait among those of the last hour that are processed. ``differences`` and
    ``undecidable`` count orders, ``unheard`` steps taken here that the storefront has not taken.
    ``unmapped`` are the vendors that stand for no shop yet, ``(id, deliveries set aside)``.
    ``last_run`` is the last reconciliation, finished or not.
    """

    last_at: datetime | None
    last_hour: int
    last_day: int
    waiting: int
    waiting_for: timedelta | None
    lag: timedelta | None
    quarantined: int
    differences: int
    undecidable: int
    unheard: int
    unmapped: list[tuple[str, int]]
    last_run: ReconcileRun | None


def health_of(source: Source, *, at: datetime) -> Health:
    """Work out a storefront's health; of its deliveries only the recent and the open ones are read."""
    newest = source.deliveries.order_by("-received_at").values_list("received_at", flat=True)[:1]
    recent = Q(received_at__gte=at - HOUR)
    lately = source.deliveries.filter(received_at__gte=at - 24 * HOUR).aggregate(
        last_hour=Count("pk", filter=recent),
        last_day=Count("pk"),
        lag=Max(F("processed_at") - F("received_at"), filter=recent),
    )
    waiting = Q(state=DeliveryState.WAITING)
    left = source.deliveries.filter(state__in=OPEN).aggregate(
        waiting=Count("pk", filter=waiting),
        oldest=Min("received_at", filter=waiting),
        quarantined=Count("pk", filter=~waiting),
    )
    oldest = left.pop("oldest")
    told = ReportedOrder.objects.filter(source=source)
    return Health(
        last_at=next(iter(newest), None),
        waiting_for=at - oldest if oldest else None,
        unheard=Answer.objects.filter(order__source=source).open().count(),
        unmapped=_unmapped(source),
        last_run=source.reconcile_runs.order_by("-started_at", "-id").first(),
        **lately,
        **left,
        differences=told.exclude(differences=[]).count(),
        undecidable=told.exclude(undecidable=[]).count(),
    )


def _unmapped(source: Source) -> list[tuple[str, int]]:
    """The vendors whose deliveries wait for a shop, those with the most first."""
    aside = source.deliveries.quarantined().filter(problem_code=Problem.UNKNOWN_VENDOR)
    named = aside.values_list("problem_values__got").annotate(number=Count("pk")).order_by("-number")
    return [(str(vendor), number) for vendor, number in named[:MOST_NAMED]]
