"""What a note of counselling names of its own is named only from cited words, and told of the one who said it."""

import pytest

from reports.generation.facts import Fact
from reports.generation.grammar import CLIENT, person_for
from reports.generation.guard import Guard
from reports.generation.therapy import therapy_facts
from reports.generation.therapy_change import motivated_by, weighed_up
from reports.generation.therapy_client import can_stand, told
from reports.generation.therapy_observed import observed
from reports.generation.therapy_reflecting import reflected
from reports.generation.therapy_stance import advised, raised, stances
from reports.generation.therapy_talk import statements_of
from reports.generation.therapy_topics import topics_of
from reports.generation.therapy_work import agreed_steps, work_done

from .conftest import talk

HIM = person_for("male")
SMOKING = talk(
    "d: I would like to talk with you about your smoking today.",
    "p: Okay, that is fine.",
    "d: What do you like about it?",
    "p: I like smoking with my friends and it helps me relax after work.",
    "d: What concerns you about smoking?",
    "p: I want to quit smoking for my kids, and I am scared of lung cancer.",
    "d: You are worried that your kids will start to smoke, too.",
    "p: Yeah, exactly.",
    "d: Smoking gives you a break from a very long day.",
    "p: I feel guilty every time I smoke in the car.",
    "d: It scares you that you cannot run with them.",
    "p: Right.",
    "d: From zero to ten, how important is it to quit?",
    "p: I would say an eight.",
    "d: And how confident are you?",
    "p: A five.",
)


def texts_of(facts: object) -> list[str]:
    return [fact.text for fact in facts]  # type: ignore[attr-defined]


def test_what_is_rated_on_one_scale_is_told_in_one_sentence() -> None:
    found = list(observed(statements_of(SMOKING), [], None))
    rated = next(fact for fact in found if fact.kind == "rating")

    assert rated.text == "The client rated importance at 8 and confidence at 5 on a scale to 10."
    assert {SMOKING[place].id for place in (12, 13, 14, 15)} <= set(rated.evidence)


def test_feelings_are_named_only_where_the_client_has_them() -> None:
    def felt(line: str) -> list[str]:
        return [text for text in texts_of(observed(statements_of(talk(line)), [], None)) if "feelings" in text]

    assert felt("p: I feel so guilty about it.") == ["The client expressed feelings of guilt."]
    assert felt("p: I am not angry at all.") == []
    assert felt("p: My wife is angry.") == []
    assert felt("p: I cut down and I am down to six.") == []
    assert felt("d: I am worried about you.") == []


def test_reasons_and_barriers_are_named_by_the_words_that_are_cited() -> None:
    statements = statements_of(SMOKING)
    topic = topics_of(statements)[0]
    [fact] = motivated_by(statements, topic)

    assert "family" in fact.text.split(" as ")[0]
    assert "barrier" in fact.text
    assert not Guard(SMOKING).check(fact.text, fact.evidence).flags
    assert list(motivated_by(statements, None)) == []


def test_both_sides_are_told_of_the_client_and_cited() -> None:
    statements = statements_of(SMOKING)
    [fact] = weighed_up(statements, {one.id: one.text for one in SMOKING}, topics_of(statements)[0], HIM)

    assert fact.text.startswith("The client appears ambivalent regarding smoking: ")
    assert " I " not in fact.text
    assert {SMOKING[3].id, SMOKING[5].id} <= set(fact.evidence)


def test_a_reflection_is_told_as_the_therapists() -> None:
    texts = texts_of(reflected(statements_of(SMOKING), HIM))

    assert any(text.startswith("The therapist reflected, and the client agreed, that he ") for text in texts)
    assert all("scares he" not in text for text in texts)


def test_a_reflection_the_client_denies_is_not_told() -> None:
    segments = talk("d: You are worried that your kids will start to smoke.", "p: No, not at all.", "d: Okay.")

    assert reflected(statements_of(segments), HIM) == []


@pytest.mark.parametrize(
    ("said", "told_as"),
    [
        ("I know that I should cut down before the summer.", "The client acknowledges that they should cut down"),
        ("I'm worried about losing my licence again.", "The client expressed concern about losing their licence"),
        ("I'm scared of losing my licence again.", "The client expressed concern about losing their licence"),
        (
            "It's really hard to say no when my mates drink.",
            "The client finds it hard to say no when their mates drink",
        ),
    ],
)
def test_where_the_client_stands_is_named(said: str, told_as: str) -> None:
    segments = talk("d: Okay.", f"p: {said}")
    [fact] = stances(statements_of(segments), CLIENT)

    assert fact.text.startswith(told_as)
    assert fact.evidence == (segments[1].id,)
    assert not Guard(segments).check(fact.text, fact.evidence).flags


def test_what_the_client_only_knows_of_is_not_acknowledged() -> None:
    assert list(stances(statements_of(talk("d: Okay.", "p: I know the boat.")), CLIENT)) == []


def test_advice_is_told_as_advice_and_a_question_is_none() -> None:
    def told_of(line: str) -> list[str]:
        return texts_of(advised(statements_of(talk(line, "p: Okay.")), HIM))

    assert told_of("d: You should keep the bottle in your sister's flat for now.") == [
        "The therapist advised the client to keep the bottle in his sister's flat for now."
    ]
    assert told_of("d: Should you keep the bottle in your sister's flat for now?") == []
    assert told_of("d: You need to know that you are welcome here.") == []


def test_what_the_therapist_brought_up_is_told() -> None:
    assert texts_of(raised(statements_of(SMOKING), HIM)) == ["The therapist asked to talk about his smoking today."]


def test_what_questions_were_about_is_told_when_there_are_two() -> None:
    def explored(segments: tuple) -> list[str]:
        statements = statements_of(segments)
        return [text for text in texts_of(work_done(statements, [], HIM)) if " explored " in text]

    assert explored(SMOKING) == ["The therapist explored perceived benefits, concerns and confidence."]
    assert explored(SMOKING[:4]) == []


def test_every_line_of_the_session_stands_before_the_guard() -> None:
    guard = Guard(SMOKING)
    facts: list[Fact] = therapy_facts(SMOKING, HIM) or []

    assert facts
    assert [fact.text for fact in facts if guard.check(fact.text, fact.evidence).flags] == []


def test_nothing_is_told_in_the_history_and_again_as_a_step() -> None:
    segments = talk(
        "d: How do you feel about your week, and what would you like to try?",
        "p: I will call my sister on Monday.",
        "d: Tell me more about her.",
        "p: She lives in the house next to the school.",
        "d: So you feel close to her.",
        "p: I do.",
    )
    texts = texts_of(therapy_facts(segments, CLIENT) or [])

    assert sum("call" in text for text in texts) == 1


def test_a_step_of_somebody_else_is_theirs() -> None:
    segments = talk("d: Who will call the school?", "o: I will call the school on Monday.")
    steps = texts_of(agreed_steps(statements_of(segments), HIM))

    assert all(not text.startswith("The client") for text in steps)


def test_what_somebody_holds_of_themself_is_told_as_a_feeling() -> None:
    segments = talk("d: How is it at home?", "p: I am already a bad mother in their eyes.")
    texts = texts_of(told(statements_of(segments), {}, person_for("female")))

    assert texts == ["She feels that she is already a bad mother in their eyes."]


def test_an_interrupted_no_denies_nothing() -> None:
    segments = talk("d: Do you take it with your breakfast?", "p: no wait with my toothbrush")
    texts = texts_of(told(statements_of(segments), {}, CLIENT))

    assert not any("denies" in text for text in texts)


@pytest.mark.parametrize("cut", ["The client's wife says.", "They felt so lied.", "She is scared they will take."])
def test_what_breaks_off_is_no_sentence(cut: str) -> None:
    assert not can_stand(cut)
