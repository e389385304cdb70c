"""Two hearings of one recording differ where it matters, and only there."""

import random
import time

import pytest

from sessions_app.tests.factories import segment_of
from sessions_app.transcripts import witnesses

WORD_MS = 300


def heard(text, *, start_ms=0, number=1, confidence=0.9):
    line = segment_of("patient", start_ms, start_ms + WORD_MS * len(text.split()), text)
    words = [{**word, "confidence": confidence} for word in line["words"]]
    return {**line, "id": number, "words": words}


def differ(live, batch, **options):
    found = witnesses.differences([heard(live, number=1)], [heard(batch, start_ms=120, number=2)], **options)
    return [(one.kind, one.live.text, one.batch.text) for one in found]


@pytest.mark.parametrize(
    ("live", "batch", "found"),
    [
        ("I'm on fifty milligrams", "I'm on fifteen milligrams", ("number", "fifty", "fifteen")),
        ("I take 50 mg now", "I take 15 mg now", ("number", "50", "15")),
        ("fifty five of them", "fifty of them", ("number", "fifty five", "fifty")),
        ("twenty-five of them", "twenty-nine of them", ("number", "twenty-five", "twenty-nine")),
        ("from the certain line then", "from the sertraline then", ("drug", "certain line", "sertraline")),
        ("I do not want to die", "I do want to die", ("negation", "not", "")),
        ("I can sleep now", "I can't sleep now", ("negation", "can", "can't")),
        ("I went with Devika to town", "I went with Davika to town", ("name", "Devika", "Davika")),
    ],
)
def test_a_drug_a_number_a_negation_and_a_name_are_shown(live, batch, found):
    assert differ(live, batch) == [found]


@pytest.mark.parametrize(
    ("live", "batch"),
    [
        ("I take twenty five now", "I take 25 now"),
        ("I don't want that", "I do not want that"),
        ("Well, it is okay then", "well it is OK then."),
        ("it was a nice day", "it was a nicer day"),
        ("So Yes I did", "so yeah I did"),
        ("I take Zoloft now", "I take sertraline now"),
    ],
)
def test_what_does_not_matter_is_not_shown(live, batch):
    assert differ(live, batch) == []


def test_a_known_name_counts_without_its_capital():
    assert differ("with my sister", "with mai sister", names=["Mai Ling"]) == [("name", "my", "mai")]


def test_one_witness_says_nothing():
    assert witnesses.differences([], [heard("I take fifty milligrams")]) == []


def test_a_pass_that_was_not_listening_does_not_differ():
    live = [heard("so how are you today")]
    batch = [heard("so how are you today"), heard("I never slept for fifty nights in a row", start_ms=20_000, number=2)]

    assert witnesses.differences(live, batch) == []


def test_a_difference_knows_its_place_its_confidence_and_the_words_around():
    live = [heard("I'm on fifty milligrams in the morning", confidence=0.7)]
    (found,) = witnesses.differences(live, [heard("I'm on fifteen milligrams in the morning", number=2)])

    assert (found.start_ms, found.end_ms, found.segment, found.id) == (600, 900, 2, 1)
    assert (found.live.confidence, found.live.before, found.live.after) == (0.7, "I'm on", "milligrams in the morning")


def test_a_reading_takes_the_capital_and_the_full_stop_of_what_it_stands_for():
    batch = heard("Sertraline it was. Not fifteen.", number=2)
    batch["start_ms"], batch["end_ms"] = 0, 1_500
    readings = witnesses.differences([heard("paroxetine it was. not fifty")], [batch])

    for reading in readings:
        batch = witnesses.apply_reading(witnesses.find_place(reading, [batch]), reading.live.text)

    assert batch["text"] == "Paroxetine it was. Not fifty."


def test_words_one_pass_left_out_can_be_put_in_and_taken_out():
    with_not, without = heard("I do not want to", number=2), heard("I do want to", number=2)
    (missing,) = witnesses.differences([heard("I do not want to")], [without])
    (added,) = witnesses.differences([heard("I do want to")], [with_not])

    assert witnesses.apply_reading(witnesses.find_place(missing, [without]), "not")["text"] == "I do not want to"
    assert witnesses.apply_reading(witnesses.find_place(added, [with_not]), "")["text"] == "I do want to"


def test_stored_readings_come_back_as_they_were():
    found = witnesses.differences([heard("I take fifty now")], [heard("I take fifteen now", number=2)])

    assert witnesses.readings_from(one.as_json() for one in found) == found


def test_three_hours_are_compared_in_two_seconds_of_computing():
    dice = random.Random(7)
    words = [f"w{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(650)] + [
        "no",
        "not",
        "fifty",
        "fifteen",
        "sertraline",
    ]
    live, batch = [], []
    for number in range(3_000):
        said = [dice.choice(words) for _ in range(10)]
        guessed = [word if dice.random() > 0.1 else dice.choice(words) for word in said]
        batch.append(heard(" ".join(said), start_ms=number * 3_600, number=number + 3_001))
        live.append(heard(" ".join(guessed), start_ms=number * 3_600 + dice.randint(-600, 600), number=number + 1))

    started = time.process_time()
    found = witnesses.differences(live, batch)

    assert time.process_time() - started < 2
    assert 20 < len(found) < 1_000
