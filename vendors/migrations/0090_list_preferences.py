# What a person chooses about the order list.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("vendors", "0079_exemption_terms"),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='landing_view',
            field=models.PositiveIntegerField(blank=True, editable=False, null=True, verbose_name='view that comes first'),
        ),
        migrations.AddField(
            model_name='membership',
            name='saved_views',
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name='saved views'),
        ),
        migrations.AddField(
            model_name='user',
            name='list_columns',
            field=models.JSONField(blank=True, editable=False, null=True, verbose_name='columns of the order list'),
        ),
        migrations.AddField(
            model_name='user',
            name='list_is_compact',
            field=models.BooleanField(default=False, editable=False, verbose_name='compact order list'),
        ),
    ]
