"""The legal identity as its owner fills it in; each field is checked by itself, an incomplete one is kept."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from vendors.domain.identity import (
    PREFIX,
    PrefixTaken,
    check_prefix,
    is_iban,
    is_postcode,
    is_siret,
    is_vat_number_of,
)
from vendors.logo import LogoRefused, check_drawn, clean_logo, data_uri, picture_uri
from vendors.models import LegalIdentity, VatChange

FIELDS = [
    "legal_name",
    "is_sole_trader",
    "legal_form",
    "capital",
    "address_1",
    "address_2",
    "postcode",
    "city",
    "country",
    "email",
    "phone",
    "siret",
    "rcs_town",
    "is_rcs_exempt",
    "vat_regime",
    "vat_number",
    "pays_vat_on_debits",
    "exemption_terms",
    "prefix",
    "iban",
    "payment_days",
    "penalty_terms",
    "discount_terms",
    "mediator",
    "footer",
    "color",
]


@dataclass(frozen=True)
class Part:
    """A part of the form: what it is about, why it is asked, its fields."""

    name: str
    title: Any
    why: Any
    fields: Sequence[str]


PARTS = [
    Part(
        "who",
        gettext_lazy("Who sells"),
        gettext_lazy("The person or company behind the shop, as registered. It stands on every invoice."),
        ("legal_name", "is_sole_trader", "legal_form", "capital", "siret", "rcs_town", "is_rcs_exempt"),
    ),
    Part(
        "address",
        gettext_lazy("Address and contact"),
        gettext_lazy("The registered office. E-mail and telephone are printed for customers’ questions."),
        ("address_1", "address_2", "postcode", "city", "country", "email", "phone"),
    ),
    Part(
        "vat",
        gettext_lazy("VAT"),
        gettext_lazy("What applies is the regime on the day of supply. Ask your accountant if in doubt."),
        ("vat_regime", "vat_number", "pays_vat_on_debits", "exemption_terms"),
    ),
    Part(
        "wording",
        gettext_lazy("Numbers and wording of the invoices"),
        gettext_lazy("What begins every number, and what businesses and consumers are told."),
        (
            *("prefix", "iban", "payment_days", "penalty_terms", "discount_terms"),
            *("mediator", "footer"),
        ),
    ),
    Part(
        "look",
        gettext_lazy("Appearance"),
        gettext_lazy("Color and logo of invoices, credit notes and delivery notes."),
        ("color", "logo", "no_logo"),
    ),
]

TYPED_WITH_BLANKS = ("siret", "vat_number", "prefix", "iban")  # checked once the blanks are out


class IdentityForm(forms.ModelForm[LegalIdentity]):
    """All that invoices say of the shop."""

    logo = forms.FileField(
        label=gettext_lazy("Logo"),
        required=False,
        help_text=gettext_lazy("PNG, JPEG or SVG, at most 500 kB."),
        widget=forms.FileInput(attrs={"accept": ".png,.jpg,.jpeg,.svg"}),
    )
    no_logo = forms.BooleanField(label=gettext_lazy("Print no logo"), required=False)

    class Meta:
        model = LegalIdentity
        fields = FIELDS
        help_texts = {
            "legal_name": gettext_lazy("As registered: the company, or the sole trader’s own name."),
            "is_sole_trader": gettext_lazy("“EI” is then printed beside the name."),
            "legal_form": gettext_lazy("SARL, SAS, association… Empty for a sole trader."),
            "capital": gettext_lazy("In euros; 0 where the form has none. Empty for a sole trader."),
            "siret": gettext_lazy("14 digits; the SIREN is the first nine."),
            "rcs_town": gettext_lazy("The town of the registry; craftsmen and sole traders may have none."),
            "vat_regime": gettext_lazy("The first one. Changes stand below, each with its first day."),
            "vat_number": gettext_lazy("FR, two characters, the SIREN. Not needed under the franchise."),
            "exemption_terms": gettext_lazy(
                "Printed on invoices within the country. For example: “Exonération de TVA, article 261, 4, "
                "4° du CGI”. Exports and sales to businesses of the EU name their article by themselves."
            ),
            "prefix": gettext_lazy("Begins every number: PREFIX-F2026-000042. Capital letters and digits."),
            "iban": gettext_lazy("For businesses that pay by transfer."),
            "payment_days": gettext_lazy("From the invoice’s date, 60 at most; 0: to pay at once."),
            "penalty_terms": gettext_lazy("For businesses. Empty: three times the legal rate of interest."),
            "discount_terms": gettext_lazy("For businesses. Empty: none."),
            "mediator": gettext_lazy("Name, address and site; printed for consumers."),
        }
        error_messages = {
            "country": {
                "invalid_choice": gettext_lazy("Choose from the list where the business is registered.")
            }
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in TYPED_WITH_BLANKS:
            field = self.fields[name]
            field.validators = []
            field.widget.attrs.pop("maxlength", None)

    def parts(self) -> Iterator[tuple[Part, list[forms.BoundField]]]:
        """Yield the form's parts, each with its fields."""
        for part in PARTS:
            yield part, [self[name] for name in part.fields]

    def clean_siret(self) -> str:
        siret = _compact(self.cleaned_data["siret"])
        if siret and not is_siret(siret):
            raise forms.ValidationError(_("This is no SIRET: 14 digits whose last one checks the others."))
        return siret

    def clean_iban(self) -> str:
        iban = _compact(self.cleaned_data["iban"])
        if iban and not is_iban(iban):
            raise forms.ValidationError(_("This is no IBAN: its check digits do not fit."))
        return iban

    def clean_prefix(self) -> str:
        prefix = _compact(self.cleaned_data["prefix"])
        if prefix and not PREFIX.fullmatch(prefix):
            raise forms.ValidationError(_("1 to 12 capital letters or digits."))
        return prefix

    def clean_postcode(self) -> str:
        postcode = _compact(self.cleaned_data["postcode"])
        if postcode and not is_postcode(postcode):
            raise forms.ValidationError(_("This is no postcode: it has five digits."))
        return postcode

    def clean_logo(self) -> dict[str, str]:
        """Return the columns that hold the logo; none where no file was sent."""
        file = self.cleaned_data["logo"]
        if not file:
            return {}
        content = file.read(1_000_000)
        try:
            if b"<svg" in content[:2000].lower():
                drawing = clean_logo(content.decode())
                check_drawn(data_uri(drawing))
                return {"logo_svg": drawing, "logo_image": ""}
            return {"logo_svg": "", "logo_image": picture_uri(content)}
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_("The logo is no PNG, JPEG or SVG that can be read.")) from error
        except LogoRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        number = _compact(data.get("vat_number", ""))
        data["vat_number"] = number
        siren = data.get("siret", "")[:9]
        if number and "siret" in data and not is_vat_number_of(number, siren):
            self.add_error("vat_number", _("This VAT number does not belong to the SIREN of the SIRET."))
        if data.get("is_sole_trader") and (data.get("legal_form") or data.get("capital") is not None):
            self.add_error(
                "legal_form", _("A sole trader has neither legal form nor capital: leave both empty.")
            )
        try:
            check_prefix(data.get("prefix", ""), siren, self.instance.vendor_id)
        except PrefixTaken as refusal:
            self.add_error("prefix", str(refusal))
        if data.get("is_rcs_exempt") and data.get("rcs_town"):
            self.add_error("rcs_town", _("Either a town of the RCS, or the exemption."))
        return data

    def _post_clean(self) -> None:
        """Check the columns on a copy: the instance stays as it is stored, the domain writes it."""
        self.instance = copy(self.instance)
        super()._post_clean()  # type: ignore[misc]  # Django's hook, which the stubs leave out

    def columns(self) -> dict[str, Any]:
        """Return the new values by column."""
        values = {name: self.cleaned_data[name] for name in FIELDS}
        if self.cleaned_data["no_logo"]:
            return {**values, "logo_svg": "", "logo_image": ""}
        return {**values, **self.cleaned_data["logo"]}


class VatChangeForm(forms.Form):
    """A day, and the regime from then on; an empty row is none."""

    starts_on = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    regime = forms.ChoiceField(label=gettext_lazy("VAT regime from then on"), choices=LegalIdentity.VatRegime)


class BaseVatChanges(forms.BaseFormSet[VatChangeForm]):
    """The changes of the VAT regime, one a row; a row without a day is left out."""

    def clean(self) -> None:
        days = [form.cleaned_data.get("starts_on") for form in self.forms if form.is_valid()]
        given = [day for day in days if day]
        if len(given) != len(set(given)):
            raise forms.ValidationError(_("Two changes of the VAT regime have the same first day."))


VatChanges = forms.formset_factory(VatChangeForm, formset=BaseVatChanges, extra=1, max_num=20)


def regimes_of(changes: forms.BaseFormSet[VatChangeForm]) -> dict[date, str]:
    """Return the regime by first day, of a formset that was found valid."""
    rows = [form.cleaned_data for form in changes.forms]
    return {row["starts_on"]: row["regime"] for row in rows if row.get("starts_on")}


def vat_changes_of(identity: LegalIdentity) -> list[dict[str, Any]]:
    """Return the changes that stand, as the formset's initial rows."""
    stored = VatChange.objects.filter(identity=identity) if identity.pk else []
    return [{"starts_on": change.starts_on, "regime": change.regime} for change in stored]


def _compact(text: str) -> str:
    return "".join(text.split()).upper()
