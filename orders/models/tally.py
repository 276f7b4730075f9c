"""What a shop's orders come to, day by day: kept by the database itself, whoever writes an order."""

from django.db import models
from django.db.models import Q

from vendors.models import Vendor


class Span(models.TextChoices):
    """What a row of the tally covers; ``NEW`` ones were written since the last folding."""

    NEW = "new"
    DAY = "day"
    MONTH = "month"


class Tally(models.Model):
    """How many of a shop's orders are alike, and their sums; several rows may speak of one group.

    ``day`` is the day of ``placed_at`` in the shop's time zone, the first one of the month in
    rows of a ``MONTH``. Amounts are whole cents, so that sums are exact on every database;
    ``total_cents`` is before refunds. What counts is the sum over ``NEW`` and ``DAY`` rows, or over
    ``NEW`` and ``MONTH`` rows: ``NEW`` rows are changes, and may be negative. Orders in the
    storefront's bin are left out.

    No code writes here: triggers do (``orders/models/tally_triggers.py``).
    """

    vendor = models.ForeignKey(Vendor, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    span = models.CharField(max_length=5, choices=Span)
    day = models.DateField()
    status = models.CharField(max_length=10)
    stage = models.CharField(max_length=16)
    refund_state = models.CharField(max_length=7)
    currency = models.CharField(max_length=3)
    orders = models.IntegerField()
    total_cents = models.BigIntegerField()
    refunded_cents = models.BigIntegerField()
    earnings_cents = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["vendor", "span", "day", "status", "stage", "refund_state", "currency"],
                condition=~Q(span=Span.NEW),
                name="tally_group_unique",
            )
        ]
        indexes = [models.Index(fields=["vendor", "day"], condition=Q(span=Span.NEW), name="tally_new")]
