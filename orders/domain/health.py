"""How a storefront's deliveries are doing: what the marketplace's staff looks at first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, Q

from orders.models import DeliveryState, ReportedOrder, Source

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
    """Work out a storefront's health from its deliveries, in two queries."""
    recent = Q(received_at__gte=at - HOUR)
    waiting = Q(state=DeliveryState.WAITING)
    facts = source.deliveries.aggregate(
        last_at=Max("received_at"),
        last_hour=Count("pk", filter=recent),
        last_day=Count("pk", filter=Q(received_at__gte=at - 24 * HOUR)),
        waiting=Count("pk", filter=waiting),
        oldest=Min("received_at", filter=waiting),
        lag=Max(F("processed_at") - F("received_at"), filter=recent),
        quarantined=Count("pk", filter=Q(state=DeliveryState.QUARANTINED)),
    )
    oldest = facts.pop("oldest")
    told = ReportedOrder.objects.filter(source=source).aggregate(
        differences=Count("pk", filter=~Q(differences=[])), undecidable=Count("pk", filter=~Q(undecidable=[]))
    )
    return Health(waiting_for=at - oldest if oldest else None, **facts, **told)
