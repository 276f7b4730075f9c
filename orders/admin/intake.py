"""Storefronts for the marketplace's staff: their settings, secrets, vendors and health."""

from typing import Any, ClassVar, cast
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.admin import OfficeAdmin
from marketplace.audit import AuditKind, audit
from marketplace.office_lists import WithSearchedSelects
from orders.admin.deliveries import replay_all
from orders.domain.health import HOUR, health_of
from orders.models import Source, SourceVendor

PASSWORD = forms.PasswordInput(attrs={"autocomplete": "off"})
KINDS = ("vat", "levy")
LEAST_SECRET = 20  # characters


class SecureURLField(forms.URLField):
    """An address that is https where nothing else is written."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(assume_scheme="https", **kwargs)


class SourceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Secrets go in and never come out: an empty field keeps what is stored."""

    own_secret = forms.CharField(
        label=_("Secret of the webhooks"),
        required=False,
        widget=PASSWORD,
        help_text=_("Leave it empty to have one made; it is shown once."),
    )
    new_consumer_key = forms.CharField(label=_("REST consumer key"), required=False, widget=PASSWORD)
    new_consumer_secret = forms.CharField(label=_("REST consumer secret"), required=False, widget=PASSWORD)

    class Meta:
        model = Source
        exclude: list[str] = []
        field_classes = {"rest_url": SecureURLField}
        help_texts: ClassVar = {
            "slug": _("The end of the address that its webhooks are sent to."),
            "commission_rate": _("A fraction: 0.1 is 10 %."),
            "commission_vat_rate": _("A fraction: 0.2 is 20 %."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, column in [
            ("new_consumer_key", "consumer_key_encrypted"),
            ("new_consumer_secret", "consumer_secret_encrypted"),
        ]:
            if getattr(self.instance, column):
                self.fields[name].help_text = _("One is stored; leave this empty to keep it.")

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"])
        if name not in available_timezones():
            raise forms.ValidationError(
                gettext("%(name)s is no time zone; write it as Europe/Paris.") % {"name": name}
            )
        return name

    def clean_rest_url(self) -> str:
        address = str(self.cleaned_data["rest_url"] or "")
        if address.startswith("http:") and not settings.STOREFRONT_PRIVATE_ADDRESSES:
            raise forms.ValidationError(
                gettext("Write it with https://: over http:// anybody on the way could read the keys.")
            )
        return address

    def clean_own_secret(self) -> str:
        secret = str(self.cleaned_data["own_secret"])
        if secret and len(secret) < LEAST_SECRET:
            raise forms.ValidationError(
                gettext("It needs at least %(least)s characters: whoever guesses it writes orders.")
                % {"least": LEAST_SECRET}
            )
        return secret

    def clean(self) -> dict[str, Any]:
        """Keep stored keys for the host they were entered for: another one must not be sent them."""
        data = super().clean() or self.cleaned_data
        stored = Source.objects.filter(pk=self.instance.pk).first()
        if stored is None or "rest_url" not in data or _host(data["rest_url"]) == _host(stored.rest_url):
            return data
        keys = [("new_consumer_key", stored.consumer_key_encrypted)]
        keys += [("new_consumer_secret", stored.consumer_secret_encrypted)]
        for name, is_stored in keys:
            if is_stored and data["rest_url"] and not data.get(name):
                self.add_error(name, gettext("Enter it again: the stored one belongs to another host."))
        return data

    def clean_tax_kinds(self) -> dict[str, str]:
        kinds = self.cleaned_data["tax_kinds"] or {}
        if not isinstance(kinds, dict) or not all(kind in KINDS for kind in kinds.values()):
            raise forms.ValidationError(
                gettext('Write each tax with its kind, such as {"Éco-contribution": "levy", "12": "vat"}.')
            )
        return kinds

    def save(self, commit: bool = True) -> Source:
        source: Source = self.instance
        if key := self.cleaned_data["new_consumer_key"]:
            source.consumer_key = key
        if secret := self.cleaned_data["new_consumer_secret"]:
            source.consumer_secret = secret
        return cast(Source, super().save(commit))


class SourceVendorInline(WithSearchedSelects, admin.TabularInline):  # type: ignore[type-arg]
    model = SourceVendor
    extra = 0
    autocomplete_fields = ["vendor"]


@admin.register(Source)
class SourceAdmin(OfficeAdmin):
    form = SourceForm
    list_display = ["name", "slug", "is_paused", "last_delivery", "per_hour", "waiting", "set_aside"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [SourceVendorInline]
    change_form_template = "admin/orders/source/change_form.html"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        secret = [] if obj else ["own_secret"]
        return [
            (None, {"fields": ["name", "slug", "time_zone", "is_paused", "unknown_vendors", *secret]}),
            (_("REST API"), {"fields": ["rest_url", "new_consumer_key", "new_consumer_secret"]}),
            (_("Refunds and taxes"), {"fields": ["confirms_refunds", "asks_gateway", "tax_kinds"]}),
            (
                _("Commission, where it differs from the marketplace's"),
                {
                    "fields": [
                        "commission_rate",
                        "commission_base",
                        "commission_vat_rate",
                        "commission_order_fee",
                    ]
                },
            ),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Orders name their storefront."""
        return False

    @admin.display(description=_("last delivery"))
    def last_delivery(self, source: Source) -> Any:
        newest = source.deliveries.order_by("-received_at")
        return newest.values_list("received_at", flat=True).first()

    @admin.display(description=_("deliveries in the last hour"))
    def per_hour(self, source: Source) -> int:
        return source.deliveries.filter(received_at__gte=timezone.now() - HOUR).count()

    @admin.display(description=_("waiting"))
    def waiting(self, source: Source) -> int:
        return source.deliveries.waiting().count()

    @admin.display(description=_("set aside"))
    def set_aside(self, source: Source) -> int:
        return source.deliveries.quarantined().count()

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<int:pk>/rotate/", self.admin_site.admin_view(self.rotate), name="orders_source_rotate"),
            path("<int:pk>/replay/", self.admin_site.admin_view(self.replay), name="orders_source_replay"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        source = self.get_object(request, object_id)
        facts = (
            {"health": health_of(source, at=timezone.now()), "address": _address(request, source)}
            if source
            else {}
        )
        return super().change_view(request, object_id, form_url, {**facts, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            obj.rotate_secret(at=timezone.now(), secret=form.cleaned_data["own_secret"])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        renewed = [name for name in ("new_consumer_key", "new_consumer_secret") if form.cleaned_data[name]]
        if renewed:
            self._write_down(request, form.instance, [name.removeprefix("new_") for name in renewed])

    def response_add(self, request: HttpRequest, obj: Source, post_url_continue: Any = None) -> HttpResponse:
        """Show the secret in the answer itself, which nothing keeps."""
        return self._show_secret(request, obj)

    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a new secret and show it once; the old one stays good for a while."""
        source = self._changeable(request, pk)
        source.rotate_secret(at=timezone.now())
        self._write_down(request, source, ["secret"])
        self.log_change(request, source, gettext("New secret"))
        return self._show_secret(request, source)

    def replay(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Process all that was set aside once more, as after a vendor was mapped."""
        source = self._changeable(request, pk)
        replay_all(request, source.deliveries.quarantined(), subject=source)
        return redirect("admin:orders_source_change", pk)

    def _write_down(self, request: HttpRequest, source: Source, secrets: list[str]) -> None:
        """Put into the audit that secrets were changed, and nothing of what they are."""
        by = cast(AbstractBaseUser, request.user)
        said = {name: ["…", "…"] for name in secrets}
        audit(AuditKind.OFFICE_CHANGED, by=by, subject=source, changes=said)

    def _changeable(self, request: HttpRequest, pk: int) -> Source:
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        return get_object_or_404(Source, pk=pk)

    def _show_secret(self, request: HttpRequest, source: Source) -> HttpResponse:
        facts = {
            **self.admin_site.each_context(request),
            "title": gettext("Secret of %(source)s") % {"source": source},
            "source": source,
            "address": _address(request, source),
        }
        return TemplateResponse(request, "admin/orders/source/secret.html", facts)


def _host(address: str) -> str:
    return urlsplit(address).netloc.lower()


def _address(request: HttpRequest, source: Source) -> str:
    return request.build_absolute_uri(reverse("woocommerce_webhook", args=[source.slug]))
