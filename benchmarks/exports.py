#!/usr/bin/env python3
"""How fast orders leave as CSV, beside the pattern that Django documents for large files.

    python benchmarks/exports.py [--orders 30000] [--repeats 5]

The documented pattern (Django, "Streaming large CSV files") takes one model object after the
other and yields one row after the other; it is given prefetched lines, parcels and invoices,
and must produce the very same bytes. Then the same without prefetching, which asks three
queries an order; and on PostgreSQL a bare COPY of the order's own columns, the limit.

Works in an empty database of its own, as ``benchmarks/demo.py`` does, on the orders of the
demo's largest shop. Ratios are of one run; methods take turns.
"""

import argparse
import csv
import gc
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from statistics import median
from typing import Any

from demo import commit, empty_database, machine, set_up

Method = Callable[[Any], Iterator[bytes]]
FEW = 1000  # orders for the pattern without prefetching


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, default=30_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        print(f"commit   {commit()}")
        print(f"machine  {machine()}")
        with empty_database(folder):
            vendor = largest_shop(options.orders)
            for rows in ("orders", "lines"):
                compare(vendor, rows, options.repeats)


def largest_shop(orders: int) -> Any:
    from django.db.models import Count
    from django.utils import timezone

    from orders.demo.fill import make_demo
    from vendors.models import Vendor

    make_demo(orders, seed=1, now=timezone.now(), invoices=200)
    return Vendor.objects.alias(n=Count("orders")).latest("n")


def compare(vendor: Any, rows: str, repeats: int) -> None:
    """Print the median time of each method and its ratio to the documented pattern."""
    from django.db import connection

    from orders.models import Order, OrderLine

    orders = Order.objects.for_vendor(vendor)
    count, lines = orders.count(), OrderLine.objects.filter(order__in=orders).count()
    methods: dict[str, Method] = {"export": exported(vendor, rows), "documented": documented(vendor, rows)}
    if connection.vendor == "postgresql" and rows == "orders":
        methods["bare COPY"] = copied
    times: dict[str, list[float]] = {name: [] for name in methods}
    digests, size = {}, 0
    for _repeat in range(repeats):
        for name, method in methods.items():
            seconds, digests[name], written = timed(method, orders)
            times[name].append(seconds)
            size = written if name == "export" else size
    assert digests["export"] == digests["documented"], "the two ways do not say the same"
    few = Order.objects.filter(pk__in=list(orders.values_list("pk", flat=True)[:FEW]))
    slow, _digest, _size = timed(documented(vendor, rows, prefetched=False), few)
    usual = median(times["documented"])
    print(f"\nrows={rows}: {count:,} orders with {lines:,} lines, {size / 1e6:.1f} MB, {repeats} repeats")
    for name, seconds in times.items():
        report(name, median(seconds) / count, usual / count)
    report("unprefetched", slow / min(FEW, count), usual / count)


def timed(method: Method, orders: Any) -> tuple[float, str, int]:
    digest, size = hashlib.md5(usedforsecurity=False), 0
    gc.collect()
    begun = time.perf_counter()
    for piece in method(orders):
        digest.update(piece)
        size += len(piece)
    return time.perf_counter() - begun, digest.hexdigest(), size


def report(name: str, seconds: float, usual: float) -> None:
    print(f"  {name:<13} {seconds * 1e6:8.1f} µs an order {1 / seconds:9,.0f}/s  ×{usual / seconds:.2f}")


def exported(vendor: Any, rows: str) -> Method:
    """What the product does."""
    from orders.exports.export import Export
    from orders.exports.options import Options
    from orders.models import ExportLog
    from vendors.models import User

    person = User.objects.earliest("pk")

    def export(orders: Any) -> Iterator[bytes]:
        log = ExportLog.objects.create(vendor=vendor, user=person, format="benchmark")
        return Export(orders, Options(rows, "codes", "strict"), vendor=vendor).csv(log)

    return export


class Echo:
    """Django's own: hands back what it is given to write."""

    def write(self, value: str) -> str:
        return value


def documented(vendor: Any, rows: str, *, prefetched: bool = True) -> Method:
    """Django's pattern: ``(writer.writerow(row) for row in rows)`` over model objects."""
    from orders.documents.parties import identity_of
    from orders.exports.cells import guarded
    from orders.exports.columns import LINE_COLUMNS, ORDER_COLUMNS

    told = Told(vendor, franchise=identity_of(vendor).is_franchise, guarded=guarded)
    columns = ORDER_COLUMNS if rows == "orders" else LINE_COLUMNS

    def export(orders: Any) -> Iterator[bytes]:
        found = orders.order_by("-placed_at", "-pk")
        if prefetched:
            found = found.prefetch_related("lines", "shipments", "documents").iterator(chunk_size=2000)
        each: Iterable[Any] = (
            [told.order(order)] if rows == "orders" else told.lines(order) for order in found
        )
        writer = csv.writer(Echo(), quoting=csv.QUOTE_ALL)
        header = [column.code for column in columns]
        return (writer.writerow(row).encode() for row in chain([header], chain.from_iterable(each)))

    return export


class Told:
    """An order's cells, made of model objects, one after the other."""

    def __init__(self, vendor: Any, *, franchise: bool, guarded: Callable[[str], str]) -> None:
        from zoneinfo import ZoneInfo

        self.zone, self.franchise, self.text = ZoneInfo(vendor.time_zone), franchise, guarded

    def order(self, order: Any) -> list[str]:
        lines = list(order.lines.all())
        products = [line for line in lines if line.kind == "product"]
        invoices = [document.number for document in order.documents.all() if document.kind == "F"]
        numbers = [parcel.tracking_number for parcel in order.shipments.all() if parcel.tracking_number]
        net, vat, refunded_vat, rates = self.vat(order, lines)
        kept = order.commission - order.commission_given_back
        return [
            *map(self.text, [order.number, order.basket_number]),
            *map(self.moment, [order.placed_at, order.paid_at, order.completed_at]),
            *[order.status, order.get_status_display(), order.refund_state, order.stage],
            *map(self.text, [order.customer_name, order.customer_email, order.customer_phone]),
            *map(self.text, [order.billing_company, order.billing_name, order.billing_address_1]),
            *map(self.text, [order.billing_address_2, order.billing_postcode, order.billing_city]),
            *map(self.text, [order.billing_country, order.shipping_name, order.shipping_company]),
            *map(self.text, [order.shipping_address_1, order.shipping_address_2, order.shipping_postcode]),
            *map(self.text, [order.shipping_city, order.shipping_country]),
            *map(self.text, [order.payment_title or order.payment_method, order.shipping_method]),
            *[self.text(", ".join(numbers)), order.currency, str(sum(line.quantity for line in products))],
            self.text(" | ".join(f"{line}" + (f" ({line.sku})" if line.sku else "") for line in products)),
            *map(str, [order.items_total, order.discount_total, order.shipping_total, order.fees_total]),
            *map(str, [net, vat, order.total, order.refunded_total, order.net_total, kept, order.earnings]),
            *map(self.text, ["".join(invoices), order.customer_note, order.earnings_state.value]),
            *[self.moment(order.refunded_at), str(refunded_vat), str(order.commission_given_back)],
            *map(str, [order.storefront_vat_total, *rates]),
        ]

    def vat(self, order: Any, lines: list[Any]) -> tuple[Any, Any, Any, list[Any]]:
        """Net, VAT, refunded VAT, then net and VAT of each rate with columns of its own."""
        from decimal import Decimal

        from orders.documents.vat import vat_groups
        from orders.exports.columns import RATES
        from orders.exports.vat_figures import totals_by_rate

        zero = Decimal("0.00")
        pairs = {rate: [zero, zero] for rate in [*RATES, None]}
        groups = vat_groups(lines, franchise=self.franchise, currency=order.currency)
        for group in groups:
            pair = pairs[group.rate if group.rate in RATES else None]
            pair[0], pair[1] = pair[0] + group.net, pair[1] + group.vat
        refunded = zero
        if order.refunded_total:
            totals = totals_by_rate(lines, franchise=self.franchise, currency=order.currency)
            refunded = sum((total.refunded_vat for total in totals.values()), zero)
        nets, vats = zip(*pairs.values(), strict=True)
        return sum(nets, zero), sum(vats, zero), refunded, list(chain.from_iterable(pairs.values()))

    def lines(self, order: Any) -> list[list[str]]:
        from decimal import Decimal

        from orders.documents.vat import line_parts

        zero, rows, left = Decimal("0.00"), [], order.commission - order.commission_given_back
        lines = list(order.lines.all())
        parts = line_parts(lines, franchise=self.franchise, currency=order.currency)
        of_order = [self.text(order.number), self.moment(order.placed_at), order.status, order.currency]
        for number, line in enumerate(lines, start=1):
            own = [part for part in parts if part.line is line]
            net = sum((part.net for part in own), zero)
            rates = ("" if part.rate is None else f"{(part.rate * 100).normalize():f}" for part in own)
            kept = line.commission + line.commission_vat - line.commission_given_back
            left -= kept
            is_product = line.kind == "product"
            price = line.unit_price if is_product else round(line.total / line.quantity, 2)
            amounts = [net, line.total - net, line.total]
            after = [line.refunded_total, kept, line.total - line.refunded_total - kept]
            rows.append(
                [
                    *of_order,
                    *[str(number), self.text(line.sku), self.text(line.name), str(line.quantity), str(price)],
                    *[str(line.discount if is_product else zero), " + ".join(rates), *map(str, amounts)],
                    *[str(line.units_refunded), *map(str, after)],
                ]
            )
        if order.commission_order_fee or left:
            raise SystemExit("This benchmark knows no commission per order.")
        return rows

    def moment(self, value: Any) -> str:
        return value.astimezone(self.zone).isoformat(timespec="seconds") if value else ""


def copied(orders: Any) -> Iterator[bytes]:
    """The order's own columns as the database writes them: no lines, no VAT, no guard."""
    from django.db import connection

    sql, parameters = orders.order_by("-placed_at", "-pk").query.sql_with_params()
    received: list[bytes] = []
    with connection.cursor() as cursor:
        query = cursor.cursor.mogrify(sql, parameters).decode()
        cursor.cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv)", Sink(received))
    yield from received


class Sink:
    """A file of which only the length matters."""

    def __init__(self, received: list[bytes]) -> None:
        self.received = received

    def write(self, data: bytes) -> None:
        self.received.append(b"" if self.received else data[:1])


if __name__ == "__main__":
    main()
