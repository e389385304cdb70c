"""As many voices are found as people spoke, whatever their share and the noise, and one voice stays one."""

import time

import numpy as np
import pytest

from sessions_app.stt.clustering import MOST_VOICES, find_voices, unit

SIZE = 256


def people(number, *, apart=0.5, seed=0):
    """Return unit vectors with about this cosine between any two."""
    random = np.random.default_rng(seed)
    shared = unit(random.normal(size=SIZE))
    own = unit(random.normal(size=(number, SIZE)))
    return unit(np.sqrt(apart) * shared + np.sqrt(1 - apart) * own)


def speech(voices, stretches, *, spread=0.45, seed=1):
    """Return stretches of each voice, as many as named, scattered as the encoder scatters real ones."""
    random = np.random.default_rng(seed)
    clean = np.repeat(voices, stretches, axis=0)
    return unit(clean + spread * unit(random.normal(size=clean.shape))).astype(np.float32)


def seconds(vectors, each=2.0):
    return np.full(len(vectors), each)


@pytest.mark.parametrize("number", range(1, MOST_VOICES + 1))
def test_each_person_is_one_voice(number):
    voices = people(number)
    vectors = speech(voices, [20] * number)

    found = find_voices(vectors, seconds(vectors))

    assert len(found) == number
    assert (voices @ found.T).max(1).min() > 0.95


def test_more_than_six_people_are_heard_as_six():
    vectors = speech(people(8), [15] * 8)

    assert len(find_voices(vectors, seconds(vectors))) == MOST_VOICES


def test_someone_who_says_little_is_still_a_voice():
    vectors = speech(people(3), [80, 60, 5])

    assert len(find_voices(vectors, seconds(vectors))) == 3


def test_a_cough_is_no_voice():
    vectors = speech(people(3), [40, 30, 1])

    assert len(find_voices(vectors, seconds(vectors, 1.5))) == 2


def test_halves_of_one_voice_that_drift_apart_stay_one_voice():
    vectors = speech(people(2, apart=0.92), [30, 30])

    assert len(find_voices(vectors, seconds(vectors))) == 1


def test_two_people_who_sound_alike_are_two_when_enough_is_heard():
    vectors = speech(people(2, apart=0.8), [40, 40], spread=0.3)

    assert len(find_voices(vectors, seconds(vectors))) == 2
    assert len(find_voices(vectors[35:45], seconds(vectors[35:45]))) == 1


def test_noise_that_scatters_a_voice_does_not_split_it():
    vectors = speech(people(1), [60], spread=0.6)

    assert len(find_voices(vectors, seconds(vectors))) == 1


def test_back_channels_found_no_voice_and_hide_none():
    voices = people(2)
    long, short = speech(voices, [20, 20]), speech(voices, [60, 60], spread=1.2, seed=2)
    lengths = np.concatenate([np.full(40, 2.0), np.full(120, 0.4)])

    found = find_voices(np.concatenate([long, short]), lengths)

    assert len(found) == 2


def test_an_hour_is_told_apart_in_seconds():
    vectors = speech(people(3), [900, 900, 600])
    began = time.process_time()

    found = find_voices(vectors, seconds(vectors))

    assert len(found) == 3
    assert time.process_time() - began < 5
