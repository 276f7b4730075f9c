from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from django_tasks_db.apps import TasksAppConfig

# The queue's own names, which django-tasks-db marks for translation and ships in English alone.
QUEUE_WORDS = (gettext_noop("Task Result"), gettext_noop("Task Results"))


class MarketplaceConfig(AppConfig):
    name = "marketplace"
    verbose_name = _("Marketplace")

    def ready(self) -> None:
        from marketplace import append_only, checks, queue  # noqa: F401  (they register themselves)


class QueueConfig(TasksAppConfig):
    """The queue's tables under a name that the office understands."""

    verbose_name = _("Queue of tasks")  # type: ignore[assignment]
