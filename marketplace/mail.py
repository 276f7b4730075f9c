"""Mail through the database: queued in the caller's transaction, sent by the worker."""

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Any

from css_inline import CSSInliner
from django.conf import settings
from django.core.files.storage import storages
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django_tasks import task

from marketplace.logs import said
from marketplace.models import OutgoingEmail
from marketplace.queue import MOST_ATTEMPTS

# Media queries stay in the head; nothing is ever fetched.
INLINER = CSSInliner(keep_at_rules=True, minify_css=True, load_remote_stylesheets=False)

ONE_TIME = "once:"  # events whose words open an account: never shown, forgotten once sent or given up


class AttachmentDamaged(OSError):
    """A file that a mail carries is not the one that was attached."""


@dataclass(frozen=True)
class Attachment:
    """A file of a storage that a mail carries; ``sha256`` is of its bytes."""

    storage: str
    path: str
    name: str
    sha256: str


def queue_email(
    *,
    event: str,
    topic: str,
    template: str,
    to: str,
    language: str,
    context: Mapping[str, Any],
    sender: str = "",
    reply_to: str = "",
    attachments: Sequence[Attachment] = (),
) -> OutgoingEmail | None:
    """Queue one mail to one address, in the caller's transaction; None if ``event`` was queued before.

    The marketplace's address sends it, under the name ``sender``; answers go to ``reply_to``.

    ``emails/<template>.txt`` begins with the subject line; ``emails/<template>.html`` is the
    other part. The worker sends the row once the transaction is committed.
    """
    if OutgoingEmail.objects.filter(event=event).exists():
        return None
    with translation.override(language or settings.LANGUAGE_CODE):
        values = {**context, "site_url": settings.SITE_URL, "marketplace_name": settings.MARKETPLACE_NAME}
        subject, _blank, text = render_to_string(f"emails/{template}.txt", values).strip().partition("\n")
        html = render_to_string(f"emails/{template}.html", values)
    return _queue(
        event=event,
        topic=topic,
        template=template,
        to=to,
        subject=subject,
        text=text,
        html=html,
        sender=sender,
        reply_to=reply_to,
        attachments=[asdict(attachment) for attachment in attachments],
    )


def queue_message(message: EmailMessage, *, event: str, template: str) -> OutgoingEmail | None:
    """Queue a message that another library has written, to its first address.

    One that has only text gets the look of all mails.
    """
    subject, text = str(message.subject), str(message.body)
    html = next((part for part, kind in getattr(message, "alternatives", []) if kind == "text/html"), "")
    return _queue(
        event=event,
        topic="",
        template=template,
        to=message.to[0],
        subject=subject,
        text=text,
        html=html or _letter(subject, text),
    )


def _letter(subject: str, text: str) -> str:
    """A mail's other part, made of its text."""
    name = settings.MARKETPLACE_NAME
    body = text.strip().removesuffix(f"Comptoir · {name}").strip()
    values = {"subject": subject, "text": body, "marketplace_name": name}
    return render_to_string("emails/_letter.html", values)


def _queue(*, event: str, subject: str, text: str, html: str, **columns: Any) -> OutgoingEmail | None:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2] or "localhost"
    row = OutgoingEmail(
        event=event,
        **columns,
        subject=" ".join(subject.split())[:250],
        text=re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n",
        html=INLINER.inline(html),
        message_id=f"<{uuid.uuid4()}@{domain}>",
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        if OutgoingEmail.objects.filter(event=event).exists():
            return None
        raise
    send_email.enqueue(row.pk)
    return row


def opens_an_account(mail: OutgoingEmail) -> bool:
    """Whether the mail's words are a key: a link to a new password, an invitation, an address to confirm."""
    return mail.event.startswith(ONE_TIME)


@task()
def send_email(mail_id: int) -> None:
    """Send a queued mail once; a failure is noted on the row and raised, so that the queue tries again."""
    with transaction.atomic():
        mail = OutgoingEmail.objects.select_for_update().get(pk=mail_id)
        if mail.state in (OutgoingEmail.State.SENT, OutgoingEmail.State.ERASED) or not mail.text:
            return  # of a one-time mail that was given up the words are gone
        mail.attempts += 1
        try:
            _message(mail).send()
        except Exception as error:
            failure: Exception | None = error
            mail.last_error = said(error)[:1000]
            if mail.attempts >= MOST_ATTEMPTS:
                mail.state = OutgoingEmail.State.FAILED
        else:
            failure = None
            mail.state, mail.sent_at, mail.last_error = OutgoingEmail.State.SENT, timezone.now(), ""
        if opens_an_account(mail) and mail.state != OutgoingEmail.State.QUEUED:
            mail.text = mail.html = ""
        mail.save(update_fields=["attempts", "last_error", "state", "sent_at", "text", "html"])
    if failure is not None:
        raise failure


def _message(mail: OutgoingEmail) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        _from(mail.sender),
        [mail.to],
        reply_to=[mail.reply_to] if mail.reply_to else None,
        headers={"Message-ID": mail.message_id},
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    for attachment in mail.attachments:
        message.attach(attachment["name"], _content(Attachment(**attachment)), "application/pdf")
    return message


def _from(sender: str) -> str:
    """The marketplace's address, under the shop's name where it is the shop that writes."""
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    words = " ".join(sender.split())
    return (
        formataddr((f"{words} via {name}" if name else words, address))
        if words
        else settings.DEFAULT_FROM_EMAIL
    )


def _content(attachment: Attachment) -> bytes:
    """Return the file's bytes; raises AttachmentDamaged, so that the mail waits until it is mended."""
    with storages[attachment.storage].open(attachment.path) as file:
        content: bytes = file.read()
    if hashlib.sha256(content).hexdigest() != attachment.sha256:
        raise AttachmentDamaged(f"{attachment.name} is not the file that was attached.")
    return content


class EmlFileBackend(BaseEmailBackend):
    """Writes each mail as an ``.eml`` file that any mail program opens; for development and the demo."""

    def send_messages(self, email_messages: Any) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}.eml"
            (folder / name).write_bytes(message.message().as_bytes())
        return len(email_messages)
