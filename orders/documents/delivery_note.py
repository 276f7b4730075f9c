"""The delivery note: what is in a parcel, or in the bag that waits in the shop. No prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.text import Truncator

from marketplace.formats import FIXED, decimal, long_date
from marketplace.money import round_half_up
from orders.documents.barcodes import code128_svg
from orders.documents.legal_texts import texts_on
from orders.documents.parties import (
    buyer_lines,
    identity_of,
    legal_lines,
    logo_of,
    recipient_lines,
    seller_of,
    trade_name,
)
from orders.documents.renderer import render_pdf
from orders.documents.snapshot import Seller
from orders.models import DeliveryNote, LineKind, Order, OrderLine, Shipment
from orders.states import OrderStatus, Stage
from vendors.logo import data_uri

LONGEST_MESSAGE = 2000  # characters of the customer's; the rest stands on the order's page


@dataclass(frozen=True)
class PackedLine:
    """A row of the table: units ordered, gone (in this parcel), and left after it; ``notes`` stand small.

    ``is_packed``: some of it is in what this note goes with.
    """

    is_packed: bool
    sku: str
    name: str
    notes: list[str]
    ordered: int
    shipped: int
    left: int
    weight: str


@dataclass(frozen=True)
class Content:
    """What a note is about, as ``{line id: units}``.

    ``units`` are those it goes with: of a parcel, or of a whole order what is left to pack, all of
    it once nothing is. ``gone`` have left (or wait in the shop); ``until_now`` had left with this
    parcel and those before.
    """

    lines: Sequence[OrderLine]
    units: dict[int, int]
    gone: dict[int, int]
    until_now: dict[int, int]

    def left(self, line: OrderLine) -> int:
        """The units still to deliver after this; what was refunded before it left is not."""
        return max(line.quantity - line.units_refunded - self.until_now.get(line.pk, 0), 0)

    @property
    def grams(self) -> int:
        """The weight of it all; 0 where that of any article is not known."""
        packed = [line for line in self.lines if self.units.get(line.pk)]
        if not all(_grams(line) for line in packed):
            return 0
        return sum(_grams(line) * self.units[line.pk] for line in packed)


def delivery_note_pdf(note: DeliveryNote) -> bytes:
    """Return the PDF of a delivery note: of its parcel, or of the whole order.

    Raises ``orders.documents.renderer.CannotRender``.
    """
    color = identity_of(note.order.vendor).color
    return render_pdf("documents/delivery_note.html", delivery_note_context(note), color=color)


@translation.override("fr")
def delivery_note_context(note: DeliveryNote) -> dict[str, Any]:
    """Return what the template prints: what the note says since it has its number, and the shop's logo."""
    said = note.said or what_is_said(note.order, note.shipment, note.dated_on)
    return {
        **said,
        "number": note.number,
        "facts": [("Date", long_date(note.dated_on)), *map(tuple, said["facts"])],
        "lines": [PackedLine(**line) for line in said["lines"]],
        "logo": data_uri(logo_of(identity_of(note.order.vendor))),
        "codes": [{**code, "image": _drawn(code["text"])} for code in said["codes"]],
    }


@translation.override("fr")
def what_is_said(order: Order, shipment: Shipment | None, on: date) -> dict[str, Any]:
    """Return all that a note dated ``on`` would say of a parcel, or of a whole order as far as it is.

    Fit for JSON. Without number, date and pictures: while this stays the same, a note is the same.
    """
    parcels = list(order.shipments.prefetch_related("lines"))
    pickup = shipment is None and order.is_pickup
    seller = seller_of(order.vendor, texts_on(on), franchise=False)
    content = _content(order, parcels, shipment)
    shown = parcels if shipment is None else [shipment]
    return {
        "title": "Bon de retrait" if pickup else "Bon de livraison",
        "seller": _printed(seller),
        "trade_name": trade_name(seller),
        "legal": legal_lines(seller),
        "addressee": buyer_lines(order) if pickup else recipient_lines(order) or buyer_lines(order),
        "facts": [list(fact) for fact in _facts(order, shipment, parcels, content)],
        "lines": [asdict(_packed(line, content)) for line in content.lines],
        "has_weights": any(_grams(line) for line in content.lines),
        "codes": [_code(parcel) for parcel in shown if parcel.tracking_number],
        "message": Truncator(order.customer_note.strip()).chars(LONGEST_MESSAGE),
        "pickup": _pickup(order, seller) if pickup else None,
    }


def still_says(note: DeliveryNote, said: Mapping[str, Any]) -> bool:
    """Say whether a note would be the same paper if it were made anew and said ``said``."""
    kept = note.said
    return {**kept, "seller": _printed(kept["seller"])} == said


def _printed(seller: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the paper has of the seller in its own words; the rest is in the lines at its foot."""
    return {part: seller[part] for part in ("shop", "name", "lines", "email", "phone")}


def has_nothing_to_deliver(order: Order) -> bool:
    """Say whether all articles were refunded before any of them left: there is nothing to note."""
    products = [line for line in order.lines.all() if line.kind == LineKind.PRODUCT]
    is_all_refunded = bool(products) and all(line.units_refunded >= line.quantity for line in products)
    return is_all_refunded and not order.shipments.all() and not _is_gone(order)


def _content(order: Order, parcels: Sequence[Shipment], parcel: Shipment | None) -> Content:
    products = [line for line in order.lines.select_related("product") if line.kind == LineKind.PRODUCT]
    if not parcels:
        everything = {line.pk: line.quantity - line.units_refunded for line in products}
        gone = everything if _is_gone(order) else {}
        return Content(products, everything, gone, gone)
    if parcel is None:
        gone = _units(parcels)
        whole = Content(products, gone, gone, gone)
        rest = {line.pk: whole.left(line) for line in products}
        return replace(whole, units=rest) if any(rest.values()) else whole
    units = _units([parcel])
    until_now = _units(other for other in parcels if other.number <= parcel.number)
    content = Content(products, units, units, until_now)
    concerned = [line for line in products if units.get(line.pk) or content.left(line)]
    return replace(content, lines=concerned)


def _is_gone(order: Order) -> bool:
    """Say whether all of an order without parcels has left the shop, or waits there for the customer."""
    was_delivered = order.status == OrderStatus.REFUNDED and order.completed_at is not None
    return order.status == OrderStatus.COMPLETED or order.stage == Stage.READY_FOR_PICKUP or was_delivered


def _units(parcels: Iterable[Shipment]) -> dict[int, int]:
    units: dict[int, int] = {}
    for parcel in parcels:
        for part in parcel.lines.all():
            units[part.line_id] = units.get(part.line_id, 0) + part.units
    return units


def _packed(line: OrderLine, content: Content) -> PackedLine:
    units, refunded = content.units.get(line.pk, 0), line.units_refunded
    notes = [line.details, f"{refunded} remboursé{'s' if refunded > 1 else ''}" if refunded else ""]
    return PackedLine(
        is_packed=units > 0,
        sku=line.sku,
        name=line.name,
        notes=[note for note in notes if note],
        ordered=line.quantity,
        shipped=content.gone.get(line.pk, 0),
        left=content.left(line),
        weight=_weight(_grams(line) * units),
    )


def _facts(
    order: Order, parcel: Shipment | None, parcels: Sequence[Shipment], content: Content
) -> list[tuple[str, str]]:
    carriers = [one.get_carrier_display() for one in ([parcel] if parcel else parcels) if one.carrier]
    facts = [
        ("Commande", f"{order.number} du {_day(order.placed_at, order)}"),
        ("Livraison", order.shipping_method.strip()),
        ("Situation", _situation(order, parcels, content) if parcel is None else ""),
        ("Transporteur", ", ".join(dict.fromkeys(carriers))),
        ("Colis", _parcel(parcel, parcels, content)),
        ("Poids", _weight(content.grams)),
        ("Téléphone", order.customer_phone.strip()),
    ]
    return [(term, text) for term, text in facts if text]


def _situation(order: Order, parcels: Sequence[Shipment], content: Content) -> str:
    """Return how far a whole order is, so that nobody takes what is prepared for what has left."""
    if not any(content.gone.values()):
        return "à préparer" if order.is_pickup else "avant expédition"
    if any(content.left(line) for line in content.lines):
        return "expédiée en partie"
    return ""


def _parcel(parcel: Shipment | None, parcels: Sequence[Shipment], content: Content) -> str:
    """Return ``1/2``; how many parcels there are is not known while something is left to ship."""
    if parcel is None:
        return str(len(parcels)) if len(parcels) > 1 else ""
    in_all = replace(content, until_now=_units(parcels))
    is_partial = any(in_all.left(line) for line in content.lines)
    return f"{parcel.number}, envoi partiel" if is_partial else f"{parcel.number}/{len(parcels)}"


def _code(parcel: Shipment) -> dict[str, Any]:
    """Return the parcel's tracking number, to read; its picture is drawn when the note is."""
    return {
        "carrier": parcel.get_carrier_display() if parcel.carrier else "",
        "parcel": parcel.number,
        "text": parcel.tracking_number,
    }


def _drawn(text: str) -> str:
    """Return a text as a code to scan; empty where no scanner reads it."""
    svg = code128_svg(text)
    return data_uri(svg) if svg else ""


def _pickup(order: Order, seller: Seller) -> dict[str, Any]:
    """Return where and when the goods can be fetched, and the day they were, if they were."""
    is_done = order.status in (OrderStatus.COMPLETED, OrderStatus.REFUNDED)
    return {
        "address": order.vendor.pickup_address.strip().splitlines() or seller["lines"],
        "hours": order.vendor.pickup_hours.strip().splitlines(),
        "handed_over_on": _day(order.completed_at, order) if is_done else "",
    }


def _day(moment: datetime | None, order: Order) -> str:
    """Write a moment's date in the shop's time zone; empty for none."""
    return long_date(moment.astimezone(ZoneInfo(order.vendor.time_zone)).date()) if moment else ""


def _grams(line: OrderLine) -> int:
    return (line.product.weight_grams or 0) if line.product else 0


def _weight(grams: int) -> str:
    """Write a weight: ``850 g``, ``1,88 kg``; empty for none."""
    if grams < 1000:
        return f"{grams}{FIXED}g" if grams else ""
    return f"{decimal(round_half_up(Decimal(grams) / 1000))}{FIXED}kg"
