"""Who the shop is before the law: read by owner and accountant, changed by the owner."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vendors.access import VendorRequest, vendor_required
from vendors.domain.identity import VAT_CHANGES, PrefixTaken, change_identity, label_of, missing_parts, shown
from vendors.domain.mandate import (
    accept_mandate,
    steps_of,
    text_of,
    text_today,
    withdraw_mandate,
    words_of,
)
from vendors.identity_forms import FIELDS, IdentityForm, VatChanges, regimes_of, vat_changes_of
from vendors.logo import data_uri
from vendors.models import IdentityChange, LegalIdentity, Vendor
from vendors.roles import Permission

SHOWN = 50  # rows of the trail


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.VIEW_IDENTITY)
def identity(request: VendorRequest) -> HttpResponse:
    """Show the legal identity, what invoices still lack of it, and who changed what."""
    stored = _identity_of(request.vendor, is_kept=request.method == "POST")
    may_change = request.may["manage_shop"]
    sent = request.method == "POST"
    if sent and not may_change:
        raise PermissionDenied
    form = IdentityForm(
        request.POST if sent else None, request.FILES if sent else None, instance=stored, label_suffix=""
    )
    regimes = VatChanges(request.POST if sent else None, initial=vat_changes_of(stored), prefix="vat")
    if sent and form.is_valid() and regimes.is_valid():
        try:
            changes = change_identity(
                stored, form.columns(), vat_changes=regimes_of(regimes), by=request.user, at=timezone.now()
            )
        except PrefixTaken as refusal:  # by another shop, since the form was checked
            form.add_error("prefix", str(refusal))
        else:
            messages.success(request, _said(len(changes)))
            return redirect("shop:identity", slug=request.vendor.slug)
    return render(request, "shop/identity.html", _context(request.vendor, stored, form, regimes, may_change))


def _identity_of(vendor: Vendor, *, is_kept: bool) -> LegalIdentity:
    """The shop's identity; an empty one, stored only where something is kept in it."""
    rows = LegalIdentity.objects
    return (
        rows.get_or_create(vendor=vendor)[0]
        if is_kept
        else rows.filter(vendor=vendor).first() or LegalIdentity(vendor=vendor)
    )


def _said(changes: int) -> str:
    if not changes:
        return _("Nothing was changed.")
    return _("The legal identity is kept. Documents that were issued stay as they are.")


def _context(
    vendor: Vendor, stored: LegalIdentity, form: IdentityForm, regimes: object, may_change: bool
) -> dict[str, object]:
    trail = IdentityChange.objects.filter(vendor=vendor).select_related("by").order_by("-id")[:SHOWN]
    steps, today = steps_of(vendor), text_today()
    now = steps[0] if steps and steps[0].is_accepted else None
    return {
        "form": form,
        "regimes": regimes,
        "may_change": may_change,
        "values": [] if may_change else _values(stored),
        "missing": missing_parts(stored, timezone.localdate()),
        "logo": stored.logo_image or data_uri(stored.logo_svg),
        "trail": [
            {
                "label": label_of(change.field),
                "before": shown(change.field, change.before),
                "after": shown(change.field, change.after),
                "at": change.at,
                "by": change.by,
            }
            for change in trail
        ],
        "mandate": now,
        "steps": steps,
        "text": today,
        "words": words_of(text_of(now.version) if now else today),
        "is_older": now is not None and now.version != today.version,
    }


def _values(stored: LegalIdentity) -> list[tuple[str, str]]:
    """What is filled in, as text, for those who may read it and not change it."""
    columns = {name: getattr(stored, name) for name in FIELDS}
    texts = {name: "" if value is None else str(value) for name, value in columns.items()}
    changes = ", ".join(f"{row['starts_on']} {row['regime']}" for row in vat_changes_of(stored))
    found = [(label_of(name), shown(name, text)) for name, text in {**texts, VAT_CHANGES: changes}.items()]
    return [(label, text) for label, text in found if text]


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.MANAGE_SHOP)
def mandate(request: VendorRequest) -> HttpResponse:
    """Ask before the mandate is accepted (``step=accept``) or withdrawn, say what follows, and do it."""
    sent = request.POST if request.method == "POST" else request.GET
    step, text = sent.get("step"), text_today()
    if request.method != "POST":
        accepts = step == "accept"
        ends = request.vendor.issues_on_completion
        page = {"accepts": accepts, "text": text, "words": words_of(text), "ends_automatic": ends}
        return render(request, "shop/mandate.html", page)
    if step == "withdraw":
        withdraw_mandate(request.vendor, by=request.user, at=timezone.now())
        messages.success(request, _("The mandate is withdrawn: no invoice is issued by itself any more."))
    elif step != "accept":
        messages.error(request, _("There is no such action: nothing was changed."))
    elif sent.get("version") != text.version:
        messages.error(request, _("The text of the mandate has changed: please read it again."))
    else:
        accept_mandate(request.vendor, by=request.user, at=timezone.now())
        messages.success(request, _("The mandate is accepted."))
    return redirect("shop:identity", slug=request.vendor.slug)
