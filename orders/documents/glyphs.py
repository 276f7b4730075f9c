"""Characters that no font of this machine can print.

PDF/A and PDF/UA forbid the empty box that a font prints for them: it says nothing to who listens
or searches. Of pictures (emoji) nothing stands there instead, as they are ornaments; of letters a box
that is a character of its own. Where no font is there at all, nothing can be printed.
"""

import re
import shutil
import subprocess
import unicodedata
from bisect import bisect_right
from functools import cache

BOX = "\u25a1"
# Letters that every font has; the rest is looked up.
UNUSUAL = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\u017f]")
# Control characters, and those that turn the direction of what follows.
CONTROL = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u206f\ufff0-\uffff]"
)
# What joins an emoji's parts or only changes how the one before looks.
JOINS = "\u200d\ufe0e\ufe0f\u20e3" + "".join(map(chr, [*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)]))
PICTURES = frozenset(
    {"So", "Sk", "Cn", "Co"}
)  # categories of Unicode: symbols, and what came after its tables
BETWEEN_TAGS = re.compile("(?<=>)[^<>]+")


class NoFont(Exception):
    """No letter can be printed on this machine."""


def printable(text: str) -> str:
    """Return the text of a page without pictures and control characters; with boxes for other missing glyphs.

    A run of text that consists of pictures alone becomes a box: something stood there. Raises
    NoFont where not even « é » has a glyph.
    """
    if not _has_glyph(ord("é")):
        raise NoFont
    text = CONTROL.sub("", text)
    if not UNUSUAL.search(text):
        return text
    return _printed(BETWEEN_TAGS.sub(lambda run: _run(run[0]), text))


def _run(text: str) -> str:
    printed = _printed(text)
    return BOX if text.strip() and not printed.strip() else printed


def _printed(text: str) -> str:
    return UNUSUAL.sub(lambda found: _instead_of(found[0]), text)


def _instead_of(character: str) -> str:
    if character in JOINS:
        return ""
    if _has_glyph(ord(character)):
        return character
    return "" if unicodedata.category(character) in PICTURES else BOX


def _has_glyph(code: int) -> bool:
    ranges = _ranges()
    if ranges is None:
        return True
    place = bisect_right(ranges, (code, 0x110000)) - 1
    return place >= 0 and code <= ranges[place][1]


@cache
def _ranges() -> list[tuple[int, int]] | None:
    """Return the characters of all fonts as sorted ranges; None where fontconfig cannot be asked."""
    if not (command := shutil.which("fc-list")):
        return None
    answer = subprocess.run(  # noqa: S603 - no word of it comes from outside  # nosec B603
        [command, "--format", "%{charset}\n"], capture_output=True, text=True, timeout=30, check=False
    )
    found = {
        (int(a, 16), int(b or a, 16)) for a, b in re.findall(r"\b([0-9a-f]+)(?:-([0-9a-f]+))?", answer.stdout)
    }
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
