"""The only way to a shop's page: who asks, for which shop, with which right."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone

from vendors.models import Membership, User, Vendor
from vendors.roles import PERMISSIONS, Permission
from vendors.scope import within

P = ParamSpec("P")


class VendorRequest(HttpRequest):
    """A request whose person belongs to ``vendor``."""

    user: User
    vendor: Vendor
    membership: Membership
    may: dict[str, bool]


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
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            membership = (
                Membership.objects.select_related("vendor")
                .filter(user=cast(User, request.user), vendor__slug=slug, vendor__is_active=True)
                .first()
            )
            if membership is None:
                raise Http404
            if not membership.may(permission):
                raise PermissionDenied
            insider = cast(VendorRequest, request)
            insider.membership, insider.vendor = membership, membership.vendor
            insider.may = {p.value: p in PERMISSIONS[membership.role] for p in Permission}
            with within(membership.vendor_id), timezone.override(ZoneInfo(membership.vendor.time_zone)):
                return view(insider, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate
