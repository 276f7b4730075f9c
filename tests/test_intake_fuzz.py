"""Whatever a storefront sends: never an error of the program, and never a queue that stands still."""

import json
import sys
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.jobs import process_delivery, receive_delivery
from orders.models import Delivery, Order, Source, UnknownVendors
from orders.views import webhooks
from tests.factories import make_source
from tests.recorded import KEY, body_of, recorded, sign
from tests.test_woocommerce_connector import any_json, paths_in, with_value

TOPICS = ["order.created", "order.updated", "order.deleted", "order.restored", "", "product.updated", "é\x00"]
STORED = {200, 401, 404, 405, 413, 415, 503}
pytestmark = pytest.mark.django_db


@pytest.fixture
def source(db) -> Source:
    source = make_source()
    source.unknown_vendors = UnknownVendors.CREATE
    source.rotate_secret(at=timezone.now(), secret=KEY)
    source.save()
    return source


@contextmanager
def forgotten():
    """Nothing of what is done inside stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def tell(source, payload, topic="order.updated"):
    """Deliver and process; returns what has become of it."""
    body = payload if isinstance(payload, bytes) else written(payload)
    delivery = receive_delivery(source, body, headers={"X-WC-Webhook-Topic": topic}, at=timezone.now())
    process_delivery.call(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def written(payload):
    """The payload as JSON, whatever digits its numbers have."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(payload).encode()
    finally:
        sys.set_int_max_str_digits(limit)


def assert_settled(delivery):
    assert delivery.state != "waiting"
    assert delivery.problem_code != "program", delivery.sentence


def assert_goes_on(source):
    """A good delivery after whatever came is taken as ever."""
    good = json.loads(recorded()[8].body) | {"id": 424_242, "number": "424242"}
    assert tell(source, good).state == "applied"
    assert Order.objects.filter(external_id=str(good["id"])).exists()


# Each example forgets its own rows.
own_rows = settings(
    max_examples=settings.default.max_examples // 4,  # each is several deliveries
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
DEEP = b'{"a":' * 3000


def mostly(usual, strange):
    """Four times of five what is usual, so that several strange things rarely hide each other."""
    return st.sampled_from([True] * 4 + [False]).flatmap(
        lambda is_usual: st.just(usual) if is_usual else strange
    )


@own_rows
@given(
    body=st.sampled_from([b"webhook_id=1", b'{"id": 7}', b'{"id": ' + b"9" * 5000, DEEP])
    | st.binary(max_size=60),
    method=mostly("post", st.sampled_from(["get", "put", "delete"])),
    content_type=mostly("application/json", st.sampled_from(["application/x-www-form-urlencoded", "", "é"])),
    signature=mostly(None, texts),
    length=mostly(None, st.sampled_from(["", "x", "-1", "0", "99999999999"])),
    slug=mostly("naturalconect", texts),
)
def test_the_receiver_answers_anything_with_a_sentence(
    source, body, method, content_type, signature, length, slug
):
    factory = RequestFactory()
    make = getattr(factory, method)
    request = make("/", data=body, content_type=content_type) if method != "get" else factory.get("/")
    request.META["HTTP_X_WC_WEBHOOK_SIGNATURE"] = sign(body) if signature is None else signature
    if length is not None:
        request.META["CONTENT_LENGTH"] = length

    with forgotten():
        response = webhooks.woocommerce(request, slug)

    assert response.status_code in STORED
    assert response.content.strip()


@own_rows
@given(payload=any_json, topic=st.sampled_from(TOPICS))
def test_any_json_is_settled_and_others_go_on(source, payload, topic):
    with forgotten():
        assert_settled(tell(source, payload, topic))
        assert_goes_on(source)


@own_rows
@given(body=st.binary(max_size=200), topic=st.sampled_from(TOPICS))
def test_any_bytes_are_settled(source, body, topic):
    with forgotten():
        assert_settled(tell(source, body, topic))


@own_rows
@given(data=st.data())
def test_any_json_in_any_place_of_a_report_is_settled(source, data):
    """A report, then the same with strange values, then good ones again: by turns applied or set aside."""
    payload = data.draw(st.sampled_from([json.loads(recorded()[n].body) for n in (28, 30, 31, 11)]))
    strange = payload
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(paths_in(strange))))
        strange = with_value(strange, path, data.draw(any_json))
    reports = data.draw(st.permutations([payload, strange, strange, body_of(1573)]))

    with forgotten():
        for report in reports:
            assert_settled(tell(source, report, data.draw(st.sampled_from(TOPICS[:4]))))
        assert_goes_on(source)
        assert not Delivery.objects.waiting().exists()
