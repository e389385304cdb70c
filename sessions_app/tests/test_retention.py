"""When a recording is deleted, as a table of what is known and what follows."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from sessions_app import services
from sessions_app.recordings import retention
from sessions_app.recordings.retention import Facts, Hold, Plan, Rule, decide
from sessions_app.tests.factories import make_consent, make_session, make_transcription, record_audio
from synapse.accounts.models import ClinicSettings

pytestmark = pytest.mark.django_db

ENDED = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLINIC = {"retention": "keep", "days": 30, "is_patients_own": False, "most_days": 30}


def day(number):
    return ENDED + timedelta(days=number)


def plan(**known):
    return decide(Facts(**{"recorded_until": ENDED, "is_agreed": False, **CLINIC, **known}))


AGREED = {"is_agreed": True}
SIGNED = {"signed_at": day(3)}
OWN_WEEK = {"retention": "days", "days": 7, "is_patients_own": True}
OWN_YEAR = {"retention": "days", "days": 365, "is_patients_own": True}
DAYS = {"retention": "days", "days": 30}
AT_SIGNING = {"retention": "after_signing"}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        # Without consent: at signing, at the latest after the clinic's days; only a shorter rule changes that.
        ({}, Plan(Rule.NO_CONSENT, day(30), Rule.NO_CONSENT)),
        (SIGNED, Plan(Rule.NO_CONSENT, day(3))),
        ({"signed_at": day(40)}, Plan(Rule.NO_CONSENT, day(30))),
        (OWN_WEEK, Plan(Rule.PATIENT, day(7), Rule.NO_CONSENT)),
        (OWN_YEAR, Plan(Rule.NO_CONSENT, day(30), Rule.NO_CONSENT)),
        ({**OWN_WEEK, **SIGNED}, Plan(Rule.NO_CONSENT, day(3))),
        ({"most_days": 5}, Plan(Rule.NO_CONSENT, day(5), Rule.NO_CONSENT)),
        # With consent: the patient's rule, else the clinic's.
        (AGREED, Plan()),
        ({**AGREED, **SIGNED}, Plan()),
        ({**AGREED, **DAYS}, Plan(Rule.CLINIC, day(30))),
        ({**AGREED, **OWN_YEAR}, Plan(Rule.PATIENT, day(365))),
        ({**AGREED, **OWN_YEAR, **SIGNED}, Plan(Rule.PATIENT, day(365))),
        ({**AGREED, **AT_SIGNING}, Plan(signing_rule=Rule.CLINIC)),
        ({**AGREED, **AT_SIGNING, **SIGNED}, Plan(Rule.CLINIC, day(3))),
        ({**AGREED, **AT_SIGNING, "is_patients_own": True, **SIGNED}, Plan(Rule.PATIENT, day(3))),
        # A consent that ends: from then on as without it.
        ({**AGREED, "agreed_until": day(90)}, Plan(Rule.CONSENT_ENDS, day(90))),
        ({**AGREED, "agreed_until": day(10)}, Plan(Rule.CONSENT_ENDS, day(30))),
        ({**AGREED, "agreed_until": day(10), **SIGNED}, Plan(Rule.CONSENT_ENDS, day(10))),
        ({**AGREED, "agreed_until": day(90), **DAYS}, Plan(Rule.CLINIC, day(30))),
        # No words: nothing will be signed, so the days alone count.
        ({"has_words": False}, Plan(Rule.NO_CONSENT, day(30))),
        ({**AGREED, **AT_SIGNING, "has_words": False}, Plan(Rule.CLINIC, day(30))),
        ({**AGREED, "has_words": False}, Plan()),
    ],
)
def test_the_rule(known, expected):
    assert plan(**known) == expected


@pytest.mark.parametrize("known", [{}, SIGNED, {**AGREED, **OWN_WEEK}])
def test_nothing_goes_while_words_are_written_or_the_session_runs(known):
    writing = plan(are_words_pending=True, **known)
    running = plan(recorded_until=None, **known)

    assert writing.held_by == Hold.WORDS
    assert running.held_by == Hold.SESSION
    assert not writing.is_due(day(10_000))
    assert not running.is_due(day(10_000))
    assert writing.delete_at == plan(**known).delete_at


def test_a_recording_is_due_from_its_moment_on():
    assert not plan().is_due(day(30) - timedelta(seconds=1))
    assert plan().is_due(day(30))
    assert not plan(**AGREED).is_due(day(10_000))
    assert plan(**SIGNED).is_due(day(3))


@pytest.fixture
def session(asha):
    session = make_session(asha, at=timezone.now() - timedelta(days=2))
    record_audio(session, at=session.started_at)
    services.complete_session(session, by=asha, at=session.started_at + timedelta(minutes=25))
    session.transcriptions.all().delete()
    make_transcription(session)
    return session


def set_clinic(**fields):
    ClinicSettings.load()
    ClinicSettings.objects.update(**fields)


def test_the_patients_rule_wins_over_the_clinics(session, asha):
    now = timezone.now()
    make_consent(session.patient, by=asha, kind="keep_audio")
    set_clinic(audio_retention="days", audio_retention_days=60)
    assert retention.plan_of(session, now) == Plan(Rule.CLINIC, session.ended_at + timedelta(days=60))

    session.patient.audio_retention, session.patient.audio_retention_days = "days", 10
    assert retention.plan_of(session, now) == Plan(Rule.PATIENT, session.ended_at + timedelta(days=10))

    session.patient.audio_retention = "keep"
    assert retention.plan_of(session, now) == Plan()


def test_a_consent_that_was_withdrawn_counts_no_more(session, asha):
    now = timezone.now()
    consent = make_consent(session.patient, by=asha, kind="keep_audio")
    assert retention.plan_of(session, now).is_kept

    consent.status = "withdrawn"
    consent.withdrawn_at, consent.withdrawn_by = now, asha
    consent.save()

    expected = Plan(Rule.NO_CONSENT, session.ended_at + timedelta(days=30), Rule.NO_CONSENT)
    assert retention.plan_of(session, now) == expected


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_a_retry_under_way_holds_a_recording_whose_time_is_over(session, status):
    make_again = session.transcriptions.create(retry_count=1, status=status)

    held = retention.plan_of(session, timezone.now() + timedelta(days=99))
    make_again.delete()
    released = retention.plan_of(session, timezone.now() + timedelta(days=99))

    assert held.held_by == Hold.WORDS
    assert released.is_due(timezone.now() + timedelta(days=99))


def test_a_failed_transcript_leaves_the_days_to_try_again(session):
    session.transcriptions.all().delete()
    make_transcription(session, status="failed")

    found = retention.plan_of(session, timezone.now())

    assert found == Plan(Rule.NO_CONSENT, session.ended_at + timedelta(days=30))


def test_sound_that_came_in_after_the_session_counts_from_then(session):
    session.last_audio_at = session.ended_at + timedelta(days=1)

    assert retention.plan_of(session, timezone.now()).delete_at == session.ended_at + timedelta(days=31)


def test_plainly_kept_recordings_are_no_candidates(session, asha, ben):
    now = timezone.now()
    kept = make_session(ben)
    record_audio(kept)
    services.complete_session(kept, by=ben, at=now)
    make_consent(kept.patient, by=ben, kind="keep_audio")
    never_recorded = make_session(ben)
    services.complete_session(never_recorded, by=ben, at=now)

    assert list(retention.candidates(now)) == [session]
    set_clinic(audio_retention="after_signing")
    assert set(retention.candidates(now)) == {session, kept}
    type(kept.patient).objects.filter(pk=kept.patient_id).update(audio_retention="keep")
    assert list(retention.candidates(now)) == [session]
