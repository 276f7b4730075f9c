"""Rows as an Excel workbook with typed cells; memory does not grow with the rows.

The rules are told in ``docs/rules/csv-export.md``, "The workbook".
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import IO, Any

from django.utils.translation import gettext
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import WorkbookAlreadySaved

from orders.exports.cells import Kind, Row, one_line
from orders.exports.columns import Column

LAST_ROW = 1_048_576  # of a sheet; what is more goes on to the next one
FORMATS = {
    Kind.TEXT: "@",
    Kind.WHOLE: "0",
    Kind.AMOUNT: "0.00",
    Kind.PERCENT: "0.##",
    Kind.MOMENT: "dd/mm/yyyy hh:mm",
}
# What XML cannot hold: controls, halves of surrogate pairs, two non-characters (XML 1.0, production 2).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_xlsx(
    file: IO[bytes],
    columns: Sequence[Column],
    header: Sequence[str],
    blocks: Iterable[Sequence[Row]],
    zone: tzinfo,
) -> int:
    """Write a workbook into ``file`` and return how many rows stand under its headers.

    openpyxl keeps the sheet in a temporary file of its own until the workbook is complete;
    it is removed whether that succeeds or not.
    """
    workbook: Any = Workbook(write_only=True)
    workbook.properties.creator = "Comptoir"
    try:
        rows = sum(_write_rows(workbook, columns, header, blocks, zone))
        workbook.save(file)
    except BaseException:
        for sheet in workbook.worksheets:
            with suppress(WorkbookAlreadySaved, OSError):
                sheet.close()
            with suppress(OSError):
                os.remove(sheet._writer.out)
        raise
    return rows


def _write_rows(
    workbook: Any,
    columns: Sequence[Column],
    header: Sequence[str],
    blocks: Iterable[Sequence[Row]],
    zone: tzinfo,
) -> Iterable[int]:
    """Write sheet after sheet and yield the rows of each block as it is written."""
    sheet, cells = _new_sheet(workbook, columns, header)
    readers = [_reader(column.kind, zone) for column in columns]
    row_number = 1
    for block in blocks:
        for row in block:
            if row_number == LAST_ROW:
                sheet, cells = _new_sheet(workbook, columns, header)
                row_number = 1
            sheet.append(
                [_filled(cell, read(value)) for cell, read, value in zip(cells, readers, row, strict=True)]
            )
            row_number += 1
        yield len(block)


def _new_sheet(workbook: Any, columns: Sequence[Column], header: Sequence[str]) -> tuple[Any, list[Any]]:
    """Begin a sheet with its header; also return a cell per column, to be filled again for each row."""
    sheet = workbook.create_sheet(gettext("Orders"))
    sheet.freeze_panes = "A2"
    for number, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    sheet.append([_title_cell(sheet, label) for label in header])
    cells = [WriteOnlyCell(sheet) for _column in columns]
    for cell, column in zip(cells, columns, strict=True):
        cell.number_format = FORMATS[column.kind]
    return sheet, cells


def _title_cell(sheet: Any, label: str) -> Any:
    cell = WriteOnlyCell(sheet)
    cell.font = Font(bold=True)
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    return _filled(cell, label)


def _filled(cell: Any, value: str | Decimal | int | datetime | None) -> Any:
    """Put ``value`` into the cell, text as nothing but text; None for an empty one."""
    if value is None or value == "":
        return None
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl takes "=…" for a formula and "#N/A" for an error
    return cell


def _reader(kind: Kind, zone: tzinfo) -> Callable[[Any], str | Decimal | int | datetime | None]:
    """Return what makes of a row's value the cell's."""
    match kind:
        case Kind.AMOUNT:
            return Decimal
        case Kind.MOMENT:
            return lambda value: value and value.astimezone(zone).replace(tzinfo=None, microsecond=0)
        case Kind.PERCENT:
            return lambda text: text if " + " in text or not text else Decimal(text)
        case Kind.WHOLE:
            return int
        case Kind.TEXT:
            return lambda text: _NOT_XML.sub("", one_line(text))
