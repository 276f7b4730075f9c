"""After a new FIELD_ENCRYPTION_KEY: encrypt storefronts' and second factors' secrets with it."""

from typing import Any

from allauth.mfa.models import Authenticator
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
    help = "Encrypt the secrets of storefronts and second factors anew, with the first FIELD_ENCRYPTION_KEY."

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
        factors = self._renew_second_factors()
        self.stdout.write(f"{len(sources)} storefronts: secrets encrypted with the first key.")
        self.stdout.write(f"{factors} second factors: secrets encrypted with the first key.")

    def _renew_second_factors(self) -> int:
        factors = Authenticator.objects.select_for_update().exclude(type=Authenticator.Type.WEBAUTHN)
        for factor in factors:
            for name in ("secret", "seed"):
                if name in factor.data:
                    factor.data[name] = self._renewed(factor, factor.data[name])
            factor.save(update_fields=["data"])
        return len(factors)

    def _renewed(self, factor: Authenticator, token: str) -> str:
        try:
            return renew(token)
        except SecretUnreadable as unreadable:
            raise CommandError(f"Second factor {factor.pk}: {unreadable} Nothing was changed.") from None
