"""Who the invoice is for: a consumer, or a business with its numbers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from stdnum.eu import vat

from orders.domain.buyers import BuyerIsFixed, name_buyer
from orders.models import Order
from vendors.access import VendorRequest, vendor_required
from vendors.domain.identity import is_siren
from vendors.roles import Permission


class BuyerForm(forms.Form):
    """A business and its numbers, as the buyer gives them."""

    is_business = forms.BooleanField(label=gettext_lazy("The buyer is a business"), required=False)
    siren = forms.CharField(label="SIREN", required=False, max_length=20)
    vat_number = forms.CharField(label=gettext_lazy("VAT number"), required=False, max_length=30)

    def clean_siren(self) -> str:
        siren = "".join(self.cleaned_data["siren"].split())
        if siren and not is_siren(siren):
            raise forms.ValidationError(_("This is no SIREN: nine digits whose last one checks the others."))
        return siren

    def clean_vat_number(self) -> str:
        number = "".join(self.cleaned_data["vat_number"].split()).upper()
        if number and not (number.isascii() and vat.is_valid(number)):
            raise forms.ValidationError(_("This is no VAT number of the European Union."))
        return number

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("is_business") and (data.get("siren") or data.get("vat_number")):
            self.add_error("is_business", _("Only a business has a SIREN or a VAT number."))
        siren, number = data.get("siren"), data.get("vat_number", "")
        if siren and number.startswith("FR") and not number.endswith(siren):
            self.add_error("vat_number", _("This VAT number does not belong to the SIREN."))
        return data


@require_http_methods(["GET", "HEAD", "POST"])
@vendor_required(Permission.ISSUE_INVOICES)
def buyer(request: VendorRequest, number: str) -> HttpResponse:
    """Say whether a business buys, before the invoice is issued."""
    order = get_object_or_404(Order.objects.for_vendor(request.vendor), number=number)
    there = reverse("orders:detail", args=[request.vendor.slug, order.number])
    initial = {
        "is_business": order.is_for_business,
        "siren": order.buyer_siren,
        "vat_number": order.buyer_vat_number,
    }
    form = BuyerForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            name_buyer(order, **form.cleaned_data)
        except BuyerIsFixed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The next invoice of order %(number)s says so.") % {"number": number})
        return redirect(there)
    title = _("Who buys, order %(number)s") % {"number": order.number}
    return render(request, "shop/edit.html", {"form": form, "title": title, "back": there})
