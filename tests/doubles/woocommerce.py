"""A small WooCommerce on the loopback: the REST routes that Comptoir asks, over recorded orders.

It keeps what is sent to it, so that the echo of a change can be asked for, and fails in every
way a real one does when told to: ``shop.fails(Trouble.TOO_MANY, times=2)``.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

KEY, SECRET = "ck_double", "cs_double"
ROOT = "/wp-json/wc/v3"
STATUSES = {"pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash"}
ORDER = re.compile(rf"{ROOT}/orders/(\d+)(?:/(refunds|notes))?")


class Trouble(Enum):
    """How an answer can go wrong."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    BAD_REQUEST = "400"
    TOO_MANY = "429"
    ERROR = "500"
    UNAVAILABLE = "503"
    GATEWAY = "the payment gateway says no: 500 with a code"
    SILENCE = "nothing is answered"
    SILENCE_AFTERWARDS = "it is done, and nothing is answered"
    HALF = "the body is cut in half"
    HTML = "a page instead of JSON, with 200"
    ELSEWHERE = "a redirect to another host"
    HUGE = "a body without end"
    DRIP = "a byte now and then"


@dataclass
class Planned:
    """A trouble that waits for the requests it is meant for."""

    trouble: Trouble
    times: int
    meets: Callable[[str, str], bool]
    retry_after: str


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any
    at: float


class WooCommerce:
    """A storefront with ``orders`` by id; ``clock`` stamps every change, a second apart."""

    def __init__(self, orders: Iterable[dict[str, Any]] = (), *, silence: float = 5.0) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.refunds: dict[int, list[dict[str, Any]]] = {}
        self.notes: dict[int, list[dict[str, Any]]] = {}
        self.requests: list[Request] = []
        self.clock = datetime.now(UTC).replace(microsecond=0)
        self.is_down = False
        self.silence = silence
        self.after_request: Callable[[Request], None] = lambda request: None
        self._next_id = 900_000
        self._planned: list[Planned] = []
        self._lock = threading.RLock()
        self._over = threading.Event()
        for order in orders:
            self.add(order)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    # The shop's own doings

    def add(self, order: dict[str, Any], *, refunds: Iterable[dict[str, Any]] = ()) -> None:
        """Put an order there as it is, and the lines of its refunds."""
        order = json.loads(json.dumps(order))
        self.orders[order["id"]] = order
        known = {refund["id"]: refund for refund in refunds}
        self.refunds[order["id"]] = [
            known.get(each["id"])
            or {"id": each["id"], "amount": each["total"].lstrip("-"), "reason": each["reason"],
                "date_created_gmt": order["date_modified_gmt"], "line_items": [], "shipping_lines": [],
                "fee_lines": [], "meta_data": []}
            for each in order.get("refunds", [])
        ]  # fmt: skip
        self.notes.setdefault(order["id"], [])

    def change(self, order_id: int, **fields: Any) -> dict[str, Any]:
        """Change an order as the shop's own staff would; no delivery is sent by itself."""
        with self._lock:
            order = self.orders[order_id]
            order.update(json.loads(json.dumps(fields)))
            if fields.get("status") == "completed":
                self._stamp(order, "completed")
            if fields.get("status") in ("completed", "processing") and not order["date_paid_gmt"]:
                self._stamp(order, "paid")
            self._touch(order)
            return order

    def delete(self, order_id: int) -> None:
        with self._lock:
            del self.orders[order_id], self.refunds[order_id], self.notes[order_id]

    def fails(
        self,
        trouble: Trouble,
        *,
        times: int = 1,
        method: str = "",
        path: str = "",
        retry_after: str = "0",
    ) -> None:
        """Let the next ``times`` requests fail whose method and path are meant."""
        meets = lambda m, p: method in ("", m) and re.search(path, p) is not None  # noqa: E731
        self._planned.append(Planned(trouble, times, meets, retry_after))

    def delivery(
        self, order_id: int, secret: str, topic: str = "order.updated"
    ) -> tuple[bytes, dict[str, str]]:
        """The webhook that tells of an order now: body and headers."""
        body = json.dumps(self.orders.get(order_id, {"id": order_id})).encode()
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        return body, {
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": "order",
            "X-WC-Webhook-Event": topic.partition(".")[2],
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-ID": "1",
            "X-WC-Webhook-Delivery-ID": "7",
            "X-WC-Webhook-Source": f"{self.url}/",
        }

    def made(self, method: str, path: str = "") -> list[Request]:
        """The requests of this method whose path has ``path``, in order."""
        return [each for each in self.requests if each.method == method and path in each.path]

    def _stamp(self, order: dict[str, Any], what: str) -> None:
        order[f"date_{what}_gmt"] = self.clock.strftime("%Y-%m-%dT%H:%M:%S")
        order[f"date_{what}"] = (self.clock + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")

    def _touch(self, order: dict[str, Any]) -> None:
        self.clock += timedelta(seconds=1)
        self._stamp(order, "modified")

    # What the routes answer: status, body, headers

    def answer(self, method: str, target: str, body: Any, host: str) -> tuple[int, Any, dict[str, str]]:
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            if parts.path == f"{ROOT}/orders" and method == "GET":
                return self._list(query, host)
            if not (match := ORDER.fullmatch(parts.path)):
                return 404, error("rest_no_route", "No route was found matching the URL.", 404), {}
            order = self.orders.get(int(match[1]))
            if order is None:
                return 404, error("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404), {}
            match method, match[2]:
                case "GET", None:
                    return 200, order, {}
                case "PUT", None:
                    return self._put(order, body)
                case "GET", "refunds":
                    return self._page(self.refunds[order["id"]][::-1], query, host, parts.path)
                case "POST", "refunds":
                    return self._refund(order, body)
                case "GET", "notes":
                    return 200, self.notes[order["id"]][::-1], {}
                case "POST", "notes":
                    return self._note(order, body)
        return 404, error("rest_no_route", "No route was found matching the URL.", 404), {}

    def _list(self, query: dict[str, str], host: str) -> tuple[int, Any, dict[str, str]]:
        found = [order for order in self.orders.values() if _is_wanted(order, query)]
        found.sort(key=lambda order: order["id"], reverse=query.get("order", "desc") == "desc")
        if fields := query.get("_fields"):
            found = [{name: order[name] for name in fields.split(",")} for order in found]
        return self._page(found, query, host, f"{ROOT}/orders")

    def _page(
        self, found: list[Any], query: dict[str, str], host: str, path: str
    ) -> tuple[int, Any, dict[str, str]]:
        page, size = int(query.get("page", 1)), int(query.get("per_page", 10))
        if not 1 <= size <= 100:
            return 400, error("rest_invalid_param", "Invalid parameter(s): per_page", 400), {}
        pages = -(-len(found) // size)
        headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
        if page < pages:
            following = urlencode({**query, "page": page + 1})
            headers["Link"] = f'<http://{host}{path}?{following}>; rel="next"'
        return 200, found[(page - 1) * size : page * size], headers

    def _put(self, order: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if (status := body.get("status", order["status"])) not in STATUSES:
            return 400, error("rest_invalid_param", "Invalid parameter(s): status", 400), {}
        for entry in body.get("meta_data", []):
            kept = [each for each in order["meta_data"] if each["key"] != entry["key"]]
            order["meta_data"] = [*kept, {"id": self._new_id(), "key": entry["key"], "value": entry["value"]}]
        if status != order["status"] or body.get("meta_data"):
            self.change(order["id"], status=status)
        return 200, order, {}

    def _note(self, order: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        note = {
            "id": self._new_id(),
            "author": "system",
            "date_created_gmt": self.clock.strftime("%Y-%m-%dT%H:%M:%S"),
            "note": body["note"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
            "customer_note": bool(body.get("customer_note")),
        }
        self.notes[order["id"]].append(note)
        return 201, note, {}

    def _refund(self, order: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        amount = Decimal(body["amount"])
        left = Decimal(order["total"]) + sum(Decimal(each["total"]) for each in order["refunds"])
        if amount <= 0 or amount > left:
            return (
                500,
                error("woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.", 500),
                {},
            )
        lines = {line["id"]: line for kind in LINES for line in order[kind]}
        refund: dict[str, Any] = {
            "id": self._new_id(),
            "date_created_gmt": self.clock.strftime("%Y-%m-%dT%H:%M:%S"),
            "amount": str(amount),
            "reason": body.get("reason", ""),
            "meta_data": [{"id": self._new_id(), **entry} for entry in body.get("meta_data", [])],
            **{kind: [] for kind in LINES},
        }
        for part in body.get("line_items", []):
            line = lines[part["id"]]
            kind = next(kind for kind in LINES if line in order[kind])
            refund[kind].append(refund_line(self._new_id(), line, part))
            if body.get("api_restock") and part.get("quantity") and kind == "line_items":
                put_back(line, part["quantity"])
        self.refunds[order["id"]].append(refund)
        order["refunds"].insert(0, {"id": refund["id"], "reason": refund["reason"], "total": f"-{amount}"})
        if amount == left:
            self.change(order["id"], status="refunded")  # a partial one leaves the date of change as it is
        return 201, refund, {}

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def trouble_for(self, method: str, path: str) -> Planned | None:
        with self._lock:
            for planned in self._planned:
                if planned.times > 0 and planned.meets(method, path):
                    planned.times -= 1
                    return planned
        return None

    def wait(self, seconds: float) -> None:
        self._over.wait(seconds)


LINES = ("line_items", "shipping_lines", "fee_lines")


def refund_line(new_id: int, line: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """One line of a refund as ``GET /refunds`` tells it: everything negative."""
    taxes = [{"id": each["id"], "total": f"-{each['refund_total']}"} for each in part.get("refund_tax", [])]
    return {
        "id": new_id,
        "name": line.get("name") or line.get("method_title", ""),
        "quantity": -part.get("quantity", 0),
        "total": f"-{part['refund_total']}",
        "total_tax": str(
            -sum((Decimal(each["refund_total"]) for each in part.get("refund_tax", [])), Decimal(0))
        ),
        "taxes": taxes,
        "meta_data": [{"id": new_id, "key": "_refunded_item_id", "value": str(line["id"])}],
    }


def put_back(line: dict[str, Any], units: int) -> None:
    kept = [entry for entry in line["meta_data"] if entry["key"] != "_restock_refunded_items"]
    before = next((int(e["value"]) for e in line["meta_data"] if e["key"] == "_restock_refunded_items"), 0)
    line["meta_data"] = [*kept, {"id": 1, "key": "_restock_refunded_items", "value": str(before + units)}]


def error(code: str, message: str, status: int) -> dict[str, Any]:
    return {"code": code, "message": message, "data": {"status": status}}


def _is_wanted(order: dict[str, Any], query: dict[str, str]) -> bool:
    if "include" in query and str(order["id"]) not in query["include"].split(","):
        return False
    status = query.get("status", "any")
    if (order["status"] == "trash") if status == "any" else order["status"] != status:
        return False
    # Without dates_are_gmt WooCommerce compares the shop's local time; the sign is strictly after.
    name = "date_modified_gmt" if query.get("dates_are_gmt") == "true" else "date_modified"
    return order[name] > query.get("modified_after", "").removesuffix("Z")


TROUBLES = {
    Trouble.UNAUTHORIZED: (
        401,
        error("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 401),
    ),
    Trouble.FORBIDDEN: (403, error("rest_forbidden", "Sorry, you are not allowed to do that.", 403)),
    Trouble.NOT_FOUND: (404, error("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)),
    Trouble.BAD_REQUEST: (400, error("rest_invalid_param", "Invalid parameter(s): status", 400)),
    Trouble.TOO_MANY: (429, error("too_many", "Slow down.", 429)),
    Trouble.ERROR: (500, "<p>There has been a critical error on this website.</p>"),
    Trouble.UNAVAILABLE: (503, "<h1>Briefly unavailable for scheduled maintenance.</h1>"),
    Trouble.GATEWAY: (
        500,
        error("woocommerce_rest_cannot_create_order_refund", "The card has <b>expired</b>.", 500),
    ),
    Trouble.HTML: (200, "<!DOCTYPE html><title>Cookies?</title>"),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, shop: WooCommerce, *args: Any) -> None:
        self.shop = shop
        super().__init__(*args)

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_POST = do_DELETE = do_GET

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.shop.is_down:
            self.close_connection = True
            return
        request = Request(self.command, self.path, json.loads(body) if body else None, time.monotonic())
        self.shop.requests.append(request)
        planned = self.shop.trouble_for(self.command, self.path)
        if planned and planned.trouble != Trouble.SILENCE_AFTERWARDS:
            self._fail(planned)
        elif not self._is_known():
            self._send(*TROUBLES[Trouble.UNAUTHORIZED], {})
        else:
            answer = self.shop.answer(self.command, self.path, request.body, self.headers["Host"])
            if planned:
                self._stay_silent()
            else:
                self._send(*answer)
        self.shop.after_request(request)

    def _is_known(self) -> bool:
        token = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        return hmac.compare_digest(self.headers.get("Authorization", ""), f"Basic {token}")

    def _fail(self, planned: Planned) -> None:
        match planned.trouble:
            case Trouble.SILENCE:
                self._stay_silent()
            case Trouble.HALF:
                whole = self.shop.answer(self.command, self.path, None, "half")[1]
                self._send(200, whole, {}, cut=0.5)
            case Trouble.ELSEWHERE:
                self._send(301, "", {"Location": "http://elsewhere.example/wp-json/wc/v3/orders"})
            case Trouble.HUGE:
                self._pour(b"[" + b" " * 65536, pause=0)
            case Trouble.DRIP:
                self._pour(b" ", pause=0.05)
            case trouble:
                status, body = TROUBLES[trouble]
                headers = {"Retry-After": planned.retry_after} if trouble == Trouble.TOO_MANY else {}
                self._send(status, body, headers)

    def _stay_silent(self) -> None:
        self.shop.wait(self.shop.silence)
        self.close_connection = True

    def _pour(self, piece: bytes, pause: float) -> None:
        """Send without end, until the other side has enough."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.close_connection = True
        while not self.shop._over.wait(pause):
            try:
                self.wfile.write(piece)
            except OSError:
                return

    def _send(self, status: int, body: Any, headers: dict[str, str], *, cut: float = 1) -> None:
        text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        kind = "text/html" if isinstance(body, str) else "application/json"
        for name, value in {"Content-Type": f"{kind}; charset=UTF-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[: int(len(text) * cut)])
        if cut < 1:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


RECORDED = Path(__file__).resolve().parent.parent / "data" / "woocommerce" / "orders"


def recorded(*names: str) -> list[dict[str, Any]]:
    """The recorded orders whose file name has one of ``names``; all of them without."""
    files = sorted(RECORDED.glob("*.json"))
    return [json.loads(file.read_text()) for file in files if not names or any(n in file.name for n in names)]
