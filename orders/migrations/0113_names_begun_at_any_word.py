from django.db import migrations

# What was kept was the name from each of its words on; the words before that one now follow at its end.
# The first row of an order holds the whole name. Names as long as the column were cut and stay as they are.
TURN = """
UPDATE orders_ordernamestart
SET start = substr(
    orders_ordernamestart.start
    || ' ' || rtrim(substr(whole.start, 1, length(whole.start) - length(orders_ordernamestart.start))),
    1, 80
)
FROM (SELECT order_id, min(id) AS id FROM orders_ordernamestart GROUP BY order_id) AS opening
JOIN orders_ordernamestart AS whole ON whole.id = opening.id
WHERE orders_ordernamestart.order_id = opening.order_id
  AND orders_ordernamestart.id <> opening.id
  AND length(whole.start) < 80
"""


class Migration(migrations.Migration):
    """A customer is found by the family name first as well: « Lacroix Fabien »."""

    dependencies = [
        ("orders", "0112_order_of_storefront"),
    ]

    operations = [
        migrations.RunSQL(TURN, migrations.RunSQL.noop),
    ]
