"""Draft a report from a transcript file, without a database; with the embedded engine also without key and network."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.generation import ENGINES, named_generator
from reports.generation.assemble import assemble
from reports.generation.base import (
    GenerationContext,
    GenerationError,
    GenerationRequest,
    ReportGenerator,
    TranscriptSegment,
)
from reports.shipped import load_shipped
from reports.templating.structure import Section, parse_structure
from synapse.outside import calls


class Command(BaseCommand):
    help = "Draft a report from a transcript in JSON, one object or a list of them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transcript", help="a JSON file, or - for standard input")
        parser.add_argument("--template", required=True, metavar="SLUG", help=f"one of: {', '.join(load_shipped())}")
        parser.add_argument("--engine", choices=ENGINES, default="embedded", help="other engines send the words away")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        shipped = load_shipped()
        if options["template"] not in shipped:
            raise CommandError(f"There is no shipped template of that name. Choose one of: {', '.join(shipped)}.")
        template = shipped[options["template"]]
        sections = parse_structure(template["structure"])
        data = _read(options["transcript"])
        items = data if isinstance(data, list) else [data]
        generator = named_generator(options["engine"])
        drafts = [_draft(item, sections, template["ai_prompt"], place, generator) for place, item in enumerate(items)]
        if options["as_json"]:
            result = drafts if isinstance(data, list) else drafts[0]
            self.stdout.write(json.dumps(result, ensure_ascii=False, indent=2))
        else:
            self.stdout.write("\n\n---\n\n".join(draft["content"] for draft in drafts))


def _read(path: str) -> Any:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise CommandError(f"The transcript cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CommandError("The transcript is not valid JSON in UTF-8.") from error


def _draft(
    item: Any, sections: tuple[Section, ...], instructions: str, place: int, generator: ReportGenerator
) -> dict[str, Any]:
    started = time.perf_counter()
    segments, given_ids = _segments(item)
    patient = item.get("patient") or {}
    request = GenerationRequest(
        sections=sections,
        segments=segments,
        context=GenerationContext(
            gender=str(patient.get("gender") or "").lower(),
            age_band=_age_band(patient.get("age")),
            language=str(item.get("language") or "en"),
        ),
        instructions=instructions,
    )
    try:
        with calls.unrecorded():
            report = assemble(generator.generate(request), request).as_json()
    except GenerationError as error:
        raise CommandError(error.message) from error
    _restore_ids(report, given_ids)
    return {
        "id": item.get("id", str(place + 1)),
        "engine": generator.name,
        "elapsed_s": round(time.perf_counter() - started, 4),
        **report,
    }


def _segments(item: Any) -> tuple[tuple[TranscriptSegment, ...], list[Any]]:
    """Return the segments of one transcript, numbered by place, and the ids they came with."""
    if not isinstance(item, dict) or not isinstance(item.get("segments"), list):
        raise CommandError("A transcript is an object with a list named segments.")
    segments = []
    given_ids = []
    for place, raw in enumerate(item["segments"]):
        if not isinstance(raw, dict) or not isinstance(raw.get("text"), str):
            raise CommandError(f"Segment {place + 1} has no text.")
        given_ids.append(raw.get("id", place + 1))
        segments.append(
            TranscriptSegment(
                id=place,
                start_ms=_milliseconds(raw.get("start"), place),
                end_ms=_milliseconds(raw.get("end", raw.get("start")), place),
                speaker=str(raw.get("speaker") or "unknown"),
                text=raw["text"],
                confidence=raw.get("confidence") if isinstance(raw.get("confidence"), int | float) else None,
            )
        )
    return tuple(segments), given_ids


def _milliseconds(seconds: Any, place: int) -> int:
    if seconds is None:
        return 0
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise CommandError(f"Segment {place + 1}: start and end are seconds.")
    return round(seconds * 1000)


def _age_band(age: Any) -> str:
    """Return the ten years an age lies in, such as 30-39; nothing when the age is not a number."""
    try:
        years = int(age)
    except (TypeError, ValueError):
        return ""
    return f"{years // 10 * 10}-{years // 10 * 10 + 9}" if 0 <= years < 130 else ""


def _restore_ids(report: Any, given_ids: list[Any]) -> None:
    """Put the ids of the input back wherever a segment is named."""
    if isinstance(report, dict):
        if "segment" in report:
            report["segment"] = given_ids[report["segment"]]
        for value in report.values():
            _restore_ids(value, given_ids)
    elif isinstance(report, list):
        for value in report:
            _restore_ids(value, given_ids)
