"""`make test`: the whole suite on SQLite with Redis, then on PostgreSQL what asks the database something of its own.

Stops at the first red run; the last line printed is pytest's. TEST_POSTGRES_URL and TEST_REDIS_URL name the servers,
else local ones are tried; with REQUIRE_SERVICES=1 it is a failure when one does not answer. PYTEST_WORKERS is the
number of processes (default: one a core and one more, since many tests wait for a browser or a recording). Arguments go to pytest.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread

from synapse.testing import prepared, shapes

LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/"
# Without compiled files every process of the run, and every process a test starts, would compile the product again.
NOT_INHERITED = {"TEST_POSTGRES_URL", "TEST_REDIS_URL", "PYTHONDONTWRITEBYTECODE"}
LOCAL_REDIS = "redis://127.0.0.1:6379/15"


def answers_postgres(url: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(url.replace("postgres://", "postgresql://", 1), connect_timeout=3):
            return True
    except psycopg.Error:
        return False


def answers_redis(url: str) -> bool:
    import redis

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def pytest(marker: str, arguments: list[str], **environment: str) -> int:
    """Run the tests of a marker expression in a process of their own and return its exit code."""
    workers = os.environ.get("PYTEST_WORKERS") or str((os.cpu_count() or 1) + 1)
    spread = ["-n", workers, "--dist", "loadfile", "--no-loadscope-reorder"]
    command = [sys.executable, "-m", "pytest", "-q", "-m", f"({marker}) and not live", *spread, *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return subprocess.call(command, env={**inherited, **environment})


def prepare(postgres: str) -> None:
    """Make what the tests copy, while they are still being collected or run on the other database."""
    prepared.installation_with_files()
    if postgres:
        prepared.postgres_database(postgres)


def main(arguments: list[str]) -> int:
    postgres = os.environ.get("TEST_POSTGRES_URL") or LOCAL_POSTGRES
    redis = os.environ.get("TEST_REDIS_URL") or LOCAL_REDIS
    has_postgres, has_redis = answers_postgres(postgres), answers_redis(redis)
    for name, is_there in (("PostgreSQL", has_postgres), ("Redis", has_redis)):
        if not is_there:
            print(f"{name} does not answer: its part of the suite is left out.", flush=True)
    if os.environ.get("REQUIRE_SERVICES") == "1" and not (has_postgres and has_redis):
        print("REQUIRE_SERVICES=1 asks for both: start them or set TEST_POSTGRES_URL and TEST_REDIS_URL.")
        return 1
    Thread(target=prepare, args=[postgres if has_postgres else ""], daemon=True).start()
    # Without a server its tests are left out, not skipped: nothing then reads as if they had run.
    marker, services = ("redis or not redis", {"TEST_REDIS_URL": redis}) if has_redis else ("not redis", {})
    with tempfile.TemporaryDirectory(prefix="synapse-shapes-") as folder:
        print("On SQLite:", flush=True)
        noted, chosen = Path(folder), Path(folder, "chosen")
        code = pytest(marker, arguments, **services, **{shapes.NOTED_IN: str(noted)})
        if code == 0 and has_postgres:
            shapes.write_choice(noted, chosen)
            print("On PostgreSQL:", flush=True)
            again = {"TEST_POSTGRES_URL": postgres, shapes.ONLY: str(chosen)}
            code = pytest("database and not redis and not browser", arguments, **again)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
