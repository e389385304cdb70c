"""A speech worker whose engine follows a script, for the tests of the live pass."""

import pytest

from sessions_app import stt
from sessions_app.speech import live_pass
from sessions_app.tests.factories import make_session
from sessions_app.tests.speech.scripted import Heard, Recorder, ScriptedEngine


@pytest.fixture
def engine(monkeypatch):
    scripted = ScriptedEngine()
    scripted.allowed = []

    def get(*, cloud_allowed):
        scripted.allowed.append(cloud_allowed)
        return scripted

    monkeypatch.setattr(stt, "get_transcriber", get)
    monkeypatch.setattr(live_pass, "LOOK_SECONDS", 0.0)
    return scripted


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def live(engine, heard):
    return live_pass.LivePass(heard)


@pytest.fixture
def recorder(asha):
    recorder = Recorder(make_session(asha))
    yield recorder
    recorder.writer.close()
