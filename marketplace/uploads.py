"""How much may be uploaded, whoever uploads: looked at before a byte of it is kept."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

MOST_BYTES = 5_000_000  # of a request with files; the largest upload, a shop's logo, has a tenth of it


class LimitedUploads(FileUploadHandler):
    """Refuses a request with files that is too large; stands before the handlers that keep them.

    Django's ``DATA_UPLOAD_MAX_MEMORY_SIZE`` counts a form without its files.
    """

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: str | None = None
    ) -> None:
        """Raise RequestDataTooBig, which is answered 413, by the length that the request says.

        No more than that is read of it.
        """
        if content_length > MOST_BYTES:
            raise RequestDataTooBig(f"A request with files has at most {MOST_BYTES} bytes.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
