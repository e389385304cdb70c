"""Whom and what a report names: patient, practitioner, organization, encounter, reduced to what identifies them."""

from patients.models import Patient
from reports.printing.rendering import Header
from reports.writers.fhir.values import Refer, Resource, instant, organization_id, system
from sessions_app.models import ConsultationSession
from synapse.accounts.models import User

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
GENDERS = {"female": "female", "male": "male", "nonbinary": "other", "other": "other"}
_Status = ConsultationSession.Status
ENCOUNTER_STATUS = {
    _Status.IN_PROGRESS: "in-progress",
    _Status.PAUSED: "in-progress",
    _Status.ERROR: "in-progress",  # its recording needs attention; the visit goes on
    _Status.COMPLETED: "finished",
    _Status.CANCELLED: "cancelled",
}


def patient_identity(patient: Patient) -> Resource:
    """Return who a patient is: number, name, gender, date of birth."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": system("patient"), "value": patient.patient_id}],
        "name": [{"text": patient.full_name, "family": patient.last_name, "given": [patient.first_name]}],
        "gender": GENDERS.get(patient.gender, "unknown"),
        "birthDate": patient.date_of_birth.isoformat() if patient.date_of_birth else None,
    }


def practitioner_identity(person: User, header: Header) -> Resource:
    """Return who a practitioner is, as the head of their documents says."""
    licence = {"system": system("licence"), "value": header.license_number}
    return {
        "resourceType": "Practitioner",
        "identifier": [licence] if header.license_number else [],
        "name": [{"text": header.practitioner, "family": person.last_name, "given": [person.first_name]}],
        "qualification": [{"code": {"text": header.specialization}}] if header.specialization else [],
    }


def organization(header: Header) -> Resource:
    """Return the clinic as a document's head names it."""
    return {
        "resourceType": "Organization",
        "name": header.clinic,
        "telecom": [{"system": "phone", "value": header.contact}] if header.contact else [],
        "address": [{"text": header.address}] if header.address else [],
    }


def encounter_time(session: ConsultationSession, *, subject: Resource) -> Resource:
    """Return that a session took place: with whom, when, and how it ended."""
    code, display = ("VR", "virtual") if session.telehealth else ("AMB", "ambulatory")
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": system("session"), "value": session.session_id}],
        "status": ENCOUNTER_STATUS[_Status(session.status)],
        "class": {"system": ACT_CODE, "code": code, "display": display},
        "subject": subject,
        "period": {
            "start": instant(session.started_at),
            "end": instant(session.ended_at) if session.ended_at else None,
        },
    }


def encounter_parties(session: ConsultationSession, refer: Refer) -> Resource:
    """Return who held a session, and for which organization."""
    return {
        "participant": [{"individual": refer("Practitioner", session.doctor_id)}],
        "serviceProvider": refer("Organization", organization_id()),
    }
