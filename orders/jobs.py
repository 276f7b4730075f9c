"""What the worker decides: it runs the same domain functions as a page."""

from django.utils import timezone
from django_tasks import task

from orders.domain.bulk import work_on
from orders.models import BulkJob
from orders.storefronts.answers import send_waiting

AT_ONCE = 100  # orders a task; short tasks, so that a dead worker's are found soon


@task()
def run_bulk(job_id: int) -> None:
    """Work on a bulk action; while orders are waiting, the next task takes over."""
    job = BulkJob.objects.select_related("asked_by").get(pk=job_id)
    if work_on(job, at=timezone.now(), most=AT_ONCE):
        run_bulk.enqueue(job_id)


@task()
def answer_storefront(order_id: int) -> None:
    """Tell an order's storefront what was done here; what is not done yet has a task of its own time."""
    if (later := send_waiting(order_id)) is not None:
        answer_storefront.using(run_after=later).enqueue(order_id)
