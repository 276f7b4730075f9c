from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0011_fill_document_chain"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='document',
            constraint=models.UniqueConstraint(fields=('vendor', 'kind', 'year', 'previous_hash'), name='document_chain_has_no_fork'),
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('previous_hash', ''), _negated=True), models.Q(('chain_hash', ''), _negated=True)), name='document_is_in_the_chain'),
        ),
    ]
