"""Which words a mark belongs to."""

import pytest

from sessions_app import queries
from sessions_app.models import SessionEvent
from sessions_app.tests.factories import make_session, make_transcription


@pytest.fixture
def words(asha):
    return make_transcription(make_session(asha))


def mark(words, kind, at_ms, now):
    SessionEvent.objects.create(session=words.session, cid=f"{kind}{at_ms}", kind=kind, at_ms=at_ms, at=now)


@pytest.mark.parametrize(
    ("at_ms", "line"),
    [(0, 0), (1_000, 0), (2_100, 0), (2_200, 1), (5_900, 1), (6_100, 1), (8_500, 3), (60_000, 3)],
)
def test_a_mark_belongs_to_what_was_said_last(words, now, at_ms, line):
    mark(words, "moment", at_ms, now)

    assert queries.marked_segments(words) == {words.segments[line]["id"]: "moment"}


def test_the_gravest_of_several_marks_counts(words, now):
    for kind in ("moment", "medication", "risk", "action"):
        mark(words, kind, 9_000, now)

    assert queries.marked_segments(words) == {words.segments[3]["id"]: "risk"}


def test_pauses_and_gaps_are_no_marks(words, now):
    mark(words, "pause", 3_000, now)
    mark(words, "gap", 3_000, now)

    assert queries.marked_segments(words) == {}
