"""Make the demo: three shops full of orders, and the people who work there."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from orders.demo.fill import RICH, DemoImpossible, make_demo
from orders.demo.shops import PASSWORD, PLANS, STAFF
from vendors.roles import Role


class Command(BaseCommand):
    help = "Make three believable shops with their orders, beside whatever is here; made once, it stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=whole, default=RICH, metavar="N", help="default: %(default)s")
        parser.add_argument("--seed", type=int, default=1, metavar="N", help="another one makes other orders")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["orders"]
        bar = tqdm(
            total=wanted, unit=" orders", disable=not self.stderr.isatty(), file=self.stderr, leave=False
        )
        try:
            with bar:
                made = make_demo(wanted, seed=options["seed"], now=timezone.now(), progress=bar.update)
        except DemoImpossible as refusal:
            raise CommandError(str(refusal)) from refusal
        if not made.is_new:
            self.stdout.write(f"The demo is here already, with {made.orders} orders: nothing was changed.")
            return
        self.stdout.write(f"{made.shops} shops, {made.orders} orders, {made.invoices} invoices.")
        self._introduce()

    def _introduce(self) -> None:
        self.stdout.write(f"Everybody's password is {PASSWORD}:")
        for plan in PLANS:
            for role, email, _name in plan.people:
                self.stdout.write(f"  {email:<24} {Role(role).value} of {plan.slug}")
        self.stdout.write(f"  {STAFF[0]:<24} the marketplace's staff")


def whole(text: str) -> int:
    """Read a number of orders; raises ArgumentTypeError with a sentence for anything else."""
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text} is not a number of orders; use 0 or more.")
    return int(text)
