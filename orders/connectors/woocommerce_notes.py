"""The notes of a WooCommerce order, as ``GET /orders/<id>/notes`` tells them."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from orders.connectors.payload import Node
from orders.domain.storefront_notes import NoteData

# Who WooCommerce says wrote what nobody wrote: changes of state, stock, mails.
NOBODY = frozenset({"", "system", "woocommerce"})


def people_s_notes(payload: Iterable[object], *, time_zone: str = "UTC") -> list[NoteData]:
    """Return what people wrote, and what was written to the customer; WooCommerce's own log is left out.

    ``time_zone`` is the storefront's, for dates that it tells in local time alone.
    Raises ``orders.connectors.payload.PayloadError``.
    """
    found = []
    for number, each in enumerate(payload):
        note = Node(each, f"notes[{number}]")
        is_for_customer = note["customer_note"].value is True
        written_at = note["date_created_gmt"].moment() or note["date_created"].moment(ZoneInfo(time_zone))
        if written_at and (is_for_customer or note["author"].text(200).lower() not in NOBODY):
            found.append(
                NoteData(
                    external_id=str(note["id"].whole(least=1)),
                    text=note["note"].paragraphs(2000),
                    written_at=written_at,
                    is_for_customer=is_for_customer,
                )
            )
    return found
