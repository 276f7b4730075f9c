"""The legal identity: who reads and changes it, what is checked, what the trail keeps."""

import base64
import io
import struct
import zlib
from datetime import date, timedelta

import pytest
from django.contrib.admin.sites import site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.forms import inlineformset_factory
from PIL import Image

from marketplace.models import AuditEntry, KeptForever
from orders.domain.invoicing import IdentityIncomplete, MandateMissing, issue_invoice
from orders.domain.transitions import change_status
from orders.models import Document, HistoryEntry
from tests.factories import NOON, make_identity, make_member, make_order, make_user, make_vendor
from vendors.domain.identity import PrefixTaken, change_identity, is_siret, is_vat_number_of, shown
from vendors.domain.mandate import TEXTS, MandateText, accept_mandate, mandate_of, withdraw_mandate
from vendors.identity_forms import FIELDS, IdentityForm
from vendors.models import IdentityChange, LegalIdentity, MandateStep, Vendor
from vendors.roles import Role
from vendors.scope import OutsideShop, within

URL = "/vendors/rucher-des-baux/identity/"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", lambda said: said["number"].encode())


@pytest.fixture
def owned(client_of, owner):
    return client_of(owner)


def sent(vendor, changes=(), **more):
    """The form as the page shows it, with some fields changed."""
    identity = vendor.identity
    values = {name: getattr(identity, name) for name in FIELDS}
    form = {name: "" if value is None else value for name, value in values.items() if value is not False}
    rows = list(changes)
    form |= {"vat-TOTAL_FORMS": len(rows) + 1, "vat-INITIAL_FORMS": 0}
    for n, (day, regime) in enumerate([*rows, ("", "standard")]):
        form |= {f"vat-{n}-starts_on": day, f"vat-{n}-regime": regime}
    return {**form, **more}


def written():
    """The entries of the audit about settings."""
    return AuditEntry.objects.filter(kind="settings_changed")


def errors(response):
    return {name: list(texts) for name, texts in response.context["form"].errors.items()}


# Who


def test_the_owner_reads_and_changes_it(owned, vendor):
    response = owned.post(URL, sent(vendor, city="Arles"))

    vendor.identity.refresh_from_db()
    assert (response.status_code, vendor.identity.city) == (302, "Arles")


def test_the_accountant_reads_it_and_changes_nothing(client_of, vendor):
    client = client_of(make_member(vendor, Role.ACCOUNTANT))

    page = client.get(URL)

    assert (page.status_code, b"Le Rucher des Baux" in page.content, b">Save<" in page.content) == (
        200,
        True,
        False,
    )
    assert client.post(URL, sent(vendor, city="Arles")).status_code == 403


@pytest.mark.parametrize("role", [Role.MANAGER, Role.PREPARER])
def test_others_do_not_see_it(client_of, vendor, role):
    assert client_of(make_member(vendor, role)).get(URL).status_code == 403


# What is checked


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("siret", "73282932000075", "This is no SIRET"),
        ("vat_number", "FR45732829320", "does not belong to the SIREN"),
        ("vat_number", "FR40303265045", "does not belong to the SIREN"),
        ("prefix", "RDB-2", "1 to 12 capital letters or digits"),
        ("prefix", "ABCDEFGHIJKLM", "1 to 12 capital letters or digits"),
        ("iban", "FR1420041010050500013M02607", "This is no IBAN"),
        ("country", "ZZ", "where the business is registered"),
        ("country", "DE", "where the business is registered"),
        ("postcode", "ABCDE", "five digits"),
        ("postcode", "1352", "five digits"),
        ("capital", "-5", "nothing or more"),
        ("color", "red", "A color such as"),
        ("is_sole_trader", "on", "neither legal form nor capital"),
        ("is_rcs_exempt", "on", "Either a town"),
        ("payment_days", "90", "60 days at most"),
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_nothing_is_kept(owned, vendor, field, value, says):
    response = owned.post(URL, sent(vendor, **{field: value, "city": "Arles"}))

    assert says in str(errors(response))
    vendor.identity.refresh_from_db()
    assert vendor.identity.city == "Les Baux-de-Provence"


def test_numbers_may_be_typed_with_blanks_and_small_letters(owned, vendor):
    owned.post(URL, sent(vendor, siret="732 829 320 00074", vat_number="fr 44 732829320", prefix="rdb"))

    vendor.identity.refresh_from_db()
    identity = vendor.identity
    assert (identity.siret, identity.vat_number, identity.prefix) == (
        "73282932000074",
        "FR44732829320",
        "RDB",
    )


@pytest.mark.parametrize("siret", ["35600000000048", "35600000009075", "35600000049837"])
def test_the_numbers_of_la_poste_pass_another_check(siret):
    assert is_siret(siret)


def test_the_vat_number_belongs_to_the_siren():
    assert is_vat_number_of("FR44 732 829 320", "732829320")
    assert not is_vat_number_of("FR44732829320", "")


def test_every_field_stands_in_one_part_of_the_form(vendor):
    form = IdentityForm(instance=vendor.identity)

    shown = [field.name for _part, fields in form.parts() for field in fields]
    assert sorted(shown) == sorted(form.fields)


def test_the_parts_say_what_they_are_for(owned, vendor):
    page = owned.get(URL).content.decode()

    for name in ("who", "address", "vat", "wording", "look"):
        assert f'aria-describedby="why-{name}"' in page
        assert f'id="why-{name}"' in page


def test_two_shops_of_one_company_have_different_prefixes(owned, vendor):
    other = make_vendor("miel-et-cie")
    LegalIdentity.objects.filter(vendor=other).update(siret=vendor.identity.siret, prefix="MEC")

    assert list(errors(owned.post(URL, sent(vendor, prefix="MEC")))) == ["prefix"]
    LegalIdentity.objects.filter(vendor=other).update(siret="73282932000074"[::-1])
    assert owned.post(URL, sent(vendor, prefix="MEC")).status_code == 302


def of_the_company(slug, prefix):
    """Another shop of the same SIREN."""
    other = make_vendor(slug, identity=False)
    make_identity(other, prefix="")
    change_identity(other.identity, {"prefix": prefix}, by=None, at=NOON)
    return other


@pytest.mark.parametrize("moved", [{"prefix": "NEW"}, {"siret": "55210055400013"}])
def test_a_prefix_that_a_shop_of_the_company_had_is_taken_for_good(owned, vendor, moved):
    other = of_the_company("miel-et-cie", "MEC")
    change_identity(other.identity, moved, by=None, at=NOON)

    assert list(errors(owned.post(URL, sent(vendor, prefix="MEC")))) == ["prefix"]


def test_a_shop_takes_its_own_earlier_prefix_up_again(vendor):
    for prefix in ("NEW", "RDB"):
        change_identity(vendor.identity, {"prefix": prefix}, by=None, at=NOON)

    assert LegalIdentity.objects.get().prefix == "RDB"


def test_the_domain_refuses_a_prefix_that_is_taken(vendor):
    other = of_the_company("miel-et-cie", "MEC")

    with pytest.raises(PrefixTaken, match="Another shop of the same company has or had the prefix MEC"):
        change_identity(vendor.identity, {"prefix": "MEC"}, by=None, at=NOON)
    with pytest.raises(PrefixTaken):
        change_identity(
            make_identity(make_vendor(identity=False), siret="", prefix="MEC"),
            {"siret": other.identity.siret},
            by=None,
            at=NOON,
        )
    assert LegalIdentity.objects.get(vendor=vendor).prefix == "RDB"


def test_the_office_is_refused_a_prefix_that_is_taken(client_of, vendor):
    of_the_company("miel-et-cie", "MEC")
    staff = client_of(make_user(is_staff=True, is_superuser=True))
    page = f"/admin/vendors/vendor/{vendor.pk}/change/"
    form = staff.get(page).context
    data = {
        one.form[name].html_name: one.form[name].value() or ""
        for fieldsets in form["inline_admin_formsets"]
        for one in fieldsets
        for name in one.form.fields
    }
    for fieldsets in form["inline_admin_formsets"]:
        for bound in fieldsets.formset.management_form:
            data[bound.html_name] = bound.value()
    data |= {bound.html_name: bound.value() or "" for bound in form["adminform"].form}

    answer = staff.post(page, {**data, "identity-0-prefix": "MEC"})

    assert "Another shop of the same company has or had the prefix MEC" in answer.content.decode()
    assert LegalIdentity.objects.get(vendor=vendor).prefix == "RDB"


def test_what_is_missing_is_linked_to_its_field(owned, vendor):
    vendor.identity.siret = ""
    vendor.identity.save()

    assert b'<a href="#id_siret">a valid SIRET</a>' in owned.get(URL).content


def test_a_refused_issue_links_each_missing_field(owned, vendor):
    vendor.identity.siret = ""
    vendor.identity.save()
    make_order(vendor, number="1042", status="processing")

    page = owned.post("/vendors/rucher-des-baux/orders/1042/invoice/", follow=True)

    assert f'<a href="{URL}#id_siret">a valid SIRET</a>'.encode() in page.content


def test_a_craftsman_exempt_from_the_register_needs_no_town(vendor):
    vendor.identity.rcs_town, vendor.identity.is_rcs_exempt = "", True
    vendor.identity.save()

    said = issue_invoice(make_order(vendor, status="processing"), by=None, at=NOON).snapshot

    assert said["seller"]["rcs_mention"].startswith("Dispensé d’immatriculation")


# The regime has dates


def test_the_regime_is_that_of_the_day_of_supply(owned, vendor):
    owned.post(URL, sent(vendor, [("2026-11-24", "franchise")]))
    vendor.identity.refresh_from_db()
    before = make_order(vendor, status="processing", paid_at=NOON)
    after = make_order(vendor, status="processing", paid_at=NOON + timedelta(days=1))

    regimes = [
        issue_invoice(order, by=None, at=NOON + timedelta(days=2)).snapshot["seller"]["is_franchise"]
        for order in (before, after)
    ]

    assert regimes == [False, True]


def test_two_changes_on_one_day_are_told(owned, vendor):
    page = owned.post(URL, sent(vendor, [("2026-11-24", "franchise"), ("2026-11-24", "standard")]))

    assert b"Two changes of the VAT regime have the same first day." in page.content


def test_the_wording_of_the_franchise_changes_in_july_2028(vendor, monkeypatch):
    monkeypatch.setattr("orders.domain.originals.timezone.now", lambda: NOON.replace(2028, 7, 2))
    vendor.identity.vat_regime = "franchise"
    vendor.identity.save()
    words = [
        issue_invoice(make_order(vendor, status="processing"), by=None, at=at).snapshot["texts"]["franchise"]
        for at in (NOON.replace(2028, 6, 30), NOON.replace(2028, 7, 1))
    ]

    assert words[0] == "TVA non applicable, article 293 B du CGI"
    assert "article 293 B" not in words[1]


# The trail


def test_each_changed_field_is_a_row_with_before_and_after(owned, owner, vendor):
    owned.post(URL, sent(vendor, [("2027-01-01", "franchise")], city="Arles"))

    rows = IdentityChange.objects.values_list("field", "before", "after", "by")
    assert list(rows) == [
        ("city", "Les Baux-de-Provence", "Arles", owner.pk),
        ("vat_changes", "", "2027-01-01 franchise", owner.pk),
    ]


def test_nothing_changed_writes_nothing(owned, vendor):
    owned.post(URL, sent(vendor))

    assert not IdentityChange.objects.exists()
    assert not written().exists()


def test_a_change_stands_in_the_audit(owned, owner, vendor):
    owned.post(URL, sent(vendor, [("2027-01-01", "franchise")], city="Arles"))

    entry = written().get()
    assert (entry.user, entry.vendor) == (owner, vendor)
    assert entry.subject == f"legalidentity:{vendor.identity.pk}"
    assert entry.data["changes"] == {
        "city": ["Les Baux-de-Provence", "Arles"],
        "vat_changes": ["", "2027-01-01 franchise"],
    }


def test_a_change_keeps_what_somebody_else_changed_meanwhile(owner, vendor):
    LegalIdentity.objects.filter(vendor=vendor).update(phone="04 90 00 00 00")

    change_identity(vendor.identity, {"city": "Arles"}, by=owner, at=NOON)

    stored = LegalIdentity.objects.get(vendor=vendor)
    assert (stored.city, stored.phone) == ("Arles", "04 90 00 00 00")


@pytest.mark.parametrize("model", [IdentityChange, MandateStep])
def test_the_trail_of_another_shop_is_not_read(vendor, owner, model):
    more = {"field": "city"} if model is IdentityChange else {"version": "1", "is_accepted": True}
    model.objects.create(vendor=make_vendor("miel-et-cie"), at=NOON, by=owner, **more)

    with within(vendor.pk):
        with pytest.raises(OutsideShop):
            model.objects.get()
        with pytest.raises(OutsideShop):
            model.objects.count()


def test_the_trail_is_shown(owned, vendor):
    owned.post(URL, sent(vendor, city="Arles"))

    assert b"Les Baux-de-Provence" in owned.get(URL).content


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_whatever_was_changed(owned, vendor, rows, django_assert_num_queries):
    for n in range(rows):
        IdentityChange.objects.create(vendor=vendor, at=NOON, by=make_user(), field="city", after=str(n))

    with django_assert_num_queries(9):
        owned.get(URL)


@pytest.mark.parametrize("model", [IdentityChange, MandateStep])
def test_the_trail_is_append_only(vendor, owner, model):
    more = {"field": "city"} if model is IdentityChange else {"version": "1", "is_accepted": True}
    row = model.objects.create(vendor=vendor, at=NOON, by=owner, **more)

    with pytest.raises(KeptForever):
        row.save()
    with pytest.raises(KeptForever):
        row.delete()
    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        model.objects.update(at=NOON + timedelta(days=1))
    with pytest.raises(DatabaseError, match="never changed nor deleted"), transaction.atomic():
        model.objects.all()._raw_delete("default")


def test_issued_documents_stay_as_they_are(owned, vendor):
    document = issue_invoice(make_order(vendor, status="processing"), by=None, at=NOON)

    owned.post(URL, sent(vendor, city="Arles"))

    assert "Arles" not in str(Document.objects.get(pk=document.pk).snapshot)


# The logo


def picture(kind="PNG", size=(40, 20), **more):
    file = io.BytesIO()
    Image.new("RGB", size, "#8a4b08").save(file, kind, **more)
    return file.getvalue()


def upload(owned, vendor, content, name="logo.png"):
    return owned.post(URL, sent(vendor, logo=SimpleUploadedFile(name, content)))


def test_a_jpeg_is_drawn_anew_without_what_it_carried(owned, vendor):
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    upload(owned, vendor, picture("JPEG", size=(2000, 1000), exif=exif))

    vendor.identity.refresh_from_db()
    kind, _, data = vendor.identity.logo_image.partition(",")
    kept = base64.b64decode(data)
    assert (kind, Image.open(io.BytesIO(kept)).size) == ("data:image/png;base64", (800, 400))
    assert b"secret place" not in kept


def test_an_svg_is_cleaned(owned, vendor):
    drawing = (
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>1</script><path d="M0 0h4"/></svg>'
    )
    upload(owned, vendor, drawing, "logo.svg")

    vendor.identity.refresh_from_db()
    assert "path" in vendor.identity.logo_svg
    assert "script" not in vendor.identity.logo_svg
    assert "onload" not in vendor.identity.logo_svg


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a",
        b"<html>",
        b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>",
        b'<svg xmlns="http://www.w3.org/2000/svg"><style>g g { fill: red }</style></svg>',
        picture()[:40],
        b"\xff<svg",
        picture("GIF"),
        b"\x89PNG" + b"0" * 600_000,
    ],
)
def test_what_is_no_logo_is_refused_at_its_field(owned, vendor, content):
    assert list(errors(upload(owned, vendor, content))) == ["logo"]


def test_a_picture_that_unpacks_to_too_much_is_refused(owned, vendor):
    assert "16 million" in str(errors(upload(owned, vendor, picture(size=(5000, 4000)))))


def test_a_picture_that_only_claims_to_be_huge_is_refused(owned, vendor):
    small = picture()
    head = small[12:16] + struct.pack(">II", 30_000, 30_000) + small[24:29]
    huge = small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]

    assert "16 million" in str(errors(upload(owned, vendor, huge)))


def test_a_drawing_that_cannot_be_printed_is_refused(owned, vendor, monkeypatch):
    monkeypatch.setattr("orders.documents.renderer.draws", lambda uri: False)
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h4"/></svg>'

    assert "cannot be drawn" in str(errors(upload(owned, vendor, drawing, "logo.svg")))


# The mandate


def test_accepting_and_withdrawing_are_steps_that_are_kept(owned, owner, vendor):
    for _twice in range(2):
        owned.post(f"{URL}mandate/", {"step": "accept", "version": "2026-11"})
    accepted = mandate_of(vendor)
    owned.post(f"{URL}mandate/", {"step": "withdraw"})

    assert (accepted.by, accepted.version, mandate_of(vendor)) == (owner, "2026-11", None)
    assert list(MandateStep.objects.values_list("is_accepted", flat=True)) == [True, False]
    assert list(written().order_by("id").values_list("subject", "data")) == [
        ("mandate", {"changes": {"mandate": ["", "2026-11"]}}),
        ("mandate", {"changes": {"mandate": ["2026-11", ""]}}),
    ]


def test_staff_issues_only_with_a_mandate(vendor, owner):
    staff = make_user(is_staff=True)
    order = make_order(vendor, status="processing")
    with pytest.raises(MandateMissing, match="has not accepted that the marketplace issues invoices"):
        issue_invoice(order, by=staff, at=NOON)

    accept_mandate(vendor, by=owner, at=NOON)

    assert issue_invoice(order, by=staff, at=NOON).snapshot["mandate"] == (
        "Facture établie par naturalconect au nom et pour le compte de Le Rucher des Baux SARL"
    )


def test_a_person_of_the_shop_issues_without_mention(vendor, owner):
    accept_mandate(vendor, by=owner, at=NOON)

    assert issue_invoice(make_order(vendor, status="processing"), by=owner, at=NOON).snapshot["mandate"] == ""


# On completion


@pytest.fixture
def by_itself(vendor, owner):
    accept_mandate(vendor, by=owner, at=NOON)
    vendor.issues_on_completion = True
    vendor.save()
    return vendor


def complete(vendor):
    order = make_order(vendor, status="processing")
    change_status(order, "completed", by=None, at=NOON)
    return order


def test_completion_issues_the_invoice_where_the_shop_wants_it(by_itself):
    assert complete(by_itself).documents.get().number == "RDB-F2026-000001"


def test_completion_issues_nothing_otherwise(vendor):
    assert not complete(vendor).documents.exists()


def test_an_incomplete_identity_holds_back_no_completion_and_is_told(by_itself):
    by_itself.identity.siret = ""
    by_itself.identity.save()

    order = complete(by_itself)

    assert (order.status, order.documents.count()) == ("completed", 0)
    assert HistoryEntry.objects.filter(order=order, kind="document").get().data == {"refused": "identity"}


def test_a_pdf_that_cannot_be_made_holds_back_no_completion(by_itself, monkeypatch):
    monkeypatch.setattr("orders.domain.invoicing.invoice_pdf", lambda said: 1 / 0)

    order = complete(by_itself)

    assert (order.status, order.documents.count()) == ("completed", 0)


def test_the_setting_needs_the_mandate(owned, vendor):
    settings = {"late_after_days": 2, "low_stock_at": 3, "issues_on_completion": "on"}

    page = owned.post("/vendors/rucher-des-baux/settings/", settings)

    assert b"First accept the mandate" in page.content


def test_a_withdrawn_mandate_ends_invoices_by_themselves(by_itself, owner):
    withdraw_mandate(by_itself, by=owner, at=NOON)
    by_itself.refresh_from_db()

    assert not complete(by_itself).documents.exists()


@pytest.mark.django_db
def test_an_identity_that_nobody_filled_in_can_be_opened(client_of):
    vendor = make_vendor("neuf", identity=False)
    client = client_of(make_member(vendor))

    assert client.get("/vendors/neuf/identity/").status_code == 200
    with pytest.raises(IdentityIncomplete):
        issue_invoice(make_order(vendor, status="processing"), by=None, at=NOON)


def test_a_day_is_a_day(vendor):
    vendor.identity.vat_changes.create(starts_on=date(2026, 1, 1), regime="franchise")

    assert [vendor.identity.is_franchise_on(date(y, 1, 1)) for y in (2025, 2026)] == [False, True]


def saved_by_staff(vendor, rf, **fields):
    """Save the identity as the office's page of the shop does; return who did it."""
    request = rf.post("/")
    request.user = make_user(is_staff=True, is_superuser=True)
    formsets = inlineformset_factory(Vendor, LegalIdentity, fields=list(fields))
    prefix = formsets.get_default_prefix()
    identity = LegalIdentity.objects.filter(vendor=vendor).first()
    data = {f"{prefix}-TOTAL_FORMS": 1, f"{prefix}-INITIAL_FORMS": 1 if identity else 0}
    data |= {f"{prefix}-0-id": identity.pk if identity else "", f"{prefix}-0-vendor": vendor.pk}
    data |= {f"{prefix}-0-{name}": value for name, value in fields.items()}
    formset = formsets(data, instance=vendor)
    assert formset.is_valid(), formset.errors
    site.get_model_admin(Vendor).save_formset(request, None, formset, change=True)
    return request.user


def test_a_change_by_the_marketplace_s_staff_stands_in_trail_and_audit(vendor, rf):
    staff = saved_by_staff(vendor, rf, city="Arles", country="FR", color="#0b5868", payment_days=30)

    assert list(IdentityChange.objects.values_list("field", "before", "after", "by")) == [
        ("city", "Les Baux-de-Provence", "Arles", staff.pk)
    ]
    entry = written().get()
    assert (entry.user, entry.vendor, list(entry.data["changes"])) == (staff, vendor, ["city"])


def test_an_identity_that_staff_adds_stands_in_trail_and_audit(vendor, rf):
    vendor.identity.delete()

    staff = saved_by_staff(Vendor.objects.get(), rf, legal_name="Rucher SARL", country="FR")

    assert LegalIdentity.objects.get().legal_name == "Rucher SARL"
    assert list(IdentityChange.objects.values_list("field", "before", "after", "by")) == [
        ("legal_name", "", "Rucher SARL", staff.pk)
    ]
    assert list(written().get().data["changes"]) == ["legal_name"]


def test_the_mandate_is_asked_about_with_its_words(owned, vendor):
    page = owned.get(f"{URL}mandate/?step=accept").content.decode()

    assert "the mandate to issue in its name" in page
    assert 'name="version" value="2026-11"' in page
    assert mandate_of(vendor) is None


@pytest.mark.parametrize("version", [{"version": "2025-01"}, {}])
def test_a_text_that_has_changed_or_was_not_shown_is_not_accepted(owned, vendor, version):
    page = owned.post(f"{URL}mandate/", {"step": "accept", **version}, follow=True)

    assert b"please read it again" in page.content
    assert mandate_of(vendor) is None


@pytest.mark.parametrize("sent", [{}, {"step": "accep"}])
def test_a_mandate_is_withdrawn_by_that_word_alone(owned, vendor, owner, sent):
    accept_mandate(vendor, by=owner, at=NOON)

    page = owned.post(f"{URL}mandate/", sent, follow=True)

    assert b"There is no such action" in page.content
    assert mandate_of(vendor) is not None


def test_withdrawing_says_what_ends_with_it(by_itself, owned, owner):
    page = owned.get(f"{URL}mandate/?step=withdraw").content.decode()

    assert "Invoices on completion are switched off with it." in page
    assert mandate_of(by_itself) is not None


def test_the_page_keeps_who_accepted_and_withdrew_with_day_and_hour(owned, vendor, owner):
    accept_mandate(vendor, by=owner, at=NOON)
    withdraw_mandate(vendor, by=owner, at=NOON + timedelta(hours=2))

    page = owned.get(URL).content.decode()

    steps = page[page.index("Steps of the mandate") :]
    assert steps.index("23 Nov 2026 at 14:00") < steps.index("23 Nov 2026 at 12:00")
    assert steps.count("Claire Fabre") >= 2


def test_an_older_text_is_shown_as_it_was_accepted_and_the_newer_offered(owned, vendor, owner, monkeypatch):
    accept_mandate(vendor, by=owner, at=NOON)
    newer = MandateText(version="2027-01", valid_from=NOON.date(), words="Other words for %(marketplace)s.")
    monkeypatch.setattr("vendors.domain.mandate.TEXTS", [*TEXTS, newer])

    page = owned.get(URL).content.decode()

    assert "the mandate to issue in its name" in page
    assert "Other words" not in page
    assert "There is a newer text, version 2027-01" in page


def test_the_accountant_reads_the_identity_as_text(client_of, vendor):
    page = client_of(make_member(vendor, Role.ACCOUNTANT)).get(URL).content.decode()

    assert "Only an owner of the shop can change this." in page
    assert "73282932000074" in page
    assert 'name="siret"' not in page


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("is_sole_trader", "True", "yes"),
        ("vat_regime", "franchise", "VAT franchise (CGI art. 293 B)"),
        ("vat_changes", "2026-11-20 franchise", "20 Nov 2026: VAT franchise (CGI art. 293 B)"),
        ("logo_svg", "sha256:00", "a picture"),
        ("city", "Arles", "Arles"),
        ("capital", "", ""),
        ("capital", "10000.00", "€10,000.00"),
    ],
)
def test_the_trail_tells_values_in_words(field, text, words):
    assert shown(field, text) == words
