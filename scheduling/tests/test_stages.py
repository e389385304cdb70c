"""The stages of a visit at the desk, and what the desk does around one."""

import threading
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection

from patients.tests.factories import make_patient
from scheduling.changes import calendar_revision
from scheduling.models import Appointment, WalkIn
from scheduling.services import appointments, desk, stages
from scheduling.services.stages import ARRIVED, CHECKED_OUT, IN_ROOM, SEEN, WrongStage
from scheduling.tests.factories import make_appointment
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

VERBS = {
    ARRIVED: stages.check_in,
    IN_ROOM: stages.show_in,
    SEEN: stages.seen,
    CHECKED_OUT: lambda visit, by, at: stages.check_out(visit, by=by, at=at, took_place=False),
}


@pytest.fixture
def visit(asha, now):
    return make_appointment(asha, scheduled_at=now + timedelta(minutes=20))


def walk_to(visit, last, *, by, at):
    for stage in stages.STAGES[: stages.STAGES.index(last) + 1] if last else []:
        VERBS[stage](visit, by=by, at=at)


def verbs_of(visit):
    events = AuditEvent.objects.filter(target_id=str(visit.pk)).order_by("seq")
    return [event.detail["verb"] for event in events]


def test_the_stages_follow_each_other_and_each_is_told_once(visit, rita, now):
    revision = calendar_revision()

    stages.check_in(visit, by=rita, at=now)
    stages.show_in(visit, by=rita, at=now + timedelta(minutes=21))
    stages.seen(visit, by=rita, at=now + timedelta(minutes=70))
    stages.check_out(visit, by=rita, at=now + timedelta(minutes=80), took_place=True)

    visit.refresh_from_db()
    waited = [getattr(visit, stage.field) - now for stage in stages.STAGES]
    assert [wait // timedelta(minutes=1) for wait in waited] == [0, 21, 70, 80]
    assert visit.status == Appointment.Status.COMPLETED
    assert verbs_of(visit) == ["schedule", "arrive", "show_in", "seen", "complete", "check_out"]
    assert calendar_revision() == revision + 5


@pytest.mark.parametrize("last", [None, *stages.STAGES], ids=lambda stage: stage.verb if stage else "none")
@pytest.mark.parametrize("pressed", stages.STAGES, ids=lambda stage: stage.verb)
def test_only_the_next_stage_can_be_pressed(visit, rita, now, last, pressed):
    walk_to(visit, last, by=rita, at=now)
    reached = stages.STAGES.index(last) if last else -1
    # Checking out counts whoever is in the room as seen.
    is_allowed = stages.STAGES.index(pressed) == reached + 1 or (last == IN_ROOM and pressed == CHECKED_OUT)

    if is_allowed:
        VERBS[pressed](visit, by=rita, at=now)
        visit.refresh_from_db()
        assert stages.stage_of(visit) == pressed
    else:
        with pytest.raises(WrongStage):
            VERBS[pressed](visit, by=rita, at=now)
        visit.refresh_from_db()
        assert stages.stage_of(visit) == last


def test_a_visit_of_another_day_or_a_cancelled_one_is_not_checked_in(asha, rita, now):
    tomorrow = make_appointment(asha, scheduled_at=now + timedelta(hours=26))
    cancelled = make_appointment(asha, scheduled_at=now + timedelta(hours=3), status="cancelled")

    with pytest.raises(WrongStage, match="another day"):
        stages.check_in(tomorrow, by=rita, at=now)
    with pytest.raises(WrongStage, match="cancelled"):
        stages.check_in(cancelled, by=rita, at=now)


def test_who_has_arrived_cannot_have_failed_to_come(asha, rita, now):
    visit = make_appointment(asha, scheduled_at=now - timedelta(minutes=5))
    stale = Appointment.objects.get(pk=visit.pk)
    stages.check_in(visit, by=rita, at=now)

    with pytest.raises(Conflict, match="checked in"):
        appointments.mark_no_show(stale, by=rita, at=now)

    stages.undo_stage(visit, ARRIVED, by=rita, at=now)
    assert appointments.mark_no_show(stale, by=rita, at=now).status == Appointment.Status.NO_SHOW


@pytest.mark.parametrize("last", stages.STAGES, ids=lambda stage: stage.verb)
def test_the_last_stage_is_taken_back_once(visit, rita, now, last):
    walk_to(visit, last, by=rita, at=now)
    before = stages.STAGES.index(last)

    stages.undo_stage(visit, last, by=rita, at=now)

    visit.refresh_from_db()
    assert stages.stage_of(visit) == (stages.STAGES[before - 1] if before else None)
    assert verbs_of(visit)[-1] == "undo_stage"
    with pytest.raises(WrongStage):
        stages.undo_stage(visit, last, by=rita, at=now)


def test_the_doctor_presses_for_their_own_visits_only(visit, asha, ben, now):
    stages.check_in(visit, by=asha, at=now)

    with pytest.raises(NotAllowed):
        stages.show_in(visit, by=ben, at=now)
    with pytest.raises(NotAllowed):
        stages.undo_stage(visit, ARRIVED, by=ben, at=now)


def test_the_wait_lasts_from_arriving_to_the_room(visit, rita, now):
    assert stages.waiting_minutes(visit, now) is None

    stages.check_in(visit, by=rita, at=now)
    assert stages.waiting_minutes(visit, now + timedelta(minutes=6, seconds=59)) == 6

    stages.show_in(visit, by=rita, at=now + timedelta(minutes=7))
    assert stages.waiting_minutes(visit, now + timedelta(minutes=9)) is None


def test_a_visit_without_a_session_stays_open_unless_the_desk_says_it_took_place(visit, rita, now):
    walk_to(visit, CHECKED_OUT, by=rita, at=now)

    visit.refresh_from_db()
    assert visit.status == Appointment.Status.SCHEDULED
    assert visit.seen_at == now


@pytest.mark.django_db(transaction=True)
def test_of_two_desks_that_press_at_once_one_is_told(visit, rita, omar, now):
    outcomes, barrier = [], threading.Barrier(2)

    def press(person):
        mine = Appointment.objects.get(pk=visit.pk)
        barrier.wait()
        try:
            stages.check_in(mine, by=person, at=now)
            outcomes.append("done")
        except WrongStage as error:
            outcomes.append(str(error))
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=press, args=(person,)) for person in (rita, omar)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told, done = sorted(outcomes)
    assert done == "done"
    assert "somebody was faster" in told
    assert verbs_of(visit).count("arrive") == 1


def receive(patient, doctor, by, at, **fields):
    values = {"doctor": doctor, "appointment_type": "consultation", "duration_minutes": 30, "by": by, "at": at}
    return desk.receive_walk_in(patient, **values | fields)


def test_a_walk_in_has_a_visit_that_begins_now_and_is_here(asha, rita, now):
    visit = receive(make_patient(doctor=asha), asha, rita, now)

    visit.refresh_from_db()
    assert (visit.is_walk_in, visit.overbooked, visit.arrived_at) == (True, False, now)
    assert visit.scheduled_at == now.replace(second=0, microsecond=0)
    assert verbs_of(visit) == ["schedule", "arrive"]


def test_a_walk_in_to_a_busy_doctor_is_booked_over_the_others_and_says_why(asha, rita, now):
    make_appointment(asha, scheduled_at=now - timedelta(minutes=10))

    visit = receive(make_patient(doctor=asha), asha, rita, now)

    visit.refresh_from_db()
    assert (visit.overbooked, visit.overbooking_reason) == (True, "Walk-in")


def test_who_has_a_visit_today_is_no_walk_in(visit, asha, rita, now):
    with pytest.raises(desk.HasVisitToday) as refused:
        receive(visit.patient, asha, rita, now)

    assert refused.value.visit == visit
    assert Appointment.objects.count() == 1


def test_somebody_without_a_name_waits_until_they_get_a_visit_or_leave(asha, rita, ben, now):
    came = now - timedelta(minutes=3)
    first = desk.note_walk_in(note="Blue coat", by=rita, at=came)
    second = desk.note_walk_in(note="", by=rita, at=now)
    with pytest.raises(NotAllowed):
        desk.note_walk_in(note="", by=ben, at=now)

    visit = receive(make_patient(doctor=asha), asha, rita, now, walk_in=first)
    desk.dismiss_walk_in(second, by=rita, at=now)

    assert visit.arrived_at == came
    assert list(WalkIn.objects.waiting(now - timedelta(hours=1))) == []
    with pytest.raises(Conflict, match="already"):
        receive(make_patient(doctor=asha), asha, rita, now, walk_in=WalkIn.objects.get(pk=first.pk))
    with pytest.raises(Conflict, match="already"):
        desk.dismiss_walk_in(second, by=rita, at=now)
    assert Appointment.objects.count() == 1
    assert list(WalkIn.objects.visible_to(ben)) == []


def test_a_call_is_noted(visit, rita, now):
    desk.note_call(visit, by=rita, at=now)

    visit.refresh_from_db()
    assert visit.called_at == now
    assert verbs_of(visit) == ["schedule", "call"]
