"""A consultation by the API, where it reaches into the calendar and the bills."""

from uuid import uuid4

import pytest

from billing.models import Bill
from patients.tests.factories import make_patient
from scheduling.tests.factories import make_appointment

pytestmark = pytest.mark.django_db


def begin(client, visit):
    wanted = {"patient": str(visit.patient_id), "appointment": str(visit.pk)}
    return client.post("/api/v1/sessions/", wanted)


def test_the_visit_a_session_began_from_is_named(api, asha):
    visit = make_appointment(doctor=asha, appointment_type="telemedicine")
    client = api(asha)
    body = client.post("/api/v1/sessions/", {"patient": str(visit.patient_id), "appointment": str(visit.pk)}).json()
    assert (body["appointment"], body["session_type"], body["telehealth"]) == (str(visit.pk), "followup", True)
    assert client.get(f"/api/v1/sessions/{body['id']}/").json()["appointment"] == str(visit.pk)
    listed = client.get(f"/api/v1/sessions/?appointment={visit.pk}").json()["results"]
    assert [row["appointment"] for row in listed] == [str(visit.pk)]
    assert client.get(f"/api/v1/sessions/?appointment={uuid4()}").json()["count"] == 0


def test_a_visit_of_a_colleague_or_of_somebody_else_begins_no_session(api, asha, ben):
    theirs, of_another = make_appointment(doctor=ben), make_appointment(doctor=asha)
    client, patient = api(asha), make_patient(asha)
    answers = [
        client.post("/api/v1/sessions/", {"patient": str(patient.pk), "appointment": str(visit.pk)})
        for visit in (theirs, of_another)
    ]
    assert [answer.status_code for answer in answers] == [400, 409]
    assert list(answers[0].json()["error"]["fields"]) == ["appointment"]
    assert begin(client, of_another).status_code == 201


def test_completing_drafts_one_bill_and_completes_the_visit(api, asha):
    visit = make_appointment(doctor=asha)
    client = api(asha)
    address = f"/api/v1/sessions/{begin(client, visit).json()['id']}/"
    answers = [client.post(f"{address}complete/", headers={"Idempotency-Key": "c"}) for _ in range(2)]
    body = answers[0].json()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert body == answers[1].json()
    bill = Bill.objects.get(session=body["id"])
    assert (body["status"], body["billing_amount"]) == ("completed", str(bill.total_amount))
    assert body["billing_code"]
    visit.refresh_from_db()
    assert visit.status == "completed"
    assert answers[0]["ETag"] == client.get(address)["ETag"]


def test_a_token_for_clinical_work_completes_though_it_sees_no_bill(bearer, asha):
    client = bearer(asha, scopes=["read", "write", "clinical"])
    session = begin(client, make_appointment(doctor=asha)).json()
    assert client.post(f"/api/v1/sessions/{session['id']}/complete/").status_code == 200
    assert Bill.objects.filter(session=session["id"]).count() == 1
