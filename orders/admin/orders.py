"""Orders for the marketplace's staff: everything can be looked at, and only the domain changes it."""

from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace.admin import OfficeAdmin, ReadOnlyAdmin, ReadOnlyInline, SeenIsWritten, confirmation
from marketplace.audit import AuditKind, audit
from marketplace.office_lists import by_date
from orders.admin.differences import counts_told, orders_told
from orders.domain.answers import send_again
from orders.domain.stock import OutOfStock
from orders.domain.transitions import StepRefused, change_status
from orders.models import (
    Answer,
    BulkItem,
    BulkJob,
    Customer,
    DeliveryNote,
    Document,
    DocumentSeries,
    ExchangeRate,
    ExportLog,
    HistoryEntry,
    Note,
    Order,
    OrderLine,
    ReconcileRun,
    Refund,
    RefundLine,
    Shipment,
    ShipmentLine,
    StockMovement,
)
from orders.states import OrderStatus
from vendors.models import User

MOST_SHOWN = 100


class AnswerInline(ReadOnlyInline):
    model = Answer
    fields = ["kind", "status", "state", "attempts", "tried_at", "trouble", "said", "answered_at"]


class OrderLineInline(ReadOnlyInline):
    model = OrderLine
    fields = ["position", "kind", "sku", "name", "quantity", "total", "commission", "held", "refunded_total"]


class HistoryInline(ReadOnlyInline):
    model = HistoryEntry
    fields = ["at", "kind", "actor", "user", "source", "old_status", "new_status", "data"]


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = ["at", "amount", "commission_given_back", "is_spread", "external_id", "by", "source"]


class ShipmentInline(ReadOnlyInline):
    model = Shipment
    fields = ["number", "carrier", "tracking_number", "shipped_at", "created_by"]


def _move_to(
    to: OrderStatus, page: "OrderAdmin", request: HttpRequest, queryset: QuerySet[Order]
) -> HttpResponse | None:
    """Ask for a reason, then take each order to ``to`` by the same function as everybody."""
    reason = request.POST.get("reason", "").strip()
    if "confirmed" not in request.POST or not reason:
        return confirmation(
            page,
            request,
            title=_("Change to “%(status)s”") % {"status": to.label},
            warning=_("Stock, gains and e-mails follow the step, as when a person of the shop takes it."),
            action=f"move_to_{to.value}",
            rows=queryset.order_by("pk"),
        )
    moved = 0
    for order in queryset.order_by("pk"):
        try:
            change = change_status(order, to, by=cast(User, request.user), at=timezone.now(), note=reason)
        except (StepRefused, OutOfStock) as refusal:
            messages.error(request, str(refusal))
        else:
            moved += bool(change)
    if moved:
        text = ngettext("%(n)s order is now “%(to)s”.", "%(n)s orders are now “%(to)s”.", moved)
        messages.success(request, text % {"n": moved, "to": to.label})
    return None


@admin.register(Order)
class OrderAdmin(SeenIsWritten):
    list_display = [
        "number",
        "vendor",
        "status",
        "stage",
        "refund_state",
        "total",
        "currency",
        "customer_name",
        "placed_at",
    ]
    list_filter = ["status", "refund_state", by_date("placed_at")]
    list_select_related = ["vendor"]
    search_fields = ["number__exact", "customer_email__exact"]
    search_help_text = gettext_lazy("A number, or a customer’s e-mail address; exactly.")
    ordering = ["-placed_at", "-id"]
    list_per_page = 50
    inlines = [OrderLineInline, ShipmentInline, RefundInline, AnswerInline, HistoryInline]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One action per state; ``refunded`` is reached by refunds only."""
        if not request.user.has_perm("orders.change_order"):
            return {}
        return {
            f"move_to_{to.value}": (
                partial(_move_to, to),
                f"move_to_{to.value}",
                _("Change to “%(status)s”") % {"status": to.label},
            )
            for to in OrderStatus
            if to != OrderStatus.REFUNDED
        }


@transaction.atomic
def _sent_again(answer: Answer, by: User) -> bool:
    """Send one answer again and write who asked for it; False where it may not be."""
    sent = send_again(answer, at=timezone.now())
    if sent:
        order = answer.order
        facts = {"action": "send again", "answer": answer.pk}
        audit(AuditKind.OFFICE_CHANGED, by=by, vendor=order.vendor, subject=order, facts=facts)
    return sent


@admin.register(Answer)
class AnswerAdmin(SeenIsWritten):
    """What storefronts are told; what one has not taken can be sent again."""

    list_display = ["asked_at", "order", "what", "state", "attempts", "tried_at", "why"]
    linked_by = ("order__source__id__exact",)
    list_filter = ["state"]
    list_select_related = ["order__source"]
    search_fields = ["order__number__exact"]
    ordering = ["-id"]
    actions = ["send_again"]

    @admin.action(description=gettext_lazy("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Answer]) -> None:
        answers = queryset.select_related("order__vendor").order_by("pk")
        sent = sum(_sent_again(answer, cast(User, request.user)) for answer in answers)
        text = ngettext("%(n)s answer is sent again.", "%(n)s answers are sent again.", sent)
        messages.success(request, text % {"n": sent})

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_answer")


@admin.register(ReconcileRun)
class ReconcileRunAdmin(ReadOnlyAdmin):
    list_display = [
        "started_at",
        "source",
        "since",
        "passed",
        "differed",
        "unheard",
        "finished_at",
        "problem",
    ]
    list_filter = ["source"]
    list_select_related = ["source"]
    ordering = ["-started_at"]
    fields = [
        *("source", "since", "started_at", "continued_at", "finished_at", "problem"),
        *("passed", "total", "differed", "unheard", "what", "orders"),
    ]

    @admin.display(description=gettext_lazy("counts"))
    def what(self, run: ReconcileRun) -> SafeString:
        return counts_told(run.counts)

    @admin.display(description=gettext_lazy("differences"))
    def orders(self, run: ReconcileRun) -> SafeString:
        return orders_told(run.differences)


@admin.register(HistoryEntry)
class HistoryEntryAdmin(SeenIsWritten):
    list_display = ["at", "order", "kind", "actor", "user", "source", "old_status", "new_status"]
    list_select_related = ["order", "user", "source"]
    search_fields = ["order__number__exact"]
    ordering = ["-id"]


@admin.register(Customer)
class CustomerAdmin(SeenIsWritten):
    list_display = ["name", "email", "vendor", "external_id", "created_at"]
    list_select_related = ["vendor"]
    search_fields = ["email__exact"]
    ordering = ["-id"]


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    list_display = ["at", "product", "units", "cause", "by"]
    list_select_related = ["product", "by"]
    search_fields = ["product__sku__exact"]
    ordering = ["-id"]


@admin.register(Document)
class DocumentAdmin(SeenIsWritten):
    list_display = ["number", "vendor", "order", "issued_on", "total", "currency", "sha256"]
    list_select_related = ["vendor", "order"]
    list_filter = [by_date("issued_on")]
    search_fields = ["number__exact", "order__number__exact"]
    ordering = ["-issued_on", "-id"]
    exclude = ["pdf"]
    readonly_fields = ["previous_hash", "chain_hash"]


@admin.register(DocumentSeries)
class DocumentSeriesAdmin(ReadOnlyAdmin):
    list_display = ["vendor", "kind", "year", "last_number", "last_issued_on"]
    list_select_related = ["vendor"]
    search_fields = ["vendor__slug__exact"]


@admin.register(ExchangeRate)
class ExchangeRateAdmin(OfficeAdmin):
    """Entered by the marketplace; documents hold the rate they were issued with."""

    list_display = ["currency", "on", "euros"]
    list_filter = ["currency", by_date("on")]
    ordering = ["-on", "currency"]


@admin.register(DeliveryNote)
class DeliveryNoteAdmin(SeenIsWritten):
    list_display = ["number", "order", "dated_on"]
    list_select_related = ["order"]
    search_fields = ["number__exact", "order__number__exact"]
    ordering = ["-id"]


@admin.register(ExportLog)
class ExportLogAdmin(SeenIsWritten):
    list_display = ["at", "vendor", "user", "format", "filters", "rows"]
    list_select_related = ["vendor", "user"]
    search_fields = ["vendor__slug__exact", "user__email__exact"]
    ordering = ["-id"]


class RefundLineInline(ReadOnlyInline):
    model = RefundLine


@admin.register(Refund)
class RefundAdmin(SeenIsWritten):
    list_display = ["at", "order", "amount", "commission_given_back", "is_spread", "by", "source"]
    list_select_related = ["order", "by", "source"]
    search_fields = ["order__number__exact"]
    ordering = ["-id"]
    inlines = [RefundLineInline]


class ShipmentLineInline(ReadOnlyInline):
    model = ShipmentLine


@admin.register(Shipment)
class ShipmentAdmin(SeenIsWritten):
    list_display = ["order", "number", "carrier", "tracking_number", "shipped_at"]
    list_select_related = ["order"]
    search_fields = ["order__number__exact"]
    ordering = ["-id"]
    inlines = [ShipmentLineInline]


@admin.register(Note)
class NoteAdmin(SeenIsWritten):
    list_display = ["written_at", "order", "written_by", "is_for_customer", "text"]
    list_select_related = ["order", "written_by"]
    search_fields = ["order__number__exact"]
    ordering = ["-id"]


@admin.register(BulkJob)
class BulkJobAdmin(ReadOnlyAdmin):
    list_display = ["asked_at", "vendor", "action", "asked_by", "finished_at"]
    list_select_related = ["vendor", "asked_by"]
    search_fields = ["vendor__slug__exact"]
    ordering = ["-id"]
    exclude = ["documents"]  # ids, up to ten thousand
    readonly_fields = ["states", "refusals"]

    @admin.display(description=gettext_lazy("orders by state"))
    def states(self, job: BulkJob) -> str:
        """How many of the orders are in each state."""
        counts = job.items.values_list("state").annotate(Count("pk")).order_by("state")
        return ", ".join(f"{BulkItem.State(state).label}: {number}" for state, number in counts)

    @admin.display(description=gettext_lazy("first refusals"))
    def refusals(self, job: BulkJob) -> str:
        """The first sentences of orders that were refused; an action may have tens of thousands of orders."""
        refused = job.items.filter(state=BulkItem.State.REFUSED).order_by("id")
        return "\n".join(refused.values_list("why", flat=True)[:MOST_SHOWN])
