"""Run the fault loop and print one JSON object a fault.

    python -m sessions_app.tests.faults [--long] [NAME ...]

The short form captures faster than real time and is part of the suite; `--long` takes the real clock and 20 kills, about
ten minutes. It makes an installation of its own in a temporary folder, listens on the loopback only, and ends by itself;
exit code 1 when a byte is lost without a name.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from sessions_app.tests.faults import loop
from sessions_app.tests.faults.cases import FAULTS
from sessions_app.tests.live_site import LiveSite


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sessions_app.tests.faults")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("name", nargs="*", choices=[[], *(fault.name for fault in FAULTS)])
    chosen = parser.parse_args(arguments)
    faults = [fault for fault in FAULTS if not chosen.name or fault.name in chosen.name]
    with tempfile.TemporaryDirectory() as folder:
        site = LiveSite(Path(folder), runner=loop.RUNNER)
        site.start()
        try:
            outcomes = loop.run(site, faults, loop.LONG if chosen.long else loop.SHORT)
        finally:
            site.kill()
    for outcome in outcomes:
        sys.stdout.write(f"{json.dumps(outcome.as_line())}\n")
    return int(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
