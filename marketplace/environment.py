"""Read the environment once, at start; refuse a wrong value with a sentence."""

import json
import os
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """Return the variable, or ``default`` where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    """Return True or False; raises ImproperlyConfigured for any other word."""
    value = text(name, str(default))
    if value not in ("True", "False"):
        raise ImproperlyConfigured(f"Unexpected value {name}={value}, use 'True' or 'False'.")
    return value == "True"


def words(name: str, default: str) -> list[str]:
    """Return a comma-separated variable as a list, without blanks."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def whole(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole number from ``least``; raises ImproperlyConfigured otherwise."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"Unexpected value {name}={value}, use a whole number from {least}.")
    return int(value)


def decimal(name: str, default: str, most: str = "1000000") -> Decimal:
    """Return a decimal from 0 to ``most``; raises ImproperlyConfigured otherwise."""
    value = text(name, default)
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number <= Decimal(most):
        raise ImproperlyConfigured(
            f"Unexpected value {name}={value}, use a number from 0 to {most}, such as {default}."
        )
    return number


def options(name: str) -> dict[str, Any]:
    """Return a JSON object; raises ImproperlyConfigured for anything else."""
    try:
        value = json.loads(text(name, "{}"))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f'{name} is no JSON object, such as {{"bucket_name": "invoices"}}.')
    return value


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return one of ``allowed``; raises ImproperlyConfigured otherwise."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"Unexpected value {name}={value}, use one of: {', '.join(allowed)}.")
    return value


EXAMPLES = ("django-insecure", "development-only", "change-me", "changeme", "example")


def is_weak(secret: str) -> bool:
    """Say whether a secret could be guessed: too short, too uniform, or copied from an example."""
    return len(secret) < 50 or len(set(secret)) < 20 or any(word in secret.lower() for word in EXAMPLES)


def is_short(key: str) -> bool:
    """Say whether a key could be guessed: less than 32 random bytes in base64, or copied from an example."""
    return len(key) < 43 or len(set(key)) < 15 or any(word in key.lower() for word in EXAMPLES)
