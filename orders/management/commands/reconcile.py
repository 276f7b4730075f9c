"""Compare with storefronts, repair what deliveries lost, and say what differed; for a timer too."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation
from tqdm import tqdm

from orders.connectors.woocommerce_rest import StorefrontError
from orders.models import ReconcileRun, ReportedOrder, Source
from orders.storefronts.reconcile import ReconcileRefused, alone, moment_of, open_run, reconcile, unheard

NAMED = 20  # differences that are printed one by one


class Command(BaseCommand):
    help = "Compare with a storefront and repair what deliveries lost; the first time its whole history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", nargs="?", metavar="SOURCE", help="the storefront's short name")
        parser.add_argument(
            "--all", action="store_true", help="every storefront with REST keys, unless paused"
        )
        parser.add_argument(
            "--since",
            metavar="WHEN",
            help="2026-11-23, 2026-11-23T08:00, 90m, 36h or 7d; by default since the last run",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            since = self._since(options["since"])
            sources = self._sources(options["source"], everything=options["all"])
            failed = [source for source in sources if not self._reconcile(source, since)]
        if failed:
            raise CommandError("Not finished: " + ", ".join(map(str, failed)) + ". It goes on the next time.")

    def _since(self, text: str | None) -> datetime | None:
        try:
            return moment_of(text) if text else None
        except (ValueError, OverflowError):
            raise CommandError(
                f"--since: {text} is no date; use 2026-11-23, 2026-11-23T08:00, 90m, 36h or 7d."
            ) from None

    def _sources(self, slug: str | None, *, everything: bool) -> list[Source]:
        if bool(slug) == everything:
            raise CommandError("Name one storefront, or use --all.")
        if slug:
            source = Source.objects.filter(slug=slug).first()
            if source is None:
                raise CommandError(f"There is no storefront {slug}.")
            return [source]
        return [
            source for source in Source.objects.filter(is_paused=False).order_by("slug") if source.has_rest
        ]

    def _reconcile(self, source: Source, since: datetime | None) -> bool:
        """Reconcile one storefront and say what came of it; return whether it was finished."""
        try:
            with alone(source):
                run = open_run(source, since=since, now=timezone.now())
                if run.passed:
                    self.stdout.write(f"{source}: going on after {run.passed} of {run.total} orders.")
                self._with_bar(run)
        except (ReconcileRefused, StorefrontError) as error:
            self.stderr.write(str(error))
            return False
        self._tell(run)
        return True

    def _with_bar(self, run: ReconcileRun) -> None:
        is_quiet = not self.stderr.isatty()
        with tqdm(unit=" orders", desc=str(run.source), disable=is_quiet, file=self.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            reconcile(run, progress=show)

    def _tell(self, run: ReconcileRun) -> None:
        counts = run.counts
        what = f"changes since {run.since:%Y-%m-%d %H:%M} UTC" if run.since else "the whole history"
        self.stdout.write(
            f"{run.source}: {what}: {run.differed} differed ({counts.get('created', 0)} were missing, "
            f"{counts.get('changed', 0)} changed, {counts.get('set_aside', 0)} set aside), "
            f"{counts.get('unchanged', 0)} were the same, {counts.get('skipped', 0)} skipped."
        )
        if without := counts.get("not_told"):
            self.stdout.write(f"{run.source} did not tell all of {without} orders; they are named below.")
        for each in run.differences[:NAMED]:
            self.stdout.write(f"  {each['order']}: {each['outcome']}{_fields(each['fields'])}")
        if len(run.differences) > NAMED:
            self.stdout.write(f"  … and {run.differed - NAMED} more, in the admin.")
        self._tell_unheard(run.source)

    def _tell_unheard(self, source: Source) -> None:
        for answer in unheard(source)[:NAMED]:
            state = answer.get_state_display()
            line = f"  {answer.order.number}: not acknowledged: {answer.what} ({state}) {answer.why}"
            self.stdout.write(line.rstrip())
        meant = ReportedOrder.objects.filter(source=source, order__isnull=False).exclude(differences=[])
        for reported in meant.select_related("order")[:NAMED]:
            assert reported.order is not None  # noqa: S101  # filtered for
            names = ", ".join(sorted(each["field"] for each in reported.differences))
            self.stdout.write(f"  {reported.order.number}: differs on purpose: {names}")


def _fields(fields: list[dict[str, str]]) -> str:
    """What differed, in brackets: ``(status pending → completed, customer)``."""
    if not fields:
        return ""
    parts = [
        f"{each['field']} {each['before'] or '-'} → {each['after'] or '-'}"
        if "after" in each
        else f"{each['field']}: {each['problem']}"
        if "problem" in each
        else each["field"]
        for each in fields
    ]
    return f" ({', '.join(parts)})"
