"""Run the public bench: synthetic sessions with traps, scored for one engine."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from reports.generation import ENGINES, named_generator
from reports.scribe_bench.loading import load_sessions
from reports.scribe_bench.scoring import KINDS, MARKS, totals_of
from reports.services import benching


class Command(BaseCommand):
    help = "Write the synthetic sessions of the bench with an engine and score unsupported, missed, wrong speaker, invented."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--engine", choices=ENGINES, default="embedded")
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print one JSON line a session, then the totals"
        )
        parser.add_argument("--dry-run", action="store_true", help="do not keep the run for the page")

    def handle(self, *args: Any, **options: Any) -> None:
        engine = named_generator(options["engine"])
        started_at = timezone.now()
        titles = {session.id: session.title for session in load_sessions()}
        if not options["as_json"]:
            self.stdout.write(_row("session", "sentences", *(kind.replace("_", " ") for kind in KINDS), "s"))
        scores = []
        for score in benching.bench_engine(engine, at=started_at):
            scores.append(score)
            if options["as_json"]:
                self.stdout.write(
                    json.dumps({**score, "engine": engine.name, "model": engine.model}, ensure_ascii=False)
                )
            else:
                counts = [score[kind] for kind in KINDS]
                code = f"  {score['error_code']}" if score["error_code"] else ""
                self.stdout.write(
                    _row(titles[str(score["session"])], score["sentences"], *counts, score["seconds"]) + code
                )
        totals = totals_of(scores)
        if options["as_json"]:
            self.stdout.write(json.dumps({"engine": engine.name, "model": engine.model, **totals}))
        else:
            self._write_totals(engine.name, engine.model, totals)
        if not options["dry_run"]:
            benching.store_bench(scores, engine, started_at=started_at, at=timezone.now())

    def _write_totals(self, name: str, model: str, totals: dict[str, Any]) -> None:
        self.stdout.write(_row("all", totals["sentences"], *(totals[kind] for kind in KINDS), totals["seconds"]))
        errors = sum(totals[kind] for kind in KINDS)
        self.stdout.write(
            f"\n{name} ({model}): {errors} of {totals['expectations']} expectations in {totals['sessions']} sessions not met; "
            f"{totals['unwarned']} without a sign to the doctor, {totals['severe_unwarned']} of these severe.\n"
        )
        self.stdout.write(_row("how it is shown", "nuisance", "misleads", "could harm"))
        for mark in MARKS:
            self.stdout.write(_row(mark.replace("_", " "), *totals["support_by_severity"][mark].values()))


def _row(first: str, *rest: object) -> str:
    return f"{first:34.34}" + "".join(f"{value!s:>16}" for value in rest)
