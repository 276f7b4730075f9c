"""The delivery note: what is in a parcel, or in the bag that waits in the shop. No prices."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation

from marketplace.formats import FIXED, decimal, long_date
from orders.documents.barcodes import code128_svg
from orders.documents.legal_texts import texts_on
from orders.documents.logo import data_uri
from orders.documents.parties import buyer_lines, legal_lines, recipient_lines, seller_of
from orders.documents.renderer import render_pdf
from orders.models import DeliveryNote, HistoryKind, LineKind, Order, OrderLine, Shipment
from orders.states import OrderStatus, Stage

# What storefronts call a pickup in the shop; a carrier's pickup point is a delivery.
PICKUP = re.compile(r"retrait|pick[ -]?up|click|à emporter|(en|au) (boutique|magasin|atelier)", re.IGNORECASE)
PICKUP_POINT = re.compile(r"relais|relay|point|locker|consigne|poste|mondial", re.IGNORECASE)


@dataclass(frozen=True)
class PrintedLine:
    """A row of the table: units ordered, in this parcel, and left after it; ``notes`` stand small."""

    sku: str
    name: str
    notes: list[str]
    ordered: int
    shipped: int
    left: int
    weight: str


@dataclass(frozen=True)
class Content:
    """What a note is about: units in it, units shipped up to it (both ``{line id: units}``)."""

    lines: Sequence[OrderLine]
    units: dict[int, int]
    until_now: dict[int, int]


def delivery_note_pdf(note: DeliveryNote) -> bytes:
    """Return the PDF of a delivery note: of its parcel, or of the whole order.

    Raises ``orders.documents.renderer.CannotRender``.
    """
    context = delivery_note_context(note)
    return render_pdf("documents/delivery_note.html", context, color=context["seller"]["color"])


@translation.override("fr")
def delivery_note_context(note: DeliveryNote) -> dict[str, Any]:
    """Return what the template prints. Before any parcel, a note of the whole order has all of it."""
    order = note.order
    shipments = list(order.shipments.prefetch_related("lines"))
    pickup = note.shipment is None and is_pickup(order, shipments)
    seller = seller_of(order.vendor, texts_on(note.dated_on))
    content = _content(order, shipments, note.shipment)
    shown = shipments if note.shipment is None else [note.shipment]
    return {
        "title": "Bon de retrait" if pickup else "Bon de livraison",
        "number": note.number,
        "seller": seller,
        "logo": data_uri(seller["logo"]) if seller["logo"] else "",
        "legal": legal_lines(seller),
        "addressee": buyer_lines(order) if pickup else recipient_lines(order) or buyer_lines(order),
        "facts": _facts(note, shipments, content),
        "lines": [_line(line, content) for line in content.lines],
        "has_weights": any(_grams(line) for line in content.lines),
        "codes": [] if pickup else [_code(shipment) for shipment in shown if shipment.tracking_number],
        "message": order.customer_note.strip(),
        "pickup": _pickup(order, seller) if pickup else None,
    }


def is_pickup(order: Order, shipments: Sequence[Shipment]) -> bool:
    """Say whether the customer comes to the shop.

    So it is once the order was made ready for pickup, and before any parcel where the name of the
    shipping method says so, or where the order has no address to deliver to.
    """
    if shipments:
        return False
    if order.stage == Stage.READY_FOR_PICKUP or _was_ready(order) or not recipient_lines(order):
        return True
    method = order.shipping_method
    return PICKUP.search(method) is not None and PICKUP_POINT.search(method) is None


def _was_ready(order: Order) -> bool:
    ready = Stage.READY_FOR_PICKUP.value
    return order.history.filter(kind=HistoryKind.STAGE, data__stage=ready).exists()


def _content(order: Order, shipments: Sequence[Shipment], shipment: Shipment | None) -> Content:
    products = [line for line in order.lines.select_related("product") if line.kind == LineKind.PRODUCT]
    if not shipments:
        everything = {line.pk: line.quantity - line.units_refunded for line in products}
        return Content(products, everything, everything)
    if shipment is None:
        units = _units(shipments)
        return Content(products, units, units)
    units = _units([shipment])
    until_now = _units(parcel for parcel in shipments if parcel.number <= shipment.number)
    content = Content(products, units, until_now)
    concerned = [line for line in products if units.get(line.pk) or _left(line, content)]
    return Content(concerned, units, until_now)


def _units(shipments: Iterable[Shipment]) -> dict[int, int]:
    units: dict[int, int] = {}
    for shipment in shipments:
        for part in shipment.lines.all():
            units[part.line_id] = units.get(part.line_id, 0) + part.units
    return units


def _left(line: OrderLine, content: Content) -> int:
    """Return the units still to deliver; what was refunded before it was shipped is not."""
    return max(line.quantity - line.units_refunded - content.until_now.get(line.pk, 0), 0)


def _line(line: OrderLine, content: Content) -> PrintedLine:
    units = content.units.get(line.pk, 0)
    refunded = line.units_refunded
    notes = [line.details, f"{refunded} remboursé{'s' if refunded > 1 else ''}" if refunded else ""]
    return PrintedLine(
        sku=line.sku,
        name=line.name,
        notes=[note for note in notes if note],
        ordered=line.quantity,
        shipped=units,
        left=_left(line, content),
        weight=_weight(_grams(line) * units),
    )


def _facts(
    note: DeliveryNote, shipments: Sequence[Shipment], content: Content
) -> list[tuple[str, str]]:
    order = note.order
    placed_on = order.placed_at.astimezone(ZoneInfo(order.vendor.time_zone)).date()
    facts = [
        ("Date", long_date(note.dated_on)),
        ("Commande", f"{order.number} du {long_date(placed_on)}"),
        ("Transport", _carrier(note)),
        ("Colis", _parcel(note, shipments, content)),
        ("Poids", _weight(sum(_grams(line) * content.units.get(line.pk, 0) for line in content.lines))),
        ("Téléphone", order.customer_phone.strip()),
    ]
    return [(term, text) for term, text in facts if text]


def _carrier(note: DeliveryNote) -> str:
    """Return the parcel's carrier, else the delivery that the customer chose."""
    named = note.shipment.get_carrier_display() if note.shipment and note.shipment.carrier else ""
    return named or note.order.shipping_method


def _parcel(note: DeliveryNote, shipments: Sequence[Shipment], content: Content) -> str:
    """Return ``1/2``; the whole is not known while something is left to ship."""
    if note.shipment is None:
        return str(len(shipments)) if len(shipments) > 1 else ""
    every = Content(content.lines, content.units, _units(shipments))
    is_whole = not any(_left(line, every) for line in content.lines)
    return f"{note.shipment.number}/{len(shipments)}" if is_whole else f"{note.shipment.number}, envoi partiel"


def _code(shipment: Shipment) -> dict[str, str]:
    svg = code128_svg(shipment.tracking_number)
    return {
        "carrier": shipment.get_carrier_display() if shipment.carrier else "",
        "parcel": str(shipment.number),
        "text": shipment.tracking_number,
        "image": data_uri(svg) if svg else "",
    }


def _pickup(order: Order, seller: dict[str, Any]) -> dict[str, Any]:
    """Return where and when the goods can be fetched, and the day they were, if they were."""
    zone = ZoneInfo(order.vendor.time_zone)
    is_done = order.status in (OrderStatus.COMPLETED, OrderStatus.REFUNDED) and order.completed_at
    return {
        "address": order.vendor.pickup_address.strip().splitlines() or seller["lines"],
        "hours": order.vendor.pickup_hours.strip().splitlines(),
        "handed_over_on": long_date(order.completed_at.astimezone(zone).date())
        if is_done and order.completed_at
        else "",
    }


def _grams(line: OrderLine) -> int:
    return (line.product.weight_grams or 0) if line.product else 0


def _weight(grams: int) -> str:
    """Write a weight: ``850 g``, ``1,88 kg``; empty for none."""
    if not grams:
        return ""
    return f"{grams}{FIXED}g" if grams < 1000 else f"{decimal(round_kilos(grams), None)}{FIXED}kg"
