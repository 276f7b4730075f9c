"""What a stranger types, and where it can be typed: hostile values, and the forms of a page."""

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}${7*7}"
HOSTILE = [
    "",
    " ",
    "\x00",
    "\ufffd\ud7ff",
    "\u202e\u200b\ufeff",
    "🧨" * 50,
    SCRIPT,
    "=cmd|' /C calc'!A0",
    "x\r\nSet-Cookie: a=b",
    "../../../../etc/passwd",
    "' OR 1=1 --",
    "9" * 400,
    "9223372036854775808",
    "2147483648",
    "-1",
    "-0.001",
    "1e999",
    "1e-999",
    "NaN",
    "Infinity",
    "0x10",
    "1_000",
    "٣٤",
    "½",
    "2026-02-30",
    "0000-00-00",
    "99999-01-01",
    "25:61",
    "Europe/../../etc/passwd",
    "javascript:alert(1)",
    "http://[::1",
    "a@b@c",
    "[" * 3000,
    "[" * 100_000,
    '{"a": ' * 500,
    "a" * 20_000,
    "%00%ff",
    "__all__",
    "None",
]
# Kept as they are: without them a form only says that it is not its own.
KEPT = ("csrfmiddlewaretoken",)


@dataclass
class Form:
    """A form of a page: where it leads, and what it holds as the page gives it out."""

    method: str
    action: str
    values: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The fields that a stranger fills in at will: all of them, hidden ones too."""
        return [*self.values, *self.files]

    def filled(self, name: str, value: str) -> dict[str, Any]:
        """The form with one field changed; ``""`` changes all."""
        wrong = {one: value for one in self.values if one not in KEPT and name in ("", one)}
        content = SimpleUploadedFile("x.svg", value.encode())
        return {**self.values, **wrong, **{one: content for one in self.files if name in ("", one)}}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self.open = ""
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = at.get("id") or f"form {len(self.forms)}"
            self.forms[self.open] = Form(at.get("method", "get").lower(), at.get("action", ""))
            return
        form = self.forms.get(at.get("form") or self.open)
        if form is None:
            return
        name = at.get("name", "")
        if tag == "select":
            self.select = name
        if tag == "option" and self.select:
            if "selected" in at or self.select not in form.values:
                form.values[self.select] = at.get("value", "")
        elif name and at.get("type") == "file":
            form.files.append(name)
        elif name and tag in ("input", "textarea", "select", "button"):
            form.values.setdefault(name, at.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = ""
        if tag == "select":
            self.select = ""


def forms_of(html: str) -> list[Form]:
    """Every form of a page, with the fields that name it from elsewhere."""
    reader = _Forms()
    reader.feed(html)
    return list(reader.forms.values())


def tries(form: Form, *, thorough: bool) -> Iterator[dict[str, Any]]:
    """The form with hostile values: in all fields at once, and in single ones.

    ``thorough`` has each value in each field; else a draw that is always the same: three in all
    fields, one in each.
    """
    draw = random.Random(f"{form.action} {form.names}")
    for value in HOSTILE if thorough else draw.sample(HOSTILE, 3):
        yield form.filled("", value)
    for name in form.names if len(form.names) > 1 else []:
        for value in HOSTILE if thorough else draw.sample(HOSTILE, 1):
            yield form.filled(name, value)


def send(client: Client, method: str, address: str, data: dict[str, Any]) -> HttpResponseBase:
    """Ask, and take back whatever it did; the browser stays signed in."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    with transaction.atomic():
        response: HttpResponseBase = getattr(client, method)(address, data)
        if response.streaming:
            b"".join(response.streaming_content)  # type: ignore[attr-defined]
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(cookies)
    return response


def is_signed_in(client: Client) -> bool:
    """Whether the browser still has its session."""
    return SESSION_KEY in client.session


def patterns() -> Iterator[tuple[str, "re.Pattern[Any]"]]:
    """Every pattern that a module of the product keeps, with its name."""
    for module in [
        name for name in sys.modules if name.split(".")[0] in ("orders", "vendors", "marketplace")
    ]:
        for name, value in vars(sys.modules[module]).items():
            if isinstance(value, re.Pattern):
                yield f"{module}.{name}", value
