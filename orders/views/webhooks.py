"""Where a WooCommerce storefront sends its deliveries: verified, stored, answered; processed later.

No session, cookie or CSRF token: a signature over the raw body says who speaks. The rules are
told in ``docs/rules/woocommerce-intake.md``, "Receiving".
"""

import base64
import hashlib
import hmac
import logging
import re

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from marketplace.encryption import SecretUnreadable
from orders.domain.deliveries import count_rejected
from orders.jobs import receive_delivery
from orders.models import Source

MOST_BYTES = 1024 * 1024
PING = re.compile(rb"webhook_id=[0-9]{1,20}")
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
log = logging.getLogger(__name__)


@csrf_exempt
@never_cache
def woocommerce(request: HttpRequest, source: str) -> HttpResponse:
    """Store one delivery of the storefront ``source`` and answer 200; every other answer says why."""
    if request.method != "POST":
        return _answer(405, "Deliveries are sent with POST.", Allow="POST")
    try:
        return _receive(request, source)
    except DatabaseError:
        log.exception("A delivery of %s could not be stored.", source)
        return _later("The database does not answer; the delivery was not stored.")
    except SecretUnreadable as unreadable:
        log.error("Storefront %s: %s", source, unreadable)
        return _later("The storefront's secret cannot be read here; the delivery was not stored.")


def _receive(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        source = Source.objects.get(slug=slug[:80])
    except Source.DoesNotExist:
        return _answer(404, "There is no such storefront here.")
    body = read_body(request)
    if body is None:
        return _answer(413, f"A delivery has at most {MOST_BYTES} bytes.", Connection="close")
    signature = request.headers.get("X-WC-Webhook-Signature", "")
    if request.content_type == FORM and not signature and PING.fullmatch(body):
        return _answer(200, "Pong.")
    if request.content_type not in (FORM, JSON) or (request.content_type == FORM and signature):
        return _answer(415, "A delivery is JSON: send it as application/json.")
    now = timezone.now()
    if not is_signed(body, signature, source.valid_secrets(now)):
        count_rejected(source, at=now)
        return _answer(401, "The signature is missing or does not fit the body.")
    if source.is_paused:
        return _later("This storefront is paused here; the delivery was not stored.")
    receive_delivery(source, body, headers=request.headers, at=now)
    return _answer(200, "Stored.")


def read_body(request: HttpRequest) -> bytes | None:
    """Return the raw body, None for one that is too long; never reads more than one byte beyond."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > MOST_BYTES:
        return None
    stream = request.META.get("wsgi.input") if request.META.get("wsgi.input_terminated") else None
    if length or stream is None:  # the server knows the length, or there is no body
        stream = request
    body: bytes = stream.read(MOST_BYTES + 1)
    return body if len(body) <= MOST_BYTES else None


def is_signed(body: bytes, signature: str, secrets: list[str]) -> bool:
    """Say whether one of the secrets signed the body: base64 of HMAC-SHA256, compared in constant time."""
    given = signature.encode("utf-8", "replace")
    fits = False
    for secret in secrets:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        fits |= hmac.compare_digest(base64.b64encode(digest), given)
    return fits


def _later(sentence: str) -> HttpResponse:
    return _answer(503, sentence, **{"Retry-After": "60"})


def _answer(status: int, sentence: str, **headers: str) -> HttpResponse:
    return HttpResponse(
        f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers
    )
