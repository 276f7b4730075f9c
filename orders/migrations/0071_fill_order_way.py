"""Say of orders from before how their goods left: by parcel, or from the shop, as their history tells."""

from django.db import migrations
from django.db.models import Exists, OuterRef


def fill(apps, schema_editor):
    orders = apps.get_model("orders", "Order").objects
    parcels = apps.get_model("orders", "Shipment").objects.filter(order=OuterRef("pk"))
    waited = apps.get_model("orders", "HistoryEntry").objects.filter(
        order=OuterRef("pk"), kind="stage", data__stage="ready_for_pickup"
    )
    orders.filter(Exists(parcels)).update(way="parcel")
    orders.filter(~Exists(parcels), Exists(waited)).update(way="pickup")


class Migration(migrations.Migration):

    dependencies = [
        ("orders", "0070_order_way"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
