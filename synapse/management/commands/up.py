"""Run web, worker and speech in one process tree."""

import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections
from django.utils import timezone
from django_q.conf import Conf

from synapse import startup
from synapse.common import heartbeat
from synapse.management.supervised import SUPERVISED
from synapse.supervisor import Child, Supervisor

DEMO_LOGINS = ("doctor", "doctor2", "receptionist", "admin")
PROBE_EVERY_SECONDS = 0.5


class Command(BaseCommand):
    help = "Run web, worker and speech in one process tree; Ctrl-C ends all of it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--prepare",
            action="store_true",
            help="First migrate (with a backup), collect static files and load the demo clinic into an empty database.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # the data folder is this user's alone
        refuse_taken_port(settings.HOST, settings.PORT)
        if options["prepare"]:
            for sentence in startup.prepare(timezone.now()):
                self.say(sentence)
        startup.refuse_unsafe_start()
        lines = announcement()
        connections.close_all()
        os.environ[SUPERVISED] = "1"
        Supervisor(children()).run(while_running=Announcer(lambda: self.say(*lines)))

    def say(self, *lines: str) -> None:
        """Print at once: whoever reads a pipe waits for these lines."""
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def children() -> list[Child]:
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    return [
        Child("web", [*manage, "web"]),
        Child("worker", [*manage, "worker"], is_hung=worker_is_hung),
        Child("speech", [*manage, "speech"]),
    ]


def worker_is_hung(age_seconds: float) -> bool:
    """Ask the database for the worker's signs of life; a database that does not answer proves nothing."""
    now = timezone.now()
    try:
        return heartbeat.worker_is_hung(now, running_since=now - timedelta(seconds=age_seconds), slots=Conf.WORKERS)
    except DatabaseError:
        return False
    finally:
        connections.close_all()


def refuse_taken_port(host: str, port: int) -> None:
    """Raise CommandError when another program listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {host}:{port} ({error.strerror}). Set PORT to a free one: PORT=8001 make run"
            ) from None


class Announcer:
    """Says once, as soon as the server answers, where it is."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._is_said = False
        self._next_probe = 0.0

    def __call__(self) -> None:
        if self._is_said or time.monotonic() < self._next_probe:
            return
        self._next_probe = time.monotonic() + PROBE_EVERY_SECONDS
        host = "127.0.0.1" if settings.HOST in ("0.0.0.0", "::") else settings.HOST  # noqa: S104  comparing, not binding
        address = f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}/health/live"
        try:
            # The scheme is fixed above.
            with urllib.request.urlopen(address, timeout=1):
                pass
        except urllib.error.HTTPError:
            pass  # it answers
        except OSError:
            return
        self._is_said = True
        self._say()


def announcement() -> list[str]:
    """Return what to print when the server answers: address, demo logins, a warning about the microphone."""
    lines = ["", f"SynapseAI is ready: {settings.BASE_URL}"]
    if settings.MODE == "demo":
        lines += _demo_lines()
    is_local = settings.HOST in ("127.0.0.1", "::1", "localhost")
    if not is_local and not settings.BASE_URL.startswith("https://"):
        lines.append(
            "Browsers refuse the microphone on an address that is neither https nor localhost: put a proxy with "
            "https in front and set BASE_URL."
        )
    return [*lines, "Ctrl-C ends it.", ""]


def _demo_lines() -> list[str]:
    users = {user.get_username(): user for user in get_user_model().objects.filter(username__in=DEMO_LOGINS)}
    logins = [name for name in DEMO_LOGINS if name in users]
    if not logins:
        return []
    names = f"Demo logins: {', '.join(logins)}."
    if settings.DEMO_PASSWORD and users[logins[0]].check_password(settings.DEMO_PASSWORD):
        return [names, f"Password: {settings.DEMO_PASSWORD}"]
    return [names, "Their password was set when the demo clinic was loaded, or changed since."]
