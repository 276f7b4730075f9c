"""The worker of django-tasks-db, which here also does what is due every minute."""

import logging
import threading
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string
from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker

from marketplace.queue import requeue_lost

EVERY = 60.0  # seconds
log = logging.getLogger(__name__)


class Command(DatabaseWorker):
    help = "Run the worker: sends mails and does the shops' longer jobs."

    def handle(self, *args: Any, **options: Any) -> None:
        requeue_lost()
        if not options["batch"]:
            threading.Thread(target=_do_what_is_due, daemon=True).start()
        super().handle(*args, **options)


def _do_what_is_due() -> None:
    pause = threading.Event()
    while not pause.wait(EVERY):
        every_minute()


def every_minute() -> None:
    """Find lost tasks, and do what ``settings.EVERY_MINUTE`` names; of several workers any may."""
    try:
        requeue_lost()
        for path in settings.EVERY_MINUTE:
            import_string(path)()
    except Exception:  # the thread goes on: the next minute may be better
        log.exception("What is due every minute failed.")
    finally:
        connection.close()
