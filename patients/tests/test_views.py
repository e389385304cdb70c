"""Who opens which page of a patient, and what the list shows and costs."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from patients import services
from patients.consents import services as consent
from patients.finding import listing
from patients.models import Patient, PatientAccess
from patients.tests.factories import make_patient
from patients.tests.pages import NEW, SECRETS, last_event
from synapse.audit.models import Action, AuditSubject, Outcome

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


def test_a_form_that_carries_nonsense_counts_as_filled_from_other_values(signed_in, rita, kavya):
    address = reverse("patients:edit", args=[kavya.pk])

    for base in ("x", "[1]", "[" * 9000, "9" * 5000):
        assert signed_in(rita).post(address, {**NEW, "base": base}).status_code == 409


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
