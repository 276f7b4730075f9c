"""Who: people, shops, teams, and what a shop has on its shelf."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from marketplace.audit import AuditKind, audit
from marketplace.countries import WITH_SIRET
from marketplace.models import AppendOnly
from vendors.roles import Permission, Role, allows
from vendors.scope import OwnedByShop, ScopedQuerySet

RATE: dict[str, Any] = {
    "max_digits": 5,
    "decimal_places": 4,
    "validators": [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
}
MONEY: dict[str, Any] = {"max_digits": 12, "decimal_places": 2}
AT_MOST_60_DAYS = MaxValueValidator(60, _("60 days at most (C. com. art. L441-10)."))


def validate_time_zone(name: str) -> None:
    """Raise ValidationError for a name that the time zone database does not have."""
    if name not in available_timezones():
        raise ValidationError(
            _("There is no time zone “%(name)s”; write it as in Europe/Paris."), params={"name": name}
        )


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a person; without ``password`` nobody can sign in as them yet."""
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        user.vouch_for_address()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a member of the marketplace's staff with every right; the audit has it."""
        with transaction.atomic():
            user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
            audit(AuditKind.ACCOUNT_CHANGED, by=None, subject=user, what="superuser made")
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person; signs in by e-mail."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    language = models.CharField(
        _("language"),
        max_length=8,
        blank=True,
        choices=settings.LANGUAGES,
        help_text=_("Empty: the browser's."),
    )
    list_columns = models.JSONField(
        _("columns of the order list"), null=True, blank=True, editable=False
    )  # names; None: the usual ones
    list_is_compact = models.BooleanField(_("compact order list"), default=False, editable=False)
    list_has_keys = models.BooleanField(_("order list by keys"), default=True, editable=False)
    is_staff = models.BooleanField(_("marketplace staff"), default=False)
    is_active = models.BooleanField(_("may sign in"), default=True)
    date_joined = models.DateTimeField(_("joined at"), default=timezone.now)

    emailaddress_set: Any  # allauth's rows of the person
    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique_any_case")]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """Write the address in small letters, as everything looks for it."""
        super().clean()
        self.email = self.email.lower()

    def vouch_for_address(self) -> None:
        """Count ``email`` as the person's own, and no other: we gave it, or its mailbox answered."""
        self.emailaddress_set.exclude(email=self.email).delete()
        self.emailaddress_set.update_or_create(email=self.email, defaults={"verified": True, "primary": True})


class VendorQuerySet(models.QuerySet["Vendor"]):
    def of(self, user: User) -> Self:
        """The open shops that ``user`` belongs to."""
        return self.filter(memberships__user=user, is_active=True)


class Vendor(models.Model):
    """A shop of the marketplace.

    ``commission_rate`` is a fraction (0.1000 = 10 %), ``commission_fixed`` an amount per unit; both are
    empty where the marketplace's own applies.
    """

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("address"), max_length=80, unique=True)
    is_active = models.BooleanField(_("open"), default=True)
    time_zone = models.CharField(
        _("time zone"), max_length=40, default="Europe/Paris", validators=[validate_time_zone]
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    commission_rate = models.DecimalField(_("commission rate"), null=True, blank=True, **RATE)
    commission_fixed = models.DecimalField(
        _("fixed commission per unit"), null=True, blank=True, validators=[MinValueValidator(0)], **MONEY
    )
    confirms_payments = models.BooleanField(
        _("may confirm cheques and transfers"), default=False, help_text=_("A grant of the marketplace.")
    )
    late_after_days = models.PositiveSmallIntegerField(_("late after (working days)"), default=2)
    completes_on_last_parcel = models.BooleanField(
        _("complete when the last parcel is shipped"), default=False
    )
    low_stock_at = models.PositiveIntegerField(_("stock is low at"), default=3)
    pickup_address = models.TextField(_("pickup address"), blank=True)
    pickup_hours = models.TextField(_("pickup hours"), blank=True)
    issues_on_completion = models.BooleanField(
        _("issue the invoice when an order is completed"), default=False
    )
    attaches_documents = models.BooleanField(
        _("attach invoices and credit notes to the customers’ mails"), default=False
    )

    objects = VendorQuerySet.as_manager()

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LegalIdentity(models.Model):
    """What a shop's documents must say about it (CGI annexe II art. 242 nonies A, C. com. R123-237)."""

    class VatRegime(models.TextChoices):
        STANDARD = "standard", _("Charges VAT")
        FRANCHISE = "franchise", _("VAT franchise (CGI art. 293 B)")

    vendor = models.OneToOneField(Vendor, models.CASCADE, related_name="identity", verbose_name=_("shop"))
    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)
    is_sole_trader = models.BooleanField(_("sole trader (EI)"), default=False)
    legal_form = models.CharField(_("legal form"), max_length=40, blank=True)
    capital = models.DecimalField(
        _("share capital"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0, _("A share capital is nothing or more."))],
        **MONEY,
    )
    address_1 = models.CharField(_("address"), max_length=200, blank=True)
    address_2 = models.CharField(_("address, second line"), max_length=200, blank=True)
    postcode = models.CharField(_("postcode"), max_length=20, blank=True)
    city = models.CharField(_("town"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=2, choices=WITH_SIRET, default="FR")
    email = models.EmailField(_("e-mail address"), blank=True)
    phone = models.CharField(_("telephone"), max_length=40, blank=True)
    siret = models.CharField(
        "SIRET",
        max_length=14,
        blank=True,
        validators=[RegexValidator(r"^\d{14}$", _("A SIRET has 14 digits."))],
    )
    rcs_town = models.CharField(_("RCS town"), max_length=100, blank=True)
    is_rcs_exempt = models.BooleanField(_("exempt from the trade register (RCS)"), default=False)
    vat_regime = models.CharField(
        _("VAT regime"), max_length=10, choices=VatRegime, default=VatRegime.STANDARD
    )
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    iban = models.CharField("IBAN", max_length=34, blank=True)
    payment_days = models.PositiveSmallIntegerField(
        _("days that a business has to pay"), default=30, validators=[AT_MOST_60_DAYS]
    )
    penalty_terms = models.CharField(_("penalties for late payment"), max_length=300, blank=True)
    discount_terms = models.CharField(_("discount for early payment"), max_length=300, blank=True)
    footer = models.CharField(_("words at the foot of the documents"), max_length=300, blank=True)
    pays_vat_on_debits = models.BooleanField(_("opted for VAT on debits"), default=False)
    exemption_terms = models.CharField(_("why some of what you sell has no VAT"), max_length=300, blank=True)
    prefix = models.CharField(
        _("number prefix"),
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^[A-Z0-9]{1,12}$", _("1 to 12 capital letters or digits."))],
    )
    mediator = models.CharField(_("consumer mediator"), max_length=300, blank=True)
    color = models.CharField(
        _("color of the documents"),
        max_length=7,
        default="#0b5868",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("A color such as #0b5868."))],
    )
    logo_svg = models.TextField(_("logo (SVG)"), blank=True)
    logo_image = models.TextField(_("logo (PNG or JPEG, as a data: address)"), blank=True)

    class Meta:
        verbose_name = _("legal identity")
        verbose_name_plural = _("legal identities")

    def __str__(self) -> str:
        return self.legal_name or str(self.vendor)

    @property
    def siren(self) -> str:
        """The first nine digits of the SIRET."""
        return self.siret[:9]

    def regime_on(self, day: date) -> str:
        """Return the VAT regime on ``day``: of the last change until then, else the first one."""
        if self.pk is None:
            return self.vat_regime
        changes = [change for change in self.vat_changes.all() if change.starts_on <= day]
        return max(changes, key=lambda change: change.starts_on).regime if changes else self.vat_regime

    def is_franchise_on(self, day: date) -> bool:
        return self.regime_on(day) == self.VatRegime.FRANCHISE

    @property
    def is_franchise(self) -> bool:
        """Whether the shop charges no VAT today."""
        return self.is_franchise_on(timezone.localdate())


class VatChange(models.Model):
    """The day from which a shop has another VAT regime; ``LegalIdentity.vat_regime`` is the first one."""

    identity = models.ForeignKey(
        LegalIdentity, models.CASCADE, related_name="vat_changes", verbose_name=_("legal identity")
    )
    starts_on = models.DateField(_("from"))
    regime = models.CharField(_("VAT regime"), max_length=10, choices=LegalIdentity.VatRegime)

    class Meta:
        verbose_name = _("change of the VAT regime")
        verbose_name_plural = _("changes of the VAT regime")
        ordering = ["starts_on"]
        constraints = [models.UniqueConstraint(fields=["identity", "starts_on"], name="vat_change_unique")]

    def __str__(self) -> str:
        return f"{self.starts_on} {self.regime}"


class IdentityChange(OwnedByShop, AppendOnly):
    """One field of a legal identity that somebody changed; ``by`` is None for Comptoir itself."""

    vendor = models.ForeignKey(
        Vendor, models.PROTECT, related_name="identity_changes", verbose_name=_("shop")
    )
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    field = models.CharField(_("field"), max_length=40)
    before = models.TextField(_("before"), blank=True)
    after = models.TextField(_("after"), blank=True)

    objects = ScopedQuerySet["IdentityChange"].as_manager()

    class Meta:
        verbose_name = _("change of a legal identity")
        verbose_name_plural = _("changes of legal identities")
        indexes = [models.Index(fields=["vendor", "-id"], name="identity_change_by_vendor")]

    def __str__(self) -> str:
        return f"{self.vendor} {self.field}"


class MandateStep(OwnedByShop, AppendOnly):
    """A shop lets the marketplace issue invoices in its name, in the words of ``version``; or no more."""

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="mandate_steps", verbose_name=_("shop"))
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    version = models.CharField(_("version of the text"), max_length=20)
    is_accepted = models.BooleanField(_("accepted"))

    objects = ScopedQuerySet["MandateStep"].as_manager()

    class Meta:
        verbose_name = _("step of a mandate")
        verbose_name_plural = _("steps of mandates")
        indexes = [models.Index(fields=["vendor", "-id"], name="mandate_step_by_vendor")]

    def __str__(self) -> str:
        return f"{self.vendor} {self.version} {self.is_accepted}"


class Membership(models.Model):
    """A person's place in a shop's team.

    ``saved_views`` and ``landing_view`` change only through ``vendors.domain.saved_views``; they stand
    here because every page of the shop reads this row already.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("person"))
    vendor = models.ForeignKey(Vendor, models.CASCADE, related_name="memberships", verbose_name=_("shop"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    wants_new_order_mail = models.BooleanField(_("mail: new orders, confirmed payments"), default=True)
    wants_refund_mail = models.BooleanField(_("mail: refunds"), default=True)
    wants_stopped_mail = models.BooleanField(_("mail: cancelled and failed orders"), default=True)
    since = models.DateTimeField(_("since"), default=timezone.now)
    saved_views = models.JSONField(_("saved views"), default=list, blank=True, editable=False)
    landing_view = models.PositiveIntegerField(
        _("view that comes first"), null=True, blank=True, editable=False
    )

    class Meta:
        verbose_name = _("team member")
        verbose_name_plural = _("team members")
        constraints = [
            models.UniqueConstraint(fields=["vendor", "user"], name="membership_unique"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.vendor}"

    def may(self, permission: Permission) -> bool:
        """Say whether this person may do ``permission`` in this shop."""
        return allows(self.role, permission)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> Self:
        """Those that may still be accepted or have only expired."""
        return self.filter(accepted_at=None, revoked_at=None)


class Invitation(models.Model):
    """A place in a shop's team, offered to one address.

    The link in the mail holds a secret of which only the SHA-256 is kept. It works once, until
    ``expires_at``, for the person of that address alone. Changed only by ``vendors.domain.team``.
    """

    vendor = models.ForeignKey(Vendor, models.CASCADE, related_name="invitations", verbose_name=_("shop"))
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("invited by")
    )
    invited_at = models.DateTimeField(_("invited at"))
    expires_at = models.DateTimeField(_("expires at"))
    sent = models.PositiveSmallIntegerField(_("sent"), default=1)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["vendor", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.vendor}"


class ProductQuerySet(ScopedQuerySet["Product"]):
    def for_vendor(self, vendor: Vendor) -> Self:
        return self.filter(vendor=vendor)

    def managed(self) -> Self:
        """The products whose stock is counted."""
        return self.filter(stock__isnull=False)


class Product(OwnedByShop):
    """Something a shop sells.

    ``stock`` is the sum of the product's movements, in units; empty while nobody has counted
    it, and negative when the storefront sold more than there was. It changes only through
    ``orders.domain.stock``.
    """

    vendor = models.ForeignKey(Vendor, models.PROTECT, related_name="products", verbose_name=_("shop"))
    sku = models.CharField("SKU", max_length=100, blank=True)
    name = models.CharField(_("name"), max_length=300)
    external_id = models.CharField(_("storefront's id"), max_length=60, blank=True)
    price = models.DecimalField(_("price incl. VAT"), null=True, blank=True, **MONEY)
    vat_rate = models.DecimalField(_("VAT rate"), null=True, blank=True, **RATE)
    commission_rate = models.DecimalField(_("commission rate"), null=True, blank=True, **RATE)
    commission_fixed = models.DecimalField(
        _("fixed commission per unit"), null=True, blank=True, validators=[MinValueValidator(0)], **MONEY
    )
    weight_grams = models.PositiveIntegerField(_("weight (g)"), null=True, blank=True)
    stock = models.IntegerField(_("stock"), null=True, blank=True, editable=False)
    counted_at = models.DateTimeField(_("counted since"), null=True, blank=True, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.UniqueConstraint(
                fields=["vendor", "external_id"],
                condition=~Q(external_id=""),
                name="product_external_id_unique",
            ),
        ]
        indexes = [
            models.Index(fields=["vendor", "name", "id"], name="product_vendor_name"),
            models.Index(fields=["vendor", "sku"], name="product_vendor_sku"),
            models.Index(fields=["sku"], name="product_by_sku_alone"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_managed(self) -> bool:
        """Whether somebody counts this product."""
        return self.stock is not None
