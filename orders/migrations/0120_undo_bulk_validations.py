from django.db import migrations, models

ACTIONS = [
    ("validate", "Validate"),
    ("ship", "Mark shipped"),
    ("invoice", "Issue invoices"),
    ("notes", "Delivery notes in one PDF"),
    ("originals", "Invoices and credit notes as a ZIP"),
    ("undo", "Undo validations"),
]


class Migration(migrations.Migration):
    dependencies = [("orders", "0113_names_begun_at_any_word")]

    operations = [
        migrations.AddField(
            "bulkitem",
            "version",
            models.PositiveIntegerField(blank=True, null=True, verbose_name="version of the order"),
        ),
        migrations.AlterField(
            "bulkjob", "action", models.CharField(choices=ACTIONS, max_length=10, verbose_name="action")
        ),
    ]
