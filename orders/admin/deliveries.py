"""What storefronts sent and told, for the marketplace's staff: looked at, and processed again."""

import json
from contextlib import suppress
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from marketplace.admin import SeenIsWritten
from marketplace.audit import AuditKind, audit
from marketplace.office_lists import by_date
from orders.admin.differences import field_name, told
from orders.jobs import process_again
from orders.models import Delivery, Order, ReportedOrder, Source

# Why nothing was done with a delivery, by the code that is kept of it.
NOTES = {
    "repeat": _("told before"),
    "older": _("older than what is known"),
    "tie": _("of the same second as what is known"),
    "topic": _("not about an order"),
    "gone": _("the order was gone when it was sent"),
    "multi-vendor-basket": _("a basket of several shops: each has an order of its own"),
    "checkout-draft": _("a basket that was not ordered yet"),
    "auto-draft": _("an order that was not saved yet"),
    "reconciled": _("taken in by a reconciliation"),
}


@transaction.atomic
def replay_all(request: HttpRequest, deliveries: QuerySet[Delivery], *, subject: Source | str) -> None:
    """Process the deliveries once more, say how many, and write who asked for it."""
    number = process_again(deliveries)
    by = cast(AbstractBaseUser, request.user)
    audit(AuditKind.OFFICE_CHANGED, by=by, subject=subject, action="process again", deliveries=number)
    text = ngettext("%(n)s delivery is processed again.", "%(n)s deliveries are processed again.", number)
    messages.success(request, text % {"n": number})


@admin.register(Delivery)
class DeliveryAdmin(SeenIsWritten):
    list_display = ["received_at", "source", "topic", "external_id", "state", "why", "vendor"]
    list_filter = ["state", "source", by_date("received_at")]
    list_select_related = ["source", "vendor"]
    search_fields = ["external_id__exact", "order__number__exact", "vendor__slug__exact"]
    search_help_text = _("The storefront’s id, an order’s number, or a shop’s address; exactly.")
    ordering = ["-received_at", "-id"]
    list_per_page = 50
    actions = ["replay"]
    fields = [
        *(
            "source",
            "topic",
            "external_id",
            "of_order",
            "vendor",
            "received_at",
            "processed_at",
            "state",
            "why",
        ),
        *("attempts", "headers", "body_sha256", "pruned_at", "raw_body"),
    ]

    @admin.display(description=_("order"))
    def of_order(self, delivery: Delivery) -> Order | str:
        return delivery.order or "–"

    @admin.display(description=_("why"))
    def why(self, delivery: Delivery) -> str:
        """What is wrong with it, or why nothing was done."""
        return delivery.sentence or str(NOTES.get(delivery.note, delivery.note))

    @admin.display(description=_("body"))
    def raw_body(self, delivery: Delivery) -> SafeString:
        """The body as it came; well-formed JSON with line breaks."""
        text = bytes(delivery.body).decode("utf-8", "replace")
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", text)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_delivery")

    @admin.action(description=_("Process again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        replay_all(request, queryset.exclude(state="waiting"), subject="deliveries")


class Differs(admin.SimpleListFilter):
    title = _("to be looked at")
    parameter_name = "differs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("differences", _("differences")), ("undecidable", _("undecidable"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ReportedOrder]) -> QuerySet[ReportedOrder]:
        chosen = self.value()
        return queryset.exclude(**{chosen: []}) if chosen in ("differences", "undecidable") else queryset


@admin.register(ReportedOrder)
class ReportedOrderAdmin(SeenIsWritten):
    list_display = ["source", "external_id", "order", "is_trashed", "undecided", "differing"]
    list_select_related = ["source", "order"]
    list_filter = ["source", "is_trashed", Differs]
    search_fields = ["external_id__exact", "order__number__exact"]
    fields = ["source", "external_id", "order", "is_trashed", "undecided", "differing"]
    ordering = ["-id"]

    @admin.display(description=_("undecidable until reconciled"))
    def undecided(self, reported: ReportedOrder) -> str:
        return ", ".join(field_name(name) for name in reported.undecidable)

    @admin.display(description=_("differences"))
    def differing(self, reported: ReportedOrder) -> str:
        return ", ".join(told(each) for each in reported.differences)
