"""Any template and any session: nothing breaks, nothing is lost, nothing is made up."""

import pytest

from reports.generation.assemble import assemble
from reports.generation.base import GenerationRequest, TranscriptSegment
from reports.generation.embedded import EmbeddedGenerator
from reports.templating.structure import TOPICS, parse_structure

from .conftest import request_for, talk

VISIT = (
    "d: What brings you in today?",
    "p: I have had a cough for two weeks and I cannot sleep.",
    "d: Any fever?",
    "p: No.",
    "d: I am going to order a chest x-ray and I want you to rest.",
    "p: Okay, that sounds good.",
)


def drafted(segments: tuple, *sections: dict) -> object:
    structure = {"sections": [{"id": f"part_{place}", **section} for place, section in enumerate(sections)]}
    request = GenerationRequest(parse_structure(structure), segments)
    return assemble(EmbeddedGenerator().generate(request), request)


def test_forty_sections_are_each_answered_and_no_fact_stands_twice() -> None:
    titles = [{"title": f"Part {place}", "maps_to": [TOPICS[place % len(TOPICS)]]} for place in range(40)]

    report = drafted(talk(*VISIT), *titles)

    assert len(report.sections) == 40
    texts = [line["text"] for section in report.sections for line in section["sentences"]]
    assert texts
    assert len(texts) == len(set(texts))


def test_facts_no_section_asks_for_are_offered_apart() -> None:
    report = drafted(talk(*VISIT), {"title": "Favourite colour"})

    assert report.sections[0]["status"] == "not_discussed"
    assert any("cough" in line["text"] for line in report.unassigned)


@pytest.mark.parametrize("said", ["Hello.", "No.", "?", "Um.", "...", "Ja", "mhm", "\u200b", "1", "<script>"])
def test_a_session_of_one_word_makes_no_statement_nobody_made(said: str) -> None:
    segments = (TranscriptSegment(1, 0, 900, "patient", said),)

    draft = EmbeddedGenerator().generate(request_for(segments))

    assert [line.text for line in draft.all_sentences()] == []


@pytest.mark.parametrize("speakers", ["uuuuuu", "oooooo", "pppppp", "dddddd", "pdpdpd", "dododo"])
def test_whoever_the_speakers_are_called_every_sentence_cites_the_session(speakers: str) -> None:
    segments = talk(*(f"{who}: {line[3:]}" for who, line in zip(speakers, VISIT, strict=True)))

    draft = EmbeddedGenerator().generate(request_for(segments, gender=""))

    for line in draft.all_sentences():
        assert line.is_template or set(line.evidence) <= {segment.id for segment in segments}
        assert line.is_template or line.evidence


@pytest.mark.parametrize("kept", range(1, 6))
def test_half_a_session_is_drafted_as_far_as_it_goes(kept: int) -> None:
    draft = EmbeddedGenerator().generate(request_for(talk(*VISIT[:kept]), "soap"))

    assert {section.id for section in draft.sections} == {"subjective", "objective", "assessment", "plan"}
    assert not any("fever" in line.text and "denies" in line.text for line in draft.all_sentences()) or kept >= 4


def test_an_answer_nobody_gave_is_not_taken_from_the_next_question() -> None:
    draft = EmbeddedGenerator().generate(
        request_for(talk("d: Do you have thoughts of ending your life?", "d: Any fever?", "p: No."), "soap")
    )

    assert not any("ending" in line.text for line in draft.all_sentences())


def test_five_hours_with_a_silent_tail_are_drafted_like_the_talk_in_them() -> None:
    spoken = talk(*VISIT)
    silent = tuple(
        TranscriptSegment(number, 10_000 * number, 10_000 * number + 900, "unknown", "" if number % 2 else "mm")
        for number in range(100, 1900)
    )

    def texts(segments: tuple) -> set[str]:
        return {line.text for line in EmbeddedGenerator().generate(request_for(segments)).all_sentences()}

    assert texts(spoken) - {"The patient agrees with the recommended medical treatment plan."} <= texts(spoken + silent)


def test_a_few_lines_of_a_visit_are_not_written_up_as_therapy() -> None:
    segments = talk(
        "d: Are you ready to go home?",
        "p: Yes.",
        "d: Who will help you there?",
        "p: Just my family.",
        "d: It sounds like you are well looked after.",
        "p: Thanks.",
    )

    texts = [line.text for line in EmbeddedGenerator().generate(request_for(segments, gender="")).all_sentences()]

    assert not any("client" in text or "therapist" in text for text in texts)
