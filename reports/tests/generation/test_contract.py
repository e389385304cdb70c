"""What every report engine promises, whichever it is: real clients, stand-in services."""

from collections.abc import Callable, Iterator

import pytest

from reports.generation.assemble import assemble, iter_sentences
from reports.generation.base import (
    DraftSection,
    DraftSentence,
    GenerationError,
    GenerationRequest,
    ReportGenerator,
    TranscriptSegment,
)
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.gemini import GeminiGenerator
from reports.generation.openai_compatible import OpenAIGenerator
from reports.templating.structure import Section, parse_structure

from .conftest import talk
from .model_server import GeminiServer, OpenAIServer
from .scripted_model import quoting

STRUCTURE = {
    "sections": [
        {"id": "history", "title": "History", "required": True, "maps_to": ["history"]},
        {"id": "sleep", "title": "Sleep", "type": "list", "maps_to": ["sleep_appetite"]},
        {
            "id": "medications",
            "title": "Medications",
            "type": "table",
            "maps_to": ["medications"],
            "columns": [{"id": "drug", "title": "Drug"}, {"id": "dose", "title": "Dose"}],
        },
        {
            "id": "mental_status",
            "title": "Mental status",
            "type": "checklist",
            "items": [
                {"id": "orientation", "title": "Orientation"},
                {"id": "hallucinations", "title": "Hallucinations"},
            ],
        },
        {"id": "notice", "title": "Notice", "type": "fixed", "fixed_text": "Call 112 in an emergency."},
        {
            "id": "plan",
            "title": "Plan",
            "type": "structured",
            "subsections": [
                {"id": "next_steps", "title": "Next steps", "style": {"layout": "bullets"}, "maps_to": ["plan"]},
                {"id": "terms", "title": "Terms", "type": "fixed", "fixed_text": "Cancel a day before."},
            ],
        },
    ]
}
SECTIONS = parse_structure(STRUCTURE)
SEGMENTS = talk(
    "d: How have you been?",
    "p: I feel low most days and I wake up at four in the morning.",
    "p: I take sertraline fifty milligrams.",
    "d: We will raise the sertraline to a hundred milligrams and meet again in two weeks.",
)


@pytest.fixture(params=["embedded", "gemini", "openai"])
def engine(request: pytest.FixtureRequest) -> Iterator[ReportGenerator]:
    if request.param == "embedded":
        yield EmbeddedGenerator()
    elif request.param == "gemini":
        with GeminiServer().running() as gemini:
            gemini.model = quoting
            yield GeminiGenerator(api_key="k", model="gemini-3.8-flash", base_url=gemini.url, first_pause=0.01)
    else:
        with OpenAIServer().running() as server:
            server.model = quoting
            yield OpenAIGenerator(base_url=f"{server.url}/v1", model="llama3.2", first_pause=0.01)


def asked(segments: tuple[TranscriptSegment, ...] = SEGMENTS) -> GenerationRequest:
    return GenerationRequest(sections=SECTIONS, segments=segments)


def test_every_place_of_the_template_is_there_in_its_order(engine: ReportGenerator) -> None:
    draft = engine.generate(asked())

    assert [section.id for section in draft.sections] == [section.id for section in SECTIONS]
    assert [part.id for part in draft.sections[-1].subsections] == ["next_steps", "terms"]
    assert draft.engine == engine.name
    assert draft.prompt_version
    assert draft.model


def test_every_sentence_cites_the_transcript_or_is_the_templates_own(engine: ReportGenerator) -> None:
    draft = engine.generate(asked())

    written = [sentence for sentence in draft.all_sentences() if not sentence.is_template]
    assert written
    assert all(sentence.evidence and set(sentence.evidence) <= {1, 2, 3, 4} for sentence in written)


def test_fixed_text_is_printed_word_for_word_and_never_asked_for(engine: ReportGenerator) -> None:
    draft = engine.generate(asked())

    by_id = {place.id: place for section in draft.sections for place in (section, *section.subsections)}
    assert [sentence.text for sentence in by_id["notice"].sentences] == ["Call 112 in an emergency."]
    assert [sentence.text for sentence in by_id["terms"].sentences] == ["Cancel a day before."]
    assert all(sentence.is_template for place in ("notice", "terms") for sentence in by_id[place].sentences)


def test_lists_and_bullets_are_laid_out_as_items(engine: ReportGenerator) -> None:
    draft = engine.generate(asked())

    by_id = {place.id: place for section in draft.sections for place in (section, *section.subsections)}
    lines = [*by_id["sleep"].sentences, *by_id["next_steps"].sentences]
    assert lines
    assert {line.layout for line in lines} == {"item"}


def test_rows_have_cells_of_the_tables_own_columns(engine: ReportGenerator) -> None:
    draft = engine.generate(asked())

    rows = [sentence for section in draft.sections if section.id == "medications" for sentence in section.sentences]
    cells = [row for row in rows if row.cells]
    assert cells
    assert {column for row in cells for column, _ in row.cells} <= {"drug", "dose"}


def test_an_assembled_report_keeps_every_line_and_checks_it(engine: ReportGenerator) -> None:
    draft = engine.generate(asked())

    lines = list(iter_sentences(assemble(draft, asked()).sections))

    assert len(lines) == len(list(draft.all_sentences()))
    assert all(line["support"] in ("supported", "partial", "unsupported") for line in lines)
    assert all(line["evidence"] or line["origin"] == "template" for line in lines)


def test_a_transcript_without_words_makes_no_report(engine: ReportGenerator) -> None:
    with pytest.raises(GenerationError) as refusal:
        engine.generate(asked(talk("p:  ", "d: ")))

    assert (refusal.value.code, refusal.value.transient) == ("no_speech", False)


def test_progress_ends_with_the_last_section(engine: ReportGenerator) -> None:
    seen: list[tuple[str, int, int]] = []

    engine.generate(asked(), progress=lambda *step: seen.append(step))

    assert seen[-1] == ("plan", len(SECTIONS), len(SECTIONS))


@pytest.mark.parametrize("section_id", ["history", "plan", "next_steps"])
def test_one_place_is_written_again_alone(engine: ReportGenerator, section_id: str) -> None:
    template = find(section_id)
    current = as_draft(template, lambda place: (DraftSentence("The patient feels low.", (2,), 0.9),))

    draft = engine.regenerate_section(asked(), template, current, "as bullet points")

    [again] = draft.sections
    assert again.id == section_id
    assert [part.id for part in again.subsections] == [part.id for part in template.subsections]
    assert list(again.all_sentences())
    assert draft.engine == engine.name


def find(section_id: str) -> Section:
    places = [place for section in SECTIONS for place in (section, *section.subsections)]
    return next(place for place in places if place.id == section_id)


def as_draft(section: Section, lines: Callable[[Section], tuple[DraftSentence, ...]]) -> DraftSection:
    subsections = tuple(as_draft(part, lines) for part in section.subsections)
    return DraftSection(section.id, "documented", () if subsections else lines(section), subsections)
