"""Forget what the audit no longer has to keep."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from marketplace.models import AuditEntry


class Command(BaseCommand):
    help = "Delete audit entries older than AUDIT_KEPT_DAYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        """Count or delete the old entries; the database itself refuses younger ones than 180 days."""
        old = AuditEntry.objects.filter(at__lt=timezone.now() - timedelta(days=settings.AUDIT_KEPT_DAYS))
        count = old.count() if dry_run else old._raw_delete(old.db)
        verb = "would be deleted" if dry_run else "deleted"
        self.stdout.write(f"{count} audit entries older than {settings.AUDIT_KEPT_DAYS} days {verb}.")
