"""What the marketplace does with a shop: open or close it, change its team, look at it to help."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from marketplace.audit import AuditKind, audit
from marketplace.mail import queue_email
from vendors.domain import team
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
    owners = {owner.user for owner in team.owners_of(shop).select_related("user")}
    context = {"person": by, "reason": reason, "at": at}
    _tell(owners, shop, template="seen_as", event=f"seen-as:{entry.pk}", **context)


@transaction.atomic
def change_team(
    shop: Vendor,
    *,
    placed: Iterable[Membership] = (),
    changed: Iterable[Membership] = (),
    removed: Iterable[Membership] = (),
    by: User,
    at: datetime,
) -> None:
    """Change a shop's team from the office: ``placed`` and ``changed`` hold the role that is wished.

    Owners of before and after are told by mail. New owners come first, so that those who go leave
    one behind. Raises ``vendors.domain.team.TeamRefused``, and changes nothing.
    """
    owners = {owner.user for owner in team.owners_of(shop).select_related("user")}
    steps: list[tuple[User, Any]] = []  # who, and the role in words; None for none
    for member in placed:
        team.place(shop, member.user, member.role, by=by, at=at)
        steps.append((member.user, Role(member.role).label))
    for member in sorted(changed, key=lambda one: one.role != Role.OWNER):
        team.change_role(member, member.role, by=by, at=at)
        steps.append((member.user, Role(member.role).label))
    for member in removed:
        team.remove(member, by=by, at=at)
        steps.append((member.user, None))
    if not steps:
        return
    owners |= {owner.user for owner in team.owners_of(shop).select_related("user")}
    _tell(owners, shop, template="team_changed", event=f"team:{shop.pk}:{at.timestamp()}", steps=steps)


def _tell(owners: set[User], shop: Vendor, *, template: str, event: str, **context: Any) -> None:
    """Mail each owner, in their language."""
    for owner in owners:
        queue_email(
            event=f"{event}:{owner.pk}",
            topic=f"vendor:{shop.pk}",
            template=template,
            to=owner.email,
            language=owner.language,
            context={"shop": shop, **context},
        )
