"""The worker of django-tasks-db, which here also finds the tasks of workers that died."""

import logging
import threading
from typing import Any

from django.db import DatabaseError, connection
from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker

from marketplace.queue import requeue_lost

logger = logging.getLogger(__name__)
EVERY = 60.0  # seconds


class Command(DatabaseWorker):
    help = "Run the worker: sends mails and does the shops' longer jobs."

    def handle(self, *args: Any, **options: Any) -> None:
        requeue_lost()
        if not options["batch"]:
            threading.Thread(target=_look_for_lost, daemon=True).start()
        super().handle(*args, **options)


def _look_for_lost() -> None:
    pause = threading.Event()
    while not pause.wait(EVERY):
        try:
            requeue_lost()
        except DatabaseError:
            logger.exception("Lost tasks could not be looked for; it is tried again.")
        finally:
            connection.close()
