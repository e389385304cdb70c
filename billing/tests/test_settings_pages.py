"""The administrator's pages of billing: prices, their import, how the clinic bills, and a doctor's own numbers."""

import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.models import BillingSettings, FeeScheduleItem
from billing.services import fee_import
from billing.settings import fees_page
from billing.settings.forms import BillingForm
from billing.tests.factories import make_fee
from synapse.accounts.models import ClinicSettings
from synapse.audit.models import AuditEvent

FEES, BILLING = "/bills/settings/fees/", "/bills/settings/"
DAY = timedelta(days=1)


@pytest.fixture
def today(db):
    return ClinicSettings.load().date_of(timezone.now())


@pytest.fixture
def empty_schedule(db):
    FeeScheduleItem.objects.all().delete()


def fee_data(**changes):
    return {
        "session_type": "followup",
        "purpose": "visit",
        "doctor": "",
        "cpt_code": "90834",
        "description": "Psychotherapy, 45 minutes",
        "minimum_minutes": "38",
        "unit_price": "2,000",
        "tax_rate": "",
        "valid_from": "2026-01-01",
        "valid_until": "",
        **changes,
    }


PAGES = ["fees", "add_fee", "import_fees", "sample_fees", "export_fees", "billing_settings", "codes"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("person", "status"), [("omar", 200), ("asha", 403), ("rita", 403)])
def test_the_pages_are_the_administrators(request, signed_in, page, person, status):
    client = signed_in(request.getfixturevalue(person))

    assert client.get(reverse(f"billing:{page}")).status_code == status


@pytest.mark.parametrize("person", ["asha", "rita"])
def test_nobody_else_changes_or_ends_a_price(request, signed_in, person):
    item = make_fee()
    client = signed_in(request.getfixturevalue(person))

    assert client.post(reverse("billing:change_fee", args=[item.pk]), fee_data()).status_code == 403
    assert client.post(reverse("billing:end_fee", args=[item.pk]), {"last_day": "2030-01-01"}).status_code == 403


def test_the_list_says_length_tax_and_state(empty_schedule, today, asha):
    make_fee("new_patient", 0, description="First")
    make_fee("followup", 16, description="Short", tax_rate=Decimal(18))
    make_fee("followup", 38, description="Middle", valid_until=today)
    make_fee("followup", 38, description="Middle, dearer", valid_from=today + DAY)
    make_fee("followup", 53, description="Long")
    make_fee("", 0, description="Missed", purpose="no_show")
    make_fee("procedure", 0, description="Scored")

    rows = fees_page.rows_of(
        list(fees_page.prices(doctor=None, today=today, with_ended=False)),
        today=today,
        clinic_rate=Decimal(0),
        tax_label="GST",
    )

    shown = [(row.item.description, row.what, row.tax, row.state[0]) for row in rows]
    later = fees_page.state_of(rows[3].item, today)[0]
    assert shown == [
        ("First", "New patient, any length", "Exempt", "In use"),
        ("Short", "Follow-up, 16 to 37 minutes", "18% GST", "In use"),
        ("Middle", "Follow-up, 38 to 52 minutes", "Exempt", f"Until {today:%-d %b %Y}"),
        ("Middle, dearer", "Follow-up, 38 to 52 minutes", "Exempt", later),
        ("Long", "Follow-up, 53 minutes or more", "Exempt", "In use"),
        ("Scored", "Procedure, each", "Exempt", "In use"),
        ("Missed", "Any visit, missed visit", "Exempt", "In use"),
    ]
    assert later.startswith(f"From {today + DAY:%-d %b}")


def test_ended_prices_are_shown_when_asked_for(empty_schedule, signed_in, omar, today):
    make_fee(description="Gone", valid_until=today - DAY)
    make_fee(description="Withdrawn", valid_from=today + DAY, is_active=False)
    client = signed_in(omar)

    assert "Gone" not in client.get(FEES).content.decode()
    page = client.get(f"{FEES}?ended=1").content.decode()
    assert "Ended" in page
    assert "Withdrawn" in page


def test_a_doctor_has_a_list_of_own_prices(signed_in, omar, asha):
    make_fee(description="Hers alone", doctor=asha)
    client = signed_in(omar)

    assert "Hers alone" not in client.get(FEES).content.decode()
    page = client.get(f"{FEES}?of={asha.pk}").content.decode()
    assert "Hers alone" in page
    assert "Prices of" in page


def test_a_missing_fee_for_what_is_charged_is_named(empty_schedule, signed_in, omar, today):
    BillingSettings.load()
    BillingSettings.objects.update(charges_no_show=True)
    client = signed_in(omar)

    assert "Price a missed visit" in client.get(FEES).content.decode()
    make_fee("", 0, purpose="no_show")
    assert "Price a missed visit" not in client.get(FEES).content.decode()


def test_the_list_costs_the_same_queries_for_many_prices(signed_in, omar, django_assert_max_num_queries):
    client = signed_in(omar)
    client.get(FEES)
    for minutes in range(100, 130):
        make_fee(minimum_minutes=minutes)

    with django_assert_max_num_queries(20):
        client.get(FEES)


def test_a_price_is_added(empty_schedule, signed_in, omar, asha):
    answer = signed_in(omar).post(reverse("billing:add_fee"), fee_data(doctor=str(asha.pk), tax_rate="18"))

    item = FeeScheduleItem.objects.get()
    assert answer["Location"] == f"{FEES}?of={asha.pk}"
    assert (item.unit_price, item.currency, item.tax_rate, item.doctor) == (Decimal(2000), "INR", Decimal(18), asha)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cpt_code": "99201"}, "99201 was retired in 2021. Use 99202."),
        ({"description": ""}, "Enter the service"),
        ({"unit_price": "2,00"}, "Enter an amount in numbers"),
        ({"valid_until": "2025-01-01"}, "The last day is before the first one."),
        ({"session_type": ""}, "Choose the kind of visit."),
        ({"minimum_minutes": "40"}, None),
    ],
)
def test_a_bad_price_keeps_what_was_typed(empty_schedule, signed_in, omar, changes, words):
    answer = signed_in(omar).post(reverse("billing:add_fee"), fee_data(**changes))

    if words is None:
        assert answer.status_code == 302
        return
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "Psychotherapy, 45 minutes" in answer.content.decode() or "description" in changes
    assert not FeeScheduleItem.objects.exists()


def test_an_overlap_is_said_at_the_first_day(empty_schedule, signed_in, omar):
    make_fee(minimum_minutes=38, description="The other one")

    answer = signed_in(omar).post(reverse("billing:add_fee"), fee_data())

    assert answer.status_code == 422
    assert "“The other one” holds from 1 Jan 2020 on" in answer.content.decode()


def test_a_price_in_use_is_followed_through_the_page(empty_schedule, signed_in, omar, today):
    item = make_fee(minimum_minutes=38, unit_price="2000")
    client = signed_in(omar)
    page = client.get(reverse("billing:change_fee", args=[item.pk])).content.decode()
    assert "The change holds from" in page
    assert 'name="session_type"' not in page

    begins = today + timedelta(days=10)
    client.post(
        reverse("billing:change_fee", args=[item.pk]), fee_data(unit_price="2200", valid_from=begins.isoformat())
    )

    item.refresh_from_db()
    new = FeeScheduleItem.objects.exclude(pk=item.pk).get()
    assert (item.unit_price, item.valid_until) == (Decimal(2000), begins - DAY)
    assert (new.unit_price, new.session_type, new.valid_from) == (Decimal(2200), "followup", begins)


def test_a_price_ends_through_the_page_and_a_bad_day_is_said(signed_in, omar, today):
    item = make_fee()
    client = signed_in(omar)
    end = reverse("billing:end_fee", args=[item.pk])

    assert client.post(end, {"last_day": "2020-02-01"}).status_code == 422
    assert client.post(end, {"last_day": ""}).status_code == 422
    assert client.post(end, {"last_day": today.isoformat()}).status_code == 302

    item.refresh_from_db()
    assert item.valid_until == today
    assert client.get(end).status_code == 405


def test_an_ended_price_is_shown_and_not_changed(signed_in, omar, today):
    item = make_fee(valid_until=today - DAY)
    client = signed_in(omar)

    assert "This price has ended" in client.get(reverse("billing:change_fee", args=[item.pk])).content.decode()
    assert client.post(reverse("billing:change_fee", args=[item.pk]), fee_data(unit_price="1")).status_code == 409


CSV = (
    "Service;CPT;Kind;For;Doctor;Minutes;Price;Tax;From;Until\r\n"
    "Therapy für alle;90834;Follow-up;;;38;2.200,00;;;\r\n"
    "Therapy;90834;Follow-up;;;38;2200;;;\r\n"
    "Hers;90837;followup;visit;ASHA@clinic.example;53;3,000;18%;2026-01-01;\r\n"
    "Missed;;;no_show;;;500;;2026-01-01;\r\n"
    "Old;99201;new_patient;;;0;900;;;\r\n"
    "Whose;90834;followup;;nobody@clinic.example;38;900;;;\r\n"
    "When;90834;followup;;;1;900;;1.2.2026;\r\n"
    "What;90834;operation;;;1;900;;;\r\n"
    "Slip;90834;Follow-up;;;39;1e5;;;\r\n"
    "Again;90834;Follow-up;;;38;2200;;;\r\n"
)


def upload(client, text, encoding="cp1252"):
    file = io.BytesIO(text.encode(encoding))
    file.name = "prices.csv"
    return client.post(reverse("billing:import_fees"), {"file": file})


def test_a_file_is_looked_at_first_and_changes_nothing(empty_schedule, signed_in, omar, asha, today):
    make_fee(minimum_minutes=38, unit_price="2000")
    events = AuditEvent.objects.count()

    page = upload(signed_in(omar), CSV)
    text = page.content.decode()

    assert page.status_code == 200
    assert FeeScheduleItem.objects.count() == 1
    assert AuditEvent.objects.count() == events
    for words in (
        "The price “2.200,00” is no number.",
        "The price “1e5” is no number.",
        "In place of ₹2,000.00",
        "99201 was retired in 2021. Use 99202.",
        "Nobody here has the e-mail of the doctor in this row.",
        "Write the day “from” as year-month-day, like 2026-01-01.",
        "The kind “operation” is none of:",
        "Therapy für alle",
    ):
        assert words in text, words


def test_the_good_rows_are_taken_in_and_a_second_time_nothing(empty_schedule, signed_in, omar, asha, today):
    old = make_fee(minimum_minutes=38, unit_price="2000")
    client = signed_in(omar)
    address = reverse("billing:import_fees")

    answer = client.post(address, {"content": CSV})
    again = fee_import.look_at_prices(CSV, by=omar, at=timezone.now())

    assert answer["Location"] == FEES
    old.refresh_from_db()
    assert old.valid_until == today - DAY
    assert set(FeeScheduleItem.objects.filter(is_active=True).values_list("description", "unit_price")) >= {
        ("Hers", Decimal(3000)),
        ("Missed", Decimal(500)),
        (old.description, Decimal(2000)),
    }
    assert FeeScheduleItem.objects.get(description="Hers").doctor == asha
    outcomes = {fate.description: fate.outcome for fate in again}
    assert (outcomes["Hers"], outcomes["Missed"]) == ("same", "same")


def test_the_same_simple_file_twice_is_as_it_is(empty_schedule, omar):
    text = "description,code,kind,from_minutes,price\nTherapy,90834,followup,38,2000\n"
    at = timezone.now()

    first = fee_import.import_prices(text, by=omar, at=at)
    second = fee_import.import_prices(text, by=omar, at=at)

    assert [fate.outcome for fate in first + second] == ["new", "same"]
    assert FeeScheduleItem.objects.count() == 1


def test_an_exported_schedule_comes_back_as_it_is(signed_in, omar):
    file = signed_in(omar).get(reverse("billing:export_fees"))

    fates = fee_import.look_at_prices(file.content.decode(), by=omar, at=timezone.now())

    assert fates
    assert {fate.outcome for fate in fates} == {"same"}


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "description,price\n"])
def test_a_file_without_prices_is_refused_at_its_field(signed_in, omar, text):
    answer = upload(signed_in(omar), text)

    assert answer.status_code == 422


def billing_data(**changes):
    form = BillingForm(instance=BillingSettings.load())
    data = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**data, **changes}.items() if value not in (False, None)}


def test_every_setting_is_on_the_page(db):
    # The accounts of the books have a page of their own.
    columns = {field.name for field in BillingSettings._meta.concrete_fields} - {"id", "journal_accounts"}

    assert set(BillingForm().fields) == columns


def test_settings_are_kept_in_their_form_and_recorded_by_name(signed_in, omar):
    data = billing_data(
        tax_label="GST",
        tax_number="27aapfu0939f1zv",
        upi_id="clinic@okbank",
        iban="DE89 3704 0044 0532 0130 00",
        bic="deutdeff",
        organization_npi="12345 67893",
        organization_tax_id="123456789",
        organization_taxonomy="261qm0801x",
        charges_no_show="on",
    )

    answer = signed_in(omar).post(BILLING, data)

    stored = BillingSettings.load()
    assert answer.status_code == 302
    assert (stored.tax_number, stored.iban, stored.bic) == ("27AAPFU0939F1ZV", "DE89370400440532013000", "DEUTDEFF")
    assert (stored.organization_npi, stored.organization_tax_id) == ("1234567893", "12-3456789")
    assert stored.charges_no_show
    event = AuditEvent.objects.filter(action="administer").latest("seq")
    assert "iban" in event.detail["fields"]
    assert "DE89" not in str(event.detail)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tax_number": "27AAPFU0939F1ZW"}, "This GSTIN has a character that does not fit."),
        ({"upi_id": "clinic"}, "A UPI address is a name"),
        ({"iban": "DE89 3704 0044 0532 0130 01"}, "This IBAN has a character that does not fit."),
        ({"bic": "DEUTDEFF"}, "Enter the IBAN as well"),
        ({"organization_npi": "1234567890"}, "This NPI has a digit that does not fit."),
        ({"organization_tax_id": "07-1234567"}, "No EIN begins with 07."),
        ({"organization_taxonomy": "psych"}, "A taxonomy code has ten letters and digits"),
        ({"tax_label": ""}, "Enter what the tax is called, such as Tax"),
        ({"link_valid_days": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_number_that_does_not_fit_is_said_and_stays_typed(signed_in, omar, changes, words):
    answer = signed_in(omar).post(BILLING, billing_data(**changes))

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert next(iter(changes.values())) in answer.content.decode()
    assert BillingSettings.load().iban == ""


def test_saving_nothing_new_leaves_no_trail(signed_in, omar):
    data = billing_data()
    events = AuditEvent.objects.filter(action="administer").count()

    signed_in(omar).post(BILLING, data)

    assert AuditEvent.objects.filter(action="administer").count() == events


def profile_data(user, **changes):
    return {
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "language": "en-US",
        **changes,
    }


def test_a_doctors_npi_and_taxonomy_are_checked(signed_in, asha):
    client = signed_in(asha)
    page = client.get(reverse("accounts:profile")).content.decode()
    assert 'name="npi"' in page

    bad = client.post(reverse("accounts:profile"), profile_data(asha, npi="1234567890", taxonomy_code="x"))
    good = client.post(reverse("accounts:profile"), profile_data(asha, npi="1234 567 893", taxonomy_code="2084p0800x"))

    assert bad.status_code == 422
    assert "This NPI has a digit that does not fit." in bad.content.decode()
    assert good.status_code == 302
    asha.profile.refresh_from_db()
    assert (asha.profile.npi, asha.profile.taxonomy_code) == ("1234567893", "2084P0800X")


def test_others_have_no_npi_and_lose_none(signed_in, rita):
    rita.profile.npi = "1234567893"
    rita.profile.save()
    client = signed_in(rita)

    assert 'name="npi"' not in client.get(reverse("accounts:profile")).content.decode()
    client.post(reverse("accounts:profile"), profile_data(rita))

    rita.profile.refresh_from_db()
    assert rita.profile.npi == "1234567893"


def test_the_pages_belong_to_the_clinics_settings_in_the_rail(signed_in, omar):
    page = signed_in(omar).get(FEES)
    current = [link.label for link in page.context["nav_links"] if link.is_current]

    assert current == ["Clinic"]
