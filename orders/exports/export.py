"""An export from the first byte to its row in the log."""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from tempfile import TemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

from django.db import connections
from django.db.models import QuerySet

from orders.domain.supplies import one_regime, under_franchise
from orders.exports.cells import EXCEL, STRICT, Dialect, Row
from orders.exports.copied import Copy, copied, copy_of_orders
from orders.exports.csv_file import csv_bytes, first_bytes
from orders.exports.figures import AT_FIRST, is_stale, settle
from orders.exports.kept_lines import copy_of_lines
from orders.exports.line_rows import LineRows, order_fee_label
from orders.exports.options import Options
from orders.exports.order_rows import OrderRows, status_labels
from orders.exports.snapshot import snapshot
from orders.exports.xlsx_file import write_xlsx
from orders.models import ExportLog, Order
from vendors.models import LegalIdentity, Vendor

PIECE = 65_536  # bytes of a finished file that are sent at once
DIALECTS = {"strict": STRICT, "excel": EXCEL}
ROWS: dict[str, type[OrderRows] | type[LineRows]] = {"orders": OrderRows, "lines": LineRows}


class Export:
    """The orders to write and how; ``rows`` counts those that were written.

    A response is streamed after the view has returned, when neither the person's language nor
    the shop's time zone is active any more. So all that depends on them is settled here.
    ``are_many`` says whether these are most of the shop's orders; asked only where it matters.
    """

    def __init__(
        self,
        orders: QuerySet[Order],
        options: Options,
        *,
        vendor: Vendor,
        are_many: Callable[[], bool] = lambda: False,
    ) -> None:
        self.orders, self.options, self.vendor = orders, options, vendor
        self.are_many = are_many
        self.status_labels, self.fee_label = status_labels(), order_fee_label()
        self.zone, self.regime = ZoneInfo(vendor.time_zone), one_regime(vendor)
        self._rows = ROWS[options.rows](partial(under_franchise, vendor))
        self.columns = self._rows.columns
        self.header = [c.code if options.headers == "codes" else c.label for c in self.columns]
        self.rows = 0

    def csv(self, log: ExportLog) -> Generator[bytes, None, None]:
        """Yield a CSV file while it is read; fill in ``log`` when all of it has been taken."""
        dialect = DIALECTS[self.options.dialect]
        if self._may_be_copied and is_stale(self.vendor):
            settle(self.vendor.pk, AT_FIRST)
        with snapshot(self.orders.db):
            yield first_bytes(self.header, dialect)
            if (copy := self._copy(dialect)) is None:
                yield from csv_bytes(self.columns, self._blocks(), dialect, self.zone)
            else:
                self.rows = yield from copied(copy, zone=self.zone.key, are_many=self.are_many())
        self._settle(log)

    @property
    def _may_be_copied(self) -> bool:
        """Whether the database can write the rows: PostgreSQL, of a shop that never changed its regime."""
        return connections[self.orders.db].vendor == "postgresql" and self.regime is not None

    def _copy(self, dialect: Dialect) -> Copy | None:
        """How the database itself writes the rows; None where only Python can say."""
        if not self._may_be_copied or is_stale(self.vendor, self.orders.db):
            return None
        franchise = self.regime == LegalIdentity.VatRegime.FRANCHISE
        if self.options.rows == "lines":
            return copy_of_lines(self.orders, dialect, franchise=franchise, fee_label=self.fee_label)
        return copy_of_orders(
            *(self.orders, dialect),
            franchise=franchise,
            columns=self.columns,
            status_labels=self.status_labels,
        )

    def xlsx(self) -> IO[bytes]:
        """Write a workbook; return its file, which vanishes when it is closed."""
        file = TemporaryFile()  # noqa: SIM115
        try:
            with snapshot(self.orders.db):
                write_xlsx(file, self.columns, self.header, self._blocks(), self.zone)
        except BaseException:
            file.close()
            raise
        return file

    def sent(self, file: IO[bytes], log: ExportLog) -> Generator[bytes, None, None]:
        """Yield a finished file in pieces and close it; fill in ``log`` when all of it has been taken."""
        with file:
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece
        self._settle(log)

    def _blocks(self) -> Iterator[Sequence[Row]]:
        for block in self._rows.blocks(self.orders):
            self.rows += len(block)
            yield block

    def _settle(self, log: ExportLog) -> None:
        log.rows = self.rows
        log.save(update_fields=["rows"])
