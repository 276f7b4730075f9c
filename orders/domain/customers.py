"""Who bought, and by what name and number an order is found."""

import re

from orders.domain.order_data import OrderData
from orders.models import Customer, Order, OrderNameStart, Source
from orders.models.customers import name_starts
from vendors.models import Vendor

# What cannot be an order's address: no names of one, and other pages beside the orders.
NOT_NUMBERS = frozenset(
    {".", "..", "customers", "bulk", "set-aside", "news", "documents", "export.csv", "export.xlsx"}
)


def customer_of(data: OrderData, name: str, source: Source, vendor: Vendor) -> Customer | None:
    """The shop's customer behind the order: by account, else by e-mail address; None without either."""
    if data.customer_external_id:
        return Customer.objects.get_or_create(
            vendor=vendor,
            source=source,
            external_id=data.customer_external_id,
            defaults={"name": name, "email": data.email.lower(), "created_at": data.placed_at},
        )[0]
    if not data.email:
        return None
    return Customer.objects.get_or_create(
        vendor=vendor,
        external_id="",
        email=data.email.lower(),
        defaults={"name": name, "source": source, "created_at": data.placed_at},
    )[0]


def index_name(order: Order) -> None:
    """Make the order findable by each word of the customer's name."""
    OrderNameStart.objects.bulk_create(
        OrderNameStart(order=order, vendor_id=order.vendor_id, start=start)
        for start in name_starts(order.customer_name)
    )


def number_value(number: str) -> int:
    """Return the digits of an order number as a whole number, so that 999 sorts before 1000."""
    return int("".join(re.findall(r"[0-9]", number))[:18] or 0)


def free_number(number: str, vendor: Vendor, source: Source) -> str:
    """The storefront's number; with the storefront's name where the shop has that number already.

    It stands in the order's address, where a slash would begin another part: a dash takes its
    place. A number that is no part of an address (``..``) or that of another page gets a dash before.
    """
    number = number.replace("/", "-")
    if number in NOT_NUMBERS:
        number = f"-{number}"
    taken = set(
        Order.objects.filter(vendor=vendor, number__startswith=number).values_list("number", flat=True)
    )
    candidates = [
        number,
        f"{number}-{source.slug}"[:60],
        *(f"{number}-{source.slug}-{n}"[:60] for n in range(2, 1000)),
    ]
    return next(candidate for candidate in candidates if candidate not in taken)
