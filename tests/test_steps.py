"""What a person does on the pages of one order."""

import re
from decimal import Decimal

import pytest

from marketplace.models import OutgoingEmail
from orders.domain.fulfillment import ship
from orders.domain.refunds import refund_order
from orders.domain.transitions import StaleOrder, StepRefused, change_status
from orders.forms import ReasonForm
from orders.jobs import run_bulk
from orders.models import BulkJob, Order, Refund, Shipment
from orders.states import OrderStatus, Stage
from tests.factories import NOON, make_line, make_member, make_order, make_product, make_vendor
from vendors.roles import Role

S = OrderStatus
pytestmark = pytest.mark.django_db


@pytest.fixture
def order(vendor):
    lines = [(make_product(vendor, stock=10, name="Miel"), 3), make_line(None, kind="shipping", total="6.00")]
    return make_order(vendor, number="1042", status=S.PROCESSING, lines=lines)


def url(order, path=""):
    return f"/vendors/rucher-des-baux/orders/{order.number}/{path}"


def post(client, order, path, **data):
    response = client.post(url(order, path), data, follow=True)
    order.refresh_from_db()
    return response.content.decode()


def offered(client, order):
    """The labels of the actions the page offers, in order."""
    return [action.label for action in actions(client, order) if not action.why_not]


def actions(client, order):
    offered = client.get(url(order)).context["actions"]
    return [action for action in (offered.primary, offered.beside) if action] + offered.others


@pytest.mark.parametrize(
    ("status", "labels"),
    [
        (S.PENDING, ["Cancel the order…"]),
        (S.ON_HOLD, ["Cancel the order…"]),
        (
            S.PROCESSING,
            ["Validate the order", "Ship…", "Ready for pickup", "Refund…", "Cancel and refund…"],
        ),
        (S.COMPLETED, ["Refund…", "Cancel and refund…", "Reopen the order…"]),
        (S.CANCELLED, []),
        (S.REFUNDED, ["Goods came back…"]),
        (S.FAILED, ["Cancel the order…"]),
    ],
)
def test_only_possible_actions_are_offered(client_of, owner, vendor, status, labels):
    order = make_order(vendor, status=status)

    assert sorted(offered(client_of(owner), order)) == sorted(labels)


def test_confirming_a_payment_is_offered_where_it_is_granted(client_of, owner, vendor):
    order = make_order(vendor, status=S.ON_HOLD)
    client = client_of(owner)
    refused = next(action for action in actions(client, order) if action.label == "Confirm the payment…")
    vendor.confirms_payments = True
    vendor.save()

    assert refused.why_not == "The marketplace confirms payments for this shop."
    assert offered(client, order)[0] == "Confirm the payment…"


def test_a_preparer_is_offered_the_work_and_no_money(client_of, vendor, order):
    client = client_of(make_member(vendor, Role.PREPARER))

    assert offered(client, order) == ["Ship…", "Validate the order", "Ready for pickup"]


@pytest.mark.parametrize(
    ("method", "first", "second"),
    [
        ("Colissimo", "Ship…", "Validate the order"),
        ("Point relais", "Ship…", "Validate the order"),
        ("Retrait à l’atelier", "Ready for pickup", "Validate the order"),
    ],
)
def test_the_next_action_is_what_the_delivery_asks_for(client_of, owner, vendor, method, first, second):
    order = make_order(vendor, status=S.PROCESSING, shipping_method=method)

    assert offered(client_of(owner), order)[:2] == [first, second]


def test_an_order_that_is_shipped_is_validated_next(client_of, owner, order):
    ship(order, by=None, at=NOON)

    assert offered(client_of(owner), order)[0] == "Validate the order"


def test_a_step_that_is_not_possible_is_tied_to_its_reason(client_of, owner, order):
    html = client_of(owner).get(url(order)).content.decode()

    reason = (
        "Only the marketplace can cancel a paid order without refunding it; you can cancel and refund it."
    )
    [tied] = re.findall(r'<button type="button" disabled aria-describedby="([^"]+)">Cancel the order<', html)
    assert f'<p id="{tied}">{reason}</p>' in html


def test_an_accountant_is_offered_nothing(client_of, vendor, order):
    assert offered(client_of(make_member(vendor, Role.ACCOUNTANT)), order) == []


@pytest.mark.parametrize("path", ["steps/cancel/", "steps/reopen/", "ship/", "refund/", "cancel-and-refund/"])
def test_a_step_asks_before_it_is_taken(client_of, owner, order, path):
    assert client_of(owner).get(url(order, path)).status_code == 200
    order.refresh_from_db()
    assert order.status == S.PROCESSING


def test_an_unknown_step_is_not_found(client_of, owner, order):
    assert client_of(owner).get(url(order, "steps/explode/")).status_code == 404


def test_reopening_needs_a_reason(client_of, owner, vendor):
    order = make_order(vendor, status=S.COMPLETED)
    client = client_of(owner)

    post(client, order, "steps/reopen/", version=order.version)
    without = order.status
    post(client, order, "steps/reopen/", version=order.version, reason="Colis revenu")

    assert (without, order.status) == (S.COMPLETED, S.PROCESSING)
    assert order.history.latest("id").note.text == "Colis revenu"


def test_the_second_tab_is_told(client_of, owner, vendor, order):
    client = client_of(owner)
    opened_on = order.version
    post(client, order, "validate/", version=opened_on)

    text = post(client, order, "cancel-and-refund/", version=opened_on)

    assert order.status == S.COMPLETED
    assert re.search(r"Claire Fabre validated it at [0-9]{2}:[0-9]{2}\.", text)


def test_a_parcel_is_recorded_and_the_customer_told(client_of, owner, order):
    line = order.lines.first()

    post(
        client_of(owner),
        order,
        "ship/",
        **{f"units_{line.pk}": 3, "carrier": "colissimo", "tracking_number": "6A1", "version": order.version},
    )

    assert (order.stage, Shipment.objects.get().tracking_number) == (Stage.SHIPPED, "6A1")
    assert OutgoingEmail.objects.get(template="order_shipped").to == "camille@example.com"


def test_a_parcel_is_given_its_number_later(client_of, owner, order):
    client = client_of(owner)
    ship(order, by=owner, at=NOON)
    Order.objects.filter(pk=order.pk).update(shipping_method="Colissimo à domicile")
    fields = {"carrier": "colissimo", "version": order.version}

    page = client.get(url(order)).content.decode()
    opened = client.get(url(order, "parcels/1/")).content.decode()
    without = client.post(url(order, "parcels/1/"), {**fields, "tracking_number": ""})
    post(client, order, "parcels/1/", **fields, tracking_number="1Z9")
    again = post(client, order, "parcels/1/", **fields | {"version": order.version}, tracking_number="1Z9")

    assert f'href="{url(order, "parcels/1/")}"' in page
    assert '<option value="colissimo" selected>' in opened
    assert (without.status_code, b'id="id_tracking_number_error"' in without.content) == (200, True)
    assert Shipment.objects.get().tracking_number == "1Z9"
    assert "The tracking is as it was: nothing was changed." in again
    assert client.get(url(order, "parcels/2/")).status_code == 404


@pytest.mark.parametrize(
    ("delivery", "carrier"), [("Colissimo à domicile", "colissimo"), ("Groupspost, coups de cœur", "")]
)
def test_the_carrier_that_the_delivery_names_is_proposed(client_of, owner, order, delivery, carrier):
    Order.objects.filter(pk=order.pk).update(shipping_method=delivery)

    text = client_of(owner).get(url(order, "ship/")).content.decode()

    assert f'<option value="{carrier}" selected>' in text


def test_a_parcel_begins_at_its_number_and_a_wrong_one_at_what_is_wrong(client_of, owner, order):
    client = client_of(owner)

    opened = client.get(url(order, "ship/")).content
    wrong = client.post(url(order, "ship/"), {"shipped_on": "2020-01-01", "version": order.version}).content

    assert (b"autofocus" in opened, b"autofocus" in wrong) == (True, False)


def test_ready_then_handed_over_completes_the_order(client_of, owner, order):
    client = client_of(owner)

    post(client, order, "ready/", version=order.version)
    stage = order.stage
    post(client, order, "hand-over/", version=order.version)

    assert (stage, order.status) == (Stage.READY_FOR_PICKUP, S.COMPLETED)


def test_a_preview_of_a_refund_records_nothing(client_of, owner, order):
    line = order.lines.first()

    response = client_of(owner).post(url(order, "refund/"), {f"units_{line.pk}": 1, "do": "preview"})

    assert response.context["preview"].amount == Decimal("12.00")
    assert not Refund.objects.exists()


def test_units_are_refunded_at_their_price_and_come_back(client_of, owner, order):
    line = order.lines.first()

    post(
        client_of(owner),
        order,
        "refund/",
        **{f"units_{line.pk}": 1, f"back_{line.pk}": "on", "do": "refund", "version": order.version},
    )

    line.product.refresh_from_db()
    assert (order.refunded_total, order.refund_state, line.product.stock) == (Decimal("12.00"), "partial", 8)


@pytest.mark.parametrize("typed", ["5,00", "5.00", "5,00 €", "5"])
def test_an_amount_is_read_as_people_type_it(client_of, owner, order, typed):
    post(client_of(owner), order, "refund/", amount=typed, do="refund", version=order.version)

    assert order.refunded_total == Decimal("5.00")


@pytest.mark.parametrize("typed", ["42.01", "-1", "abc", "1e5", "0.001", "NaN"])
def test_an_impossible_amount_is_said_and_refunds_nothing(client_of, owner, order, typed):
    response = client_of(owner).post(url(order, "refund/"), {"amount": typed, "do": "refund"})

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not Refund.objects.exists()


def test_what_is_left_of_a_line_is_said_in_units_and_money(client_of, owner, order):
    line = order.lines.get(kind="product")
    post(client_of(owner), order, "refund/", do="refund", **{f"units_{line.pk}": 1})

    html = client_of(owner).get(url(order, "refund/")).content.decode()

    assert ("2 units, €24.00 left" in html, "<small>€6.00 left" in html) == (True, True)


def test_what_is_wrong_in_a_refund_stands_in_the_place_of_its_sums(client_of, owner, order):
    client = client_of(owner)
    line = order.lines.get(kind="product")
    typed = {f"units_{line.pk}": 1, "amount": "abc"}

    response = client.post(url(order, "refund/"), typed, headers={"HX-Request": "true"})

    live = response.content.decode().partition('id="live"')[2].partition("</table>")[0]
    assert (response.context["preview"], "Another amount: Enter a number." in live) == (None, True)


def test_an_amount_that_was_not_shown_is_shown_before_it_is_refunded(client_of, owner, order):
    client, line = client_of(owner), order.lines.get(kind="product")
    page = post(client, order, "refund/", do="preview", **{f"units_{line.pk}": 1})
    shown = re.search(r'name="shown" value="([^"]+)"', page).group(1)

    again = post(client, order, "refund/", do="refund", shown=shown, **{f"units_{line.pk}": 2})

    assert order.refunded_total == 0
    assert f'value="{Decimal(shown) * 2}"' in again
    post(client, order, "refund/", do="refund", shown=str(Decimal(shown) * 2), **{f"units_{line.pk}": 2})
    assert order.refunded_total == Decimal(shown) * 2


def test_without_a_script_the_amount_is_shown_before_anything_is_refunded(client_of, owner, order):
    client, units = client_of(owner), {f"units_{order.lines.get(kind='product').pk}": 1}

    page = post(client, order, "refund/", do="refund", shown="", **units)
    refunded = order.refunded_total
    post(
        client,
        order,
        "refund/",
        do="refund",
        shown=re.search(r'name="shown" value="([^"]+)"', page)[1],
        **units,
    )

    assert "Nothing is refunded yet." in page
    assert (refunded, order.refunded_total > 0) == (0, True)


def test_what_is_wrong_stands_beside_its_field(client_of, owner, order):
    client, line = client_of(owner), order.lines.get(kind="product")
    for path, wrong in [
        ("ship/", {f"units_{line.pk}": 99, "shipped_on": "2020-01-01"}),
        ("refund/", {f"units_{line.pk}": 99, "amount": "x"}),
        ("cancel-and-refund/", {"reason": "x" * 501}),
    ]:
        html = post(client, order, path, **wrong)
        named = re.findall(r'aria-describedby="([^"]+)"', html)
        ids = {each for names in named for each in names.split()}
        assert any(each.endswith("_error") for each in ids)
        assert ids <= set(re.findall(r'\bid="([^"]+)"', html)), path


def test_who_signs_in_again_comes_back_to_the_page_of_the_form(client, order):
    form, page = url(order, "note/"), url(order)

    for referer, leads_to in [
        ({"Referer": f"http://testserver{page}"}, page),
        ({"Referer": "https://elsewhere.example/x"}, "/"),
        ({"Referer": "http://[x"}, "/"),
        ({}, "/"),
    ]:
        response = client.post(form, {"text": "x"}, headers=referer)
        assert response["Location"] == f"/accounts/login/?next={leads_to}"


LOST = "You were signed out: nothing was recorded."


def test_a_form_of_who_was_signed_out_is_said_to_be_lost(client, order):
    page, form = url(order), {"data": {"text": "x"}, "headers": {"Referer": f"http://testserver{url(order)}"}}

    opened = client.get(page, follow=True).content.decode()
    sent = client.post(url(order, "note/"), **form, follow=True).content.decode()
    form["headers"]["HX-Request"] = "true"
    by_script = client.post(url(order, "note/"), **form)
    door = client.get(by_script["HX-Redirect"]).content.decode()

    assert [text.count(LOST) for text in (opened, sent, door)] == [0, 1, 1]
    assert (by_script.status_code, by_script["HX-Redirect"]) == (200, f"/accounts/login/?next={page}")


def test_a_form_s_address_that_is_opened_says_so(client_of, owner, order):
    response = client_of(owner).get(url(order, "note/"), headers={"Accept": "text/html"})

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "This address only takes what a form sends" in response.content.decode()


def test_refunding_twice_by_a_double_click_refunds_once(client_of, owner, order):
    client = client_of(owner)
    version = order.version

    post(client, order, "refund/", amount="5", do="refund", version=version)
    text = post(client, order, "refund/", amount="5", do="refund", version=version)

    assert Refund.objects.count() == 1
    assert "is not what you saw any more" in text


def test_cancel_and_refund_puts_everything_back(client_of, owner, order):
    post(client_of(owner), order, "cancel-and-refund/", version=order.version, reason="Rupture")

    product = order.lines.first().product
    assert (order.status, order.refunded_total, product.stock) == (S.REFUNDED, Decimal("42.00"), 10)


def test_a_note_for_the_customer_is_mailed_and_a_private_one_is_not(client_of, owner, order):
    client = client_of(owner)

    post(client, order, "note/", text="Cliente fidèle")
    post(client, order, "note/", text="Merci !", for_customer="on")

    assert [mail.text.split("\n")[0] for mail in OutgoingEmail.objects.all()] == ["Merci !"]
    assert order.notes.count() == 2


def test_a_note_sent_twice_is_mailed_once(client_of, owner, order):
    client = client_of(owner)
    for _ in range(2):
        post(client, order, "note/", text="Merci !", for_customer="on")

    assert (order.notes.count(), OutgoingEmail.objects.filter(template="note_to_customer").count()) == (1, 1)


@pytest.mark.parametrize("version", ["", "abc", "-1", "99999999999"])
def test_a_form_whose_version_cannot_be_read_changes_nothing(client_of, owner, order, version):
    page = post(client_of(owner), order, "validate/", version=version)

    assert order.status == S.PROCESSING
    assert "is not what you saw any more" in page


@pytest.mark.parametrize(("number", "waits"), [(3, False), (25, True)])
def test_a_bulk_action_shows_a_result_per_order(client_of, owner, vendor, number, waits):
    orders = [make_order(vendor, status=S.PROCESSING) for _ in range(number)] + [make_order(vendor)]
    client = client_of(owner)

    response = client.post(
        "/vendors/rucher-des-baux/orders/bulk/",
        {"action": "validate", "order": [order.number for order in orders], "sure": len(orders)},
        follow=True,
    )

    counts = response.context["counts"]
    assert counts == (
        {"waiting": number + 1, "done": 0, "unchanged": 0, "refused": 0}
        if waits
        else {"waiting": 0, "done": number, "unchanged": 0, "refused": 1}
    )


def test_the_whole_filtered_selection_can_be_chosen(client_of, owner, vendor):
    for _ in range(3):
        make_order(vendor, status=S.PROCESSING)
    pending = make_order(vendor, status=S.PENDING)

    client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/",
        {"action": "validate", "all": "1", "filters": "status=processing"},
    )

    pending.refresh_from_db()
    assert vendor.orders.filter(status=S.COMPLETED).count() == 3
    assert pending.status == S.PENDING


@pytest.mark.parametrize("sure", ["", "11", "x"])
def test_many_orders_are_asked_about_first(client_of, owner, vendor, sure):
    orders = [make_order(vendor, status=S.PROCESSING, customer_email="a@b.example") for _ in range(12)]

    response = client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/",
        {"action": "ship", "order": [order.number for order in orders], "sure": sure},
    )

    assert (response.context["count"], response.context["customers"]) == (12, 12)
    assert not BulkJob.objects.exists()


def test_filters_too_long_to_be_read_choose_nothing(client_of, owner, vendor):
    order = make_order(vendor, status=S.PROCESSING, customer_name="Ana")

    client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/",
        {"action": "validate", "all": "1", "filters": "utm=" + "x" * 8000 + "&customer=zo"},
    )

    order.refresh_from_db()
    assert (order.status, BulkJob.objects.count()) == (S.PROCESSING, 0)


def test_the_selection_that_is_sent_is_the_one_that_is_seen(client_of, owner, vendor):
    make_order(vendor, status=S.PROCESSING, customer_name="Zoé")

    page = client_of(owner).get(f"/vendors/rucher-des-baux/orders/?utm={'x' * 3000}&customer=zo&sort=total")

    assert page.context["selection_query"] == "customer=zo"


def test_few_orders_too_are_ended_by_the_worker_when_the_page_dies(client_of, owner, vendor, monkeypatch):
    orders = [make_order(vendor, status=S.PROCESSING) for _ in range(2)]
    monkeypatch.setattr("orders.views.bulk_job.work_on", lambda *args, **kwargs: None)
    client_of(owner).post(
        "/vendors/rucher-des-baux/orders/bulk/",
        {"action": "validate", "order": [order.number for order in orders]},
    )

    run_bulk.call(BulkJob.objects.get().pk)

    assert vendor.orders.filter(status=S.COMPLETED).count() == 2


@pytest.mark.parametrize("chosen", [{"order": ["77"]}, {"all": "1", "filters": ""}, {"order": ["7\0"]}])
def test_a_bulk_action_lists_no_neighbors_order(client_of, owner, vendor, chosen):
    make_order(make_vendor("miel-et-cie"), status=S.PROCESSING, number="77")

    client_of(owner).post("/vendors/rucher-des-baux/orders/bulk/", {"action": "validate", **chosen})

    assert not BulkJob.objects.exists()


def test_a_neighbors_orders_are_never_chosen(client_of, owner, vendor):
    foreign = make_order(make_vendor("miel-et-cie"), status=S.PROCESSING, number="77")

    client_of(owner).post("/vendors/rucher-des-baux/orders/bulk/", {"action": "validate", "order": ["77"]})

    foreign.refresh_from_db()
    assert foreign.status == S.PROCESSING


# What a refused or repeated step says


def test_a_step_that_is_taken_already_says_so_and_leads_back(client_of, owner, vendor):
    order = make_order(vendor, number="1042", status=S.CANCELLED)

    text = client_of(owner).get(url(order, "steps/cancel/")).content.decode()

    assert "Order 1042 is cancelled already." in text
    assert f'<a class="btn btn--main" href="{url(order)}">Back to the order</a>' in text


def test_cancelling_an_order_that_holds_nothing_promises_nothing(client_of, owner, vendor):
    order = make_order(vendor, status=S.PENDING, lines=[(make_product(vendor, stock=10), 3)])

    text = client_of(owner).get(url(order, "steps/cancel/")).content.decode()

    assert "The stock does not change." in text
    assert "goes back to the shelf" not in text


def test_cancelling_an_order_that_holds_units_gives_them_back(client_of, owner, vendor):
    order = make_order(vendor, status=S.ON_HOLD, lines=[(make_product(vendor, stock=10), 3)])

    assert "goes back to the shelf" in client_of(owner).get(url(order, "steps/cancel/")).content.decode()


def test_too_many_units_in_a_parcel_are_refused_with_what_is_left(client_of, owner, order):
    line = order.lines.first()

    text = post(client_of(owner), order, "ship/", **{f"units_{line.pk}": "4"})

    assert "3 units are left." in text
    assert not Shipment.objects.exists()


def test_a_parcel_of_no_unit_is_refused_beside_what_was_typed(client_of, owner, order):
    line = order.lines.first()

    text = post(client_of(owner), order, "ship/", **{f"units_{line.pk}": "0", "tracking_number": "6A1"})

    assert "A parcel holds at least one unit." in text
    assert ("nothing left to ship" in text, 'value="6A1"' in text) == (False, True)
    assert not Shipment.objects.exists()


@pytest.mark.parametrize(
    ("path", "typed", "kept"),
    [
        ("ship/", {"tracking_number": "6A1", "units_{line}": "1"}, 'value="6A1"'),
        ("parcels/1/", {"tracking_number": "6A2", "carrier": "ups"}, 'value="6A2"'),
        ("refund/", {"amount": "5,00", "reason": "Pot cassé", "do": "refund"}, 'value="Pot cassé"'),
        ("cancel-and-refund/", {"reason": "Rupture"}, "Rupture</textarea>"),
    ],
)
def test_what_another_did_meanwhile_is_told_beside_what_was_typed(client_of, owner, order, path, typed, kept):
    client, line = client_of(owner), order.lines.first()
    ship(order, units={line.pk: 1}, by=None, at=NOON)
    opened_on = order.version
    ship(order, units={line.pk: 1}, by=owner, at=NOON)
    before = order.version
    fields = {name.format(line=line.pk): value for name, value in typed.items()}

    told = post(client, order, path, **fields, version=opened_on)
    unchanged = order.version
    again = re.search(r'name="version" value="([0-9]+)" id="id_version"', told).group(1)
    post(client, order, path, **fields, version=again)

    assert "The order has changed meanwhile" in told
    assert ("Claire Fabre" in told, kept in told) == (True, True)
    assert unchanged == before < order.version


def test_another_refusal_does_not_stand_for_what_was_not_told(order):
    versions = []
    for refusal in (StepRefused("No."), StaleOrder(order)):
        form = ReasonForm({"reason": "x", "version": "1"})
        form.refuse(refusal, 2)
        versions.append((form["version"].value(), form.is_stale, bool(form.non_field_errors())))

    assert versions == [("1", False, True), ("2", True, True)]


def test_a_reopening_that_comes_too_late_keeps_its_reason(client_of, owner, order):
    client = client_of(owner)
    change_status(order, S.COMPLETED, by=owner, at=NOON)
    refund_order(order, amount=Decimal("1.00"), by=owner, at=NOON)

    told = post(client, order, "steps/reopen/", reason="Retour", version=order.version - 1)

    assert (order.status, "Retour</textarea>" in told) == (S.COMPLETED, True)


def test_an_empty_refund_is_refused_once_in_plain_words(client_of, owner, order):
    text = post(client_of(owner), order, "refund/", do="refund")

    assert text.count("Give units or an amount to refund.") == 1
    assert not Refund.objects.exists()


def test_an_empty_note_says_which_field_is_meant(client_of, owner, order):
    assert "The note is empty: nothing was kept." in post(client_of(owner), order, "note/", text=" ")


@pytest.mark.parametrize("path", ["ship/", "refund/", "steps/reopen/", "cancel-and-refund/"])
def test_a_page_that_refuses_leads_back(client_of, owner, vendor, path):
    order = make_order(vendor, status=S.PENDING)

    assert "Back to the order" in client_of(owner).get(url(order, path)).content.decode()


def test_a_free_order_is_stopped_from_its_page(client_of, owner, vendor):
    product = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[make_line(product, 2, total="0.00")], status=S.PROCESSING)
    client = client_of(owner)

    asked = client.get(url(order, "cancel-and-refund/")).content.decode()
    post(client, order, "cancel-and-refund/", version=order.version)

    order.refresh_from_db()
    product.refresh_from_db()
    assert ("The order cost nothing" in asked, "Stop the order" in asked) == (True, True)
    assert (order.status, product.stock) == (S.REFUNDED, 10)


def test_goods_come_back_to_a_refunded_order_by_its_page(client_of, owner, vendor):
    product = make_product(vendor, stock=10)
    order = make_order(vendor, lines=[(product, 2)], status=S.PROCESSING)
    refund_order(order, amount=order.total, by=owner, at=NOON)
    client, line = client_of(owner), order.lines.get()
    labels = [client.get(url(order)).content.decode().count("Goods came back…")]

    post(client, order, "refund/", **{f"units_{line.pk}": 2, f"back_{line.pk}": "on", "do": "refund"})

    product.refresh_from_db()
    page = client.get(url(order)).content.decode()
    labels.append(page.count("Goods came back…"))
    assert (product.stock, labels) == (10, [1, 0])
    assert "Goods back without money" in page


def test_a_parcel_that_left_before_its_order_is_refused_beside_what_was_typed(client_of, owner, order):
    line = order.lines.first()
    typed = {f"units_{line.pk}": "1", "tracking_number": "6A1", "shipped_on": "2020-01-01"}

    text = post(client_of(owner), order, "ship/", **typed)

    assert "A parcel cannot have left before the order was placed." in text
    assert 'value="6A1"' in text
    assert not Shipment.objects.exists()
