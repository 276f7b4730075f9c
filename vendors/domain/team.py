"""A shop's team: invite, accept, change a role, remove, leave; an owner always remains.

The rules are told in ``docs/rules/people.md``.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from marketplace.audit import AuditKind, audit
from marketplace.mail import ONE_TIME, queue_email
from marketplace.models import OutgoingEmail
from vendors.models import Invitation, Membership, User, Vendor
from vendors.roles import Role

LIVES = timedelta(days=7)
DAY = timedelta(days=1)
MOST_OPEN = 30
MOST_SENT = 5  # mails of a shop to one address in LIVES, whatever became of the invitations
MOST_A_DAY = 60  # mails of a shop to all addresses


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

    Raises TeamRefused for a member, for an address that has an open invitation, for too many
    invitations or mails, and where ``by`` is no owner any more.
    """
    email = email.strip().lower()
    _lock(vendor, by)
    if Membership.objects.filter(vendor=vendor, user__email=email).exists():
        raise TeamRefused(_("%(email)s is in the team already.") % {"email": email})
    if vendor.invitations.open().filter(email=email).exists():
        raise TeamRefused(_("%(email)s is invited already: send the invitation again.") % {"email": email})
    if vendor.invitations.open().count() >= MOST_OPEN:
        raise TeamRefused(_("%(n)s invitations are open: withdraw some first.") % {"n": MOST_OPEN})
    _need_room(vendor, email, at)
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
    _lock_open(invitation, by)
    _need_room(invitation.vendor, invitation.email, at)
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
    _lock_open(invitation, by)
    _withdraw(invitation, by, at)


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
def place(vendor: Vendor, user: User, role: str, *, by: User, at: datetime) -> None:
    """Make ``user`` a member without an invitation, as the marketplace may; locks the shop.

    Raises TeamRefused for somebody who is a member already.
    """
    _lock(vendor, by)
    member, created = Membership.objects.get_or_create(
        vendor=vendor, user=user, defaults={"role": role, "since": at}
    )
    if not created:
        raise TeamRefused(_("%(email)s is in the team already.") % {"email": user.email})
    audit(AuditKind.JOINED, by=by, vendor=vendor, subject=user, role=member.role)


@transaction.atomic
def change_role(member: Membership, role: str, *, by: User, at: datetime) -> None:
    """Give a member another role. Locks the shop.

    Who is no owner any more has no invitations left open. Raises LastOwner, and TeamRefused where
    the member is gone or ``by`` is no owner any more.
    """
    _lock(member.vendor, by)
    current = Membership.objects.filter(pk=member.pk).first()
    if current is None:
        raise TeamRefused(_("%(person)s is no longer in the team.") % {"person": member.user})
    old = current.role
    if old == role:
        return
    if old == Role.OWNER:
        _need_another_owner(current)
    current.role = role
    current.save(update_fields=["role"])
    changed = {"role": [old, str(role)]}
    audit(AuditKind.ROLE_CHANGED, by=by, vendor=member.vendor, subject=member.user, changes=changed)
    if old == Role.OWNER:
        withdraw_invitations_of(member.user, vendor=member.vendor, by=by, at=at)


@transaction.atomic
def remove(member: Membership, *, by: User, at: datetime) -> None:
    """Take a member out of the team, or let them leave; access, mails and invitations end at once.

    Locks the shop, so that of two owners who remove each other the second is refused. Removing
    somebody who is gone already does nothing. Raises LastOwner, and TeamRefused where ``by`` is no
    owner any more.
    """
    _lock(member.vendor, None if by == member.user else by)
    current = Membership.objects.filter(pk=member.pk).first()
    if current is None:
        return
    if current.role == Role.OWNER:
        _need_another_owner(current)
    Membership.objects.filter(pk=current.pk).delete()
    _stop_mails(member)
    audit(AuditKind.LEFT, by=by, vendor=member.vendor, subject=member.user, role=current.role)
    withdraw_invitations_of(member.user, vendor=member.vendor, by=by, at=at)


@transaction.atomic
def withdraw_invitations_of(user: User, *, by: User, at: datetime, vendor: Vendor | None = None) -> None:
    """Withdraw what ``user`` has invited to, in ``vendor`` or everywhere: no way back in is left."""
    invitations = Invitation.objects.open().filter(invited_by=user)
    if vendor is not None:
        invitations = invitations.filter(vendor=vendor)
    for invitation in invitations.select_related("vendor").order_by("vendor_id", "pk"):
        _lock(invitation.vendor)
        if Invitation.objects.open().filter(pk=invitation.pk).exists():
            _withdraw(invitation, by, at)


def shops_without(user: User) -> list[Vendor]:
    """Return the shops that no other person who may sign in owns; locks the person's shops."""
    owned = Vendor.objects.filter(memberships__user=user, memberships__role=Role.OWNER)
    locked = list(Vendor.objects.select_for_update().filter(pk__in=owned.values("pk")).order_by("pk"))
    return [shop for shop in locked if not owners_of(shop).exclude(user=user).exists()]


def owners_of(vendor: Vendor) -> QuerySet[Membership]:
    """The shop's owners who may sign in."""
    return Membership.objects.filter(vendor=vendor, role=Role.OWNER, user__is_active=True)


def _need_another_owner(member: Membership) -> None:
    if not owners_of(member.vendor).exclude(pk=member.pk).exists():
        raise LastOwner(
            _("%(person)s is the only owner of %(shop)s: make somebody else owner first.")
            % {"person": member.user, "shop": member.vendor}
        )


def _need_room(vendor: Vendor, email: str, at: datetime) -> None:
    """Raise TeamRefused where the address, or the shop, has had its share of mails."""
    lately = vendor.invitations.filter(expires_at__gt=at)  # sent in LIVES
    written = lately.filter(email=email).aggregate(n=Sum("sent"))["n"] or 0
    if written >= MOST_SENT:
        raise TeamRefused(
            _("%(email)s was written to %(n)s times in a week: ask the person first.")
            % {"email": email, "n": written}
        )
    today = lately.filter(expires_at__gt=at + LIVES - DAY).aggregate(n=Sum("sent"))["n"] or 0
    if today >= MOST_A_DAY:
        raise TeamRefused(_("%(n)s invitations were sent since yesterday: go on tomorrow.") % {"n": today})


def _lock(vendor: Vendor, by: User | None = None) -> None:
    """Lock the shop, then look at ``by`` again: TeamRefused for who is neither its owner nor staff."""
    Vendor.objects.select_for_update().get(pk=vendor.pk)
    if by is None or by.is_staff or owners_of(vendor).filter(user=by).exists():
        return
    raise TeamRefused(_("You are no owner of %(shop)s any more: nothing was changed.") % {"shop": vendor})


def _lock_open(invitation: Invitation, by: User) -> None:
    """Lock the shop and read the invitation anew; raises TeamRefused where it is not open any more."""
    _lock(invitation.vendor, by)
    current = Invitation.objects.open().filter(pk=invitation.pk).first()
    if current is None:
        raise TeamRefused(
            _("The invitation of %(email)s is not open any more.") % {"email": invitation.email}
        )
    invitation.sent = current.sent


def _withdraw(invitation: Invitation, by: User, at: datetime) -> None:
    invitation.revoked_at = at
    invitation.save(update_fields=["revoked_at"])
    audit(AuditKind.INVITATION_ENDED, by=by, vendor=invitation.vendor, subject=invitation)


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


def _stop_mails(member: Membership) -> None:
    """Give up what waits for the worker and leads to the shop's pages: a mail server may have been down."""
    waiting = OutgoingEmail.objects.filter(to=member.user.email, state=OutgoingEmail.State.QUEUED)
    of_shop = waiting.filter(text__contains=f"/vendors/{member.vendor.slug}/")
    of_shop.update(state=OutgoingEmail.State.FAILED, text="", html="", last_error="left the team")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
