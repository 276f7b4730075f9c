"""Take orders from files: what ``GET /wp-json/wc/v3/orders`` answers, saved."""

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone, translation
from tqdm import tqdm

from orders.connectors.woocommerce import PayloadError, why_skipped
from orders.domain.intake import IntakeRefused, shop_of, take_order
from orders.domain.order_data import OrderData
from orders.models import Source
from orders.states import OrderStatus
from orders.storefronts.reading import read_order
from vendors.models import User

# An import brings a shop's history: only what is fresh and still open is announced by mail.
FRESH = timedelta(days=3)
OPEN = frozenset({OrderStatus.PROCESSING, OrderStatus.ON_HOLD})


@dataclass(frozen=True)
class Found:
    """One payload and where it stands: ``orders/x.json`` or ``orders/x.jsonl:12``."""

    place: str
    payload: Any


@dataclass(frozen=True)
class Parsed:
    place: str
    data: OrderData


class Command(BaseCommand):
    help = "Import WooCommerce orders from files or folders of JSON; repeating it changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="+", metavar="PATH", help="a file (object, list or JSON lines) or a folder"
        )
        parser.add_argument(
            "--source", default="woocommerce", help="the storefront's short name (default: %(default)s)"
        )
        parser.add_argument("--create-shops", action="store_true", help="make a shop for each unknown vendor")
        parser.add_argument("--owner", metavar="EMAIL", help="the person who owns the shops that are made")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            self._import(options)

    def _import(self, options: dict[str, Any]) -> None:
        owner = self._owner(options["owner"])
        source, _made = Source.objects.get_or_create(
            slug=options["source"], defaults={"name": options["source"]}
        )
        self.counts: Counter[str] = Counter()
        baskets = self._baskets(find_payloads(self._files(options["paths"])), source)
        total = sum(len(basket) for basket in baskets)
        with tqdm(total=total, unit=" orders", disable=not self.stderr.isatty(), file=self.stderr) as bar:
            for basket in baskets:
                self._take_basket(basket, source, owner, create=options["create_shops"])
                bar.update(len(basket))
        self._conclude()

    def _owner(self, email: str | None) -> User | None:
        if not email:
            return None
        owner = User.objects.filter(email__iexact=email).first()
        if owner is None:
            raise CommandError(f"--owner: nobody has the address {email}.")
        return owner

    def _files(self, paths: Iterable[str]) -> list[Path]:
        files: list[Path] = []
        for path in map(Path, paths):
            if path.is_dir():
                files += sorted(
                    file for file in path.rglob("*") if file.suffix in (".json", ".jsonl", ".ndjson")
                )
            elif path.is_file():
                files.append(path)
            else:
                raise CommandError(f"{path}: there is no such file or folder.")
        return files

    def _baskets(self, found: Iterable[Found], source: Source) -> list[list[Parsed]]:
        """Parse what can be taken, by basket: what was paid together is taken together."""
        baskets: dict[str, list[Parsed]] = {}
        for each in found:
            if each.payload is UNREADABLE:
                self._refuse(each.place, "not readable as JSON")
                continue
            try:
                if reason := why_skipped(each.payload):
                    self.counts["skipped"] += 1
                    if self.verbosity_is_high():
                        self.stdout.write(f"{each.place}: skipped, {reason}")
                    continue
                data = read_order(each.payload, source)
            except PayloadError as error:
                self._refuse(each.place, str(error))
                continue
            key = data.basket_number or f"order {data.external_id}"
            baskets.setdefault(key, []).append(Parsed(each.place, data))
        return list(baskets.values())

    def _take_basket(self, basket: list[Parsed], source: Source, owner: User | None, *, create: bool) -> None:
        """Take one basket in one transaction: all of its orders, or none of them."""
        outcomes: list[str] = []
        place = ""
        try:
            with transaction.atomic():
                for each in basket:
                    place, data = each.place, each.data
                    vendor = shop_of(data, source=source, create=create, owner=owner)
                    now = timezone.now()
                    announce = data.status in OPEN and now - data.placed_at < FRESH
                    taken = take_order(data, source=source, vendor=vendor, at=now, announce=announce)
                    outcomes.append(taken.outcome)
        except IntakeRefused as refused:
            self._refuse(place, str(refused))
            for each in basket:
                if each.place != place:
                    self._refuse(each.place, f"not taken, because {place} of the same basket could not be")
            return
        self.counts.update(outcomes)

    def _refuse(self, place: str, why: str) -> None:
        self.counts["refused"] += 1
        self.stderr.write(f"{place}: {why}")

    def verbosity_is_high(self) -> bool:
        return getattr(self, "verbosity", 1) > 1

    def execute(self, *args: Any, **options: Any) -> Any:
        self.verbosity = options["verbosity"]
        return super().execute(*args, **options)

    def _conclude(self) -> None:
        counts = self.counts
        self.stdout.write(
            f"{counts['created']} created, {counts['changed']} changed, {counts['unchanged']} unchanged, "
            f"{counts['skipped']} skipped, {counts['refused']} refused."
        )
        if not counts["created"] and not counts["changed"]:
            self.stdout.write("Nothing was changed.")
        if counts["refused"]:
            raise CommandError(f"{counts['refused']} could not be taken; each is named above.", returncode=1)


UNREADABLE = object()


def find_payloads(files: Iterable[Path]) -> Iterator[Found]:
    """Yield every order of the files: one object, a list, or one object a line."""
    for file in files:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            yield Found(str(file), UNREADABLE)
            continue
        yield from _of_text(str(file), text)


def _of_text(name: str, text: str) -> Iterator[Found]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _of_lines(name, text)
        return
    if isinstance(whole, list):
        for index, payload in enumerate(whole):
            yield Found(f"{name}[{index}]", payload)
    else:
        yield Found(name, whole)


def _of_lines(name: str, text: str) -> Iterator[Found]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) < 2:
        yield Found(name, UNREADABLE)
        return
    for number, line in lines:
        try:
            yield Found(f"{name}:{number}", json.loads(line))
        except (ValueError, RecursionError):
            yield Found(f"{name}:{number}", UNREADABLE)
