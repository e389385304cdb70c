"""Rules of correcting: who may, what is kept, what two people may change at once, and that all of it can be undone."""

import itertools

import pytest

from sessions_app.models import TranscriptEdit
from sessions_app.tests.factories import SEGMENTS, make_session, make_transcription, record_audio, segment_of
from sessions_app.transcripts import corrections, edit_history, segments
from sessions_app.transcripts import services as transcripts
from synapse.common.errors import Conflict, NotAllowed

pytestmark = pytest.mark.django_db
TEXTS = [text for _, _, _, text in SEGMENTS]


@pytest.fixture
def session(asha):
    session = make_session(asha)
    record_audio(session)
    return session


@pytest.fixture
def transcription(session):
    return make_transcription(session)


def texts_of(row):
    return [segment["text"] for segment in row.segments]


def speakers_of(row):
    return [segment["speaker"] for segment in row.segments]


def correct(row, segment_id, text, *, by, at, **options):
    return corrections.correct_segments(row, [{"id": segment_id, "text": text}], by=by, at=at, **options)


def test_a_correction_keeps_what_was_heard_who_and_when(transcription, asha, now):
    changed = corrections.correct_segments(
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
        row = corrections.correct_segments(transcription, [{"id": 1, "text": text}], by=asha, at=now)
    assert row.segments[0]["original_text"] == "How has your sleep been since we last met?"

    row = corrections.restore_segment(row, 1, by=asha, at=now)

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
    with pytest.raises(segments.NotCorrectable):
        corrections.correct_segments(transcription, [{"id": 2, "text": "Fine"}, change], by=asha, at=now)

    transcription.refresh_from_db()
    assert not transcription.manually_corrected
    assert transcription.segments[1]["text"].startswith("A bit better")


@pytest.mark.parametrize("status", ["pending", "failed", "no_speech"])
def test_only_a_finished_transcript_is_corrected(session, asha, now, status):
    row = make_transcription(session, status=status)

    with pytest.raises(Conflict):
        corrections.swap_speakers(row, by=asha, at=now)


def test_nobody_without_the_right_to_the_words_corrects_them(transcription, rita, omar, now):
    for person in (rita, omar):
        with pytest.raises(NotAllowed):
            corrections.swap_speakers(transcription, by=person, at=now)


def test_a_voice_is_renamed_from_a_line_on(transcription, asha, now):
    row = corrections.relabel_from(transcription, 3, "other", by=asha, at=now)

    assert [segment["speaker"] for segment in row.segments] == ["doctor", "patient", "other", "patient"]
    assert row.segments[2]["original_speaker"] == "doctor"


def test_two_unnamed_voices_are_named_apart(session, asha, now):
    row = make_transcription(session, status="processing")
    lines = [
        {**segment_of("unknown", place * 1_000, place * 1_000 + 900, "We have three of them"), "voice": voice}
        for place, voice in enumerate([1, 2, 1, 2])
    ]
    options = {"service": "embedded", "model": "m", "language": "en", "confidence": 0.8, "processing_seconds": 1.0}
    row = transcripts.store_result(row, segments=lines, at=now, **options)

    row = corrections.relabel_from(row, 2, "patient_2", by=asha, at=now)

    assert speakers_of(row) == ["unknown", "patient_2", "unknown", "patient_2"]


def test_swapping_twice_is_as_it_was(transcription, asha, now):
    once = corrections.swap_speakers(transcription, by=asha, at=now)
    twice = corrections.swap_speakers(once, by=asha, at=now)

    assert [segment["speaker"] for segment in twice.segments] == ["doctor", "patient", "doctor", "patient"]
    assert not any(segment["original_speaker"] for segment in twice.segments)


def test_every_edit_has_its_revision_and_what_it_replaced(transcription, asha, now):
    row = correct(transcription, 2, "Better.", by=asha, at=now)
    row = corrections.swap_speakers(row, by=asha, at=now)

    first, second = row.edits.order_by("revision")
    assert (row.revision, first.revision, second.revision) == (2, 1, 2)
    assert (first.verb, [one["text"] for one in first.before], [one["text"] for one in first.after]) == (
        "correct",
        [TEXTS[1]],
        ["Better."],
    )
    assert (second.verb, len(second.before), second.by, second.at) == ("swap", 4, asha, now)


def test_an_edit_that_changes_nothing_is_none(transcription, asha, now):
    row = correct(transcription, 2, TEXTS[1], by=asha, at=now)

    assert row.revision == 0
    assert not row.manually_corrected
    assert not TranscriptEdit.objects.exists()


def test_every_kind_of_edit_is_undone_and_done_again(transcription, asha, now):
    start = transcription.segments
    done = [
        lambda row: correct(row, 2, "Better.", by=asha, at=now),
        lambda row: corrections.swap_speakers(row, by=asha, at=now),
        lambda row: corrections.relabel_from(row, 2, "other", by=asha, at=now),
        lambda row: corrections.merge_with_previous(row, 3, by=asha, at=now),
        lambda row: corrections.split_segment(row, 4, 3, by=asha, at=now),
        lambda row: corrections.replace_text(row, "the", "a", by=asha, at=now),
        lambda row: corrections.restore_segment(row, 2, by=asha, at=now),
        lambda row: corrections.confirm_words(row, 4, by=asha, at=now),
    ]
    row, states = transcription, [start]
    for step in done:
        row = step(row)
        states.append(row.segments)
    assert all(one != other for one, other in itertools.pairwise(states))

    for state in reversed(states[:-1]):
        row = corrections.undo(row, by=asha, at=now)
        assert row.segments == state
    with pytest.raises(edit_history.NothingToTakeBack):
        corrections.undo(row, by=asha, at=now)
    for state in states[1:]:
        row = corrections.redo(row, by=asha, at=now)
        assert row.segments == state
    with pytest.raises(edit_history.NothingToTakeBack):
        corrections.redo(row, by=asha, at=now)
    for state in reversed(states[:-1]):
        row = corrections.undo(row, by=asha, at=now)
        assert row.segments == state
    assert row.revision == 4 * len(done)


def test_after_a_new_edit_nothing_is_done_again(transcription, asha, now):
    row = correct(transcription, 2, "Better.", by=asha, at=now)
    row = corrections.undo(row, by=asha, at=now)
    row = correct(row, 1, "Hello.", by=asha, at=now)

    with pytest.raises(edit_history.NothingToTakeBack):
        corrections.redo(row, by=asha, at=now)
    assert corrections.undo(row, by=asha, at=now).segments[0]["text"] == TEXTS[0]


def test_what_is_typed_in_one_go_is_one_edit(transcription, asha, ben, now):
    row = correct(transcription, 2, "Better.", by=asha, at=now)
    row = correct(row, 2, "Better now.", by=asha, at=now, continues=row.revision)
    assert (row.revision, row.edits.count()) == (2, 1)

    row = correct(row, 1, "Another line.", by=asha, at=now, continues=row.revision)
    assert row.edits.count() == 2
    row = corrections.undo(corrections.undo(row, by=asha, at=now), by=asha, at=now)
    assert texts_of(row) == TEXTS


def test_lines_that_others_changed_meanwhile_are_kept(transcription, asha, now):
    correct(transcription, 1, "From the other window.", by=asha, at=now)

    row = correct(transcription, 2, "From here.", by=asha, at=now, revision=0)

    assert texts_of(row)[:2] == ["From the other window.", "From here."]


def test_a_line_that_was_changed_meanwhile_is_not_written_over(transcription, asha, now):
    correct(transcription, 2, "From the other window.", by=asha, at=now)

    with pytest.raises(edit_history.LineChanged) as raised:
        correct(transcription, 2, "From here.", by=asha, at=now, revision=0)

    assert [line["text"] for line in raised.value.lines] == ["From the other window."]
    transcription.refresh_from_db()
    assert texts_of(transcription)[1] == "From the other window."
    assert texts_of(correct(transcription, 2, "From here.", by=asha, at=now, revision=1))[1] == "From here."


def test_a_line_that_is_as_it_was_seen_is_written_whatever_happened_between(transcription, asha, now):
    row = correct(transcription, 2, "Elsewhere.", by=asha, at=now)
    corrections.undo(row, by=asha, at=now)

    assert texts_of(correct(transcription, 2, "From here.", by=asha, at=now, revision=0))[1] == "From here."


def test_a_line_that_was_merged_away_cannot_be_written(transcription, asha, now):
    corrections.merge_with_previous(transcription, 2, by=asha, at=now)

    with pytest.raises(segments.NotCorrectable):
        correct(transcription, 2, "From here.", by=asha, at=now, revision=0)


def test_a_revision_that_is_still_to_come_switches_no_check_off(transcription, asha, now):
    correct(transcription, 2, "From the other window.", by=asha, at=now)

    with pytest.raises(Conflict, match="Reload"):
        correct(transcription, 2, "From here.", by=asha, at=now, revision=10**30)


def test_ids_are_never_used_again(transcription, asha, now):
    row = corrections.split_segment(transcription, 1, 3, by=asha, at=now)
    assert [segment["id"] for segment in row.segments] == [1, 5, 2, 3, 4]
    row = corrections.undo(row, by=asha, at=now)

    row = corrections.split_segment(row, 4, 2, by=asha, at=now)

    assert [segment["id"] for segment in row.segments] == [1, 2, 3, 4, 6]


def test_a_line_joins_the_one_before_it(transcription, asha, now):
    row = corrections.merge_with_previous(transcription, 2, by=asha, at=now)

    assert [segment["id"] for segment in row.segments] == [1, 3, 4]
    assert row.segments[0]["text"] == f"{TEXTS[0]} {TEXTS[1]}"
    assert row.speakers["doctor"] == 7_600
    with pytest.raises(segments.NotCorrectable):
        corrections.merge_with_previous(row, 1, by=asha, at=now)


def test_a_text_is_replaced_everywhere_as_one_edit_or_at_one_place(transcription, asha, now):
    row = corrections.replace_text(transcription, "the", "this", by=asha, at=now)
    assert [text.count("this") for text in texts_of(row)] == [0, 0, 1, 1]
    assert row.edits.count() == 1

    row = corrections.replace_text(row, "THIS", "that", by=asha, at=now, only=(4, 0))

    assert [text.count("that") for text in texts_of(row)] == [0, 0, 0, 1]


@pytest.mark.parametrize("wanted", ["risperidone", " ", "THE"])
def test_a_text_that_stands_nowhere_is_not_replaced(transcription, asha, now, wanted):
    with pytest.raises(segments.NotCorrectable):
        corrections.replace_text(transcription, wanted, "x", by=asha, at=now, match_case=True)


def test_a_replacement_empties_no_line(transcription, asha, now):
    with pytest.raises(segments.NotCorrectable):
        corrections.replace_text(transcription, TEXTS[2], "", by=asha, at=now, whole_words=False)


def test_listening_to_a_word_is_no_correction(session, asha, now):
    row = make_transcription(session)

    row = corrections.confirm_words(row, 3, place=5, by=asha, at=now)

    assert row.segments[2]["words"][5]["confidence"] == 1.0
    assert (row.revision, row.manually_corrected, row.corrected_at) == (1, False, None)


def test_a_term_the_engine_put_in_is_taken_back(transcription, asha, now):
    lines = transcription.segments
    lines[2]["words"][5]["heard"] = "certain?"
    transcription.segments = lines
    transcription.save()

    row = corrections.take_heard_back(transcription, 3, 5, by=asha, at=now)

    assert texts_of(row)[2] == "Any side effects from the certain?"
    with pytest.raises(segments.NotCorrectable):
        corrections.take_heard_back(row, 3, 5, by=asha, at=now)


@pytest.fixture
def two_readings(session, now):
    row = transcripts.open_live(session)
    heard = segment_of("patient", 0, 7_000, "I take fifty milligrams in the morning.")
    transcripts.append_live_segments(row, [{**heard, "id": 1}], offset_ms=7_000, at=now)
    again = segment_of("patient", 0, 7_000, "I take fifteen milligrams in the morning.")
    return transcripts.store_result(
        row,
        segments=[again],
        service="embedded",
        model="tiny.en",
        language="en-US",
        confidence=0.8,
        processing_seconds=1.0,
        at=now,
    )


@pytest.mark.parametrize(
    ("which", "typed", "text"),
    [
        ("live", "", "I take fifty milligrams in the morning."),
        ("batch", "", "I take fifteen milligrams in the morning."),
        ("typed", "five", "I take five milligrams in the morning."),
    ],
)
def test_a_chosen_reading_stands_and_says_who_chose_it(two_readings, asha, now, which, typed, text):
    row = corrections.choose_reading(two_readings, 1, which, text=typed, by=asha, at=now)

    (choice,) = [reading["choice"] for reading in row.readings]
    assert row.segments[0]["text"] == text
    assert row.segments[0]["words"][2]["confidence"] == 1.0
    assert (choice["which"], choice["by"], choice["at"]) == (which, str(asha.pk), now.isoformat())
    with pytest.raises(segments.NotCorrectable):
        corrections.choose_reading(row, 1, "live", by=asha, at=now)


def test_nobody_takes_back_what_their_page_never_showed(transcription, asha, now):
    shown = correct(transcription, 1, "One", by=asha, at=now)
    elsewhere = correct(transcription, 2, "Two", by=asha, at=now)

    with pytest.raises(Conflict, match="another window"):
        corrections.undo(shown, by=asha, at=now, revision=shown.revision)

    row = corrections.undo(shown, by=asha, at=now, revision=elsewhere.revision)
    assert texts_of(row)[:2] == ["One", TEXTS[1]]
    with pytest.raises(Conflict, match="another window"):
        corrections.redo(shown, by=asha, at=now, revision=elsewhere.revision)
    assert texts_of(corrections.redo(shown, by=asha, at=now, revision=row.revision))[:2] == ["One", "Two"]


def test_a_choice_is_open_again_when_it_is_undone(two_readings, asha, now):
    row = corrections.choose_reading(two_readings, 1, "live", by=asha, at=now)

    row = corrections.undo(row, by=asha, at=now)
    assert row.readings[0]["choice"]["is_undone"] is True
    row = corrections.redo(row, by=asha, at=now)
    assert row.readings[0]["choice"]["is_undone"] is False
    row = corrections.undo(row, by=asha, at=now)
    assert corrections.choose_reading(row, 1, "batch", by=asha, at=now).readings[0]["choice"]["which"] == "batch"


def test_a_place_that_was_corrected_by_hand_has_nothing_left_to_choose(two_readings, asha, now):
    row = correct(two_readings, 2, "I take fifty milligrams in the morning.", by=asha, at=now)

    with pytest.raises(segments.NotCorrectable):
        corrections.choose_reading(row, 1, "live", by=asha, at=now)


def test_notes_on_the_corrections_are_not_written_over(transcription, asha, now):
    row = corrections.save_notes(transcription, "Dose checked by telephone.", seen="", by=asha, at=now)
    assert row.correction_notes == "Dose checked by telephone."

    with pytest.raises(Conflict):
        corrections.save_notes(row, "Another.", seen="", by=asha, at=now)
