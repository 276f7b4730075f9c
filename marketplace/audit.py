"""Who did what: one function writes the audit, in the caller's transaction."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Model
from django.http import HttpRequest

from marketplace.models import AuditEntry, AuditKind
from marketplace.networks import network_of

__all__ = ["AuditKind", "audit", "changes", "values_of"]


def audit(
    kind: AuditKind,
    *,
    by: AbstractBaseUser | None,
    vendor: Model | None = None,
    subject: str | Model = "",
    request: HttpRequest | None = None,
    **data: Any,
) -> AuditEntry:
    """Write one entry, in the caller's transaction: rolled back with it, committed with it.

    ``by`` is None for the system or a stranger. ``subject`` is what was touched: a row, or a text
    such as ``order:42``. ``data`` takes codes, ids, counts, and ``changes(before, after)`` — no
    personal data of a customer. With ``request`` the network address is kept, shortened.
    """
    about = f"{subject._meta.model_name}:{subject.pk}" if isinstance(subject, Model) else subject
    return AuditEntry.objects.create(
        kind=kind,
        user_id=by.pk if by else None,
        vendor_id=vendor.pk if vendor else None,
        subject=about[:80],
        data=data,
        address=network_of(request) if request else "",
    )


def values_of(row: Model, names: list[str]) -> dict[str, Any]:
    """Return the columns ``names`` of ``row`` as they go into the audit: numbers and texts."""
    return {name: _plain(getattr(row, name)) for name in names}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return ``{name: [before, after]}`` for what differs."""
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: [_plain(before.get(name)), _plain(after.get(name))]
        for name in names
        if _plain(before.get(name)) != _plain(after.get(name))
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | list | dict | None) else str(value)
