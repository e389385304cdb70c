"""The live pass: what is heard while a recording runs."""

from django.utils import timezone

from sessions_app.models import Transcription
from sessions_app.speech import follower, live_pass
from sessions_app.stt.base import SpeechError
from sessions_app.tests.factories import make_consent
from sessions_app.tests.speech.scripted import Heard, stored


def test_a_running_recording_is_followed_published_and_stored(live, recorder, heard):
    recorder.record(2)
    live.take_turn()
    recorder.record(1)
    live.take_turn()

    assert [frame["text"] for _, frame in heard.frames if frame["final"]] == ["word0", "word1", "word2"]
    assert {session_id for session_id, _ in heard.frames} == {recorder.session.pk}
    transcription = Transcription.objects.get(session=recorder.session)
    assert transcription.status == "processing"
    assert [(one["id"], one["text"], one["start_ms"]) for one in transcription.live_segments] == [
        (1, "word0", 0),
        (2, "word1", 1_000),
        (3, "word2", 2_000),
    ]
    assert transcription.live_offset_ms == 3_000


def test_a_published_segment_has_the_names_of_the_protocol(live, recorder, heard):
    recorder.record(1)
    live.take_turn()

    interim, final = (frame for _, frame in heard.frames)
    names = {"id", "start_ms", "end_ms", "speaker", "text", "confidence", "final"}
    assert names <= set(interim)
    assert (interim["final"], interim["committed"], final["final"], final["id"]) == (False, 0, True, "1")


def test_interim_words_are_never_stored(live, recorder, heard, engine):
    recorder.record(0.8)
    live.take_turn()

    assert stored(recorder.session) == []


def test_after_a_restart_it_goes_on_behind_the_last_stored_word(engine, recorder, heard):
    first = live_pass.LivePass(heard)
    recorder.record(2.6)
    first.take_turn()

    second = live_pass.LivePass(heard)
    recorder.record(1.4)
    second.take_turn()

    assert engine.opened == [("en-US", 0.0, 1), ("en-US", 2.0, 3)]
    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word1", "word2", "word3"]


def test_a_gap_ends_the_sentence_and_the_clock_goes_on(live, recorder, engine):
    recorder.record(1)
    recorder.record(1, after_gap_ms=5_000)
    live.take_turn()

    assert [start for _, start, _ in engine.opened] == [0.0, 6.0]
    assert engine.finished == 1
    assert [one["start_ms"] for one in stored(recorder.session)] == [0, 6_000]


def test_a_pause_settles_what_was_said_before_it(live, recorder, engine, monkeypatch):
    monkeypatch.setattr(follower, "QUIET_SECONDS", 0.0)
    recorder.record(0.6)
    live.take_turn()
    assert stored(recorder.session) == []

    live.take_turn()

    assert [one["text"] for one in stored(recorder.session)] == ["word0"]


def test_a_finished_recording_gets_its_last_words_and_is_left(live, recorder, heard):
    recorder.record(1.6)
    live.take_turn()
    transcription = Transcription.objects.get(session=recorder.session)
    assert live.is_following(transcription.pk)

    recorder.record(0.2)
    recorder.finish()
    live.take_turn()

    assert not live.is_following(transcription.pk)
    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word1"]
    assert heard.forgotten == [recorder.session.pk]


def test_live_words_that_come_after_the_final_transcript_are_dropped(live, recorder):
    recorder.record(1)
    live.take_turn()
    transcription = Transcription.objects.get(session=recorder.session)
    Transcription.objects.filter(pk=transcription.pk).update(status="completed", live_segments=[])

    recorder.record(1)
    live.take_turn()

    assert stored(recorder.session) == []


def test_an_engine_that_fails_costs_no_audio_and_is_asked_again_later(live, recorder, engine):
    recorder.record(2)
    engine.failures.append(SpeechError("busy", transient=True))
    live.take_turn()
    live.take_turn()
    assert len(engine.opened) == 1

    live._resting[recorder.session.pk] -= live_pass.RETRY_AFTER
    live.take_turn()

    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word1"]


def test_the_cloud_is_used_only_with_consent_to_it(live, recorder, engine):
    recorder.record(1)
    live.take_turn()
    assert engine.allowed == [False]

    make_consent(recorder.session.patient, by=recorder.session.doctor, kind="ai_note")
    live_pass.LivePass(Heard()).take_turn()

    assert engine.allowed == [False, True]


def test_a_consent_to_the_cloud_given_or_ended_meanwhile_changes_the_engine_at_once(live, recorder, engine, asha):
    consent = make_consent(recorder.session.patient, by=asha, kind="ai_note")
    recorder.record(1)
    live.take_turn()

    consent.status, consent.withdrawn_at = "withdrawn", timezone.now()
    consent.save()
    live.take_turn()
    live.take_turn()

    assert engine.allowed == [True, False]
    assert engine.finished == 1
