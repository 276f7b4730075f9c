"""What the console is told."""

import logging


class RefusalsInOneLine(logging.Filter):
    """Takes the traceback off an answer that is no fault of ours: a refusal is one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
            record.exc_text = None
        return True
