"""A booked visit as an Appointment."""

from reports.writers.fhir.values import Resource, coded, instant
from scheduling.models import Appointment
from synapse.fhir.resources.meta import finished, refer

APPOINTMENT_REASON = "http://terminology.hl7.org/CodeSystem/v2-0276"
CANCELLATION = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
Status = Appointment.Status
STATUS = {
    Status.SCHEDULED: "booked",
    Status.CONFIRMED: "booked",
    Status.CANCELLED: "cancelled",
    Status.RESCHEDULED: "cancelled",
    Status.COMPLETED: "fulfilled",
    Status.NO_SHOW: "noshow",
}
TYPE_CODES = {
    Appointment.Type.FOLLOWUP: ("FOLLOWUP", "A follow up visit from a previous appointment"),
    Appointment.Type.EMERGENCY: ("EMERGENCY", "Emergency appointment"),
}
WALK_IN = ("WALKIN", "A previously unscheduled walk-in visit")
# As iCalendar counts: 1 is the most urgent, 9 the least, 5 in the middle.
PRIORITIES = {
    Appointment.Priority.URGENT: 1,
    Appointment.Priority.HIGH: 3,
    Appointment.Priority.NORMAL: 5,
    Appointment.Priority.LOW: 9,
}


def appointment_resource(visit: Appointment) -> Resource:
    """Return a visit with its patient, practitioner and place."""
    resource = {
        "resourceType": "Appointment",
        "status": status_of(visit),
        "cancelationReason": _cancellation(visit),
        "appointmentType": _type(visit),
        "reasonCode": [{"text": visit.chief_complaint}] if visit.chief_complaint else [],
        "priority": PRIORITIES[Appointment.Priority(visit.priority)],
        "start": instant(visit.scheduled_at),
        "end": instant(visit.ends_at),
        "minutesDuration": visit.duration_minutes,
        "created": instant(visit.created_at),
        "comment": visit.notes,
        "patientInstruction": visit.preparation_instructions,
        "participant": list(_participants(visit)),
    }
    return finished(resource, visit.pk, updated_at=visit.updated_at)


def status_of(visit: Appointment) -> str:
    """Return the state, told finer on the day by the day sheet."""
    if visit.status in Appointment.OPEN and visit.in_room_at:
        return "checked-in"
    if visit.status in Appointment.OPEN and visit.arrived_at:
        return "arrived"
    return STATUS[Status(visit.status)]


def _type(visit: Appointment) -> Resource:
    text = visit.get_appointment_type_display()
    code = WALK_IN if visit.is_walk_in else TYPE_CODES.get(Appointment.Type(visit.appointment_type))
    return coded(APPOINTMENT_REASON, *code, text) if code else {"text": text}


def _cancellation(visit: Appointment) -> Resource | None:
    if visit.status == Status.RESCHEDULED:
        return {"text": visit.reschedule_reason or "Moved to another time"}
    if visit.status != Status.CANCELLED:
        return None
    if visit.cancelled_by_patient:
        return coded(CANCELLATION, "pat", "Patient", visit.cancellation_reason)
    return {"text": visit.cancellation_reason or "Cancelled"}


def _participants(visit: Appointment) -> list[Resource]:
    is_asked = visit.status == Status.SCHEDULED and visit.confirmation_required
    participants = [
        {
            "actor": refer("Patient", visit.patient.kept_id),
            "required": "required",
            "status": "needs-action" if is_asked else "accepted",
        },
        {"actor": refer("Practitioner", visit.doctor_id), "required": "required", "status": "accepted"},
    ]
    place = visit.room.name if visit.room else visit.location
    if place:
        participants.append({"actor": {"type": "Location", "display": place}, "status": "accepted"})
    return participants
