"""Rules of a transcript: what is stored, when there is none, who corrects it and what stays."""

import pytest

from sessions_app.models import Transcription
from sessions_app.tests.factories import (
    make_session,
    make_transcription,
    record_audio,
    segment_of,
    store_words,
)
from sessions_app.transcripts import corrections
from sessions_app.transcripts import services as transcripts
from synapse.common.errors import Conflict, InvalidTransition, NotAllowed
from synapse.common.models import Job

pytestmark = pytest.mark.django_db
Status = Transcription.Status


@pytest.fixture
def session(asha):
    session = make_session(asha)
    record_audio(session)
    return session


@pytest.fixture
def transcription(session):
    return make_transcription(session)


def test_a_result_becomes_the_original_transcript(transcription):
    assert transcription.status == Status.COMPLETED
    assert transcription.original_transcript == transcription.transcript_text
    assert transcription.transcript_text.splitlines()[0] == "How has your sleep been since we last met?"
    assert [segment["id"] for segment in transcription.segments] == [1, 2, 3, 4]
    assert transcription.speakers == {"doctor": 3_600, "patient": 7_600}
    assert (transcription.stt_service, transcription.stt_model) == ("embedded", "tiny.en")


@pytest.mark.parametrize("text", ["", "Mm", "Uh huh yes okay"])
def test_too_few_words_are_no_speech(session, now, text):
    row = make_transcription(session, status="processing")
    segments = [segment_of("unknown", 0, 900, text)] if text else []

    store_words(row, segments, now)

    assert row.status == Status.NO_SPEECH
    assert row.segments == []


def test_ids_of_the_live_pass_are_never_used_again(session, now):
    row = transcripts.open_live(session)
    live = {**segment_of("patient", 0, 900, "I slept badly"), "id": 1, "original_text": None}
    transcripts.append_live_segments(row, [live], offset_ms=900, at=now)
    transcripts.append_live_segments(row, [live], offset_ms=900, at=now)
    assert len(row.live_segments) == 1

    store_words(row, [segment_of("patient", 0, 900, "I slept very badly last night")], now)

    row.refresh_from_db()
    assert [segment["id"] for segment in row.segments] == [2]
    assert [segment["text"] for segment in row.live_segments] == ["I slept badly"]


def test_the_engine_s_own_segments_are_kept_beside_the_corrected_ones(transcription, asha, now):
    row = corrections.swap_speakers(transcription, by=asha, at=now)

    row.refresh_from_db()
    assert [segment["speaker"] for segment in row.original_segments] == ["doctor", "patient", "doctor", "patient"]
    assert row.segments[0]["speaker"] == "patient"


def test_where_the_live_pass_heard_another_dose_is_noted(session, now):
    row = transcripts.open_live(session)
    live = {**segment_of("patient", 0, 2_000, "I take fifty milligrams in the morning"), "id": 1}
    transcripts.append_live_segments(row, [live], offset_ms=2_000, at=now)

    store_words(row, [segment_of("patient", 0, 2_000, "I take fifteen milligrams in the morning")], now)

    row.refresh_from_db()
    (reading,) = row.readings
    assert (reading["kind"], reading["live"]["text"], reading["batch"]["text"]) == ("number", "fifty", "fifteen")


def test_a_second_try_is_compared_with_what_the_recording_page_heard(session, now, asha):
    row = transcripts.open_live(session)
    live = {**segment_of("patient", 0, 2_000, "I never take the sertraline now"), "id": 1}
    transcripts.append_live_segments(row, [live], offset_ms=2_000, at=now)
    transcripts.fail(row, message="The speech engine stopped.", at=now)
    again = transcripts.retry(row, by=asha, at=now)
    transcripts.start_processing(again, at=now)

    store_words(again, [segment_of("patient", 0, 2_000, "I ever take the sertraline now")], now)

    assert [reading["kind"] for reading in again.readings] == ["negation"]


def test_live_words_of_dropped_audio_go_too(session, now):
    row = transcripts.open_live(session)
    lines = [
        {**segment_of("patient", 0, 900, "Before it"), "id": 1},
        {**segment_of("patient", 1_000, 1_900, "After it"), "id": 2},
    ]
    transcripts.append_live_segments(row, lines, offset_ms=1_900, at=now)

    transcripts.drop_live_after(session, 950)

    row.refresh_from_db()
    assert [segment["text"] for segment in row.live_segments] == ["Before it"]
    assert row.live_offset_ms == 950


def test_a_result_comes_once(transcription, now):
    with pytest.raises(InvalidTransition):
        store_words(transcription, [], now)


def test_a_failure_is_final_and_a_retry_is_a_new_row(session, asha, now):
    failed = make_transcription(session, status="failed")
    transcripts.fail(failed, message="Again", at=now)
    assert failed.error_message == "The speech engine stopped."

    again = transcripts.retry(failed, by=asha, at=now)

    assert (again.status, again.retry_count) == (Status.PENDING, 1)
    assert Job.objects.filter(object_id=again.pk, runner="speech").count() == 1
    with pytest.raises(Conflict):
        transcripts.retry(failed, by=asha, at=now)
    with pytest.raises(Conflict):
        transcripts.retry(again, by=asha, at=now)


def test_an_admin_may_retry_and_a_receptionist_may_not(session, omar, rita, now):
    failed = make_transcription(session, status="failed")

    with pytest.raises(NotAllowed):
        transcripts.retry(failed, by=rita, at=now)
    assert transcripts.retry(failed, by=omar, at=now).retry_count == 1


def test_without_audio_there_is_nothing_to_retry(asha, now):
    failed = make_transcription(make_session(asha), status="failed")

    with pytest.raises(Conflict):
        transcripts.retry(failed, by=asha, at=now)
