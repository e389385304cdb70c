"""Counselling sessions: told from visits, read, and written up with evidence."""

import pytest

from reports.generation.embedded import EmbeddedGenerator
from reports.generation.frames import without_frame
from reports.generation.grammar import CLIENT, UNNAMED, patient_to_third, person_for
from reports.generation.guard import Guard
from reports.generation.therapy import therapy_facts
from reports.generation.therapy_quotes import quote_of
from reports.generation.therapy_talk import is_counselling, statements_of
from reports.generation.units import make_units
from tools.counselling import load_dialogues

from .conftest import request_for, talk

HELD_OUT = load_dialogues("valid")


@pytest.fixture
def session() -> tuple:
    return talk(
        "d: Is it okay if we talk about your drinking for a few minutes?",
        "p: Sure, that's fine.",
        "d: Tell me about a usual week.",
        "p: I drink a bottle of wine every Friday and a few beers when I watch the game.",
        "d: So you feel tired and guilty the next morning.",
        "p: Yeah, exactly.",
        "d: You want to be a good father, and that really matters to you.",
        "p: I want to stop because my daughter is scared when I drink.",
        "d: What makes it hard to stop?",
        "p: It's the only thing that helps me relax after work.",
        "d: Alcohol breaks up the second half of the night, so people wake at three.",
        "p: I didn't know that.",
        "d: On a scale from zero to ten, how confident are you that you can cut down?",
        "p: I'd say a six.",
        "d: Do you ever have thoughts of hurting yourself?",
        "p: No, never.",
        "d: What would you like to try this week?",
        "p: I could have no alcohol on Monday and Tuesday.",
        "d: Great, let's meet again in two weeks.",
        "p: Okay, I will.",
    )


def sections_of(segments: tuple, slug: str = "soap") -> dict[str, str]:
    draft = EmbeddedGenerator().generate(request_for(segments, slug))
    return {section.id: " ".join(line.text for line in section.all_sentences()) for section in draft.sections}


def test_talking_therapy_is_told_from_a_visit(followup: tuple, session: tuple) -> None:
    visit = talk(
        "d: How is the knee today?",
        "p: The pain and the swelling are worse.",
        "d: Let me take a look. There is tenderness and some swelling. The x-ray shows no fracture.",
        "p: Okay.",
        "d: I will prescribe meloxicam 15 milligrams and order an MRI.",
        "p: Thanks.",
    )

    assert is_counselling(session)
    assert not is_counselling(visit)
    assert not is_counselling(followup)
    assert therapy_facts(visit, UNNAMED) is None


def test_most_held_out_sessions_are_known_as_counselling() -> None:
    told = [is_counselling(dialogue.segments()) for dialogue in HELD_OUT if "medication" not in dialogue.kind]

    assert all(told)


def test_statements_of_held_out_sessions_are_mostly_read_right() -> None:
    right = count = 0
    for dialogue in HELD_OUT:
        labels = {line.number: line.label for line in dialogue.lines}
        for statement in statements_of(dialogue.segments()):
            right += statement.label == labels[statement.unit.segment_id]
            count += 1

    assert right / count >= 0.6  # of 28 labels


def test_a_confirmed_reflection_counts_with_its_answer(session: tuple) -> None:
    facts = therapy_facts(session, CLIENT) or []
    reflected = next(fact for fact in facts if "guilty" in fact.text)

    assert reflected.text == (
        "Therapist reflected, and the client agreed, that the client feels tired and guilty the next morning."
    )
    assert [session[4].id, session[5].id] == list(reflected.evidence)


def test_a_reflection_the_client_does_not_confirm_is_no_history(session: tuple) -> None:
    denied = tuple(
        type(segment)(segment.id, 0, 0, segment.speaker, "No, not at all.") if segment.id == session[5].id else segment
        for segment in session
    )

    assert not any("guilty" in fact.text for fact in therapy_facts(denied, CLIENT) or [])


def test_what_the_therapist_did_is_named_from_the_words(session: tuple) -> None:
    done = next(fact for fact in therapy_facts(session, CLIENT) or [] if fact.kind == "intervention")

    assert done.text.startswith("Therapist used ")
    assert "alcohol use" in done.text
    assert set(done.evidence) <= {segment.id for segment in session}


def test_education_is_told_as_education_and_never_as_history(session: tuple) -> None:
    sections = sections_of(session)

    assert "second half of the night" not in sections["subjective"]


def test_a_rating_and_a_denial_keep_number_and_polarity(session: tuple) -> None:
    sections = sections_of(session)

    assert "Client rated confidence at 6 on a scale to 10." in sections["objective"]
    assert "denies thoughts of hurting" in sections["subjective"]


def test_steps_are_as_firm_as_they_were_said(session: tuple) -> None:
    plan = sections_of(session)["plan"]

    assert "Client is willing to have no alcohol on Monday and Tuesday." in plan
    assert "Follow-up in 2 weeks." in plan


def test_an_impression_needs_words_for_it() -> None:
    plain = talk(
        "d: How do you feel about your week?",
        "p: I went to the cinema on Monday with my sister.",
        "d: Tell me more about that.",
        "p: We saw a long film about trains.",
        "d: What else would you like to talk about?",
        "p: I also cooked dinner on Sunday.",
    )

    texts = [fact.text for fact in therapy_facts(plain, CLIENT) or []]

    assert not any("ambivalent" in text or "stage of change" in text or "motivated" in text for text in texts)


def test_the_client_is_named_once_in_a_sentence_and_then_they() -> None:
    assert patient_to_third("I report that I wake at three and my wife worries", CLIENT) == (
        "the client reports that they wake at three and their wife worries"
    )


def test_every_line_of_the_held_out_sessions_cites_them_and_few_are_doubtful() -> None:
    lines = doubtful = 0
    for dialogue in HELD_OUT:
        segments = dialogue.segments()
        guard = Guard(segments)
        for fact in therapy_facts(segments, person_for(dialogue.gender)) or []:
            assert fact.evidence
            assert set(fact.evidence) <= {segment.id for segment in segments}, fact
            if not fact.is_minor:
                lines += 1
                doubtful += bool(guard.check(fact.text, fact.evidence).flags)

    assert lines > 100
    assert doubtful / lines <= 0.03


def test_a_later_no_does_not_deny_what_the_turn_began_by_affirming() -> None:
    segments = talk(
        "d: What brings you here, and how do you feel about your week?",
        "p: I feel worn out and I cry a lot.",
        "d: Do you have thoughts of killing yourself?",
        "p: They come in the evening. I don't have a plan.",
        "d: Tell me more about the evenings.",
        "p: I sit in the dark and I do not answer messages.",
    )

    texts = " ".join(fact.text for fact in therapy_facts(segments, CLIENT) or [])

    assert "denies" not in texts
    assert "Asked about suicide, the client said: “They come in the evening”." in texts
    assert "do not have a plan" in texts


def test_a_thought_is_quoted_and_not_told_as_a_fact() -> None:
    segments = talk(
        "d: How do you feel about the meeting, and what went through your mind?",
        "p: That I am useless and everybody can see it.",
        "d: So you feel exposed in the meeting.",
        "p: Yes, exactly.",
        "d: Tell me more about the week.",
        "p: I stayed in bed on Monday and I missed the bus.",
    )

    texts = [fact.text for fact in therapy_facts(segments, CLIENT) or []]

    assert "Client thought: “That I am useless and everybody can see it”." in texts
    assert not any("is useless" in text for text in texts)


def test_a_note_has_about_the_length_therapists_write() -> None:
    for dialogue in HELD_OUT:
        facts = therapy_facts(dialogue.segments(), person_for(dialogue.gender)) or []
        words = sum(len(fact.text.split()) for fact in facts if not fact.is_minor)
        assert words <= 260, dialogue.name


def test_quotes_are_letter_by_letter_what_was_said() -> None:
    segments = talk("p: Yeah, um, it's just that I'm tired of it, you know.")
    unit = make_units(segments)[0]

    assert quote_of(unit, {segments[0].id: segments[0].text}) == "it's just that I'm tired of it"


def test_a_frame_is_only_let_pass_when_its_subject_was_spoken_of() -> None:
    sentence = "Client presents for a session regarding gambling."

    assert "gambling" not in without_frame(sentence, "I lost it all betting on horses")
    assert "gambling" in without_frame(sentence, "I went for a walk")


@pytest.mark.parametrize(
    "sentence",
    ["Client answers questions at length.", "Client is engaged.", "Client is in the contemplation stage of change."],
)
def test_what_nobody_may_infer_is_no_frame(sentence: str) -> None:
    assert without_frame(sentence, "I smoke every day") == sentence
