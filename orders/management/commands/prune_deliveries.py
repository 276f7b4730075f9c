"""Remove the bodies of old deliveries, and the personal data with them; for a timer."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from orders.domain.deliveries import prune
from orders.jobs import process_lost

DAY = timedelta(days=1)


class Command(BaseCommand):
    help = (
        "Remove the bodies of storefronts' deliveries older than DELIVERIES_KEPT_DAYS, twice that "
        "for those that still wait; queue those again that wait for a day without a task."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        now, kept = timezone.now(), settings.DELIVERIES_KEPT_DAYS * DAY
        removed = prune(before=now - kept, waiting_before=now - 2 * kept, at=now)
        again = process_lost(before=now - DAY)
        self.stdout.write(f"{removed} bodies removed, {again} lost deliveries queued again.")
