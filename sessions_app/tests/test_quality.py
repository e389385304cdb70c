"""How usable a recording is, in numbers and in words."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from sessions_app.recordings import quality
from sessions_app.recordings.quality import Meter, Quality, advice_of
from sessions_app.tests.test_audio import speechlike

GOOD = Quality(speech_dbfs=-20.0, noise_dbfs=-60.0, distance_db=40.0, clipped_share=0.0, speech_share=0.5)


def measured(pcm):
    meter = Meter(len(pcm))
    samples = np.frombuffer(pcm, "<i2")
    for start in range(0, len(samples), 320):
        meter.hear(samples[start : start + 320])
    return meter.quality()


def hiss(level, seconds=5):
    return (np.random.default_rng(3).standard_normal(seconds * 16_000) * level * 32_767).astype("<i2").tobytes()


def test_speech_is_measured_apart_from_the_noise_between():
    found = measured(speechlike(10, level=0.1))

    assert found.speech_dbfs == pytest.approx(-23, abs=1)  # a sine of 0.1 has a power of -23 dBFS
    assert found.noise_dbfs == pytest.approx(-54, abs=1)
    assert found.distance_db == pytest.approx(31, abs=2)
    assert found.speech_share == pytest.approx(0.56, abs=0.05)
    assert found.clipped_share == 0


@pytest.mark.parametrize("pcm", [b"", bytes(32_000), hiss(0.1), hiss(0.001)])
def test_silence_and_steady_noise_are_no_speech_and_score_nothing(pcm):
    found = measured(pcm)

    assert found.speech_dbfs is None
    assert found.score(5) == 0
    assert "No speech was found" in advice_of(found)[0]


def test_a_gated_microphone_is_not_called_endlessly_quiet():
    assert measured(bytes(64_000) + speechlike(5)).noise_dbfs >= -70


def test_the_score_falls_with_each_thing_that_costs_words():
    best = GOOD.score(600)

    assert best == 1
    assert GOOD.score(600) > replace(GOOD, distance_db=20.0).score(600) > replace(GOOD, distance_db=8.0).score(600)
    assert replace(GOOD, speech_dbfs=-42.5).score(600) == pytest.approx(0.9)
    assert replace(GOOD, clipped_share=0.02).score(600) == pytest.approx(0.75)
    assert replace(GOOD, lost_s=60.0).score(600) == pytest.approx(0.9)
    assert replace(GOOD, speech_dbfs=None, distance_db=None).score(600) == 0


def test_clear_speech_scores_above_noisy_and_clipped_speech():
    clear = measured(speechlike(5)).score(5)
    noisy = measured(_mixed(speechlike(5, level=0.1), hiss(0.03))).score(5)
    clipped = measured(speechlike(5, level=5)).score(5)

    assert clear > 0.95
    assert noisy < clear - 0.2
    assert clipped < clear - 0.2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, []),
        ({"speech_dbfs": -41.2}, ["far away: speech is at −41 dBFS"]),
        ({"distance_db": 12.4}, ["noise is only 12 dB below speech"]),
        ({"clipped_share": 0.004}, ["clipped (0.4 %)"]),
        ({"speech_share": 0.03}, ["3.0 % of the recording"]),
        ({"lost_s": 12.0}, ["12 s were lost"]),
        ({"lost_s": 0.4}, []),
        ({"speech_dbfs": -50.0, "distance_db": 9.0}, ["far away", "loud in the room"]),
    ],
)
def test_advice_names_what_to_do(change, words):
    found = advice_of(replace(GOOD, **change))

    assert len(found) == len(words)
    for sentence, word in zip(found, words, strict=True):
        assert word in sentence


def test_what_is_stored_comes_back_and_what_was_never_measured_is_none():
    assert quality.quality_of(asdict(GOOD)) == GOOD
    assert quality.quality_of({}) is None


def _mixed(one, other):
    both = np.frombuffer(one, "<i2").astype(int) + np.frombuffer(other, "<i2").astype(int)
    return np.clip(both, -32_768, 32_767).astype("<i2").tobytes()
