"""Words become utterances a person can read."""

from sessions_app.stt.base import Word
from sessions_app.stt.segmenting import phrases, utterances
from sessions_app.tests.stt.test_agreement import spoken, texts


def test_a_phrase_ends_with_its_sentence_quoted_or_not():
    words = spoken('I am well. He said "stay." Then he left')

    assert [texts(phrase) for phrase in phrases(words)] == ["I am well.", 'He said "stay."', "Then he left"]


def test_a_phrase_ends_at_a_pause():
    words = [*spoken("no reason"), *spoken("at all", start=2.0)]

    assert [texts(phrase) for phrase in phrases(words)] == ["no reason", "at all"]


def test_no_phrase_is_longer_than_twenty_seconds():
    longest = max(phrase[-1].end - phrase[0].start for phrase in phrases(spoken("and so on " * 60)))

    assert longest <= 20.5


def test_a_short_answer_joins_its_neighbour_of_the_same_speaker_only():
    question, answer = spoken("Do you smoke?"), spoken("No. Never in my life.", start=1.0)
    found = utterances([("doctor", question), *(("patient", phrase) for phrase in phrases(answer))], first_id=7)

    assert [(one.id, one.speaker, one.text) for one in found] == [
        (7, "doctor", "Do you smoke?"),
        (8, "patient", "No. Never in my life."),
    ]


def test_a_segment_spans_its_words_and_averages_their_confidence():
    (segment,) = utterances([("doctor", [Word(1.0, 1.5, "Take", 0.8), Word(1.5, 2.0, "care.", 0.4)])])

    assert (segment.start, segment.end) == (1.0, 2.0)
    assert round(segment.confidence, 3) == 0.6
