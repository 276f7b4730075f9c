"""Getting the goods to the customer: parcels, pickup, and the end of both."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from orders import emails
from orders.domain import answers
from orders.domain.history import By, record
from orders.domain.parcels import units_left, units_outstanding
from orders.domain.transitions import NotPermitted, StaleOrder, StepRefused, lock, may, move
from orders.models import Carrier, HistoryKind, Order, Shipment, ShipmentLine, Source
from orders.states import OrderStatus, Stage, Way
from vendors.models import User
from vendors.roles import Permission


class ShippingRefused(StepRefused):
    """The parcel or the pickup was not recorded; the message says why."""


@transaction.atomic
def ship(
    order: Order,
    *,
    units: Mapping[int, int] | None = None,
    carrier: str = "",
    tracking_number: str = "",
    shipped_at: datetime | None = None,
    by: By,
    at: datetime,
    version: int | None = None,
) -> Shipment:
    """Record a parcel with ``units`` (``{order line id: units}``; all that is left by default).

    ``shipped_at`` is when the parcel left, ``at`` unless told otherwise: never later than ``at``,
    never on a day before the order's. The last unit makes the order's stage ``shipped``, and
    completes the order where the shop wants that. The customer is told, with the tracking
    number. Locks the order; raises ShippingRefused for an order that is not being prepared, or
    for more units than are left.
    """
    _lock_for_work(order, by, version)
    if shipped_at is not None:
        _check_departure(order, shipped_at, at)
    parcel = _checked_units(order, units_left(order) if units is None else units)
    names = {line.pk: line.name for line in order.lines.all()}
    number = order.shipments.count() + 1
    shipment = Shipment.objects.create(
        order=order,
        number=number,
        carrier=Carrier(carrier) if carrier else "",
        tracking_number="".join(tracking_number.split()),
        shipped_at=shipped_at or at,
        created_by=by if isinstance(by, User) else None,
    )
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, line_id=pk, units=count) for pk, count in parcel.items()
    )
    is_last = not units_outstanding(order)
    _enter_stage(order, Stage.SHIPPED if is_last else Stage.TO_PREPARE, Way.PARCEL)
    record(
        order,
        HistoryKind.SHIPMENT,
        by=by,
        at=at,
        data={
            "shipment": shipment.pk,
            "carrier": shipment.carrier,
            "contents": [[count, names[pk]] for pk, count in parcel.items()],
        },
    )
    emails.tell_customer_of_parcel(order, shipment)
    answers.tell_parcel(order, shipment, by=by, at=at)
    if is_last and order.vendor.completes_on_last_parcel:
        move(order, OrderStatus.COMPLETED, by=by, at=at)
    return shipment


@transaction.atomic
def correct_tracking(
    order: Order,
    parcel: int,
    *,
    carrier: str,
    tracking_number: str,
    by: By,
    at: datetime,
    version: int | None = None,
) -> bool:
    """Give the order's parcel of that number (1, 2, …) another carrier and tracking number, or its first.

    The customer is told, and so is the storefront; what the history told of the parcel stays. Return
    whether anything changed. Locks the order; raises Shipment.DoesNotExist, and ShippingRefused
    without a number or for an order whose personal data are erased.
    """
    lock(order)
    _check_hand(order, by, version)
    shipment = order.shipments.get(number=parcel)
    said = (Carrier(carrier).value if carrier else "", "".join(tracking_number.split()))
    if order.anonymised_at or not said[1]:
        raise ShippingRefused(
            _("Parcel %(parcel)s of order %(number)s keeps no tracking number.")
            % {"parcel": parcel, "number": order.number}
        )
    if said == (shipment.carrier, shipment.tracking_number):
        return False
    shipment.carrier, shipment.tracking_number = said
    shipment.save(update_fields=["carrier", "tracking_number"])
    order.version += 1
    order.save(update_fields=["version"])
    facts = {"shipment": shipment.pk, "carrier": shipment.carrier, "corrected": parcel}
    entry = record(order, HistoryKind.SHIPMENT, by=by, at=at, data=facts)
    emails.tell_customer_of_parcel(order, shipment, correction=entry.pk)
    answers.tell_parcel(order, shipment, by=by, at=at, correction=entry.pk)
    return True


@transaction.atomic
def ready_for_pickup(order: Order, *, by: By, at: datetime, version: int | None = None) -> None:
    """Say that the goods wait in the shop; the customer is told, with address and hours.

    Doing it twice has one effect. Raises ShippingRefused for an order that is not being prepared.
    """
    _lock_for_work(order, by, version if order.stage != Stage.READY_FOR_PICKUP else None)
    if order.stage == Stage.READY_FOR_PICKUP:
        return
    if not units_left(order):
        raise ShippingRefused(_nothing_waits(order))
    _enter_stage(order, Stage.READY_FOR_PICKUP, Way.PARCEL if order.shipments.exists() else Way.PICKUP)
    entry = record(order, HistoryKind.STAGE, by=by, at=at, data={"stage": Stage.READY_FOR_PICKUP.value})
    emails.tell_customer_of_pickup(order, entry.pk)
    answers.tell_pickup(order, entry, by=by)


@transaction.atomic
def hand_over(order: Order, *, by: By, at: datetime, version: int | None = None) -> None:
    """The customer took the goods in the shop: the order is completed."""
    lock(order)
    if order.status == OrderStatus.COMPLETED:
        return
    _check_work(order, by, version)
    if order.stage != Stage.READY_FOR_PICKUP:
        raise ShippingRefused(_("Order %(number)s does not wait for pickup.") % {"number": order.number})
    move(order, OrderStatus.COMPLETED, by=by, at=at)


def _nothing_waits(order: Order) -> str:
    """Say why no unit of the order can wait for its customer."""
    if units_outstanding(order):
        return _("Order %(number)s: a refund of all that is left is asked for.") % {"number": order.number}
    return _("Order %(number)s is shipped already.") % {"number": order.number}


def _lock_for_work(order: Order, by: By, version: int | None) -> None:
    lock(order)
    _check_work(order, by, version)


def _check_work(order: Order, by: By, version: int | None) -> None:
    """Raise unless ``by`` may prepare orders and this one is being prepared, unchanged since ``version``."""
    _check_hand(order, by, version)
    if order.status != OrderStatus.PROCESSING:
        raise ShippingRefused(
            _("Order %(number)s is “%(status)s”, so nothing of it can be shipped or handed over.")
            % {"number": order.number, "status": order.get_status_display()}
        )


def _check_hand(order: Order, by: By, version: int | None) -> None:
    """Raise unless ``by`` may prepare orders and saw this one as it is."""
    if not isinstance(by, Source) and not may(by, order, Permission.FULFILL):
        raise NotPermitted(order)
    if version not in (None, order.version):
        raise StaleOrder(order)


def _check_departure(order: Order, shipped_at: datetime, at: datetime) -> None:
    """Raise ShippingRefused for a parcel that leaves in the future, or on a day before the order's."""
    if shipped_at > at:
        raise ShippingRefused(
            _("A parcel of order %(number)s cannot have left in the future.") % {"number": order.number}
        )
    shops = ZoneInfo(order.vendor.time_zone)
    if shipped_at.astimezone(shops).date() < order.placed_at.astimezone(shops).date():
        raise ShippingRefused(
            _("A parcel of order %(number)s cannot have left before the order was placed.")
            % {"number": order.number}
        )


def _checked_units(order: Order, units: Mapping[int, int]) -> dict[int, int]:
    """Return the parcel's units; raises ShippingRefused for none, or for more than there are."""
    parcel = {pk: count for pk, count in units.items() if count != 0}
    left = units_left(order)
    lines = {line.pk: line for line in order.lines.all() if line.kind == "product"}
    for pk, count in parcel.items():
        line = lines.get(pk)
        if line is None:
            raise ShippingRefused(_("Order %(number)s has no such line.") % {"number": order.number})
        most = left.get(pk, 0)
        if not 0 < count <= most:
            raise ShippingRefused(
                _("%(line)s: %(most)s units can be shipped, not %(units)s.")
                % {"line": line.name, "most": most, "units": count}
            )
    if not parcel:
        raise ShippingRefused(_("Order %(number)s has nothing left to ship.") % {"number": order.number})
    return parcel


def _enter_stage(order: Order, stage: Stage, way: Way) -> None:
    """Set the stage and the way; an order that something was done for is no longer late."""
    order.stage, order.way = stage, way
    order.prepare_by = None
    order.version += 1
    order.save(update_fields=["stage", "way", "prepare_by", "version"])
