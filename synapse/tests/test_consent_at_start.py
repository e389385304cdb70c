"""Consent given in the room is recorded where a session starts."""

from django.urls import reverse

from patients.queries import has_live_consent
from patients.tests.factories import make_patient


def test_consent_is_recorded_without_leaving_the_start_page(signed_in, asha, now):
    patient = make_patient(asha)
    client = signed_in(asha)
    start = f"{reverse('sessions:start')}?patient={patient.pk}"
    page = client.get(start).content.decode()
    assert "or start all the same: recording can begin" in page
    assert f'action="{reverse("patients:consent_create", args=[patient.pk])}"' in page
    assert "What Kavya agrees to" in page

    answer = {"kind": "recording", "answer": "agreed", "method": "verbal", "next": start}
    back = client.post(reverse("patients:consent_create", args=[patient.pk]), answer)

    assert back["Location"] == start
    assert has_live_consent(patient.pk, "recording", at=now)
    assert "Consent is needed before you record" not in client.get(start).content.decode()
