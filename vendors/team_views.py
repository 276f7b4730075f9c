"""The team of a shop: its page, and what an owner changes there; leaving is everybody's own."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vendors import roles
from vendors.access import VendorRequest, vendor_required
from vendors.domain import team
from vendors.forms import InviteForm, RoleForm
from vendors.models import Invitation, Membership
from vendors.roles import Permission, Role


@require_safe
@vendor_required(Permission.MANAGE_SHOP)
def team_page(request: VendorRequest) -> HttpResponse:
    """Show members, open invitations, and what each role may do."""
    return _page(request, InviteForm())


@require_POST
@vendor_required(Permission.MANAGE_SHOP)
def invite(request: VendorRequest) -> HttpResponse:
    """Invite an address into the team."""
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            invitation = team.invite(request.vendor, **form.cleaned_data, by=request.user, at=timezone.now())
        except team.TeamRefused as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, _("%(email)s is invited.") % {"email": invitation.email})
            return _to_team(request)
    return _page(request, form, status=422)


@require_POST
@vendor_required(Permission.MANAGE_SHOP)
def resend_invitation(request: VendorRequest, pk: int) -> HttpResponse:
    """Send the invitation again, with a new link."""
    invitation = _invitation(request, pk)
    said = _("%(email)s is invited again; the earlier link has ended.") % {"email": invitation.email}
    return _do(request, said, lambda: team.resend(invitation, by=request.user, at=timezone.now()))


@require_POST
@vendor_required(Permission.MANAGE_SHOP)
def revoke_invitation(request: VendorRequest, pk: int) -> HttpResponse:
    """Withdraw an invitation."""
    invitation = _invitation(request, pk)
    said = _("The invitation of %(email)s is withdrawn.") % {"email": invitation.email}
    return _do(request, said, lambda: team.revoke(invitation, by=request.user, at=timezone.now()))


@require_POST
@vendor_required(Permission.MANAGE_SHOP)
def change_role(request: VendorRequest, pk: int) -> HttpResponse:
    """Give a member another role."""
    member = _member(request, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose one of the roles: nothing was changed."))
        return _to_team(request)
    role = Role(form.cleaned_data["role"])
    said = _("%(person)s is now: %(role)s.") % {"person": member.user, "role": role.label}
    return _do(request, said, lambda: team.change_role(member, role, by=request.user, at=timezone.now()))


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.MANAGE_SHOP)
def remove_member(request: VendorRequest, pk: int) -> HttpResponse:
    """Take a member out of the team, after asking."""
    member = _member(request, pk)
    if request.method != "POST":
        return render(request, "shop/remove_member.html", {"member": member})
    said = _("%(person)s is no longer in the team.") % {"person": member.user}
    return _do(request, said, lambda: team.remove(member, by=request.user, at=timezone.now()))


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.VIEW_ORDERS)
def leave(request: VendorRequest) -> HttpResponse:
    """Leave the team oneself, after being asked."""
    if request.method == "POST":
        try:
            team.remove(request.membership, by=request.user, at=timezone.now())
        except team.TeamRefused as refusal:
            messages.error(request, str(refusal))
        else:
            said = _("You have left the team of %(shop)s.") % {"shop": request.vendor}
            messages.success(request, said)
            return redirect("home")
    return render(request, "shop/remove_member.html", {"member": request.membership, "is_self": True})


def _page(request: VendorRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "members": request.vendor.memberships.select_related("user").order_by("since", "id"),
        "invitations": request.vendor.invitations.open().select_related("invited_by").order_by("id"),
        "roles": Role.choices,
        "table": roles.table(),
        "now": timezone.now(),
    }
    return render(request, "shop/team.html", context, status=status)


def _do(request: VendorRequest, said: str, step: Callable[[], None]) -> HttpResponse:
    """Take the step and say so, or say why not."""
    try:
        step()
    except team.TeamRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return _to_team(request)


def _to_team(request: VendorRequest) -> HttpResponse:
    """Back to the team; home for who has no place there any more."""
    mine = Membership.objects.filter(pk=request.membership.pk).first()
    if mine is None or not mine.may(Permission.MANAGE_SHOP):
        return redirect("home")
    return redirect("shop:team", slug=request.vendor.slug)


def _member(request: VendorRequest, pk: int) -> Membership:
    return get_object_or_404(request.vendor.memberships.select_related("user", "vendor"), pk=pk)


def _invitation(request: VendorRequest, pk: int) -> Invitation:
    return get_object_or_404(request.vendor.invitations.open().select_related("vendor"), pk=pk)
