"""`manage.py draft_report`: the engine alone, as another program calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

SAMPLE = Path(__file__).parent / "data" / "followup.json"


def draft(data: Any, folder: Path, capsys: pytest.CaptureFixture[str], *options: str, slug: str = "soap") -> str:
    path = folder / "transcript.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    call_command("draft_report", str(path), "--template", slug, *options)
    return capsys.readouterr().out


def test_one_session_gives_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = {"segments": [{"id": 1, "speaker": "patient", "text": "I feel depressed and I cannot sleep."}]}

    report = json.loads(draft(session, tmp_path, capsys, "--json"))

    assert {
        "id",
        "engine",
        "elapsed_s",
        "sections",
        "content",
        "scores",
        "missing",
        "unassigned",
        "ai_model",
        "prompt_version",
    } <= set(report)
    assert report["engine"] == "embedded"
    assert [section["id"] for section in report["sections"]] == ["subjective", "objective", "assessment", "plan"]
    [evidence] = report["sections"][0]["sentences"][0]["evidence"]
    assert evidence["segment"] == 1


def test_a_list_gives_a_list_with_its_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sessions = [
        {
            "id": name,
            "segments": [{"id": f"{name}-7", "start": 1.5, "end": 2.0, "speaker": "patient", "text": "I feel sad."}],
        }
        for name in ("a", "b")
    ]

    reports = json.loads(draft(sessions, tmp_path, capsys, "--json"))

    assert [report["id"] for report in reports] == ["a", "b"]
    evidence = reports[1]["sections"][0]["sentences"][0]["evidence"][0]
    assert (evidence["segment"], evidence["start_ms"], evidence["end_ms"]) == ("b-7", 1500, 2000)


def test_without_json_the_text_of_the_report_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = {
        "patient": {"gender": "male"},
        "segments": [{"id": 1, "speaker": "patient", "text": "I feel sad all day."}],
    }

    assert "The patient reports that he feels sad all day." in draft(session, tmp_path, capsys)


@pytest.mark.parametrize(
    ("data", "slug", "complaint"),
    [
        ({"segments": []}, "nothing", "Choose one of"),
        ({"segments": []}, "soap", "no words"),
        ({"text": "I feel sad"}, "soap", "a list named segments"),
        ({"segments": [{"id": 1}]}, "soap", "Segment 1 has no text"),
        ({"segments": [{"id": 1, "text": "I feel sad", "start": "now"}]}, "soap", "are seconds"),
    ],
)
def test_what_cannot_be_drafted_is_said(
    data: Any, slug: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match=complaint):
        draft(data, tmp_path, capsys, slug=slug)


def test_it_needs_no_database_no_key_and_no_settings_file(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "SYNAPSE_DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "draft_report", str(SAMPLE), "--template", "psychiatry_followup", "--json"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    [report] = json.loads(done.stdout)
    assert report["id"] == "followup-1"
    assert list(tmp_path.iterdir()) == []
