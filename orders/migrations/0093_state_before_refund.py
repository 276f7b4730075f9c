from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0092_reconcile_by_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="reportedorder",
            name="before_refund",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
