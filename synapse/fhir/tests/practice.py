"""A small practice with everything a record can hold, and words that must never come out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing.models import Bill
from billing.tests.factories import make_bill
from patients.consents.texts import first_text_of
from patients.models import Consent, Patient
from patients.tests.factories import make_patient
from reports.models import Addendum, CoSignature, Report
from reports.tests.factories import make_report, make_words
from scheduling.models import Appointment
from scheduling.tests.factories import make_appointment
from sessions_app.models import ConsultationSession, Transcription
from sessions_app.tests.factories import make_session
from synapse.accounts.models import User, UserProfile

# Columns nobody is shown through FHIR, whatever the role: a word of its own stands in each.
NEVER_SHOWN = {
    Patient: (
        *("blood_group", "medical_history", "current_medications", "occupation", "notes"),
        *("insurance_provider", "insurance_policy_number", "insurance_group_number"),
    ),
    ConsultationSession: ("session_notes", "private_context"),
    Transcription: ("transcript_text", "original_transcript", "correction_notes"),
    Report: ("correction_notes",),
    Appointment: ("overbooking_reason", "patient_request"),
    Bill: ("internal_notes", "collection_note", "insurance_claim_number", "payment_instructions"),
}


@dataclass
class Practice:
    """One patient of a doctor with a row of every kind."""

    patient: Patient
    session: ConsultationSession
    report: Report
    draft: Report
    visit: Appointment
    consent: Consent
    bill: Bill
    draft_bill: Bill


def canary(model: type[Any], name: str) -> str:
    return f"canary{model.__name__}{name.replace('_', '')}"


def make_practice(doctor: User, *, at: datetime) -> Practice:
    """Make a record in which every column holds something."""
    UserProfile.objects.filter(user=doctor).update(
        phone="+912266001122", license_number="MH-4711", npi="1234567893", taxonomy_code="2084P0800X",
        specialization="Psychiatry",
    )  # fmt: skip
    doctor.refresh_from_db()
    patient = make_patient(
        doctor,
        last_name="Iyer <b>&",
        phone_secondary="+919820099999",
        email="kavya@mail.example",
        address="12 Hill Road\nMumbai",
        marital_status="married",
        preferred_language="Hindi",
        emergency_contact_name="Ravi Iyer",
        emergency_contact_phone="+919820088888",
        emergency_contact_relationship="partner",
        allergies="Penicillin",
    )
    session = make_session(
        doctor, patient=patient, status="completed", chief_complaint="Reasonword sleep", at=at - timedelta(hours=3)
    )
    make_words(session)
    report = make_report(doctor, session=session, status="signed")
    draft = make_report(doctor, session=session, status="completed")
    visit = make_appointment(
        doctor,
        patient=patient,
        chief_complaint="Visitword",
        notes="Notesword",
        preparation_instructions="Bring your diary",
        location="Room 2",
    )
    consent = _consent(patient, doctor, at)
    bill = make_bill(doctor, patient=patient, status=Bill.Status.SENT, at=at - timedelta(hours=1))
    Bill.objects.filter(pk=bill.pk).update(primary_diagnosis_code="F32.1")
    draft_bill = make_bill(doctor, patient=patient, at=at - timedelta(minutes=1))
    practice = Practice(patient, session, report, draft, visit, consent, bill, draft_bill)
    plant_canaries(practice)
    return practice


def plant_canaries(practice: Practice) -> list[str]:
    """Write a word of its own into every column that is never shown; return the words."""
    rows: dict[type[Any], Any] = {
        Patient: practice.patient,
        ConsultationSession: practice.session,
        Transcription: practice.report.transcription,
        Report: practice.draft,
        Appointment: practice.visit,
        Bill: practice.bill,
    }
    for model, names in NEVER_SHOWN.items():
        words = {name: canary(model, name)[: model._meta.get_field(name).max_length or 200] for name in names}
        model.objects.filter(pk=rows[model].pk).update(**words)
    return [canary(model, name) for model, names in NEVER_SHOWN.items() for name in names]


def add_second_words(report: Report, *, by: User, supervisor: User, at: datetime) -> None:
    """Give a signed report an addendum and a supervisor's signature."""
    Addendum.objects.create(
        report=report, number=1, text="The sister called.", author=by, status="signed", signed_at=at, content_hash="a"
    )
    CoSignature.objects.create(
        report=report, supervisor=supervisor, requested_by=by, requested_at=at, status="signed", decided_at=at
    )


def _consent(patient: Patient, doctor: User, at: datetime) -> Consent:
    text = first_text_of(Consent.Kind.TREATMENT, "1")
    return Consent.objects.create(
        patient=patient,
        kind=Consent.Kind.TREATMENT,
        method=Consent.Method.WRITTEN,
        status=Consent.Status.LIVE,
        text_version=text.version,
        text_hash=text.hash,
        given_at=at,
        expires_at=at + timedelta(days=365),
        recorded_by=doctor,
    )
