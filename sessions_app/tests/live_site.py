"""The product as its own processes, which tests may kill, with its own data folder and database."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from synapse.testing import prepared

START_SECONDS = 180
SETUP = """
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django_otp.util import random_hex
from synapse.accounts import second_factor
from synapse.accounts.models import Authenticator, User
from synapse.testing.plugin import make_user
from synapse.accounts.roles import Role
from sessions_app.tests.factories import *
"""
NEW_RECORDINGS = """
answer = []
for name in NAMES:
    doctor = make_user(name, Role.DOCTOR, "Asha", "Rao")
    session = make_session(doctor, at=timezone.now())
    if second_factor.is_required():
        Authenticator.objects.create(
            user=doctor, name="App", key=random_hex(), confirmed=True, confirmed_at=timezone.now()
        )
    client = Client()
    client.force_login(doctor)
    answer.append({"session": str(session.pk), "cookie": client.cookies[settings.SESSION_COOKIE_NAME].value})
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class LiveSite:
    """One installation in a folder, migrated and empty. `start` it, `kill` it, `start` it again: the data stays.

    `command` is what runs it: `web` alone, or `up` with the worker and the speech process. `runner` is what Python
    runs it with.
    """

    folder: Path
    command: str = "web"
    runner: tuple[str, ...] = ("manage.py",)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    hand: "subprocess.Popen[str] | None" = None
    busy: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        prepared.copy_installation(self.folder)
        inherited = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
        self.env = {
            **inherited,
            **prepared.KEYS,
            "SYNAPSE_DATA_DIR": str(self.folder),
            "PORT": str(self.port),
            "BASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "synapse.settings",
        }

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def socket_url(self, session: str) -> str:
        return f"ws://localhost:{self.port}/ws/sessions/{session}/audio/"

    def run(self, code: str, **names: Any) -> Any:
        """Run code with the factories at hand in a process of the installation; return what it leaves in `answer`."""
        given = "\n".join(f"{name} = {value!r}" for name, value in names.items())
        with self.busy:
            if self.hand is None:
                self.hand = self._start_hand()
            assert self.hand.stdin
            assert self.hand.stdout
            self.hand.stdin.write(f"{json.dumps(f'{SETUP}{given}{chr(10)}{code}')}\n")
            self.hand.stdin.flush()
            said = json.loads(self.hand.stdout.readline() or "{}")
        if "answer" not in said:
            raise AssertionError(said.get("error") or (self.folder / "hand.log").read_text()[-3000:])
        return said["answer"]

    def _start_hand(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "sessions_app.tests.hand"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with (self.folder / "hand.log").open("ab") as log:
            return subprocess.Popen(command, cwd=prepared.PROJECT, env=self.env, text=True, stderr=log, **pipes)

    def new_recordings(self, *names: str) -> list[dict[str, str]]:
        """Make doctors with a live session each; return the sessions' ids and the doctors' cookies."""
        found: list[dict[str, str]] = self.run(NEW_RECORDINGS, NAMES=names)
        return found

    def facts(self, session: str) -> dict[str, Any]:
        """Return what is stored of a session and of its spool."""
        return self.facts_of(session)[session]

    def facts_of(self, *sessions: str) -> dict[str, dict[str, Any]]:
        """Return the same of several, by their ids."""
        code = """
from sessions_app.spool import store as spool
from sessions_app.models import ConsultationSession
answer = {}
for session in ConsultationSession.objects.filter(pk__in=IDS):
    timeline = spool.default_store().timeline(session.pk)
    answer[str(session.pk)] = {
        "status": session.status,
        "sha256": session.audio_sha256,
        "mismatch": session.audio_sum_mismatch,
        "spool_sha256": timeline.sha256,
        "last_seq": timeline.last_seq,
        "gaps": timeline.gaps,
        "pcm_ms": timeline.pcm_ms,
        "pcm_bytes": timeline.pcm_bytes,
        "events": list(session.events.order_by("at_ms").values_list("kind", "at_ms")),
        "named": list(session.events.filter(kind="gap").order_by("at_ms").values_list("at_ms", "until_ms", "reason")),
        "notes": session.session_notes,
    }
"""
        found: dict[str, dict[str, Any]] = self.run(code, IDS=sessions)
        return found

    def start(self) -> None:
        log = (self.folder / "web.log").open("ab")
        command = [sys.executable, *self.runner, self.command]
        self.process = subprocess.Popen(command, cwd=prepared.PROJECT, env=self.env, stdout=log, stderr=log)
        log.close()
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at:
            if self.process.poll() is not None:
                raise AssertionError((self.folder / "web.log").read_text()[-3000:])
            try:
                with urllib.request.urlopen(f"{self.url}/health/live", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the web server did not answer")

    def kill(self) -> None:
        """Take the server away without warning."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the server to end."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        with self.busy:
            if self.hand is not None:
                self.hand.communicate()
                self.hand = None
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = None
