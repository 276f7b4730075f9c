"""Which mails an order sends, to whom, and that each is sent once: docs/rules/order-states.md, "Mails"."""

from decimal import Decimal

import pytest

from marketplace.mail import send_email
from marketplace.models import OutgoingEmail
from orders.domain.fulfillment import correct_tracking, hand_over, ready_for_pickup, ship
from orders.domain.intake import take_order
from orders.domain.notes import add_note
from orders.domain.order_data import LineData, OrderData
from orders.domain.refunds import ask_for_refund, cancel_and_refund, confirm_refund, refund_order
from orders.domain.transitions import StepRefused, change_status, validate
from orders.emails import silence
from orders.states import OrderStatus
from tests.factories import NOON, make_line, make_member, make_order, make_product, make_vendor
from vendors.models import LegalIdentity, Membership
from vendors.roles import Role

S = OrderStatus
SHOP, CUSTOMER = "owner@rucher.example", "camille@example.com"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("owner")]


def mails():
    """Every mail that was queued since the last look: (template, address)."""
    rows = OutgoingEmail.objects.order_by("id")
    seen = list(rows.values_list("template", "to"))
    rows.exclude(template="seen").update(template="seen")
    return [mail for mail in seen if mail[0] != "seen"]


def arrived(vendor, status=S.PROCESSING, **fields):
    """An order whose arrival is not looked at."""
    return make_order(vendor, number="1042", status=status, **fields)


def report(order, to):
    change_status(order, to, by=order.source, at=NOON)


# The table


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (S.PROCESSING, [("new_order", SHOP)]),
        (S.ON_HOLD, [("new_order", SHOP)]),
        (S.COMPLETED, [("new_order", SHOP)]),
        (S.PENDING, []),
        (S.FAILED, []),
        (S.CANCELLED, []),
    ],
)
def test_an_order_that_arrives(vendor, status, sent):
    make_order(vendor, status=status, announce=True)

    assert mails() == sent


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ([S.PENDING, S.PROCESSING], [("new_order", SHOP)]),
        ([S.PENDING, S.ON_HOLD], [("new_order", SHOP)]),
        ([S.PENDING, S.FAILED, S.PROCESSING], [("new_order", SHOP)]),
        ([S.PENDING, S.CANCELLED], []),
        ([S.PENDING, S.FAILED, S.CANCELLED], []),
        ([S.ON_HOLD, S.PROCESSING], [("new_order", SHOP), ("payment_confirmed", SHOP)]),
        ([S.ON_HOLD, S.COMPLETED], [("new_order", SHOP), ("order_completed", CUSTOMER)]),
        ([S.PROCESSING, S.COMPLETED], [("new_order", SHOP), ("order_completed", CUSTOMER)]),
        (
            [S.PROCESSING, S.CANCELLED],
            [("new_order", SHOP), ("order_stopped", SHOP), ("order_cancelled", CUSTOMER)],
        ),
        ([S.PROCESSING, S.FAILED], [("new_order", SHOP), ("order_stopped", SHOP)]),
        (
            [S.PROCESSING, S.FAILED, S.CANCELLED],
            [("new_order", SHOP), ("order_stopped", SHOP), ("order_cancelled", CUSTOMER)],
        ),
        (
            [S.ON_HOLD, S.PENDING, S.CANCELLED],
            [("new_order", SHOP), ("order_stopped", SHOP), ("order_cancelled", CUSTOMER)],
        ),
        ([S.PROCESSING, S.CANCELLED, S.PROCESSING], "new_order once"),
        ([S.PROCESSING, S.COMPLETED, S.PROCESSING, S.COMPLETED], "order_completed once"),
    ],
)
def test_the_steps_of_an_order(vendor, path, sent):
    order = make_order(vendor, status=path[0], announce=True)
    for to in path[1:]:
        report(order, to)

    if isinstance(sent, str):
        template = sent.split()[0]
        assert [mail for mail in mails() if mail[0] == template] == [
            (template, SHOP if template == "new_order" else CUSTOMER)
        ]
    else:
        assert mails() == sent


def test_a_parcel_is_told_to_the_customer_with_its_tracking(vendor):
    order = arrived(vendor, lines=[(make_product(vendor), 2)])
    line = order.lines.get()
    for number in ("6A1", "6A2"):
        ship(order, units={line.pk: 1}, carrier="colissimo", tracking_number=number, by=None, at=NOON)

    texts = OutgoingEmail.objects.order_by("id").values_list("text", flat=True)
    assert ["6A1" in texts[0], "suivre-vos-envois?code=6A2" in texts[1], "Colissimo" in texts[0]] == [
        True
    ] * 3
    assert mails() == [("order_shipped", CUSTOMER)] * 2


def test_a_corrected_tracking_number_is_told_each_time(vendor):
    order = arrived(vendor)
    ship(order, carrier="ups", tracking_number="6A1", by=None, at=NOON)
    for number in ("6A2", "6A2", "6A3"):
        correct_tracking(order, 1, carrier="colissimo", tracking_number=number, by=None, at=NOON)

    texts = OutgoingEmail.objects.order_by("id").values_list("text", flat=True)
    assert mails() == [("order_shipped", CUSTOMER)] + [("order_tracking", CUSTOMER)] * 2
    assert ["suivre-vos-envois?code=6A2" in texts[1], "6A3" in texts[2], "6A1" in texts[1]] == [
        True,
        True,
        False,
    ]


def test_ready_for_pickup_is_told_with_address_and_hours(vendor):
    vendor.pickup_address, vendor.pickup_hours = "3 chemin du Moulin", "Tuesday to Saturday"
    vendor.save()
    ready_for_pickup(arrived(vendor), by=None, at=NOON)

    text = OutgoingEmail.objects.get().text
    assert ("3 chemin du Moulin" in text, "Tuesday to Saturday" in text) == (True, True)
    assert mails() == [("order_ready", CUSTOMER)]


def test_what_is_handed_over_is_completed(vendor):
    order = arrived(vendor)
    ready_for_pickup(order, by=None, at=NOON)
    hand_over(order, by=None, at=NOON)

    assert mails() == [("order_ready", CUSTOMER), ("order_completed", CUSTOMER)]


@pytest.mark.parametrize("amount", ["5.00", "12.00"])
def test_a_refund_is_told_to_both_with_its_amount(vendor, amount):
    refund_order(arrived(vendor), amount=Decimal(amount), by=None, at=NOON)

    assert [f"€{amount}" in mail.text for mail in OutgoingEmail.objects.all()] == [True, True]
    assert mails() == [("refund_recorded", SHOP), ("order_refunded", CUSTOMER)]


def test_cancelling_and_refunding_tells_of_one_refund(vendor, owner):
    cancel_and_refund(arrived(vendor), by=owner, at=NOON)

    assert mails() == [("refund_recorded", SHOP), ("order_refunded", CUSTOMER)]


def test_a_refund_that_is_only_asked_for_is_told_when_it_is_confirmed(vendor, owner):
    order = arrived(vendor)
    order.source.confirms_refunds = True
    order.source.save()
    refund = ask_for_refund(order, amount=Decimal("5.00"), by=owner, at=NOON)
    asked = mails()
    confirm_refund(refund, "77", by=order.source, at=NOON)

    assert (asked, mails()) == ([], [("refund_recorded", SHOP), ("order_refunded", CUSTOMER)])


def test_a_note_for_the_customer_is_sent_and_a_private_one_is_not(vendor, owner):
    order = arrived(vendor)
    add_note(order, "Fragile", by=owner, at=NOON)
    add_note(order, "See you on Friday", for_customer=True, by=owner, at=NOON)

    mail = OutgoingEmail.objects.get()
    assert (mail.template, mail.to, "See you on Friday" in mail.text) == ("note_to_customer", CUSTOMER, True)


def test_a_note_is_not_sent_to_nobody(vendor, owner):
    order = arrived(vendor, customer_email="")

    with pytest.raises(StepRefused, match="The customer of order 1042 has no e-mail address."):
        add_note(order, "See you on Friday", for_customer=True, by=owner, at=NOON)


# Who is told


@pytest.mark.parametrize(
    ("wish", "template", "act"),
    [
        ("wants_new_order_mail", "new_order", lambda order: report(order, S.ON_HOLD)),
        ("wants_new_order_mail", "payment_confirmed", lambda order: report(order, S.PROCESSING)),
        ("wants_stopped_mail", "order_stopped", lambda order: report(order, S.FAILED)),
        (
            "wants_refund_mail",
            "refund_recorded",
            lambda order: refund_order(order, amount=Decimal(1), by=None, at=NOON),
        ),
    ],
)
def test_each_person_chooses(vendor, wish, template, act):
    start = {"new_order": S.PENDING, "payment_confirmed": S.ON_HOLD}.get(template, S.PROCESSING)
    order = arrived(vendor, status=start)
    silent = make_member(vendor, Role.MANAGER, email="silent@rucher.example")
    make_member(vendor, Role.MANAGER, email="other@rucher.example")
    Membership.objects.filter(user=silent).update(**{wish: False})

    act(order)

    told = [to for name, to in mails() if name == template]
    assert told == [SHOP, "other@rucher.example"]


def test_who_may_not_sign_in_any_more_is_not_told(vendor):
    make_member(vendor, Role.MANAGER, email="gone@rucher.example", is_active=False)
    make_order(vendor, status=S.PROCESSING, announce=True)

    assert mails() == [("new_order", SHOP)]


def test_no_mail_to_a_preparer_has_an_amount(vendor):
    make_member(vendor, Role.PREPARER, email="preparer@rucher.example")
    lines = [make_line(make_product(vendor), total="1234.56"), make_line(None, kind="shipping", total="7.89")]
    order = make_order(vendor, lines=lines, status=S.ON_HOLD, announce=True)
    report(order, S.PROCESSING)
    refund_order(order, amount=Decimal("98.76"), by=None, at=NOON)
    report(order, S.FAILED)

    to_preparer = OutgoingEmail.objects.filter(to="preparer@rucher.example")
    words = " ".join(f"{mail.subject} {mail.text} {mail.html}" for mail in to_preparer)
    leaks = [amount for amount in ("234.56", "242.45", "7.89", "98.76", "€", "EUR") if amount in words]
    assert (to_preparer.count(), leaks) == (4, [])


def test_the_owners_mails_have_amounts(vendor):
    order = make_order(vendor, lines=[make_line(None, total="1234.56")], status=S.PROCESSING, announce=True)
    refund_order(order, amount=Decimal("98.76"), by=None, at=NOON)

    new, refund = OutgoingEmail.objects.filter(to=SHOP).order_by("id")
    assert ("€1,234.56" in new.text, "€98.76" in refund.text) == (True, True)


def test_each_mail_is_in_its_readers_language(vendor):
    make_member(vendor, Role.MANAGER, email="marie@rucher.example", language="fr")
    make_order(vendor, number="1042", status=S.PROCESSING, announce=True)

    french = OutgoingEmail.objects.get(to="marie@rucher.example")
    assert french.subject.startswith("Nouvelle commande 1042")


def test_another_shops_team_is_not_told(vendor):
    make_member(make_vendor(), email="owner@other.example")
    make_order(vendor, status=S.PROCESSING, announce=True)

    assert mails() == [("new_order", SHOP)]


# When none is sent


def live(order):
    """Everything that is told."""
    report(order, S.PROCESSING)
    ship(order, by=None, at=NOON)
    refund_order(order, amount=Decimal(1), by=None, at=NOON)
    validate(order, by=None, at=NOON)
    report(order, S.CANCELLED)


def test_customer_mails_can_be_switched_off(vendor, settings):
    settings.CUSTOMER_MAILS = False
    live(arrived(vendor, S.ON_HOLD))

    assert {to for _, to in mails()} == {SHOP}


def test_a_customer_without_address_is_told_nothing(vendor):
    live(arrived(vendor, S.ON_HOLD, customer_email=""))

    assert {to for _, to in mails()} == {SHOP}


def test_silence_queues_nothing(vendor):
    order = arrived(vendor, S.ON_HOLD)
    with silence():
        live(order)
    silent = mails()
    report(order, S.PROCESSING)

    assert (silent, mails()) == ([], [("new_order", SHOP)])


def test_silence_ends_with_an_error(vendor):
    with pytest.raises(RuntimeError), silence():
        raise RuntimeError
    make_order(vendor, status=S.PROCESSING, announce=True)

    assert mails() == [("new_order", SHOP)]


# Repeated reports


def data(status=S.PROCESSING, **fields):
    price = {"net_before_discount": Decimal(10), "tax_before_discount": Decimal(2)}
    line = LineData("product", "1", "Mug", 1, **price, net=Decimal(10), tax=Decimal(2))
    values = {"email": CUSTOMER, "lines": (line,), **fields}
    return OrderData("55", "55", status, "EUR", NOON, Decimal(12), Decimal(2), **values)


def test_repeated_reports_send_no_mail_twice(vendor):
    source = make_order(vendor).source
    for status in (S.ON_HOLD, S.PROCESSING, S.COMPLETED, S.CANCELLED):
        for _ in range(3):
            take_order(data(status), source=source, vendor=vendor, at=NOON)

    assert mails() == [
        ("new_order", SHOP),
        ("payment_confirmed", SHOP),
        ("order_completed", CUSTOMER),
        ("order_stopped", SHOP),
        ("order_cancelled", CUSTOMER),
    ]


def test_history_that_is_taken_in_is_no_news(vendor):
    source = make_order(vendor).source
    take_order(data(), source=source, vendor=vendor, at=NOON, announce=False)

    assert mails() == []


def test_every_mail_has_its_own_event_and_message_id(vendor):
    order = arrived(vendor, S.ON_HOLD)
    live(order)

    rows = OutgoingEmail.objects.all()
    assert len({row.event for row in rows}) == len({row.message_id for row in rows}) == len(rows)
    assert {row.topic for row in rows} == {f"order:{order.pk}"}


def test_a_mail_that_fails_for_two_days_is_given_up_and_may_be_sent_by_hand(vendor, settings):
    make_order(vendor, status=S.PROCESSING, announce=True)
    mail = OutgoingEmail.objects.get()
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
    settings.EMAIL_PORT = 1
    states = []
    for _ in range(9):
        with pytest.raises(ConnectionRefusedError):
            send_email.call(mail.pk)
        mail.refresh_from_db()
        states.append(mail.state)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    send_email.call(mail.pk)

    mail.refresh_from_db()
    assert (states, mail.state, mail.attempts) == (["queued"] * 8 + ["failed"], "sent", 10)


def test_a_refused_step_takes_its_mails_back(vendor, monkeypatch):
    order = arrived(vendor, S.ON_HOLD)

    def no_paper(*args, **kwargs):
        raise StepRefused("no paper")

    monkeypatch.setattr("orders.emails._tell_customer", no_paper)
    with pytest.raises(StepRefused):
        change_status(order, S.CANCELLED, by=None, at=NOON)

    assert mails() == []


def test_a_customer_answers_the_shop(vendor, mailoutbox):
    LegalIdentity.objects.update_or_create(vendor=vendor, defaults={"email": "bonjour@rucher.example"})
    ship(arrived(vendor, customer_email=CUSTOMER), by=None, at=NOON)

    send_email.call(OutgoingEmail.objects.get(template="order_shipped").pk)

    assert mailoutbox[0].reply_to == ["bonjour@rucher.example"]
    assert mailoutbox[0].from_email == "Rucher des Baux via naturalconect <comptoir@localhost>"


def test_a_parcel_tells_what_is_in_it_and_what_follows(vendor):
    mug = make_product(vendor, name="Mug")
    order = arrived(vendor, customer_email=CUSTOMER, lines=[(mug, 3)])
    line = order.lines.get()
    ship(order, units={line.pk: 1}, carrier="colissimo", by=None, at=NOON)
    ship(order, by=None, at=NOON)

    first, last = OutgoingEmail.objects.filter(template="order_shipped").order_by("id")

    assert [("1 × Mug" in first.text), ("2 × Mug" in last.text), ("Colissimo" in first.text)] == [True] * 3
    assert ["in another parcel" in mail.text for mail in (first, last)] == [True, False]


def test_an_order_that_was_stopped_and_is_paid_after_all_is_to_be_prepared(vendor):
    order = arrived(vendor, S.ON_HOLD, announce=True)
    report(order, S.CANCELLED)
    mails()
    report(order, S.PROCESSING)

    assert mails() == [("payment_confirmed", SHOP)]
