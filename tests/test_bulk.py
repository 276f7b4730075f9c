"""One action for many orders: each by itself, with its own result."""

import re
import signal
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from marketplace.models import OutgoingEmail
from orders.bulk.work import ask_for_bulk, progress, work_on
from orders.domain.fulfillment import ready_for_pickup
from orders.domain.transitions import validate
from orders.jobs import run_bulk
from orders.models import BulkAction, BulkItem, BulkJob, Document, Order, Shipment, StatusChange
from orders.states import OrderStatus, Stage
from tests.factories import NOON, make_line, make_member, make_order, make_product
from vendors.roles import Role

S = OrderStatus
pytestmark = pytest.mark.django_db


def make_orders(vendor, count, status=S.PROCESSING):
    return [
        make_order(vendor, number=str(2000 + n), status=status, lines=[make_line(None, total="12.00")])
        for n in range(count)
    ]


def ask(vendor, by, action=BulkAction.VALIDATE):
    return ask_for_bulk(vendor, Order.objects.for_vendor(vendor), action, by=by, at=NOON)


def results(job):
    return dict(job.items.values_list("order__number", "state"))


@pytest.fixture
def work():
    """``work()``: a worker that stops when nothing is left to do."""
    handlers = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
    }

    def run(**options):
        call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0, **options)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_asking_does_nothing_yet(vendor, owner):
    make_orders(vendor, 3)
    job = ask(vendor, owner)

    assert progress(job) == {"waiting": 3, "done": 0, "unchanged": 0, "refused": 0}
    assert StatusChange.objects.count() == 0


def test_every_order_has_its_own_result(vendor, owner):
    make_orders(vendor, 2)
    make_order(vendor, number="2100", status=S.COMPLETED)
    make_order(vendor, number="2101", status=S.CANCELLED)
    job = ask(vendor, owner)

    left = work_on(job, now=lambda: NOON, most=100)

    assert not left
    assert results(job) == {"2000": "done", "2001": "done", "2100": "unchanged", "2101": "refused"}
    assert job.items.get(state="refused").why == (
        "Order 2101 is “Cancelled” and cannot become “Completed”: nothing was changed."
    )


def test_an_order_that_waits_for_its_customer_is_not_shipped(vendor, owner):
    make_order(vendor, number="2100", status=S.PROCESSING, shipping_method="Retrait à l’atelier")
    ready = make_order(vendor, number="2101", status=S.PROCESSING)
    ready_for_pickup(ready, by=None, at=NOON)
    job = ask(vendor, owner, BulkAction.SHIP)

    work_on(job, now=lambda: NOON, most=100)

    assert results(job) == {"2100": "refused", "2101": "refused"}
    assert not Shipment.objects.exists()


def test_the_reason_is_in_the_persons_language(vendor):
    owner = make_member(vendor, language="fr")
    make_order(vendor, number="2101", status=S.CANCELLED)
    job = ask(vendor, owner)
    work_on(job, now=lambda: NOON, most=100)

    assert "Annulé" in job.items.get().why


def test_a_job_is_finished_once_nothing_waits(vendor, owner):
    make_orders(vendor, 3)
    job = ask(vendor, owner)

    assert [work_on(job, now=lambda: NOON, most=2) for _ in range(2)] == [True, False]
    job.refresh_from_db()
    assert job.finished_at == NOON


def test_a_job_of_nothing_is_finished_at_once(vendor, owner):
    job = ask(vendor, owner)

    assert not work_on(job, now=lambda: NOON, most=2)


def test_shipping_many_records_a_parcel_each(vendor, owner):
    make_order(vendor, number="2000", lines=[(make_product(vendor), 2)], status=S.PROCESSING)
    make_order(vendor, number="2001", status=S.PENDING)
    job = ask(vendor, owner, BulkAction.SHIP)
    work_on(job, now=lambda: NOON, most=100)

    again = ask(vendor, owner, BulkAction.SHIP)
    work_on(again, now=lambda: NOON, most=100)

    assert (results(job), results(again)) == (
        {"2000": "done", "2001": "refused"},
        {"2000": "unchanged", "2001": "refused"},
    )
    assert (Shipment.objects.count(), Order.objects.get(number="2000").stage) == (1, Stage.SHIPPED)


def test_a_person_who_may_not_is_refused_for_each(vendor):
    make_orders(vendor, 2)
    job = ask(vendor, make_member(vendor, Role.ACCOUNTANT))
    work_on(job, now=lambda: NOON, most=100)

    assert progress(job)["refused"] == 2


def test_only_the_selection_is_worked_on(vendor, owner):
    make_orders(vendor, 3)
    selection = Order.objects.for_vendor(vendor).filter(number="2001")
    job = ask_for_bulk(vendor, selection, BulkAction.VALIDATE, by=owner, at=NOON)
    work_on(job, now=lambda: NOON, most=100)

    assert Order.objects.filter(status=S.COMPLETED).get().number == "2001"


def test_an_order_validated_meanwhile_is_unchanged(vendor, owner):
    first, _ = make_orders(vendor, 2)
    job = ask(vendor, owner)
    validate(first, by=owner, at=NOON)
    work_on(job, now=lambda: NOON, most=100)

    assert results(job) == {"2000": "unchanged", "2001": "done"}
    assert StatusChange.objects.count() == 2


# By the worker


@pytest.mark.django_db(transaction=True)
def test_the_worker_does_it_in_short_tasks(vendor, owner, work, monkeypatch):
    monkeypatch.setattr("orders.jobs.AT_ONCE", 2)
    make_orders(vendor, 5)
    job = ask(vendor, owner)
    run_bulk.enqueue(job.pk)

    work()

    assert progress(job)["done"] == 5
    tasks = DBTaskResult.objects.filter(task_path="orders.jobs.run_bulk")
    assert list(tasks.values_list("status", flat=True)) == ["SUCCESSFUL"] * 3
    assert OutgoingEmail.objects.filter(template="order_completed", state="sent").count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_same_task_run_twice_has_one_effect(vendor, owner, work):
    make_orders(vendor, 3)
    job = ask(vendor, owner)
    for _ in range(2):
        run_bulk.enqueue(job.pk)

    work()

    assert (progress(job)["done"], StatusChange.objects.count()) == (3, 3)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_between_orders_leaves_each_done_or_waiting(vendor, owner, work, monkeypatch):
    make_orders(vendor, 5)
    job = ask(vendor, owner)
    run_bulk.enqueue(job.pk)
    after_two = iter([False, False, True])

    def dies(order, **kwargs):
        change = validate(order, **kwargs)
        if next(after_two, False):
            raise OperationalError("the database went away")
        return change

    monkeypatch.setattr("orders.bulk.work.validate", dies)
    work()
    broken = progress(job), StatusChange.objects.count()
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
    work()

    assert broken == ({"waiting": 3, "done": 2, "unchanged": 0, "refused": 0}, 2)
    assert (progress(job)["done"], StatusChange.objects.count()) == (5, 5)
    assert OutgoingEmail.objects.filter(template="order_completed").count() == 5


def test_each_invoice_of_a_selection_is_issued_at_its_own_moment(vendor, owner, monkeypatch):
    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", lambda said: said["number"].encode())
    make_orders(vendor, 3)
    job = ask(vendor, owner, BulkAction.INVOICE)
    new_year = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)  # in Paris
    moments = (new_year + timedelta(seconds=seconds) for seconds in (-1, 0, 1, 2))

    work_on(job, now=lambda: next(moments), most=100)

    numbers = Document.objects.order_by("issued_at").values_list("number", flat=True)
    assert list(numbers) == ["RDB-F2025-000001", "RDB-F2026-000001", "RDB-F2026-000002"]


def test_an_order_that_breaks_the_code_leaves_the_others_alone(vendor, owner, monkeypatch):
    first, *_others = make_orders(vendor, 3)
    job = ask(vendor, owner)

    def breaks(order, **kwargs):
        if order.pk == first.pk:
            raise ValueError("a fault of ours")
        return validate(order, **kwargs)

    monkeypatch.setattr("orders.bulk.work.validate", breaks)
    work_on(job, now=lambda: NOON, most=100)

    assert results(job) == {"2000": "refused", "2001": "done", "2002": "done"}
    assert job.items.get(order=first).why == "Something went wrong on our side: nothing was changed."


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_orders(vendor, owner, work):
    make_orders(vendor, 4)
    job = ask(vendor, owner)
    run_bulk.enqueue(job.pk)
    other = BulkJob.objects.get(pk=job.pk)

    assert work_on(other, now=lambda: NOON, most=2)
    work()

    assert (progress(job)["done"], StatusChange.objects.count()) == (4, 4)
    assert BulkItem.objects.filter(state="waiting").count() == 0


def test_refused_orders_stand_first_and_the_way_back_keeps_the_filters(client_of, owner, vendor):
    for status in (S.PROCESSING, S.PENDING, S.PROCESSING):
        make_order(vendor, status=status)
    client = client_of(owner)
    numbers = list(Order.objects.values_list("number", flat=True))

    response = client.post(
        "/vendors/rucher-des-baux/orders/bulk/",
        {"action": "validate", "order": numbers, "filters": "customer=cam&sort=number"},
        follow=True,
    )

    assert [item.state for item in response.context["page"]] == ["refused", "done", "done"]
    assert response.context["list_url"] == "/vendors/rucher-des-baux/orders/?customer=cam&sort=number"


def test_one_invoice_is_asked_about_too_and_the_result_names_it(client_of, owner, vendor, monkeypatch):
    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", lambda said: said["number"].encode())
    make_orders(vendor, 1)
    client = client_of(owner)
    form = {"action": "invoice", "order": "2000"}

    asked = client.post("/vendors/rucher-des-baux/orders/bulk/", form)
    assert "Issue the invoice of 1 order?" in asked.content.decode()
    assert not BulkJob.objects.exists()
    done = client.post("/vendors/rucher-des-baux/orders/bulk/", {**form, "sure": "1"}, follow=True)

    text = done.content.decode()
    assert "RDB-F2026-000001" in text
    assert "Download these invoices (ZIP)" in text


@pytest.mark.parametrize("role", [Role.ACCOUNTANT, Role.PREPARER])
def test_who_may_do_something_with_a_selection_can_select(client_of, vendor, role):
    make_orders(vendor, 1)

    page = client_of(make_member(vendor, role)).get("/vendors/rucher-des-baux/orders/")

    assert 'name="order" form="bulk"' in page.content.decode()


def test_issuing_many_invoices_is_asked_about_and_mails_no_customer(client_of, owner, vendor):
    make_orders(vendor, 11)

    response = client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/", {"action": "invoice", "all": "1", "filters": ""}
    )

    text = response.content.decode()
    assert "Issue the invoices of 11 orders?" in text
    assert "An issued invoice has its number for good" in text
    assert "No customer is told by e-mail." in text
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize("action", ["notes", "originals"])
def test_a_download_of_many_is_not_asked_about(client_of, owner, vendor, action):
    make_orders(vendor, 11)

    response = client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/", {"action": action, "all": "1", "filters": ""}
    )

    assert (response.status_code, BulkJob.objects.count()) == (302, 1)


def take_all(browser, shown, **fields):
    form = {"action": "validate", "all": "1", "shown": shown, "filters": "status=processing", **fields}
    return browser.post("/vendors/rucher-des-baux/orders/bulk/", form, follow=True)


def test_all_is_as_many_as_the_list_showed(client_of, owner, vendor):
    make_orders(vendor, 2)
    browser = client_of(owner)
    page = browser.get("/vendors/rucher-des-baux/orders/?status=processing").content.decode()
    [shown] = re.findall(r'name="shown" value="(\d+)"', page)

    take_all(browser, shown)

    assert Order.objects.filter(status=S.COMPLETED).count() == 2


@pytest.mark.parametrize(("shown", "said"), [("2", "showed 2 orders"), ("4", "showed 4 orders")])
def test_more_or_fewer_than_were_shown_are_asked_about(client_of, owner, vendor, shown, said):
    make_orders(vendor, 3)
    browser = client_of(owner)

    asked = take_all(browser, shown).content.decode()

    assert "Validate 3 orders?" in asked
    assert f"The list {said}; by now it has 3." in asked
    assert not BulkJob.objects.exists()
    take_all(browser, shown, sure="3")
    assert Order.objects.filter(status=S.COMPLETED).count() == 3


def test_who_agreed_to_another_number_is_asked_again(client_of, owner, vendor):
    make_orders(vendor, 4)

    asked = take_all(client_of(owner), "2", sure="3")

    assert asked.context["count"] == 4
    assert not BulkJob.objects.exists()


@pytest.mark.parametrize("shown", ["", "٣", "x", "9" * 5000])
def test_a_number_that_cannot_be_read_breaks_nothing(client_of, owner, vendor, shown):
    make_orders(vendor, 3)

    assert take_all(client_of(owner), shown).status_code == 200


def test_ticked_orders_are_taken_whatever_the_list_showed(client_of, owner, vendor):
    make_orders(vendor, 3)

    take_all(client_of(owner), "3", all="", order="2000")

    assert Order.objects.filter(status=S.COMPLETED).get().number == "2000"


@pytest.mark.parametrize("action", ["notes", "originals", "export-csv"])
def test_a_file_of_another_number_is_not_asked_about(client_of, owner, vendor, action):
    make_orders(vendor, 3)

    assert "sure" not in (take_all(client_of(owner), "2", action=action).context or {})


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"action": "validate"}, "No order was chosen: nothing was changed."),
        ({"action": "dance", "order": "2000"}, "There is no such action: nothing was changed."),
        (
            {"action": "validate", "all": "1", "filters": "status=failed"},
            "No order is in this list any more: nothing was changed.",
        ),
        (
            {"action": "notes", "all": "1", "filters": "status=processing&stage=to_prepare"},
            "No order waits to be prepared: nothing was done.",
        ),
    ],
)
def test_where_nothing_is_done_the_list_is_as_it_was(client_of, owner, vendor, form, said):
    make_order(vendor, number="2000", status=S.PENDING)
    asked = "status=pending&q=20&sort=number"

    page = client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/", {**form, "list": asked}, follow=True
    )

    assert page.redirect_chain == [(f"/vendors/rucher-des-baux/orders/?{asked}", 302)]
    assert said in page.content.decode()


@pytest.mark.parametrize(("status", "is_offered"), [(S.PROCESSING, True), (S.COMPLETED, False)])
@pytest.mark.parametrize("query", ["", "?customer=nobody"])
def test_the_days_notes_are_offered_while_an_order_is_to_prepare(
    client_of, owner, vendor, status, is_offered, query
):
    make_order(vendor, status=status)

    page = client_of(owner).get(f"/vendors/rucher-des-baux/orders/{query}").content.decode()

    assert ("Delivery notes of the day" in page) == is_offered


def test_the_page_of_an_action_leads_back_to_the_list_with_its_order(client_of, owner, vendor):
    make_orders(vendor, 2)

    page = client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/",
        {"action": "validate", "order": ["2000", "2001"], "filters": "q=20", "list": "q=20&sort=number"},
        follow=True,
    )

    assert page.context["list_url"] == "/vendors/rucher-des-baux/orders/?q=20&sort=number"


def language_leads_to(page):
    [form] = set(re.findall(r'<form id="language".*?</form>', page.content.decode(), re.DOTALL))
    return unescape(re.search(r'name="next" value="([^"]*)"', form)[1])


def test_another_language_leads_from_the_question_back_to_the_list(client_of, owner, vendor):
    make_orders(vendor, 11)
    form = {"action": "ship", "all": "1", "filters": "q=20", "list": "q=20&sort=number"}

    page = client_of(owner).post("/vendors/rucher-des-baux/orders/bulk/", form)

    assert language_leads_to(page) == "/vendors/rucher-des-baux/orders/?q=20&sort=number"


def test_another_language_leads_from_a_refusal_back_to_the_page_of_its_form(client_of, owner, vendor):
    [order] = make_orders(vendor, 1)
    page = f"/vendors/rucher-des-baux/orders/{order.number}/"

    answer = client_of(owner).post(
        f"{page}ship/", {"shipped_on": "never"}, headers={"Referer": f"http://testserver{page}"}
    )

    assert language_leads_to(answer) == page


def test_another_language_leads_back_to_the_same_page(client_of, owner):
    address = "/vendors/rucher-des-baux/orders/?q=20&sort=number"

    assert language_leads_to(client_of(owner).get(address)) == address
