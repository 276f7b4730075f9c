"""The delivery notes of an order, as its page names them."""

from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _

from orders.documents.delivery_note import has_nothing_to_deliver
from orders.models import DeliveryNote, Order
from orders.states import DELIVERABLE
from vendors.access import VendorRequest


@dataclass(frozen=True)
class NoteLink:
    """A note to print now, with the number and date of the one that was printed last, if any was."""

    label: str
    url: str
    icon: str
    number: str = ""
    on: date | None = None
    is_earlier: bool = False


def note_links(request: VendorRequest, order: Order) -> list[NoteLink]:
    """Return the note of the whole order and those of its parcels, and the earlier ones of each.

    ``order.delivery_notes`` and ``order.shipments`` are loaded.
    """
    if not request.may["delivery_notes"] or order.status not in DELIVERABLE or has_nothing_to_deliver(order):
        return []
    address = reverse("orders:delivery_note_pdf", args=[request.vendor.slug, order.number])
    whole, drawing = (_("Pickup note"), "bag") if order.is_pickup else (_("Delivery note"), "truck")
    links = _links(request, order, None, NoteLink(whole, address, drawing))
    for parcel in order.shipments.all():
        label = _("Delivery note, parcel %(number)s") % {"number": parcel.number}
        link = NoteLink(label, f"{address}?shipment={parcel.number}", "truck")
        links += _links(request, order, parcel.pk, link)
    return links


def _links(request: VendorRequest, order: Order, parcel: int | None, link: NoteLink) -> list[NoteLink]:
    notes = [note for note in order.delivery_notes.all() if note.shipment_id == parcel]
    if not notes:
        return [link]
    last = notes[-1]
    now = NoteLink(link.label, link.url, link.icon, last.number, last.dated_on)
    return [now, *(_earlier(request, order, note, link) for note in reversed(notes[:-1]))]


def _earlier(request: VendorRequest, order: Order, note: DeliveryNote, link: NoteLink) -> NoteLink:
    url = reverse("orders:issued_note_pdf", args=[request.vendor.slug, order.number, note.number])
    return NoteLink(link.label, url, link.icon, note.number, note.dated_on, is_earlier=True)
