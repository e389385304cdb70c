import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse.testing import prepared

START_SECONDS = 300


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Return the environment of an installation of its own, migrated and empty."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # No DATABASE_URL of the run, but its keys: SQLite in a folder of the test.
    values = {
        **os.environ,
        "SYNAPSE_DATA_DIR": str(tmp_path),
        "PORT": str(port),
        "BASE_URL": f"http://localhost:{port}",
    }
    values["DJANGO_SETTINGS_MODULE"] = "synapse.settings"
    prepared.copy_installation(tmp_path)
    return values


@pytest.fixture
def tree(environment, tmp_path) -> Iterator[subprocess.Popen]:
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=prepared.PROJECT, env=environment, stdout=output, stderr=output
        )
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def readiness(environment: dict[str, str]) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}/health/ready", timeout=5) as answer:
            return json.load(answer)
    except (OSError, urllib.error.HTTPError):
        return {}


def sessions_of(children: list[int]) -> list[int]:
    """Return the ids of every process in the sessions the children lead."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rsplit(")", 1)[1].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(session) in children and state != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(500)
def test_one_command_runs_the_whole_tree_and_one_signal_ends_all_of_it(environment, tree, tmp_path):
    deadline = time.monotonic() + START_SECONDS
    while readiness(environment).get("status") != "ok" and time.monotonic() < deadline:
        assert tree.poll() is None, (tmp_path / "output").read_text()
        time.sleep(0.5)
    assert readiness(environment)["checks"] == dict.fromkeys(("database", "storage", "keys", "worker", "speech"), "ok")
    ready = f"SynapseAI is ready: http://localhost:{environment['PORT']}"
    while ready not in (tmp_path / "output").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ready in (tmp_path / "output").read_text()
    children = [int(pid) for pid in Path(f"/proc/{tree.pid}/task/{tree.pid}/children").read_text().split()]
    assert len(children) == 3
    assert len(sessions_of(children)) > 6

    tree.send_signal(signal.SIGTERM)
    code = tree.wait(60)

    assert code == 0
    # Nobody used up the supervisor's grace of 10 s.
    assert "is killed" not in (tmp_path / "output").read_text()
    assert sessions_of(children) == []
