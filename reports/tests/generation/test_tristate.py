"""A checklist item is present, denied or not assessed; silence, doubt and other people are never a denial."""

from dataclasses import replace

import pytest

from reports.generation.assemble import assemble
from reports.generation.base import (
    DraftSection,
    DraftSentence,
    GeneratedReport,
    GenerationRequest,
)
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.guard import Guard
from reports.generation.risk_rules import INVENTED_NORMAL
from reports.templating.structure import Entry, Section

from .conftest import talk

ITEMS = (
    Entry("mood", "Mood"),
    Entry("affect", "Affect"),
    Entry("hallucinations", "Hallucinations"),
    Entry("suicidal_ideation", "Suicidal ideation"),
    Entry("plan", "Suicide plan"),
    Entry("past_attempts", "Past attempts"),
    Entry("substances", "Substance use"),
    Entry("chest_pain", "Chest pain"),
    Entry("gambling", "Gambling"),
)
CHECKLIST = Section("mse", "Mental status", type="checklist", items=ITEMS)


def read(*lines: str) -> dict:
    """Return the stored lines of the checklist by item."""
    request = GenerationRequest((CHECKLIST,), talk(*lines))
    report = assemble(EmbeddedGenerator().generate(request), request)
    return {line["item"]: line for line in report.sections[0]["sentences"]}


def test_an_item_nobody_asked_about_prints_that_it_was_not_assessed():
    lines = read("d: How was the drive?", "p: Fine, thanks, no traffic at all today.")

    assert [line["item"] for line in lines.values()] == [item.id for item in ITEMS]
    assert {line["state"] for line in lines.values()} == {"not_assessed"}
    assert lines["mood"]["text"] == "Mood: Not assessed this session."
    assert (lines["mood"]["origin"], lines["mood"]["evidence"]) == ("template", [])


def test_being_unable_to_concentrate_says_nothing_about_orientation():
    section = Section("mse", "Mental status", type="checklist", items=(Entry("orientation", "Orientation"),))
    request = GenerationRequest((section,), talk("d: How is work?", "p: I find it hard to concentrate at work."))

    (line,) = assemble(EmbeddedGenerator().generate(request), request).sections[0]["sentences"]

    assert line["state"] == "not_assessed"


@pytest.mark.parametrize(
    "answer", ["No, never.", "Not really.", "I wouldn't say so.", "Nope.", "No, nothing like that."]
)
def test_denied_rests_on_the_question_and_its_answer(answer):
    line = read("d: Have you had any thoughts of suicide?", f"p: {answer}")["suicidal_ideation"]

    assert line["state"] == "denied"
    assert [place["segment"] for place in line["evidence"]] == [1, 2]
    assert line["support"] == "supported"
    assert answer.rstrip(".") in line["text"]


def test_a_spontaneous_clear_negation_is_the_patients_own_statement():
    line = read("p: I have never been suicidal, and I don't hear voices.")

    assert line["suicidal_ideation"]["state"] == line["hallucinations"]["state"] == "denied"
    assert [place["segment"] for place in line["suicidal_ideation"]["evidence"]] == [1]


@pytest.mark.parametrize(
    "lines",
    [
        ["d: Have you had any thoughts of suicide?"],
        ["d: Have you had any thoughts of suicide?", "p: Oh sure, every day, ha ha."],
        ["d: Have you had any thoughts of suicide?", "p: No, but sometimes I think about it."],
        ["d: Have you had any thoughts of suicide?", "p: Maybe."],
        ["d: Any thoughts of suicide? How is your sleep?", "p: No, it is bad."],
        ["d: Does your brother have thoughts of suicide?", "p: No."],
        ["p: I can't say I have no thoughts of suicide."],
        ["d: You are not suicidal, that is good."],
        ["d: You're not thinking of suicide?", "p: Yes."],
        ["d: Has he talked about suicide?", "o: No, not to me."],
    ],
    ids=[
        "half session",
        "sarcasm",
        "taken back",
        "maybe",
        "another question",
        "brother",
        "double",
        "told",
        "yes",
        "companion",
    ],
)
def test_what_is_not_sure_is_not_assessed_rather_than_wrong(lines):
    assert read(*lines)["suicidal_ideation"]["state"] == "not_assessed"


def test_present_says_it_in_the_words_it_was_said_in():
    lines = read(
        "d: How is your mood?",
        "p: Pretty low, honestly.",
        "d: You look tearful today.",
        "d: Do you ever think about ending your life?",
        "p: Sometimes, at night.",
        "d: Do you gamble?",
        "p: Every weekend.",
    )

    assert {item: line["state"] for item, line in lines.items() if line["state"] == "present"}.keys() == {
        "mood",
        "affect",
        "suicidal_ideation",
        "gambling",
    }
    assert "Pretty low, honestly" in lines["mood"]["text"]
    assert "said by the clinician" in lines["affect"]["text"]
    assert all(line["support"] == "supported" for line in lines.values())


def test_what_was_long_ago_is_past_and_a_denial_after_it_counts_for_now():
    past = read("p: I was suicidal last year.")["suicidal_ideation"]
    lines = read(
        "d: Have you ever attempted suicide?",
        "p: Once, when I was twenty.",
        "d: Any thoughts of suicide now?",
        "p: No, not anymore.",
    )

    assert "In the past" in past["text"]
    assert "Now: not assessed" in past["text"]
    assert lines["past_attempts"]["state"] == "present"
    assert lines["suicidal_ideation"]["state"] == "denied"


def cloud_line(state: str, *evidence: int) -> DraftSentence:
    return DraftSentence("Suicidal ideation: Denied.", evidence, layout="item", item="suicidal_ideation", state=state)


@pytest.mark.parametrize(
    ("evidence", "state"), [((1, 2), "denied"), ((2,), "not_assessed"), ((3,), "not_assessed"), ((), "not_assessed")]
)
def test_another_engines_denial_without_question_and_answer_becomes_not_assessed_and_says_why(evidence, state):
    segments = talk("d: Any thoughts of suicide?", "p: No.", "d: I will see you in two weeks.")
    request = GenerationRequest((CHECKLIST,), segments)
    draft = GeneratedReport((DraftSection("mse", "documented", (cloud_line("denied", *evidence),)),), engine="gemini")

    lines = {line["item"]: line for line in assemble(draft, request).sections[0]["sentences"]}

    assert len(lines) == len(ITEMS)
    assert lines["suicidal_ideation"]["state"] == state
    if state == "not_assessed":
        assert lines["suicidal_ideation"]["text"] == "Suicidal ideation: Not assessed this session."
        assert "no question with its answer" in lines["suicidal_ideation"]["flags"][0]["detail"]


def test_a_checklist_inside_a_structured_section_is_held_to_the_same_rule():
    parent = Section("objective", "Objective", type="structured", subsections=(replace(CHECKLIST, id="mse"),))
    request = GenerationRequest((parent,), talk("p: I feel low."))
    draft = GeneratedReport(
        (DraftSection("objective", "documented", (), (DraftSection("mse", "documented", (cloud_line("denied", 1),)),)),)
    )

    [section] = assemble(draft, request).sections

    assert {line["state"] for line in section["subsections"][0]["sentences"]} == {"not_assessed"}


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Denies SI/HI.", (3,)),
        ("She denies any thoughts of suicide.", (3, 4)),
        ("No hallucinations or delusions.", (3, 4)),
        ("Normal affect.", (3,)),
        ("She is oriented to person, place and time.", (4,)),
        ("Insight and judgment are intact.", (4,)),
    ],
)
def test_a_normal_nobody_asked_about_is_a_hard_flag_in_any_section(text, evidence):
    segments = talk(
        "d: Any thoughts of suicide?",
        "p: No.",
        "d: How is your sleep?",
        "p: I sleep well now.",
    )

    result = Guard(segments).check(text, evidence)

    assert INVENTED_NORMAL in {flag.kind for flag in result.flags}
    assert result.support == "unsupported"


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Denies thoughts of suicide.", (1, 2)),
        ("His mother denies suicidal thoughts.", (1, 2)),
        ("He sleeps well now.", (4,)),
    ],
)
def test_what_was_asked_and_answered_has_no_such_flag(text, evidence):
    segments = talk(
        "d: Any thoughts of suicide?",
        "p: No.",
        "d: How is your sleep?",
        "p: I sleep well now.",
    )

    assert INVENTED_NORMAL not in {flag.kind for flag in Guard(segments).check(text, evidence).flags}


def test_a_past_wish_of_somebody_else_is_never_the_patients():
    lines = read(
        "d: What happened last week?",
        "p: My brother called me on Tuesday night. He said he wanted to die and that nobody would miss him.",
    )

    assert lines["suicidal_ideation"]["state"] == "not_assessed"
