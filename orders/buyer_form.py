"""Who is billed, as people of the shop type it: name and address, and the numbers of a business."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from stdnum.eu import vat

from marketplace.countries import COUNTRIES
from orders.domain.buyers import BuyerData
from orders.models import Order
from vendors.domain.identity import is_siren, is_vat_number_of

ADDRESS = ("company", "name", "address_1", "address_2", "postcode", "city", "country")


class BuyerForm(forms.Form):
    """Name and address of who is billed; a business and its numbers, which must be of one business."""

    company = forms.CharField(label=gettext_lazy("Company"), required=False, max_length=200)
    name = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=200)
    address_1 = forms.CharField(label=gettext_lazy("Address"), required=False, max_length=200)
    address_2 = forms.CharField(label=gettext_lazy("Address, second line"), required=False, max_length=200)
    postcode = forms.CharField(label=gettext_lazy("Postcode"), required=False, max_length=20)
    city = forms.CharField(label=gettext_lazy("Town"), required=False, max_length=100)
    country = forms.ChoiceField(label=gettext_lazy("Country"), required=False)
    is_business = forms.BooleanField(
        label=gettext_lazy("The buyer is a business"),
        required=False,
        help_text=gettext_lazy(
            "Its invoice states the last day to pay, the penalties and the 40 € of recovery costs; "
            "while the order is on hold it can be issued before it is paid."
        ),
    )
    siren = forms.CharField(
        label="SIREN",
        required=False,
        max_length=20,
        help_text=gettext_lazy("Nine digits. Empty for a business abroad."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    vat_number = forms.CharField(
        label=gettext_lazy("Number for VAT"),
        required=False,
        max_length=30,
        help_text=gettext_lazy("If it has one: FR, two characters, the SIREN; or another country’s."),
    )

    def __init__(self, data: Any, *, order: Order) -> None:
        super().__init__(_with_what_stands(data, order), initial=_of(order), label_suffix="")
        choices = {"FR": "France", **COUNTRIES}
        now = order.billing_country
        if now and now not in choices:
            choices[now] = now
        self.fields["country"].choices = [("", "—"), *choices.items()]  # type: ignore[attr-defined]

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
        siren, number = data.get("siren"), data.get("vat_number")
        if not (data.get("company") or data.get("name")):
            self.add_error("name", _("An invoice names who is billed: give a name or a company."))
        if not data.get("is_business") and (siren or number):
            self.add_error("is_business", _("Only a business has a SIREN or a VAT number."))
        if siren and number and number.startswith("FR") and not is_vat_number_of(number, siren):
            self.add_error("vat_number", _("This VAT number does not belong to the SIREN."))
        is_unnamed = not (self.errors or siren or number or data.get("company"))
        if data.get("is_business") and is_unnamed:
            self.add_error(
                "siren", _("Give the SIREN; of a business abroad its VAT number, or at least the company.")
            )
        return data

    @property
    def buyer(self) -> BuyerData:
        """Who is billed, as the domain takes it; call on a valid form."""
        data = self.cleaned_data
        return BuyerData(
            **{f"billing_{part}": data[part] for part in ADDRESS},
            buyer_is_business=data["is_business"],
            buyer_siren=data["siren"],
            buyer_vat_number=data["vat_number"],
        )


def _of(order: Order) -> dict[str, Any]:
    address = {part: getattr(order, f"billing_{part}") for part in ADDRESS}
    return {
        **address,
        "name": order.billing_name or ("" if order.billing_company else order.customer_name),
        "is_business": order.is_for_business,
        "siren": order.buyer_siren,
        "vat_number": order.buyer_vat_number,
    }


def _with_what_stands(data: Any, order: Order) -> Any:
    """Return what was sent; a part of the address that was not sent stays as it is."""
    if data is None:
        return None
    sent, stands = data.copy(), _of(order)
    for part in ADDRESS:
        sent.setdefault(part, stands[part])
    return sent
