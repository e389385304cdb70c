"""Rules of a transcript: what is stored, when there is none, who corrects it and what stays."""

import pytest

from sessions_app import transcript_page, transcripts
from sessions_app.models import SessionEvent, Transcription
from sessions_app.tests.factories import make_session, make_transcription, record_audio, segment_of
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


def store(row, segments, now):
    return transcripts.store_result(
        row,
        segments=segments,
        service="embedded",
        model="tiny.en",
        language="en-US",
        confidence=0.8,
        processing_seconds=2.5,
        at=now,
    )


# What the engine heard ------------------------------------------------------------------------------------------------
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

    store(row, segments, now)

    assert row.status == Status.NO_SPEECH
    assert row.segments == []


def test_ids_of_the_live_pass_are_never_used_again(session, now):
    row = transcripts.open_live(session)
    live = {**segment_of("patient", 0, 900, "I slept badly"), "id": 1, "original_text": None}
    transcripts.append_live_segments(row, [live], offset_ms=900, at=now)
    transcripts.append_live_segments(row, [live], offset_ms=900, at=now)
    assert len(row.live_segments) == 1

    store(row, [segment_of("patient", 0, 900, "I slept very badly last night")], now)

    row.refresh_from_db()
    assert [segment["id"] for segment in row.segments] == [2]
    assert row.live_segments == []


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
        store(transcription, [], now)


# Failing and trying again ---------------------------------------------------------------------------------------------
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


# Corrections ----------------------------------------------------------------------------------------------------------
def test_a_correction_keeps_what_was_heard_who_and_when(transcription, asha, now):
    changed = transcripts.correct_segments(
        transcription, [{"id": 2, "text": "A bit better. I still wake up around five most nights."}], by=asha, at=now
    )

    line = changed.segments[1]
    assert line["original_text"] == "A bit better. I still wake up around four most nights."
    assert line["corrected_by"] == str(asha.pk)
    assert line["corrected_at"] == now.isoformat()
    assert changed.original_transcript != changed.transcript_text
    assert (changed.manually_corrected, changed.corrected_by, changed.corrected_at) == (True, asha, now)


def test_the_first_original_stays_over_several_corrections_and_goes_with_the_undo(transcription, asha, now):
    for text in ("One", "Two", "Three"):
        row = transcripts.correct_segments(transcription, [{"id": 1, "text": text}], by=asha, at=now)
    assert row.segments[0]["original_text"] == "How has your sleep been since we last met?"

    row = transcripts.restore_segment(row, 1, by=asha, at=now)

    assert row.segments[0]["text"] == "How has your sleep been since we last met?"
    assert row.segments[0]["original_text"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"id": 99, "text": "x"},
        {"id": 1, "text": "  "},
        {"id": 1, "text": 7},
        {"id": 1, "text": "x" * 5_000},
        {"id": 1, "speaker": "nurse"},
    ],
)
def test_a_correction_that_means_nothing_is_refused_and_changes_nothing(transcription, asha, now, change):
    with pytest.raises(transcripts.NotCorrectable):
        transcripts.correct_segments(transcription, [{"id": 2, "text": "Fine"}, change], by=asha, at=now)

    transcription.refresh_from_db()
    assert not transcription.manually_corrected
    assert transcription.segments[1]["text"].startswith("A bit better")


@pytest.mark.parametrize("status", ["pending", "failed", "no_speech"])
def test_only_a_finished_transcript_is_corrected(session, asha, now, status):
    row = make_transcription(session, status=status)

    with pytest.raises(Conflict):
        transcripts.swap_speakers(row, by=asha, at=now)


def test_nobody_without_the_right_to_the_words_corrects_them(transcription, rita, omar, now):
    for person in (rita, omar):
        with pytest.raises(NotAllowed):
            transcripts.swap_speakers(transcription, by=person, at=now)


def test_a_voice_is_renamed_from_a_line_on(transcription, asha, now):
    row = transcripts.relabel_from(transcription, 3, "other", by=asha, at=now)

    assert [segment["speaker"] for segment in row.segments] == ["doctor", "patient", "other", "patient"]
    assert row.segments[2]["original_speaker"] == "doctor"


def test_swapping_twice_is_as_it_was(transcription, asha, now):
    once = transcripts.swap_speakers(transcription, by=asha, at=now)
    twice = transcripts.swap_speakers(once, by=asha, at=now)

    assert [segment["speaker"] for segment in twice.segments] == ["doctor", "patient", "doctor", "patient"]
    assert not any(segment["original_speaker"] for segment in twice.segments)


def test_words_that_stay_keep_their_times_and_typed_ones_share_the_time_between():
    words = segment_of("doctor", 0, 4_000, "I am on fifteen")["words"]

    aligned = transcripts.align_words(words, "I am on fifty milligrams now", start_ms=0, end_ms=4_000)

    assert [(word["text"], word["start_ms"], word["end_ms"]) for word in aligned] == [
        ("I", 0, 1_000),
        ("am", 1_000, 2_000),
        ("on", 2_000, 3_000),
        ("fifty", 3_000, 3_333),
        ("milligrams", 3_333, 3_667),
        ("now", 3_667, 4_000),
    ]
    assert aligned[3]["confidence"] == 1.0


def test_aligned_times_never_run_backwards():
    words = segment_of("doctor", 1_000, 5_000, "a b c d e f")["words"]

    for text in ("x", "a x b c", "f e d c b a", "", "a b c d e f g h"):
        aligned = transcripts.align_words(words, text, start_ms=1_000, end_ms=5_000)
        starts = [word["start_ms"] for word in aligned]
        assert starts == sorted(starts)
        assert [word["text"] for word in aligned] == text.split()


# What the page shows --------------------------------------------------------------------------------------------------
def test_doubtful_words_unknown_voices_gaps_and_risks_are_shown(session, now):
    row = make_transcription(session, status="processing")
    SessionEvent.objects.create(session=session, cid="g", kind="gap", at_ms=1_000, until_ms=13_000, at=now)
    SessionEvent.objects.create(session=session, cid="r", kind="risk", at_ms=14_000, at=now)
    lines = [
        segment_of("doctor", 0, 900, "Any side effects from sertraline", doubtful="sertraline"),
        segment_of("unknown", 13_500, 15_000, "Some nausea at first"),
    ]
    store(row, lines, now)

    shown = transcript_page.context_of(session, row)

    first, second = shown["turns"]
    assert [(piece.text, piece.percent) for piece in first.pieces][:2] == [
        ("Any side effects from ", None),
        ("sertraline", 30),
    ]
    assert (second.gap_before_s, second.is_flagged, second.kind) == (12, True, "unk")
    assert [check.icon for check in shown["checks"]] == ["ear", "user"]


def test_a_line_whose_words_do_not_fit_its_text_is_shown_whole(session, now):
    row = make_transcription(session, status="processing")
    line = segment_of("doctor", 0, 900, "Any side effects from sertraline")
    store(row, [{**line, "words": line["words"][:2]}], now)

    turn = transcript_page.context_of(session, row)["turns"][0]

    assert [piece.text for piece in turn.pieces] == ["Any side effects from sertraline"]
