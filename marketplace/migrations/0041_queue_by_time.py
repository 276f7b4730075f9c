"""The office's list of tasks begins with the newest, of all and of each state: indexes on the queue's own table."""

from django.db import migrations

INDEXES = {"queue_by_time": "enqueued_at", "queue_by_status": "status, enqueued_at"}


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0040_mails_by_address_and_time"),
        ("django_tasks_database", "0021_conditional_partial_index_ordering"),
    ]

    operations = [
        migrations.RunSQL(
            f"CREATE INDEX IF NOT EXISTS {name} ON django_tasks_database_dbtaskresult ({columns})",
            f"DROP INDEX IF EXISTS {name}",
        )
        for name, columns in INDEXES.items()
    ]
