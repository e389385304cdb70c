"""A turn that was only nodded into is read as one, with all it is made of as evidence."""

from reports.generation.grammar import CLIENT
from reports.generation.therapy import therapy_facts
from reports.generation.therapy_turns import whole_turns

from .conftest import talk


def test_a_turn_goes_on_after_a_nod_and_keeps_both_parts_as_evidence() -> None:
    segments = talk(
        "d: Is it okay if we talk about your drinking, and how you feel about it?",
        "p: Sure, I drink four beers every evening.",
        "d: So you feel tired in the morning.",
        "p: Yes, exactly.",
        "d: On a scale from zero to ten, how confident are you that you can stop?",
        "p: At the moment I am maybe-",
        "d: Mm-hmm.",
        "p: -at a seven.",
        "d: What would you like to try this week?",
        "p: I could leave the car at home on Friday.",
    )

    rated = next(fact for fact in therapy_facts(segments, CLIENT) or [] if fact.kind == "rating")

    assert rated.text == "Client rated confidence at 7 on a scale to 10."
    assert {segments[4].id, segments[5].id, segments[7].id} <= set(rated.evidence)


def test_a_turn_the_other_answered_or_that_was_complete_stays_apart() -> None:
    answered = talk("p: I sold the-", "d: What did you sell?", "p: -the boat.")
    complete = talk("p: I sold the boat.", "d: Okay.", "p: The money is gone.")

    assert whole_turns(answered) == (answered, {})
    assert whole_turns(complete) == (complete, {})
