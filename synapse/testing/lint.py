"""`make lint`: every check runs, the exit code is the worst."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from synapse.bootstrap import KEYS, new_key

BIN = Path(sys.executable).parent
PYTHON_FOLDERS = ("synapse", "patients", "sessions_app", "reports", "scheduling", "billing")
CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("djlint", "templates", "--lint", "--quiet"),
    ("lint-imports", "--no-logo"),
    ("python", "manage.py", "makemigrations", "--check", "--dry-run"),
    ("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
    ("mypy", "--no-error-summary", *PYTHON_FOLDERS),
)


def production_environment(data_dir: str) -> dict[str, str]:
    """Return an environment in which the product would run in production, with keys of this moment."""
    keys = {name: new_key(48 if name == "SECRET_KEY" else 32) for name in KEYS}
    return {
        **os.environ,
        **keys,
        "SYNAPSE_DATA_DIR": data_dir,
        "SYNAPSE_MODE": "production",
        "BASE_URL": "https://clinic.example",
    }


def main() -> int:
    worst = 0
    with tempfile.TemporaryDirectory() as data_dir:
        environment = production_environment(data_dir)
        for check in CHECKS:
            started = time.monotonic()
            result = subprocess.run(
                [str(BIN / check[0]), *check[1:]], env=environment, capture_output=True, text=True, check=False
            )
            word = "ok" if result.returncode == 0 else "FAILED"
            print(f"{word:6} {time.monotonic() - started:5.1f} s  {' '.join(check)}", flush=True)
            if result.returncode:
                print(result.stdout + result.stderr, flush=True)
                worst = max(worst, result.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
