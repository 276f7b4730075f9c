from datetime import date
from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission

from marketplace.admin import OfficeAdmin
from marketplace.models import AuditEntry
from orders.models import Answer, Delivery, ExchangeRate, SourceVendor
from tests.factories import NOON, make_order, make_source, make_user, make_vendor
from vendors.models import User

pytestmark = pytest.mark.django_db
NO_SHOPS = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}


@pytest.fixture
def boss():
    return make_user("boss@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def office(client_of, boss):
    return client_of(boss)


def written():
    """What the audit has of the office, oldest first: subject and changes."""
    entries = AuditEntry.objects.filter(kind="office_changed").order_by("id")
    return [(entry.subject, entry.data.get("changes")) for entry in entries]


def right(codename):
    return Permission.objects.get(codename=codename)


def filled(page):
    """The fields of an admin page as a browser would send them back."""
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    values = {field.html_name: field.value() for form in forms for field in form}
    sent = {name: value for name, value in values.items() if value is not None and value is not False}
    return {name: getattr(value, "pk", value) for name, value in sent.items()}


def test_every_page_of_the_office_writes_its_changes_down():
    bare = [page for page in admin.site._registry.values() if not isinstance(page, OfficeAdmin)]

    assert bare == []


@pytest.mark.parametrize("method", ["save_model", "save_related", "delete_model", "delete_queryset"])
def test_no_page_forgets_to_write(method):
    """A page that does these steps in its own way calls the shared one, or writes its own row."""
    own = {type(page).__qualname__ for page in admin.site._registry.values() if method in vars(type(page))}

    assert own <= {"SourceAdmin", "PersonAdmin", "AuthenticatorAdmin", "UserSessionAdmin"}


def test_a_group_of_rights_is_written_with_its_rights(office):
    office.post("/admin/auth/group/add/", {"name": "Support", "permissions": [right("change_vendor").pk]})

    group = Group.objects.get()
    assert written() == [
        (
            f"group:{group.pk}",
            {"name": [None, "Support"], "permissions": [None, ["change_vendor/vendors/vendor"]]},
        )
    ]


def test_a_deleted_group_is_written_with_what_it_was(office):
    group = Group.objects.create(name="Support")
    group.permissions.add(right("change_vendor"))

    office.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})

    gone = {"name": ["Support", None], "permissions": [["change_vendor/vendors/vendor"], None]}
    assert written() == [(f"group:{group.pk}", gone)]


def test_rights_given_to_a_person_are_written(office):
    lou = make_user("lou@example.com", is_staff=True)
    given = {"email": lou.email, "is_active": "on", "is_staff": "on"}

    office.post(
        f"/admin/vendors/user/{lou.pk}/change/",
        {**given, "user_permissions": [right("change_vendor").pk], **NO_SHOPS},
    )

    assert User.objects.get(pk=lou.pk).has_perm("vendors.change_vendor")
    assert written() == [(f"user:{lou.pk}", {"user_permissions": [[], ["change_vendor/vendors/vendor"]]})]


def test_rates_deleted_from_the_list_are_written_one_by_one(office):
    for currency in ("GBP", "USD"):
        ExchangeRate.objects.create(currency=currency, on=date(2026, 11, 2), euros=Decimal("0.9"))
    rates = list(ExchangeRate.objects.order_by("id"))

    office.post(
        "/admin/orders/exchangerate/",
        {"action": "delete_selected", "_selected_action": [rate.pk for rate in rates], "post": "yes"},
    )

    currencies = {subject: changed["currency"] for subject, changed in written()}
    assert not ExchangeRate.objects.exists()
    assert currencies == {
        f"exchangerate:{rates[0].pk}": ["GBP", None],
        f"exchangerate:{rates[1].pk}": ["USD", None],
    }


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"vendors-0-vendor": "other"}, {"vendor": ["Rucher des Baux", "Other"]}),
        ({"vendors-0-DELETE": "on"}, {"vendor": ["Rucher des Baux", None], "external_id": ["42", None]}),
    ],
)
def test_whose_orders_go_where_is_written(office, vendor, change, changed):
    other = make_vendor("other")
    source = make_source()
    row = SourceVendor.objects.create(source=source, external_id="42", vendor=vendor)
    url = f"/admin/orders/source/{source.pk}/change/"
    data = filled(office.get(url))
    data |= {name: other.pk if value == "other" else value for name, value in change.items()}

    assert office.post(url, data).status_code == 302

    ((subject, told),) = written()
    assert subject == f"sourcevendor:{row.pk}"
    assert {name: told[name] for name in changed} == changed


def test_a_page_saved_unchanged_writes_nothing(office):
    source = make_source()
    url = f"/admin/orders/source/{source.pk}/change/"

    assert office.post(url, filled(office.get(url))).status_code == 302

    assert written() == []


def test_an_answer_sent_again_says_who_asked(office, boss, vendor):
    order = make_order(vendor, source=make_source())
    moments = {"asked_at": NOON, "next_try_at": NOON}
    answer = Answer.objects.create(order=order, kind="pickup", trouble="refused", state="refused", **moments)

    office.post("/admin/orders/answer/", {"action": "send_again", "_selected_action": [answer.pk]})

    entry = AuditEntry.objects.get(kind="office_changed")
    assert (entry.user, entry.vendor, entry.subject) == (boss, vendor, f"order:{order.pk}")
    assert entry.data == {"facts": {"action": "send again", "answer": answer.pk}}


def test_deliveries_processed_again_say_who_asked(office, boss):
    source = make_source()
    Delivery.objects.create(source=source, topic="order.updated", state="quarantined", body=b"{}")

    office.post(f"/admin/orders/source/{source.pk}/replay/")

    entry = AuditEntry.objects.get(kind="office_changed")
    assert (entry.user, entry.data) == (boss, {"action": "process again", "deliveries": 1})
