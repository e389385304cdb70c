"""`manage.py transcribe` alone: no database, no key, no `.env`, no network."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sessions_app.stt.playback import play
from sessions_app.tests.stt.sound import consultation, encode, reference, seconds
from synapse.testing.word_errors import word_errors

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def short_file(tmp_path):
    path = tmp_path / "short.flac"
    path.write_bytes(encode(seconds(consultation(), 0, 9.2), "flac", "flac"))
    return path


def test_it_works_in_an_empty_folder_without_any_setting(tmp_path, short_file):
    data = tmp_path / "data"
    environment = {"PATH": os.environ["PATH"], "SYNAPSE_DATA_DIR": str(data), "HF_HUB_OFFLINE": "1"}

    done = subprocess.run(
        [sys.executable, "manage.py", "transcribe", str(short_file), "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )

    shown = json.loads(done.stdout)
    assert shown["engine"] == "embedded"
    assert "lithium" in shown["text"].lower()
    assert not list(data.glob("*.sqlite3"))


def test_live_words_say_when_they_were_committed(short_file):
    out = StringIO()

    call_command("transcribe", short_file, "--live", "--json", stdout=out)

    shown = json.loads(out.getvalue())
    words = [word for segment in shown["segments"] for word in segment["words"]]
    assert word_errors(" ".join(turn["text"] for turn in reference()["turns"][:2]), shown["text"]).rate <= 0.15
    # A word may be settled a little before the aligner says it ends, and never long after the recording did.
    assert all(word["start"] < word["committed_at"] for word in words)
    assert [word["committed_at"] for word in words] == sorted(word["committed_at"] for word in words)


def test_without_json_it_prints_lines_to_read(short_file):
    out = StringIO()

    call_command("transcribe", short_file, stdout=out)

    assert "lithium" in out.getvalue().lower()


def test_a_file_that_is_not_there_or_no_sound_is_said_so(tmp_path):
    letter = tmp_path / "letter.mp3"
    letter.write_text("no sound")

    with pytest.raises(CommandError, match="no file"):
        call_command("transcribe", tmp_path / "none.wav")
    with pytest.raises(CommandError, match="could not be read"):
        call_command("transcribe", letter)


def test_a_slow_engine_gets_what_waited_in_one_piece():
    class Slow:
        step_s = 0.0

        def __init__(self):
            self.pieces = []

        def feed(self, pcm):
            self.pieces.append(len(pcm))
            if len(self.pieces) == 1:
                import time

                time.sleep(0.5)
            return []

        def finish(self):
            return []

    class Engine:
        def open_live(self, **options):
            return session

    session = Slow()
    playback = play(Engine(), [seconds(consultation(), 0, 1)], language="en")

    assert sum(session.pieces) == 32_000
    assert max(session.pieces) >= 4 * 3_200
    assert playback.duration_s == pytest.approx(1.0)
