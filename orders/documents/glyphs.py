"""Characters that no font of this machine can print.

PDF/A and PDF/UA forbid the empty box that a font prints for them: it says nothing to who listens
or searches. A box that is a character of its own stands there instead, one for a whole emoji.
"""

import re
import shutil
import subprocess
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
JOINS = "\u200d\ufe0e\ufe0f" + "".join(map(chr, [*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)]))
ONE_EMOJI = re.compile(f"{BOX}(?:[{JOINS}]+{BOX}?)+|[{JOINS}]")


def printable(text: str) -> str:
    """Return ``text`` with a box for each character without a glyph; without control characters."""
    text = CONTROL.sub("", text)
    if not UNUSUAL.search(text) or not _ranges():
        return text
    boxed = UNUSUAL.sub(lambda found: found[0] if _is_printed(found[0]) else BOX, text)
    return ONE_EMOJI.sub(lambda found: BOX if BOX in found[0] else "", boxed)


def _is_printed(character: str) -> bool:
    return character in JOINS or _has_glyph(ord(character))


def _has_glyph(code: int) -> bool:
    ranges = _ranges()
    place = bisect_right(ranges, (code, 0x110000)) - 1
    return place >= 0 and code <= ranges[place][1]


@cache
def _ranges() -> list[tuple[int, int]]:
    """Return the characters of all fonts as sorted ranges; none where fontconfig cannot be asked."""
    if not (command := shutil.which("fc-list")):
        return []
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
