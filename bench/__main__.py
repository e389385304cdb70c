"""`make bench`: every part of this folder in a process of its own, one JSON object a line.

A part is a module that prints its lines when it is run (`python -m bench.patients`). Names given as arguments choose
parts. A part that fails is a `skipped` line with the reason, and the exit code is 1.
"""

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def parts() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def main(chosen: list[str]) -> int:
    worst = 0
    for part in chosen or parts():
        code = subprocess.call([sys.executable, "-m", f"bench.{part}"], cwd=FOLDER.parent)
        if code:
            print(json.dumps({"bench": part, "skipped": f"the part ended with {code}"}), flush=True)
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
