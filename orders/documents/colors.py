"""The shop's color on paper."""

import re

DEFAULT = "#0b5868"
LEAST_CONTRAST = 4.5  # of text on white: WCAG 2.2, 1.4.3
_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")


def readable(color: str) -> str:
    """Return ``color`` as ``#rrggbb``, darkened until text in it can be read on white.

    What is no such color becomes the product's own.
    """
    if not (found := _HEX.fullmatch(color.lower())):
        return DEFAULT
    channels = [int(pair, 16) for pair in found.groups()]
    while _contrast_on_white(channels) < LEAST_CONTRAST:
        channels = [channel * 19 // 20 for channel in channels]
    return "#{:02x}{:02x}{:02x}".format(*channels)


def _contrast_on_white(channels: list[int]) -> float:
    red, green, blue = (_linear(channel / 255) for channel in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
