"""A person's named views of a shop's order list: filters and sorting kept under a name.

A view is a query string. Days are kept as the period they were chosen by (``week``), so that « 7 jours »
are always the last seven; which periods there are is the list's business.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from vendors.models import Membership

MOST = 20
LONGEST_NAME = 40  # characters
LONGEST_QUERY = 2000


class ViewRefused(Exception):
    """The views stay as they are; the message says why."""


@dataclass(frozen=True)
class SavedView:
    """``query`` has no leading question mark; ``period`` is the code of a span of days, or empty."""

    key: int
    name: str
    query: str
    period: str = ""


def views_of(membership: Membership) -> list[SavedView]:
    """Return the person's views in this shop, by name."""
    views = [SavedView(**view) for view in membership.saved_views]
    return sorted(views, key=lambda view: view.name.casefold())


def landing_of(membership: Membership) -> SavedView | None:
    """Return the view that « Commandes » opens for this person; None for the whole list."""
    return next((view for view in views_of(membership) if view.key == membership.landing_view), None)


@transaction.atomic
def keep_view(membership: Membership, name: str, query: str, *, period: str = "") -> SavedView:
    """Keep a view under ``name``; one of that name gets the new filters. Locks the membership.

    Raises ViewRefused for a name that cannot be, for filters that are too long and beyond 20 views.
    """
    name = _clean(name)
    if len(query) > LONGEST_QUERY:
        raise ViewRefused(_("These filters are too long to be kept."))
    views = _lock(membership)
    same = next((view for view in views if view.name.casefold() == name.casefold()), None)
    if same is None and len(views) >= MOST:
        raise ViewRefused(_("You have %(most)s views already: delete one first.") % {"most": MOST})
    key = same.key if same else max((view.key for view in views), default=0) + 1
    kept = SavedView(key, name, query, period)
    _write(membership, [view for view in views if view.key != key] + [kept])
    return kept


@transaction.atomic
def rename_view(membership: Membership, key: int, name: str) -> SavedView:
    """Give a view another name; raises ViewRefused where it cannot be, or is another view's."""
    name = _clean(name)
    views = _lock(membership)
    old = _find(views, key)
    if any(view.key != key and view.name.casefold() == name.casefold() for view in views):
        raise ViewRefused(_("Another of your views is called “%(name)s”.") % {"name": name})
    renamed = SavedView(key, name, old.query, old.period)
    _write(membership, [renamed if view.key == key else view for view in views])
    return renamed


@transaction.atomic
def delete_view(membership: Membership, key: int) -> SavedView:
    """Forget a view; if it came first, the whole list does again."""
    views = _lock(membership)
    gone = _find(views, key)
    if membership.landing_view == key:
        membership.landing_view = None
    _write(membership, [view for view in views if view.key != key])
    return gone


@transaction.atomic
def land_on(membership: Membership, key: int | None) -> SavedView | None:
    """Let « Commandes » open this view, or with None the whole list."""
    views = _lock(membership)
    view = None if key is None else _find(views, key)
    membership.landing_view = key
    _write(membership, views)
    return view


def drop_views(vendors: Iterable[int], is_to_go: Callable[[SavedView], bool]) -> int:
    """Forget those views of these shops' members that ``is_to_go`` names; return how many."""
    dropped = 0
    with transaction.atomic():
        members = Membership.objects.select_for_update().filter(vendor__in=set(vendors))
        for member in members.exclude(saved_views=[]):
            views = views_of(member)
            kept = [view for view in views if not is_to_go(view)]
            if len(kept) == len(views):
                continue
            if member.landing_view not in {view.key for view in kept}:
                member.landing_view = None
            _write(member, kept)
            dropped += len(views) - len(kept)
    return dropped


class NoSuchView(ViewRefused):
    """The person has no view of that key."""


def _find(views: list[SavedView], key: int) -> SavedView:
    found = next((view for view in views if view.key == key), None)
    if found is None:
        raise NoSuchView(_("This view is gone: nothing was changed."))
    return found


def _clean(name: str) -> str:
    name = " ".join(name.replace("\0", "").split())
    if not name:
        raise ViewRefused(_("Give the view a name."))
    if len(name) > LONGEST_NAME:
        raise ViewRefused(_("A name has %(most)s characters at most.") % {"most": LONGEST_NAME})
    return name


def _lock(membership: Membership) -> list[SavedView]:
    membership.refresh_from_db(
        fields=["saved_views", "landing_view"], from_queryset=Membership.objects.select_for_update()
    )
    return views_of(membership)


def _write(membership: Membership, views: list[SavedView]) -> None:
    membership.saved_views = [asdict(view) for view in views]
    membership.save(update_fields=["saved_views", "landing_view"])
