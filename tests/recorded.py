"""The 41 recorded deliveries, and a storefront that sends them."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data" / "woocommerce" / "deliveries"
KEY = (FOLDER / "webhook_key.txt").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Recorded:
    """One delivery as it was received."""

    scenario: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_ping(self) -> bool:
        return "X-WC-Webhook-Topic" not in self.headers


@cache
def recorded() -> tuple[Recorded, ...]:
    """All of them, in order of arrival."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        told = json.loads(path.read_text())
        headers = {name: value for name, value in told["headers"] if name not in ("Content-Length", "Host")}
        found.append(Recorded(told["scenario"], headers, path.with_suffix(".body").read_bytes()))
    return tuple(found)


def sign(body: bytes, key: str = KEY) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def body_of(order_id: int, **changes: Any) -> dict[str, Any]:
    """The last recorded body of an order, changed."""
    bodies = [json.loads(each.body) for each in recorded() if not each.is_ping]
    return {**[body for body in bodies if body.get("id") == order_id][-1], **changes}
