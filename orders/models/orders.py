"""The order and its lines."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from marketplace.countries import postal_country
from marketplace.formats import spaced
from marketplace.money import round_half_up
from orders.models.customers import START_LENGTH, Customer, normalise
from orders.models.intake import Source
from orders.states import (
    EARNS,
    PAID,
    PARTLY_SHIPPED,
    EarningsState,
    OrderStatus,
    RefundState,
    Stage,
    Way,
    earnings_state,
)
from vendors.models import MONEY, Product, Vendor
from vendors.scope import OwnedByShop, ScopedQuerySet

ZERO = Decimal("0.00")
# What storefronts call a pickup in the shop; a carrier's pickup point is a delivery.
PICKUP = re.compile(r"retrait|pick[ -]?up|click|à emporter|(en|au) (boutique|magasin|atelier)", re.IGNORECASE)
PICKUP_POINT = re.compile(r"relais|relay|point|locker|consigne|poste|mondial", re.IGNORECASE)
CENT = Decimal("0.005")  # tolerance of a check that the database computes in floating point


def _money(label: Any, **more: Any) -> "models.DecimalField[Any, Decimal]":
    return models.DecimalField(label, default=ZERO, **MONEY, **more)


# What stands under the menu's « refunded »; its index asks for the very same words.
UNDER_REFUNDED = Q(status="refunded") | ~Q(refund_state="none")


def is_late(at: datetime) -> Q:
    """Paid orders nothing was done for since the shop's delay ran out."""
    return Q(status=OrderStatus.PROCESSING, stage=Stage.TO_PREPARE, prepare_by__lt=at)


class OrderQuerySet(ScopedQuerySet["Order"]):
    def for_vendor(self, vendor: Vendor) -> Self:
        return self.filter(vendor=vendor, hidden_at=None)

    def with_status(self, status: str) -> Self:
        """The menu's entry ``status``; « refunded » has the partly refunded ones too."""
        if status == OrderStatus.REFUNDED:
            return self.filter(UNDER_REFUNDED)
        return self.filter(status=status)

    def named(self, prefix: str, *, of: Vendor, first: bool = True) -> Self:
        """Orders of this shop whose customer's name has a word that begins with ``prefix``.

        Several words find it begun at any of its words: the family name may come first. Case and
        accents are ignored. With ``first`` the names are read first, by their index; without it the
        database may as well go through the orders: for names that thousands have.
        """
        start = normalise(prefix)[:START_LENGTH]
        found = OrderNameStart.objects.filter(vendor=of, start__prefix=start)
        return self.filter(**{"pk__among" if first else "pk__in": found.values("order")})

    def numbered(self, prefix: str, *, of: Vendor, first: bool = True) -> Self:
        """Orders of this shop whose number begins with ``prefix``; ``first`` as for names."""
        if not first:
            return self.filter(number__prefix=prefix)
        return self.filter(pk__among=Order.objects.filter(vendor=of, number__prefix=prefix).values("pk"))

    def earning(self) -> Self:
        return self.filter(status__in=EARNS)

    def late(self, at: datetime) -> Self:
        return self.filter(is_late(at))


class Order(OwnedByShop):
    """One vendor's part of a customer's checkout.

    ``status`` changes only through ``orders.domain.transitions.change_status``. Amounts are in
    ``currency``; ``total`` is what the customer paid, VAT included. ``version`` grows with
    every change that a person could have overlooked. Name, contact and addresses are frozen
    as the customer gave them.
    """

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="orders", verbose_name=_("shop"))
    source = models.ForeignKey(
        Source,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # order_of_storefront
        related_name="orders",
        verbose_name=_("storefront"),
    )
    external_id = models.CharField(_("storefront's id"), max_length=60, blank=True)
    number = models.CharField(_("number"), max_length=60)
    number_value = models.BigIntegerField(_("number for sorting"), default=0)
    basket_number = models.CharField(_("basket"), max_length=60, blank=True)

    status = models.CharField(_("status"), max_length=10, choices=OrderStatus, default=OrderStatus.PENDING)
    stage = models.CharField(_("stage"), max_length=16, choices=Stage, blank=True)
    way = models.CharField(_("way to the customer"), max_length=6, choices=Way, blank=True)
    refund_state = models.CharField(
        _("refunded"), max_length=7, choices=RefundState, default=RefundState.NONE
    )
    version = models.PositiveIntegerField(_("version"), default=1)

    placed_at = models.DateTimeField(_("placed at"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    refunded_at = models.DateTimeField(_("refunded at"), null=True, blank=True)
    prepare_by = models.DateTimeField(_("late from"), null=True, blank=True)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    reported_at = models.DateTimeField(_("storefront's last change"), null=True, blank=True)
    anonymised_at = models.DateTimeField(_("personal data erased at"), null=True, blank=True)
    hidden_at = models.DateTimeField(_("in the storefront's bin since"), null=True, blank=True)

    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="orders", verbose_name=_("customer")
    )
    customer_name = models.CharField(_("customer's name"), max_length=200, blank=True)
    customer_email = models.CharField(_("customer's e-mail"), max_length=254, blank=True)
    customer_phone = models.CharField(_("customer's telephone"), max_length=40, blank=True)
    billing_name = models.CharField(_("billing name"), max_length=200, blank=True)
    billing_company = models.CharField(_("billing company"), max_length=200, blank=True)
    billing_address_1 = models.CharField(_("billing address"), max_length=200, blank=True)
    billing_address_2 = models.CharField(_("billing address, second line"), max_length=200, blank=True)
    billing_postcode = models.CharField(_("billing postcode"), max_length=20, blank=True)
    billing_city = models.CharField(_("billing town"), max_length=100, blank=True)
    billing_country = models.CharField(_("billing country"), max_length=2, blank=True)
    shipping_name = models.CharField(_("delivery name"), max_length=200, blank=True)
    shipping_company = models.CharField(_("delivery company"), max_length=200, blank=True)
    shipping_address_1 = models.CharField(_("delivery address"), max_length=200, blank=True)
    shipping_address_2 = models.CharField(_("delivery address, second line"), max_length=200, blank=True)
    shipping_postcode = models.CharField(_("delivery postcode"), max_length=20, blank=True)
    shipping_city = models.CharField(_("delivery town"), max_length=100, blank=True)
    shipping_country = models.CharField(_("delivery country"), max_length=2, blank=True)
    buyer_is_business = models.BooleanField(_("buys as a business"), default=False)
    buyer_siren = models.CharField(_("buyer's SIREN"), max_length=9, blank=True)
    buyer_vat_number = models.CharField(_("buyer's VAT number"), max_length=20, blank=True)
    payment_method = models.CharField(_("payment code"), max_length=60, blank=True)
    payment_title = models.CharField(_("payment"), max_length=200, blank=True)
    shipping_method = models.CharField(_("delivery"), max_length=200, blank=True)
    customer_note = models.TextField(_("customer's message"), blank=True)

    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    items_total = _money(_("items before discounts, incl. VAT"))
    discount_total = _money(_("discount incl. VAT"))
    shipping_total = _money(_("shipping incl. VAT"))
    fees_total = _money(_("fees incl. VAT"))
    total = _money(_("total incl. VAT"))
    storefront_vat_total = _money(_("VAT as the storefront states it"))
    refunded_total = _money(_("refunded incl. VAT"))
    refund_requested_total = _money(_("refunds asked for, not confirmed yet"))
    net_total = _money(_("total after refunds"))
    commission = _money(_("commission charged"))
    commission_vat_rate = models.DecimalField(
        _("VAT rate on the commission"), max_digits=5, decimal_places=4, default=Decimal(0)
    )
    commission_order_fee = _money(_("commission per order"))
    commission_given_back = _money(_("commission given back"))
    earnings = _money(_("gains"))

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["vendor", "number"], name="order_number_unique"),
            models.UniqueConstraint(
                fields=["vendor", "source", "external_id"],
                condition=~Q(external_id=""),
                name="order_external_unique",
            ),
            models.CheckConstraint(condition=Q(status__in=OrderStatus.values), name="order_status_known"),
            models.CheckConstraint(condition=Q(stage__in=["", *Stage.values]), name="order_stage_known"),
            models.CheckConstraint(condition=Q(way__in=["", *Way.values]), name="order_way_known"),
            models.CheckConstraint(
                condition=Q(refund_state__in=RefundState.values), name="order_refund_state_known"
            ),
            models.CheckConstraint(condition=Q(total__gte=0), name="order_total_not_negative"),
            models.CheckConstraint(
                condition=Q(refunded_total__gte=0) & Q(refunded_total__lte=F("total") + CENT),
                name="order_refunded_at_most_total",
            ),
            models.CheckConstraint(
                condition=Q(net_total__gt=F("total") - F("refunded_total") - CENT)
                & Q(net_total__lt=F("total") - F("refunded_total") + CENT),
                name="order_net_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(
                    total__gt=F("items_total")
                    - F("discount_total")
                    + F("shipping_total")
                    + F("fees_total")
                    - CENT
                )
                & Q(
                    total__lt=F("items_total")
                    - F("discount_total")
                    + F("shipping_total")
                    + F("fees_total")
                    + CENT
                ),
                name="order_total_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(earnings__gt=F("net_total") - F("commission") + F("commission_given_back") - CENT)
                & Q(earnings__lt=F("net_total") - F("commission") + F("commission_given_back") + CENT),
                name="order_earnings_add_up",
            ),
        ]
        indexes = [
            models.Index("vendor", F("placed_at").desc(), F("id").desc(), name="order_by_date"),
            models.Index(
                "vendor", "status", F("placed_at").desc(), F("id").desc(), name="order_by_status_date"
            ),
            models.Index("vendor", "net_total", "id", name="order_by_total"),
            models.Index("vendor", "earnings", "id", name="order_by_earnings"),
            models.Index("vendor", "number_value", "id", name="order_by_number"),
            models.Index(
                fields=["vendor", "number"],
                opclasses=["int8_ops", "varchar_pattern_ops"],
                name="order_number_prefix",
            ),
            models.Index(
                "vendor",
                F("placed_at").desc(),
                F("id").desc(),
                condition=UNDER_REFUNDED,
                name="order_under_refunded_by_date",
            ),
            models.Index(
                "vendor",
                "stage",
                F("placed_at").desc(),
                F("id").desc(),
                condition=Q(status="processing"),
                name="order_open_by_stage",
            ),
            models.Index(
                fields=["vendor", "prepare_by"],
                condition=Q(status="processing", stage="to_prepare"),
                name="order_late",
            ),
            models.Index(fields=["vendor", "customer"], name="order_by_customer"),
            models.Index(
                fields=["vendor", "refunded_at"],
                condition=~Q(refund_state="none"),
                name="order_by_refund",
            ),
            # what a storefront reports, before its shop is known
            models.Index(fields=["source", "external_id"], name="order_of_storefront"),
            # the marketplace's office, and requests about a customer's data
            models.Index(fields=["number"], name="order_by_number_alone"),
            models.Index(fields=["placed_at"], name="order_by_placed_at"),
            models.Index(fields=["customer_email"], name="order_by_customer_email"),
            models.Index(fields=["status", "placed_at"], name="order_by_status_alone"),
            models.Index(
                fields=["refund_state", "placed_at"],
                condition=Q(refund_state__in=["partial", "full"]),
                name="order_by_refund_alone",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def earnings_state(self) -> EarningsState:
        """Whether the gains are earned, expected or none."""
        return earnings_state(self.status)

    @property
    def commission_kept(self) -> Decimal:
        """Commission charged, less what refunds gave back."""
        return self.commission - self.commission_given_back

    @property
    def refundable(self) -> Decimal:
        """What may still be refunded, incl. VAT: neither refunded nor asked for yet."""
        return self.total - self.refunded_total - self.refund_requested_total

    @property
    def is_for_business(self) -> bool:
        """Whether a business buys: it has a SIREN or a VAT number, or a company asked for it."""
        return bool(self.buyer_siren or self.buyer_vat_number) or self.buyer_is_business

    @property
    def is_guest_order(self) -> bool:
        return self.customer is None or self.customer.is_guest

    @property
    def can_validate(self) -> bool:
        return self.status == OrderStatus.PROCESSING

    @property
    def needs_refund(self) -> bool:
        """Paid, then cancelled, and money is left with the shop."""
        return self.status == OrderStatus.CANCELLED and self.paid_at is not None and self.net_total > 0

    @property
    def is_collected(self) -> bool:
        """Whether the customer comes to the shop for it, by its stage or the name of its shipping method."""
        if self.stage == Stage.READY_FOR_PICKUP:
            return True
        return bool(PICKUP.search(self.shipping_method)) and not PICKUP_POINT.search(self.shipping_method)

    @property
    def is_pickup(self) -> bool:
        """Whether the customer fetches the goods, so that they have a pickup note.

        A fact once a parcel left, or the goods waited in the shop; before, what the shipping method's
        name says, or that there is no place to deliver to.
        """
        if self.way:
            return self.way == Way.PICKUP
        has_place = bool(self.shipping_address_1.strip() or self.shipping_city.strip())
        return self.is_collected or not has_place

    @property
    def is_partly_shipped(self) -> bool:
        """Whether a parcel left and units are still to follow."""
        return self.stage == Stage.TO_PREPARE and self.way == Way.PARCEL

    @property
    def stage_shown(self) -> str:
        """The stage as pages say it; empty outside processing."""
        return str(PARTLY_SHIPPED if self.is_partly_shipped else self.get_stage_display())

    @property
    def came_to_nothing(self) -> bool:
        """Whether the order was stopped before anybody paid: nothing is owed, nothing is earned."""
        return self.earnings_state == EarningsState.NONE and self.paid_at is None

    @property
    def is_refundable(self) -> bool:
        """Whether there is money to refund, or a free order to stop."""
        return self.status in PAID and (self.refundable > 0 or self.total == 0)

    @property
    def may_get_goods_back(self) -> bool:
        """Whether units can come back to the shelf: what they cost, if anything, is refunded or was paid."""
        return self.status in PAID or self.status == OrderStatus.REFUNDED

    @property
    def billing_lines(self) -> list[str]:
        """The billing address, line by line, as on an envelope."""
        return self._address("billing")

    @property
    def delivery_lines(self) -> list[str]:
        """The delivery address, line by line; empty where nothing is delivered."""
        return self._address("shipping")

    def _address(self, kind: str) -> list[str]:
        def part(name: str) -> str:
            return str(getattr(self, f"{kind}_{name}")).strip()

        town = f"{part('postcode')} {part('city')}".strip()
        parts = [part("company"), part("name"), part("address_1"), part("address_2"), town]
        parts.append(postal_country(part("country")))
        return [line for line in parts if line]

    def is_late(self, at: datetime) -> bool:
        """Whether nothing was done for this paid order since the shop's delay ran out."""
        return (
            self.status == OrderStatus.PROCESSING
            and self.stage == Stage.TO_PREPARE
            and self.prepare_by is not None
            and self.prepare_by < at
        )


class OrderNameStart(models.Model):
    """The customer's name begun at one of its words, normalised: what a prefix search reads.

    The shop stands in the row so that one index answers "this shop, this prefix".
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="name_starts")
    vendor = models.ForeignKey(Vendor, models.CASCADE, related_name="+")
    start = models.CharField(max_length=START_LENGTH)

    class Meta:
        indexes = [
            models.Index(
                fields=["vendor", "start", "order"],
                opclasses=["int8_ops", "varchar_pattern_ops", "int8_ops"],
                name="order_name_prefix",
            )
        ]


class LineKind(models.TextChoices):
    PRODUCT = "product", _("Product")
    SHIPPING = "shipping", _("Shipping")
    FEE = "fee", _("Fee")


class OrderLine(models.Model):
    """A product, a shipping method or a fee.

    Amounts include VAT unless named ``net``; those may be negative. ``taxes`` holds what the
    storefront put on the line: ``[{"label", "rate", "amount", "kind": "vat"|"levy"}]``, rate a
    fraction and amount as decimal strings. ``vat_rates`` are derived from it. Commission is
    frozen at arrival: ``commission = round(base × rate) + fixed × quantity``, at most the base; the
    sources say who set rate and fixed part ("line", "product", "vendor", "marketplace"), or
    "kept" for shipping and fees that belong to the marketplace.
    ``held`` counts the units that this line took from the product's stock and still holds.
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=8, choices=LineKind, default=LineKind.PRODUCT)
    position = models.PositiveSmallIntegerField(_("position"))
    external_id = models.CharField(_("storefront's id"), max_length=60, blank=True)
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="order_lines", verbose_name=_("product")
    )
    sku = models.CharField("SKU", max_length=100, blank=True)
    name = models.CharField(_("name"), max_length=300)
    details = models.CharField(_("variation"), max_length=500, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    total_before_discount = _money(_("total before discount"))
    total = _money(_("total after discount"))
    storefront_net = _money(_("net as the storefront states it"))
    taxes = models.JSONField(_("taxes"), default=list, blank=True)

    commission_base = _money(_("commission base"))
    commission_rate = models.DecimalField(
        _("commission rate"), max_digits=5, decimal_places=4, default=Decimal(0)
    )
    commission_rate_source = models.CharField(_("where the rate comes from"), max_length=12, blank=True)
    commission_fixed = _money(_("fixed commission per unit"))
    commission_fixed_source = models.CharField(
        _("where the fixed commission comes from"), max_length=12, blank=True
    )
    commission = _money(_("commission"))
    commission_vat = _money(_("VAT on the commission"))

    held = models.PositiveIntegerField(_("units held"), default=0)
    units_refunded = models.PositiveIntegerField(_("units refunded"), default=0)
    units_returned = models.PositiveIntegerField(_("units back on the shelf"), default=0)
    refunded_total = _money(_("refunded"))
    commission_given_back = _money(_("commission given back, with its VAT"))

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_position_unique"),
            models.CheckConstraint(condition=Q(kind__in=LineKind.values), name="order_line_kind_known"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_quantity_positive"),
            models.CheckConstraint(
                condition=Q(units_returned__lte=F("quantity")), name="order_line_returned_at_most"
            ),
            models.CheckConstraint(condition=Q(held__lte=F("quantity")), name="order_line_held_at_most"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def full_name(self) -> str:
        """The name with what tells variants of one product apart: the choice made, else the SKU."""
        what = spaced(self.details) or self.sku
        return f"{self.name} ({what})" if what else self.name

    @property
    def units_refundable(self) -> int:
        """How many units no refund names yet."""
        return max(self.quantity - self.units_refunded, 0)

    @property
    def discount(self) -> Decimal:
        """What discounts took off this line, incl. VAT."""
        return self.total_before_discount - self.total

    @property
    def refundable(self) -> Decimal:
        """What is left of this line after refunds, incl. VAT."""
        return self.total - self.refunded_total

    @property
    def vat_rates(self) -> list[Decimal]:
        """The line's VAT rates as fractions, without levies; ``[0]`` where it bears none."""
        rates = {Decimal(tax["rate"]) for tax in self.taxes if tax["kind"] == "vat"}
        return sorted(rates, reverse=True) or [Decimal(0)]

    @property
    def levies(self) -> list[dict[str, str]]:
        """Contributions that belong to the price, such as the éco-contribution."""
        return [tax for tax in self.taxes if tax["kind"] == "levy"]

    @property
    def unit_price(self) -> Decimal:
        """Price of one unit before discounts, incl. VAT, rounded for the screen."""
        return round_half_up(self.total_before_discount / self.quantity)
