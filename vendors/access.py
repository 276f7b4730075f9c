"""The only way to a shop's page: who asks, for which shop, with which right."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from marketplace.addresses import page_of
from marketplace.audit import AuditKind, audit
from vendors.models import Membership, User, Vendor
from vendors.roles import PERMISSIONS, Permission, Role
from vendors.scope import within

P = ParamSpec("P")

# What support sees of a shop: nothing that changes, exports or issues.
SEEN = frozenset(
    {
        Permission.VIEW_ORDERS,
        Permission.VIEW_AMOUNTS,
        Permission.VIEW_INVOICES,
        Permission.VIEW_PRODUCTS,
        Permission.VIEW_IDENTITY,
    }
)
SIGHT = "seen_as"  # in the session of a member of the staff: the shop, and until when
SIGHT_LASTS = 3600  # seconds


def allow_sight(request: HttpRequest, vendor: Vendor) -> None:
    """Let this session of a member of the staff read the shop's pages for an hour."""
    request.session[SIGHT] = [vendor.pk, time.time() + SIGHT_LASTS]


def _seen_by_support(request: HttpRequest, slug: str) -> Membership:
    """Return the place that support takes in the shop, for reading alone; raises Http404 for all others.

    Each page that is read stands in the audit.
    """
    user = cast(User, request.user)
    vendor_id, until = request.session.get(SIGHT) or (0, 0.0)
    if not (user.is_staff and user.has_perm("vendors.change_vendor") and time.time() < until):
        raise Http404
    vendor = Vendor.objects.filter(pk=vendor_id, slug=slug).first()
    if vendor is None:
        raise Http404
    if request.method not in ("GET", "HEAD"):
        raise PermissionDenied
    audit(AuditKind.CUSTOMER_SEEN, by=user, vendor=vendor, subject=request.path)
    return Membership(user=user, vendor=vendor, role=Role.ACCOUNTANT)


class VendorRequest(HttpRequest):
    """A request whose person belongs to ``vendor``."""

    user: User
    vendor: Vendor
    membership: Membership
    may: dict[str, bool]
    is_support: bool


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send who is not signed in to the door, and from there back to the page; say of a form that it was lost.

    htmx is told to leave the page: following the redirect itself it would take the message that nobody sees.
    """
    door = redirect_to_login(page_of(request))
    if request.method in ("GET", "HEAD"):
        return door
    messages.warning(request, _("You were signed out: nothing was recorded. Sign in, then do it again."))
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": door.url})
    return door


def vendor_required(
    permission: Permission,
) -> Callable[[Callable[Concatenate[VendorRequest, P], HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Let in the members of the shop in the address whose role has ``permission``.

    An anonymous visitor is sent to sign in; an outsider gets 404, whether the shop exists or
    not; an insider without the permission 403. The view works in the shop's time zone, and
    can touch no row of another shop (``vendors.scope``).
    """

    def decorate(
        view: Callable[Concatenate[VendorRequest, P], HttpResponseBase],
    ) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            membership = (
                Membership.objects.select_related("vendor")
                .filter(user=request.user, vendor__slug=slug, vendor__is_active=True)
                .first()
            )
            if any("\0" in str(value) for value in kwargs.values()):
                raise Http404  # PostgreSQL's texts have no NUL, so nothing is found under one
            insider = cast(VendorRequest, request)
            if membership is None:
                membership = _seen_by_support(request, slug)
                insider.is_support, rights = True, SEEN
            else:
                insider.is_support, rights = False, PERMISSIONS[membership.role]
            if permission not in rights:
                raise PermissionDenied
            insider.membership, insider.vendor = membership, membership.vendor
            insider.may = {p.value: p in rights for p in Permission}
            with within(membership.vendor_id), timezone.override(ZoneInfo(membership.vendor.time_zone)):
                return view(insider, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate
