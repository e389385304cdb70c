"""Rules of a session's life, its recording and its notes."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from patients.models import PatientAccess
from patients.tests.factories import make_patient
from sessions_app import permissions, queries, services
from sessions_app.models import ConsultationSession
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from sessions_app.tests.factories import make_consent, make_session, record_audio
from synapse.audit.models import AuditEvent
from synapse.common.errors import Conflict, InvalidTransition, NotAllowed
from synapse.common.models import Job

pytestmark = pytest.mark.django_db
Status = ConsultationSession.Status


def verbs(session):
    events = AuditEvent.objects.filter(target_id=str(session.pk)).order_by("seq")
    return [event.detail.get("verb", event.action) for event in events]


def test_starting_numbers_the_session_opens_the_record_and_is_audited(asha, now):
    patient = make_patient(doctor=asha)

    session = services.start_session(patient, by=asha, at=now, chief_complaint="Cannot sleep")

    assert session.session_id == f"SESS-{session.session_id[5:9]}0001"
    assert session.status == Status.IN_PROGRESS
    assert PatientAccess.objects.filter(patient=patient, doctor=asha, source="seen", ended_at=None).exists()
    assert verbs(session) == ["create"]


def test_only_a_doctor_starts_and_only_with_an_own_active_patient(asha, ben, rita, omar, now):
    patient = make_patient(doctor=asha)

    for person in (ben, rita, omar):
        with pytest.raises(NotAllowed):
            services.start_session(patient, by=person, at=now)
    patient.archived_at, patient.archived_by = now, asha
    patient.save()
    with pytest.raises(Conflict):
        services.start_session(patient, by=asha, at=now)


def test_a_doctor_has_one_live_session_and_is_told_which(asha, now):
    first = make_session(asha)

    with pytest.raises(services.SessionLive) as refusal:
        services.start_session(make_patient(doctor=asha), by=asha, at=now)

    assert refusal.value.session_id == first.pk
    assert refusal.value.code == "session_live"


@pytest.mark.parametrize("status", ["in_progress", "paused", "error"])
def test_the_database_itself_refuses_a_second_live_session(asha, now, status):
    first = make_session(asha, status=status)

    with pytest.raises(IntegrityError), transaction.atomic():
        ConsultationSession.objects.create(
            session_id="SESS-X", patient=first.patient, doctor=asha, started_at=now, status=Status.IN_PROGRESS
        )


def test_a_finished_session_makes_room_for_the_next(asha, now):
    make_session(asha, status="completed")

    assert services.start_session(make_patient(doctor=asha), by=asha, at=now).is_live


def test_duration_is_end_less_start_less_pauses_in_whole_minutes(asha, now):
    session = make_session(asha, at=now)
    services.pause_session(session, by=asha, at=now + timedelta(minutes=10))
    services.resume_session(session, by=asha, at=now + timedelta(minutes=15, seconds=30))
    services.pause_session(session, by=asha, at=now + timedelta(minutes=30))

    services.complete_session(session, by=asha, at=now + timedelta(minutes=40))

    assert session.paused_seconds == 330 + 600
    assert session.duration_minutes == 24
    assert session.ended_at == now + timedelta(minutes=40)


def test_a_repeated_client_id_changes_nothing(asha, now):
    session = make_session(asha)
    services.pause_session(session, by=asha, at=now, cid="c1", clock_ms=4_000)

    services.pause_session(session, by=asha, at=now, cid="c1", clock_ms=9_000)

    assert list(session.events.values_list("kind", "at_ms")) == [("pause", 4_000)]
    assert verbs(session) == ["create", "pause"]


STEPS = {
    "pause": lambda session, **given: services.pause_session(session, **given),
    "resume": lambda session, **given: services.resume_session(session, **given),
    "complete": lambda session, **given: services.complete_session(session, **given),
    "cancel": lambda session, **given: services.cancel_session(session, **given),
}
ALLOWED = {
    "in_progress": {"pause", "complete", "cancel"},
    "paused": {"resume", "complete", "cancel"},
    "error": {"resume", "complete", "cancel"},
    "completed": set(),
    "cancelled": set(),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", ALLOWED)
def test_every_step_from_every_state(asha, now, status, step):
    session = make_session(asha, status=status)

    if step in ALLOWED[status]:
        STEPS[step](session, by=asha, at=now)
    else:
        with pytest.raises(InvalidTransition):
            STEPS[step](session, by=asha, at=now)
        session.refresh_from_db()
        assert session.status == status


@pytest.mark.parametrize("step", STEPS)
def test_only_the_sessions_doctor_changes_it(asha, ben, omar, now, step):
    session = make_session(asha)

    for person in (ben, omar):
        with pytest.raises(NotAllowed):
            STEPS[step](session, by=person, at=now)


def test_a_stale_copy_loses(asha, now):
    session = make_session(asha)
    stale = ConsultationSession.objects.get(pk=session.pk)
    services.complete_session(session, by=asha, at=now)

    with pytest.raises(InvalidTransition):
        services.pause_session(stale, by=asha, at=now)


def test_a_failure_is_said_once_and_can_be_gone_on_from(asha, now):
    session = make_session(asha)
    services.fail_session(session, reason="storage_full", at=now)
    services.fail_session(session, reason="storage_full", at=now)

    assert (session.status, session.status_reason) == ("error", "storage_full")
    services.resume_session(session, by=asha, at=now)
    assert (session.status, session.status_reason) == ("in_progress", "")
    assert verbs(session) == ["create", "fail", "resume"]


def test_completing_queues_the_words_of_a_recording(asha, now):
    session = make_session(asha)
    record_audio(session)

    services.complete_session(session, by=asha, at=now)

    transcription = session.transcriptions.get()
    job = Job.objects.get(object_id=transcription.pk)
    assert (job.kind, job.runner) == ("sessions_app.tasks.transcribe", "speech")


def test_completing_without_a_recording_queues_nothing(asha, now):
    session = make_session(asha)

    services.complete_session(session, by=asha, at=now)

    assert not session.transcriptions.exists()
    assert not Job.objects.exists()


def test_completing_goes_on_with_the_row_of_the_live_pass(asha, now):
    from sessions_app.transcripts import services as transcripts

    session = make_session(asha)
    record_audio(session)
    live = transcripts.open_live(session)

    services.complete_session(session, by=asha, at=now)

    assert session.transcriptions.get() == live


def test_completing_in_a_pause_counts_no_time_after_the_pause_as_lost(asha, now):
    session = make_session(asha, at=now)
    recordings.open_stream(session, by=asha, at=now)
    services.pause_session(session, by=asha, at=now + timedelta(seconds=3))

    services.complete_session(session, by=asha, at=now + timedelta(minutes=9))

    gap = queries.gaps_of(session).get()
    assert (gap.at_ms, gap.until_ms) == (0, 3_000)


def test_after_finish_nothing_is_lost(asha, now):
    session = make_session(asha)
    record_audio(session)

    services.complete_session(session, by=asha, at=now + timedelta(minutes=5))

    assert not queries.gaps_of(session).exists()


@pytest.mark.django_db(transaction=True)
def test_cancelling_erases_the_recording(asha, now):
    session = make_session(asha)
    record_audio(session)

    services.cancel_session(session, by=asha, at=now)

    assert not spool.default_store().exists(session.pk)
    assert not queries.has_audio(session)
    assert not session.transcriptions.exists()


def test_sessions_left_open_for_twelve_hours_are_found(asha, ben, now):
    left = make_session(asha, at=now - timedelta(hours=13))
    make_session(ben, at=now - timedelta(hours=1))

    found = queries.abandoned_sessions(queries.abandoned_before(now))

    assert found == [left]
    left.last_audio_at = now
    left.save()
    assert queries.abandoned_sessions(queries.abandoned_before(now)) == []


def test_recording_asks_for_doctor_state_and_consent(asha, ben, now):
    session = make_session(asha, consent=False)

    with pytest.raises(permissions.NoConsent):
        permissions.check_can_record(asha, session, at=now)
    consent = make_consent(session.patient, by=asha)
    permissions.check_can_record(asha, session, at=now)
    with pytest.raises(NotAllowed):
        permissions.check_can_record(ben, session, at=now)
    consent.expires_at = now
    consent.save()
    with pytest.raises(permissions.NoConsent):
        permissions.check_can_record(asha, session, at=now)
    services.complete_session(session, by=asha, at=now)
    with pytest.raises(permissions.StreamOver):
        permissions.check_can_record(asha, session, at=now)


@pytest.mark.django_db(transaction=True)
def test_withdrawing_stops_the_recording_and_drops_what_arrived_after(asha, now):
    session = make_session(asha)
    recordings.open_stream(session, by=asha, at=now)
    writer = spool.default_store().writer(session.pk)
    ended_ms = round(now.timestamp() * 1000)
    writer.append(0, 0, b"\1\0" * 3200, arrived_ms=ended_ms - 500)
    writer.append(1, 200, b"\1\0" * 3200, arrived_ms=ended_ms + 500)
    writer.commit()
    writer.close()

    recordings.stop_recordings_of(session.patient_id, by=asha, at=now)

    session.refresh_from_db()
    assert not session.with_recording
    assert session.status_reason == "consent_withdrawn"
    assert session.status == Status.IN_PROGRESS
    assert spool.default_store().timeline(session.pk).last_seq == 0
    with pytest.raises(NotAllowed):
        permissions.check_can_record(asha, session, at=now)


def test_a_finished_recording_does_not_start_again(asha, now):
    session = make_session(asha)
    record_audio(session)

    with pytest.raises(permissions.StreamOver):
        recordings.start_recording(session, by=asha, at=now)


def test_the_streams_token_is_stored_hashed(asha, now):
    session = make_session(asha)

    token = recordings.open_stream(session, by=asha, at=now)

    assert token not in session.stream_token_hash
    assert recordings.holds_stream(session, token)
    assert not recordings.holds_stream(session, "another")
    assert not recordings.holds_stream(session, "")


def test_notes_saved_twice_are_one_change(asha, now):
    session = make_session(asha)
    first = services.save_pad(session, "session_notes", text="Calm", based_on=None, by=asha, at=now)

    again = services.save_pad(
        session, "session_notes", text="Calm", based_on=None, by=asha, at=now + timedelta(minutes=1)
    )

    session.refresh_from_db()
    assert again == first == session.notes_saved_at == now


def test_the_private_context_is_a_pad_of_its_own(asha, now):
    session = make_session(asha)
    services.save_pad(session, "session_notes", text="Calm", based_on=None, by=asha, at=now)

    services.save_pad(session, "private_context", text="Is in a custody dispute", based_on=None, by=asha, at=now)

    session.refresh_from_db()
    assert (session.session_notes, session.private_context) == ("Calm", "Is in a custody dispute")


def test_only_the_sessions_doctor_writes_and_releases_the_context(asha, ben, omar, now):
    session = make_session(asha)

    for stranger in (ben, omar):
        with pytest.raises(NotAllowed):
            services.save_pad(session, "private_context", text="x", based_on=None, by=stranger, at=now)
        with pytest.raises(NotAllowed):
            services.allow_context(session, is_allowed=True, by=stranger, at=now)


def test_notes_saved_elsewhere_are_not_written_over(asha, now):
    session = make_session(asha)
    services.save_pad(session, "session_notes", text="Calm", based_on=None, by=asha, at=now)

    with pytest.raises(services.NotesConflict) as conflict:
        services.save_pad(session, "session_notes", text="Tense", based_on=None, by=asha, at=now)

    assert (conflict.value.text, conflict.value.saved_at) == ("Calm", now)


def test_no_audit_row_holds_what_was_written(asha, now):
    session = make_session(asha, chief_complaint="SECRETWORD")
    services.save_pad(session, "session_notes", text="SECRETWORD", based_on=None, by=asha, at=now)

    rows = [str(list(row)) for row in AuditEvent.objects.values_list()]

    assert not any("SECRETWORD" in row for row in rows)


def test_a_mark_belongs_to_a_session_that_runs(asha, now):
    session = make_session(asha, status="completed")

    with pytest.raises(Conflict):
        services.add_mark(session, kind="risk", cid="c", clock_ms=1, by=asha, at=now)


def test_the_pill_tells_recording_paused_and_unrecorded_apart(asha, now):
    from sessions_app.navigation import live_session_for_chip

    session = make_session(asha, at=timezone.now() - timedelta(seconds=90))

    unrecorded = live_session_for_chip(asha)
    recordings.open_stream(session, by=asha, at=now)
    recorded = live_session_for_chip(asha)
    services.pause_session(session, by=asha, at=now)
    paused = live_session_for_chip(asha)

    assert (unrecorded.is_recorded, unrecorded.seconds in range(89, 95)) == (False, True)
    assert (recorded.is_recorded, recorded.is_paused) == (True, False)
    assert paused.is_paused
