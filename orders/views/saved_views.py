"""A person's views of the list: kept under a name, renamed, put first, deleted; and the columns chosen."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marketplace.addresses import own_page
from orders.filters import PARAMETERS
from orders.periods import DAYS, address_of, period_of
from orders.tables import OPTIONAL_COLUMNS, out_of_sight
from vendors.access import VendorRequest, vendor_required
from vendors.domain.saved_views import (
    NoSuchView,
    SavedView,
    ViewRefused,
    delete_view,
    keep_view,
    land_on,
    rename_view,
    views_of,
)
from vendors.roles import Permission


@dataclass(frozen=True)
class Link:
    """A view as a page shows it; ``is_current`` where the list shows just that."""

    view: SavedView
    address: str
    comes_first: bool
    is_current: bool = False


def links_of(request: VendorRequest, shown: str = "") -> list[Link]:
    """Return the person's views with where they lead today; ``shown`` is the address of the list shown."""
    today, first = timezone.localdate(), request.membership.landing_view
    found = [(view, address_of(view, request.vendor.slug, today)) for view in views_of(request.membership)]
    return [Link(view, address, view.key == first, address == shown) for view, address in found]


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
def landing(request: VendorRequest) -> HttpResponse:
    """Lead to the list as the person wants to find it."""
    first = next((link for link in links_of(request) if link.comes_first), None)
    return redirect(first.address if first else reverse("orders:list", args=[request.vendor.slug]))


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.VIEW_ORDERS)
def saved_views(request: VendorRequest) -> HttpResponse:
    """Show the person's views; keep the list's filters (``query``) under a ``name``."""
    if request.method != "POST":
        return render(request, "orders/saved_views.html", {"links": links_of(request)})
    asked = QueryDict(request.POST.get("query", "")[:8000])
    period = period_of(asked, timezone.localdate())
    kept = {
        name: asked[name]
        for name in sorted(PARAMETERS & asked.keys())
        if asked[name] and not (period and name in DAYS)
    }
    code = period.code if period else ""
    try:
        view = keep_view(request.membership, request.POST.get("name", ""), urlencode(kept), period=code)
    except ViewRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(own_page(request, request.path))
    messages.success(request, _("The view “%(name)s” is kept.") % {"name": view.name})
    return redirect(address_of(view, request.vendor.slug, timezone.localdate()))


@require_POST
@vendor_required(Permission.VIEW_ORDERS)
def change_view(request: VendorRequest, pk: int) -> HttpResponse:
    """Rename a view, let it come first or no more, or delete it: as the pressed button (``do``) says."""
    try:
        messages.success(request, _change(request, pk))
    except NoSuchView as refusal:
        raise Http404 from refusal
    except ViewRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("mine:views", slug=request.vendor.slug)


def _change(request: VendorRequest, pk: int) -> str:
    """Do it and say what was done; raises ViewRefused."""
    member, wish = request.membership, request.POST.get("do", "rename")
    if wish == "delete":
        gone = delete_view(member, pk)
        return _("The view “%(name)s” is deleted.") % {"name": gone.name}
    if wish == "first":
        first = land_on(member, pk)
        return _("“Orders” opens the view “%(name)s”.") % {"name": first.name if first else ""}
    if not any(view.key == pk for view in views_of(member)):
        raise NoSuchView
    if wish == "not-first":
        land_on(member, None)
        return _("“Orders” opens the whole list.")
    renamed = rename_view(member, pk, request.POST.get("name", ""))
    return _("The view is now called “%(name)s”.") % {"name": renamed.name}


@require_POST
@vendor_required(Permission.VIEW_ORDERS)
def choose_display(request: VendorRequest) -> HttpResponse:
    """Keep which columns the person sees, how close the rows stand, if letters are keys; or the usual."""
    person, is_usual = request.user, request.POST.get("do") == "usual"
    wanted = set(request.POST.getlist("column")) | out_of_sight(person, request.may)
    person.list_columns = None if is_usual else [name for name in OPTIONAL_COLUMNS if name in wanted]
    person.list_is_compact = not is_usual and request.POST.get("density") == "compact"
    person.list_has_keys = is_usual or "keys" in request.POST
    person.save(update_fields=["list_columns", "list_is_compact", "list_has_keys"])
    messages.success(request, _("The list is shown as you chose."))
    return redirect(own_page(request, reverse("orders:list", args=[request.vendor.slug])))


@require_safe
@vendor_required(Permission.VIEW_ORDERS)
def keys(request: VendorRequest) -> HttpResponse:
    """Tell every key of the list."""
    return render(request, "orders/keys.html")
