from django.db import migrations, models


class Migration(migrations.Migration):
    """Every order's figures are stale afterwards and worked out anew: the triggers are others."""

    dependencies = [
        ("orders", "0110_bulk_job_of_documents"),
    ]

    operations = [
        migrations.AddField(
            model_name="orderfigures",
            name="lines",
            field=models.TextField(default=""),
            preserve_default=False,
        ),
    ]
