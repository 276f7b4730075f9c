"""Ticks that a question put aside come back with the list, once: kept in the session, in no address."""

from collections.abc import Sequence

from vendors.access import VendorRequest

KEY = "ticked"
MOST = 100  # orders; a page of the list has 25
LONGEST = 60  # characters of a number


def keep_ticks(request: VendorRequest, numbers: Sequence[str]) -> None:
    """Remember these order numbers until the shop's list is shown next."""
    request.session[KEY] = {
        "shop": request.vendor.pk,
        "numbers": [number for number in numbers[:MOST] if len(number) <= LONGEST],
    }


def kept_ticks(request: VendorRequest) -> frozenset[str]:
    """Return the numbers that are to be ticked in the shop's list, and forget them."""
    kept = request.session.get(KEY)
    if not kept or kept["shop"] != request.vendor.pk:
        return frozenset()
    del request.session[KEY]
    return frozenset(kept["numbers"])
