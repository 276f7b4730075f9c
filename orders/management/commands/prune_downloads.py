"""Delete the files of downloads whose day is over; for a timer."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from orders.bulk.downloads import forget_expired, give_up_abandoned


class Command(BaseCommand):
    help = "Delete the files of bulk downloads whose day is over, and end those that nobody works on."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        ended = give_up_abandoned(now)
        self.stdout.write(f"{forget_expired(now)} files deleted, {ended} abandoned downloads ended.")
