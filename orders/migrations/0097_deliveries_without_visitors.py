import re

from django.db import migrations

# What storefronts tell of the customer's device: as fields of the order, and as its extra values.
OF_VISITORS = rb'"customer_(?:ip_address|user_agent)"\s*:\s*'
KEYS_OF_VISITORS = rb"_(?:customer_ip_address|customer_user_agent|wc_order_attribution_user_agent)"
VALUE_OF_VISITORS = rb'"key"\s*:\s*"' + KEYS_OF_VISITORS + rb'"\s*,\s*"value"\s*:\s*'
VISITORS = re.compile(rb"(" + OF_VISITORS + rb"|" + VALUE_OF_VISITORS + rb')"(?:[^"\\]|\\.)*"')


def forget_visitors(apps, schema_editor):
    """Empty customers' network addresses and browsers in the bodies that are kept."""
    Delivery = apps.get_model("orders", "Delivery")
    for delivery in Delivery.objects.filter(pruned_at=None).only("body").order_by("pk").iterator(200):
        body = bytes(delivery.body)
        emptied = VISITORS.sub(rb'\1""', body)
        if emptied != body:
            Delivery.objects.filter(pk=delivery.pk).update(body=emptied)


class Migration(migrations.Migration):
    dependencies = [("orders", "0096_exports_name_nobody")]

    operations = [migrations.RunPython(forget_visitors, migrations.RunPython.noop)]
