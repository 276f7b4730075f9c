from django.db import migrations, models


class Migration(migrations.Migration):
    """A refund of nothing is possible: units come back later than their money, or a free order ends."""

    dependencies = [
        ("orders", "0052_names_of_relations"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="refund", name="refund_amount_positive"),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="refund_amount_not_negative"
            ),
        ),
    ]
