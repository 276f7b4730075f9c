"""Who the shop is before the law: read by owner and accountant, changed by the owner."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from vendors.access import VendorRequest, vendor_required
from vendors.domain.identity import change_identity, label_of, missing_parts
from vendors.domain.mandate import (
    accept_mandate,
    mandate_of,
    text_today,
    withdraw_mandate,
    words_of,
)
from vendors.identity_forms import IdentityForm, VatChanges, regimes_of, vat_changes_of
from vendors.logo import data_uri
from vendors.models import IdentityChange, LegalIdentity, Vendor
from vendors.roles import Permission

SHOWN = 50  # rows of the trail


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.VIEW_IDENTITY)
def identity(request: VendorRequest) -> HttpResponse:
    """Show the legal identity, what invoices still lack of it, and who changed what."""
    stored = _identity_of(request.vendor)
    may_change = request.may["manage_shop"]
    sent = request.method == "POST"
    if sent and not may_change:
        raise PermissionDenied
    form = IdentityForm(
        request.POST if sent else None, request.FILES if sent else None, instance=stored, label_suffix=""
    )
    regimes = VatChanges(request.POST if sent else None, initial=vat_changes_of(stored), prefix="vat")
    if sent and form.is_valid() and regimes.is_valid():
        changes = change_identity(
            stored, form.columns(), vat_changes=regimes_of(regimes), by=request.user, at=timezone.now()
        )
        messages.success(request, _said(len(changes)))
        return redirect("shop:identity", slug=request.vendor.slug)
    if not may_change:
        for field in [*form.fields.values(), *(f for row in regimes for f in row.fields.values())]:
            field.disabled = True
    return render(request, "shop/identity.html", _context(request.vendor, stored, form, regimes, may_change))


def _identity_of(vendor: Vendor) -> LegalIdentity:
    return LegalIdentity.objects.get_or_create(vendor=vendor)[0]


def _said(changes: int) -> str:
    if not changes:
        return _("Nothing was changed.")
    return _("The legal identity is kept. Documents that were issued stay as they are.")


def _context(
    vendor: Vendor, stored: LegalIdentity, form: IdentityForm, regimes: object, may_change: bool
) -> dict[str, object]:
    trail = IdentityChange.objects.filter(vendor=vendor).select_related("by").order_by("-id")[:SHOWN]
    return {
        "form": form,
        "regimes": regimes,
        "may_change": may_change,
        "missing": missing_parts(stored, timezone.localdate()),
        "logo": stored.logo_image or data_uri(stored.logo_svg),
        "trail": [(label_of(change.field), change) for change in trail],
        "mandate": mandate_of(vendor),
        "text": text_today(),
        "words": words_of(text_today()),
    }


@require_POST
@vendor_required(Permission.MANAGE_SHOP)
def mandate(request: VendorRequest) -> HttpResponse:
    """Accept the mandate (``step=accept``), or withdraw it."""
    if request.POST.get("step") == "accept":
        accept_mandate(request.vendor, by=request.user, at=timezone.now())
        messages.success(request, _("The mandate is accepted."))
    else:
        withdraw_mandate(request.vendor, by=request.user, at=timezone.now())
        messages.success(request, _("The mandate is withdrawn: no invoice is issued by itself any more."))
    return redirect("shop:identity", slug=request.vendor.slug)
