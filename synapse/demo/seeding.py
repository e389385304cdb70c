"""Load the demo clinic: every row through the service a user's click would call, every word by the real engines."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.models import Bill
from billing.services import collecting, corrections, issuing, payments
from patients import services as patients
from patients.consents import services as consents
from patients.consents.given import PLAIN, Given, is_minor
from patients.models import Consent, Patient
from scheduling.models import Appointment
from scheduling.services import appointments as scheduling
from sessions_app.models import ConsultationSession
from synapse import workflows
from synapse.accounts import services as accounts
from synapse.accounts.models import ClinicSettings, User
from synapse.demo import clinic, front_desk, money, paperwork, recorder

VISIT_MINUTES = 50
BOOKED_AHEAD = timedelta(days=14)
FIRST_HOUR = 9


@dataclass
class Seeder:
    """One run of the seeding at a moment; `at` is now, everything else is placed around it."""

    at: datetime
    people: dict[str, User] = field(default_factory=dict)
    patients: dict[str, Patient] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(ClinicSettings.load().timezone)

    def doctor_of(self, key: str) -> User:
        return self.people[next(person.doctor for person in clinic.PATIENTS if person.key == key)]

    def moment(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Return a time of the clinic's day, `days` working days from today (negative: ago)."""
        day = self.at.astimezone(self.zone).date()
        step = timedelta(days=1 if days > 0 else -1)
        while days:
            day += step
            if day.weekday() < 5:
                days -= 1 if step.days > 0 else -1
        return datetime.combine(day, time(hour, minute), tzinfo=self.zone)

    def soon(self) -> datetime:
        """Return the next half hour, but not before the morning: whoever opens the demo finds a visit to start."""
        half_hour = timedelta(minutes=30)
        local = self.at.astimezone(self.zone).replace(second=0, microsecond=0)
        return max(self.moment(0, FIRST_HOUR), local - timedelta(minutes=local.minute % 30) + half_hour)


def seed_clinic(*, password: str, at: datetime) -> None:
    """Load the whole demo clinic into an empty database."""
    seeder = Seeder(at)
    _employ(seeder, password)
    front_desk.open_rooms(seeder)
    _register(seeder)
    paperwork.choose_templates(seeder.people["doctor"], seeder.people["doctor2"], at=at)
    money.open_books(seeder)
    money.remember_months(seeder)
    sessions = [_hold_recorded(seeder, visit) for visit in clinic.RECORDED_VISITS]
    for key, days_ago, hour, bill_state in clinic.UNRECORDED_VISITS:
        _hold_unrecorded(seeder, key, days_ago, hour, bill_state)
    for key, days_ago, hour, outcome in clinic.MISSED_VISITS:
        _miss(seeder, key, days_ago, hour, outcome)
    for key, minutes, kind, confirmed in clinic.TODAYS_VISITS:
        _book_coming(seeder, key, seeder.soon() + timedelta(minutes=minutes), kind, confirmed=confirmed)
    for key, days, hour, minute, kind, confirmed in clinic.COMING_VISITS:
        _book_coming(seeder, key, seeder.moment(days, hour, minute), kind, confirmed=confirmed)
    front_desk.book_series(seeder)
    front_desk.fill_waiting_list(seeder)
    front_desk.begin_day(seeder)
    front_desk.plan_work(seeder)
    money.chase_what_is_late(seeder)
    money.close_days(seeder)
    collecting.mark_overdue(at)
    paperwork.write_transcripts_and_reports(at=at)
    for visit, session in zip(clinic.RECORDED_VISITS, sessions, strict=True):
        paperwork.finish_report(session, visit.report, at=at)
    paperwork.measure_the_built_in_writer(at=at)


def _employ(seeder: Seeder, password: str) -> None:
    for colleague in clinic.COLLEAGUES:
        user = User.objects.create_user(
            username=colleague.username,
            email=f"{colleague.username}@banyan.example",
            password=password,
            role=colleague.role,
            first_name=colleague.first_name,
            last_name=colleague.last_name,
        )
        seeder.people[colleague.username] = user
        profile = {
            "specialization": colleague.specialization,
            "license_number": colleague.license_number,
            "clinic_name": clinic.CLINIC["name"],
            "clinic_address": clinic.CLINIC["address"],
        }
        accounts.update_profile(user, profile, by=user, at=seeder.at)
    accounts.update_clinic(dict(clinic.CLINIC), by=seeder.people["admin"])


def _register(seeder: Seeder) -> None:
    long_ago = seeder.at - timedelta(days=200)
    for person in clinic.PATIENTS:
        doctor = seeder.people[person.doctor]
        patient = patients.register_patient(person.fields, doctor=doctor, by=doctor, at=long_ago)
        seeder.patients[person.key] = patient
        asked_at = seeder.at - timedelta(days=40)
        given = _given_for(patient, at=asked_at)
        for kind in person.consents:
            consents.record_consent(patient, kind, method=Consent.Method.WRITTEN, by=doctor, at=asked_at, given=given)


def _given_for(patient: Patient, *, at: datetime) -> Given:
    """Have a parent agree for whoever was a child when they were asked."""
    if not is_minor(patient, at=at):
        return PLAIN
    return Given(signer_name=patient.emergency_contact_name, signer_relation=Consent.Relation.PARENT)


def _book(seeder: Seeder, key: str, when: datetime, kind: str, *, reason: str = "") -> Appointment:
    return scheduling.schedule_appointment(
        seeder.patients[key],
        doctor=seeder.doctor_of(key),
        scheduled_at=when,
        duration_minutes=VISIT_MINUTES,
        appointment_type=kind,
        by=seeder.people["receptionist"],
        at=min(when, seeder.at) - BOOKED_AHEAD,
        chief_complaint=reason or clinic.REASONS[key],
        room=None if kind == Appointment.Type.TELEMEDICINE else front_desk.room_of(seeder, key),
    )


def _hold_recorded(seeder: Seeder, visit: clinic.RecordedVisit) -> ConsultationSession:
    started_at = seeder.moment(-visit.days_ago, visit.hour)
    doctor = seeder.doctor_of(visit.patient)
    appointment = _book(seeder, visit.patient, started_at, visit.session_type, reason=visit.reason)
    session = workflows.start_consultation(seeder.patients[visit.patient].pk, appointment.pk, by=doctor, at=started_at)
    recorder.record(session, visit.recording, at=started_at)
    bill = workflows.complete_consultation(session, by=doctor, at=started_at + timedelta(minutes=47))
    _bring_bill_to(seeder, bill, visit.bill, at=started_at + timedelta(hours=1))
    return session


def _hold_unrecorded(seeder: Seeder, key: str, days_ago: int, hour: int, bill_state: str) -> None:
    started_at = seeder.moment(-days_ago, hour)
    doctor = seeder.doctor_of(key)
    appointment = _book(seeder, key, started_at, Appointment.Type.FOLLOWUP)
    session = workflows.start_consultation(
        seeder.patients[key].pk, appointment.pk, by=doctor, at=started_at, with_recording=False
    )
    bill = workflows.complete_consultation(session, by=doctor, at=started_at + timedelta(minutes=44))
    _bring_bill_to(seeder, bill, bill_state, at=started_at + timedelta(hours=1))


def _bring_bill_to(seeder: Seeder, bill: Bill, state: str, *, at: datetime) -> None:
    """Walk a drafted bill to a state; `overdue` is left to the sweep, since its due date has passed by itself."""
    desk = seeder.people["receptionist"]
    if state == "pending":
        return
    if state == "cancelled":
        corrections.cancel_bill(bill, reason="The visit was covered by the school.", by=bill.generated_by, at=at)
        return
    issuing.send_bill(bill, by=desk, at=at)
    if state == "partially_paid":
        half = (bill.total_amount / 2).quantize(Decimal(1))
        payments.record_payment(bill, amount=half, method="upi", reference="UPI 4471", by=desk, at=at)
    if state in {"paid", "refunded"}:
        payments.record_payment(bill, amount=bill.total_amount, method="card", reference="", by=desk, at=at)
    if state == "refunded":
        corrections.refund_payment(
            bill,
            amount=bill.total_amount,
            reason="Paid twice: the insurer had settled it.",
            by=seeder.people["admin"],
            at=at + timedelta(days=1),
        )


def _miss(seeder: Seeder, key: str, days_ago: int, hour: int, outcome: str) -> None:
    when = seeder.moment(-days_ago, hour)
    desk = seeder.people["receptionist"]
    appointment = _book(seeder, key, when, Appointment.Type.FOLLOWUP)
    if outcome == "no_show":
        scheduling.mark_no_show(appointment, by=desk, at=when + timedelta(minutes=30))
    elif outcome == "cancelled":
        scheduling.cancel_appointment(appointment, reason="School examination", by=desk, at=when - timedelta(days=1))
    else:
        scheduling.reschedule_appointment(
            appointment,
            scheduled_at=seeder.moment(2, hour),
            reason="Travelling for work",
            by=desk,
            at=when - timedelta(days=1),
        )


def _book_coming(seeder: Seeder, key: str, when: datetime, kind: str, *, confirmed: bool) -> None:
    appointment = _book(seeder, key, when, kind)
    if confirmed:
        scheduling.confirm_appointment(appointment, by=seeder.people["receptionist"], at=seeder.at - timedelta(days=2))
