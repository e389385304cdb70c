"""Talk becomes prose: what speech leaves behind goes, and what cannot be read alone stays out of a note."""

import re

import pytest

from reports.generation.facts import Fact
from reports.generation.grammar import CLIENT
from reports.generation.therapy import therapy_facts
from reports.generation.therapy_prose import agreeing, is_hollow, plain_speech, stands_alone, weight_of
from reports.generation.therapy_quotes import telling_quote
from reports.generation.therapy_talk import Statement
from reports.generation.therapy_topics import Topic
from reports.generation.therapy_work import agreed_steps, work_done
from reports.generation.units import Unit, make_units

from .conftest import talk


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("I like dropped my keys in the river", "I dropped my keys in the river"),
        ("I like they worry about the rent", "they worry about the rent"),
        ("I like swimming in the lake", "I like swimming in the lake"),
        ("she was wearing these like slippers", "she was wearing these slippers"),
        ("it feels like a knife", "it feels like a knife"),
        ("did not-did not want to leave", "did not want to leave"),
        ("I-I-I paid the bill", "I paid the bill"),
        ("I paid the bill, man", "I paid the bill"),
        ("the blood test was clear, so—.", "the blood test was clear"),
        ("'cause my sister pays the rent", "my sister pays the rent"),
        ("and then I missed the bus, I don't know", "I missed the bus, I don't know"),
        ("and then I missed the bus, I do not know", "I missed the bus"),
        ("I have to bring it to the bank, do I?", "I have to bring it to the bank?"),
    ],
)
def test_what_only_speech_has_is_taken_out(said: str, meant: str) -> None:
    assert plain_speech(said) == meant


@pytest.mark.parametrize(
    "sentence",
    [
        "A little, most of the time.",
        "The client does not know.",
        "That was loud in the street.",
        "Those were sold in the spring.",
        "It the client sleeps better at the lake.",
        "The client wants to be they need to be on time.",
        "The client likes they worry about the rent.",
        "The client was like okay about the rent.",
        "Someone who has seen the flat of the client.",
        "Painting the fence while the weather holds.",
        "The client reports a lot of rain.",
        "The neighbour -- the client owes the neighbour money.",
        "Dizzy when the client stands up.",
        "Let her if the parcel comes on Monday.",
    ],
)
def test_what_cannot_be_read_alone_stays_out(sentence: str) -> None:
    assert not stands_alone(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The client reports that they paid the rent late.",
        "When the client comes home, they lock the door twice.",
        "Their sister pays the rent every month.",
        "On Mondays he walks to the lake.",
        "Anna left the choir in May.",
        "Running in the park helps against the cravings.",
        "The other participant feels sick about it.",
        "Most people sleep for eight hours.",
        "In the past he kept bees.",
    ],
)
def test_a_whole_sentence_stands(sentence: str) -> None:
    assert stands_alone(sentence)


@pytest.mark.parametrize(
    ("sentence", "right"),
    [
        ("Finances is tight in winter.", "Finances are tight in winter."),
        ("She say the flat is cold.", "She says the flat is cold."),
        ("The client and their cousins they fish on Sundays.", "The client and their cousins fish on Sundays."),
        ("The client hopes they has time.", "The client hopes they have time."),
    ],
)
def test_a_verb_agrees_with_its_one_subject(sentence: str, right: str) -> None:
    assert agreeing(sentence) == right


def test_a_sentence_with_content_weighs_more_than_a_vague_one() -> None:
    assert is_hollow("The client does not really know.")
    assert weight_of("He sleeps 3 hours a night because he worries.") > weight_of("He sleeps badly.")
    assert weight_of("He went along with it.") < 1


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("I have not slept since my brother moved out.", "I have not slept since my brother moved out"),
        ("that was the week with my brother", ""),
        ("I was like, okay, my brother moved out on Monday.", ""),
        ("i miss my brother every single day", ""),
        ("I want the flat, you know, for my brother and the children.", ""),
        ("when I walk to the harbour in the evening with my dog", ""),
        ("I don't sleep when my brother is at sea.", "I don't sleep when my brother is at sea"),
    ],
)
def test_only_words_that_can_be_read_alone_are_quoted(said: str, quote: str) -> None:
    segments = talk(f"p: {said}")

    assert telling_quote(make_units(segments)[0], {segments[0].id: segments[0].text}) == quote


def test_only_a_doing_somebody_agreed_to_is_a_step() -> None:
    segments = talk(
        "d: Is it okay if we talk about your drinking, and how you feel about it?",
        "p: Sure, I drink four beers every evening.",
        "d: So you feel tired in the morning.",
        "p: Yes, exactly.",
        "d: What would you like to try this week?",
        "p: I could leave the car at home on Friday.",
        "d: Is a plan like this worth a try?",
        "p: Yes.",
        "d: That was a brave phone call to the neighbour.",
        "p: Yes.",
        "d: Could you write down every drink before our next session?",
        "p: Yes, I will.",
        "d: Let's meet again next week.",
        "p: Okay.",
    )

    plan = " ".join(fact.text for fact in therapy_facts(segments, CLIENT) or [] if fact.kind == "plan")

    assert "leave the car at home on Friday" in plan
    assert "worth a try" not in plan
    assert "neighbour" not in plan


def test_both_sides_and_the_goal_are_given_in_the_words_of_the_client() -> None:
    segments = talk(
        "d: Is it okay if we talk about your drinking, and how you feel about it?",
        "p: Sure, I drink four beers every evening.",
        "d: What makes it hard to stop drinking?",
        "p: I love the beer with my brother after work.",
        "d: So you feel torn about the drinking.",
        "p: I want to stop because my daughter is scared.",
        "d: What would you like to get out of this?",
        "p: I want to be a calm father for my daughter.",
    )

    texts = [fact.text for fact in therapy_facts(segments, CLIENT) or [] if fact.kind == "readiness"]

    assert texts
    for text in texts:
        for quote in re.findall("“([^”]*)”", text):
            assert any(quote in segment.text for segment in segments), text
        assert "contemplation" not in text
        assert "engaged" not in text


def test_motivational_interviewing_is_named_only_with_three_of_its_techniques() -> None:
    topic = Topic("smoking", (1,), 3, True, re.compile("smok"))
    unit = make_units(talk("d: So you smoke when you are alone."))[0]

    def done(*labels: str) -> str:
        statements = [Statement(unit, label, 0.9) for label in labels]
        return next(fact.text for fact in work_done(statements, [topic], CLIENT) if fact.kind == "intervention")

    assert done("open", "open", "reflection", "reflection") == (
        "The therapist used open questions and reflections to explore smoking."
    )
    assert done("open", "open", "reflection", "reflection", "affirmation") == (
        "The therapist used motivational interviewing techniques (open questions, reflections and affirmations) "
        "to explore smoking."
    )


def test_a_step_that_was_asked_for_needs_the_yes_and_cites_it() -> None:
    asked, agreed, declined = make_units(
        talk("d: Could you write down every drink before Friday?", "p: Yes, I will.", "p: No, never.")
    )

    def steps(answer: Unit) -> list[Fact]:
        return agreed_steps([Statement(asked, "plan", 0.9), Statement(answer, "response", 0.9)], CLIENT)

    [step] = steps(agreed)
    assert step.text == "The client agreed to write down every drink before Friday."
    assert step.evidence == (asked.segment_id, agreed.segment_id)
    assert steps(declined) == []
