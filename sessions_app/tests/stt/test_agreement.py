"""The commit policy, and the two mistakes it must never make again."""

from sessions_app.stt.agreement import Agreement, without_echo, without_loop
from sessions_app.stt.base import Word


def spoken(text, *, start=0.0, each=0.3, confidence=0.9):
    """Return words of equal length from `start` seconds on."""
    return [
        Word(start + each * place, start + each * (place + 1), word, confidence)
        for place, word in enumerate(text.split())
    ]


def texts(words):
    return " ".join(word.text for word in words)


def test_what_two_readings_agree_on_is_committed():
    policy = Agreement()

    first = policy.offer(spoken("I sleep four"), now=1.0)
    second = policy.offer(spoken("I sleep for hours"), now=1.5)

    assert first == []
    assert texts(second) == "I sleep"
    assert texts(policy.pending) == "for hours"


def test_agreement_ignores_case_and_punctuation():
    policy = Agreement()
    policy.offer(spoken("well, yes"), now=1.0)

    assert texts(policy.offer(spoken("Well yes."), now=1.5)) == "Well yes."


def test_committed_words_are_never_taken_back():
    policy = Agreement()
    policy.offer(spoken("I sleep"), now=1.0)
    policy.offer(spoken("I sleep badly"), now=1.5)
    policy.offer(spoken("Eyes leap badly and"), now=2.0)

    assert texts(policy.committed).startswith("I sleep")


def test_the_first_word_after_a_pause_survives_although_it_starts_inside_the_last_one():
    policy = Agreement()
    policy.settle([Word(0.0, 1.0, "yes.", 0.9)])

    policy.settle([Word(0.9, 1.6, "My", 0.9), Word(1.6, 2.0, "mother", 0.9)])

    assert texts(policy.committed) == "yes. My mother"


def test_words_heard_again_at_the_seam_are_dropped():
    policy = Agreement()
    policy.settle(spoken("I feel low", start=0.0))

    policy.settle([Word(0.7, 1.0, "low", 0.9), Word(1.0, 1.3, "today", 0.9)])

    assert texts(policy.committed) == "I feel low today"


def test_people_may_say_hours_and_hours_and_hours():
    said = spoken("hours and hours and hours and hours", each=0.3)

    assert without_loop(said) == said


def test_four_squeezed_rounds_are_a_loop_and_three_are_not():
    loop = spoken("thank you thank you thank you thank you", each=0.05)

    assert texts(without_loop(loop)) == "thank you"
    assert without_loop(loop[:6]) == loop[:6]


def test_a_squeezed_or_doubted_second_copy_is_dropped():
    sentence = spoken("I take it at night")
    squeezed = sentence + spoken("I take it at night", start=1.5, each=0.02)
    doubted = sentence + spoken("I take it at night", start=1.5, confidence=0.2)
    repeated_by_the_speaker = sentence + spoken("I take it at night", start=1.5)

    assert without_echo(squeezed) == sentence
    assert without_echo(doubted) == sentence
    assert without_echo(repeated_by_the_speaker) == repeated_by_the_speaker


def test_text_that_stays_in_doubt_for_five_seconds_is_committed():
    policy = Agreement()
    policy.offer(spoken("one two three"), now=2.0)

    newly = policy.offer(spoken("won too tree"), now=6.0)

    assert texts(newly) == "won too tree"
    assert policy.pending == []


def test_text_in_doubt_for_less_waits():
    policy = Agreement()
    policy.offer(spoken("one two three"), now=2.0)

    assert policy.offer(spoken("won too tree"), now=5.2) == []


def test_the_buffer_is_cut_behind_a_sentence_once_it_is_longer_than_twelve_seconds():
    policy = Agreement()
    policy.settle([Word(2.0, 3.0, "done.", 0.9), Word(3.0, 4.0, "and", 0.9)])

    assert policy.trim_point(0.0, 12.0) is None
    assert policy.trim_point(0.0, 12.1) == 3.0


def test_the_buffer_is_settled_before_the_encoder_is_full():
    policy = Agreement()

    assert not policy.must_settle(0.0, 28.0)
    assert policy.must_settle(0.0, 28.1)
