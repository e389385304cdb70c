"""Notes as a psychiatrist reads them: drugs named, subjects named, drinking that is no drinking, nothing twice."""

import pytest

from reports.generation.embedded import EmbeddedGenerator
from reports.generation.findings import find_findings
from reports.generation.readability import is_fragment
from reports.generation.risk_panel import find_risk_statements

from .conftest import request_for, talk


def lines(*spoken: str, slug: str = "psychiatry_followup") -> dict[str, list[str]]:
    """Return the lines of each section of a drafted note, what was not assessed left out."""
    draft = EmbeddedGenerator().generate(request_for(talk(*spoken), slug))
    return {
        section.id: [line.text for line in section.all_sentences() if not line.is_template]
        for section in draft.sections
    }


def everything(*spoken: str, slug: str = "psychiatry_followup") -> str:
    return " ".join(text for texts in lines(*spoken, slug=slug).values() for text in texts)


@pytest.mark.parametrize(
    "spoken",
    [
        ("d: Do you drink enough water?", "p: I drink about two liters a day."),
        ("d: How much coffee do you drink?", "p: I drink three cups a day."),
        ("d: How is the thirst?", "p: I drink a lot of tea in the evening."),
    ],
)
def test_water_coffee_and_tea_are_no_substance(spoken: tuple[str, ...]) -> None:
    note = lines(*spoken)

    assert note["substance_use"] == []
    assert not any("ubstance" in line for line in note["risk_assessment"])
    assert find_risk_statements(talk(*spoken)) == []


@pytest.mark.parametrize(
    "spoken",
    [
        ("d: Do you drink alcohol?", "p: I drink about two liters a day."),
        ("d: Do you drink enough water?", "p: I drink two liters of wine a day."),
        ("d: What about water?", "p: I drink four units a day."),
        ("d: Do you drink?", "p: I drink every weekend."),
    ],
)
def test_alcohol_stays_a_substance_however_it_is_said(spoken: tuple[str, ...]) -> None:
    assert lines(*spoken)["substance_use"]
    assert {one["kind"] for one in find_risk_statements(talk(*spoken))} == {"substance"}


def test_what_is_denied_together_is_denied_once() -> None:
    note = everything("d: Any side effects?", "p: No vomiting and no diarrhea.")

    assert "The patient denies vomiting and diarrhea." in note


def test_nobody_denies_energy() -> None:
    assert "denies energy" not in everything("d: How have you been?", "p: No energy and no appetite for weeks now.")


def test_a_dose_has_the_drug_the_clinician_just_named_and_cites_both() -> None:
    spoken = talk("d: How have things been with the lithium?", "p: I take 800 mg at night.")

    draft = EmbeddedGenerator().generate(request_for(spoken, "psychiatry_followup"))

    [line] = [line for section in draft.sections for line in section.all_sentences() if "800" in line.text]
    assert line.text == "The patient reports that she takes lithium 800 mg at night."
    assert line.evidence == (1, 2)


@pytest.mark.parametrize(
    "spoken",
    [
        ("d: How have the lithium and the quetiapine been?", "p: I take 800 mg at night."),
        (
            "d: You had lithium.",
            "p: Yes.",
            "d: I see.",
            "p: Fine.",
            "d: What about the rest?",
            "p: I take 800 mg at night.",
        ),
    ],
)
def test_a_dose_is_never_given_to_a_drug_by_guessing(spoken: tuple[str, ...]) -> None:
    assert "lithium 800" not in everything(*spoken)


def test_an_it_is_what_was_asked_about_or_stays_out() -> None:
    note = everything("d: And your appetite?", "p: It is back to normal.", "d: Tell me more.", "p: I sleep better now.")

    assert "Appetite is back to normal." in note
    assert "It is" not in note


def test_a_level_is_of_the_drug_that_was_spoken_of() -> None:
    note = everything(
        "d: How have things been with the lithium?",
        "p: I take 800 mg at night.",
        "d: Your level last week was 0.7, so we will keep the dose.",
    )

    assert "Her lithium level last week was 0.7" in note


@pytest.mark.parametrize(
    ("spoken", "meant", "taken_back"),
    [
        (
            ("d: Which tablet do you take?", "p: The Zoloft. No, sorry, the Celexa. Forty milligrams."),
            "Celexa, 40 mg",
            "Zoloft",
        ),
        (("d: How much coffee do you drink?", "p: I drink six cups, I mean two cups a day."), "2 cups", "6 cups"),
        (("d: Then let us go up to fifty, no wait, seventy-five milligrams of sertraline."), "75 mg", "50"),
        (
            (
                "d: Your clozapine level was 400, Paul.",
                "p: I am Henry. I do not take clozapine.",
                "d: Sorry, that was the wrong chart. You take quetiapine 200 milligrams.",
            ),
            "quetiapine 200 mg",
            "clozapine level",
        ),
    ],
)
def test_what_a_speaker_takes_back_is_not_written(spoken: tuple[str, ...], meant: str, taken_back: str) -> None:
    note = everything(*([spoken] if isinstance(spoken, str) else spoken)).replace("Zoloft was", "")

    assert meant.lower() in note.lower()
    assert taken_back.lower() not in note.lower()


def test_what_a_checklist_says_is_not_said_again_beside_it() -> None:
    note = lines(
        "d: Any thoughts of ending your life?",
        "p: No, none at all.",
        "d: Have you ever tried to end your life?",
        "p: Years ago I took an overdose after my father died, and my sister found me.",
    )["risk_assessment"]

    assert sum("none at all" in line for line in note) == 1
    assert not any("denies any thoughts" in line for line in note)
    assert any("overdose" in line for line in note)


def test_an_answer_told_with_its_question_names_its_drug_once() -> None:
    note = everything("d: Are you still taking the sertraline?", "p: Yes, 50 mg every morning.")

    assert "still taking the sertraline, 50 mg every morning" in note


def test_how_a_clinician_asked_is_no_plan() -> None:
    spoken = (
        "d: Tell me about the evenings.",
        "p: I sit in the dark and I feel low. That has been so since Easter.",
        "d: What do you do when you feel low?",
        "p: I look at old letters and cry. I feel ashamed of it.",
        "d: What is that shame like?",
    )

    assert lines(*spoken, slug="soap")["plan"] == []


@pytest.mark.parametrize(
    ("spoken", "wanted"),
    [
        (
            ("d: What medicine do you take?", "p: Only quetiapine, three hundred milligrams in the evening."),
            "quetiapine, 300 mg",
        ),
        (("d: And the appetite?", "p: Gone. I lost four kilos."), "lost 4 kilos"),
        (("d: And the panic attacks?", "p: Three this month."), "3 this month"),
        (("d: How did you sleep?", "p: Badly. I get five hours a night."), "5 hours a night"),
    ],
)
def test_an_amount_is_in_the_note_or_offered(spoken: tuple[str, ...], wanted: str) -> None:
    offered = " ".join(finding.fact.text for finding in find_findings(talk(*spoken)))

    assert wanted in f"{everything(*spoken)} {offered}"


@pytest.mark.parametrize(
    "spoken",
    [
        "Sorry, I forgot to mention that I have night sweats.",
        "The doctor said I can always see her about your mood, she told my wife.",
    ],
)
def test_a_word_in_passing_is_no_mental_status(spoken: str) -> None:
    note = lines("d: Anything else?", f"p: {spoken}")

    assert not any(line.startswith(("Memory", "Mood")) for line in note["mental_status_examination"])


@pytest.mark.parametrize(
    "broken", ["That is still.", "She does not think.", "Makes her a bit tired.", "The it started badly."]
)
def test_a_sentence_that_broke_off_is_a_fragment(broken: str) -> None:
    assert is_fragment(broken)
