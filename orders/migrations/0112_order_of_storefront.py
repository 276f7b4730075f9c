import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a storefront reports is found before its shop is known; the index serves the storefront alone too."""

    dependencies = [
        ("orders", "0111_order_figures_lines"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["source", "external_id"], name="order_of_storefront"),
        ),
        migrations.AlterField(
            model_name="order",
            name="source",
            field=models.ForeignKey(
                "orders.source",
                django.db.models.deletion.PROTECT,
                null=True,
                blank=True,
                db_index=False,
                related_name="orders",
                verbose_name="storefront",
            ),
        ),
    ]
