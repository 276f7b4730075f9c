"""A shop's mandate: the marketplace may issue invoices in its name (CGI art. 289, I-2)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.audit import AuditKind, audit
from vendors.models import MandateStep, User, Vendor


@dataclass(frozen=True)
class MandateText:
    """The words that a shop accepts. A text is never edited: a new version is added."""

    version: str
    valid_from: date
    words: Any  # a sentence, translated when it is shown


TEXTS = [
    MandateText(
        version="2026-11",
        valid_from=date(2026, 11, 1),
        words=_(
            "The shop gives %(marketplace)s, which accepts, the mandate to issue in its name and on its "
            "behalf the invoices and credit notes of its sales on the marketplace. The shop stays liable "
            "for the VAT that they state, for what they say of it, and tells of every change. It gets "
            "each document when it is issued and may contest it within 15 days. The mandate ends when "
            "the shop withdraws it."
        ),
    )
]


def text_today() -> MandateText:
    """Return the text that is offered now."""
    return TEXTS[-1]


def text_of(version: str) -> MandateText:
    """Return the text that a shop accepted by its version."""
    return next(text for text in TEXTS if text.version == version)


def words_of(text: MandateText) -> str:
    return str(text.words) % {"marketplace": settings.MARKETPLACE_NAME}


def steps_of(vendor: Vendor) -> list[MandateStep]:
    """Return who accepted and withdrew what, newest first."""
    return list(MandateStep.objects.filter(vendor=vendor).select_related("by").order_by("-id"))


def mandate_of(vendor: Vendor) -> MandateStep | None:
    """Return the acceptance in force; None where there is none, or it was withdrawn."""
    last = MandateStep.objects.filter(vendor=vendor).select_related("by").order_by("-id").first()
    return last if last is not None and last.is_accepted else None


@transaction.atomic
def accept_mandate(vendor: Vendor, *, by: User, at: datetime) -> MandateStep:
    """Accept the text of today; doing it again changes nothing."""
    Vendor.objects.select_for_update().get(pk=vendor.pk)
    now, version = mandate_of(vendor), text_today().version
    if now is not None and now.version == version:
        return now
    _audit(vendor, by, mandate=[now.version if now else "", version])
    return MandateStep.objects.create(vendor=vendor, at=at, by=by, version=version, is_accepted=True)


@transaction.atomic
def withdraw_mandate(vendor: Vendor, *, by: User, at: datetime) -> None:
    """End the mandate; with it, invoices on completion."""
    locked = Vendor.objects.select_for_update().get(pk=vendor.pk)
    now = mandate_of(vendor)
    if now is None:
        return
    MandateStep.objects.create(vendor=vendor, at=at, by=by, version=now.version, is_accepted=False)
    ended = {"issues_on_completion": [True, False]} if locked.issues_on_completion else {}
    _audit(vendor, by, mandate=[now.version, ""], **ended)
    Vendor.objects.filter(pk=vendor.pk).update(issues_on_completion=False)
    vendor.issues_on_completion = False


def _audit(vendor: Vendor, by: User, **changes: list[Any]) -> None:
    audit(AuditKind.SETTINGS_CHANGED, by=by, vendor=vendor, subject="mandate", changes=changes)
