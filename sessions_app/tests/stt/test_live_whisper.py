"""What a live stream promises of its events, whatever the model hears: asked with a model that changes its mind."""

import random
from itertools import pairwise

import numpy as np
import pytest

from sessions_app.stt import live_whisper
from sessions_app.stt.base import SAMPLE_RATE, Word
from sessions_app.stt.live_whisper import LiveWhisper

CHUNK = 3_200  # 100 ms
CHUNK_S = 0.1
SPOKEN_EACH_S = 0.35
SLACK_S = 0.1


class Gate:
    """Hear a voice for some seconds, then a pause, in turns."""

    def __init__(self, seed):
        self.random, self.is_voice, self.left_s = random.Random(seed), True, 4.0

    def feed(self, audio):
        self.left_s -= len(audio) / SAMPLE_RATE
        if self.left_s < 0:
            self.is_voice = not self.is_voice
            self.left_s = self.random.uniform(5, 40) if self.is_voice else self.random.uniform(0.1, 3)
        return np.full(3, 0.9 if self.is_voice else 0.1, np.float32)


class Undecided:
    """A model that puts a word at each place in time and often another one at the next reading."""

    def __init__(self, seed):
        self.random, self.confidence = random.Random(seed), 0.8

    def language_code(self, language):
        return "en"

    def decode(self, audio, *, offset_s, language):
        end_s = offset_s + len(audio) / SAMPLE_RATE
        places = range(int(offset_s / SPOKEN_EACH_S) + 1, int(end_s / SPOKEN_EACH_S))
        return [self._heard(place) for place in places if self.random.random() > 0.03]

    def _heard(self, place):
        wobble = self.random.uniform(-0.05, 0.05)
        text = f"word{place}{self.random.choice(['', '', 'x', 'y', 'z'])}{self.random.choice(['', '', '.'])}"
        return Word(place * SPOKEN_EACH_S + wobble, (place + 1) * SPOKEN_EACH_S + wobble, text, self.confidence)


class NoVoices:
    def __init__(self, start_s, *, doctor_voice):
        pass

    def hear(self, audio):
        pass

    def speaker_of(self, words):
        return "unknown"


@pytest.fixture
def open_stream(monkeypatch):
    def open_one(seed, step_s):
        monkeypatch.setattr(live_whisper, "VoiceGate", lambda: Gate(seed))
        monkeypatch.setattr(live_whisper, "LiveVoices", NoVoices)
        stream = LiveWhisper(Undecided(seed), language="en", start_s=0.0, first_id=1)
        stream.step_s = step_s
        return stream

    return open_one


def played(stream, seconds):
    """Yield (second, event) for a stream of silence in pieces of 100 ms."""
    for number in range(int(seconds / CHUNK_S)):
        for event in stream.feed(bytes(CHUNK)):
            yield (number + 1) * CHUNK_S, event
    for event in stream.finish():
        yield seconds, event


@pytest.mark.parametrize("step_s", [0.6, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_committed_words_never_change_and_none_is_in_doubt_for_eight_seconds(open_stream, seed, step_s):
    settled, texts, is_final = {}, {}, set()

    for now, event in played(open_stream(seed, step_s), 180):
        number, words = event.segment.id, [word.text for word in event.segment.words]
        assert number not in is_final
        before = texts.get(number, [])
        assert words[: len(before)] == before
        assert event.committed >= len(before)
        for word in event.segment.words[len(before) : event.committed]:
            settled[word] = now
        texts[number] = words[: event.committed]
        assert all(now - word.end < 8 for word in event.segment.words[event.committed :])
        if event.segment.is_final:
            assert event.committed == len(words)
            is_final.add(number)

    assert is_final == set(texts)
    assert sorted(is_final) == list(range(1, len(is_final) + 1))
    assert len(settled) > 100
    assert max(at - word.end for word, at in settled.items()) < 8
    assert all(before.end < after.end + SLACK_S for before, after in pairwise(settled))


def test_what_the_model_hardly_believes_is_not_shown(open_stream):
    stream = open_stream(1, 0.6)
    stream._whisper.confidence = 0.24

    assert list(played(stream, 60)) == []


def test_a_long_silence_costs_no_reading_and_no_memory(monkeypatch, open_stream):
    stream = open_stream(1, 0.6)
    quiet = Gate(1)
    quiet.is_voice, quiet.left_s = False, float("inf")
    monkeypatch.setattr(stream, "_gate", quiet)
    monkeypatch.setattr(stream, "_whisper", None)

    assert list(played(stream, 1_800)) == []
    assert len(stream._audio) <= 0.6 * SAMPLE_RATE
