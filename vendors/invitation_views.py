"""The link of an invitation: see what is offered, accept it, with an account or a new one."""

from typing import cast

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from vendors.domain import team
from vendors.forms import JoinForm
from vendors.models import Invitation, Membership, User


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Show what is offered; a POST accepts it. A mail program that follows the link changes nothing."""
    try:
        offer = team.find_invitation(secret, at=timezone.now())
        if request.user.is_authenticated:
            return _as_member(request, offer, secret)
        if User.objects.filter(email=offer.email).exists():
            return render(request, "invitation.html", {"invitation": offer, "must_sign_in": True})
        return _as_new_person(request, offer, secret)
    except team.ForSomebodyElse:  # the account was made or changed meanwhile: look again
        return redirect("invitation", secret=secret)
    except team.InvitationGone:
        return render(request, "invitation_gone.html", status=410)


def _as_member(request: HttpRequest, offer: Invitation, secret: str) -> HttpResponse:
    """Accept with the account that is signed in, if it is the invited address's."""
    user = cast(User, request.user)
    if user.email.lower() != offer.email:
        return render(request, "invitation.html", {"invitation": offer, "is_for_another": True}, status=403)
    if request.method == "POST":
        return _welcome(request, team.accept(secret, user=user, at=timezone.now()))
    return render(request, "invitation.html", {"invitation": offer})


def _as_new_person(request: HttpRequest, offer: Invitation, secret: str) -> HttpResponse:
    """Accept with a new account: a name and a password."""
    form = JoinForm(request.POST if request.method == "POST" else None, email=offer.email)
    if not form.is_valid():
        return render(request, "invitation.html", {"invitation": offer, "form": form})
    member = team.join(secret, **form.cleaned_data, at=timezone.now())
    login(request, member.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    UserSession.objects.create_from_request(request)  # listed, and ended with the others
    return _welcome(request, member)


def _welcome(request: HttpRequest, member: Membership) -> HttpResponse:
    messages.success(request, _("Welcome to the team of %(shop)s.") % {"shop": member.vendor})
    return redirect("orders:list", slug=member.vendor.slug)
