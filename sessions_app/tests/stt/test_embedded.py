"""The offline engine on the shipped consultation and in empty rooms, with the real model."""

import os
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from sessions_app.stt.base import SpeechError
from sessions_app.stt.blocks import blocks_of
from sessions_app.stt.embedded import EmbeddedTranscriber
from sessions_app.stt.whisper import LONG_READING_NICENESS
from sessions_app.tests.stt.sound import CONSULTATION, NOISES, consultation, reference, room_hum, seconds
from synapse.testing.word_errors import word_errors

CHUNK = 3_200  # 100 ms


@pytest.fixture(scope="module")
def engine():
    return EmbeddedTranscriber()


@pytest.fixture(scope="module")
def fractions():
    return []


@pytest.fixture(scope="module")
def transcript(engine, fractions):
    return engine.transcribe(CONSULTATION, language="en-US", progress=fractions.append)


def stream(session, pcm, chunk=CHUNK):
    events = [event for start in range(0, len(pcm), chunk) for event in session.feed(pcm[start : start + chunk])]
    return events + session.finish()


@pytest.fixture(scope="module")
def events(engine):
    return stream(engine.open_live(language="en"), seconds(consultation(), 0, 18.2))


def test_the_batch_pass_hears_the_consultation(transcript):
    assert word_errors(reference()["text"], transcript.text).rate <= 0.06
    assert transcript.model == "tiny.en"
    assert transcript.duration_s == pytest.approx(reference()["duration_s"], abs=0.1)
    assert transcript.confidence > 0.85


def test_clinical_facts_come_through(transcript):
    for fact in ("lithium", "800", "tremor", "harming yourself", "blood test", "ibuprofen"):
        assert fact in transcript.text.lower()


def test_every_turn_is_given_to_its_speaker(transcript):
    wrong = []
    for turn in reference()["turns"]:
        spoken = {
            segment.speaker
            for segment in transcript.segments
            for word in segment.words
            if turn["start"] < word.middle < turn["end"]
        }
        if spoken != {turn["speaker"]}:
            wrong.append(turn["text"])

    assert len(wrong) <= 1


def test_segments_are_utterances_in_order(transcript):
    assert all(segment.end - segment.start <= 20.5 for segment in transcript.segments)
    assert all(before.end <= after.start + 0.3 for before, after in pairwise(transcript.segments))
    assert len(transcript.segments) >= len(reference()["turns"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads priorities of their own")
def test_long_readings_leave_the_processor_to_live_ones(engine, transcript):
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    threads = [os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path("/proc/self/task").iterdir()]

    assert max(threads) == min(19, mine + LONG_READING_NICENESS) > mine


@pytest.mark.parametrize("noise", NOISES)
def test_a_room_where_nobody_speaks_says_nothing(engine, noise):
    room = NOISES[noise](12)

    assert engine.transcribe([room], language="en").segments == ()
    assert stream(engine.open_live(language="en"), room) == []


def test_nothing_is_invented_in_a_long_pause(engine):
    pcm = seconds(consultation(), 0, 3.2) + room_hum(12) + seconds(consultation(), 18, 24)

    batch = [word for segment in engine.transcribe([pcm], language="en").segments for word in segment.words]
    live = [
        word
        for event in stream(engine.open_live(language="en"), pcm)
        if event.segment.is_final
        for word in event.segment.words
    ]

    for words in (batch, live):
        assert words
        assert not [word for word in words if 4 < word.middle < 14.5]


def test_the_live_pass_hears_the_consultation(events):
    heard = " ".join(event.segment.text for event in events if event.segment.is_final)
    said = " ".join(turn["text"] for turn in reference()["turns"] if turn["end"] < 18.2)

    assert word_errors(said, heard).rate <= 0.10


def test_a_live_segment_grows_under_its_id_and_its_committed_words_stay(events):
    seen = {}
    for event in events:
        words = [word.text for word in event.segment.words]
        before = seen.get(event.segment.id)
        if before is not None:
            committed, texts, was_final = before
            assert not was_final
            assert words[:committed] == texts[:committed]
            assert event.committed >= committed
        seen[event.segment.id] = (event.committed, words, event.segment.is_final)

    assert list(seen) == list(range(1, len(seen) + 1))
    assert all(was_final for _, _, was_final in seen.values())
    assert any(not event.segment.is_final for event in events)


def test_a_stream_may_start_later_and_come_in_large_pieces(engine):
    session = engine.open_live(language="en", start_s=100.0, first_id=41)

    final = [event.segment for event in stream(session, seconds(consultation(), 0, 9.2), 320_000)]

    assert final[0].id == 41
    assert 100 <= final[0].start < final[-1].end <= 109.3
    assert "lithium" in final[0].text.lower()


def test_what_was_read_ahead_is_not_read_again(engine, monkeypatch):
    pcm = seconds(consultation(), 0, 3.2)
    engine.prepare([pcm[:40_000], pcm[40_000:]], language="en")
    monkeypatch.setattr(engine, "_read", lambda block, language: pytest.fail("read twice"))

    assert "lithium" in engine.transcribe([pcm], language="en").text.lower()


def test_progress_runs_from_nothing_to_all(transcript, fractions):
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_long_recording_is_cut_where_nobody_speaks():
    pcm = seconds(consultation(), 0, 50)

    blocks = list(blocks_of([pcm], aim_s=10, limit_s=20))

    assert len(blocks) >= 3
    assert all(len(block.audio) / 16_000 <= 20.5 for block in blocks)
    assert [block.start_s for block in blocks[1:]] == [block.end_s for block in blocks[:-1]]
    for block in blocks[:-1]:
        assert not [turn for turn in reference()["turns"] if turn["start"] < block.end_s - 0.3 < turn["end"] - 0.6]


def test_a_language_the_model_does_not_know_is_refused_for_good(engine):
    with pytest.raises(SpeechError) as refusal:
        engine.transcribe(CONSULTATION, language="hi-IN")

    assert not refusal.value.transient


def test_a_model_that_is_not_there_is_said_so(tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(SpeechError, match="WHISPER_MODEL") as refusal:
        EmbeddedTranscriber(whisper_model=str(tmp_path / "empty")).transcribe(CONSULTATION, language="en")

    assert not refusal.value.transient


def test_a_live_window_and_a_batch_pass_run_at_the_same_time(engine):
    heard = []
    question = seconds(consultation(), 0, 3.2)
    other = threading.Thread(target=lambda: heard.append(engine.transcribe([question], language="en")))
    other.start()

    live = stream(engine.open_live(language="en"), question)
    other.join()

    assert "lithium" in heard[0].text.lower()
    assert "lithium" in " ".join(event.segment.text for event in live if event.segment.is_final).lower()
