"""Several PDFs in one, in little memory."""

import tempfile
from collections.abc import Iterable
from io import BytesIO
from itertools import islice
from typing import IO

from pypdf import PdfWriter

AT_ONCE = 20  # files whose readers are held: they weigh four times what stays of them


def merge(pdfs: Iterable[bytes], file: IO[bytes]) -> None:
    """Write ``pdfs`` one after the other to ``file``; at most ``AT_ONCE`` of them are held at a time."""
    whole, left = PdfWriter(), iter(pdfs)
    while some := list(islice(left, AT_ONCE)):
        with tempfile.SpooledTemporaryFile() as chunk:
            _append(some, chunk)
            chunk.seek(0)
            whole.append(chunk, import_outline=False)
    whole.write(file)


def _append(pdfs: Iterable[bytes], file: IO[bytes]) -> None:
    writer = PdfWriter()
    for pdf in pdfs:
        writer.append(BytesIO(pdf), import_outline=False)
    writer.write(file)
