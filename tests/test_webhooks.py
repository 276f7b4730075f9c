"""The receiver of deliveries: what it stores, and what it answers to everything else."""

import hashlib
import json
from datetime import timedelta
from importlib import import_module
from io import BytesIO

import pytest
from django.apps import apps
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from orders.models import Delivery, Source
from orders.views import webhooks
from tests.factories import make_source
from tests.recorded import KEY, recorded, sign

URL = "/webhooks/woocommerce/naturalconect/"
BODY = b'{"id": 7}'
VISITOR = ["customer_ip_address", "customer_user_agent"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db) -> Source:
    source = make_source()
    source.rotate_secret(at=timezone.now(), secret=KEY)
    return source


@pytest.fixture
def post():
    """``post(body, **headers)``: what a storefront sends, signed unless told otherwise."""
    client = Client(enforce_csrf_checks=True)

    def send(body=BODY, *, url=URL, content_type="application/json", key=KEY, **headers):
        if key is not None:
            headers.setdefault("X-WC-Webhook-Signature", sign(body, key))
        return client.post(url, body, content_type=content_type, headers=headers)

    return send


@pytest.fixture
def answer(post):
    def status_and_text(*args, **kwargs):
        response = post(*args, **kwargs)
        return response.status_code, response.content.decode().strip()

    return status_and_text


def test_the_recorded_deliveries_are_answered_200_and_stored(source, client):
    answers = []
    for each in recorded():
        headers = {name: value for name, value in each.headers.items() if name != "Content-Type"}
        response = client.post(URL, each.body, content_type=each.headers["Content-Type"], headers=headers)
        answers.append((response.status_code, response.cookies.output()))

    assert answers == [(200, "")] * 41
    assert Delivery.objects.count() == 37
    assert DBTaskResult.objects.count() == 37
    assert Delivery.objects.filter(topic="order.updated", external_id="1571").count() == 4


def test_what_is_stored_of_a_delivery(source, post):
    post(**{"X-WC-Webhook-Topic": "order.deleted", "X-WC-Webhook-Delivery-ID": "abc", "Cookie": "x=1"})

    stored = Delivery.objects.get()
    assert (bytes(stored.body), stored.topic, stored.external_id, stored.state) == (
        BODY,
        "order.deleted",
        "7",
        "waiting",
    )
    assert stored.headers == {"X-WC-Webhook-Delivery-ID": "abc"}


@pytest.mark.parametrize("signature", ["", "x", "é", "A" * 5000, sign(BODY, "wrong")])
def test_a_wrong_signature_is_refused_and_counted(source, answer, signature):
    status = answer(**{"X-WC-Webhook-Signature": signature})

    source.refresh_from_db()
    assert status == (401, "The signature is missing or does not fit the body.")
    assert (Delivery.objects.count(), source.rejected_count) == (0, 1)


def test_a_source_without_secret_takes_nothing(answer):
    make_source()

    assert answer(key="")[0] == 401


def test_a_changed_byte_is_refused(source, answer):
    assert answer(b'{"id": 8}', **{"X-WC-Webhook-Signature": sign(BODY)})[0] == 401


def test_both_secrets_are_good_while_a_rotation_overlaps(source, answer):
    new = source.rotate_secret(at=timezone.now())

    assert (answer(key=new)[0], answer(key=KEY)[0]) == (200, 200)
    Source.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    assert (answer(key=new)[0], answer(key=KEY)[0]) == (200, 401)


def test_a_ping_does_nothing(source, answer):
    form = "application/x-www-form-urlencoded"

    assert answer(b"webhook_id=10", content_type=form, key=None) == (200, "Pong.")
    assert (Delivery.objects.count(), DBTaskResult.objects.count()) == (0, 0)


@pytest.mark.parametrize("body", [b"webhook_id=x", b"webhook_id=1&a=b", b"webhook_id=", b"id=1"])
def test_nothing_else_unsigned_is_taken(source, answer, body):
    assert answer(body, content_type="application/x-www-form-urlencoded", key=None)[0] == 401


def test_an_unsigned_ping_as_json_is_no_ping(source, answer):
    assert answer(b"webhook_id=10", key=None)[0] == 401


def test_another_address_is_not_found(source, answer):
    assert answer(url="/webhooks/woocommerce/other/") == (404, "There is no such storefront here.")
    assert answer(url="/webhooks/woocommerce/%F0%9F%8D%AF/")[0] == 404


def test_an_address_without_its_slash_works(source, answer):
    assert answer(url=URL.rstrip("/"))[0] == 200


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "head"])
def test_other_methods_are_refused(source, client, method):
    response = getattr(client, method)(URL)

    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "", "application/xml"]
)
def test_other_types_are_refused(source, answer, content_type):
    assert answer(content_type=content_type) == (415, "A delivery is JSON: send it as application/json.")


def test_a_type_may_name_a_charset(source, answer):
    assert answer(content_type="application/json; charset=UTF-8")[0] == 200


def test_a_mebibyte_is_the_most(source, answer):
    assert answer(b" " * webhooks.MOST_BYTES)[0] == 200
    assert answer(b" " * (webhooks.MOST_BYTES + 1)) == (413, "A delivery has at most 1048576 bytes.")


class Endless:
    """A body without end; counts what is read of it."""

    def __init__(self):
        self.taken = 0

    def read(self, size=-1):
        assert size >= 0, "it would never end"
        self.taken += size
        return b" " * size


def test_a_body_that_is_too_long_is_not_read(source):
    body = Endless()
    request = RequestFactory().post(URL, content_type="application/json")
    request.META.update({"CONTENT_LENGTH": str(10**12), "wsgi.input": body})

    assert (webhooks.woocommerce(request, "naturalconect").status_code, body.taken) == (413, 0)


def test_a_body_of_unknown_length_is_read_up_to_the_limit(source):
    body = Endless()
    request = RequestFactory().post(URL, content_type="application/json")
    request.META.update({"CONTENT_LENGTH": "", "wsgi.input": body, "wsgi.input_terminated": True})

    status = webhooks.woocommerce(request, "naturalconect").status_code

    assert (status, body.taken) == (413, webhooks.MOST_BYTES + 1)


def test_a_body_in_chunks_is_taken(source):
    headers = {"X-WC-Webhook-Signature": sign(BODY)}
    request = RequestFactory().post(URL, content_type="application/json", headers=headers)
    request.META.update({"CONTENT_LENGTH": "", "wsgi.input": BytesIO(BODY), "wsgi.input_terminated": True})

    assert webhooks.woocommerce(request, "naturalconect").status_code == 200


def test_a_paused_source_says_so(source, post):
    Source.objects.update(is_paused=True)

    response = post()

    assert (response.status_code, response["Retry-After"], Delivery.objects.count()) == (503, "60", 0)
    assert "paused" in response.content.decode()


def test_a_database_that_does_not_answer_is_said(source, answer, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr(webhooks, "receive_delivery", fail)

    assert answer() == (503, "The database does not answer; the delivery was not stored.")


def test_a_secret_that_cannot_be_read_is_said(source, answer, settings):
    settings.FIELD_ENCRYPTION_KEYS = ["another"]

    assert answer()[0] == 503


def test_http_is_not_led_to_https(source, answer, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^webhooks/"]

    assert answer()[0] == 200


def test_nothing_that_is_for_people_stands_before_it(source, post):
    response = post(**{"Cookie": "sessionid=x", "Accept-Language": "fr"})

    for_people = {"Content-Security-Policy", "Content-Language", "Vary", "Set-Cookie"}
    assert (response.status_code, for_people & {*response.headers}) == (200, set())
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_address_beside_it_is_a_page_for_people(client):
    response = client.get("/webhooks/nowhere/")

    assert (response.status_code, "Content-Security-Policy" in response.headers) == (404, True)


def test_no_session_and_few_queries(source, post, django_assert_num_queries):
    with django_assert_num_queries(5):  # the source; savepoint, delivery, task, release
        response = post()

    assert (response.status_code, response.cookies.output()) == (200, "")


@pytest.mark.parametrize(
    "body", [b"\xff", b"[" * 100_000, b"1" * 6000, b"null", json.dumps({"id": "7"}).encode()]
)
def test_any_signed_body_is_stored(source, answer, body):
    assert answer(body)[0] == 200
    assert Delivery.objects.get().external_id == ""


def test_no_network_address_and_no_browser_of_a_customer_is_kept(source, client):
    for each in recorded():
        headers = {name: value for name, value in each.headers.items() if name != "Content-Type"}
        client.post(URL, each.body, content_type=each.headers["Content-Type"], headers=headers)
    sent = [json.loads(each.body) for each in recorded() if not each.is_ping]
    known = {order.get(name) for order in sent for name in VISITOR} - {None, ""}
    kept = [json.loads(bytes(delivery.body)) for delivery in Delivery.objects.order_by("id")]

    stored = str(list(Delivery.objects.values("headers", "problem_values", "note"))) + str(kept)
    assert len(known) > 1
    assert {told for told in known if told in stored} == set()
    assert kept == [{**order, **{name: "" for name in VISITOR if name in order}} for order in sent]


@pytest.mark.parametrize("key", ["_customer_ip_address", "_wc_order_attribution_user_agent"])
def test_what_extra_values_tell_of_a_device_is_emptied(source, post, key):
    body = json.dumps(
        {"id": 7, "meta_data": [{"id": 1, "key": key, "value": 'A "quoted" \\ thing'}]}
    ).encode()

    post(body)

    delivery = Delivery.objects.get()
    assert json.loads(bytes(delivery.body))["meta_data"] == [{"id": 1, "key": key, "value": ""}]
    assert delivery.body_sha256 == hashlib.sha256(body).hexdigest()


def test_bodies_of_before_are_emptied_too(source):
    kept = b'{"id": 7, "customer_ip_address": "203.0.113.9", "total": "1.10"}'
    delivery = Delivery.objects.create(source=source, topic="order.updated", external_id="7", body=kept)

    import_module("orders.migrations.0097_deliveries_without_visitors").forget_visitors(apps, None)

    delivery.refresh_from_db()
    assert bytes(delivery.body) == b'{"id": 7, "customer_ip_address": "", "total": "1.10"}'
