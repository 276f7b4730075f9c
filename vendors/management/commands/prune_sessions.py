"""Forget sessions that have expired, and what the list of a person's sessions kept of them."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand
from django.utils import timezone


class Command(BaseCommand):
    help = "Forget sessions that have expired, with the shortened network address that was kept of them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete the expired sessions, then the rows whose session is gone."""
        ended, _by_model = Session.objects.filter(expire_date__lt=timezone.now()).delete()
        left = UserSession.objects.exclude(session_key__in=Session.objects.values("session_key"))
        forgotten, _by_model = left.delete()
        self.stdout.write(f"{ended} expired sessions and {forgotten} rows about sessions were deleted.")
