"""After a new FIELD_ENCRYPTION_KEY: encrypt storefronts' secrets with it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from marketplace.encryption import SecretUnreadable, renew
from orders.models import Source

COLUMNS = [
    "secret_encrypted",
    "previous_secret_encrypted",
    "consumer_key_encrypted",
    "consumer_secret_encrypted",
]


class Command(BaseCommand):
    help = "Encrypt the secrets of all storefronts anew, with the first FIELD_ENCRYPTION_KEY."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        sources = list(Source.objects.select_for_update(no_key=True))
        for source in sources:
            try:
                for column in COLUMNS:
                    setattr(source, column, renew(getattr(source, column)))
            except SecretUnreadable as unreadable:
                raise CommandError(f"{source.slug}: {unreadable} Nothing was changed.") from None
            source.save(update_fields=COLUMNS)
        self.stdout.write(f"{len(sources)} storefronts: secrets encrypted with the first key.")
