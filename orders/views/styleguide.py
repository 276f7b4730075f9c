"""The design system for developers: every component and state, light and dark, from the real templates.

Where ``DEBUG`` is off there is no such page. Its rows are those of the person's own shop.
"""

import copy
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.messages import constants as levels
from django.contrib.messages.storage.base import Message
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from orders.models import Order
from orders.paging import Page
from orders.states import MEANINGS, OrderStatus, RefundState, Stage
from orders.views.customers import customer_list
from orders.views.order_detail import order_detail
from orders.views.order_list import order_list
from orders.views.overview import overview
from orders.views.parcels import ship_order
from orders.views.products import product_list
from orders.views.steps import refund
from vendors.access import VendorRequest, vendor_required
from vendors.forms import ShopSettingsForm
from vendors.models import Vendor
from vendors.roles import Permission

THEMES = ("light", "dark")
TITLES = ("Colours", "Text and numbers", "Buttons", "Statuses", "Notices", "Form", "Lists", "Icons")
MAIN = re.compile(r"<main[^>]*>(.*)</main>", re.S)
NAMES_AN_ID = re.compile(
    r'\b(id|for|form|aria-labelledby|aria-describedby|aria-controls|data-copy)="([^"]+)"'
)


class Specimen(NamedTuple):
    """Something to look at: a part of a page, or all that a page has in its middle."""

    title: str
    html: str


class Side(NamedTuple):
    """One theme's half of a specimen."""

    theme: str
    html: SafeString


@require_safe
def styleguide(request: HttpRequest) -> HttpResponseBase:
    """Show the components side by side in both themes, or with ``?theme=dark`` in one."""
    if not settings.DEBUG:
        raise Http404
    return _of_own_shop(request)


@login_required
def _of_own_shop(request: HttpRequest) -> HttpResponseBase:
    shop = Vendor.objects.filter(memberships__user=request.user.pk, is_active=True).order_by("name").first()
    if shop is None:
        raise Http404
    return _guide(request, slug=shop.slug)


@vendor_required(Permission.VIEW_ORDERS)
def _guide(request: VendorRequest) -> HttpResponse:
    chosen = request.GET.get("theme")
    themes = [theme for theme in THEMES if chosen in (theme, None)]
    specimens = [*_components(request), *_pages(request)]
    shown = [
        (specimen.title, [Side(theme, _apart(specimen.html, f"{n}-{theme}")) for theme in themes])
        for n, specimen in enumerate(specimens)
    ]
    return render(request, "styleguide/page.html", {"specimens": shown})


def _apart(html: str, suffix: str) -> SafeString:
    """The same markup with ids of its own, so that it can stand on a page more than once."""

    def renamed(found: re.Match[str]) -> str:
        return f'{found[1]}="{" ".join(f"{name}-{suffix}" for name in found[2].split())}"'

    return mark_safe(NAMES_AN_ID.sub(renamed, html))  # noqa: S308 - what templates have escaped  # nosec B308 B703


def _components(request: VendorRequest) -> Iterator[Specimen]:
    context: dict[str, Any] = {
        "colors": _colors(),
        "icons": _icons(),
        "amounts": [Decimal("1249"), Decimal("64.80"), Decimal("-9.90"), Decimal(0)],
        "kinds": ["btn--main", "", "btn--soft", "btn--bare"],
        "states": [(Order(vendor=request.vendor, status=status), MEANINGS[status]) for status in OrderStatus],
        "tagged": [
            Order(vendor=request.vendor, status=OrderStatus.PROCESSING, stage=stage, refund_state=refunded)
            for stage, refunded in (
                (Stage.TO_PREPARE, RefundState.NONE),
                (Stage.SHIPPED, RefundState.PARTIAL),
                (Stage.READY_FOR_PICKUP, RefundState.NONE),
            )
        ],
        "notices": [
            Message(level, text)
            for level, text in (
                (levels.SUCCESS, "La commande 1042 est terminée."),
                (levels.INFO, "La commande 1042 était déjà terminée."),
                (levels.WARNING, "Il ne reste que 2 unités."),
                (levels.ERROR, "La commande 1042 est déjà annulée\u202f: rien n’a été changé."),
            )
        ],
        "form": ShopSettingsForm({"late_after_days": "-"}, instance=copy.copy(request.vendor)),
        "numbered": Paginator(range(60), 25).page(2),
        "keyset": Page([None] * 25, first=1, next="x"),
    }
    for title in TITLES:
        name = title.split()[0].lower()
        yield Specimen(title, render_to_string(f"styleguide/_{name}.html", context, request))


def _pages(request: VendorRequest) -> Iterator[Specimen]:
    """The middle of real pages, over the shop's own rows."""
    yield _page(request, "Overview, chart", overview)
    yield _page(request, "Order list", order_list)
    yield _page(request, "Order list, nothing found", order_list, "customer=zzzz")
    yield _page(request, "Order list, wrong filter", order_list, "placed_after=31/02/2026")
    yield _page(request, "Customers, nobody found", customer_list, "q=zzzz")
    if request.may["view_products"]:
        yield _page(request, "Products", product_list)
    for status in OrderStatus:
        order = Order.objects.for_vendor(request.vendor).filter(status=status).order_by("-placed_at").first()
        if order:
            yield _page(request, f"Order, {status.value}", order_detail, number=order.number)
    open_order = (
        Order.objects.for_vendor(request.vendor).filter(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE)
    ).first()
    if open_order and request.may["manage_orders"]:
        yield _page(request, "Refund", refund, number=open_order.number)
    if open_order and request.may["fulfill"]:
        yield _page(request, "Parcel", ship_order, number=open_order.number)


def _page(
    request: VendorRequest, title: str, view: Callable[..., HttpResponseBase], query: str = "", **names: str
) -> Specimen:
    asked = copy.copy(request)
    asked.GET = QueryDict(query)
    response = view(asked, slug=request.vendor.slug, **names)
    middle = MAIN.search(response.content.decode()) if isinstance(response, HttpResponse) else None
    return Specimen(title, middle[1] if middle else "")


@cache
def _colors() -> list[str]:
    """The names of the stylesheet's colours, in its order."""
    tokens = (settings.BASE_DIR / "static" / "css" / "comptoir.css").read_text(encoding="utf-8")
    return re.findall(r"(--[\w-]+): (?:light-dark\(#|#)", tokens.partition("= 2. Elements")[0])


@cache
def _icons() -> list[str]:
    """The names of the drawings in the sprite."""
    sprite = (settings.BASE_DIR / "templates" / "_sprite.html").read_text(encoding="utf-8")
    return re.findall(r'<symbol id="([\w-]+)"', sprite)
