"""What is done with a record: archived, shared, consents given and withdrawn."""

import re

from django.urls import reverse

from patients import services
from patients.consents import services as consent
from patients.tests.factories import make_patient


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
