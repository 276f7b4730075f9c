"""Devices a person is known on: a signed cookie remembers them, a mail tells of a new one."""

import uuid
from collections.abc import Callable
from typing import Any

from allauth.account.signals import password_reset
from allauth.usersessions.models import UserSession
from django.contrib.auth import user_logged_in
from django.core import signing
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from marketplace.audit import AuditKind
from marketplace.mail import ONE_TIME, queue_email
from marketplace.models import AuditEntry
from marketplace.networks import network_of, shortened
from vendors.models import User

COOKIE = "known_device"
SALT = "vendors.devices"
LIVES = 365 * 86_400  # seconds
MOST = 10  # people who share one device
BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Mac OS", "Linux")


def known_people(request: HttpRequest) -> list[int]:
    """Return the ids of the people who signed in from this device, from its signed cookie."""
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LIVES)
    except signing.BadSignature:
        return []
    return [int(pk) for pk in found][:MOST]


def is_known_device(request: HttpRequest, email: str) -> bool:
    """Whether the person of ``email`` signed in from this device before."""
    people = known_people(request)
    return bool(people) and User.objects.filter(pk__in=people, email=email).exists()


class DeviceMiddleware:
    """Remembers, in the answer, who has just shown on this device that they are who they say."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if person := getattr(request, "person_shown", None):
            remember(request, response, person)
        return response


def remember(request: HttpRequest, response: HttpResponse, person: User) -> None:
    """Keep in the browser that this person is known here."""
    people = [person.pk, *(pk for pk in known_people(request) if pk != person.pk)][:MOST]
    response.set_cookie(
        COOKIE,
        signing.dumps(people, salt=SALT),
        max_age=LIVES,
        httponly=True,
        secure=request.is_secure(),
        samesite="Lax",
    )


@receiver(user_logged_in)
def tell_of_new_device(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Mail the person when a device that never signed in to the account does; not at the first sign-in."""
    request.person_shown = user  # type: ignore[attr-defined]
    if user.pk in known_people(request):
        return
    before = AuditEntry.objects.filter(user=user, kind=AuditKind.SIGNED_IN)
    if before.count() < 2:  # this one is written already
        return
    queue_email(
        event=f"{ONE_TIME}device:{uuid.uuid4()}",
        topic=f"user:{user.pk}",
        template="new_device",
        to=user.email,
        language=user.language,
        context={
            "at": timezone.now(),
            "device": device_of(request.META.get("HTTP_USER_AGENT", "")),
            "address": network_of(request),
        },
    )


@receiver(password_reset)
def know_after_reset(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Who opened the link in the mailbox is let in on this device, however often strangers failed."""
    request.person_shown = user  # type: ignore[attr-defined]


def device_of(user_agent: str) -> str:
    """Return browser and system in two words, the only part of a user agent that is kept."""
    browser = next((name for name in BROWSERS if f"{name}/" in user_agent), "")
    system = next((name for name in SYSTEMS if name in user_agent), "")
    return " · ".join(
        part for part in ({"Edg": "Edge", "OPR": "Opera"}.get(browser, browser), system) if part
    )


@receiver(pre_save, sender=UserSession)
def keep_little(instance: UserSession, **kwargs: Any) -> None:
    """A session keeps a shortened network address and two words about the browser."""
    instance.ip = shortened(str(instance.ip)) or "0.0.0.0"  # noqa: S104 - a text, no address to bind to  # nosec B104
    if "/" in instance.user_agent:
        instance.user_agent = device_of(instance.user_agent)
