"""Forget the customers of orders that were finished long ago; for a timer."""

from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.domain.privacy import anonymise, finished_before


class Command(BaseCommand):
    help = "Erase the personal data of orders finished more than PERSONAL_DATA_KEPT_DAYS ago (0: never)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, default=settings.PERSONAL_DATA_KEPT_DAYS, help="default: %(default)s"
        )
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, days: int, dry_run: bool, **options: Any) -> None:
        """Count, or erase and say what was."""
        if days < 0:
            raise CommandError("--days: must be at least 0.")
        if days == 0:
            self.stdout.write("Customers' data is never forgotten here.")
            return
        now = timezone.now()
        orders = finished_before(now - timedelta(days=days))
        if dry_run:
            self.stdout.write(f"{orders.count()} orders would lose their personal data. Documents are kept.")
            return
        forgotten = anonymise(orders, at=now)
        rows = ", ".join(f"{n} {name}" for name, n in asdict(forgotten).items() if name != "documents")
        self.stdout.write(f"Personal data erased: {rows}. {forgotten.documents} documents are kept.")
