"""The delivery note and the pickup note: what is in the parcel, without a price."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import translation

from marketplace.formats import FIXED, decimal, long_date
from marketplace.money import round_half_up
from orders.documents.barcodes import code128_svg
from orders.documents.legal_texts import texts_on
from orders.documents.logo import data_uri
from orders.documents.parties import buyer_lines, legal_lines, recipient_lines, seller_of
from orders.documents.renderer import render_pdf
from orders.models import DeliveryNote, LineKind, Order, OrderLine, Shipment
from orders.states import Stage


@dataclass(frozen=True)
class PackedLine:
    """A row of the table: units ordered, in this parcel, and left after it."""

    sku: str
    name: str
    notes: list[str]
    ordered: int
    shipped: int
    left: int
    weight: str


def delivery_note_pdf(note: DeliveryNote) -> bytes:
    """Return the PDF of the note; raises ``orders.documents.renderer.CannotRender``."""
    context = delivery_note_context(note)
    return render_pdf("documents/delivery_note.html", context, color=context["seller"]["color"])


@translation.override("fr")
def delivery_note_context(note: DeliveryNote) -> dict[str, Any]:
    """Return the note as the template prints it; a pickup note where the customer comes to the shop."""
    order = note.order
    lines = order.lines.select_related("product").prefetch_related("shipped")
    parcels = list(order.shipments.all())
    seller = seller_of(order.vendor, texts_on(note.dated_on))
    pickup = _pickup(order) if note.shipment is None and order.stage == Stage.READY_FOR_PICKUP else None
    shown = [note.shipment] if note.shipment else parcels
    packed = [_packed(line, note.shipment, parcels) for line in lines if line.kind == LineKind.PRODUCT]
    return {
        "title": "Bon de retrait" if pickup else "Bon de livraison",
        "number": note.number,
        "seller": seller,
        "logo": data_uri(seller["logo"]) if seller["logo"] else "",
        "legal": legal_lines(seller),
        "addressee": recipient_lines(order) or buyer_lines(order),
        "facts": _facts(note, order, len(parcels), is_pickup=pickup is not None),
        "lines": packed,
        "has_weights": any(line.weight for line in packed),
        "pickup": pickup,
        "codes": [_code(parcel) for parcel in shown if parcel.tracking_number],
        "message": order.customer_note,
    }


def _pickup(order: Order) -> dict[str, list[str]]:
    return {
        "address": order.vendor.pickup_address.splitlines(),
        "hours": order.vendor.pickup_hours.splitlines(),
    }


def _code(parcel: Shipment) -> dict[str, Any]:
    """The parcel's tracking number, readable and scannable."""
    return {
        "carrier": parcel.get_carrier_display() if parcel.carrier else "",
        "parcel": parcel.number,
        "text": parcel.tracking_number,
        "image": _data_uri(code128_svg(parcel.tracking_number)),
    }


def _facts(note: DeliveryNote, order: Order, parcels: int, *, is_pickup: bool) -> list[tuple[str, str]]:
    shipment = note.shipment
    facts = [
        ("Date", long_date(note.dated_on)),
        ("Commande", f"{order.number} du {long_date(order.placed_at)}"),
        ("Livraison", "" if is_pickup else order.shipping_method),
        ("Transporteur", shipment.get_carrier_display() if shipment and shipment.carrier else ""),
        ("Colis", f"{shipment.number}/{parcels}" if shipment else ""),
        ("Téléphone", order.customer_phone),
    ]
    return [(term, text) for term, text in facts if text]


def _packed(line: OrderLine, shipment: Shipment | None, parcels: Sequence[Shipment]) -> PackedLine:
    """Count the line's units: of one parcel, with those before it, or of the whole order."""
    sent = {part.shipment_id: part.units for part in line.shipped.all()}
    ordered = line.quantity - (line.units_refunded if shipment is None else 0)
    if shipment is None:
        in_parcel = sum(sent.values()) or ordered
        left = max(ordered - in_parcel, 0)
    else:
        in_parcel = sent.get(shipment.pk, 0)
        until_now = sum(sent.get(parcel.pk, 0) for parcel in parcels if parcel.number <= shipment.number)
        left = line.quantity - until_now
    grams = line.product.weight_grams if line.product else None
    return PackedLine(
        sku=line.sku,
        name=line.name,
        notes=[line.details] if line.details else [],
        ordered=line.quantity,
        shipped=in_parcel,
        left=left,
        weight=_weight(grams, in_parcel),
    )


def _weight(grams: int | None, units: int) -> str:
    return f"{decimal(grams * units, 0)}{FIXED}g" if grams and units else ""


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode() if svg else ""
