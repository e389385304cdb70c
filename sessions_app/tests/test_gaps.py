"""Where a recording has no sound, and why: measured from the audio, explained by the recorder."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sessions_app import services
from sessions_app.recordings import gaps
from sessions_app.recordings import services as recordings
from sessions_app.spool import store as spool
from sessions_app.tests.factories import make_session, tone
from synapse.common.errors import Conflict, NotAllowed


def explained(gap, *told):
    return gaps.explain(gap, told, otherwise="")


def test_a_gap_nobody_explained_is_one_stretch():
    assert explained((1_000, 5_000)) == [(1_000, 5_000, "")]


def test_what_was_told_is_cut_to_the_gap_and_the_rest_stays_unexplained():
    assert explained((10_000, 40_000), (5_000, 20_000, "asleep"), (30_000, 60_000, "away")) == [
        (10_000, 20_000, "asleep"),
        (20_000, 30_000, ""),
        (30_000, 40_000, "away"),
    ]


def test_rounding_between_the_two_clocks_makes_no_slivers():
    assert explained((10_000, 20_000), (10_004, 19_991, "asleep")) == [(10_000, 20_000, "asleep")]


def test_what_was_told_elsewhere_explains_nothing():
    assert explained((10_000, 20_000), (0, 10_010, "asleep"), (20_000, 30_000, "away")) == [(10_000, 20_000, "")]


@pytest.mark.django_db
class TestStored:
    @pytest.fixture
    def now(self):
        return timezone.now()

    @pytest.fixture
    def session(self, asha):
        return make_session(asha)

    def tell(self, session, start_ms, end_ms, reason, cid, at):
        gaps.tell_gap(session, start_ms=start_ms, end_ms=end_ms, reason=reason, cid=cid, by=session.doctor, at=at)

    def rows(self, session):
        return list(session.events.order_by("at_ms", "kind").values_list("kind", "at_ms", "until_ms", "reason"))

    def test_only_the_sessions_doctor_tells_and_only_while_it_runs(self, session, ben, now):
        with pytest.raises(NotAllowed):
            gaps.tell_gap(session, start_ms=0, end_ms=9, reason="away", cid="c", by=ben, at=now)
        services.complete_session(session, by=session.doctor, at=now)
        with pytest.raises(Conflict):
            self.tell(session, 0, 9, "away", "c", now)

    def test_a_microphone_that_was_away_is_noted_once_where_the_next_one_took_over(self, session, now):
        for _ in range(2):
            self.tell(session, 1_000, 4_000, "microphone", "c", now)

        assert self.rows(session) == [("gap", 1_000, 4_000, "microphone"), ("microphone", 4_000, None, "")]

    def test_the_audio_decides_where_a_gap_is_and_naming_twice_changes_nothing(self, session, now):
        self.tell(session, 1_000, 9_000, "asleep", "c1", now)
        self.tell(session, 50_000, 60_000, "away", "c2", now)

        for _ in range(2):
            gaps.name_gaps(session, [(2_000, 5_000), (7_000, 12_000)], start_ms=0, end_ms=90_000, at=now)

        assert self.rows(session) == [
            ("gap", 2_000, 5_000, "asleep"),
            ("gap", 7_000, 9_000, "asleep"),
            ("gap", 9_000, 12_000, ""),
        ]

    def test_what_lies_behind_the_audio_stays(self, session, now):
        self.tell(session, 12_000, 20_000, "asleep", "c1", now)

        gaps.name_gaps(session, [], start_ms=0, end_ms=12_000, at=now)

        assert self.rows(session) == [("gap", 12_000, 20_000, "asleep")]


def recorded(session, milliseconds, *, ended_at):
    """Record audio whose last chunk became durable at a time, and leave."""
    import os

    recordings.open_stream(session, by=session.doctor, at=ended_at - timedelta(milliseconds=milliseconds))
    writer = spool.default_store().writer(session.pk)
    for seq in range(milliseconds // 200):
        writer.append(seq, seq * 200, tone(200), arrived_ms=0)
    writer.commit()
    writer.close()
    os.utime(spool.default_store().folder(session.pk) / "chunks", (ended_at.timestamp(),) * 2)


@pytest.mark.django_db
def test_the_rest_of_a_session_completed_without_finish_is_named_to_the_second(asha):
    now = timezone.now()
    session = make_session(asha)
    recorded(session, 60_000, ended_at=now - timedelta(seconds=7))

    services.complete_session(session, by=asha, at=now)

    gap = session.events.get(kind="gap")
    assert (gap.at_ms, gap.reason) == (60_000, "not_sent")
    assert gap.until_ms == pytest.approx(67_000, abs=500)


@pytest.mark.django_db
def test_audio_on_its_way_at_the_end_is_no_gap(asha):
    now = timezone.now()
    session = make_session(asha)
    recorded(session, 2_000, ended_at=now - timedelta(milliseconds=600))

    services.complete_session(session, by=asha, at=now)

    assert not session.events.filter(kind="gap").exists()
