"""One process tree: start the children, start them again when they die or hang, end all of them together."""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.2
HEALTHY_SECONDS = 60.0
LONGEST_BACKOFF_SECONDS = 30.0
WATCH_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Ask Linux to end this child when its supervisor is killed; elsewhere it goes on."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One supervised process, leader of its own session.

    `is_hung` gets the seconds since the process started and is asked every few seconds.
    """

    name: str
    command: Sequence[str]
    is_hung: Callable[[float], bool] | None = None
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    start_at: float = field(default=0.0, init=False)
    failures: int = field(default=0, init=False)
    watched: float = field(default=0.0, init=False)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        self.started = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal_leader(self, number: int) -> None:
        # Only the leader: a queue whose workers are signalled too may never stop.
        if self.process is not None and self.is_running:
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """Kill what is left of the child's session, its leader included."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Runs children until it is told to stop."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self._stop = threading.Event()

    def stop(self, *_: object) -> None:
        self._stop.set()

    def run(self, while_running: Callable[[], None] = lambda: None) -> None:
        """Supervise until `stop`, SIGTERM, SIGHUP or Ctrl-C; then end everything within about ten seconds.

        `while_running` is called a few times a second.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.stop)
        try:
            for child in self.children:
                child.start()
            while not self._stop.wait(POLL_SECONDS):
                for child in self.children:
                    self._look_after(child)
                while_running()
        finally:
            self._end_all()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.is_running:
            if child.is_hung is not None and now - child.watched >= WATCH_SECONDS:
                child.watched = now
                if child.is_hung(now - child.started):
                    logger.error("%s gives no sign of life and is started again", child.name)
                    child.kill_group()
            return
        if child.start_at == 0.0:
            child.kill_group()
            child.failures = 0 if now - child.started > HEALTHY_SECONDS else child.failures + 1
            delay = min(2.0 ** (child.failures - 1), LONGEST_BACKOFF_SECONDS) if child.failures else 0.0
            child.start_at = now + delay
            logger.error("%s ended with %s; starting it again in %.0f s", child.name, _code(child), delay)
        if now >= child.start_at:
            child.start_at = 0.0
            child.start()

    def _end_all(self) -> None:
        for child in self.children:
            child.signal_leader(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(child.is_running for child in self.children):
            time.sleep(POLL_SECONDS / 2)
        for child in self.children:
            if child.is_running:
                logger.warning("%s did not end in %.0f s and is killed", child.name, GRACE_SECONDS)
            child.kill_group()


def _code(child: Child) -> int | None:
    return child.process.returncode if child.process else None
