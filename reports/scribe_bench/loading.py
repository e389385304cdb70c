"""The sessions of the bench as typed data."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from reports.generation.base import GenerationContext, GenerationRequest, TranscriptSegment
from reports.shipped import load_shipped
from reports.templating.structure import parse_structure

_FOLDER = Path(__file__).parent / "sessions"
_LINE_SECONDS = 5  # from one line to the next, where the session names no time

ErrorKind = Literal["unsupported", "missed", "wrong_speaker", "invented_normal"]


@dataclass(frozen=True, slots=True)
class MustSay:
    """Something the report has to hold. Severity: 1 a nuisance, 2 misleads, 3 could harm."""

    what: str
    pattern: re.Pattern[str]
    severity: int


@dataclass(frozen=True, slots=True)
class MustNotSay:
    """Something no sentence may say; `unless` is what in the same sentence makes it right."""

    what: str
    kind: ErrorKind
    pattern: re.Pattern[str]
    severity: int
    unless: re.Pattern[str] | None

    def is_said_in(self, text: str) -> bool:
        return bool(self.pattern.search(text)) and not (self.unless and self.unless.search(text))


@dataclass(frozen=True, slots=True)
class BenchSession:
    """One synthetic session and what is expected of its report."""

    id: str
    title: str
    what: str
    template: str
    gender: str
    segments: tuple[TranscriptSegment, ...]
    must_say: tuple[MustSay, ...]
    must_not_say: tuple[MustNotSay, ...]
    must_not_cite: frozenset[int]
    empty_sections: tuple[str, ...]
    refuses: bool

    @property
    def expectations(self) -> int:
        """How many things are held against its report."""
        named = len(self.must_say) + len(self.must_not_say) + len(self.empty_sections)
        return named + bool(self.must_not_cite) + self.refuses

    def request(self) -> GenerationRequest:
        """Return what an engine is asked for."""
        template = load_shipped()[self.template]
        return GenerationRequest(
            sections=parse_structure(template["structure"]),
            segments=self.segments,
            context=GenerationContext(gender=self.gender, age_band="30-39", session_type="followup"),
            instructions=template["ai_prompt"],
        )


@lru_cache(maxsize=1)
def load_sessions() -> tuple[BenchSession, ...]:
    """Return the sessions in their order."""
    files = sorted(_FOLDER.glob("*.json"))
    return tuple(_session(json.loads(file.read_text(encoding="utf-8"))) for file in files)


def _session(data: dict[str, Any]) -> BenchSession:
    expect = data["expect"]
    return BenchSession(
        id=data["id"],
        title=data["title"],
        what=data["what"],
        template=data["template"],
        gender=data["gender"],
        segments=tuple(_segment(line, number) for number, line in enumerate(data["lines"], start=1)),
        must_say=tuple(
            MustSay(one["what"], _pattern(one["pattern"]), one["severity"]) for one in expect.get("must_say", ())
        ),
        must_not_say=tuple(
            MustNotSay(
                one["what"],
                one["kind"],
                _pattern(one["pattern"]),
                one["severity"],
                _pattern(one["unless"]) if "unless" in one else None,
            )
            for one in expect.get("must_not_say", ())
        ),
        must_not_cite=frozenset(expect.get("must_not_cite", ())),
        empty_sections=tuple(expect.get("empty_sections", ())),
        refuses=expect.get("refuses", False),
    )


def _segment(line: dict[str, Any], number: int) -> TranscriptSegment:
    start_ms = 1000 * line.get("start_s", _LINE_SECONDS * number)
    return TranscriptSegment(
        id=number,
        start_ms=start_ms,
        end_ms=start_ms + 1000 * (_LINE_SECONDS - 1),
        speaker=line["speaker"],
        text=line["text"],
        confidence=line.get("confidence", 0.95),
    )


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE)
