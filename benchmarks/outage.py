#!/usr/bin/env python3
"""A storefront that is down for a while: what was done meanwhile arrives afterwards, each once.

    python benchmarks/outage.py [--orders 50] [--seconds 60]

Orders of a small WooCommerce double are validated while it answers nothing and a worker tries.
Once it is back, waits until the worker has told it everything. Prints the commit, the machine,
how long that took, and how many requests each order got; stops where one arrived twice or not.

Works in an empty database of its own, as ``intake.py`` does.
"""

import argparse
import os
import secrets
import tempfile
import time
from collections import Counter
from typing import Any

from demo import commit, empty_database, machine, set_up
from intake import PATIENCE, WORKER, start, stop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, default=50, metavar="N", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=60, metavar="N", help="default: %(default)s")
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(60))  # the worker's too: it opens the keys
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        print(f"commit   {commit()}")
        print(f"machine  {machine()}")
        with empty_database(folder):
            measure(options.orders, options.seconds)


def measure(orders: int, seconds: float) -> None:
    from tests.doubles.woocommerce import WooCommerce

    shop = WooCommerce(copies(orders))
    shop.is_down = True
    validate_all(shop)
    worker = start(*WORKER, private=True)
    try:
        time.sleep(seconds)
        print(f"down     {seconds:.0f} s: {waiting()} of {orders} wait")
        shop.is_down = False
        begun = time.monotonic()
        while waiting() and time.monotonic() - begun < PATIENCE:
            time.sleep(0.2)
        print(f"back     everything was told {time.monotonic() - begun:.0f} s later; {fates()}")
    finally:
        stop(worker)
        shop.close()
    tell(shop)


def copies(number: int) -> list[dict[str, Any]]:
    """A recorded order, again and again with other ids."""
    from tests.doubles.woocommerce import recorded

    (order,) = recorded("reg_processing")
    return [{**order, "id": 50_000 + n, "number": str(50_000 + n)} for n in range(number)]


def validate_all(shop: Any) -> None:
    """Take the shop's orders, and let their vendor validate each."""
    from django.utils import timezone

    from orders.connectors.woocommerce import parse_order
    from orders.domain.intake import take_order
    from orders.domain.transitions import validate
    from tests.doubles.woocommerce import KEY, SECRET
    from tests.factories import make_member, make_source, make_vendor

    source, vendor = make_source(), make_vendor()
    source.rest_url, source.consumer_key, source.consumer_secret = shop.url, KEY, SECRET
    source.save()
    owner = make_member(vendor)
    for payload in shop.orders.values():
        data = parse_order(payload)
        taken = take_order(data, source=source, vendor=vendor, at=timezone.now(), announce=False)
        validate(taken.order, by=owner, at=timezone.now())


def waiting() -> int:
    from orders.models import Answer

    return Answer.objects.filter(state=Answer.State.WAITING).count()


def fates() -> str:
    from orders.models import Answer

    counts = Counter(Answer.objects.values_list("state", flat=True))
    return ", ".join(f"{number} {name}" for name, number in counts.most_common())


def tell(shop: Any) -> None:
    """Print what the shop got; stop where an order got its step twice, or not at all."""
    told = Counter(request.path.partition("?")[0] for request in shop.made("PUT"))
    states = Counter(order["status"] for order in shop.orders.values())
    print(
        f"there    {dict(states)}; {len(told)} orders were told, {max(told.values(), default=0)} time at most"
    )
    if set(told.values()) != {1} or set(states) != {"completed"}:
        raise SystemExit("Something arrived twice, or not at all.")


if __name__ == "__main__":
    main()
