"""What people choose about their shop and about themselves."""

import re
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext_lazy as _

from vendors.domain.mandate import mandate_of
from vendors.models import Membership, User, Vendor
from vendors.roles import Role


class ShopSettingsForm(forms.ModelForm[Vendor]):
    """How the shop works: delays, stock, pickup."""

    class Meta:
        model = Vendor
        fields = [
            "late_after_days",
            "completes_on_last_parcel",
            "low_stock_at",
            "pickup_address",
            "pickup_hours",
            "issues_on_completion",
            "attaches_documents",
        ]
        help_texts = {
            "late_after_days": _("Counts for orders paid from now on. Saturdays and Sundays are left out."),
            "completes_on_last_parcel": _(
                "Otherwise an order stays in progress until somebody validates it."
            ),
            "low_stock_at": _("At or below this, a product is marked “low”."),
            "issues_on_completion": _(
                "Needs the mandate on the page “Legal identity”, and a complete identity. What stands "
                "against an invoice is told in the order’s history."
            ),
            "attaches_documents": _("The invoice to “completed”, the credit note to “refund”."),
            "pickup_address": _("Written to the customers whose order is ready for pickup."),
        }
        widgets = {
            "pickup_address": forms.Textarea(attrs={"rows": 3}),
            "pickup_hours": forms.Textarea(attrs={"rows": 3}),
        }

    def clean_issues_on_completion(self) -> bool:
        wanted: bool = self.cleaned_data["issues_on_completion"]
        if wanted and mandate_of(self.instance) is None:
            raise forms.ValidationError(_("First accept the mandate, on the page “Legal identity”."))
        return wanted


class MailWishesForm(forms.ModelForm[Membership]):
    """Which mails a member of the shop gets."""

    class Meta:
        model = Membership
        fields = ["wants_new_order_mail", "wants_refund_mail", "wants_stopped_mail"]
        labels = {
            "wants_new_order_mail": _("New orders and confirmed payments"),
            "wants_refund_mail": _("Refunds"),
            "wants_stopped_mail": _("Cancelled and failed orders"),
        }


class RoleForm(forms.Form):
    """A role for a member."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class InviteForm(RoleForm):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    field_order = ["email", "role"]
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.PREPARER)


ADDRESS = re.compile(r"://|www\.|\w\.[a-z]{2,}/", re.IGNORECASE)


class NameForm(forms.Form):
    """What a person is called."""

    name = forms.CharField(
        label=_("Your name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )

    def clean_name(self) -> str:
        """Refuse an address: the name begins mails that the marketplace sends to others."""
        name: str = self.cleaned_data["name"]
        if ADDRESS.search(name):
            raise forms.ValidationError(_("Please give your name alone, without an address of a page."))
        return name


class JoinForm(NameForm):
    """A new account for an invited address."""

    password = forms.CharField(
        label=_("Choose a password"),
        strip=False,
        max_length=200,
        help_text=_("At least 10 characters; a sentence is easy to remember."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        self.email = email
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        """Refuse what is easily guessed."""
        person = User(email=self.email, name=self.cleaned_data.get("name", ""))
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password, person)
        return password
