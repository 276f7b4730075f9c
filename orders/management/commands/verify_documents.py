"""Prove that every issued document is as it was issued."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation
from tqdm import tqdm

from orders.domain.continuity import SeriesReport, verify
from orders.models import Document

SHOWN = 20  # gaps of one series that are named


class Command(BaseCommand):
    help = (
        "Hash every stored original again, walk every chain and look for gaps in the numbers. "
        "Names each document that is missing or altered; exit status 1 if there is any trouble."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        reports = []
        bar = tqdm(total=Document.objects.count(), unit="doc", disable=not sys.stderr.isatty())
        with bar, translation.override("en"):
            for report in verify(on_document=bar.update):
                reports.append(report)
                self._tell(report)
        count = sum(report.count for report in reports)
        broken = sum(not report.is_whole for report in reports)
        if broken:
            self.stderr.write(f"{broken} of {len(reports)} series have troubles ({count} documents).")
            sys.exit(1)
        self.stdout.write(f"All {len(reports)} chains are whole: {count} documents.")

    def _tell(self, report: SeriesReport) -> None:
        self.stdout.write(
            f"{report.shop} {report.kind.value}{report.year}: first {report.first or '-'}, "
            f"last {report.last or '-'}, count {report.count}, gaps {len(report.gaps)}"
        )
        if report.gaps:
            shown = ", ".join(str(gap) for gap in report.gaps[:SHOWN])
            more = f" and {len(report.gaps) - SHOWN} more" if len(report.gaps) > SHOWN else ""
            self.stderr.write(f"  Missing numbers: {shown}{more}.")
        for stray in report.strays:
            self.stdout.write(f"  Not an original, left behind by something that failed: {stray}")
        for trouble in report.troubles:
            self.stderr.write(f"  {trouble}")
