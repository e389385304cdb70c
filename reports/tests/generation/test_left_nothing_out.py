"""What a clinician must find in the note of a short session: the diagnosis, the medicine, the task, each in its place."""

import pytest

from reports.generation.embedded import EmbeddedGenerator

from .conftest import request_for, talk


def lines_of(segments: tuple, slug: str, gender: str = "") -> dict[str, list[str]]:
    """Return the lines of a draft by the title of the place they stand in."""
    request = request_for(segments, slug, gender)
    titles = {place.id: place.title for top in request.sections for place in (top, *top.subsections)}
    draft = EmbeddedGenerator().generate(request)
    places = [place for top in draft.sections for place in (top, *top.subsections)]
    return {titles[place.id]: [line.text for line in place.sentences] for place in places}


FIRST_VISIT = talk(
    "d: What brings you here today?",
    "p: I have been feeling low for about three months. It started after my father died in March.",
    "d: I am sorry to hear that. How is it affecting your days?",
    "p: I have no energy, and I do not enjoy playing the guitar any more.",
    "d: How does that make you feel?",
    "p: My wife helps me a lot, and I talk to my brother every week.",
    "d: Tell me more about your feelings and your thoughts.",
    "p: I feel like I am letting everybody down at home.",
    "d: I think this is a moderate depressive episode. I suggest we start escitalopram ten milligrams once a day. "
    "For next week, please take the train twice and rate your anxiety before and after. Let us meet again in two weeks.",
    "p: Okay. I would like to try that.",
)


def test_a_diagnosis_and_a_medicine_stand_in_the_note_of_a_talk() -> None:
    lines = lines_of(FIRST_VISIT, "psychiatry_initial")

    assert lines["Assessment and Formulation"] == ["This is a moderate depressive episode."]
    assert lines["Medications"] == ["Suggested: start escitalopram 10 mg once a day."]
    assert "Follow-up in 2 weeks." in lines["Follow-up"]


def test_a_task_for_the_week_is_the_clients_to_do() -> None:
    told = [line for lines in lines_of(FIRST_VISIT, "soap").values() for line in lines]

    assert "For next week, the client will take the train twice and rate their anxiety before and after." in told


def test_a_name_comes_before_the_pronoun_that_stands_for_it() -> None:
    told = [line for lines in lines_of(FIRST_VISIT, "soap").values() for line in lines]

    assert "Client's wife helps them a lot, and they talk to their brother every week." in told


FOLLOW_UP = talk(
    "d: Good morning. How have you been since we last met?",
    "p: A bit better, I think. My mood is better in the mornings.",
    "d: How are the nightmares?",
    "p: I had two this month.",
    "d: Are you taking the sertraline every day?",
    "p: Yes, fifty milligrams in the morning. I had some nausea in the first week, but it has gone.",
    "d: Any thoughts that life is not worth living, or of hurting yourself?",
    "p: No, nothing like that.",
    "d: Your lithium level last week was zero point seven.",
    "p: That makes sense.",
    "d: Let us keep it at fifty milligrams. Please avoid ibuprofen. Call us sooner if you feel worse.",
    "p: All right.",
)


@pytest.fixture(scope="module")
def follow_up() -> dict[str, list[str]]:
    return lines_of(FOLLOW_UP, "psychiatry_followup")


def test_how_somebody_has_been_is_a_sentence(follow_up: dict[str, list[str]]) -> None:
    assert "The patient has been a bit better." in follow_up["Interval History"]


def test_a_number_is_of_what_was_asked_about(follow_up: dict[str, list[str]]) -> None:
    assert "The patient had 2 nightmares this month." in follow_up["Interval History"]


def test_a_dose_that_is_kept_names_its_drug_only_where_there_is_one(follow_up: dict[str, list[str]]) -> None:
    session = talk("d: Are you still taking prazosin?", "p: Yes, at bedtime.", "d: Let us keep it at two milligrams.")

    assert "We will keep prazosin at 2 mg." in lines_of(session, "psychiatry_followup")["Medications"]
    assert follow_up["Medications"] == ["We will keep it at 50 mg."]


def test_a_level_is_a_result_and_no_plan(follow_up: dict[str, list[str]]) -> None:
    assert follow_up["Scales and Results"] == ["The lithium level last week was 0.7."]


def test_a_request_is_advice_to_the_patient(follow_up: dict[str, list[str]]) -> None:
    told = [line for lines in follow_up.values() for line in lines]

    assert "The patient was advised to avoid ibuprofen." in told
    assert "The patient was advised to call us sooner if they feel worse." in told


def test_a_bare_denial_is_not_said_twice(follow_up: dict[str, list[str]]) -> None:
    assert follow_up["In words"] == [
        "The patient denies any thoughts that life is not worth living, or of hurting themself."
    ]


def test_understanding_is_no_response_to_a_medicine(follow_up: dict[str, list[str]]) -> None:
    assert not any("makes sense" in line for line in follow_up["Medications, Response and Side Effects"])


def test_what_has_gone_is_no_complaint_and_no_symptom() -> None:
    told = [line for lines in lines_of(FOLLOW_UP, "soap").values() for line in lines]

    assert not any(line.startswith(("Chief complaint", "Gastrointestinal")) for line in told)


@pytest.mark.parametrize(
    ("words", "pronoun"),
    [
        ("I want to be there, I'm a father now.", "He"),
        ("It got worse when I was pregnant with my second.", "She"),
        ("My wife is worried about me.", "The patient"),
    ],
)
def test_a_gender_is_only_taken_from_what_somebody_calls_themself(words: str, pronoun: str) -> None:
    session = talk(
        "d: What brings you in?",
        f"p: {words} I have had a bad headache since Monday. I feel dizzy and tired.",
        "d: Okay.",
    )
    told = [line for lines in lines_of(session, "general").values() for line in lines]

    assert f"{pronoun} feels dizzy and tired." in told


STOPPED = talk(
    "d: Are you drinking any alcohol?",
    "p: No, I stopped drinking in January.",
    "d: I would like to increase the sertraline to seventy five milligrams and continue the breathing exercises.",
    "p: All right.",
)


def test_who_has_stopped_drinking_denies_it() -> None:
    [line] = [
        line
        for line in EmbeddedGenerator().generate(request_for(STOPPED, "psychiatry_followup")).all_sentences()
        if line.text.startswith("Substance use:")
    ]

    assert line.state == "denied"
    assert "“No, I stopped drinking in January”" in line.text


def test_a_dose_is_planned_among_the_medicines_whatever_stands_beside_it() -> None:
    [line] = lines_of(STOPPED, "psychiatry_followup")["Medications"]

    assert line == "We will increase the sertraline to 75 mg and continue the breathing exercises."
