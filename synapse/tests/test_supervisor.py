import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each child appends its pid to a file named after it, so that a test sees every start.
CHILDREN = {
    "steady": """
        import os, time
        with open("steady", "a") as file: file.write(f"{os.getpid()}\\n")
        time.sleep(60)
    """,
    "crashing": """
        import os
        with open("crashing", "a") as file: file.write(f"{os.getpid()}\\n")
        raise SystemExit(3)
    """,
    "stubborn": """
        import os, signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
        grandchild = subprocess.Popen([sys.executable, "-c", code])
        with open("stubborn", "a") as file: file.write(f"{os.getpid()}\\n{grandchild.pid}\\n")
        time.sleep(60)
    """,
    "orphaning": """
        import os, subprocess, sys, time
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        with open("orphaning", "a") as file: file.write(f"{os.getpid()}\\n{grandchild.pid}\\n")
        time.sleep(0.3)
    """,
}
SUPERVISE = """
    import sys
    from synapse import supervisor
    from synapse.supervisor import Child, Supervisor
    supervisor.GRACE_SECONDS, supervisor.WATCH_SECONDS = 1.0, 0.2
    hung = {"hung": lambda age: age > 0.8}
    children = [
        Child(name, [sys.executable, name.split()[-1] + ".py"], hung.get(name.split()[0]))
        for name in sys.argv[1:]
    ]
    Supervisor(children).run()
"""


@pytest.fixture
def supervise(tmp_path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a supervisor over children named above, in a folder of its own."""
    for name, code in CHILDREN.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
    started = []

    def start(*names: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SUPERVISE), *names],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def pids(folder: Path, name: str) -> list[int]:
    path = folder / name
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def until(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def none_running(*groups: list[int]) -> bool:
    return not any(is_running(pid) for group in groups for pid in group)


def test_a_terminated_supervisor_ends_every_child_at_once(supervise, tmp_path):
    process = supervise("steady")
    assert until(lambda: pids(tmp_path, "steady"))

    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 0
    assert none_running(pids(tmp_path, "steady"))


def test_a_child_that_does_not_end_is_killed_with_its_own_children(supervise, tmp_path):
    process = supervise("steady", "stubborn")
    assert until(lambda: len(pids(tmp_path, "stubborn")) == 2 and pids(tmp_path, "steady"))

    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 0
    assert none_running(pids(tmp_path, "stubborn"), pids(tmp_path, "steady"))


def test_a_crashed_child_is_started_again_with_growing_pauses(supervise, tmp_path):
    supervise("crashing", "steady")
    started = time.monotonic()

    assert until(lambda: len(pids(tmp_path, "crashing")) >= 3)

    assert time.monotonic() - started >= 3  # one second, then two
    assert len(pids(tmp_path, "steady")) == 1


def test_what_a_dead_child_leaves_behind_is_killed_before_its_next_start(supervise, tmp_path):
    supervise("orphaning")
    assert until(lambda: len(pids(tmp_path, "orphaning")) >= 4)

    first_grandchild = pids(tmp_path, "orphaning")[1]
    assert until(lambda: not is_running(first_grandchild))


def test_a_hung_child_is_killed_with_its_group_and_started_again(supervise, tmp_path):
    supervise("hung stubborn")
    assert until(lambda: len(pids(tmp_path, "stubborn")) >= 4)

    assert until(lambda: none_running(pids(tmp_path, "stubborn")[:2]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_children_of_a_killed_supervisor_end_too(supervise, tmp_path):
    process = supervise("steady")
    assert until(lambda: pids(tmp_path, "steady"))

    process.kill()
    process.wait()

    assert until(lambda: none_running(pids(tmp_path, "steady")))
