import importlib.util
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "synapse" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path, monkeypatch):
    """Load the script with a project folder of its own."""
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "VENV_PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "REQUIREMENTS", tmp_path / "requirements.lock")
    monkeypatch.setattr(module, "MARKER", tmp_path / ".venv" / ".requirements")
    monkeypatch.delenv("SYNAPSE_DATA_DIR", raising=False)
    return module


@pytest.fixture
def calls(bootstrap, monkeypatch) -> list[list[str]]:
    """Collect the commands that would run, each ending well."""
    commands: list[list[str]] = []
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command: commands.append(command) or 0)
    return commands


def environment_of(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_it_writes_six_different_keys_and_a_password_for_this_user_only(bootstrap, tmp_path):
    bootstrap.write_environment()

    values = environment_of(tmp_path / "var")
    assert set(values) == {*bootstrap.KEYS, "DEMO_PASSWORD"}
    assert len(set(values.values())) == 7
    assert {name: len(values[name]) for name in bootstrap.KEYS} == {
        **dict.fromkeys(bootstrap.KEYS, 44),
        "SECRET_KEY": 64,
    }
    assert stat.S_IMODE((tmp_path / "var" / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_the_keys_it_writes_pass_the_settings(bootstrap, tmp_path):
    bootstrap.write_environment()

    outcome = subprocess.run(
        [sys.executable, "-c", "import synapse.settings"],
        env={"PATH": os.environ["PATH"], "SYNAPSE_DATA_DIR": str(tmp_path / "var")},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr.decode()


def test_it_never_overwrites_keys(bootstrap, tmp_path):
    bootstrap.write_environment()
    before = (tmp_path / "var" / ".env").read_text()

    bootstrap.write_environment()

    assert (tmp_path / "var" / ".env").read_text() == before


def test_the_data_folder_is_where_the_environment_says(bootstrap, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNAPSE_DATA_DIR", str(tmp_path / "elsewhere"))

    bootstrap.write_environment()

    assert (tmp_path / "elsewhere" / ".env").exists()
    assert not (tmp_path / "var").exists()


def test_without_venv_and_uv_it_names_the_package_to_install(bootstrap, calls, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    monkeypatch.setattr(bootstrap, "has_venv", lambda: False)

    with pytest.raises(SystemExit) as ended:
        bootstrap.make_venv()

    assert ended.value.code == 1
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" in capsys.readouterr().err
    assert calls == []


def test_uv_is_used_where_it_is_there(bootstrap, calls, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/usr/bin/uv" if name == "uv" else None)
    bootstrap.REQUIREMENTS.write_text("Django\n")
    bootstrap.VENV.mkdir()

    bootstrap.make_venv()
    bootstrap.install_requirements()

    assert [command[0] for command in calls] == ["/usr/bin/uv", "/usr/bin/uv"]
    assert calls[1][1:3] == ["pip", "install"]


def test_without_uv_it_uses_venv_and_pip(bootstrap, calls, monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    bootstrap.REQUIREMENTS.write_text("Django\n")
    bootstrap.VENV.mkdir()

    bootstrap.make_venv()
    bootstrap.install_requirements()

    assert calls[0][1:3] == ["-m", "venv"]
    assert calls[1][1:4] == ["-m", "pip", "install"]


def test_requirements_are_installed_once_and_again_when_they_change(bootstrap, calls):
    bootstrap.VENV.mkdir()
    for content in ("Django\n", "Django\n", "Django\nnumpy\n"):
        bootstrap.REQUIREMENTS.write_text(content)
        bootstrap.install_requirements()

    assert len(calls) == 2


def test_a_failed_install_is_tried_again_next_time(bootstrap, monkeypatch, capsys):
    bootstrap.VENV.mkdir()
    bootstrap.REQUIREMENTS.write_text("Django\n")
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command: 1)

    with pytest.raises(SystemExit):
        bootstrap.install_requirements()

    assert "Installing the requirements failed" in capsys.readouterr().err
    assert not bootstrap.MARKER.exists()


def test_a_half_made_environment_is_removed(bootstrap, monkeypatch):
    def fail(command: list[str]) -> int:
        bootstrap.VENV.mkdir()
        return 1

    monkeypatch.setattr(bootstrap.subprocess, "call", fail)

    with pytest.raises(SystemExit):
        bootstrap.make_venv()

    assert not bootstrap.VENV.exists()


def test_an_old_python_hands_over_to_a_newer_one_or_says_what_to_install(bootstrap, monkeypatch, capsys):
    handed_over = []
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(bootstrap.os, "execv", lambda path, arguments: handed_over.append(path))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)

    with pytest.raises(SystemExit):
        bootstrap.use_new_enough_python()
    assert "Python 3.11 or newer" in capsys.readouterr().err

    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "python3.12" else None)
    with pytest.raises(SystemExit):
        bootstrap.use_new_enough_python()
    assert handed_over == ["/usr/bin/python3.12"]


def test_the_script_needs_nothing_outside_the_standard_library():
    outcome = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({str(SCRIPT)!r})"],
        capture_output=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr.decode()
