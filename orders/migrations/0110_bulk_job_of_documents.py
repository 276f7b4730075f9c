from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0098_document_without_parcel")]

    operations = [
        migrations.AddField(
            "bulkjob",
            "documents",
            models.JSONField(blank=True, null=True, verbose_name="documents"),
        )
    ]
