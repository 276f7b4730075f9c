"""Rows as the bytes of a CSV file, block by block."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any

from orders.exports.cells import Dialect, Row, Writer, guarded
from orders.exports.columns import Column


class _Text:
    """What the csv module writes to, until it is taken."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.write = self._parts.append

    def taken(self) -> bytes:
        data = "".join(self._parts).encode()
        self._parts.clear()
        return data


def first_bytes(header: Sequence[str], dialect: Dialect) -> bytes:
    """The file's mark and its header."""
    text = _Text()
    _writer(text, dialect).writerow([guarded(label) for label in header])
    return dialect.mark + text.taken()


def csv_bytes(
    columns: Sequence[Column], blocks: Iterable[Sequence[Row]], dialect: Dialect, zone: tzinfo
) -> Iterator[bytes]:
    """Yield each block of rows; every field in quotes, CRLF at the end (RFC 4180)."""
    text = _Text()
    rows = _writer(text, dialect)
    writers = dialect.writers((column.kind for column in columns), zone)
    for block in filter(None, blocks):
        rows.writerows(_written(block, writers))
        yield text.taken()


def _writer(text: _Text, dialect: Dialect) -> Any:
    return csv.writer(text, delimiter=dialect.delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")


def _written(block: Sequence[Row], writers: Sequence[Writer | None]) -> Iterable[Sequence[object]]:
    """Write a block column by column, which is quicker than cell by cell."""
    columns = zip(*block, strict=True)
    written = (map(write, cells) if write else cells for write, cells in zip(writers, columns, strict=True))
    return zip(*written, strict=True)
