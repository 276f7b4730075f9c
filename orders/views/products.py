"""What is on the shelf, and how it got there."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from marketplace.formats import decimal, labelled
from orders.domain.stock import count
from orders.models import StockMovement
from vendors.access import VendorRequest, vendor_required
from vendors.models import Product
from vendors.roles import Permission

PER_PAGE = 50
SHELVES = {"": gettext_lazy("All"), "low": gettext_lazy("Low"), "oversold": gettext_lazy("Oversold")}


class CountForm(forms.Form):
    """How many units lie on the shelf."""

    units = forms.IntegerField(
        label=gettext_lazy("Units on the shelf"),
        min_value=0,
        max_value=1_000_000,
        error_messages={
            "required": gettext_lazy("say how many units you counted."),
            "invalid": gettext_lazy("give a whole number."),
            "min_value": gettext_lazy("count from 0."),
            "max_value": gettext_lazy("at most %(limit_value)s."),
        },
    )


def _on_shelf(products: QuerySet[Product], shelf: str, low_at: int) -> QuerySet[Product]:
    if shelf == "low":
        return products.filter(stock__lte=low_at)
    if shelf == "oversold":
        return products.filter(stock__lt=0)
    return products


@require_safe
@vendor_required(Permission.VIEW_PRODUCTS)
def product_list(request: VendorRequest) -> HttpResponse:
    """Show the shop's products with their stock; ``q`` finds by name or SKU, ``shelf`` what runs low."""
    asked = request.GET.get("q", "").replace("\0", "").strip()[:100]
    shelf = request.GET.get("shelf", "")
    products: QuerySet[Product] = Product.objects.for_vendor(request.vendor)
    if asked:
        products = products.filter(Q(name__icontains=asked) | Q(sku__istartswith=asked))
    products = (
        _on_shelf(products, shelf, request.vendor.low_stock_at) if shelf in SHELVES else products.none()
    )
    page = Paginator(products.order_by("name", "id"), PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "products/product_list.html",
        {
            "page": page,
            "q": asked,
            "shelf": shelf,
            "shelves": SHELVES.items(),
            "is_wrong": shelf not in SHELVES,
        },
    )


@require_safe
@vendor_required(Permission.VIEW_PRODUCTS)
def product_detail(request: VendorRequest, pk: int) -> HttpResponse:
    """Show one product and the movements that make its stock, newest first."""
    product = get_object_or_404(Product.objects.for_vendor(request.vendor), pk=pk)
    movements = StockMovement.objects.filter(product=product).select_related("line__order", "by")
    page = Paginator(movements.order_by("-at", "-id"), PER_PAGE).get_page(request.GET.get("page"))
    is_low = product.stock is not None and product.stock <= request.vendor.low_stock_at
    form = CountForm(initial={"units": max(product.stock or 0, 0)})
    return render(
        request,
        "products/product_detail.html",
        {"product": product, "page": page, "is_low": is_low, "form": form},
    )


@require_POST
@vendor_required(Permission.COUNT_STOCK)
def count_product(request: VendorRequest, pk: int) -> HttpResponse:
    """Record what a person counted on the shelf."""
    product = get_object_or_404(Product.objects.for_vendor(request.vendor), pk=pk)
    form = CountForm(request.POST)
    if not form.is_valid():
        messages.error(
            request,
            " ".join(
                labelled(str(form[name].label), str(error))
                for name, found in form.errors.items()
                for error in found
            ),
        )
    elif count(product, units := form.cleaned_data["units"], by=request.user, at=timezone.now()):
        messages.success(
            request,
            ngettext(
                "%(product)s: %(units)s unit on the shelf.",
                "%(product)s: %(units)s units on the shelf.",
                units,
            )
            % {"product": product, "units": decimal(units, 0)},
        )
    else:
        messages.info(request, _("%(product)s: the count agrees with the stock.") % {"product": product})
    return redirect("products:detail", slug=request.vendor.slug, pk=product.pk)
