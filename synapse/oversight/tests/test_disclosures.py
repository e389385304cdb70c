import io
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from patients.emergency import services as emergency
from patients.models import EmergencyAccess
from patients.tests.factories import make_patient
from reports.services import sharing
from reports.tests.factories import make_report, make_words
from sessions_app.tests.factories import make_session
from synapse.audit import disclosures
from synapse.audit import services as audit
from synapse.audit.models import Action, AuditEvent
from synapse.common import erasures
from synapse.common.errors import DomainError, NotAllowed
from synapse.outside.models import OutsideCall
from synapse.oversight import disclosing
from synapse.oversight.models import NotedDisclosure

A_MONTH_AGO = timezone.now().date() - timedelta(days=30)
NOTED = {
    "disclosed_on": A_MONTH_AGO,
    "recipient": "District court, Judge Menon",
    "address": "Court Road 1",
    "what": "Dates of treatment",
    "ground": "court",
    "purpose": "Order 12/2026",
}


@pytest.fixture
def patient(asha):
    return make_patient(asha, first_name="Kavya", last_name="Iyer")


def test_every_way_out_stands_in_the_account(patient, asha, now):
    session = make_session(asha, patient=patient, status="completed")
    make_words(session, [("doctor", "How are you?"), ("patient", "I have slept badly.")])
    report = make_report(asha, session=session, status="signed")
    terms = {"document": "report", "expires_in_hours": 24, "by": asha, "at": now}
    provider = sharing.share_report(
        report, audience="provider", email="gp@example.org", reason="Emergency at the hospital", **terms
    )
    sharing.share_report(report, audience="patient", email="kavya@example.org", **terms)
    sharing.open_share(provider.path.rstrip("/").rpartition("/")[2], pin="", device="Firefox", at=now)
    with audit.unit_of_work():
        audit.record(Action.EXPORT, by=asha, target=report, patient_id=patient.pk, detail={"format": "pdf"})
    disclosing.note_disclosure(patient, NOTED, by=asha, at=now)
    OutsideCall.objects.create(at=now, purpose="report", engine="gemini", host="models.example", patient_id=patient.pk)

    account = {row.recipient: row for row in disclosing.account_of(patient, at=now)}

    assert set(account) == {
        *("gp@example.org", "The patient", "Not recorded: a file was made", "District court, Judge Menon"),
        "models.example",
    }
    assert account["gp@example.org"].purpose == "Emergency at the hospital"
    assert account["gp@example.org"].opened == (now,)
    assert account["The patient"].is_to_patient
    assert account["District court, Judge Menon"].purpose == "Court order or subpoena: Order 12/2026"
    sheet = PdfReader(io.BytesIO(disclosing.account_pdf(patient, list(account.values()), at=now)))
    text = sheet.pages[0].extract_text()
    assert "Judge Menon" in text
    assert "kavya@example.org" not in text


def test_what_the_patient_was_handed_is_their_own_copy(patient, asha, now):
    with audit.unit_of_work():
        audit.record(Action.EXPORT, by=None, patient_id=patient.pk, detail={"verb": "link_copy"})
        audit.record(Action.PRINT, by=asha, patient_id=patient.pk, detail={"verb": "hand_over"})

    rows = list(disclosing.files({patient.pk}, now - timedelta(days=1)))

    assert [row.recipient for row in rows] == ["The patient, on paper", "The patient, by their link"]
    assert all(row.is_to_patient for row in rows)


def test_an_emergency_does_not_open_the_account(patient, signed_in, asha, ben, now):
    reason = "Brought in unconscious by ambulance"
    emergency.open_record(patient, kind=EmergencyAccess.Kind.values[0], reason=reason, by=ben, at=now)

    assert signed_in(ben).get(reverse("oversight:disclosures", args=[patient.pk])).status_code == 404


def test_an_app_adds_its_own_source_and_six_years_are_enough(patient, now, monkeypatch):
    asked = []
    monkeypatch.setattr(disclosures, "_sources", {})
    disclosures.register("mine", lambda ids, since: asked.append((ids, since)) or [])

    assert disclosing.account_of(patient, at=now) == []

    [(ids, since)] = asked
    assert ids == {patient.pk}
    assert now - since >= timedelta(days=6 * 365)


def test_what_is_noted_lies_in_the_past_and_goes_with_an_erasure(patient, asha, rita, now):
    with pytest.raises(DomainError, match="in the past"):
        disclosing.note_disclosure(patient, {**NOTED, "disclosed_on": date(2999, 1, 1)}, by=asha, at=now)
    with pytest.raises(NotAllowed):
        disclosing.note_disclosure(patient, NOTED, by=rita, at=now)
    noted = disclosing.note_disclosure(patient, NOTED, by=asha, at=now)

    assert erasures.registered()["oversight"](patient.pk, now) == {"noted disclosures": 1}

    noted.refresh_from_db()
    assert (noted.recipient, noted.what, noted.disclosed_on) == ("", "", A_MONTH_AGO)


def test_the_pages_are_for_the_patients_doctor_and_administrators(patient, signed_in, asha, ben, rita, omar):
    addresses = [
        reverse(f"oversight:{name}", args=[patient.pk])
        for name in ("disclosures", "disclosures_pdf", "note_disclosure")
    ]
    for address in addresses:
        people = (asha, ben, rita, omar)
        assert [signed_in(person).get(address).status_code for person in people] == [200, 404, 403, 200], address
    rows = AuditEvent.objects.filter(patient_id=patient.pk, actor_id=omar.pk)
    assert sorted(rows.values_list("action", flat=True)) == ["print", "read", "read"]

    doctor = signed_in(asha)
    assert doctor.post(addresses[2], {"recipient": "x"}).status_code == 422
    assert doctor.post(addresses[2], NOTED).status_code == 302
    assert NotedDisclosure.objects.get().noted_by == asha
    assert "Judge Menon" in doctor.get(addresses[0]).content.decode()
