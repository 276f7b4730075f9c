"""A shop's team: invite, accept, change a role, remove, leave; an owner always remains.

The rules are told in ``docs/rules/people.md``.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from marketplace.audit import AuditKind, audit
from marketplace.mail import ONE_TIME, queue_email
from vendors.models import Invitation, Membership, User, Vendor
from vendors.roles import Role

LIVES = timedelta(days=7)
MOST_OPEN = 30
MOST_SENT = 5


class TeamRefused(Exception):
    """The team stays as it is; the message says why."""


class LastOwner(TeamRefused):
    """The step would leave the shop without an owner."""


class InvitationGone(Exception):
    """Nothing can be accepted with this link: unknown, used, withdrawn or expired."""


class ForSomebodyElse(Exception):
    """The invitation is bound to another address than the person's."""


@transaction.atomic
def invite(vendor: Vendor, *, email: str, role: str, by: User, at: datetime) -> Invitation:
    """Offer ``email`` a place in the team and queue the mail; locks the shop.

    Raises TeamRefused for a member, for an address that has an open invitation, and for too many.
    """
    email = email.strip().lower()
    _lock(vendor)
    if Membership.objects.filter(vendor=vendor, user__email=email).exists():
        raise TeamRefused(_("%(email)s is in the team already.") % {"email": email})
    if vendor.invitations.open().filter(email=email).exists():
        raise TeamRefused(_("%(email)s is invited already: send the invitation again.") % {"email": email})
    if vendor.invitations.open().count() >= MOST_OPEN:
        raise TeamRefused(_("%(n)s invitations are open: withdraw some first.") % {"n": MOST_OPEN})
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        vendor=vendor,
        email=email,
        role=role,
        digest=_digest(secret),
        invited_by=by,
        invited_at=at,
        expires_at=at + LIVES,
    )
    _send(invitation, secret, by)
    audit(AuditKind.INVITED, by=by, vendor=vendor, subject=invitation, role=role)
    return invitation


@transaction.atomic
def resend(invitation: Invitation, *, by: User, at: datetime) -> None:
    """Send a new link, good for the whole time again; the old one ends. Raises TeamRefused."""
    _lock_open(invitation)
    if invitation.sent >= MOST_SENT:
        raise TeamRefused(
            _("%(email)s was written to %(n)s times: withdraw the invitation and ask the person first.")
            % {"email": invitation.email, "n": invitation.sent}
        )
    secret = secrets.token_urlsafe(32)
    invitation.digest, invitation.expires_at, invitation.sent = (
        _digest(secret),
        at + LIVES,
        invitation.sent + 1,
    )
    invitation.save(update_fields=["digest", "expires_at", "sent"])
    _send(invitation, secret, by)
    audit(AuditKind.INVITED, by=by, vendor=invitation.vendor, subject=invitation, sent=invitation.sent)


@transaction.atomic
def revoke(invitation: Invitation, *, by: User, at: datetime) -> None:
    """Withdraw an open invitation; its link ends at once. Raises TeamRefused."""
    _lock_open(invitation)
    invitation.revoked_at = at
    invitation.save(update_fields=["revoked_at"])
    audit(AuditKind.INVITATION_ENDED, by=by, vendor=invitation.vendor, subject=invitation)


def find_invitation(secret: str, *, at: datetime) -> Invitation:
    """Return what the link offers; raises InvitationGone."""
    found = Invitation.objects.open().select_related("vendor", "invited_by")
    invitation = found.filter(digest=_digest(secret), expires_at__gt=at, vendor__is_active=True).first()
    if invitation is None:
        raise InvitationGone
    return invitation


@transaction.atomic
def accept(secret: str, *, user: User, at: datetime) -> Membership:
    """Make ``user`` a member, once. Raises InvitationGone, and ForSomebodyElse for another address."""
    invitation = find_invitation(secret, at=at)
    _lock(invitation.vendor)
    invitation = find_invitation(secret, at=at)  # as it is now that the shop is locked
    if user.email.lower() != invitation.email:
        raise ForSomebodyElse
    invitation.accepted_at = at
    invitation.save(update_fields=["accepted_at"])
    member, created = Membership.objects.get_or_create(
        vendor=invitation.vendor, user=user, defaults={"role": invitation.role, "since": at}
    )
    if created:
        audit(AuditKind.JOINED, by=user, vendor=invitation.vendor, subject=user, role=member.role)
    user.vouch_for_address()  # the link came through the mailbox
    return member


@transaction.atomic
def join(secret: str, *, name: str, password: str, at: datetime) -> Membership:
    """Make an account for the invited address, and a member of it; raises InvitationGone.

    An address that has an account already must sign in instead: ForSomebodyElse.
    """
    invitation = find_invitation(secret, at=at)
    _lock(invitation.vendor)
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, password, name=name)
    except IntegrityError:  # made before, or by another shop's invitation at this moment
        raise ForSomebodyElse from None
    return accept(secret, user=user, at=at)


@transaction.atomic
def change_role(member: Membership, role: str, *, by: User) -> None:
    """Give a member another role. Locks the shop; raises LastOwner."""
    _lock(member.vendor)
    member.refresh_from_db(fields=["role"])
    old = member.role
    if old == role:
        return
    if old == Role.OWNER:
        _need_another_owner(member)
    member.role = role
    member.save(update_fields=["role"])
    changed = {"role": [old, str(role)]}
    audit(AuditKind.ROLE_CHANGED, by=by, vendor=member.vendor, subject=member.user, changes=changed)


@transaction.atomic
def remove(member: Membership, *, by: User) -> None:
    """Take a member out of the team, or let them leave; ends access at once. Raises LastOwner.

    Locks the shop, so that of two owners who remove each other the second is refused. Removing
    somebody who is gone already does nothing.
    """
    _lock(member.vendor)
    current = Membership.objects.filter(pk=member.pk).first()
    if current is None:
        return
    if current.role == Role.OWNER:
        _need_another_owner(current)
    Membership.objects.filter(pk=current.pk).delete()
    audit(AuditKind.LEFT, by=by, vendor=member.vendor, subject=member.user, role=current.role)


def _need_another_owner(member: Membership) -> None:
    others = Membership.objects.filter(vendor=member.vendor, role=Role.OWNER, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise LastOwner(
            _("%(person)s is the only owner of %(shop)s: make somebody else owner first.")
            % {"person": member.user, "shop": member.vendor}
        )


def _lock(vendor: Vendor) -> None:
    Vendor.objects.select_for_update().get(pk=vendor.pk)


def _lock_open(invitation: Invitation) -> None:
    """Lock the shop and read the invitation anew; raises TeamRefused where it is not open any more."""
    _lock(invitation.vendor)
    invitation.refresh_from_db()
    if invitation.accepted_at or invitation.revoked_at:
        raise TeamRefused(
            _("The invitation of %(email)s is not open any more.") % {"email": invitation.email}
        )


def _send(invitation: Invitation, secret: str, by: User) -> None:
    known = User.objects.filter(email=invitation.email).first()
    queue_email(
        event=f"{ONE_TIME}invitation:{invitation.pk}:{invitation.sent}",
        topic=f"invitation:{invitation.pk}",
        template="invitation",
        to=invitation.email,
        language=known.language if known else by.language,
        context={"invitation": invitation, "secret": secret, "shop": invitation.vendor, "inviter": by},
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
