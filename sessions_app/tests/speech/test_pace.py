"""How the speech worker shares itself between recordings, and what it reads ahead."""

import time

import pytest

from sessions_app.speech import follower, live_pass, pace, read_ahead
from sessions_app.tests.factories import make_session
from sessions_app.tests.speech.scripted import CHUNK_MS, Heard, Recorder, stored, told


@pytest.fixture
def three_recorders(db):
    from synapse.testing.plugin import make_user

    recorders = [Recorder(make_session(make_user(f"doctor{number}", "doctor", "Asha", "Rao"))) for number in range(3)]
    yield recorders
    for one in recorders:
        one.writer.close()


@pytest.fixture
def two_places(monkeypatch):
    monkeypatch.setattr(pace, "FEW_LIVE", 1)
    monkeypatch.setattr(live_pass, "MOST_LIVE", 2)
    monkeypatch.setattr(live_pass, "REPEAT_SECONDS", 60.0)


def test_many_recordings_get_longer_steps_and_too_many_wait_and_are_told_so(
    live, engine, heard, three_recorders, two_places
):
    for one in three_recorders:
        one.record(1)
        live.take_turn()

    assert len(engine.opened) == 2
    assert engine.steps[-1] == 1.0
    assert [told(heard, one) for one in three_recorders] == [[], [], [("waiting", 2)]]

    three_recorders[0].finish()
    live.take_turn()
    live.take_turn()

    assert len(engine.opened) == 3
    assert told(heard, three_recorders[2]) == [("waiting", 2), ("on", 2)]


def test_a_recording_that_went_quiet_gives_its_place_away_and_comes_back_when_it_goes_on(
    live, engine, heard, three_recorders, two_places, monkeypatch
):
    for one in three_recorders:
        one.record(1)
        live.take_turn()
    monkeypatch.setattr(live_pass, "IDLE_SECONDS", 0.0)

    live.take_turn()

    assert told(heard, three_recorders[2]) == [("waiting", 2), ("on", 2)]
    monkeypatch.setattr(live_pass, "IDLE_SECONDS", 60.0)
    quiet = next(one for one in three_recorders if one.session.pk in live._idle)
    live.take_turn()
    assert told(heard, quiet) == []

    quiet.record(1)
    live.take_turn()
    assert told(heard, quiet) == [("waiting", 2)]

    three_recorders[2].finish()
    live.take_turn()
    live.take_turn()
    assert told(heard, quiet) == [("waiting", 2), ("on", 2)]
    assert "word1" in [one["text"] for one in stored(quiet.session)]


def test_steps_grow_with_recordings_and_while_words_come_late():
    speed = pace.Pace()

    assert speed.step_s(recordings=3, behind_ms=700) == 0.6
    assert speed.step_s(recordings=4, behind_ms=700) == 1.0
    assert speed.step_s(recordings=4, behind_ms=1_600) == 2.0
    assert speed.step_s(recordings=4, behind_ms=1_000) == 2.0
    assert speed.step_s(recordings=3, behind_ms=700) == 0.6


def test_words_that_fell_far_behind_go_on_from_now(live, recorder, engine, monkeypatch):
    monkeypatch.setattr(follower, "FARTHEST_BEHIND_MS", 10_000)
    recorder.record(1)
    live.take_turn()
    recorder.record(20)
    live.take_turn()

    assert [start for _, start, _ in engine.opened] == [0.0, 19.0]
    assert [one["text"] for one in stored(recorder.session)] == ["word0", "word19", "word20"]


def test_the_end_of_a_recording_does_not_wait_for_words_that_are_behind(live, recorder):
    recorder.record(12)
    live.take_turn()
    recorder.finish()
    live.take_turn()

    assert len(stored(recorder.session)) == 10


def test_a_running_recording_is_read_ahead_until_it_ends(live, recorder, engine, monkeypatch):
    monkeypatch.setattr(read_ahead, "AHEAD_SECONDS", 0.05)
    taken = []

    def prepare(source, *, language, hints=None):
        taken.extend(len(piece) for piece in source)

    monkeypatch.setattr(engine, "prepare", prepare, raising=False)
    recorder.record(1)
    live.take_turn()
    (ahead,) = live._ahead.values()
    recorder.record(1)
    while sum(taken) < 64_000:
        time.sleep(0.05)

    recorder.finish()
    live.take_turn()
    ahead.join(60)

    assert not ahead.is_alive()
    assert live._ahead == {}
    assert sum(taken) == 64_000


def test_reading_ahead_gives_way_while_live_words_come_late(live, recorder, monkeypatch):
    monkeypatch.setattr(read_ahead, "AHEAD_SECONDS", 0.0)
    recorder.record(1)
    speed, one = pace.Pace(), follower.Follower(recorder.session, Heard())
    ahead = read_ahead.ReadAhead(one, speed)
    speed.step_s(recordings=1, behind_ms=5_000)
    looks = []

    def wait(seconds):
        looks.append(seconds)
        speed.step_s(recordings=1, behind_ms=0)
        return False

    monkeypatch.setattr(ahead._has_ended, "wait", wait)
    pcm = ahead._pcm()

    assert len(next(pcm)) == CHUNK_MS * 32
    assert len(looks) == 1
    next(pcm)
    assert len(looks) == 1
