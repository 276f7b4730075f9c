"""What the marketplace does with a shop: open or close it, look at it to help."""

from datetime import datetime

from django.db import transaction

from marketplace.audit import AuditKind, audit
from marketplace.mail import queue_email
from vendors.models import Membership, User, Vendor
from vendors.roles import Role


@transaction.atomic
def set_open(shop: Vendor, is_active: bool, *, by: User, reason: str) -> None:
    """Open or close a shop's pages; one that stands so already is left alone."""
    locked = Vendor.objects.select_for_update().get(pk=shop.pk)
    if locked.is_active == is_active:
        return
    locked.is_active = is_active
    locked.save(update_fields=["is_active"])
    changed = {"is_active": [not is_active, is_active]}
    audit(AuditKind.SHOP_CHANGED, by=by, vendor=locked, subject="shop", changes=changed, reason=reason)


@transaction.atomic
def see_as(shop: Vendor, *, by: User, reason: str, at: datetime) -> None:
    """Write into the audit that support reads the shop's pages, and tell each owner."""
    entry = audit(AuditKind.SEEN_AS, by=by, vendor=shop, subject="shop", reason=reason)
    owners = Membership.objects.filter(vendor=shop, role=Role.OWNER, user__is_active=True)
    for owner in owners.select_related("user"):
        queue_email(
            event=f"seen-as:{entry.pk}:{owner.user_id}",
            topic=f"vendor:{shop.pk}",
            template="seen_as",
            to=owner.user.email,
            language=owner.user.language,
            context={"shop": shop, "person": by, "reason": reason, "at": at},
        )
