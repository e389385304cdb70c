"""The doors: who gets in, what a role sees, what is recorded, how many queries a page costs."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from patients import services
from patients.consents import services as consent
from patients.finding import listing
from patients.models import Consent, Patient, PatientAccess
from patients.tests.factories import make_patient
from synapse.audit.models import Action, AuditEvent, AuditSubject, Outcome

NEW = {
    "first_name": "Mira",
    "last_name": "Banerjee",
    "date_of_birth_day": "2",
    "date_of_birth_month": "3",
    "date_of_birth_year": "1988",
    "phone_primary": "98200 41733",
}
SECRETS = {
    "allergies": "Penicillin",
    "medical_history": "Panic disorder",
    "current_medications": "Sertraline 50 mg",
    "notes": "Dog called Rex",
    "tags": ["Anxious"],
}


@pytest.fixture
def kavya(asha) -> Patient:
    return make_patient(asha, email="kavya@example.org", **SECRETS)


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("seq")


def messages_of(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


CHART = ["detail", "profile", "history", "medications", "consents", "sharing", "edit"]


@pytest.mark.parametrize("route", CHART)
def test_a_chart_opens_for_its_doctor_only(signed_in, asha, ben, kavya, client, route):
    address = reverse(f"patients:{route}", args=[kavya.pk])

    assert signed_in(asha).get(address).status_code == 200
    refused = signed_in(ben).get(address)
    assert refused.status_code == 404
    assert "Kavya" not in refused.content.decode()
    assert client.get(address).status_code == 302


@pytest.mark.parametrize("route", ["history", "medications", "sharing"])
def test_reception_opens_no_clinical_page(signed_in, rita, kavya, route):
    response = signed_in(rita).get(reverse(f"patients:{route}", args=[kavya.pk]))

    assert response.status_code == 403
    assert last_event().outcome == Outcome.DENIED


def test_asking_for_somebody_elses_patient_is_recorded(signed_in, ben, kavya):
    signed_in(ben).get(reverse("patients:detail", args=[kavya.pk]))

    event = last_event()
    assert (event.action, event.outcome, event.actor_id) == (Action.DENY, Outcome.DENIED, ben.pk)
    assert (event.patient_id, event.detail) == (kavya.pk, {"reason": "not_found"})


POSTS = ["archive", "restore", "consent_create", "share"]


@pytest.mark.parametrize("route", POSTS)
def test_verbs_take_a_post_from_those_in_scope(signed_in, asha, ben, kavya, route):
    address = reverse(f"patients:{route}", args=[kavya.pk])

    assert signed_in(asha).get(address).status_code == 405
    assert signed_in(ben).post(address).status_code == 404


@pytest.mark.parametrize("route", ["archive", "restore", "share"])
def test_reception_neither_shares_nor_archives(signed_in, rita, kavya, route):
    assert signed_in(rita).post(reverse(f"patients:{route}", args=[kavya.pk])).status_code == 403


@pytest.mark.parametrize("route", ["detail", "profile", "consents"])
def test_pages_of_a_chart_take_no_post(signed_in, asha, kavya, route):
    assert signed_in(asha).post(reverse(f"patients:{route}", args=[kavya.pk])).status_code == 405


def test_an_unknown_patient_is_nowhere(signed_in, omar):
    assert signed_in(omar).get(reverse("patients:detail", args=[uuid4()])).status_code == 404


@pytest.mark.parametrize("route", ["detail", "profile", "consents", "edit"])
def test_reception_reads_of_the_clinical_part_that_there_is_an_allergy(signed_in, rita, kavya, route):
    page = signed_in(rita).get(reverse(f"patients:{route}", args=[kavya.pk])).content.decode()

    for secret in ("Penicillin", "Panic", "Sertraline", "Rex", "Anxious"):
        assert secret not in page
    assert ("Has allergies" in page) == (route != "edit")
    for name in SECRETS:
        assert f'name="{name}"' not in page


def test_the_list_shows_reception_no_clinical_word(signed_in, rita, kavya):
    page = signed_in(rita).get(reverse("patients:list")).content.decode()

    assert "Kavya Iyer" in page
    assert "allergy" in page
    assert "Penicillin" not in page
    assert "Anxious" not in page


def test_the_administrators_reading_of_clinical_fields_is_recorded_as_such(signed_in, omar, rita, kavya):
    signed_in(omar).get(reverse("patients:history", args=[kavya.pk]))
    assert last_event().detail == {"page": "history", "clinical_fields": True}

    signed_in(rita).get(reverse("patients:detail", args=[kavya.pk]))
    assert last_event().detail == {"page": "detail", "clinical_fields": False}


def test_an_administrator_reads_but_does_not_write_clinical_fields(signed_in, omar, kavya):
    client = signed_in(omar)

    assert "Sertraline" in client.get(reverse("patients:medications", args=[kavya.pk])).content.decode()
    assert 'name="current_medications"' not in client.get(reverse("patients:edit", args=[kavya.pk])).content.decode()


def test_a_posted_clinical_field_of_reception_is_not_taken(signed_in, rita, kavya):
    address = reverse("patients:edit", args=[kavya.pk])
    base = signed_in(rita).get(address).context["base"]

    signed_in(rita).post(address, {**NEW, "base": base, "allergies": "None", "notes": "overwritten"})

    kavya.refresh_from_db()
    assert (kavya.first_name, kavya.allergies, kavya.notes) == ("Mira", "Penicillin", "Dog called Rex")


def test_every_opening_is_recorded(signed_in, asha, kavya):
    for route in CHART:
        signed_in(asha).get(reverse(f"patients:{route}", args=[kavya.pk]))
        event = last_event()
        assert (event.action, event.patient_id, event.detail["page"]) == (Action.READ, kavya.pk, route)


def test_a_list_names_its_patients_in_the_trail(signed_in, asha, ben, kavya):
    other = make_patient(asha)
    make_patient(ben)

    response = signed_in(asha).get(reverse("patients:list"))

    assert {patient for patient, _ in response.context["rows"]} == {kavya, other}
    subjects = AuditSubject.objects.filter(event_seq=last_event().seq).values_list("patient_id", flat=True)
    assert set(subjects) == {kavya.pk, other.pk}


@pytest.mark.parametrize("person", ["asha", "rita", "omar"])
def test_the_list_costs_the_same_queries_for_2_rows_as_for_200(request, signed_in, asha, monkeypatch, person):
    monkeypatch.setattr("patients.views.PAGE_SIZE", 200)
    client = signed_in(request.getfixturevalue(person))

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(reverse("patients:list")).status_code == 200
        return len(captured)

    for _ in range(2):
        consent.record_consent(make_patient(asha), "recording", method="verbal", by=asha, at=timezone.now())
    queries()
    few = queries()
    patients = Patient.objects.bulk_create(
        Patient(
            patient_id=f"PAT-2020{number:04d}",
            first_name="A",
            last_name="B",
            date_of_birth="1990-01-01",
            tags=["x"],
            created_by=asha,
        )
        for number in range(198)
    )
    PatientAccess.objects.bulk_create(
        PatientAccess(patient=patient, doctor=asha, source="registered", granted_at=timezone.now(), granted_by=asha)
        for patient in patients
    )

    assert queries() == few


def test_filters_narrow_the_list(signed_in, asha, ben, now):
    plain = make_patient(asha)
    agreed = make_patient(asha)
    consent.record_consent(agreed, "recording", method="verbal", by=asha, at=now)
    services.grant_access(agreed, doctor=asha, source="seen", by=asha, at=now - timedelta(days=100))
    shared = make_patient(ben)
    services.share_patient(shared, doctor=asha, by=ben, at=now)
    archived = services.archive_patient(make_patient(asha), by=asha, at=now)
    client = signed_in(asha)

    def shown(query: str) -> set[Patient]:
        return {patient for patient, _ in client.get(reverse("patients:list") + query).context["rows"]}

    assert shown("") == {plain, agreed, shared}
    assert shown("?show=shared") == {shared}
    assert shown("?show=no-consent") == {plain, shared}
    assert shown("?show=not-seen") == {agreed}
    assert shown("?show=archived") == {archived}


def test_a_tag_filter_works_in_memory_without_the_tag_in_the_address(signed_in, asha, ben, rita, kavya):
    make_patient(asha, tags=["Mornings"])
    make_patient(ben, tags=["Anxious"])
    client = signed_in(asha)

    menu = client.get(reverse("patients:tags")).content.decode()
    key = listing.tag_key_of("Anxious")
    rows = client.get(f"{reverse('patients:list')}?tag={key}").context["rows"]

    assert f"tag={key}" in menu
    assert "tag=Anxious" not in menu
    assert [patient for patient, _ in rows] == [kavya]
    assert signed_in(rita).get(reverse("patients:tags")).status_code == 403
    assert len(signed_in(rita).get(f"{reverse('patients:list')}?tag={key}").context["rows"]) == 3


def test_reception_lists_the_patients_of_one_doctor(signed_in, ben, rita, kavya):
    own = make_patient(ben)

    rows = signed_in(rita).get(f"{reverse('patients:list')}?doctor={ben.pk}").context["rows"]

    assert [patient for patient, _ in rows] == [own]


def test_an_odd_query_string_is_no_error(signed_in, asha, kavya):
    assert signed_in(asha).get(reverse("patients:list") + "?page=x&doctor=x&show=x&tag=x").status_code == 200


def test_an_empty_list_offers_the_first_registration(signed_in, asha):
    page = signed_in(asha).get(reverse("patients:list")).content.decode()

    assert "No patients yet" in page
    assert reverse("patients:new") in page


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


def test_an_archived_record_is_not_edited_and_offers_to_be_restored(signed_in, asha, kavya, now):
    services.archive_patient(kavya, by=asha, at=now)
    client = signed_in(asha)

    assert client.get(reverse("patients:edit", args=[kavya.pk])).status_code == 409
    chart = client.get(reverse("patients:detail", args=[kavya.pk])).content.decode()
    assert reverse("patients:restore", args=[kavya.pk]) in chart
    assert "Start session" not in chart
    client.post(reverse("patients:restore", args=[kavya.pk]))
    kavya.refresh_from_db()
    assert kavya.archived_at is None


def test_archiving_leads_back_to_the_list(signed_in, asha, kavya):
    response = signed_in(asha).post(reverse("patients:archive", args=[kavya.pk]))

    assert response["Location"] == reverse("patients:list")
    kavya.refresh_from_db()
    assert kavya.archived_by == asha


def test_an_answer_is_recorded_and_leads_back(signed_in, asha, rita, kavya):
    address = reverse("patients:consent_create", args=[kavya.pk])
    answer = {"kind": "recording", "method": "verbal", "answer": "agreed"}

    back = signed_in(asha).post(address, {**answer, "next": "/sessions/start/?patient=x"})
    assert back["Location"] == "/sessions/start/?patient=x"
    assert kavya.consents.get().status == "live"

    again = signed_in(rita).post(address, {**answer, "next": "https://evil.example/"})
    assert again["Location"] == reverse("patients:consents", args=[kavya.pk])


def test_nothing_is_chosen_and_nothing_is_taken_without_a_choice(signed_in, asha, kavya):
    page = signed_in(asha).get(reverse("patients:consents", args=[kavya.pk])).content.decode()
    assert 'type="radio"' in page
    assert not re.search(r'type="radio"[^>]* checked', page)

    refused = signed_in(asha).post(
        reverse("patients:consent_create", args=[kavya.pk]), {"kind": "recording", "answer": "agreed"}
    )

    assert refused.status_code == 422
    assert "Choose how the patient answered" in refused.content.decode()
    assert refused.content.decode().count("data-dialog-auto") == 1
    assert not kavya.consents.exists()


def test_a_refusal_is_recorded(signed_in, asha, kavya):
    signed_in(asha).post(
        reverse("patients:consent_create", args=[kavya.pk]),
        {"kind": "ai_note", "method": "written", "answer": "declined"},
    )

    assert kavya.consents.get().status == "declined"


def test_a_consent_is_withdrawn(signed_in, asha, ben, kavya, now):
    given = consent.record_consent(kavya, "recording", method="verbal", by=asha, at=now)
    address = reverse("patients:consent_withdraw", args=[kavya.pk, given.pk])

    assert signed_in(asha).get(address).status_code == 405
    assert signed_in(ben).post(address).status_code == 404
    assert signed_in(asha).post(address).status_code == 302
    given.refresh_from_db()
    assert given.status == "withdrawn"


def test_a_consent_of_another_patient_is_nowhere(signed_in, asha, kavya, now):
    other = consent.record_consent(make_patient(asha), "recording", method="verbal", by=asha, at=now)

    address = reverse("patients:consent_withdraw", args=[kavya.pk, other.pk])

    assert signed_in(asha).post(address).status_code == 404


def test_a_chart_is_shared_and_the_share_ended(signed_in, asha, ben, kavya):
    client = signed_in(asha)

    client.post(reverse("patients:share", args=[kavya.pk]), {"doctor": ben.pk})
    assert signed_in(ben).get(reverse("patients:detail", args=[kavya.pk])).status_code == 200
    access = kavya.accesses.get(doctor=ben)
    assert client.post(reverse("patients:end_share", args=[kavya.pk, access.pk])).status_code == 302

    assert signed_in(ben).get(reverse("patients:detail", args=[kavya.pk])).status_code == 404


def test_a_share_needs_a_doctor_without_access(signed_in, asha, rita, kavya):
    for person in ("", rita.pk, asha.pk):
        response = signed_in(asha).post(reverse("patients:share", args=[kavya.pk]), {"doctor": person})
        assert response.status_code == 422


def test_the_treating_doctors_access_is_not_ended(signed_in, asha, omar, kavya):
    address = reverse("patients:end_share", args=[kavya.pk, kavya.accesses.get().pk])

    assert signed_in(omar).post(address).status_code == 409
    assert kavya.accesses.get().ended_at is None


def test_admin_pages_show_numbers_and_dates_only(signed_in, omar, asha, kavya):
    client = signed_in(omar)

    for address in ("/admin/patients/patient/", f"/admin/patients/patient/{kavya.pk}/change/"):
        page = client.get(address).content.decode()
        assert kavya.patient_id in page
        for secret in ("Kavya", "Iyer", "kavya@example.org", *("Penicillin", "Sertraline", "Rex")):
            assert secret not in page
    assert client.get("/admin/patients/patient/?q=Kavya").content.decode().count(kavya.patient_id) == 0
    assert client.get("/admin/patients/patient/add/").status_code == 403
    assert client.post(f"/admin/patients/patient/{kavya.pk}/change/", {}).status_code == 403
    assert client.get("/admin/patients/consent/").status_code == 200
    assert signed_in(asha).get("/admin/patients/patient/", follow=True).status_code == 403
