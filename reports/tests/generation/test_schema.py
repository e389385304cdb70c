"""A model's answer, read: what fits the template, what is mended, what is refused."""

from typing import Any

import pytest

from reports.generation.schema import AnswerError, answer_schema, read_answer, sections_to_ask
from reports.templating.structure import parse_structure

IDS = {1, 2, 3}


def section(**fields: Any) -> tuple:
    return parse_structure({"sections": [{"id": "part", "title": "Part", **fields}]})


TEXT = section()
CHECKLIST = section(type="checklist", items=[{"id": "mood", "title": "Mood"}, {"id": "voices", "title": "Voices"}])
TABLE = section(type="table", columns=[{"id": "drug", "title": "Drug"}, {"id": "dose", "title": "Dose"}])


def lines(*sentences: Any) -> dict[str, Any]:
    return {"part": {"status": "documented", "sentences": list(sentences)}}


@pytest.mark.parametrize(
    ("evidence", "read"),
    [
        ([2], (2,)),
        ([3, 1, 3], (1, 3)),
        (["2"], (2,)),
        (["[2]"], (2,)),
        ([2.0], (2,)),
        ([2.5], ()),
        ([99], ()),
        ([-1], ()),
        ([True], ()),
        ([None, {}, []], ()),
        (["2, 3"], ()),
        ([float("inf")], ()),
        ([1e300], ()),
        ([10**400], ()),
    ],
)
def test_only_numbers_of_segments_count_as_evidence(evidence: list[Any], read: tuple[int, ...]) -> None:
    [part] = read_answer(lines({"text": "She feels low.", "evidence": evidence}), TEXT, IDS)

    assert part.sentences[0].evidence == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("  Low \n mood. ", "Low mood."),
        ("- Low mood.", "Low mood."),
        ("• Low mood.", "Low mood."),
        ("-2 on the scale.", "-2 on the scale."),
        ("Low\x00 mood\x1b[31m.", "Low mood [31m."),
        ("Low \u202emood\u202c.", "Low mood."),
        ("Low\u200b mood.", "Low mood."),
        ("मन\u200dदुख", "मन\u200dदुख"),
        ("<b>Low</b> mood {{ patient }}.", "<b>Low</b> mood {{ patient }}."),
    ],
)
def test_words_come_on_one_line_without_signs_that_print_nothing(text: str, read: str) -> None:
    [part] = read_answer(lines({"text": text, "evidence": [1]}), TEXT, IDS)

    assert part.sentences[0].text == read


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "text",
        {},
        {"part": None},
        {"part": []},
        {"part": "Low mood."},
        {"part": {"sentences": "Low mood."}},
        {"part": {"sentences": {"text": "Low mood."}}},
        lines("Low mood."),
        lines(None),
        lines({"text": None, "evidence": [1]}),
        lines({"text": ["Low"], "evidence": [1]}),
        lines({"evidence": [1]}),
        lines({"text": "Low mood.", "evidence": "1"}),
        lines({"text": "Low mood.", "evidence": {"1": 1}}),
        lines({"text": "x" * 1201, "evidence": [1]}),
        lines(*[{"text": "Low mood.", "evidence": [1]}] * 81),
    ],
)
def test_an_answer_of_another_form_is_refused_without_its_words(answer: Any) -> None:
    with pytest.raises(AnswerError) as refusal:
        read_answer(answer, TEXT, IDS)

    assert "Low" not in str(refusal.value)


def test_a_status_says_what_stands_there_whatever_the_model_says() -> None:
    [empty] = read_answer({"part": {"status": "documented", "sentences": []}}, TEXT, IDS)
    [blank] = read_answer(lines({"text": "   ", "evidence": [1]}), TEXT, IDS)
    [full] = read_answer(
        {"part": {"status": "not_discussed", "sentences": [{"text": "Low mood.", "evidence": [1]}]}}, TEXT, IDS
    )

    assert [empty.status, blank.status, full.status] == ["not_discussed", "not_discussed", "documented"]


@pytest.mark.parametrize(
    ("item", "state"),
    [
        ({"state": "denied", "text": "Denies voices.", "evidence": [2]}, "denied"),
        ({"state": "present", "text": "Hears voices.", "evidence": [2]}, "present"),
        ({"state": "denied", "text": "Denies voices.", "evidence": []}, "not_assessed"),
        ({"state": "denied", "text": "Denies voices.", "evidence": [99]}, "not_assessed"),
        ({"state": "present", "text": " ", "evidence": [2]}, "not_assessed"),
        ({"state": "not_assessed", "text": "Normal.", "evidence": [2]}, "not_assessed"),
        (None, "not_assessed"),
    ],
)
def test_an_item_without_words_that_are_cited_was_not_assessed(item: Any, state: str) -> None:
    answer = {"part": {"mood": {"state": "present", "text": "Low mood.", "evidence": [1]}, "voices": item}}

    [part] = read_answer(answer, CHECKLIST, IDS)

    voices = part.sentences[1]
    assert (voices.item, voices.state) == ("voices", state)
    assert voices.text.startswith("Voices: ")
    assert voices.is_template is (state == "not_assessed")
    assert (voices.text == "Voices: Not assessed this session.") is (state == "not_assessed")


def test_a_state_nobody_offered_is_refused() -> None:
    with pytest.raises(AnswerError):
        read_answer({"part": {"mood": {"state": "normal", "text": "Normal.", "evidence": [1]}}}, CHECKLIST, IDS)


def test_a_row_holds_the_tables_columns_and_no_others() -> None:
    row = {"cells": {"drug": "Sertraline", "dose": "50 mg", "secret": "x"}, "evidence": [1]}

    [part] = read_answer({"part": {"status": "documented", "rows": [row, {"cells": {}, "evidence": [1]}]}}, TABLE, IDS)

    assert [line.text for line in part.sentences] == ["Drug: Sertraline; Dose: 50 mg"]
    assert part.sentences[0].cells == (("drug", "Sertraline"), ("dose", "50 mg"))


@pytest.mark.parametrize("row", ["Sertraline", {"cells": "Sertraline"}, {"cells": {"drug": 5}, "evidence": [1]}])
def test_a_row_of_another_form_is_refused(row: Any) -> None:
    with pytest.raises(AnswerError):
        read_answer({"part": {"rows": [row]}}, TABLE, IDS)


def test_style_is_told_in_words_that_ask_for_no_number_of_sentences() -> None:
    concise = section(style={"detail": "concise", "layout": "bullets"})

    part = answer_schema(concise)["properties"]["part"]

    words = part["description"]
    assert "Only what decides care" in words
    assert "bullet point" in words
    assert "minItems" not in part["properties"]["sentences"]


def test_fixed_text_is_not_asked_for() -> None:
    sections = section(type="fixed", fixed_text="As always.")

    assert sections_to_ask(sections) == ()
    assert read_answer({}, sections, IDS)[0].sentences[0].text == "As always."
