"""A person's own account on one page: the name, and where each other part stands and is changed."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from marketplace.audit import changes
from marketplace.formats import decimal
from vendors.access import to_sign_in
from vendors.audit_sign_ins import write_change
from vendors.forms import MailWishesForm, NameForm
from vendors.models import Membership, User


@dataclass(frozen=True)
class Part:
    """A part of the account: how it stands, in a line, and the page that changes it."""

    title: str
    state: str
    address: str
    link: str


@require_http_methods(["GET", "HEAD", "POST"])
def my_account(request: HttpRequest) -> HttpResponse:
    """Show how the account stands; a POST changes the name."""
    if not request.user.is_authenticated:
        return to_sign_in(request)
    user = request.user
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        _rename(request, user, form.cleaned_data["name"])
        messages.success(request, _("Your name is kept."))
        return redirect("account")
    parts = [_address(user), _password(user), *_second_factor(user), _sessions(user), *_mails(user)]
    return render(request, "account/my_account.html", {"form": form, "parts": parts})


@transaction.atomic
def _rename(request: HttpRequest, user: User, name: str) -> None:
    """Save the name, and write a changed one into the audit."""
    if changed := changes({"name": user.name}, {"name": name}):
        user.name = name
        user.save(update_fields=["name"])
        write_change(request, user, "name", changes=changed)


def _address(user: User) -> Part:
    waiting = EmailAddress.objects.filter(user=user, verified=False).exclude(email=user.email).first()
    state = user.email
    if waiting:
        state = _("%(email)s; %(new)s waits to be confirmed") % {"email": user.email, "new": waiting.email}
    return Part(_("E-mail address"), state, reverse("account_email"), _("Change the address"))


def _password(user: User) -> Part:
    state = _("A password is set.") if user.has_usable_password() else _("No password is set.")
    return Part(_("Password"), state, reverse("account_change_password"), _("Change the password"))


def _second_factor(user: User) -> list[Part]:
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    keys = kinds.count(Authenticator.Type.WEBAUTHN)
    app = _("None is set up.")
    if Authenticator.Type.TOTP in kinds:
        app = _("It is asked for at each sign-in.")
    passkeys = _("None is added.")
    if keys:
        passkeys = ngettext("%(n)s is added.", "%(n)s are added.", keys) % {"n": decimal(keys, 0)}
    factor, listed = reverse("mfa_index"), reverse("mfa_list_webauthn")
    return [
        Part(_("Second factor: authenticator app"), app, factor, _("Set up the second factor")),
        Part(_("Passkeys and security keys"), passkeys, listed, _("Manage the keys")),
    ]


def _sessions(user: User) -> Part:
    open_ones = max(1, len(UserSession.objects.purge_and_list(user)))
    words = ngettext("%(n)s session is open.", "%(n)s sessions are open.", open_ones)
    state = words % {"n": decimal(open_ones, 0)}
    return Part(_("Sessions"), state, reverse("usersessions_list"), _("See the sessions"))


def _mails(user: User) -> list[Part]:
    """Which mails of each open shop the person gets."""
    places = Membership.objects.filter(user=user, vendor__is_active=True).select_related("vendor")
    return [
        Part(
            _("E-mails of %(shop)s") % {"shop": place.vendor},
            _wishes(place),
            reverse("shop:mail_wishes", args=[place.vendor.slug]),
            _("Choose the e-mails"),
        )
        for place in places.order_by("vendor__name")
    ]


def _wishes(place: Membership) -> str:
    labels = MailWishesForm.Meta.labels
    wanted = [str(label) for name, label in labels.items() if getattr(place, name)]
    return " · ".join(wanted) or _("No e-mail")
