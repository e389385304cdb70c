"""A dose whose medicine speech writing got wrong, and a plan said in passing, are never lost."""

import pytest

from reports.generation.assemble import AssembledReport, assemble
from reports.generation.embedded import EmbeddedGenerator
from reports.generation.unrecognised import unrecognised_doses

from .conftest import request_for, talk

HISTORY = (
    "d: Good morning. How have you been since we last met?",
    "p: I have been feeling low for about three months. It started after my father died.",
    "d: How is your sleep?",
    "p: I wake at four every morning and I cannot get back to sleep.",
)
MISHEARD = "d: I suggest we start S. et al. Program 10 mg once a day, and weekly therapy. I will see you in two weeks."
QUOTE = "I suggest we start S. et al. Program 10 mg once a day, and weekly therapy"


def report_of(*lines: str) -> AssembledReport:
    request = request_for(talk(*lines), "psychiatry_followup")
    return assemble(EmbeddedGenerator().generate(request), request)


@pytest.fixture(scope="module")
def report() -> AssembledReport:
    return report_of(*HISTORY, MISHEARD, "p: Okay, I will try that.")


def test_the_dose_stands_in_the_note_without_a_name(report: AssembledReport) -> None:
    assert f"Medications\n• A dose was said whose medicine was not recognised: “{QUOTE}”." in report.content
    [line] = [
        line
        for section in report.sections
        for part in section["subsections"]
        for line in part["sentences"]
        if "A dose was said" in line["text"]
    ]
    assert [place["segment"] for place in line["evidence"]] == [5]
    assert line["support"] == "partial"
    assert [flag["kind"] for flag in line["flags"]] == ["drug"]


def test_the_dose_is_among_what_is_not_in_the_note(report: AssembledReport) -> None:
    [entry] = [entry for entry in report.missing if entry["kind"] == "medication"]

    assert entry["text"] == f"The clinician said “{QUOTE}”."
    assert (entry["segment"], entry["start_ms"]) == (5, 10_000)


def test_a_plan_said_in_passing_stands_in_the_note(report: AssembledReport) -> None:
    assert "Therapy and Education\n• Weekly therapy." in report.content
    assert "Follow-up\n• We will see her in 2 weeks." in report.content


def test_a_sentence_over_two_segments_is_quoted_whole() -> None:
    [dose] = unrecognised_doses(
        talk(*HISTORY, "d: I suggest we start S. et al.", "d: Program 10 mg once a day.", "p: Okay.")
    )

    assert dose.text == "I suggest we start S. et al. Program 10 mg once a day"
    assert dose.evidence == (5, 6)


@pytest.mark.parametrize(
    "lines",
    [
        ("d: Let us start sertraline. Fifty milligrams once a day.",),
        ("d: Are you taking the sertraline every day?", "p: Yes, fifty milligrams in the morning."),
        ("d: You take sertraline.", "p: Yes.", "d: Let us keep it at 50 mg."),
        ("d: Your glucose was 120 mg.",),
        ("d: Please start walking twice a day.",),
        ("p: I drink three units every night.",),
    ],
)
def test_a_known_medicine_and_other_amounts_are_no_unrecognised_dose(lines: tuple[str, ...]) -> None:
    assert unrecognised_doses(talk(*HISTORY, *lines)) == []


def test_a_talk_ends_with_when_the_two_meet_again() -> None:
    report = report_of(
        *HISTORY, "d: Have you thought about ending your life?", "p: No, never.", MISHEARD, "p: Okay, I will try that."
    )

    assert f"Medications\n• A dose was said whose medicine was not recognised: “{QUOTE}”." in report.content
    assert "Therapy and Education\n• Weekly therapy." in report.content
    assert "in 2 weeks." in report.content.partition("Follow-up\n")[2]


def test_exercises_beside_a_dose_hide_no_misheard_medicine() -> None:
    words = "I would like to increase the search for line to 75 mg and continue the breathing exercises"
    note = report_of(*HISTORY, f"d: {words}.", "p: That sounds good.")

    assert f"• A dose was said whose medicine was not recognised: “{words}”." in note.content
    assert "We will increase the search" not in note.content


def test_exercises_alone_are_no_medicine() -> None:
    assert not unrecognised_doses(talk(*HISTORY, "d: Do two units of the breathing exercises once a day.", "p: Okay."))
