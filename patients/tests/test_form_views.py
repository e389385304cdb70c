"""Searching, registering and editing a patient in a browser's requests."""

import pytest
from django.urls import reverse

from patients import services
from patients.models import Consent, Patient
from patients.tests.factories import make_patient
from patients.tests.pages import NEW, SECRETS, last_event, messages_of
from synapse.audit.models import Action, AuditSubject


def test_a_search_answers_with_a_fragment_and_leaves_no_query(signed_in, asha, kavya, caplog):
    response = signed_in(asha).post(reverse("patients:search"), {"query": "kavya"}, headers={"HX-Request": "true"})

    page = response.content.decode()
    assert "<html" not in page
    assert 'class="on"' in page
    assert reverse("patients:detail", args=[kavya.pk]) in page
    event = last_event()
    assert (event.action, event.detail) == (Action.SEARCH, {"hits": 1})
    assert AuditSubject.objects.get(event_seq=event.seq).patient_id == kavya.pk
    assert "kavya" not in f"{event.__dict__} {caplog.text}".lower()


def test_a_search_without_script_is_a_page(signed_in, asha, kavya):
    page = signed_in(asha).post(reverse("patients:search"), {"query": "kavya"}).content.decode()

    assert "<html" in page
    assert "<em>Kavya</em> Iyer" in page


def test_what_is_typed_is_escaped(signed_in, asha):
    page = signed_in(asha).post(reverse("patients:search"), {"query": "<script>alert(1)</script>"}).content.decode()

    assert "<script>alert" not in page


def test_a_search_comes_by_post_only(signed_in, asha):
    assert signed_in(asha).get(reverse("patients:search") + "?query=kavya").status_code == 405


def test_a_patient_is_registered(signed_in, asha):
    response = signed_in(asha).post(reverse("patients:new"), {**NEW, "recording": "verbal", "tags": "Mornings, SMS"})

    patient = Patient.objects.get()
    assert response["Location"] == reverse("patients:detail", args=[patient.pk])
    assert (patient.phone_primary, patient.tags) == ("+919820041733", ["Mornings", "SMS"])
    assert patient.consents.get().status == Consent.Status.LIVE
    assert messages_of(response) == [f"{patient.patient_id} is registered."]


def test_reception_names_the_doctor(signed_in, rita, asha):
    client = signed_in(rita)

    refused = client.post(reverse("patients:new"), NEW)
    assert refused.status_code == 422
    assert "Choose the doctor the patient will see" in refused.content.decode()

    client.post(reverse("patients:new"), {**NEW, "doctor": asha.pk, "recording": "declined"})
    assert Patient.objects.visible_to(asha).get().consents.get().status == Consent.Status.DECLINED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first_name": " "}, "Enter the first name"),
        ({"date_of_birth_day": ""}, "Date of birth must include a day"),
        ({"date_of_birth_month": "13"}, "Date of birth must be a real date"),
        ({"date_of_birth_year": "2999"}, "Date of birth must be in the past"),
        ({"date_of_birth_year": "91"}, "Date of birth must have a year of 4 digits, like 1991"),
        ({"date_of_birth_year": "1700"}, "Date of birth must be after 1 January 1890"),
        ({"phone_primary": ""}, "Enter a mobile number or an e-mail address"),
        ({"phone_primary": "12"}, "Enter a phone number, like 081234 56789, or with + and the country code"),
        ({"email": "kavya"}, "Enter an e-mail address in the correct format, like name@example.com"),
        ({"tags": ",".join("abcdefghijklmn")}, "Use 12 tags or fewer"),
        ({"tags": "x" * 41}, "Each tag must be 40 characters or fewer"),
    ],
)
def test_an_error_is_a_summary_a_message_and_the_form_again(signed_in, asha, change, message):
    response = signed_in(asha).post(reverse("patients:new"), {**NEW, **change})

    page = response.content.decode()
    assert response.status_code == 422
    assert page.count(message) == 2
    assert "There is a problem" in page
    assert "<title>Error: " in page
    assert 'value="Banerjee"' in page
    assert not Patient.objects.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"phone_primary": "98200 00999"}, "Name and date of birth are the same."),
        (
            {"first_name": "Iyer", "last_name": "KAVYA", "phone_primary": "98200 00999"},
            "Name and date of birth are the same.",
        ),
        ({"first_name": "Anjali"}, "The phone number is the same."),
        (
            {"first_name": "Anjali", "phone_primary": "98200 00999", "phone_secondary": "98200 00001"},
            "The phone number is the same.",
        ),
        ({}, "Name, date of birth and phone are the same."),
    ],
)
def test_a_likely_duplicate_is_shown_before_anything_is_saved(signed_in, asha, change, reason):
    known = make_patient(asha, phone_primary="+919820000001")
    typed = {
        **NEW,
        "first_name": "Kavya",
        "last_name": "Iyer",
        "date_of_birth_day": "2",
        "date_of_birth_month": "5",
        "date_of_birth_year": "1991",
        "phone_primary": "98200 00001",
        **change,
    }
    client = signed_in(asha)

    warned = client.post(reverse("patients:new"), typed)

    page = warned.content.decode()
    assert warned.status_code == 409
    assert reason in page
    assert known.patient_id in page
    assert "Open this patient" in page
    assert Patient.objects.count() == 1
    client.post(reverse("patients:new"), {**typed, "register_anyway": "1"})
    assert Patient.objects.count() == 2


def test_a_colleagues_patient_is_not_told_as_a_duplicate(signed_in, asha, ben, rita):
    make_patient(ben, first_name="Mira", last_name="Banerjee", phone_primary="+919820041733")

    assert signed_in(asha).post(reverse("patients:new"), NEW).status_code == 302
    assert signed_in(rita).post(reverse("patients:new"), {**NEW, "doctor": asha.pk}).status_code == 409


def edit_values(kavya, **changes):
    return {
        "first_name": kavya.first_name,
        "last_name": kavya.last_name,
        "date_of_birth_day": kavya.date_of_birth.day,
        "date_of_birth_month": kavya.date_of_birth.month,
        "date_of_birth_year": kavya.date_of_birth.year,
        "gender": kavya.gender,
        "phone_primary": kavya.phone_primary,
        "email": kavya.email,
        **{name: ", ".join(value) if isinstance(value, list) else value for name, value in SECRETS.items()},
        **changes,
    }


def test_the_form_is_filled_and_saved(signed_in, asha, kavya):
    client = signed_in(asha)
    address = reverse("patients:edit", args=[kavya.pk])
    opened = client.get(address)
    assert 'value="kavya@example.org"' in opened.content.decode()

    values = edit_values(kavya, occupation="Baker", base=opened.context["base"])
    response = client.post(address, values)

    assert response["Location"] == reverse("patients:profile", args=[kavya.pk])
    kavya.refresh_from_db()
    assert (kavya.occupation, kavya.tags) == ("Baker", ["Anxious"])
    assert last_event().detail == {"fields": ["occupation"]}


def test_a_stale_form_shows_what_changed_and_keeps_what_was_typed(signed_in, asha, kavya, now):
    client = signed_in(asha)
    address = reverse("patients:edit", args=[kavya.pk])
    base = client.get(address).context["base"]
    services.update_patient(kavya, {"occupation": "Cook", "address": "Pune"}, by=asha, at=now)

    typed = edit_values(kavya, occupation="Baker", address="Pune", base=base)
    refused = client.post(address, typed)

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "Stored: <ins>Cook</ins>" in page
    assert 'value="Baker"' in page
    assert [one["label"] for one in refused.context["differences"]] == ["Occupation"]
    kavya.refresh_from_db()
    assert kavya.occupation == "Cook"

    assert client.post(address, {**typed, "base": refused.context["base"]}).status_code == 302
    kavya.refresh_from_db()
    assert kavya.occupation == "Baker"


def test_an_error_does_not_make_a_stale_form_fresh(signed_in, asha, kavya, now):
    client = signed_in(asha)
    address = reverse("patients:edit", args=[kavya.pk])
    base = client.get(address).context["base"]
    services.update_patient(kavya, {"occupation": "Cook"}, by=asha, at=now)

    wrong = client.post(address, edit_values(kavya, first_name="", occupation="Baker", base=base))

    assert wrong.status_code == 422
    again = client.post(address, edit_values(kavya, occupation="Baker", base=wrong.context["base"]))
    assert again.status_code == 409


def test_a_change_in_fields_the_form_has_not_is_no_conflict(signed_in, asha, rita, kavya, now):
    client = signed_in(rita)
    address = reverse("patients:edit", args=[kavya.pk])
    base = client.get(address).context["base"]
    services.update_patient(kavya, {"notes": "New"}, by=asha, at=now)

    response = client.post(address, edit_values(kavya, occupation="Baker", base=base))

    assert response.status_code == 302
    kavya.refresh_from_db()
    assert (kavya.occupation, kavya.notes) == ("Baker", "New")
