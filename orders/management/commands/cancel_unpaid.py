"""Cancel the orders that were never paid; for a timer."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import ngettext

from orders.domain.transitions import StepRefused, change_status
from orders.models import HistoryEntry, HistoryKind, Order
from orders.states import OrderStatus

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Cancel orders that have waited for their payment longer than PENDING_EXPIRES_DAYS (0: never)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, default=settings.PENDING_EXPIRES_DAYS, help="default: %(default)s"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if not 0 <= days <= MOST_DAYS:
            raise CommandError(f"--days: must be from 0 to {MOST_DAYS}, got {days}.")
        if days == 0:
            self.stdout.write("Unpaid orders are never cancelled here.")
            return
        now = timezone.now()
        since = now - timedelta(days=days)
        came_lately = HistoryEntry.objects.filter(
            order=OuterRef("pk"), kind=HistoryKind.STATUS, new_status=OrderStatus.PENDING, at__gte=since
        )
        waiting = Order.objects.filter(
            ~Exists(came_lately), status=OrderStatus.PENDING, placed_at__lt=since, hidden_at=None
        )
        cancelled = sum(self._cancel(pk, days) for pk in waiting.order_by("pk").values_list("pk", flat=True))
        self.stdout.write(f"{cancelled} unpaid orders cancelled.")

    def _cancel(self, pk: int, days: int) -> bool:
        order = Order.objects.select_related("vendor").get(pk=pk)
        note = ngettext("Unpaid for %(days)s day.", "Unpaid for %(days)s days.", days) % {"days": days}
        try:
            change = change_status(
                order,
                OrderStatus.CANCELLED,
                by=None,
                at=timezone.now(),
                version=order.version,
                note=note,
            )
        except StepRefused as refusal:  # paid meanwhile
            self.stderr.write(str(refusal))
            return False
        return change is not None
