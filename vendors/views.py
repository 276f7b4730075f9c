"""The door: to the person's shop, or to a choice among several; and the page when all else fails."""

import sys
from datetime import date
from email.utils import parseaddr
from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_POST, require_safe

from marketplace.addresses import own_page
from vendors.models import Membership, User, Vendor

DEFENDER = "https://formulaire.defenseurdesdroits.fr/"
STATED_ON = date(2026, 11, 27)  # when the statement was last compared with the tests


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Lead a person to the one shop, to a choice of several, staff to the admin."""
    user = cast(User, request.user)
    shops = list(Vendor.objects.of(user))
    with_view = Membership.objects.filter(user=user).exclude(landing_view=None)
    lands = set(with_view.values_list("vendor", flat=True))
    doors = [
        (shop, reverse("mine:landing" if shop.pk in lands else "orders:list", args=[shop.slug]))
        for shop in shops
    ]
    if len(doors) == 1:
        return redirect(doors[0][1])
    if not shops and user.is_staff:
        return redirect("admin:index")
    closed = Vendor.objects.filter(memberships__user=user, is_active=False).order_by("name")
    return render(request, "home.html", {"doors": doors, "closed": closed if not shops else []})


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Speak another language from now on: kept with the account, else in a cookie."""
    language = request.POST.get("language", "")
    response = redirect(own_page(request, reverse("home")))
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=31_536_000, samesite="Lax", httponly=True
        )
        if isinstance(request.user, User):
            request.user.language = language
            request.user.save(update_fields=["language"])
        translation.activate(language)
    return response


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """Say how accessible Comptoir is, what was tested, and where to complain.

    The statement's parts are those that article 47 of the French law 2005-102 asks for.
    """
    contact = settings.CONTACT_EMAIL or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    facts = {"contact": contact, "defender": DEFENDER, "as_of": STATED_ON}
    return render(request, "accessibility.html", facts)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that it is our fault, or 503 that the database does not answer; asks nobody anything."""
    if isinstance(sys.exc_info()[1], OperationalError):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "60"})
    return HttpResponse(render_to_string("500.html"), status=500)
