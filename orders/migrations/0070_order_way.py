from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0061_fixed_commission_source"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="way",
            field=models.CharField(
                blank=True,
                choices=[("parcel", "By parcel"), ("pickup", "Fetched in the shop")],
                default="",
                max_length=6,
                verbose_name="way to the customer",
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("way__in", ["", "parcel", "pickup"])), name="order_way_known"
            ),
        ),
    ]
