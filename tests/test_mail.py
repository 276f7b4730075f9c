import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from marketplace.mail import queue_email, queue_message, send_email
from marketplace.models import OutgoingEmail
from marketplace.queue import requeue_lost
from orders.domain.transitions import change_status
from orders.states import OrderStatus
from tests.factories import NOON, make_member, make_order, make_product
from vendors.roles import Role

pytestmark = pytest.mark.django_db


def work():
    call_command("db_worker", batch=True, reload=False, startup_delay=False, verbosity=0)


@pytest.fixture
def order(vendor):
    return make_order(vendor, number="1042")


def queue(order, event="test:1"):
    return queue_email(
        event=event,
        topic="order:1",
        template="order_completed",
        to="anna@example.com",
        language="fr",
        context={"order": order, "shop": order.vendor},
    )


def test_a_queued_mail_is_sent_by_the_worker_in_two_parts(order):
    queue(order)
    work()

    message = mail.outbox[0]
    assert message.subject == "Votre commande 1042 chez Rucher des Baux est terminée"
    assert message.alternatives[0].mimetype == "text/html"
    assert OutgoingEmail.objects.get().state == "sent"


def test_an_event_is_told_once(order):
    first, second = queue(order), queue(order)

    assert (first is not None, second) == (True, None)


def test_a_sent_mail_is_not_sent_again(order):
    row = queue(order)
    work()
    send_email.call(row.pk)

    assert len(mail.outbox) == 1


def test_a_dead_mail_server_loses_nothing(order, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    row = queue(order)
    work()
    row.refresh_from_db()
    task = DBTaskResult.objects.get()
    failed = (
        row.state,
        row.attempts,
        "Connection" in row.last_error,
        task.status,
        task.run_after > timezone.now(),
    )

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    DBTaskResult.objects.update(run_after=timezone.now())
    work()

    row.refresh_from_db()
    assert failed == ("queued", 1, True, "READY", True)
    assert (row.state, len(mail.outbox), mail.outbox[0].extra_headers["Message-ID"]) == (
        "sent",
        1,
        row.message_id,
    )


def test_the_task_of_a_dead_worker_is_found(order):
    queue(order)
    DBTaskResult.objects.update(status="RUNNING", started_at=timezone.now() - timedelta(hours=1))

    assert requeue_lost() == 1
    work()
    assert len(mail.outbox) == 1


def test_a_new_order_is_told_to_every_member_who_wants_it(vendor, owner):
    preparer = make_member(vendor, Role.PREPARER, email="prep@rucher.example")
    silent = make_member(vendor, Role.MANAGER)
    silent.memberships.update(wants_new_order_mail=False)

    make_order(vendor, number="1042", status=OrderStatus.PROCESSING, announce=True)

    mails = {row.to: row for row in OutgoingEmail.objects.all()}
    assert set(mails) == {owner.email, preparer.email}
    assert "€12.00" in mails[owner.email].text
    assert "/vendors/rucher-des-baux/orders/1042/" in mails[owner.email].text


def test_a_preparers_mail_has_no_amount(vendor):
    make_member(vendor, Role.PREPARER)
    make_order(vendor, status=OrderStatus.PROCESSING, announce=True)

    row = OutgoingEmail.objects.get()
    for amount in ["€", "12,00", "12.00"]:
        assert amount not in row.subject + row.text + row.html.replace("padding", "")


def test_the_mail_shows_in_the_orders_history(client_of, vendor, owner):
    make_order(vendor, number="1042", status=OrderStatus.PROCESSING, announce=True)
    work()

    text = client_of(owner).get("/vendors/rucher-des-baux/orders/1042/").content.decode()

    assert f"E-mail “New order” sent to {owner.email}" in text


def test_markup_in_a_name_is_escaped_in_html_and_plain_in_text(vendor, owner):
    make_order(vendor, customer_name="<b>Zoé</b>", status=OrderStatus.PROCESSING, announce=True)

    row = OutgoingEmail.objects.get()
    assert "<b>Zoé</b>" in row.text
    assert "&lt;b&gt;Zoé" in row.html


def announce(vendor, **fields):
    """The mail that a new order of three units brings to the shop."""
    honey = make_product(vendor, name="Lavender honey", sku="MIEL-LAV", price="9.90")
    soap = make_product(vendor, name="Soap", price="6.50")
    values = {"number": "1042", "status": OrderStatus.PROCESSING, "placed_at": NOON, **fields}
    make_order(vendor, lines=[(honey, 2), (soap, 1)], announce=True, **values)
    return OutgoingEmail.objects.get()


@pytest.mark.parametrize(
    ("role", "language", "subject"),
    [
        (Role.OWNER, "fr", "Nouvelle commande 1042 : 3 articles, 26,30 €"),
        (Role.OWNER, "en", "New order 1042: 3 items, €26.30"),
        (Role.PREPARER, "fr", "Nouvelle commande 1042 : 3 articles"),
        (Role.PREPARER, "en", "New order 1042: 3 items"),
    ],
)
def test_the_subject_of_a_new_order_says_how_much(vendor, role, language, subject):
    make_member(vendor, role, language=language)

    assert announce(vendor).subject.replace("\xa0", " ") == subject


def test_both_parts_of_a_new_order_say_the_same(vendor):
    make_member(vendor, Role.OWNER, language="en")

    row = announce(vendor)

    for part in (row.text, row.html):
        for fact in ["2 × Lavender honey", "MIEL-LAV", "€19.80", "1 × Soap", "Total: €26.30", "paid"]:
            assert fact in part
        assert "http://127.0.0.1:8000/vendors/rucher-des-baux/orders/1042/" in part


def test_a_mail_tells_the_time_of_the_shop(vendor):
    vendor.time_zone = "America/Martinique"
    vendor.save()
    make_member(vendor, Role.OWNER, language="en")

    assert "It was placed on 23 Nov 2026 at 07:00." in announce(vendor).text


def test_an_order_whose_payment_is_awaited_is_not_to_be_shipped(vendor):
    make_member(vendor, Role.OWNER, language="en")

    assert "please do not ship it yet" in announce(vendor, status=OrderStatus.ON_HOLD).text


def test_mails_fetch_nothing_from_anywhere(vendor):
    make_member(vendor, Role.OWNER, language="fr")

    html = announce(vendor).html

    assert '<html lang="fr"' in html
    assert "<img" not in html
    assert "url(" not in html


ROOT = Path(__file__).parent.parent
COLOR = re.compile(r"#[0-9a-f]{6}\b")


@pytest.mark.parametrize("sheet", ["templates/emails/mail.css", "static/css/admin.css"])
def test_mails_and_office_have_the_colors_of_the_pages(sheet):
    pages = (ROOT / "static" / "css" / "comptoir.css").read_text("utf-8")

    assert set(COLOR.findall((ROOT / sheet).read_text("utf-8"))) <= set(COLOR.findall(pages))


def test_styles_stand_in_each_element_and_the_dark_ones_in_the_head(vendor):
    make_member(vendor, Role.OWNER, language="en")

    html = announce(vendor).html

    head, body = html.split("</head>")
    assert "prefers-color-scheme: dark" in head
    assert ".sheet{" not in head.split("@media")[0]
    assert re.search(r'<td class="sheet" style="[^"]*background-color: ?#fff', body)
    assert re.search(r'<a href="[^"]*/orders/1042/" style="[^"]*padding: ?12px 20px', body)


def test_a_button_has_its_room_where_outlook_takes_it(vendor):
    make_member(vendor, Role.OWNER, language="en")

    html = announce(vendor).html
    cell, link = re.search(r'class="button".*?<td style="([^"]*)"><a [^>]*style="([^"]*)"', html).groups()

    assert "mso-padding-alt:12px 20px" in cell
    assert ";padding:12px 20px" in link


def test_a_letter_of_another_library_gets_the_look_of_all_mails(settings):
    message = EmailMultiAlternatives(
        "Changed",
        "See <b>https://example.com/a</b>\n\nComptoir · " + settings.MARKETPLACE_NAME,
        to=["a@b.example"],
    )

    row = queue_message(message, event="test:letter", template="x")

    assert 'class="sheet"' in row.html
    assert "&lt;b&gt;<a href=" in row.html
    assert row.html.count("Comptoir · ") == 1


def test_the_text_has_no_holes(vendor):
    vendor.pickup_address = vendor.pickup_hours = ""
    vendor.save()
    order = make_order(vendor, number="1042")

    row = queue_email(
        event="test:ready",
        topic="order:1",
        template="order_ready",
        to="anna@example.com",
        language="en",
        context={"order": order, "shop": vendor},
    )

    assert "\n\n\n" not in row.text


@pytest.mark.parametrize(("email", "is_told"), [("contact@rucher.example", True), ("", False)])
def test_a_customer_is_told_where_an_answer_goes(vendor, email, is_told):
    vendor.identity.email = email
    vendor.identity.save()
    order = make_order(vendor, status=OrderStatus.PROCESSING, customer_email="anna@example.com")
    change_status(order, OrderStatus.COMPLETED, by=None, at=NOON)

    row = OutgoingEmail.objects.get(to="anna@example.com")

    assert ("A question" in row.text, "A question" in row.html) == (is_told, is_told)


def test_the_team_is_led_to_its_own_choice_of_mails(vendor):
    make_member(vendor, Role.OWNER, language="en")

    row = announce(vendor)

    for part in (row.text, row.html):
        assert "http://127.0.0.1:8000/vendors/rucher-des-baux/my-mails/" in part
