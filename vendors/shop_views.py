"""The shop's settings, and what each member wants to be told."""

from typing import Any

from django.contrib import messages
from django.forms import ModelForm
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vendors.access import VendorRequest, vendor_required
from vendors.forms import MailWishesForm, ShopSettingsForm
from vendors.roles import Permission


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.MANAGE_SHOP)
def shop_settings(request: VendorRequest) -> HttpResponse:
    """Change how the shop works."""
    form = ShopSettingsForm(request.POST if request.method == "POST" else None, instance=request.vendor)
    return _edit(
        request,
        form,
        title=_("Shop settings"),
        saved=_("The settings of the shop are kept."),
        identity_url=reverse("shop:identity", args=[request.vendor.slug]),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.VIEW_ORDERS)
def mail_wishes(request: VendorRequest) -> HttpResponse:
    """Choose which of the shop's mails one gets."""
    form = MailWishesForm(request.POST if request.method == "POST" else None, instance=request.membership)
    return _edit(request, form, title=_("My e-mails"), saved=_("Your choice is kept."))


def _edit(
    request: VendorRequest, form: ModelForm[Any], *, title: str, saved: str, **more: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, saved)
        return redirect(request.path)
    return render(request, "shop/edit.html", {"form": form, "title": title, **more})
