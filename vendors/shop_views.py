"""The shop's settings, and what each member wants to be told."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.audit import AuditKind, audit, changes, values_of
from vendors.access import VendorRequest, vendor_required
from vendors.forms import MailWishesForm, ShopSettingsForm
from vendors.roles import Permission


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.MANAGE_SHOP)
def shop_settings(request: VendorRequest) -> HttpResponse:
    """Change how the shop works."""
    before = values_of(request.vendor, ShopSettingsForm.Meta.fields)
    form = ShopSettingsForm(request.POST if request.method == "POST" else None, instance=request.vendor)
    return _edit(
        request,
        form,
        title=_("Shop settings"),
        saved=_("The settings of the shop are kept."),
        before=before,
        identity_url=reverse("shop:identity", args=[request.vendor.slug]),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.VIEW_ORDERS)
def mail_wishes(request: VendorRequest) -> HttpResponse:
    """Choose which of the shop's mails one gets."""
    form = MailWishesForm(request.POST if request.method == "POST" else None, instance=request.membership)
    return _edit(request, form, title=_("My e-mails"), saved=_("Your choice is kept."))


def _edit(
    request: VendorRequest,
    form: ModelForm[Any],
    *,
    title: str,
    saved: str,
    before: dict[str, Any] | None = None,
    **more: str,
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        _keep(request, form, before)
        messages.success(request, saved)
        return redirect(request.path)
    return render(request, "shop/edit.html", {"form": form, "title": title, **more})


@transaction.atomic
def _keep(request: VendorRequest, form: ModelForm[Any], before: dict[str, Any] | None) -> None:
    """Save; with ``before``, write what changed into the audit."""
    row = form.save()
    if before is not None and (changed := changes(before, values_of(row, list(before)))):
        audit(
            AuditKind.SETTINGS_CHANGED,
            by=request.user,
            vendor=request.vendor,
            subject="shop",
            changes=changed,
        )
