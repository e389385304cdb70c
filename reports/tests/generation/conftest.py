"""Sessions and templates for the tests of the report engine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.generation.base import GenerationContext, GenerationRequest, TranscriptSegment
from reports.shipped import load_shipped
from reports.templating.structure import parse_structure
from synapse.outside import calls

FOLDER = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def engines_alone():
    """Try the engines as the commands do: without a database, on words that are no patient's."""
    with calls.unrecorded():
        yield


def talk(*lines: str) -> tuple[TranscriptSegment, ...]:
    """Return segments from `d: words` and `p: words`, two seconds each, numbered from 1."""
    names = {"d": "doctor", "p": "patient", "o": "other", "u": "unknown"}
    return tuple(
        TranscriptSegment(number, 2000 * number, 2000 * number + 1900, names[line[0]], line[3:])
        for number, line in enumerate(lines, start=1)
    )


def request_for(
    segments: tuple[TranscriptSegment, ...], slug: str = "general", gender: str = "female", **fields: object
) -> GenerationRequest:
    return GenerationRequest(
        sections=parse_structure(load_shipped()[slug]["structure"]),
        segments=segments,
        context=GenerationContext(gender=gender),
        **fields,
    )


@pytest.fixture
def followup() -> tuple[TranscriptSegment, ...]:
    [session] = json.loads((FOLDER / "followup.json").read_text(encoding="utf-8"))
    return tuple(
        TranscriptSegment(
            item["id"], int(item["start"] * 1000), int(item["end"] * 1000), item["speaker"], item["text"], 0.9
        )
        for item in session["segments"]
    )


@pytest.fixture
def texts_of() -> Callable[..., list[str]]:
    def texts(sections: object) -> list[str]:
        return [sentence.text for section in sections for sentence in section.all_sentences()]

    return texts
