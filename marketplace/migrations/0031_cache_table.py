"""The table in which sign-in attempts are counted (``CACHES``)."""

from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0030_audit"),
    ]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
