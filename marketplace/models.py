"""What every part of the product writes down: mails on their way, and who did what."""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class KeptForever(Exception):
    """What was written down is neither changed nor deleted."""


class AppendOnly(models.Model):
    """A row that is only ever added: any other write is refused here, by the admin and by triggers.

    A model may raise a ``refusal`` of its own, and say ``never_changed`` and ``never_deleted`` its own way.
    """

    refusal: ClassVar[type[KeptForever]] = KeptForever
    never_changed: ClassVar[object] = _("What was written down is never changed.")
    never_deleted: ClassVar[object] = _("What was written down is never deleted.")

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; raises ``refusal`` for one that is stored already."""
        if not self._state.adding:
            raise self.refusal(self.never_changed)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise self.refusal(self.never_deleted)


class OutgoingEmail(models.Model):
    """A mail to one address.

    ``event`` names what it tells and to whom, and is unique: a repeated report queues nothing.
    ``attachments`` are files of a storage, read when the mail is sent:
    ``[{"storage", "path", "name", "sha256"}]``.
    ``topic`` names what it is about (``order:42``), so that a page can show its fate.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Given up")
        ERASED = "erased", _("Not sent: the customer’s data was erased")

    event = models.CharField(_("event"), max_length=200, unique=True)
    topic = models.CharField(_("about"), max_length=80, blank=True)
    template = models.CharField(_("kind"), max_length=60)
    to = models.CharField(_("to"), max_length=254)
    sender = models.CharField(_("sender's name"), max_length=200, blank=True)
    reply_to = models.CharField(_("answers go to"), max_length=254, blank=True)
    subject = models.CharField(_("subject"), max_length=250)
    text = models.TextField(_("text"))
    html = models.TextField(_("HTML"), blank=True)
    attachments = models.JSONField(_("attachments"), default=list, blank=True)
    message_id = models.CharField("Message-ID", max_length=120)
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.TextField(_("last error"), blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        indexes = [
            models.Index(fields=["topic", "created_at"], name="email_by_topic"),
            models.Index(fields=["state", "created_at"], name="email_by_state"),
            models.Index(fields=["created_at"], name="email_by_time"),
            models.Index(fields=["to"], name="email_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"


class AuditKind(models.TextChoices):
    """What an entry of the audit tells."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed")
    SIGNED_OUT = "signed_out", _("Signed out")
    ACCOUNT_CHANGED = "account_changed", _("Account changed")
    INVITED = "invited", _("Invited")
    INVITATION_ENDED = "invitation_ended", _("Invitation withdrawn")
    JOINED = "joined", _("Joined a team")
    ROLE_CHANGED = "role_changed", _("Role changed")
    LEFT = "left", _("Left a team")
    SETTINGS_CHANGED = "settings_changed", _("Settings changed")
    SHOP_CHANGED = "shop_changed", _("Shop changed by the marketplace")
    EXPORTED = "exported", _("Export")
    DOWNLOADED = "downloaded", _("Document downloaded")
    CUSTOMER_SEEN = "customer_seen", _("Customer’s data seen by staff")
    SEEN_AS = "seen_as", _("Shop seen by support")
    OFFICE_CHANGED = "office_changed", _("Changed in the office")
    ANONYMISED = "anonymised", _("Customers’ data anonymised")
    CUSTOMER_EXPORTED = "customer_exported", _("Customer’s data handed out")
    CUSTOMER_ERASED = "customer_erased", _("Customer’s data erased")


class AuditIsFrozen(KeptForever):
    """The audit is only ever added to."""


class AuditEntry(AppendOnly):
    """One fact: who did what where, when. Written by ``marketplace.audit.audit`` alone.

    ``subject`` names what was touched (``order:42``, ``user:7``); ``data`` holds codes, ids, counts and
    the values before and after, never a customer's personal data. ``address`` is a shortened
    network address of a member or of a failed sign-in, never a customer's. Rows are refused any
    change by triggers in the database, and deletion before ``marketplace.append_only.KEPT_DAYS``.
    """

    refusal = AuditIsFrozen
    never_changed = "An entry of the audit is never changed."
    never_deleted = "An entry of the audit is never deleted by hand."

    at = models.DateTimeField(_("at"), default=timezone.now)
    kind = models.CharField(_("what"), max_length=20, choices=AuditKind)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    vendor = models.ForeignKey(
        "vendors.Vendor", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("shop")
    )
    subject = models.CharField(_("about"), max_length=80, blank=True)
    data = models.JSONField(_("details"), default=dict, blank=True)
    address = models.CharField(_("shortened network address"), max_length=45, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit")
        indexes = [
            models.Index(fields=["vendor", "id"], name="audit_by_shop"),
            models.Index(fields=["user", "id"], name="audit_by_person"),
            models.Index(fields=["kind", "id"], name="audit_by_kind"),
            models.Index(fields=["subject", "id"], name="audit_by_subject"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=AuditKind.values), name="audit_kind_known")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}".strip()
