"""Where a sentence was said that cites nothing."""

from reports.generation.guard import Guard
from reports.generation.locate import locate, uncited_risk

from .conftest import talk

INDEX = Guard(
    talk(
        "d: How have you been sleeping?",
        "p: Badly. I wake at three and then I worry about the exam in June.",
        "d: Do you have thoughts of ending your life?",
        "p: No, never.",
        "p: My mother moved in with us and we argue about the kitchen.",
        "d: Let us plan one walk every evening.",
    )
).index


def test_a_sentence_is_found_where_most_of_its_words_were_said() -> None:
    assert locate("She worries about an exam in June and wakes at 3.", INDEX) == (2,)


def test_two_places_are_found_for_two_facts() -> None:
    assert set(locate("She worries in June and argues with her mother about the kitchen.", INDEX)) == {2, 5}


def test_nothing_is_found_for_words_nobody_said() -> None:
    assert locate("Gait is steady.", INDEX) == ()


def test_what_was_said_is_less_risky_than_what_a_note_usually_adds() -> None:
    said = uncited_risk("She argues with her mother about the kitchen.", INDEX)
    added = uncited_risk("The patient appeared calm and cooperative with good eye contact.", INDEX)

    assert said < 0.3
    assert added > 0.9
