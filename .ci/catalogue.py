"""Fail unless the French catalogue has every sentence of the sources, and its compiled form is up to date.

Run from the environment of the product, with gettext's tools on the machine. Changes nothing.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = Path("marketplace/locale/fr/LC_MESSAGES/django.po")
SOURCES = ["marketplace", "vendors", "orders", "templates"]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        fresh = renewed_catalogue(Path(folder))
        untranslated = entries(fresh, "--untranslated", "--no-obsolete")
        fuzzy = entries(fresh, "--only-fuzzy", "--no-obsolete")
        compiled = Path(folder) / "compiled.mo"
        sound = subprocess.call(["msgfmt", "--check", "--output-file", compiled, ROOT / CATALOGUE]) == 0
        up_to_date = sound and messages(compiled) == messages(ROOT / CATALOGUE.with_suffix(".mo"))

    if untranslated:
        print(f"French is missing for:\n\n{untranslated}")
    if fuzzy:
        print(f"The French is a guess (fuzzy) for:\n\n{fuzzy}")
    if sound and not up_to_date:
        print(f"{CATALOGUE.with_suffix('.mo')} is out of date: run manage.py compilemessages.")
    return 1 if untranslated or fuzzy or not up_to_date else 0


def renewed_catalogue(folder: Path) -> Path:
    """Return the catalogue that makemessages makes in a copy of the sources under ``folder``."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, folder / source)
    shutil.copy(ROOT / "manage.py", folder)
    command = [
        sys.executable,
        "manage.py",
        "makemessages",
        "--locale",
        "fr",
        "--no-wrap",
        "--add-location",
        "file",
        "--verbosity",
        "0",
    ]
    subprocess.run(command, cwd=folder, check=True)
    return folder / CATALOGUE


def entries(catalogue: Path, *selection: str) -> str:
    """Return the entries of ``catalogue`` that msgattrib selects, as it prints them."""
    return subprocess.check_output(["msgattrib", "--no-wrap", *selection, catalogue], text=True)


def messages(compiled: Path) -> str:
    """Return what a compiled catalogue says, whichever version of msgfmt compiled it."""
    return subprocess.check_output(["msgunfmt", compiled], text=True) if compiled.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
