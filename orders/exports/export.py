"""An export from the first byte to its row in the log."""

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from tempfile import TemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from orders.domain.supplies import under_franchise
from orders.exports.cells import EXCEL, STRICT, Row
from orders.exports.csv_file import csv_bytes
from orders.exports.line_rows import LineRows
from orders.exports.options import Options
from orders.exports.order_rows import OrderRows
from orders.exports.snapshot import snapshot
from orders.exports.xlsx_file import write_xlsx
from orders.models import ExportLog, Order
from vendors.models import Vendor

PIECE = 65_536  # bytes of a finished file that are sent at once
DIALECTS = {"strict": STRICT, "excel": EXCEL}
ROWS: dict[str, type[OrderRows] | type[LineRows]] = {"orders": OrderRows, "lines": LineRows}


class Export:
    """The orders to write and how; ``rows`` counts those that were written.

    A response is streamed after the view has returned, when neither the person's language nor
    the shop's time zone is active any more. So all that depends on them is settled here.
    """

    def __init__(self, orders: QuerySet[Order], options: Options, *, vendor: Vendor) -> None:
        self.orders, self.options = orders, options
        self.zone = ZoneInfo(vendor.time_zone)
        self._rows = ROWS[options.rows](partial(under_franchise, vendor))
        self.columns = self._rows.columns
        self.header = [c.code if options.headers == "codes" else c.label for c in self.columns]
        self.rows = 0

    def csv(self, log: ExportLog) -> Generator[bytes, None, None]:
        """Yield a CSV file while it is read; fill in ``log`` when all of it has been taken."""
        with snapshot(self.orders.db):
            yield from csv_bytes(
                self.columns, self.header, self._blocks(), DIALECTS[self.options.dialect], self.zone
            )
        self._settle(log)

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
