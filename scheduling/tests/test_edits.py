"""Changing a visit without moving it, moving it elsewhere, and taking a change back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from patients.models import Patient
from patients.tests.factories import make_patient
from scheduling.models import Appointment
from scheduling.services import appointments as services
from scheduling.services import edits, undoing
from scheduling.services.slot_checks import BadTime, NotAvailable, SlotTaken
from scheduling.services.undoing import NothingToUndo
from scheduling.tests.factories import make_appointment, make_hours, make_room
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, NotAllowed

Status = Appointment.Status
HOUR = timedelta(hours=1)


@pytest.fixture
def visit(asha, now):
    return make_appointment(asha, scheduled_at=now + 2 * HOUR, at=now)


def test_details_are_changed_and_the_trail_names_the_fields_only(asha, rita, visit, now):
    room = make_room()

    edits.edit_appointment(
        visit, notes="Uses a wheelchair", room=room, copay_amount=Decimal("40.00"), priority="high", by=rita, at=now
    )

    visit.refresh_from_db()
    assert (visit.notes, visit.room, visit.copay_amount, visit.priority) == (
        "Uses a wheelchair",
        room,
        Decimal("40.00"),
        "high",
    )
    event = AuditEvent.objects.filter(target_id=str(visit.pk)).latest("seq")
    assert event.detail == {"verb": "edit", "fields": "copay_amount notes priority room"}


def test_what_did_not_change_leaves_no_trace(visit, rita, now):
    before = AuditEvent.objects.count()

    edits.edit_appointment(visit, notes=visit.notes, by=rita, at=now)

    assert AuditEvent.objects.count() == before


def test_a_taken_room_is_refused_unless_a_reason_is_given(ben, visit, rita, now):
    taken = make_appointment(ben, scheduled_at=visit.scheduled_at, at=now, room=make_room())

    with pytest.raises(SlotTaken, match="room"):
        edits.edit_appointment(visit, room=taken.room, by=rita, at=now)
    visit.refresh_from_db()
    assert visit.room is None
    edits.edit_appointment(visit, room=taken.room, overbooking_reason="Group session", by=rita, at=now)

    visit.refresh_from_db()
    assert (visit.room, visit.overbooked, visit.overbooking_reason) == (taken.room, True, "Group session")


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.RESCHEDULED, Status.NO_SHOW])
def test_a_visit_that_fell_away_is_never_acted_on_again(asha, now, status):
    visit = make_appointment(asha, scheduled_at=now - HOUR, status=status)
    stale = Appointment.objects.get(pk=visit.pk)

    for act in (
        lambda: edits.edit_appointment(stale, notes="x", by=asha, at=now),
        lambda: edits.resize_appointment(stale, duration_minutes=20, by=asha, at=now),
        lambda: services.reschedule_appointment(stale, scheduled_at=now + HOUR, reason="", by=asha, at=now),
        lambda: services.confirm_appointment(stale, by=asha, at=now),
    ):
        with pytest.raises(Conflict):
            act()


def test_the_patients_own_word_is_kept_apart_from_the_staffs(asha, visit, now):
    services.confirm_appointment(visit, by=None, at=now)
    assert (visit.confirmed_by, visit.confirmed_by_patient) == (None, True)

    services.cancel_appointment(visit, reason="Cannot come", by=None, at=now)

    visit.refresh_from_db()
    assert (visit.status, visit.cancelled_by, visit.cancelled_by_patient) == (Status.CANCELLED, None, True)


def test_a_patient_books_and_moves_by_a_link_in_the_name_of_whose_it_is(asha, ben, rita, now):
    visit = services.schedule_appointment(
        make_patient(doctor=asha),
        doctor=ben,
        scheduled_at=now + HOUR,
        duration_minutes=50,
        appointment_type="followup",
        by=None,
        booked_by=rita,
        at=now,
    )
    moved = services.reschedule_appointment(
        visit, scheduled_at=now + 3 * HOUR, doctor=asha, reason="", by=None, booked_by=rita, at=now
    )

    assert (visit.booked_by, moved.booked_by, moved.doctor) == (rita, rita, asha)
    assert AuditEvent.objects.filter(target_id=str(moved.pk)).get().actor_label == "system"


def test_a_visit_grows_in_place_and_keeps_its_confirmation(asha, visit, now):
    services.confirm_appointment(visit, by=asha, at=now)

    edits.resize_appointment(visit, duration_minutes=80, by=asha, at=now)

    visit.refresh_from_db()
    assert (visit.ends_at - visit.scheduled_at, visit.status) == (timedelta(minutes=80), Status.CONFIRMED)


def test_a_visit_does_not_grow_into_the_next_one(asha, visit, now):
    make_appointment(asha, scheduled_at=visit.ends_at, at=now)

    with pytest.raises(SlotTaken):
        edits.resize_appointment(visit, duration_minutes=60, by=asha, at=now)

    visit.refresh_from_db()
    assert visit.duration_minutes == 50


@pytest.mark.parametrize("minutes", [0, 500])
def test_a_length_no_visit_has_is_refused(asha, visit, now, minutes):
    with pytest.raises(BadTime):
        edits.resize_appointment(visit, duration_minutes=minutes, by=asha, at=now)


def test_a_visit_moves_to_another_doctor_and_room(asha, ben, rita, visit, now):
    room = make_room()

    moved = edits.change_slot(
        visit, scheduled_at=visit.scheduled_at, duration_minutes=30, doctor=ben, room=room, by=rita, at=now
    )

    visit.refresh_from_db()
    assert (visit.status, visit.rescheduled_to) == (Status.RESCHEDULED, moved)
    assert (moved.doctor, moved.room, moved.duration_minutes) == (ben, room, 30)
    assert Patient.objects.visible_to(ben).filter(pk=visit.patient_id).exists()


def test_a_doctor_moves_nothing_into_a_colleagues_calendar(asha, ben, visit, now):
    with pytest.raises(NotAllowed):
        services.reschedule_appointment(visit, scheduled_at=now + HOUR, doctor=ben, reason="", by=asha, at=now)


def test_a_length_alone_makes_no_new_visit(asha, visit, now):
    same = edits.change_slot(
        visit, scheduled_at=visit.scheduled_at, duration_minutes=30, doctor=asha, room=None, by=asha, at=now
    )

    assert (same.pk, same.duration_minutes, Appointment.objects.count()) == (visit.pk, 30, 1)


def test_a_move_that_is_refused_leaves_the_copy_in_memory_as_it_was_too(asha, visit, now):
    make_hours(asha, "09:00", "09:30", days=range(7))

    with pytest.raises(NotAvailable):
        services.reschedule_appointment(visit, scheduled_at=visit.scheduled_at + HOUR, reason="", by=asha, at=now)

    assert (visit.status, visit.rescheduled_to) == (Status.SCHEDULED, None)
    visit.refresh_from_db()
    assert visit.status == Status.SCHEDULED


def test_a_move_is_taken_back_with_its_confirmation(asha, ben, rita, visit, now):
    services.confirm_appointment(visit, by=asha, at=now)
    moved = services.reschedule_appointment(
        visit, scheduled_at=now + 5 * HOUR, doctor=ben, reason="Asked", by=rita, at=now
    )

    back = undoing.undo_change(moved, by=rita, at=now)

    assert (back.scheduled_at, back.doctor, back.status) == (visit.scheduled_at, asha, Status.CONFIRMED)
    moved.refresh_from_db()
    assert (moved.status, moved.rescheduled_to) == (Status.RESCHEDULED, back)


def test_a_move_is_not_taken_back_to_a_time_taken_since(asha, rita, visit, now):
    moved = services.reschedule_appointment(visit, scheduled_at=now + 5 * HOUR, reason="", by=rita, at=now)
    make_appointment(asha, scheduled_at=visit.scheduled_at, at=now)

    with pytest.raises(SlotTaken):
        undoing.undo_change(moved, by=rita, at=now)

    moved.refresh_from_db()
    assert moved.status == Status.SCHEDULED


def test_a_longer_visit_becomes_as_long_as_it_was(asha, visit, now):
    edits.resize_appointment(visit, duration_minutes=80, by=asha, at=now)

    undoing.undo_change(visit, by=asha, at=now)

    visit.refresh_from_db()
    assert visit.duration_minutes == 50


@pytest.mark.parametrize("who", ["rita", "asha"])
@pytest.mark.parametrize("minutes", [9, 11])
def test_only_ones_own_change_of_the_last_ten_minutes_is_taken_back(request, asha, rita, visit, now, who, minutes):
    moved = services.reschedule_appointment(visit, scheduled_at=now + 5 * HOUR, reason="", by=rita, at=now)
    cancelled = make_appointment(asha, scheduled_at=now + 9 * HOUR, at=now)
    services.cancel_appointment(cancelled, reason="Ill", by=rita, at=now)
    user, then = request.getfixturevalue(who), now + timedelta(minutes=minutes)

    for changed in (moved, cancelled):
        if who == "rita" and minutes == 9:
            assert undoing.undo_change(changed, by=user, at=then).status == Status.SCHEDULED
        else:
            with pytest.raises(NothingToUndo):
                undoing.undo_change(changed, by=user, at=then)


def test_what_was_done_since_stands(asha, visit, now):
    moved = services.reschedule_appointment(visit, scheduled_at=now + 5 * HOUR, reason="", by=asha, at=now)
    services.confirm_appointment(moved, by=asha, at=now)

    with pytest.raises(NothingToUndo):
        undoing.undo_change(moved, by=asha, at=now)


def test_a_cancelled_visit_is_booked_again_and_stays_cancelled(asha, ben, rita, now):
    visit = make_appointment(
        ben, patient=make_patient(doctor=asha), scheduled_at=now + HOUR, at=now, by=rita, chief_complaint="Panic"
    )
    services.cancel_appointment(visit, reason="Wrong row", by=rita, at=now)
    assert not Patient.objects.visible_to(ben).filter(pk=visit.patient_id).exists()

    again = undoing.undo_change(visit, by=rita, at=now)

    visit.refresh_from_db()
    assert (visit.status, visit.rescheduled_to) == (Status.CANCELLED, again)
    assert (again.scheduled_at, again.chief_complaint, again.rescheduled_from) == (visit.scheduled_at, "Panic", visit)
    assert Patient.objects.visible_to(ben).filter(pk=visit.patient_id).exists()
    with pytest.raises(NothingToUndo):
        undoing.restore_cancelled(visit, by=rita, at=now)


def test_a_no_show_stands_again_on_its_day_while_its_time_is_free(asha, rita, now):
    start = now.replace(hour=4, minute=0)  # a morning at the clinic
    late, replaced = (
        make_appointment(asha, scheduled_at=start + number * HOUR, status=Status.NO_SHOW) for number in (0, 2)
    )
    make_appointment(asha, scheduled_at=replaced.scheduled_at, at=start)

    with pytest.raises(NothingToUndo):
        undoing.undo_no_show(late, by=rita, at=start + timedelta(days=1))
    with pytest.raises(SlotTaken):
        undoing.undo_no_show(replaced, by=rita, at=start + 3 * HOUR)
    undoing.undo_no_show(late, by=rita, at=start + 3 * HOUR)

    late.refresh_from_db()
    assert late.status == Status.SCHEDULED
