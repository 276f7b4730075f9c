from django.db import migrations, models


class Migration(migrations.Migration):
    """A run that was cut off before begins anew: no last order is known of it."""

    dependencies = [
        ("orders", "0091_reconcile_gapless"),
    ]

    operations = [
        migrations.RenameField(model_name="reconcilerun", old_name="page", new_name="passed"),
        migrations.AlterField(
            model_name="reconcilerun",
            name="passed",
            field=models.PositiveIntegerField(default=0, verbose_name="orders compared"),
        ),
        migrations.AddField(
            model_name="reconcilerun",
            name="last_id",
            field=models.PositiveBigIntegerField(default=0, verbose_name="last order's id"),
        ),
    ]
