"""Mail on its way: one row per mail, in the caller's transaction."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


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

    event = models.CharField(_("event"), max_length=200, unique=True)
    topic = models.CharField(_("about"), max_length=80, blank=True)
    template = models.CharField(_("kind"), max_length=60)
    to = models.CharField(_("to"), max_length=254)
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
        ]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"
