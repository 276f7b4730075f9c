"""Several PDFs in one, in little memory."""

import gc
import tempfile
from collections.abc import Iterable
from io import BytesIO
from itertools import islice
from typing import IO

from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

AT_ONCE = 10  # files whose readers are held: they weigh four times what stays of them


def merge(pdfs: Iterable[bytes], file: IO[bytes], *, title: str = "") -> None:
    """Write ``pdfs`` one after the other to ``file``; at most ``AT_ONCE`` of them are held at a time.

    Each has a bookmark with its own title; the whole is in French and called ``title``.
    """
    whole, left = PdfWriter(), iter(pdfs)
    while some := list(islice(left, AT_ONCE)):
        with tempfile.SpooledTemporaryFile() as chunk:
            _append(some, chunk)
            chunk.seek(0)
            whole.append(chunk)
        gc.collect()  # a reader and its objects name each other: nothing else gives their memory back
    whole.root_object[NameObject("/Lang")] = TextStringObject("fr")
    if title:
        whole.add_metadata({"/Title": title})
    whole.write(file)


def _append(pdfs: Iterable[bytes], file: IO[bytes]) -> None:
    writer = PdfWriter()
    for pdf in pdfs:
        reader = PdfReader(BytesIO(pdf))
        name = reader.metadata.title if reader.metadata else None
        writer.append(reader, outline_item=name or None, import_outline=False)
    writer.write(file)
