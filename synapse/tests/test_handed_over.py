"""Handing patients over with their visits, and what the giver can still read."""

from datetime import timedelta

from patients.models import Patient
from patients.tests.factories import make_patient
from reports.models import Report
from reports.tests.factories import make_report
from scheduling.models import Appointment
from scheduling.tests.factories import make_appointment
from synapse import workflows


def give(patients, asha, ben, now, *, days):
    return workflows.hand_over_patients(
        patients,
        from_doctor=asha,
        to_doctor=ben,
        ends_at=now + timedelta(days=days) if days else None,
        reason="Leave",
        move_visits=True,
        by=asha,
        at=now,
    )


def test_visits_within_the_cover_move_where_the_colleague_is_free(asha, ben, now):
    patient = make_patient(asha)
    day = now.replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=2)
    free, taken = (
        make_appointment(asha, patient=patient, scheduled_at=day + timedelta(hours=hours)) for hours in (0, 2)
    )
    later = make_appointment(asha, patient=patient, scheduled_at=day + timedelta(days=20))
    make_appointment(ben, scheduled_at=taken.scheduled_at)

    done = give(None, asha, ben, now, days=7)

    moved = Appointment.objects.get(rescheduled_from=free)
    assert (moved.doctor, moved.scheduled_at, done.moved) == (ben, free.scheduled_at, 1)
    assert [(visit.pk, "another visit" in reason) for visit, reason in done.left] == [(taken.pk, True)]
    assert [visit.pk for visit in workflows.visits_left(done.handover, at=now)] == [taken.pk]
    later.refresh_from_db()
    assert later.status == "scheduled"


def test_for_good_the_giver_still_reads_what_she_signed(asha, ben, now):
    report = make_report(asha, status="signed")
    patient = report.session.patient
    visit = make_appointment(asha, patient=patient)

    give([patient], asha, ben, now, days=None)

    assert not Patient.objects.visible_to(asha).exists()
    assert Appointment.objects.get(rescheduled_from=visit).doctor == ben
    assert Report.objects.visible_to(asha).get() == Report.objects.visible_to(ben).get() == report


def test_a_visit_that_stays_keeps_the_record_open_to_the_giver(asha, ben, now):
    patient = make_patient(asha)
    visit = make_appointment(asha, patient=patient)
    make_appointment(ben, scheduled_at=visit.scheduled_at)

    done = give([patient], asha, ben, now, days=None)

    assert [left.pk for left, _ in done.left] == [visit.pk]
    assert Patient.objects.visible_to(asha).get() == patient
