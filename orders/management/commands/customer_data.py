"""A customer's request about their data: hand it out, or erase it."""

import json
import os
from argparse import ArgumentParser
from dataclasses import asdict
from getpass import getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.domain.privacy import StillOpen, erase, personal_data


def _account() -> str:
    """The machine's account that runs the command; its number where it has no name."""
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())


class Command(BaseCommand):
    help = "Print what is stored about a customer as JSON, or erase it (issued documents are kept)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--erase", action="store_true", help="erase instead of printing")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        """Print or erase; an unfinished order stops an erasure with a sentence."""
        email = email.strip()
        if "@" not in email:
            raise CommandError(f"{email} is no e-mail address.")
        if not options["erase"]:
            found = personal_data(email, account=_account())
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
            self.stderr.write("Issued documents are named; their copies are in each shop's archive.")
            return
        try:
            forgotten = erase(email, at=timezone.now(), account=_account())
        except StillOpen as refusal:
            raise CommandError(str(refusal)) from None
        rows = ", ".join(f"{n} {name}" for name, n in asdict(forgotten).items() if name != "documents")
        self.stdout.write(f"Erased: {rows}.")
        self.stdout.write(
            f"{forgotten.documents} issued documents are kept, as commercial law asks "
            "(Code de commerce, art. L123-22: ten years)."
        )
