"""Walk the audit chain: exit 0 when it is whole, 1 with the first broken row's number."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from synapse.audit.verification import MOST_BREAKS, Verdict, keep_verdict, verify_chain


class Command(BaseCommand):
    help = "Walk the audit chain; exit 0 when it is whole, 1 with the first broken row's number."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Say it as one JSON object.")
        parser.add_argument("--most", type=int, default=MOST_BREAKS, help="Stop after so many broken rows.")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        verdict = verify_chain(most=max(1, options["most"]))
        seconds = time.monotonic() - started
        keep_verdict(verdict, seconds=seconds, at=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(verdict, seconds)))
        elif verdict.broken is None:
            self.stdout.write(f"The audit trail is whole: {verdict.events} rows.")
            for restore in verdict.restores:
                self.stdout.write(restore.sentence)
        else:
            self.stderr.write(f"The audit trail is broken at row {verdict.broken.seq}: {verdict.broken.reason}.")
            for broken in verdict.breaks[1:]:
                self.stderr.write(f"Row {broken.seq}: {broken.kind}: {broken.reason}.")
            if not verdict.is_complete:
                self.stderr.write("There may be more.")
        if verdict.broken is not None:
            sys.exit(1)


def _as_json(verdict: Verdict, seconds: float) -> dict[str, Any]:
    return {
        "whole": verdict.broken is None,
        "rows": verdict.events,
        "seconds": round(seconds, 2),
        "first_broken": verdict.broken.seq if verdict.broken else None,
        "breaks": [{"row": each.seq, "kind": each.kind, "reason": each.reason} for each in verdict.breaks],
        "complete": verdict.is_complete,
        "restores": [
            {"backup": each.backup, "at": each.at.isoformat(), "row": each.seq, "lost_until": each.lost_until}
            for each in verdict.restores
        ],
    }
