"""WooCommerce's REST API, as a careful guest asks it.

Touches no table. Whatever the storefront does, the only exception is StorefrontError, whose
text is one sentence fit to show. The rules are told in ``docs/rules/storefront-answers.md``.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from requests.exceptions import ConnectionError as NotConnected
from requests.exceptions import RequestException
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from orders.connectors.payload import cut
from orders.models import Trouble

__all__ = ["OrderPage", "Standing", "Storefront", "StorefrontError"]

ROUTE = "/wp-json/wc/v3"
TIMEOUTS = (5.0, 20.0)  # seconds to connect, and between two pieces of an answer
LONGEST = 60.0  # seconds for a whole answer
MOST_BYTES = 32 * 1024 * 1024
PIECE = 64 * 1024
ATTEMPTS = 5  # of a question; what changes something is never sent again from here
MOST_WAIT = 120.0  # seconds, however long the storefront asks for
PER_PAGE = 50

PASSING = frozenset(
    {Trouble.UNREACHABLE, Trouble.SILENT, Trouble.BROKEN, Trouble.UNREADABLE, Trouble.TOO_MANY}
)
OF_THE_ORDER = frozenset({Trouble.GONE, Trouble.REFUSED})
# WooCommerce answers 500 with these codes where it means no: the amount, or the payment gateway.
REFUSALS = re.compile(r"woocommerce_rest_(cannot_create|invalid)")


class StorefrontError(Exception):
    """What went wrong with a storefront; ``str()`` is a sentence that names it.

    ``wait`` is how many seconds the storefront asked to be left alone, 0 if it did not say.
    """

    def __init__(self, trouble: Trouble, storefront: str, said: str = "", *, wait: float = 0) -> None:
        super().__init__(trouble, storefront, said)
        self.trouble, self.storefront, self.said, self.wait = trouble, storefront, said, wait

    def __str__(self) -> str:
        return str(self.trouble.label) % {"storefront": self.storefront, "said": self.said}

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later without anybody doing anything."""
        return self.trouble in PASSING

    @property
    def is_about_order(self) -> bool:
        """Whether the storefront is well and said no to this one request."""
        return self.trouble in OF_THE_ORDER


@dataclass(frozen=True)
class OrderPage:
    """A page of orders, and how many orders there are of the question."""

    orders: list[Any]
    total: int


@dataclass(frozen=True)
class Standing:
    """Where an order stands at the storefront: its state, and its refunds that gave something back."""

    status: str
    refunds: frozenset[str]


class Storefront:
    """A WooCommerce shop's REST API; use it in a ``with`` block.

    ``attempts`` is how often a question is asked while the trouble passes by itself, with
    growing pauses; a change is sent once. ``pause`` seconds lie between two requests.
    """

    def __init__(
        self,
        address: str,
        key: str,
        secret: str,
        *,
        name: str,
        attempts: int = ATTEMPTS,
        pause: float | None = None,
        timeouts: tuple[float, float] | None = None,
        longest: float = LONGEST,
    ) -> None:
        self.name, self.attempts, self.longest, self.per_page = name, attempts, longest, PER_PAGE
        self.timeouts = timeouts or TIMEOUTS
        self.pause = float(settings.STOREFRONT_PAUSE) if pause is None else pause
        self.root = self._root(address.strip().rstrip("/"))
        self._last = -self.pause
        self._http = HTTPSession(
            Config(
                ip_filter_enable=not settings.STOREFRONT_PRIVATE_ADDRESSES,
                ip_filter_allow_loopback_ips=False,
                never_redirect=False,  # seen here, so that the sentence can say where to
                default_timeout=self.timeouts,
                user_agent_override="Comptoir",
            )
        )
        self._http.auth = (key, secret)
        self._http.trust_env = False  # neither a proxy nor a .netrc of this machine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def orders(
        self,
        *,
        page: int = 1,
        per_page: int = 0,
        modified_after: datetime | None = None,
        status: str = "any",
    ) -> OrderPage:
        """Return a page of the orders changed after ``modified_after``, by id, oldest first."""
        return self._orders(
            page=page,
            per_page=per_page or self.per_page,
            **({"modified_after": _utc(modified_after)} if modified_after else {}),
            dates_are_gmt="true",
            orderby="id",
            order="asc",
            status=status,
        )

    def standing(self, ids: list[str]) -> dict[str, Standing]:
        """Return where those of at most 100 ``ids`` stand that the storefront has, its bin not counted."""
        fields = "id,status,refunds"
        found = self._orders(include=",".join(ids), per_page=100, status="any", _fields=fields)
        return {
            str(each["id"]): Standing(str(each.get("status")), _refunds_of(each.get("refunds")))
            for each in found.orders
            if isinstance(each, dict) and "id" in each
        }

    def order(self, external_id: str) -> Any:
        return self._ask("GET", f"/orders/{external_id}", kind=dict)[0]

    def refunds(self, external_id: str) -> list[Any]:
        """Return the order's refunds with their lines."""
        return self._all_pages(f"/orders/{external_id}/refunds")

    def notes(self, external_id: str) -> list[Any]:
        answer: list[Any] = self._ask("GET", f"/orders/{external_id}/notes", kind=list)[0]
        return answer

    def change_order(self, external_id: str, fields: Mapping[str, Any]) -> Any:
        return self._ask("PUT", f"/orders/{external_id}", body=fields, kind=dict)[0]

    def add_note(self, external_id: str, fields: Mapping[str, Any]) -> Any:
        return self._ask("POST", f"/orders/{external_id}/notes", body=fields, kind=dict)[0]

    def refund(self, external_id: str, fields: Mapping[str, Any]) -> Any:
        return self._ask("POST", f"/orders/{external_id}/refunds", body=fields, kind=dict)[0]

    def _orders(self, *, page: int = 1, per_page: int, **query: Any) -> OrderPage:
        query |= {"page": page, "per_page": per_page}
        orders, headers = self._ask("GET", "/orders", query=query, kind=list)
        so_far = (page - 1) * per_page + len(orders)
        at_least = so_far + (len(orders) == per_page)  # where a proxy takes the count away: go on
        return OrderPage(orders, _count(headers, "X-WP-Total", at_least))

    def _all_pages(self, path: str) -> list[Any]:
        found: list[Any] = []
        for page in range(1, 101):
            part, headers = self._ask("GET", path, query={"page": page, "per_page": 100}, kind=list)
            found += part
            if page >= _count(headers, "X-WP-TotalPages", page + (len(part) == 100)):
                break
        return found

    def _root(self, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise self._trouble(
                Trouble.ADDRESS,
                _("“%(address)s” does not begin with https://") % {"address": cut(address, 100)},
            )
        if parts.scheme == "http" and not settings.STOREFRONT_PRIVATE_ADDRESSES:
            raise self._trouble(
                Trouble.ADDRESS, _("it begins with http://, so that anybody could read the keys")
            )
        return address if "/wp-json" in parts.path else f"{address}{ROUTE}"

    def _ask(self, method: str, path: str, *, kind: type, query: Any = None, body: Any = None) -> Any:
        """Return the answer, decoded, and its headers; a question is repeated while the trouble passes."""
        attempts = self.attempts if method == "GET" else 1
        for attempt in self._tries(attempts):
            with attempt:
                return self._once(method, path, kind, query, body)
        raise AssertionError("unreachable")  # pragma: no cover

    def _tries(self, attempts: int) -> Iterator[Any]:
        return iter(
            Retrying(
                stop=stop_after_attempt(attempts),
                retry=retry_if_exception(lambda error: isinstance(error, StorefrontError) and error.passes),
                wait=_wait,
                sleep=rest,
                reraise=True,
            )
        )

    def _once(self, method: str, path: str, kind: type, query: Any, body: Any) -> Any:
        self._be_polite()
        try:
            with self._http.request(
                method,
                f"{self.root}{path}",
                params=query,
                json=body,
                timeout=self.timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                text = self._read(response)
        except InvalidIPAddress as error:
            raise self._trouble(
                Trouble.ADDRESS, _("%(address)s is a private address") % {"address": error}
            ) from None
        except (requests.Timeout, ReadTimeoutError):
            raise self._trouble(Trouble.SILENT) from None
        except NotConnected as error:
            raise self._trouble(Trouble.UNREACHABLE, _plain(error)) from None
        except (RequestException, HTTPError, OSError) as error:  # ends too early, a broken encoding
            raise self._trouble(Trouble.UNREADABLE, _plain(error)) from None
        return self._understood(response, text, kind), response.headers

    def _be_polite(self) -> None:
        time.sleep(max(self._last + self.pause - time.monotonic(), 0))
        self._last = time.monotonic()

    def _read(self, response: requests.Response) -> bytes:
        """Read the body, never more than there should be and never longer than it may take."""
        end = time.monotonic() + self.longest
        body = bytearray()
        while piece := response.raw.read1(PIECE, decode_content=True):
            body += piece
            if len(body) > MOST_BYTES:
                raise self._trouble(
                    Trouble.UNREADABLE, _("it has more than %(most)s bytes") % {"most": MOST_BYTES}
                )
            if time.monotonic() > end:
                raise self._trouble(Trouble.SILENT)
        return bytes(body)

    def _understood(self, response: requests.Response, text: bytes, kind: type) -> Any:
        """Return what was answered; raises StorefrontError for anything but a yes in JSON."""
        status = response.status_code
        if response.is_redirect or 300 <= status < 400:
            target = cut(response.headers.get("Location", ""), 200)
            raise self._trouble(Trouble.ADDRESS, _("it leads to %(target)s") % {"target": target or "?"})
        answer = _decoded(text)
        if 200 <= status < 300:
            if not isinstance(answer, kind):
                raise self._trouble(Trouble.UNREADABLE, _("it is not the JSON that was asked for"))
            return answer
        said = _said(answer, status)
        code = str(answer.get("code", "")) if isinstance(answer, dict) else ""
        raise self._trouble(_of_status(status, code), said, wait=_retry_after(response))

    def _trouble(self, trouble: Trouble, said: str = "", *, wait: float = 0) -> StorefrontError:
        return StorefrontError(trouble, self.name, said, wait=wait)


def _refunds_of(told: Any) -> frozenset[str]:
    """The ids of an order's refunds, those of nothing left out as they are when an order is read."""
    entries = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return frozenset(str(each.get("id")) for each in entries if re.search("[1-9]", str(each.get("total"))))


def _of_status(status: int, code: str) -> Trouble:
    if status in (401, 403):
        return Trouble.KEYS
    if status == 404:
        return Trouble.NO_API if code in ("", "rest_no_route") else Trouble.GONE
    if status in (408, 425, 429):
        return Trouble.TOO_MANY if status == 429 else Trouble.SILENT
    if status >= 500 and not REFUSALS.match(code):
        return Trouble.BROKEN
    return Trouble.GONE if code == "woocommerce_rest_shop_order_invalid_id" else Trouble.REFUSED


def _plain(error: Exception) -> str:
    """The innermost reason, without the objects' addresses that the libraries print."""
    cause: BaseException = error
    while (inner := _inner(cause)) is not None:
        cause = inner
    text = re.sub(r"<[^>]*>:? ?|\([^)]*object at[^)]*\)", "", str(cause))
    return cut(text.strip(" '\"().,") or type(cause).__name__, 200)


def _inner(error: BaseException) -> BaseException | None:
    parts = (getattr(error, "reason", None), error.__cause__, *error.args)
    return next((part for part in parts if isinstance(part, BaseException)), None)


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _said(answer: Any, status: int) -> str:
    """The storefront's own words as plain text, else the number of the answer."""
    message = answer.get("message") if isinstance(answer, dict) else None
    words = cut(" ".join(strip_tags(message).split()).rstrip("."), 300) if isinstance(message, str) else ""
    return f"{words} ({status})" if words else str(status)


def _retry_after(response: requests.Response) -> float:
    """Seconds that the storefront asks to wait, from a number or a date; 0 without."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def rest(seconds: float) -> None:
    """Leave the storefront alone for a while."""
    time.sleep(seconds)


_growing = wait_exponential_jitter(initial=1, max=30, jitter=1)


def _wait(state: RetryCallState) -> float:
    """As long as the storefront asks, within reason; else growing pauses that differ by chance."""
    error = state.outcome.exception() if state.outcome else None
    asked_for = error.wait if isinstance(error, StorefrontError) else 0.0
    return min(asked_for, MOST_WAIT) if asked_for else _growing(state)


def _count(headers: Mapping[str, str], name: str, default: int) -> int:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
