"""Pauses and gaps in words, and where the transcript shows them."""

from datetime import timedelta

import pytest

from sessions_app.models import SessionEvent
from sessions_app.recordings import breaks
from sessions_app.tests.factories import make_session, make_transcription
from sessions_app.transcripts import lines as transcript_lines


def event(kind, at, at_ms=6_100, **fields):
    return SessionEvent(kind=kind, at=at, at_ms=at_ms, cid=f"{kind}{at}", **fields)


def test_a_pause_is_as_long_as_its_clock_stood(now):
    events = [
        event("resume", now + timedelta(minutes=3, seconds=20)),
        event("pause", now),
        event("pause", now + timedelta(minutes=9), 9_000),
    ]

    assert breaks.pauses_in(events) == [breaks.Pause(6_100, 200)]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("", "12 s not recorded here"),
        ("asleep", "12 s not recorded here: the device was asleep"),
        ("microphone", "12 s not recorded here: the microphone was away"),
    ],
)
def test_a_gap_says_how_long_and_why(now, reason, words):
    assert breaks.gap_words(event("gap", now, 0, until_ms=12_000, reason=reason)) == words


def test_the_transcript_shows_a_pause_before_the_words_that_follow_it(asha, now):
    words = make_transcription(make_session(asha))
    for one in (event("pause", now), event("resume", now + timedelta(seconds=75))):
        one.session = words.session
        one.save()

    turns = transcript_lines.turns_of(words.session, words)

    assert [[one.words for one in turn.breaks_before] for turn in turns] == [[], [], ["Paused for 1 min 15 s"], []]
