"""Runs in an installation what tests send it, line by line, as JSON: setting Django up takes longer than most of the code.

python -m sessions_app.tests.hand
"""

import json
import os
import sys
import traceback
from typing import Any


def main() -> None:
    import django

    # What the code prints is not an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    django.setup()
    from django.db import connections

    for line in sys.stdin:
        names: dict[str, Any] = {"answer": None}
        said: dict[str, Any] = {}
        try:
            exec(json.loads(line), names)
            said["answer"] = names["answer"]
        except Exception:  # noqa: BLE001  the test says it
            said["error"] = traceback.format_exc()
        # The next code, and the server, find the database as a process that has ended leaves it.
        connections.close_all()
        answers.write(f"{json.dumps(said)}\n")
        answers.flush()


if __name__ == "__main__":
    main()
