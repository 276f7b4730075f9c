"""Arithmetic of money: rounding, VAT out of a gross amount, splitting without losing a cent.

Pure functions on Decimal. Rates are fractions (0.2000 = 20 %). ``currency_exponent`` is the
number of decimals of the currency, two unless told otherwise.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor

STORED_DECIMALS = 2  # of every amount in the database

# ISO 4217, table A.1: the currencies that do not have two decimals.
EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX"), 0),
    **dict.fromkeys(("UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency: 2 for EUR, 0 for JPY, 3 for TND."""
    return EXPONENTS.get(currency, 2)


def stored_decimals(currency: str, amounts: Iterable[Decimal] = ()) -> int:
    """Return how many decimals amounts of a currency have here: its own, at most ``STORED_DECIMALS``.

    As many as are stored, where one of ``amounts`` has more than the currency: a storefront may
    keep its prices in hundredths of a yen.
    """
    places = min(exponent(currency), STORED_DECIMALS)
    is_whole = places == STORED_DECIMALS or all(round_half_up(each, places) == each for each in amounts)
    return places if is_whole else STORED_DECIMALS


def round_half_up(value: Decimal, currency_exponent: int = 2) -> Decimal:
    """Round to the currency's decimals, halves away from zero; never returns a negative zero."""
    return value.quantize(Decimal(1).scaleb(-currency_exponent), rounding=ROUND_HALF_UP) + 0


def net_of(gross: Decimal, rate: Decimal, currency_exponent: int = 2) -> Decimal:
    """Return the amount without VAT that is in ``gross`` at ``rate``, rounded half up.

    Raises ValueError if ``rate`` is negative.
    """
    if rate < 0:
        raise ValueError(f"A VAT rate cannot be negative, got {rate}.")
    return round_half_up(gross / (1 + rate), currency_exponent)


def net_lines(gross_lines: Iterable[Decimal], rate: Decimal, currency_exponent: int = 2) -> list[Decimal]:
    """Return each line's amount without VAT, for lines that share one ``rate``.

    Each is floored to the cent and the missing cents go to the largest remainders, so that
    they add up to ``net_of`` of the lines' sum (docs/rules/invoicing.md, « VAT out of prices
    that include it »). Raises ValueError if ``rate`` is negative.
    """
    lines = list(gross_lines)
    net = net_of(sum(lines, Decimal(0)), rate, currency_exponent)
    shares = [Fraction(line) * 10**currency_exponent / (1 + Fraction(rate)) for line in lines]
    return _apportion(net, shares, currency_exponent)


def share_net(
    net: Decimal, gross_lines: Iterable[Decimal], rate: Decimal, currency_exponent: int = 2
) -> list[Decimal]:
    """Return each line's part of ``net``, the amount without VAT that is stated for all of them.

    As ``net_lines`` does, for a total that is not the lines' own: the difference of two rounded
    totals, at most a cent away from it.
    """
    shares = [Fraction(line) * 10**currency_exponent / (1 + Fraction(rate)) for line in gross_lines]
    return _apportion(net, shares, currency_exponent)


def split_steadily(amount: Decimal, weights: Sequence[Decimal], currency_exponent: int = 2) -> list[Decimal]:
    """Split ``amount`` so that no part ever shrinks while ``amount`` grows, and all weights give themselves.

    For amounts that grow in steps: the difference of two splits has no part of the other sign. The
    weights have one sign; where they are nothing the first part is the whole.
    """
    parts, rest, whole = [], amount, sum(weights, Decimal(0))
    for weight in weights[:-1]:
        part = round_half_up(rest * weight / whole, currency_exponent) if whole else rest
        parts.append(part)
        rest, whole = rest - part, whole - weight
    return [*parts, rest]


def split(amount: Decimal, weights: Sequence[Decimal], currency_exponent: int = 2) -> list[Decimal]:
    """Split ``amount`` in proportion to ``weights``; the parts add up to it exactly.

    Each part is floored to the cent and the missing cents go to the largest remainders, the
    first of equals. A negative amount is split like the positive one. Where the weights add
    up to zero the first part is the whole.

    Raises ValueError if ``amount`` has more decimals than the currency, or is to be split
    among nobody.
    """
    if amount != round_half_up(amount, currency_exponent):
        raise ValueError(f"{amount} cannot be split: it has more than {currency_exponent} decimals.")
    if not weights:
        if amount:
            raise ValueError(f"{amount} cannot be split: there is no weight.")
        return []
    if amount < 0:
        return [0 - part for part in split(-amount, weights, currency_exponent)]
    whole = sum(map(Fraction, weights), Fraction(0))
    if not whole:
        weights, whole = [Decimal(1)] + [Decimal(0)] * (len(weights) - 1), Fraction(1)
    units = Fraction(amount) * 10**currency_exponent
    return _apportion(amount, [units * Fraction(weight) / whole for weight in weights], currency_exponent)


def _apportion(total: Decimal, shares: list[Fraction], currency_exponent: int) -> list[Decimal]:
    """Round ``shares``, in cents, to whole cents that add up to ``total``, by largest remainder."""
    cents = [floor(share) for share in shares]
    missing = int(total.scaleb(currency_exponent)) - sum(cents)
    by_remainder = sorted(range(len(shares)), key=lambda i: (cents[i] - shares[i], i))
    if missing < 0:
        cents[by_remainder[-1]] += missing
    for i in by_remainder[: max(missing, 0)]:
        cents[i] += 1
    return [Decimal(cent).scaleb(-currency_exponent) for cent in cents]
