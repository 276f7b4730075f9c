"""What the queue of django-tasks-db lacks: failed tasks are tried again, lost ones are found.

A task is a row; it may run twice (a worker can die after its work and before saying so),
so every task locks its own row and does nothing the second time.
"""

import sys
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks import TaskResult, TaskResultStatus
from django_tasks.signals import task_finished
from django_tasks_db.models import DBTaskResult

from marketplace.logs import told

PAUSES = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 21600, 43200, 86400)]
MOST_ATTEMPTS = len(PAUSES) + 1
LEASE = timedelta(minutes=15)  # longer than any task


def enqueue(path: str, *args: Any, run_after: datetime | None = None) -> None:
    """Queue a task by name, in the caller's transaction, as the queue's own rows name it.

    For callers that stand below the task: what follows from a step is decided above the step.
    """
    import_string(path).using(run_after=run_after).enqueue(*args)


def unfinished(path: str) -> list[list[Any]]:
    """Return the arguments of the tasks of that name that wait or run."""
    waiting = [TaskResultStatus.READY, TaskResultStatus.RUNNING]
    rows = DBTaskResult.objects.filter(task_path=path, status__in=waiting)
    return [told["args"] for told in rows.values_list("args_kwargs", flat=True)]


@receiver(task_finished)
def retry_failed(task_result: TaskResult[Any], **kwargs: Any) -> None:
    """Put a failed task back into the queue, after a pause that grows with every attempt.

    Its traceback is kept without words that quote a person.
    """
    attempts = len(task_result.worker_ids)
    if error := sys.exception():
        DBTaskResult.objects.filter(pk=task_result.id).update(traceback=told(error))
    if task_result.status == TaskResultStatus.FAILED and 0 < attempts < MOST_ATTEMPTS:
        DBTaskResult.objects.filter(pk=task_result.id, status=TaskResultStatus.FAILED).update(
            status=TaskResultStatus.READY, finished_at=None, run_after=timezone.now() + PAUSES[attempts - 1]
        )


def requeue_lost(lease: timedelta = LEASE) -> int:
    """Put back the tasks whose worker died, and return how many; after too many attempts they fail."""
    with transaction.atomic():
        lost = DBTaskResult.objects.running().filter(started_at__lt=timezone.now() - lease)
        rows = list(lost.select_for_update(skip_locked=True))
        for row in rows:
            given_up = len(row.worker_ids) >= MOST_ATTEMPTS
            row.status = TaskResultStatus.FAILED if given_up else TaskResultStatus.READY
            row.traceback = "The worker was lost." if given_up else ""
            row.finished_at = timezone.now() if given_up else None
            row.save(update_fields=["status", "traceback", "finished_at"])
    return len(rows)


def run_again(rows: QuerySet[Any]) -> int:
    """Put those of ``rows`` that were given up back into the queue; return how many. Attempts count anew."""
    given_up = rows.filter(status=TaskResultStatus.FAILED).values("pk")
    return DBTaskResult.objects.filter(pk__in=given_up).update(
        status=TaskResultStatus.READY, worker_ids=[], finished_at=None, run_after=timezone.now()
    )
