from django.db import migrations


class Migration(migrations.Migration):
    """No invoice or credit note was ever of a parcel: delivery notes have a table of their own."""

    dependencies = [
        ("orders", "0097_deliveries_without_visitors"),
    ]

    operations = [migrations.RemoveField("document", "shipment")]
