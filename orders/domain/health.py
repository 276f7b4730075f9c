"""How a storefront's deliveries are doing: what the marketplace's staff looks at first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, Q

from orders.models import ReportedOrder, Source

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Health:
    """``waiting_for`` is how long the oldest unprocessed delivery waits.

    ``lag`` is the longest wait among those of the last hour that are processed. ``differences`` and
    ``undecidable`` count orders.
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


def health_of(source: Source, *, at: datetime) -> Health:
    """Work out a storefront's health: each question reads the rows that it is about, by an index."""
    recent = Q(received_at__gte=at - HOUR)
    of_day = source.deliveries.filter(received_at__gte=at - 24 * HOUR).aggregate(
        last_hour=Count("pk", filter=recent),
        last_day=Count("pk"),
        lag=Max(F("processed_at") - F("received_at"), filter=recent),
    )
    waiting = source.deliveries.waiting().aggregate(number=Count("pk"), oldest=Min("received_at"))
    told = ReportedOrder.objects.filter(source=source)
    return Health(
        last_at=source.deliveries.aggregate(at=Max("received_at"))["at"],
        waiting=waiting["number"],
        waiting_for=at - waiting["oldest"] if waiting["oldest"] else None,
        quarantined=source.deliveries.quarantined().count(),
        differences=told.exclude(differences=[]).count(),
        undecidable=told.exclude(undecidable=[]).count(),
        **of_day,
    )
