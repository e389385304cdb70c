"""Two doctors, each with one of everything, every free text marked with whose it is."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from billing.tests.factories import make_bill
from patients import services as patients
from patients.models import Patient
from patients.tests.factories import make_patient
from reports.services import templates
from reports.tests.factories import clinic_template, make_report, make_words
from scheduling.tests.factories import make_appointment, make_time_off
from sessions_app.tests.factories import make_session
from synapse.accounts.models import User

CLINICAL = ("allergies", "medical_history", "current_medications", "notes")


@dataclass
class Holdings:
    """What hangs on one doctor: the ids by the first word of their address, and the marks of their texts."""

    doctor: User
    mark: str
    ids: dict[str, UUID] = field(default_factory=dict)

    @property
    def identity_mark(self) -> str:
        """What stands in names: seen by whoever may open the patient."""
        return f"{self.mark}name"

    @property
    def clinical_mark(self) -> str:
        """What stands in the clinical fields of the patient."""
        return f"{self.mark}clinical"

    @property
    def spoken_mark(self) -> str:
        """What was said in a session, so what stands in its words, notes and reports."""
        return f"{self.mark}spoken"


def furnish(doctor: User, mark: str) -> Holdings:
    """Give a doctor a patient, sessions, words, reports, a visit, a bill, a template and a consent."""
    held = Holdings(doctor, mark)
    patient = _patient(doctor, held)
    session = make_session(doctor, patient=patient, status="completed", chief_complaint=held.spoken_mark)
    words = make_words(
        session, [("doctor", "How are you?"), ("patient", f"I have slept badly since {held.spoken_mark}.")]
    )
    signed = make_report(doctor, session=session, status="signed")
    draft = make_report(doctor, session=session)
    # The desk reads and writes visits whole, the reason among it.
    visit = make_appointment(doctor, patient=patient, chief_complaint=held.identity_mark)
    away = make_time_off(doctor, visit.ends_at, visit.ends_at + timedelta(hours=1), title=held.identity_mark)
    bill = make_bill(doctor, patient=patient, status="sent")
    template = templates.copy_template(clinic_template("soap"), by=doctor, at=timezone.now())
    live = make_session(doctor, patient=patient)
    held.ids = {
        "patients": patient.pk,
        "sessions": session.pk,
        "live": live.pk,
        "transcriptions": words.pk,
        "reports": draft.pk,
        "signed": signed.pk,
        "appointments": visit.pk,
        "availability": doctor.pk,
        "time-off": away.pk,
        "bills": bill.pk,
        "templates": template.pk,
        "consents": patient.consents.latest("created_at").pk,
        "shares": patient.accesses.latest("granted_at").pk,
    }
    return held


def _patient(doctor: User, held: Holdings) -> Patient:
    patient = make_patient(doctor, first_name="Kavya", last_name=held.identity_mark)
    clinical: dict[str, Any] = dict.fromkeys(CLINICAL, held.clinical_mark)
    return patients.update_patient(patient, clinical, by=doctor, at=timezone.now())
