"""The rules of booking, moving, cancelling and closing visits."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from patients.models import Patient, PatientAccess
from patients.services import archive_patient
from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.services import appointments as services
from scheduling.services.appointments import BadTime, SessionRunning, SlotTaken
from scheduling.tests.factories import make_appointment
from sessions_app import services as sessions
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, DomainError, InvalidTransition, NotAllowed

Status = Appointment.Status

VERBS = {
    Status.CONFIRMED: lambda visit, by, at: services.confirm_appointment(visit, by=by, at=at),
    Status.CANCELLED: lambda visit, by, at: services.cancel_appointment(visit, reason="Ill", by=by, at=at),
    Status.RESCHEDULED: lambda visit, by, at: services.reschedule_appointment(
        visit, scheduled_at=at + timedelta(days=9), reason="", by=by, at=at
    ),
    Status.COMPLETED: lambda visit, by, at: services.complete_appointment(visit, by=by, at=at),
    Status.NO_SHOW: lambda visit, by, at: services.mark_no_show(visit, by=by, at=at),
}


def test_a_booking_stores_its_end_zone_and_booker_and_writes_the_trail(asha, rita, now):
    patient = make_patient(doctor=asha)

    visit = services.schedule_appointment(
        patient,
        doctor=asha,
        scheduled_at=now + timedelta(days=1),
        duration_minutes=40,
        appointment_type=Appointment.Type.CONSULTATION,
        chief_complaint="Poor sleep",
        by=rita,
        at=now,
    )

    visit.refresh_from_db()
    assert visit.status == Status.SCHEDULED
    assert visit.ends_at - visit.scheduled_at == timedelta(minutes=40)
    assert (visit.timezone, visit.booked_by, visit.chief_complaint) == ("Asia/Kolkata", rita, "Poor sleep")
    event = AuditEvent.objects.filter(target_id=str(visit.pk)).get()
    assert (event.action, event.detail, event.patient_id) == ("create", {"verb": "schedule"}, patient.pk)


def test_the_zone_of_a_visit_is_the_doctors_own_when_there_is_one(asha, now):
    asha.profile.timezone = "Europe/Berlin"
    asha.profile.save()

    visit = make_appointment(asha)

    assert visit.timezone == "Europe/Berlin"


def test_a_doctor_books_in_the_own_calendar_only(asha, ben, now):
    patient = make_patient(doctor=asha)

    with pytest.raises(NotAllowed):
        make_appointment(ben, patient=patient, by=asha)


def test_a_visit_needs_a_doctor(asha, rita, omar, now):
    with pytest.raises(DomainError, match="doctor who works here"):
        make_appointment(omar, patient=make_patient(doctor=asha), by=rita)


def test_a_visit_with_a_doctor_who_left_is_refused(asha, ben, rita):
    ben.is_active = False
    ben.save()

    with pytest.raises(DomainError, match="doctor who works here"):
        make_appointment(ben, patient=make_patient(doctor=asha), by=rita)


def test_an_archived_patient_is_not_booked(asha, now):
    patient = archive_patient(make_patient(doctor=asha), by=asha, at=now)

    with pytest.raises(Conflict, match="archived"):
        make_appointment(asha, patient=patient)


@pytest.mark.parametrize("minutes", [0, 4, 481])
def test_a_visit_takes_five_minutes_to_eight_hours(asha, minutes):
    with pytest.raises(BadTime):
        make_appointment(asha, duration_minutes=minutes)


def test_a_time_that_is_over_is_not_booked_but_one_that_runs_is(asha, now):
    with pytest.raises(BadTime):
        make_appointment(asha, scheduled_at=now - timedelta(minutes=50), at=now)

    assert make_appointment(asha, scheduled_at=now - timedelta(minutes=49), at=now).pk


def test_a_doctor_has_one_visit_at_a_time(asha, now):
    taken = make_appointment(asha)

    with pytest.raises(SlotTaken, match="doctor"):
        make_appointment(asha, scheduled_at=taken.scheduled_at + timedelta(minutes=49))


def test_a_patient_has_one_visit_at_a_time_whoever_the_doctor_is(asha, ben, rita):
    taken = make_appointment(asha)

    with pytest.raises(SlotTaken, match="patient"):
        make_appointment(ben, patient=taken.patient, scheduled_at=taken.scheduled_at, by=rita)


def test_a_visit_may_begin_when_another_ends(asha):
    first = make_appointment(asha)

    assert make_appointment(asha, scheduled_at=first.ends_at).pk


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.RESCHEDULED, Status.NO_SHOW])
def test_a_visit_that_fell_away_frees_its_time(asha, now, status):
    gone = make_appointment(asha, scheduled_at=now - timedelta(hours=1), status=status)

    again = make_appointment(asha, scheduled_at=gone.scheduled_at, at=gone.created_at - timedelta(days=1))

    assert again.status == Status.SCHEDULED


@pytest.mark.parametrize("column", ["doctor", "patient"])
def test_the_database_itself_refuses_an_overlap(asha, ben, rita, column):
    taken = make_appointment(asha)
    other = make_appointment(ben, by=rita)

    with pytest.raises(IntegrityError, match=f"appointment_{column}_overlap"), transaction.atomic():
        Appointment.objects.filter(pk=other.pk).update(
            **{column: getattr(taken, column)}, scheduled_at=taken.scheduled_at, ends_at=taken.ends_at
        )


def test_the_database_lets_an_overbooked_visit_stand(asha):
    taken = make_appointment(asha)
    other = make_appointment(asha)

    changed = Appointment.objects.filter(pk=other.pk).update(
        overbooked=True, scheduled_at=taken.scheduled_at, ends_at=taken.ends_at
    )

    assert changed == 1


@pytest.mark.parametrize("start", list(Status))
@pytest.mark.parametrize("verb", list(VERBS))
def test_every_step_is_in_the_table_or_refused(asha, now, start, verb):
    visit = make_appointment(asha, scheduled_at=now - timedelta(hours=2), status=start)

    if verb in Appointment.TRANSITIONS[start]:
        VERBS[verb](visit, asha, now)
        visit.refresh_from_db()
        assert visit.status == verb
    else:
        with pytest.raises(InvalidTransition):
            VERBS[verb](visit, asha, now)
        visit.refresh_from_db()
        assert visit.status == start


def test_a_confirmation_says_who_and_when(asha, rita, now):
    visit = services.confirm_appointment(make_appointment(asha), by=rita, at=now)

    assert (visit.confirmed_by, visit.confirmed_at) == (rita, now)


def test_a_cancellation_needs_a_reason_and_keeps_it(asha, now):
    visit = make_appointment(asha)

    with pytest.raises(DomainError, match="Say why"):
        services.cancel_appointment(visit, reason="  ", by=asha, at=now)
    services.cancel_appointment(visit, reason=" Has a fever ", by=asha, at=now)

    visit.refresh_from_db()
    assert (visit.cancellation_reason, visit.cancelled_by, visit.cancelled_at) == ("Has a fever", asha, now)


def test_a_stranger_changes_no_visit(asha, ben, now):
    visit = make_appointment(asha)

    for verb in VERBS.values():
        with pytest.raises(NotAllowed):
            verb(visit, ben, now)


def test_nobody_missed_a_visit_that_is_still_to_come(asha, now):
    with pytest.raises(Conflict):
        services.mark_no_show(make_appointment(asha), by=asha, at=now)


def test_a_moved_visit_is_linked_both_ways_and_carries_what_was_agreed(asha, rita, now):
    old = make_appointment(asha, chief_complaint="Panic", location="Room 2", appointment_type="telemedicine")
    later = old.scheduled_at + timedelta(days=2)

    new = services.reschedule_appointment(old, scheduled_at=later, reason="Travels", by=rita, at=now)

    old.refresh_from_db()
    assert (old.status, old.rescheduled_to, old.reschedule_reason) == (Status.RESCHEDULED, new, "Travels")
    assert (new.status, new.rescheduled_from, new.scheduled_at) == (Status.SCHEDULED, old, later)
    assert (new.chief_complaint, new.location, new.appointment_type) == ("Panic", "Room 2", "telemedicine")
    assert new.booked_by == rita


def test_a_visit_may_move_by_less_than_its_own_length(asha, now):
    old = make_appointment(asha)

    new = services.reschedule_appointment(
        old, scheduled_at=old.scheduled_at + timedelta(minutes=15), reason="", by=asha, at=now
    )

    assert new.scheduled_at == old.scheduled_at + timedelta(minutes=15)


def test_a_move_to_a_taken_time_leaves_the_old_visit_standing(asha, now):
    old, taken = make_appointment(asha), make_appointment(asha)

    with pytest.raises(SlotTaken):
        services.reschedule_appointment(old, scheduled_at=taken.scheduled_at, reason="", by=asha, at=now)

    old.refresh_from_db()
    assert (old.status, old.rescheduled_to) == (Status.SCHEDULED, None)


def test_booking_with_another_doctor_opens_the_record_to_that_doctor(asha, ben, rita):
    patient = make_patient(doctor=asha)

    make_appointment(ben, patient=patient, by=rita)

    assert Patient.objects.visible_to(ben).filter(pk=patient.pk).exists()


def test_cancelling_the_only_visit_closes_the_record_again(asha, ben, rita, now):
    visit = make_appointment(ben, patient=make_patient(doctor=asha), by=rita)

    services.cancel_appointment(visit, reason="Wrong doctor", by=rita, at=now)

    assert not Patient.objects.visible_to(ben).filter(pk=visit.patient_id).exists()
    assert Patient.objects.visible_to(asha).filter(pk=visit.patient_id).exists()


def test_cancelling_one_of_two_visits_leaves_the_record_open(asha, ben, rita, now):
    patient = make_patient(doctor=asha)
    first = make_appointment(ben, patient=patient, by=rita)
    make_appointment(ben, patient=patient, by=rita)

    services.cancel_appointment(first, reason="Twice booked", by=rita, at=now)

    assert Patient.objects.visible_to(ben).filter(pk=patient.pk).exists()


def test_moving_a_visit_keeps_the_record_open(asha, ben, rita, now):
    visit = make_appointment(ben, patient=make_patient(doctor=asha), by=rita)

    services.reschedule_appointment(
        visit, scheduled_at=visit.scheduled_at + timedelta(days=1), reason="", by=rita, at=now
    )

    access = PatientAccess.objects.get(patient=visit.patient, doctor=ben)
    assert access.ended_at is None


def begin(visit, doctor, now):
    session = sessions.start_session(visit.patient, by=doctor, at=now)
    return services.link_session(visit, session, by=doctor, at=now).session


def test_a_visit_whose_session_runs_is_neither_moved_nor_closed(asha, now):
    visit = make_appointment(asha, scheduled_at=now - timedelta(minutes=5))
    begin(visit, asha, now)

    for status in (Status.CANCELLED, Status.RESCHEDULED, Status.COMPLETED, Status.NO_SHOW):
        with pytest.raises(SessionRunning):
            VERBS[status](visit, asha, now)


def test_a_stale_copy_of_a_visit_does_not_hide_its_session(asha, now):
    visit = make_appointment(asha, scheduled_at=now - timedelta(minutes=5))
    stale = Appointment.objects.get(pk=visit.pk)
    begin(visit, asha, now)

    with pytest.raises(SessionRunning):
        services.cancel_appointment(stale, reason="Stale", by=asha, at=now)


def test_a_visit_can_begin_again_after_its_session_was_cancelled(asha, now):
    visit = make_appointment(asha, scheduled_at=now - timedelta(minutes=5))
    first = begin(visit, asha, now)
    sessions.cancel_session(first, by=asha, at=now)

    second = begin(visit, asha, now)

    visit.refresh_from_db()
    assert visit.session == second


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.NO_SHOW, Status.COMPLETED, Status.RESCHEDULED])
def test_a_closed_visit_begins_nothing(asha, now, status):
    visit = make_appointment(asha, scheduled_at=now - timedelta(hours=1), status=status)

    assert not services.can_start(visit)
    with pytest.raises(Conflict):
        begin(visit, asha, now)
