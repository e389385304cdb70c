"""Speech without words is found, and only that, and read once more."""

import numpy as np
import pytest

from sessions_app.stt.base import Word
from sessions_app.stt.blocks import Block
from sessions_app.stt.embedded import EmbeddedTranscriber
from sessions_app.stt.missed import missed_speech
from sessions_app.stt.voice import Region


def word(start, end):
    return Word(start, end, "word", 0.9)


def test_a_sentence_left_out_between_two_others_is_found_whole():
    regions = [Region(0, 2), Region(2.2, 3.4), Region(3.6, 5), Region(6, 8)]
    words = [word(0.1, 1.9), word(6.1, 7.9)]

    assert missed_speech(regions, words) == [Region(2.2, 5)]


def test_the_part_of_a_stretch_behind_its_last_word_is_found():
    assert missed_speech([Region(0, 4)], [word(0, 1.85)]) == [Region(2.0, 4)]


def test_pauses_in_speech_and_short_noises_are_not_missed_words():
    regions = [Region(0, 3), Region(4, 4.8)]
    words = [word(0.1, 0.8), word(1.2, 1.9), word(2.3, 2.9)]

    assert missed_speech(regions, words) == []


def test_words_between_two_left_out_pieces_keep_them_apart():
    regions = [Region(0, 1.2), Region(1.25, 1.5), Region(1.55, 2.8)]

    found = missed_speech(regions, [word(1.3, 1.45)])

    assert [(region.start, region.end) for region in found] == [
        (0, pytest.approx(1.15)),
        (pytest.approx(1.6), 2.8),
    ]


def test_all_speech_is_missed_without_words():
    assert missed_speech([Region(1, 3)], []) == [Region(1, 3)]


@pytest.mark.parametrize(("confidence", "believed"), [(0.9, True), (0.3, False)])
def test_what_was_left_out_is_read_again_and_kept_when_it_is_believed(monkeypatch, confidence, believed):
    def words_in(audio, start_s, language, *, has_pauses):
        asked.append((start_s, round(len(audio) / 16_000, 1), has_pauses))
        return [Word(start_s, start_s + 1, "overwhelming.", confidence)]

    asked = []
    engine = EmbeddedTranscriber()
    monkeypatch.setattr(engine, "_words_in", words_in)
    block = Block(np.zeros(10 * 16_000, np.float32), 120.0, [Region(121, 123), Region(124, 126)])

    again = list(engine._read_missed(block, [word(121, 123)], "en"))

    assert asked == [(pytest.approx(123.8), 2.4, False)]
    assert [found.text for found in again] == (["overwhelming."] if believed else [])
