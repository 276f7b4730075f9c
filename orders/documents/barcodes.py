"""Code 128, as any scanner reads it (ISO/IEC 15417)."""

import re
from itertools import groupby

from barcode import Code128
from barcode.errors import BarcodeError

MODULE = 0.33  # mm, the narrowest bar: any scanner reads it
NARROWEST = 0.25  # mm, where the text is long
WIDEST = 174.0  # mm, between the page's margins
QUIET = 10  # modules left white on both sides
HEIGHT = 13  # mm
ASCII = re.compile(r"[ -~]+")


def code128_svg(text: str) -> str:
    """Return ``text`` as a Code 128 drawing, sized in mm; empty where it cannot be encoded or scanned."""
    if not ASCII.fullmatch(text):
        return ""
    try:
        modules = str(Code128(text).build()[0])
    except BarcodeError:
        return ""
    count = len(modules) + 2 * QUIET
    module = min(MODULE, WIDEST / count)
    if module < NARROWEST:
        return ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {count} 40" preserveAspectRatio="none" '
        f'width="{count * module:.2f}mm" height="{HEIGHT}mm"><path d="{_bars(modules)}"/></svg>'
    )


def _bars(modules: str) -> str:
    """Return the path that fills the bars of ``modules``, a text of 1 (bar) and 0 (space)."""
    path, x = "", QUIET
    for color, run in groupby(modules):
        width = len(list(run))
        if color == "1":
            path += f"M{x} 0h{width}v40h-{width}z"
        x += width
    return path
