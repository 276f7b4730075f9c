"""Compare the tally of each shop with its orders, and count it anew where it is wrong."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.domain.tallies import differences, repair
from vendors.models import Vendor

SHOWN = 10


class Command(BaseCommand):
    help = "Count the tallies of shops anew where they differ from the orders."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only tell; exit 1 where one is wrong")
        parser.add_argument("--shop", metavar="SLUG", help="this shop alone")

    def handle(self, *args: Any, **options: Any) -> None:
        shops = Vendor.objects.order_by("pk")
        if slug := options["shop"]:
            shops = shops.filter(slug=slug)
            if not shops:
                raise CommandError(f"There is no shop “{slug}”.")
        wrong = [shop for shop in shops if self._is_wrong(shop)]
        if wrong and options["check"]:
            raise CommandError(f"{len(wrong)} of {len(shops)} tallies differ from the orders.")
        for shop in wrong:
            repair(shop)
        self.stdout.write(f"{len(shops)} tallies are right, {len(wrong)} of them counted anew.")

    def _is_wrong(self, shop: Vendor) -> bool:
        found = differences(shop)
        for difference in found[:SHOWN]:
            self.stdout.write(f"{shop.slug}: {difference}")
        if len(found) > SHOWN:
            self.stdout.write(f"{shop.slug}: … {len(found) - SHOWN} more")
        return bool(found)
