"""A consultation session as an Encounter. Notes of the session, what was said and its audio are in none."""

from uuid import UUID

from reports.writers.fhir.people import encounter_parties, encounter_time
from reports.writers.fhir.values import Resource
from sessions_app.models import ConsultationSession
from synapse.fhir.resources.meta import finished, refer

MINUTES = {"unit": "min", "system": "http://unitsofmeasure.org", "code": "min"}


def encounter_resource(session: ConsultationSession, *, appointment_id: UUID | None, with_reason: bool) -> Resource:
    """Return a session; `with_reason` says why the patient came, for those who read what a session is about.

    `appointment_id` is the visit it was booked as, where this person may see that.
    """
    minutes = session.duration_minutes
    resource = {
        **encounter_time(session, subject=refer("Patient", session.patient.kept_id)),
        **encounter_parties(session, refer),
        "type": [{"text": session.get_session_type_display()}],
        "length": {"value": minutes, **MINUTES} if minutes is not None else None,
        "appointment": [refer("Appointment", appointment_id)] if appointment_id else [],
        "reasonCode": [{"text": session.chief_complaint}] if with_reason and session.chief_complaint else [],
    }
    return finished(resource, session.pk, updated_at=session.updated_at, is_clinical=True)
