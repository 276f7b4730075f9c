"""What a person fills in about an order; each form ends in one domain function."""

import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from marketplace.money import round_half_up, stored_decimals
from orders.domain.refunds import RefundedLine
from orders.domain.transitions import StaleOrder
from orders.models import Carrier, LineKind, Order, OrderLine

LONGEST_REASON = 500
UNITS_LEFT = {
    "max_value": ngettext_lazy(
        "%(limit_value)s unit is left.", "%(limit_value)s units are left.", "limit_value"
    ),
    "min_value": _("Units are counted from 0."),
    "invalid": _("Give a whole number of units."),
}
ZERO = Decimal("0.00")


class StepForm(forms.Form):
    """What the page of a step asks for; ``version`` is the order's that the page was opened on."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)
    is_stale = False

    def refuse(self, refusal: Exception, version: int) -> None:
        """Show what was typed again with the sentence of the refusal.

        Who is told that the order moved and presses once more means it as it is now, at ``version``;
        after another refusal the form stays one of the order that it was opened on.
        """
        self.is_stale = isinstance(refusal, StaleOrder)
        if self.is_stale:
            self.data = dict(self.data.items()) | {"version": str(version)}
        self.add_error(None, str(refusal))


class ReasonForm(StepForm):
    """Why a step is taken."""

    reason = forms.CharField(
        label=_("Reason"), max_length=LONGEST_REASON, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, reason_required: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = reason_required


class NoteForm(forms.Form):
    """A note for the team, or for the customer."""

    text = forms.CharField(
        label=_("Note"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("The note is empty: nothing was kept.")},
    )
    for_customer = forms.BooleanField(label=_("Send it to the customer by e-mail"), required=False)


class MoneyField(forms.DecimalField):
    """An amount as people type it: « 12,50 », « 12.50 », « 1 234,50 € »."""

    def __init__(self, **kwargs: Any) -> None:
        # A number field drops the comma of « 1,50 » in a browser that speaks English: it would be 150.
        typed = forms.TextInput({"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(max_digits=12, decimal_places=2, **{"required": False, "widget": typed, **kwargs})

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        if isinstance(value, str):
            value = value.replace("\u202f", "").replace("\u00a0", "").replace(" ", "").replace("€", "")
            value = value.replace(",", ".").replace("\u2212", "-")
        return super().to_python(value)


class LineFields:
    """The fields of one order line in a form, and the line itself, for the template."""

    def __init__(self, form: forms.Form, line: OrderLine, names: list[str]) -> None:
        self.line = line
        self.fields = {
            name: form[f"{name}_{line.pk}"] for name in names if f"{name}_{line.pk}" in form.fields
        }

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


def carrier_named(delivery: str) -> str:
    """Return the carrier whose name ``delivery`` holds, such as “Colissimo à domicile”, or nothing."""
    named = (carrier for carrier in Carrier if re.search(rf"\b{carrier.label}\b", delivery, re.IGNORECASE))
    return next(named, "")


class ParcelForm(StepForm):
    """Who carries a parcel, and under which number."""

    carrier = forms.ChoiceField(label=_("Carrier"), choices=[("", "—"), *Carrier.choices], required=False)
    tracking_number = forms.CharField(
        label=_("Tracking number"), max_length=60, required=False, widget=forms.TextInput({"autofocus": True})
    )


class ShipForm(ParcelForm):
    """A parcel: which units, which carrier, which tracking number, which day.

    The carrier of the order's last parcel is proposed; before there is one, that which the delivery names.
    """

    shipped_on = forms.DateField(
        label=_("Shipped on"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        help_text=_("Today, unless it left earlier."),
    )

    def __init__(self, *args: Any, order: Order, left: dict[int, int], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order, self.today = order, today
        if self.is_bound:  # what was wrong is told first
            del self.fields["tracking_number"].widget.attrs["autofocus"]
        self.fields["shipped_on"].initial = today
        self.fields["shipped_on"].widget.attrs["max"] = today.isoformat()
        last = order.shipments.order_by("-number").first()
        self.fields["carrier"].initial = last.carrier if last else carrier_named(order.shipping_method)
        self.lines = [line for line in order.lines.all() if line.pk in left]
        for line in self.lines:
            self.fields[f"units_{line.pk}"] = forms.IntegerField(
                label=line.full_name,
                required=False,
                min_value=0,
                max_value=left[line.pk],
                initial=left[line.pk],
                error_messages=UNITS_LEFT,
            )

    @property
    def rows(self) -> list[LineFields]:
        return [LineFields(self, line, ["units"]) for line in self.lines]

    def clean_shipped_on(self) -> date | None:
        day: date | None = self.cleaned_data["shipped_on"]
        if day and day > self.today:
            raise forms.ValidationError(_("A parcel cannot have left in the future."))
        if day and day < self.order.placed_at.astimezone(ZoneInfo(self.order.vendor.time_zone)).date():
            raise forms.ValidationError(_("A parcel cannot have left before the order was placed."))
        return day

    def clean(self) -> dict[str, Any]:
        if self.lines and not self.errors and not any(self.units.values()):
            raise forms.ValidationError(_("A parcel holds at least one unit."))
        return self.cleaned_data

    @property
    def shipped_at(self) -> datetime | None:
        """When the parcel left: noon of an earlier day, None for today. Call on a valid form."""
        day: date | None = self.cleaned_data["shipped_on"]
        if day is None or day == self.today:
            return None
        return datetime.combine(day, time(12), tzinfo=ZoneInfo(self.order.vendor.time_zone))

    @property
    def units(self) -> dict[int, int]:
        """The parcel, as the domain takes it; call on a valid form."""
        return {line.pk: self.cleaned_data[f"units_{line.pk}"] or 0 for line in self.lines}


class TrackingForm(ParcelForm):
    """The carrier and the tracking number of a parcel that was recorded before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tracking_number"].required = True


class RefundForm(StepForm):
    """A refund by line, or an amount; what is left empty is not refunded.

    Units without an amount mean their price; ``amount`` beyond the lines is spread over all. A
    line with a negative amount, a rebate on the order, is named like the others; left empty, it
    takes off what the lines would give back beyond what is left. Units that are refunded already,
    and free ones, can still come back to the shelf.
    """

    amount = MoneyField(label=_("Another amount"), min_value=Decimal(0))
    reason = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON, required=False)

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order = order
        self.lines = [line for line in order.lines.all() if line.refundable or _most_units(line)]
        for line in self.lines:
            self._add_fields(line)

    def _add_fields(self, line: OrderLine) -> None:
        limit: dict[str, Any] = {"max_value": ZERO} if line.refundable < 0 else {"min_value": ZERO}
        self.fields[f"amount_{line.pk}"] = MoneyField(
            label=_("Amount incl. VAT, %(line)s") % {"line": line.full_name}, localize=False, **limit
        )
        if line.kind == LineKind.PRODUCT:
            most = _most_units(line)
            self.fields[f"units_{line.pk}"] = forms.IntegerField(
                label=_("Units, %(line)s") % {"line": line.full_name},
                min_value=0,
                max_value=most,
                required=False,
                error_messages=UNITS_LEFT,
            )
            self.fields[f"back_{line.pk}"] = forms.BooleanField(
                label=_("Back on the shelf, %(line)s") % {"line": line.full_name}, required=False
            )

    def clean(self) -> dict[str, Any]:
        if not self.errors and not self.refunded_lines and not self.cleaned_data.get("amount"):
            raise forms.ValidationError(_("Give units or an amount to refund."))
        return self.cleaned_data

    @property
    def rows(self) -> list[LineFields]:
        return [LineFields(self, line, ["units", "amount", "back"]) for line in self.lines]

    @property
    def refunded_lines(self) -> dict[int, RefundedLine]:
        """The refund by line, as the domain takes it; call on a valid form."""
        parts = {line.pk: self._part(line) for line in self.lines}
        if self.cleaned_data.get("amount") is None:
            parts = self._with_rebates(parts)
        return {
            pk: part for pk, part in parts.items() if part.units or part.amount_incl_vat or part.units_back
        }

    def _with_rebates(self, parts: dict[int, RefundedLine]) -> dict[int, RefundedLine]:
        """Let the rebates that were left empty take off what the lines have beyond what is left."""
        beyond = sum((part.amount_incl_vat for part in parts.values()), ZERO) - self.order.refundable
        for line in self.lines:
            if beyond > 0 and line.refundable < 0 and self.cleaned_data.get(f"amount_{line.pk}") is None:
                share = max(line.refundable, -beyond)
                parts[line.pk] = RefundedLine(0, share)
                beyond += share
        return parts

    def _part(self, line: OrderLine) -> RefundedLine:
        units = self.cleaned_data.get(f"units_{line.pk}") or 0
        back = 0
        if self.cleaned_data.get(f"back_{line.pk}"):
            back, units = units, min(units, line.quantity - line.units_refunded)
        amount = self.cleaned_data.get(f"amount_{line.pk}")
        if amount is None:
            amount = price_of_units(line, units)
        return RefundedLine(units, amount, back)

    @property
    def whole(self) -> Decimal | None:
        """The whole amount where the person named one beyond the lines; None otherwise."""
        amount: Decimal | None = self.cleaned_data.get("amount")
        if not amount:
            return None
        return amount + sum((part.amount_incl_vat for part in self.refunded_lines.values()), ZERO)


def _most_units(line: OrderLine) -> int:
    """How many units can be refunded, or come back."""
    if line.kind != LineKind.PRODUCT:
        return 0
    return line.quantity - min(line.units_refunded, line.units_returned)


def price_of_units(line: OrderLine, units: int) -> Decimal:
    """What ``units`` of the line cost the customer after discounts; the last units take what is left."""
    if not units:
        return ZERO
    left = line.quantity - line.units_refunded
    if units >= left:
        return line.refundable
    places = stored_decimals(line.order.currency, [line.total, line.refundable])
    return min(round_half_up(line.total * units / line.quantity, places), line.refundable)
