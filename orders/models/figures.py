"""What an export says of an order beyond its own columns: worked out once, kept until it changes.

Why so, and what was measured: ``docs/decisions/0090-an-export-is-a-copy-of-what-is-worked-out.md``.
"""

from django.db import models

from orders.models.orders import Order
from vendors.models import Vendor


class OrderFigures(models.Model):
    """What the lines, parcels and invoice of one order come to, each under its column's code.

    Amounts are texts, as a file has them: what a million rows write is written once, not each time.
    VAT as on an invoice of a shop that charges it; ``lines_total`` is all there is to say where
    none is charged. ``cells`` holds the texts of the order that a file must write otherwise than they
    are stored (``{code: text}``), None where there is none. ``lines`` is what a file has in its rows of the
    order's lines (``orders.exports.kept_lines``). Only PostgreSQL has rows here
    (``orders.exports.figures``); a row is right unless a ``StaleFigures`` names its order.
    """

    order = models.OneToOneField(
        Order, models.CASCADE, primary_key=True, related_name="figures", db_constraint=False
    )
    units = models.BigIntegerField()
    items = models.TextField()
    tracking_numbers = models.TextField()
    invoice_number = models.TextField()
    lines_total = models.TextField()
    total_excl_vat = models.TextField()
    vat_total = models.TextField()
    refunded_vat = models.TextField()
    base_20 = models.TextField()
    vat_20 = models.TextField()
    base_10 = models.TextField()
    vat_10 = models.TextField()
    base_5_5 = models.TextField()
    vat_5_5 = models.TextField()
    base_2_1 = models.TextField()
    vat_2_1 = models.TextField()
    base_other = models.TextField()
    vat_other = models.TextField()
    cells = models.JSONField(null=True)
    lines = models.TextField()

    def __str__(self) -> str:
        return str(self.order_id)


class StaleFigures(models.Model):
    """An order whose figures are missing or wrong since something of it was written.

    No code adds rows: triggers do (``orders/models/figure_triggers.py``), in the transaction that
    writes. Rows are only added, several may name one order: no writer waits for another.
    """

    vendor = models.ForeignKey(Vendor, models.CASCADE, related_name="+", db_constraint=False)
    order = models.ForeignKey(Order, models.CASCADE, related_name="+", db_constraint=False, db_index=False)

    def __str__(self) -> str:
        return str(self.order_id)
