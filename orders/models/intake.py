"""Where orders come from, and what a storefront has told of them."""

import secrets
from datetime import datetime, timedelta
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from marketplace.encryption import EncryptedText, SecretUnreadable
from orders.models.problems import BOUNDS, Problem, sentence_of, subject_of
from vendors.models import MONEY, Vendor

SHARE = [MinValueValidator(0), MaxValueValidator(1)]
OVERLAP = timedelta(days=2)  # the old secret stays valid after a rotation


class UnknownVendors(models.TextChoices):
    """What to do with an order of a vendor that stands for no shop yet."""

    QUARANTINE = "quarantine", _("Set the order aside until the vendor is mapped")
    CREATE = "create", _("Make a shop on first sight")


class Source(models.Model):
    """A storefront that reports orders; the marketplace's own door to ``change_status``.

    ``secret`` signs its deliveries; after a rotation ``previous_secret`` is valid until
    ``previous_secret_until``: the one before it and, a line each, those that were valid then.
    ``consumer_key`` and ``consumer_secret`` open its REST API at ``rest_url``. All four are kept
    encrypted. Commission rules that are None or empty are the marketplace's. ``tax_kinds`` is
    ``{tax label or rate id: "vat" | "levy"}``.
    """

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("address"), max_length=80, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    time_zone = models.CharField(_("time zone"), max_length=60, default="Europe/Paris")
    is_paused = models.BooleanField(
        _("paused"),
        default=False,
        help_text=_(
            "Deliveries are answered 503 and must be fetched by a reconciliation afterwards; "
            "WooCommerce switches a webhook off after five refused deliveries."
        ),
    )
    unknown_vendors = models.CharField(
        _("orders of unknown vendors"),
        max_length=10,
        choices=UnknownVendors,
        default=UnknownVendors.QUARANTINE,
    )
    confirms_refunds = models.BooleanField(
        _("carries out refunds itself"),
        default=False,
        help_text=_("A refund asked for here is then final only when the storefront reports it."),
    )
    asks_gateway = models.BooleanField(
        _("asks the payment gateway to pay refunds"),
        default=False,
        help_text=_("Otherwise a refund sent to the storefront is only recorded there; somebody pays it."),
    )
    tax_kinds = models.JSONField(
        _("kinds of taxes"),
        default=dict,
        blank=True,
        help_text=_("By label or rate id: “vat”, or “levy” for a contribution that belongs to the price."),
    )

    secret_encrypted = models.TextField(blank=True, editable=False)
    previous_secret_encrypted = models.TextField(blank=True, editable=False)
    previous_secret_until = models.DateTimeField(
        _("old secret valid until"), null=True, blank=True, editable=False
    )
    secret = EncryptedText()
    previous_secret = EncryptedText()

    rest_url = models.URLField(
        _("REST address"), blank=True, help_text=_("The shop's address, such as https://shop.example")
    )
    consumer_key_encrypted = models.TextField(blank=True, editable=False)
    consumer_secret_encrypted = models.TextField(blank=True, editable=False)
    consumer_key = EncryptedText()
    consumer_secret = EncryptedText()

    commission_rate = models.DecimalField(
        _("commission rate"), max_digits=5, decimal_places=4, null=True, blank=True, validators=SHARE
    )
    commission_base = models.CharField(
        _("commission base"),
        max_length=20,
        blank=True,
        choices=[
            ("net", _("Net, without VAT")),
            ("gross", _("With VAT")),
            ("gross_with_shipping", _("With VAT and shipping")),
        ],
    )
    commission_vat_rate = models.DecimalField(
        _("VAT rate on the commission"),
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        validators=SHARE,
    )
    commission_order_fee = models.DecimalField(
        _("commission per order"), null=True, blank=True, validators=[MinValueValidator(0)], **MONEY
    )

    rejected_count = models.PositiveIntegerField(
        _("deliveries with a wrong signature"), default=0, editable=False
    )
    last_rejected_at = models.DateTimeField(_("last wrong signature"), null=True, blank=True, editable=False)
    last_reconciled_at = models.DateTimeField(_("last reconciliation"), null=True, blank=True, editable=False)
    last_differences = models.PositiveIntegerField(
        _("differences found by it"), null=True, blank=True, editable=False
    )

    class Meta:
        verbose_name = _("storefront")
        verbose_name_plural = _("storefronts")
        constraints = [
            models.CheckConstraint(
                condition=Q(unknown_vendors__in=UnknownVendors.values), name="source_unknown_vendors_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_rest(self) -> bool:
        """Whether its REST API can be asked."""
        return bool(self.rest_url and self.consumer_key_encrypted and self.consumer_secret_encrypted)

    def valid_secrets(self, at: datetime) -> list[str]:
        """Return the secrets that may sign a delivery at ``at``, newest first: several while they overlap."""
        secrets_ = [self.secret]
        if self.previous_secret_until is not None and at < self.previous_secret_until:
            secrets_ += self.previous_secret.splitlines()
        return [secret for secret in secrets_ if secret]

    def _readable_secrets(self, at: datetime) -> list[str]:
        """The secrets that are valid at ``at``; none where the keys that they need are lost."""
        try:
            return self.valid_secrets(at)
        except SecretUnreadable:
            return []

    @transaction.atomic
    def rotate_secret(self, *, at: datetime, secret: str = "") -> str:
        """Set a new secret, by default a random one, and return it; those valid until now stay so a while.

        All of them: which one the storefront signs with is not known here, and a new secret may
        be asked for twice before the first was entered there. Locks and saves the row. The secret
        can be read nowhere else afterwards.
        """
        self.refresh_from_db(
            fields=["secret_encrypted", "previous_secret_encrypted", "previous_secret_until"],
            from_queryset=Source.objects.select_for_update(no_key=True),
        )
        self.previous_secret = "\n".join(self._readable_secrets(at))
        self.previous_secret_until = at + OVERLAP if self.previous_secret_encrypted else None
        self.secret = secret or secrets.token_urlsafe(32)
        self.save(update_fields=["secret_encrypted", "previous_secret_encrypted", "previous_secret_until"])
        return self.secret


class SourceVendor(models.Model):
    """Which shop a storefront's vendor id stands for; an empty id is a store without vendors."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="vendors", verbose_name=_("storefront"))
    external_id = models.CharField(_("storefront's vendor id"), max_length=60, blank=True)
    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="source_vendors", verbose_name=_("shop"))

    class Meta:
        verbose_name = _("vendor of a storefront")
        verbose_name_plural = _("vendors of storefronts")
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="source_vendor_unique")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id} → {self.vendor}"


class DeliveryState(models.TextChoices):
    """What has become of a delivery."""

    WAITING = "waiting", _("Waiting")
    APPLIED = "applied", _("Applied")
    UNCHANGED = "unchanged", _("Nothing new")
    LEFT_ALONE = "left_alone", _("Left alone")
    QUARANTINED = "quarantined", _("Set aside")
    GIVEN_UP = "given_up", _("Given up")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def quarantined(self) -> Self:
        return self.filter(state=DeliveryState.QUARANTINED)

    def waiting(self) -> Self:
        return self.filter(state=DeliveryState.WAITING)


class Delivery(models.Model):
    """One message of a storefront as it came: stored first, processed by the worker.

    ``body`` is empty once it was pruned. ``problem_path`` and ``problem_code`` say why it was set
    aside: a place of the body and what is wrong there; ``problem_values`` may quote it, and is
    emptied with the body. ``problem`` is the sentence of rows that were written before there
    were codes. ``note`` is a code of why it was left alone. ``order`` and ``vendor`` are known
    after processing, where at all.
    """

    source = models.ForeignKey(
        Source, models.PROTECT, related_name="deliveries", verbose_name=_("storefront")
    )
    topic = models.CharField(_("topic"), max_length=60, blank=True)
    external_id = models.CharField(_("storefront's order id"), max_length=60, blank=True)
    body = models.BinaryField(_("body"))
    body_sha256 = models.CharField("SHA-256", max_length=64)
    headers = models.JSONField(_("headers"), default=dict)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    state = models.CharField(_("state"), max_length=11, choices=DeliveryState, default=DeliveryState.WAITING)
    note = models.CharField(_("why"), max_length=60, blank=True)
    problem_path = models.CharField(_("place"), max_length=200, blank=True)
    problem_code = models.CharField(_("problem"), max_length=20, blank=True)
    problem_values = models.JSONField(_("values"), default=dict, blank=True)
    problem = models.CharField(_("problem, as it was told once"), max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)
    pruned_at = models.DateTimeField(_("body removed at"), null=True, blank=True)
    order = models.ForeignKey(
        "orders.Order", models.SET_NULL, null=True, blank=True, related_name="deliveries"
    )
    vendor = models.ForeignKey(
        Vendor, models.SET_NULL, null=True, blank=True, related_name="deliveries", verbose_name=_("shop")
    )

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("message of a storefront")
        verbose_name_plural = _("messages of storefronts")
        indexes = [
            models.Index(fields=["source", "-received_at"], name="delivery_by_source"),
            models.Index(fields=["state", "source"], name="delivery_by_state"),
            models.Index(fields=["vendor", "state"], name="delivery_by_vendor"),
            models.Index(fields=["received_at"], condition=Q(pruned_at=None), name="delivery_with_body"),
            models.Index(fields=["received_at"], name="delivery_by_time"),
            models.Index(fields=["external_id"], name="delivery_by_external_id"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.topic} {self.external_id}".strip()

    @property
    def why(self) -> str:
        """What is wrong at the place that is at fault, in the reader's language; may quote the body."""
        return Problem(self.problem_code).told(self.problem_values) if self.problem_code else self.problem

    @property
    def why_without_values(self) -> str:
        """The same without any value of the body, for those who may not see what it holds."""
        bounds = {name: value for name, value in self.problem_values.items() if name in BOUNDS}
        return Problem(self.problem_code).told(bounds) if self.problem_code else ""

    @property
    def subject(self) -> str:
        """What of the order it is that cannot be read, in words of a shop."""
        return subject_of(self.problem_path)

    @property
    def sentence(self) -> str:
        """Why it was set aside: the place of the body, and what is wrong there."""
        return sentence_of(self.problem_path, self.why)


class ReportedOrder(models.Model):
    """What a storefront has told of one order: the lock of its intake, also before there is an order.

    ``rank`` orders reports (``orders.domain.reports``) and ``applied`` holds a digest of each
    field of the last one that was applied, its state and the ids of its refunds as they are:
    what a later report says anew differs from it.
    ``paid_at`` and ``completed_at`` are the latest dates of any report, ``is_announced`` that one
    of them showed the order paid or on hold, so that the shop was told. ``before_refund`` is the
    rank and the state of the latest report that shows it not refunded. ``trash_delivery`` is
    the number of the last delivery that told of a deletion or restoration. ``undecidable``
    names fields whose value came from reports that no date puts in order; a reconciliation
    empties it. ``differences`` holds where the order here is meant to differ.
    """

    source = models.ForeignKey(
        Source, models.PROTECT, related_name="reported_orders", verbose_name=_("storefront")
    )
    external_id = models.CharField(_("storefront's id"), max_length=60)
    order = models.OneToOneField(
        "orders.Order",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="reported",
        verbose_name=_("order"),
    )
    rank = models.JSONField(default=list, blank=True)
    applied = models.JSONField(default=dict, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    is_announced = models.BooleanField(default=False)
    before_refund = models.JSONField(default=list, blank=True)
    is_trashed = models.BooleanField(_("in the storefront's bin"), default=False)
    trash_delivery = models.PositiveBigIntegerField(default=0)
    undecidable = models.JSONField(_("undecidable until reconciled"), default=list, blank=True)
    differences = models.JSONField(_("differences"), default=list, blank=True)

    class Meta:
        verbose_name = _("reported order")
        verbose_name_plural = _("reported orders")
        indexes = [
            models.Index(fields=["external_id"], name="reported_by_external_id"),
            models.Index(fields=["source"], condition=~Q(differences=[]), name="reported_that_differ"),
            models.Index(fields=["source"], condition=~Q(undecidable=[]), name="reported_undecidable"),
            models.Index(fields=["source"], condition=Q(is_trashed=True), name="reported_in_bin"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="reported_order_unique")
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"
