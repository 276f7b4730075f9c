"""Remove the bodies of old deliveries, and the personal data with them; for a timer."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from orders.domain.deliveries import prune


class Command(BaseCommand):
    help = "Remove the bodies of storefronts' deliveries older than DELIVERIES_KEPT_DAYS."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        removed = prune(before=now - timedelta(days=settings.DELIVERIES_KEPT_DAYS), at=now)
        self.stdout.write(f"{removed} bodies removed.")
