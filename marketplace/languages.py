"""Which languages Comptoir speaks: English, in which it is written, and each that has a catalogue."""

from pathlib import Path
from typing import Any

from django.conf.locale import LANG_INFO
from django.utils.translation import gettext_lazy

SOURCE = "en"


def languages(catalogues: Path, *, first: str) -> list[tuple[str, Any]]:
    """Return code and name of each language, ``first`` before the others.

    A folder such as ``de/LC_MESSAGES/django.mo`` is all that one more language needs.
    """
    found = {SOURCE, *(file.parent.parent.name for file in catalogues.glob("*/LC_MESSAGES/django.mo"))}
    codes = sorted(
        (folder.replace("_", "-").lower() for folder in found), key=lambda code: (code != first, code)
    )
    return [
        (code, gettext_lazy(str(LANG_INFO[code]["name"])) if code in LANG_INFO else code) for code in codes
    ]
