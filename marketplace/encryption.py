"""Secrets in the database: encrypted with Fernet, keyed from the settings, readable after a rotation.

The first key encrypts, every key decrypts: ``FIELD_ENCRYPTION_KEY`` may name several, the newest
first. Without it the keys come from ``SECRET_KEY``.
"""

import base64
import hashlib
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.utils.translation import gettext as _

SALT = b"comptoir.field-encryption\n"


class SecretUnreadable(Exception):
    """A stored secret was encrypted with a key that is no longer among the settings."""

    def __init__(self) -> None:
        super().__init__(
            _("A stored secret cannot be read: FIELD_ENCRYPTION_KEY no longer has the key that it needs.")
        )


def encrypt(text: str) -> str:
    """Return ``text`` encrypted with the first key; the empty text stays empty."""
    return _keys().encrypt(text.encode()).decode("ascii") if text else ""


def decrypt(token: str) -> str:
    """Return what was encrypted; raises SecretUnreadable where no key of the settings fits."""
    if not token:
        return ""
    try:
        return _keys().decrypt(token).decode()
    except InvalidToken:
        raise SecretUnreadable from None


def renew(token: str) -> str:
    """Return the token encrypted anew with the first key; raises SecretUnreadable."""
    return encrypt(decrypt(token))


def _keys() -> MultiFernet:
    texts = settings.FIELD_ENCRYPTION_KEYS or [
        settings.SECRET_KEY,
        *map(str, settings.SECRET_KEY_FALLBACKS),
    ]
    return MultiFernet([Fernet(_key(text)) for text in texts])


def _key(text: str) -> bytes:
    """Return a Fernet key: any long random text will do."""
    return base64.urlsafe_b64encode(hashlib.sha256(SALT + text.encode()).digest())


class EncryptedText:
    """An attribute whose text is kept encrypted in the column ``<name>_encrypted``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.column = f"{name}_encrypted"

    def __get__(self, row: models.Model | None, owner: Any = None) -> str:
        return "" if row is None else decrypt(getattr(row, self.column))

    def __set__(self, row: models.Model, text: str) -> None:
        setattr(row, self.column, encrypt(text))
