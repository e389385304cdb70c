"""A day at the front desk for tests: visits at every stage, around noon of whoever looks at it."""

from datetime import datetime, timedelta
from typing import Any

from billing.services import payments
from billing.tests.factories import make_bill
from patients.consents.services import record_consent
from patients.tests.factories import make_patient
from scheduling.models import Appointment, AppointmentMessage, Room
from scheduling.services import desk, stages
from scheduling.tests.factories import make_appointment
from synapse import workflows
from synapse.accounts.models import User


def let_it_be_noon(people: list[User], now: datetime) -> None:
    """Put people into a zone where `now` is between noon and one, so that a day lies around it."""
    ahead = 12 - now.hour
    for person in people:
        # The sign of these zones is the other way round.
        person.profile.timezone = f"Etc/GMT{-ahead:+d}"
        person.profile.save()


def make_visit(doctor: User, minutes: int, *, at: datetime, name: str, **fields: Any) -> Appointment:
    """Book a visit so many minutes from `at`, for a new patient of this name."""
    first_name, _, last_name = name.partition(" ")
    known = {key: fields.pop(key) for key in ("allergies", "insurance_provider") if key in fields}
    patient = make_patient(doctor, first_name=first_name, last_name=last_name, at=at, **known)
    values = {"duration_minutes": 30, **fields}
    return make_appointment(doctor, patient=patient, scheduled_at=at + timedelta(minutes=minutes), **values)


def make_day(asha: User, ben: User, rita: User, *, at: datetime) -> dict[str, Appointment]:
    """Make a visit for each thing a row can say; return them by the patient's first name."""
    rooms = {asha: Room.objects.create(name="Room 2"), ben: Room.objects.create(name="Room 1")}
    day = {
        visit.patient.first_name: visit
        for visit in (
            make_visit(asha, -180, at=at, name="Priya Menon", duration_minutes=45, room=rooms[asha]),
            make_visit(ben, -95, at=at, name="Henrik Abadi", duration_minutes=60, room=rooms[ben]),
            make_visit(ben, -30, at=at, name="Rohan Gill", room=rooms[ben]),
            make_visit(asha, -6, at=at, name="Kavya Iyer", duration_minutes=50, room=rooms[asha]),
            make_visit(ben, 3, at=at, name="Ella Stone", duration_minutes=45, room=rooms[ben]),
            make_visit(
                asha, 54, at=at, name="Tomás Herrera", duration_minutes=50, appointment_type="new_patient",
                insurance_provider="HDFC Ergo", room=rooms[asha],
            ),
            make_visit(asha, 144, at=at, name="Meera Shah", appointment_type="telemedicine", status="confirmed"),
            make_visit(asha, 204, at=at, name="Joseph Tan", allergies="Penicillin", duration_minutes=50, room=rooms[asha]),
            make_visit(ben, 205, at=at, name="Sofia Khan", status="confirmed", room=rooms[ben]),
            make_visit(asha, 290, at=at, name="Leila Farouk", status="confirmed", room=rooms[asha]),
        )
    }  # fmt: skip
    for name, visit in day.items():
        if name not in ("Tomás", "Leila"):
            for kind in ("recording", "treatment", *(["telehealth"] if name == "Meera" else [])):
                record_consent(visit.patient, kind, method="written", by=rita, at=at)
    _hold(day["Priya"], asha, rita, at=at - timedelta(minutes=178), leaves=True)
    _hold(day["Henrik"], ben, rita, at=at - timedelta(minutes=90), leaves=False)
    stages.check_in(day["Ella"], by=rita, at=at - timedelta(minutes=21))
    stages.check_in(day["Kavya"], by=rita, at=at - timedelta(minutes=12))
    desk.note_walk_in(note="", by=rita, at=at - timedelta(minutes=3))
    make_bill(ben, patient=day["Sofia"].patient, status="overdue", total="2500.00", at=at)
    tell(day["Joseph"], at=at - timedelta(days=1))
    tell(day["Meera"], at=at - timedelta(days=1))
    return day


def tell(visit: Appointment, *, at: datetime) -> None:
    """Let a reminder of a visit have gone out."""
    AppointmentMessage.objects.create(
        appointment=visit, patient=visit.patient, kind="reminder", channel="sms", status="sent", due_at=at, sent_at=at
    )


def _hold(visit: Appointment, doctor: User, desk_person: User, *, at: datetime, leaves: bool) -> None:
    """Walk a visit through its session, and out when its patient leaves."""
    stages.check_in(visit, by=desk_person, at=at)
    session = workflows.start_consultation(visit.patient_id, visit.pk, by=doctor, at=at, with_recording=False)
    bill = workflows.complete_consultation(session, by=doctor, at=at + timedelta(minutes=45))
    if leaves:
        moment = at + timedelta(minutes=48)
        payments.record_payment(bill, amount=bill.total_amount, method="cash", by=desk_person, at=moment)
        stages.check_out(visit, by=desk_person, at=moment, took_place=True)
